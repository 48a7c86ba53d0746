"""The methods of the asynchronous clients: calls that an event loop waits for.

The compiled core carries every call through on a thread of its own and makes a descriptor readable
when something has ended; the loop watches that descriptor (`Port`). So nothing here blocks, and one
client serves any number of tasks and, one after another or at once, several loops.
"""

from __future__ import annotations

from asyncio import gather, get_running_loop
from inspect import isawaitable

from . import _flow, _listing, _sync
from ._core import BlockingClient, PendingCall, Port
from ._flow import LOOK, Begin, Emit

TYPE_CHECKING = False  # as typing has it, without importing typing
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future, Task
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
    from typing import Any, TypeVar

    from ._core import AsyncClient, AsyncUsersClient, RawResponse
    from ._flow import Flow
    from .models import UserGroupIdsListResponse, UserGroupIdsModel, UserInfoResponse

    Client = TypeVar("Client", bound=AsyncClient)
    T = TypeVar("T")

# ---------------------------------------------------------------- ports


def _running_loop() -> AbstractEventLoop:
    try:
        return get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "no event loop is running: asynchronous clients are for asyncio (uvloop, and anyio on "
            "asyncio, are such); without one, use UsersClient"
        ) from None


def _open_port(pending: PendingCall, loop: AbstractEventLoop) -> Port:
    """A port that this loop watches; those of loops that have ended are let go."""
    ports = pending.ports
    for other, port in list(ports.items()):  # other threads may be at it as well
        if (other.is_closed() or port.is_foreign) and ports.pop(other, None) is not None:
            port.close()
    port = Port(pending.client)
    loop.add_reader(port.fileno(), port.drain)
    ports[loop] = port
    return port


def _forget_port(loop: AbstractEventLoop, port: Port) -> None:
    """On the loop's own thread: watch it no more, once all news was taken."""
    port.drain()
    if not loop.is_closed():
        loop.remove_reader(port.fileno())
    port.close()


def release(ports: dict[AbstractEventLoop, Port]) -> None:
    """Let all ports of a client go, from whatever thread."""
    while ports:
        loop, port = ports.popitem()
        if port.is_foreign:
            continue  # the loop of a parent process: what it watches is not ours to change
        try:
            loop.call_soon_threadsafe(_forget_port, loop, port)
        except RuntimeError:  # that loop is closed, and watches nothing any more
            port.close()


# ---------------------------------------------------------------- one call


def _refuse_closed(client: Any, message: str) -> None:
    if client.closed:
        from .errors import ClientClosedError

        raise ClientClosedError(message)


async def call(pending: PendingCall) -> Any:
    """Carry one call through."""
    _refuse_closed(pending.client, "this client was closed: make a new one")
    return await _carry_through(pending)


async def _carry_through(pending: PendingCall) -> Any:
    loop = _running_loop()
    key = pending.ask_key()
    if key is not None:
        pending.set_key(await key if isawaitable(key) else key)
    port = pending.ports.get(loop)
    if port is None or port.is_foreign:
        port = _open_port(pending, loop)
    future = loop.create_future()
    pending.start(port, future)
    try:
        await future
        while pending.has_event:
            told = pending.tell()
            if isawaitable(told):
                await told
            future = loop.create_future()
            pending.resume(future)
            await future
    except BaseException:
        pending.cancel()
        raise
    return pending.finish()


# ---------------------------------------------------------------- methods of every client


async def request(
    self: AsyncClient, method: str, path: str, *, params: Any = None, json: Any = None
) -> RawResponse:
    response: RawResponse = await call(PendingCall.of_request(self, method, path, params, json))
    return response


async def get_version(self: AsyncClient) -> str:
    version: str = await call(PendingCall.of_version(self))
    return version


async def close(self: AsyncClient) -> None:
    """Close the connections; this client and its views cannot be used any more.

    Calls that are under way end with ClientClosedError. When close() returns, the client has no
    connection and no thread any more.
    """
    farewell = PendingCall.of_farewell(self)
    try:
        if farewell.ports:
            await _carry_through(farewell)
        else:
            farewell.close_client()  # no loop has used it
    finally:
        release(farewell.ports)


aclose = close


async def __aenter__(self: Client) -> Client:  # noqa: N807 - a method, once it is in the class
    _refuse_closed(self, "the client was closed: make a new one")
    return self


async def __aexit__(self: AsyncClient, *_: object) -> None:  # noqa: N807
    await close(self)


# ---------------------------------------------------------------- flows


class _Calls:
    """The calls of one flow: tasks of the running loop, and a wait for any of them."""

    def __init__(self) -> None:
        self._loop = _running_loop()
        self._running: set[Task[Any]] = set()
        self._ended = 0
        self._waiter: Future[None] | None = None

    def begin(self, begin: Begin) -> _Call:
        try:
            pending = PendingCall.of_method(begin.method, begin.args, begin.kwargs)
        except Exception as error:  # of its arguments: told with the results, in their order
            return _Call(None, error)
        task = self._loop.create_task(call(pending))
        self._running.add(task)
        task.add_done_callback(self._on_end)
        return _Call(task, None)

    def _on_end(self, task: Task[Any]) -> None:
        self._running.discard(task)
        self._ended += 1
        if not task.cancelled():
            task.exception()  # seen, even if nobody asks for this result
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def look(self) -> int:
        """How many have ended since the last time."""
        ended, self._ended = self._ended, 0
        return ended

    async def wait(self) -> int:
        """The same, once there is at least one."""
        while self._ended == 0:
            self._waiter = self._loop.create_future()
            await self._waiter
        return self.look()

    async def stop(self) -> None:
        """Cancel what runs, and see it end."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await gather(*running, return_exceptions=True)


class _Call:
    """A call on its way, as a task."""

    __slots__ = ("_error", "_task")

    def __init__(self, task: Task[Any] | None, error: Exception | None) -> None:
        self._task = task
        self._error = error

    @property
    def done(self) -> bool:
        return self._task is None or self._task.done()

    def result(self) -> Any:
        if self._error is not None:
            raise self._error
        assert self._task is not None
        return self._task.result()


async def _run(flow: Flow) -> AsyncGenerator[Any, None]:
    """Carry out a flow in the running loop; whoever stops iterating stops its calls."""
    calls = _Calls()
    reply: Any = None
    try:
        while True:
            try:
                step = flow.send(reply)
            except StopIteration:
                return
            reply = None
            if isinstance(step, Begin):
                reply = calls.begin(step)
            elif isinstance(step, Emit):
                for item in step.items:
                    yield item
            else:
                reply = calls.look() if step is LOOK else await calls.wait()
    finally:
        flow.close()
        await calls.stop()


async def _run_one(flow: Flow) -> Any:
    """Carry out a flow that emits nothing; what it returns."""
    result: list[Any] = []

    def keep() -> Flow:
        result.append((yield from flow))

    async for _ in _run(keep()):
        raise AssertionError("a flow with one result emitted another")
    return result[0]


def map(  # noqa: A001 - what executors call it
    self: AsyncClient,
    method: Callable[..., Coroutine[Any, Any, T]],
    arguments: Iterable[Any],
    *,
    concurrency: int = 16,
    return_exceptions: bool = False,
) -> AsyncGenerator[Any, None]:
    _flow.check_count("concurrency", concurrency, 1)
    PendingCall.check_method(self, method)
    return _run(_flow.many(method, iter(arguments), concurrency, return_exceptions))


def iter_users(
    self: AsyncUsersClient,
    query: str | None = None,
    *,
    order_by: str = "email",
    direction: str = "asc",
    limit: int | None = None,
    prefetch: int = 2,
) -> AsyncGenerator[UserGroupIdsModel, None]:
    return _run(_listing.users(self, query, order_by, direction, limit, prefetch))


def iter_pages(
    self: AsyncUsersClient,
    query: str | None = None,
    *,
    order_by: str = "email",
    direction: str = "asc",
    limit: int | None = None,
    prefetch: int = 2,
) -> AsyncGenerator[UserGroupIdsListResponse, None]:
    return _run(_listing.pages(self, query, order_by, direction, limit, prefetch))


def iter_search(
    self: AsyncUsersClient,
    query: str | None = None,
    *,
    order_by: str = "email",
    direction: str = "asc",
    limit: int | None = None,
    prefetch: int = 2,
) -> AsyncGenerator[UserInfoResponse, None]:
    return _run(_listing.search(self, query, order_by, direction, limit, prefetch))


async def find_user(self: AsyncUsersClient, email: str) -> UserGroupIdsModel | None:
    user: UserGroupIdsModel | None = await _run_one(_listing.find_user(self, email))
    return user


# ---------------------------------------------------------------- documentation, written once

for _name in ("map", "iter_users", "iter_pages", "iter_search", "find_user"):
    globals()[_name].__doc__ = getattr(_sync, _name).__doc__
for _name in ("request", "get_version"):
    globals()[_name].__doc__ = getattr(BlockingClient, _name).__doc__
