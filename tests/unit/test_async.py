"""The asynchronous clients: the same calls as the blocking ones, for event loops."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import inspect
import pickle
import sys
import threading
import time
import warnings
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import uvloop
from every_call import EveryCall
from raw_server import Connection, RawServer, echo, in_turn, reply_json

from openwebui_users import (
    APITimeoutError,
    AsyncUsersClient,
    ClientClosedError,
    PoolTimeout,
    RawResponse,
    RequestEvent,
    ResponseEvent,
    ServiceUnavailableError,
    Timeout,
    UserNotFoundError,
    UsersClient,
    ValidationError,
    _core,
)
from openwebui_users.testing import EmbeddedServer

USER = {"id": "a", "name": "Ann", "email": "ann@example.com", "role": "user"}
Runner = Callable[[Coroutine[Any, Any, Any]], Any]


def _run_in_anyio(coroutine: Coroutine[Any, Any, Any]) -> Any:
    async def main() -> Any:
        return await coroutine

    return anyio.run(main)


RUNNERS: dict[str, Runner] = {
    "asyncio": asyncio.run,
    "uvloop": uvloop.run,
    "anyio": _run_in_anyio,
}


@pytest.fixture(params=RUNNERS.values(), ids=list(RUNNERS))
def run(request: pytest.FixtureRequest) -> Runner:
    runner: Runner = request.param
    return runner


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer() as running:
        yield running


def slowly(seconds: float) -> Callable[[Connection, bytes], None]:
    def answer(connection: Connection, request: bytes) -> None:
        time.sleep(seconds)
        echo(connection, request)

    return answer


# ---------------------------------------------------------------- the same table

PAIRS = [
    (getattr(_core, f"{name}Client"), getattr(_core, f"Async{name}Client"))
    for name in ("Users", "Auths", "Groups", "Channels")
]
METHODS = [
    pytest.param(blocking, asynchronous, row["name"], id=f"{row['resource']}.{row['name']}")
    for blocking, asynchronous in PAIRS
    for row in _core.endpoint_table()
    if f"{row['resource'].title()}Client" == blocking.__name__
]


@pytest.mark.parametrize(("blocking", "asynchronous", "name"), METHODS)
def test_methods_are_documented_alike(blocking: type, asynchronous: type, name: str) -> None:
    one, other = getattr(blocking, name), getattr(asynchronous, name)
    assert inspect.signature(one) == inspect.signature(other)
    assert one.__doc__ == other.__doc__
    assert other.__qualname__ == f"{asynchronous.__name__}.{name}"
    if sys.version_info >= (3, 12):
        assert inspect.iscoroutinefunction(other) and not inspect.iscoroutinefunction(one)


@pytest.mark.parametrize("name", ["map", "iter_users", "iter_pages", "iter_search", "find_user"])
def test_methods_in_python_are_documented_alike(name: str) -> None:
    one, other = getattr(UsersClient, name), getattr(AsyncUsersClient, name)
    parameters = [inspect.signature(function).parameters for function in (one, other)]
    assert list(parameters[0]) == list(parameters[1])
    defaults = [[p.default for p in listed.values()] for listed in parameters]
    assert defaults[0] == defaults[1]
    assert one.__doc__ == other.__doc__ and len(one.__doc__) > 100


class InLoop:
    """An asynchronous client that is used like a blocking one."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._client: Any = AsyncUsersClient(url, token)

    def __enter__(self) -> InLoop:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run_until_complete(self._client.close())
        self._loop.close()

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._client, name)
        if not callable(value):
            resource = copy.copy(self)
            resource._client = value
            return resource
        return lambda *args, **keywords: self._loop.run_until_complete(value(*args, **keywords))

    def __copy__(self) -> InLoop:
        other = object.__new__(InLoop)
        other._loop = self._loop
        return other


def test_every_call_of_the_table(server: EmbeddedServer) -> None:
    channel = server.add_channel("news", [])
    blocking = EveryCall(server.url, server.admin_token, channel)
    asynchronous = EveryCall(server.url, server.admin_token, channel, InLoop)
    assert blocking.answers.keys() == asynchronous.answers.keys()
    for name, answer in blocking.answers.items():
        assert type(asynchronous.answers[name]) is type(answer), name
    assert not asynchronous.unsupported


# ---------------------------------------------------------------- coroutines


def test_nothing_is_sent_before_it_is_awaited() -> None:
    async def main(client: AsyncUsersClient) -> None:
        coroutine = client.get_user_info_by_id("a")
        assert inspect.iscoroutine(coroutine)
        await asyncio.sleep(0.05)
        assert raw.requests == []
        coroutine.close()
        assert (await client.get_user_info_by_id("b")).id == "b"
        assert len(raw.requests) == 1

    async def all_of_it() -> None:
        async with AsyncUsersClient(raw.url, "sk-x") as client:
            await main(client)

    with RawServer(echo) as raw:
        asyncio.run(all_of_it())


def test_arguments() -> None:
    """What Python itself would refuse is refused at the call, the rest when it is awaited."""

    async def main() -> None:
        async with AsyncUsersClient("http://127.0.0.1:9", "sk-x") as client:
            untyped: Any = client
            with pytest.raises(TypeError, match=r"AsyncUsersClient.get_user_by_id\(\) missing 1"):
                untyped.get_user_by_id()
            with pytest.raises(TypeError, match="unexpected keyword"):
                untyped.get_users(colour="blue")
            with pytest.raises(TypeError, match="must be str, not int"):
                await client.get_user_by_id(1)  # type: ignore[arg-type]
            with pytest.raises(ValueError, match="dot segment"):
                await client.get_user_by_id("..")
            with pytest.raises(ValidationError):
                await client.update_user_by_id("a", {"name": []})
            outcomes = await asyncio.gather(
                client.get_user_by_id(".."), client.get_user_by_id("a\n"), return_exceptions=True
            )
            assert all(isinstance(outcome, ValueError) for outcome in outcomes)

    asyncio.run(main())


def test_the_ways_of_asyncio(run: Runner) -> None:
    async def main() -> None:
        async with AsyncUsersClient(raw.url, "sk-x") as client:
            names = [f"u{number}" for number in range(50)]
            users = await asyncio.gather(*(client.get_user_info_by_id(name) for name in names))
            assert [user.id for user in users] == names
            task = asyncio.create_task(client.get_user_info_by_id("t"))
            assert (await task).id == "t"
            user = await asyncio.wait_for(client.get_user_info_by_id("w"), 10)
            assert user.id == "w"
            done = [await c for c in asyncio.as_completed([client.get_user_info_by_id("c")])]
            assert done[0].id == "c"

    with RawServer(echo) as raw:
        run(main())


@pytest.mark.skipif(sys.version_info < (3, 11), reason="task groups came with Python 3.11")
def test_task_groups_and_timeouts(run: Runner) -> None:
    newer: Any = asyncio
    task_group, time_limit = newer.TaskGroup, newer.timeout

    async def main() -> None:
        async with AsyncUsersClient(raw.url, "sk-x") as client:
            async with task_group() as group:
                tasks = [group.create_task(client.get_user_info_by_id(f"u{i}")) for i in range(9)]
            assert [task.result().id for task in tasks] == [f"u{i}" for i in range(9)]
            with pytest.raises(TimeoutError):
                async with time_limit(0.05):
                    await client.get_user_info_by_id("slow")
            with contextlib.suppress(Exception):  # a group of one ValueError
                async with task_group() as group:
                    slow = group.create_task(client.get_user_info_by_id("slow"))
                    bad = group.create_task(client.get_user_info_by_id(".."))
            assert slow.cancelled()
            assert isinstance(bad.exception(), ValueError)

    def answer(connection: Connection, request: bytes) -> None:
        if b"/slow/" in request:
            time.sleep(1)
        echo(connection, request)

    with RawServer(answer) as raw:
        run(main())


def test_anyio(server: EmbeddedServer) -> None:
    """Its task groups and cancel scopes are those of the loop."""

    async def main() -> None:
        totals = []

        async def ask() -> None:
            totals.append((await client.get_users()).total)

        async with AsyncUsersClient(server.url, server.admin_token) as client:
            async with anyio.create_task_group() as group:
                for _ in range(5):
                    group.start_soon(ask)
            assert len(totals) == 5
            with anyio.move_on_after(0) as scope:
                await client.get_users()
            assert scope.cancelled_caught

    anyio.run(main)


def test_no_loop_is_running() -> None:
    client = AsyncUsersClient("http://127.0.0.1:9", "sk-x")
    with pytest.raises(RuntimeError, match=r"no event loop is running: .* use UsersClient"):
        client.get_users().send(None)


# ---------------------------------------------------------------- loops


def test_one_client_in_several_loops_one_after_another(server: EmbeddedServer) -> None:
    client = AsyncUsersClient(server.url, server.admin_token)

    async def main() -> int:
        pages = await asyncio.gather(*(client.get_users() for _ in range(5)))
        return pages[0].total

    totals = [asyncio.run(main()), asyncio.run(main()), uvloop.run(main()), asyncio.run(main())]
    assert len(set(totals)) == 1
    assert client.stats().connections_opened <= 5  # kept from loop to loop
    asyncio.run(client.close())


def test_one_client_in_several_loops_at_once() -> None:
    found: list[list[str]] = []

    async def main(name: str) -> None:
        users = await asyncio.gather(
            *(client.get_user_info_by_id(f"{name}-{i}") for i in range(100))
        )
        found.append([user.id for user in users])

    with RawServer(echo) as raw:
        client = AsyncUsersClient(raw.url, "sk-x", max_connections=7)
        threads = [threading.Thread(target=asyncio.run, args=[main(name)]) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        asyncio.run(client.close())
    expected = [[f"{name}-{i}" for i in range(100)] for name in "abcd"]
    assert sorted(found, key=lambda names: names[0]) == expected


def test_the_blocking_client_in_a_running_loop(server: EmbeddedServer) -> None:
    """As in a notebook: it holds the loop up, and works."""

    async def main() -> None:
        with UsersClient(server.url, server.admin_token) as users:
            assert users.get_users().total >= 1
            assert len(list(users.iter_users())) >= 1
            assert len(list(users.map(users.get_users, [(), ()]))) == 2

    asyncio.run(main())


# ---------------------------------------------------------------- life


def test_closing_ends_calls_and_refuses_others() -> None:
    async def main() -> None:
        client = AsyncUsersClient(raw.url, "sk-x")
        calls = [asyncio.create_task(client.get_user_info_by_id(f"u{i}")) for i in range(20)]
        await asyncio.sleep(0.05)
        await client.close()
        for call in calls:
            with pytest.raises(ClientClosedError):
                await call
        assert client.closed
        with pytest.raises(ClientClosedError):
            await client.get_users()
        with pytest.raises(ClientClosedError):
            async with client:
                pass
        await client.close()
        await client.aclose()

    with RawServer(slowly(0.5)) as raw:
        asyncio.run(main())


def test_closing_in_another_loop() -> None:
    """A loop that is busy meanwhile learns of it as soon as it looks."""
    begun = threading.Event()
    outcomes: list[BaseException | None] = []

    async def call() -> None:
        task = asyncio.ensure_future(client.get_user_info_by_id("a"))
        await asyncio.sleep(0.05)
        begun.set()
        time.sleep(0.2)  # noqa: ASYNC251 - the loop is held up
        try:
            await asyncio.wait_for(task, 5)
        except Exception as error:
            outcomes.append(error)

    with RawServer(slowly(1)) as raw:
        client = AsyncUsersClient(raw.url, "sk-x")
        thread = threading.Thread(target=asyncio.run, args=[call()])
        thread.start()
        assert begun.wait(5)
        asyncio.run(client.close())
        thread.join()
    assert [type(outcome) for outcome in outcomes] == [ClientClosedError]


@pytest.mark.parametrize("when", ["on_request", "on_response"])
def test_closing_during_a_hook(when: str) -> None:
    """From another thread, while the loop is in the hook."""

    def close(event: object) -> None:  # noqa: ARG001
        thread = threading.Thread(target=asyncio.run, args=[client.close()])
        thread.start()
        time.sleep(0.05)
        threads.append(thread)

    async def main() -> None:
        with pytest.raises(ClientClosedError):
            await client.get_user_info_by_id("a")

    with RawServer(echo) as raw:
        for _ in range(3):
            threads: list[threading.Thread] = []
            client = AsyncUsersClient(raw.url, "sk-x", **{when: close})  # type: ignore[arg-type]
            asyncio.run(main())
            for thread in threads:
                thread.join()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_descriptor_is_left_of_clients_that_were_closed() -> None:
    """Whatever was tried after it, and also when close() itself was cancelled."""

    async def use_up(cancelled: bool) -> None:
        client = AsyncUsersClient(raw.url, "sk-x")
        await client.get_user_info_by_id("a")
        closing = asyncio.ensure_future(client.close())
        if cancelled:
            await asyncio.sleep(0)
            closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)
        for _ in range(3):
            with pytest.raises(ClientClosedError):
                await client.get_users()
        await client.close()

    async def main() -> None:
        def mine() -> int:
            found = 0
            for path in Path("/proc/self/fd").iterdir():
                with contextlib.suppress(OSError):  # the one that lists the folder
                    found += "eventfd" in str(path.readlink())
            return found

        await use_up(False)
        await asyncio.sleep(0.05)
        before = mine()
        for number in range(20):
            await use_up(number % 2 == 0)
        await asyncio.sleep(0.1)
        assert mine() <= before

    with RawServer(echo) as raw:
        asyncio.run(main())


def test_closing_one_that_was_never_used() -> None:
    asyncio.run(AsyncUsersClient("http://127.0.0.1:9", "sk-x").close())


def test_views_share_connections_and_key(server: EmbeddedServer) -> None:
    async def main() -> None:
        async with AsyncUsersClient(server.url) as users:
            session = await users.auths.signin(
                email=server.admin_email, password=server.admin_password
            )
            assert users.api_key == session.token
            assert type(users.auths).__name__ == "AsyncAuthsClient"
            assert users.auths.users.groups.channels.api_key == session.token
            hasty = users.with_options(timeout=3)
            assert (await hasty.get_users()).total >= 1
            raw = await users.with_raw_response.get_users()
            assert type(raw) is RawResponse
            assert raw.parse().total >= 1
            missing = await users.with_raw_response.get_user_by_id("nobody")
            assert missing.status_code == 400
            with pytest.raises(UserNotFoundError):
                await users.get_user_by_id("nobody")
            answer = await users.request("GET", "/api/v1/users/", params={"page": 1})
            assert answer.json()["total"] >= 1
            assert await users.get_version() == "0.12.4"
            await users.auths.sign_out()
            assert users.api_key is None
        assert hasty.closed

    asyncio.run(main())


def test_pickled_and_copied(server: EmbeddedServer) -> None:
    async def main() -> None:
        async with AsyncUsersClient(server.url, server.admin_token, timeout=7) as client:
            await client.get_users()
            for other in (pickle.loads(pickle.dumps(client)), copy.deepcopy(client)):
                async with other:
                    assert type(other) is AsyncUsersClient
                    assert other.timeout == Timeout(7)
                    assert (await other.get_users()).total >= 1

    asyncio.run(main())


def test_an_unclosed_client_warns(server: EmbeddedServer) -> None:
    async def main() -> None:
        client = AsyncUsersClient(server.url, server.admin_token)
        await client.get_users()
        kept = [client]
        del client
        with pytest.warns(ResourceWarning, match=r"unclosed client .* await close"):
            kept.clear()
        await asyncio.sleep(0.01)

    before = threading.active_count()
    asyncio.run(main())
    assert threading.active_count() == before


def test_a_subclass(server: EmbeddedServer) -> None:
    class Admin(AsyncUsersClient):
        async def count(self) -> int:
            return (await self.get_users()).total

    async def main() -> int:
        async with Admin(server.url, server.admin_token) as admin:
            return await admin.count()

    assert asyncio.run(main()) >= 1


# ---------------------------------------------------------------- keys, hooks, retries


def test_a_key_that_is_awaited() -> None:
    async def source() -> str:
        await asyncio.sleep(0)
        return "sk-fresh"

    async def main() -> None:
        async with AsyncUsersClient(raw.url, source) as client:
            await client.get_user_info_by_id("a")
        async with AsyncUsersClient(raw.url, lambda: "sk-plain") as client:
            await client.get_user_info_by_id("b")

    with RawServer(echo) as raw:
        asyncio.run(main())
        assert b"Bearer sk-fresh\r\n" in raw.requests[0]
        assert b"Bearer sk-plain\r\n" in raw.requests[1]
        with UsersClient(raw.url, source) as blocking:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # never awaited
                with pytest.raises(TypeError, match="api_key must be str, not coroutine"):
                    blocking.get_users()


@pytest.mark.parametrize("awaited", [False, True], ids=["plain", "awaited"])
def test_hooks_see_every_attempt(awaited: bool) -> None:
    seen: list[RequestEvent | ResponseEvent] = []

    async def later(event: RequestEvent | ResponseEvent) -> None:
        await asyncio.sleep(0.001)
        seen.append(event)

    hook: Any = later if awaited else seen.append

    async def main() -> None:
        async with AsyncUsersClient(
            raw.url, "sk-x", on_request=hook, on_response=hook, timeout=20
        ) as client:
            assert (await client.get_user_info_by_id("a")).id == "a"

    with RawServer(in_turn(reply_json({}, status="503 Busy"), echo)) as raw:
        asyncio.run(main())
    assert [type(event).__name__ for event in seen] == ["RequestEvent", "ResponseEvent"] * 2
    answered = [event for event in seen if isinstance(event, ResponseEvent)]
    assert [event.status_code for event in answered] == [503, 200]
    assert answered[0].retry_in is not None and answered[1].retry_in is None


@pytest.mark.parametrize("when", ["on_request", "on_response"])
def test_a_hook_that_raises_stops_the_call(when: str) -> None:
    def hook(event: object) -> None:  # noqa: ARG001
        raise LookupError("no")

    async def main() -> None:
        async with AsyncUsersClient(raw.url, "sk-x", **{when: hook}) as client:  # type: ignore[arg-type]
            for _ in range(3):
                with pytest.raises(LookupError):
                    await client.get_user_info_by_id("a")
            user = await client.with_options(**{when: None}).get_user_info_by_id("b")  # type: ignore[arg-type]
            assert user.id == "b"

    with RawServer(echo) as raw:
        asyncio.run(main())
        assert len(raw.requests) == (1 if when == "on_request" else 4)


def test_retries_and_failures_are_those_of_the_blocking_client() -> None:
    async def main() -> None:
        async with AsyncUsersClient(raw.url, "sk-x", retry=1, timeout=20) as client:
            with pytest.raises(ServiceUnavailableError) as caught:
                await client.get_users()
            assert caught.value.retries_taken == 1
            assert caught.value.method == "GET"
            assert caught.value.url == f"{raw.url}/api/v1/users/"

    with RawServer(reply_json({"detail": "busy"}, status="503 Busy")) as raw:
        asyncio.run(main())


def test_the_deadline_holds() -> None:
    async def main() -> None:
        async with AsyncUsersClient(raw.url, "sk-x", timeout=0.3, retry=None) as client:
            start = time.monotonic()
            with pytest.raises(APITimeoutError):
                await client.get_users()
            assert time.monotonic() - start < 2

    with RawServer(lambda *_: None) as raw:  # never answers
        asyncio.run(main())


# ---------------------------------------------------------------- limits


class Crowd:
    """Counts who is served at once, and remembers who came."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0
        self.order: list[str] = []

    def __call__(self, connection: Connection, request: bytes) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            self.order.append(request.split(b" ")[1].decode().split("/")[4])
        time.sleep(0.005)
        with self._lock:
            self._now -= 1
        echo(connection, request)


def test_max_connections_and_the_order_of_those_who_wait() -> None:
    crowd = Crowd()
    names = [f"u{i}" for i in range(60)]

    async def main() -> None:
        async with AsyncUsersClient(raw.url, "sk-x", max_connections=3) as client:
            await asyncio.gather(*(client.get_user_info_by_id(name) for name in names))

    with RawServer(crowd) as raw:
        asyncio.run(main())
        assert raw.connections == 3
    assert crowd.most <= 3
    places = [abs(names.index(name) - place) for place, name in enumerate(crowd.order)]
    # first come, first served; but a thread of the server may be slow to look
    assert sum(places) / len(places) < 3


def test_max_connections_of_threads() -> None:
    crowd = Crowd()

    def work(client: UsersClient, name: str) -> None:
        for i in range(5):
            assert client.get_user_info_by_id(f"{name}{i}").id == f"{name}{i}"

    with RawServer(crowd) as raw, UsersClient(raw.url, "sk-x", max_connections=3) as client:
        threads = [threading.Thread(target=work, args=(client, name)) for name in "abcdefghij"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(crowd.order) == 50
        assert raw.connections == 3
    assert crowd.most <= 3


def test_pool_timeout() -> None:
    async def main() -> None:
        options: dict[str, Any] = {"max_connections": 1, "timeout": Timeout(20, pool=0.1)}
        async with AsyncUsersClient(raw.url, "sk-x", **options) as client:
            first = asyncio.create_task(client.get_user_info_by_id("a"))
            await asyncio.sleep(0.05)
            with pytest.raises(PoolTimeout, match=r"no connection was free within 0\.1 s.*1 were"):
                await client.get_user_info_by_id("b")
            assert (await first).id == "a"
            assert (await client.get_user_info_by_id("c")).id == "c"

    with RawServer(slowly(0.5)) as raw:
        asyncio.run(main())
        assert len(raw.requests) == 2  # nothing of the second was sent


def test_pool_timeout_of_threads() -> None:
    options: dict[str, Any] = {"max_connections": 1, "timeout": Timeout(20, pool=0.1)}
    with RawServer(slowly(0.5)) as raw, UsersClient(raw.url, "sk-x", **options) as client:
        thread = threading.Thread(target=client.get_user_info_by_id, args=["a"])
        thread.start()
        time.sleep(0.05)
        with pytest.raises(PoolTimeout):
            client.get_user_info_by_id("b")
        thread.join()
        assert client.get_user_info_by_id("c").id == "c"


@pytest.mark.parametrize("value", [0, -1, 10_001])
def test_max_connections_that_are_none(value: int) -> None:
    with pytest.raises(ValueError, match="max_connections must be from 1 to 10000"):
        UsersClient("http://127.0.0.1:9", max_connections=value)


def test_with_is_refused() -> None:
    client: Any = AsyncUsersClient("http://127.0.0.1:9", "sk-x")
    with pytest.raises((TypeError, AttributeError)):
        with client:
            pass


@pytest.mark.parametrize("name", ["BlockingClient", "AsyncClient"])
def test_the_bases_are_no_clients(name: str) -> None:
    with pytest.raises(TypeError, match="make a UsersClient or an AsyncUsersClient"):
        getattr(_core, name)("http://127.0.0.1:9")
