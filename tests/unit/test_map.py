"""Many calls of one method: in order, limited in number, and stopped when they should be."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from raw_server import Connection, RawServer, reply_json

from openwebui_users import (
    AsyncUsersClient,
    ClientClosedError,
    NotFoundError,
    UsersClient,
    ValidationError,
    _core,
)
from openwebui_users._flow import AHEAD
from openwebui_users.testing import EmbeddedServer

USER = {"id": "a", "name": "Ann", "email": "ann@example.com", "role": "user"}


class Echo:
    """Answers with the id that was asked for, slowly where that is asked; counts who is there."""

    def __init__(self, seconds: float = 0.005) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0

    def __call__(self, connection: Connection, request: bytes) -> None:
        path = request.split(b" ")[1].decode()
        if path == "/api/version":
            reply_json({"version": "0.12.4"})(connection, request)
            return
        user_id = path.split("/")[4]
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.3 if user_id.startswith("slow") else self._seconds)
        with self._lock:
            self._now -= 1
        if user_id.startswith("missing"):
            reply_json({"detail": "none"}, status="404 Not Found")(connection, request)
        else:
            reply_json({**USER, "id": user_id})(connection, request)


class Mapping:
    """map of a blocking or an asynchronous client, consumed in the same words."""

    def __init__(self, how: str, url: str, **options: Any) -> None:
        self._how = how
        self._url = url
        self._options = options

    def all(
        self, arguments: Any, method: str = "get_user_info_by_id", **keywords: Any
    ) -> list[Any]:
        if self._how == "blocking":
            with UsersClient(self._url, "sk-x", **self._options) as client:
                return list(client.map(getattr(client, method), arguments, **keywords))

        async def main() -> list[Any]:
            async with AsyncUsersClient(self._url, "sk-x", **self._options) as other:
                results = other.map(getattr(other, method), arguments, **keywords)
                return [result async for result in results]

        return asyncio.run(main())


@pytest.fixture(params=["blocking", "async"])
def how(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_results_come_in_order(how: str) -> None:
    echo = Echo()
    names = [f"u{i}" for i in range(100)]
    names[7] = "slow"
    with RawServer(echo) as raw:
        results = Mapping(how, raw.url).all(names, concurrency=8)
        assert raw.connections <= 8
    assert [user.id for user in results] == names
    assert 2 <= echo.most <= 8


def test_one_at_a_time(how: str) -> None:
    echo = Echo()
    with RawServer(echo) as raw:
        assert len(Mapping(how, raw.url).all(["a", "b", "c"], concurrency=1)) == 3
    assert echo.most == 1


def test_more_at_once_than_connections(how: str) -> None:
    echo = Echo()
    with RawServer(echo) as raw:
        names = [f"u{i}" for i in range(30)]
        results = Mapping(how, raw.url, max_connections=2).all(names, concurrency=10)
    assert [user.id for user in results] == names
    assert echo.most <= 2


def test_nothing_to_do(how: str) -> None:
    assert Mapping(how, "http://127.0.0.1:9").all([]) == []


def test_failures_in_their_place(how: str) -> None:
    names = ["a", "missing", "b", "..", "c"]
    with RawServer(Echo()) as raw:
        results = Mapping(how, raw.url).all(names, return_exceptions=True)
        assert [getattr(result, "id", None) for result in results] == ["a", None, "b", None, "c"]
        assert isinstance(results[1], NotFoundError) and isinstance(results[3], ValueError)
        with pytest.raises(NotFoundError):
            Mapping(how, raw.url).all(names)
        with pytest.raises(ValueError, match="dot segment"):
            Mapping(how, raw.url).all(["a", "..", "missing"])


def test_kinds_of_arguments(how: str) -> None:
    """A tuple is positional arguments, a dict keywords, anything else the one argument."""
    with EmbeddedServer() as server:
        ids = [server.add_user(name="n", email=f"u{i}@example.com").id for i in range(3)]
        arguments: list[Any] = [
            (ids[0], {"name": "positional"}),
            {"user_id": ids[1], "name": "keywords"},
            (ids[2], {"role": "user"}),
        ]

        async def main() -> list[Any]:
            async with AsyncUsersClient(server.url, server.admin_token) as client:
                return [u async for u in client.map(client.update_user_by_id, arguments)]

        if how == "async":
            results = asyncio.run(main())
        else:
            with UsersClient(server.url, server.admin_token) as client:
                results = list(client.map(client.update_user_by_id, arguments))
                forms = [{"name": "New", "email": "new@example.com", "password": "secret word"}]
                (added,) = client.map(client.auths.add_user, forms)
                assert added.email == "new@example.com"
        assert [user.name for user in results] == ["positional", "keywords", "n"]


@pytest.mark.parametrize(
    ("method", "keywords", "error", "text"),
    [
        (print, {}, TypeError, "a method of a client that stands for one call .* is needed"),
        ("get_users", {}, TypeError, "not 'get_users'"),
        (UsersClient.get_users, {}, TypeError, "for instance client.get_user_by_id"),
        (None, {"concurrency": 0}, ValueError, "concurrency must be at least 1, got 0"),
        (None, {"concurrency": 1.5}, TypeError, "concurrency must be int, not float"),
    ],
)
def test_what_cannot_be_mapped(
    method: Any, keywords: dict[str, Any], error: type[Exception], text: str
) -> None:
    """Refused at once."""
    clients: list[Any] = [
        UsersClient("http://127.0.0.1:9"),
        AsyncUsersClient("http://127.0.0.1:9"),
    ]
    for client in clients:
        with pytest.raises(error, match=text):
            client.map(method or client.get_user_by_id, ["a"], **keywords)


def test_a_method_of_another_client() -> None:
    one, other = UsersClient("http://127.0.0.1:9"), UsersClient("http://127.0.0.1:9")
    asynchronous: Any = AsyncUsersClient("http://127.0.0.1:9")
    for method in (other.get_users, asynchronous.get_users):
        with pytest.raises(TypeError, match="a method of this client"):
            one.map(method, [])
    one.map(one.auths.get_session_user, [])
    one.map(one.with_options(timeout=1).get_users, [])


def test_arguments_are_taken_as_they_are_needed(how: str) -> None:
    """However many there are, only so many are begun before the first result is taken."""
    taken = 0

    def names() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield f"u{taken}"

    async def main() -> None:
        async with AsyncUsersClient(raw.url, "sk-x") as other:
            results = other.map(other.get_user_info_by_id, names(), concurrency=4)
            for _ in range(10):
                await anext(results)
                await asyncio.sleep(0.01)
            await results.aclose()

    with RawServer(Echo(0.001)) as raw:
        if how == "async":
            asyncio.run(main())
        else:
            with UsersClient(raw.url, "sk-x") as client:
                results = client.map(client.get_user_info_by_id, names(), concurrency=4)
                for _ in range(10):
                    next(results)
                    time.sleep(0.01)
                results.close()
                assert client.get_user_info_by_id("after").id == "after"
        assert 10 <= taken <= 10 + AHEAD * 4
        assert len(raw.requests) <= taken + 1


def test_arguments_that_fail(how: str) -> None:
    """What was begun before is told first."""

    def names() -> Iterator[str]:
        yield "a"
        yield "slow"
        raise LookupError("the source is gone")

    async def main() -> list[str]:
        async with AsyncUsersClient(raw.url, "sk-x") as other:
            results = other.map(other.get_user_info_by_id, names())
            found = [(await anext(results)).id, (await anext(results)).id]
            with pytest.raises(LookupError):
                await anext(results)
            return found

    with RawServer(Echo()) as raw:
        if how == "async":
            found = asyncio.run(main())
        else:
            with UsersClient(raw.url, "sk-x") as client:
                results = client.map(client.get_user_info_by_id, names())
                found = [next(results).id, next(results).id]
                with pytest.raises(LookupError):
                    next(results)
    assert found == ["a", "slow"]


def test_stopping_early_stops_what_is_under_way(how: str) -> None:
    names = ["a", *(f"slow{i}" for i in range(50))]

    async def main() -> None:
        async with AsyncUsersClient(raw.url, "sk-x") as other:
            results = other.map(other.get_user_info_by_id, names, concurrency=8)
            assert (await anext(results)).id == "a"
            await results.aclose()
            assert len(asyncio.all_tasks()) == 1

    with RawServer(Echo()) as raw:
        start = time.monotonic()
        if how == "async":
            asyncio.run(main())
        else:
            with UsersClient(raw.url, "sk-x") as client:
                for user in client.map(client.get_user_info_by_id, names, concurrency=8):
                    assert user.id == "a"
                    break
        assert time.monotonic() - start < 5
        assert len(raw.requests) <= 1 + 2 * 8


def test_hooks_of_the_blocking_client() -> None:
    seen: list[str] = []
    with RawServer(Echo()) as raw:
        with UsersClient(raw.url, "sk-x", on_request=lambda _: seen.append("out")) as client:
            assert len(list(client.map(client.get_user_info_by_id, "abc"))) == 3
            assert seen == ["out"] * 3

            def refuse(event: object) -> None:  # noqa: ARG001
                raise LookupError("no")

            refusing = client.with_options(on_response=refuse)
            with pytest.raises(LookupError):
                list(refusing.map(refusing.get_user_info_by_id, "abc"))
            assert len(list(client.map(client.get_user_info_by_id, "abc"))) == 3


def test_raw_responses() -> None:
    async def main() -> None:
        async with AsyncUsersClient(raw.url, "sk-x") as other:
            method = other.with_raw_response.get_user_info_by_id
            assert [a.status_code async for a in other.map(method, ["missing"])] == [404]

    with RawServer(Echo()) as raw:
        with UsersClient(raw.url, "sk-x") as client:
            answers = list(client.map(client.with_raw_response.get_user_info_by_id, ["missing"]))
            assert answers[0].status_code == 404
        asyncio.run(main())


def test_hooks_of_the_asynchronous_client() -> None:
    seen: list[str] = []

    async def hook(event: object) -> None:
        seen.append(type(event).__name__)

    async def main() -> None:
        async with AsyncUsersClient(raw.url, "sk-x", on_request=hook, on_response=hook) as other:
            assert len([u async for u in other.map(other.get_user_info_by_id, "abc")]) == 3

    with RawServer(Echo()) as raw:
        asyncio.run(main())
    assert sorted(seen) == ["RequestEvent"] * 3 + ["ResponseEvent"] * 3


def test_a_hook_that_closes_the_client() -> None:
    with RawServer(Echo()) as raw:
        client = UsersClient(raw.url, "sk-x")
        closing = client.with_options(on_request=lambda _: client.close())
        with pytest.raises(ClientClosedError):
            list(closing.map(closing.get_user_info_by_id, "abcdefgh"))
        assert raw.requests == []


def test_what_a_hook_raises_stands_in_the_place_of_its_call(how: str) -> None:
    def hook(event: object) -> None:
        if type(event).__name__ == "RequestEvent":
            seen.append(1)
            if len(seen) == 2:
                raise LookupError("the second")

    seen: list[int] = []
    with RawServer(Echo()) as raw:
        mapping = Mapping(how, raw.url, on_request=hook)
        results = mapping.all("abc", concurrency=1, return_exceptions=True)
        assert [type(result).__name__ for result in results].count("LookupError") == 1
        assert isinstance(results[1], LookupError)
        assert [results[0].id, results[2].id] == ["a", "c"]


def test_time_spent_on_results_is_not_that_of_calls() -> None:
    """With a hook, a call stands still until whoever iterates comes back."""
    with RawServer(Echo()) as raw:
        with UsersClient(raw.url, "sk-x", timeout=0.5, on_request=lambda _: None) as client:
            found = []
            for user in client.map(client.get_user_info_by_id, "abcd", concurrency=2):
                time.sleep(0.4)
                found.append(user.id)
    assert found == ["a", "b", "c", "d"]


def test_a_coroutine_function_is_no_hook_of_a_client_that_blocks() -> None:
    async def hook(event: object) -> None:
        raise AssertionError(event)

    with RawServer(Echo()) as raw:
        with UsersClient(raw.url, "sk-x", on_request=hook) as client:
            with pytest.raises(TypeError, match="no coroutine function"):
                client.get_user_info_by_id("a")
            with pytest.raises(TypeError, match="no coroutine function"):
                list(client.map(client.get_user_info_by_id, "a"))
        assert raw.requests == []


def test_threads_and_maps_share_max_connections() -> None:
    echo = Echo(0.01)
    with RawServer(echo) as raw, UsersClient(raw.url, "sk-x", max_connections=3) as client:
        threads = [
            threading.Thread(target=client.get_user_info_by_id, args=[f"t{i}"]) for i in range(20)
        ]
        results = client.map(client.get_user_info_by_id, [f"m{i}" for i in range(20)])
        first = next(results)
        for thread in threads:
            thread.start()
        assert [first.id, *(user.id for user in results)] == [f"m{i}" for i in range(20)]
        for thread in threads:
            thread.join()
    assert echo.most <= 3


def test_a_form_that_does_not_fit(how: str) -> None:
    with RawServer(Echo()) as raw:
        results = Mapping(how, raw.url).all(
            [("a", {"name": []}), ("b", 7)], "update_user_by_id", return_exceptions=True
        )
        assert [type(result) for result in results] == [ValidationError, TypeError]
        assert raw.requests == []


INTERRUPTED = """
import sys
from openwebui_users import UsersClient
names = (f"slow{number}" for number in range(100000))
with UsersClient(sys.argv[1], "sk-x") as client:
    print("ready", flush=True)
    try:
        for user in client.map(client.get_user_info_by_id, names):
            pass
    except KeyboardInterrupt:
        print("interrupted", client.get_user_info_by_id("after").id, flush=True)
"""


def test_ctrl_c(capsys: pytest.CaptureFixture[str]) -> None:
    """KeyboardInterrupt at once, and the client works on."""
    with RawServer(Echo()) as raw:
        process = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTED, raw.url],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.5)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted after\n"
        elapsed = time.monotonic() - start
        process.stdout.close()
        assert process.wait(10) == 0
    with capsys.disabled():
        print(f"\nCtrl-C in map: {elapsed * 1000:.0f} ms")
    assert elapsed < 1


def test_private_types_are_used_in_wrong_orders() -> None:
    """They are not for users, and still must not end the interpreter."""
    pending_type, port_type = _core.PendingCall, _core.Port
    with RawServer(Echo()) as raw, UsersClient(raw.url, "sk-x") as client:
        port = port_type(client)

        def pending() -> Any:
            return pending_type.of_method(client.get_user_info_by_id, ("a",), {})

        keywords: Any = {1: 2}
        with pytest.raises(TypeError, match="keywords must be strings"):
            pending_type.of_method(client.get_user_info_by_id, (), keywords)
        for step in ("finish", "tell"):
            with pytest.raises(RuntimeError):
                getattr(pending(), step)()
        with pytest.raises(RuntimeError):
            pending().resume(None)
        pending().cancel()
        call = pending()
        call.start(port, None)
        with pytest.raises(RuntimeError, match="cannot be started"):
            call.start(port, None)
        while not port.drain():
            port.wait(0.1)
        assert call.finish().id == "a"
        with pytest.raises(RuntimeError):
            call.finish()
        with UsersClient(raw.url, "sk-x") as other:
            with pytest.raises(RuntimeError, match="the port of another client"):
                pending().start(port_type(other), None)

        class Closing(dict[str, Any]):
            def keys(self) -> Any:
                port.close()
                return super().keys()

        closing = pending_type.of_method(client.update_user_by_id, ("a", Closing(name="b")), {})
        with contextlib.suppress(RuntimeError):  # whether it is asked for keys is not its matter
            closing.start(port, None)
        port.close()
        with pytest.raises(RuntimeError, match="the port was closed"):
            pending().start(port, None)
        assert port.drain() == [] and not port.wait(0.01)
