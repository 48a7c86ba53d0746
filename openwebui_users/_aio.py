"""The methods of the asynchronous clients: calls that an event loop waits for.

The compiled core carries every call through on a thread of its own and makes a descriptor readable
when something has ended; the loop watches that descriptor (`Port`). So nothing here blocks, and one
client serves any number of tasks and, one after another or at once, several loops.
"""

from __future__ import annotations

from asyncio import get_running_loop
from inspect import isawaitable

from ._core import PendingCall, Port

TYPE_CHECKING = False  # as typing has it, without importing typing
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from types import TracebackType
    from typing import Any, TypeVar

    from ._core import AsyncClient, RawResponse

    Client = TypeVar("Client", bound=AsyncClient)

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
    for other in [other for other, port in ports.items() if other.is_closed() or port.is_foreign]:
        ports.pop(other).close()
    port = Port(pending.client)
    loop.add_reader(port.fileno(), port.drain)
    ports[loop] = port
    return port


def _forget_port(loop: AbstractEventLoop, port: Port) -> None:
    """On the loop's own thread: watch it no more."""
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


async def call(pending: PendingCall) -> Any:
    """Carry one call through."""
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

    Calls that are under way end with ClientClosedError. When this returns, no connection and no
    thread of the client is left.
    """
    farewell = PendingCall.of_farewell(self)
    await call(farewell)
    release(farewell.ports)


aclose = close


async def __aenter__(self: Client) -> Client:
    if self.closed:
        from .errors import ClientClosedError

        raise ClientClosedError("the client was closed: make a new one")
    return self


async def __aexit__(
    self: AsyncClient,
    kind: type[BaseException] | None,
    error: BaseException | None,
    traceback: TracebackType | None,
) -> None:
    await close(self)
