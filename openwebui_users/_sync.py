"""The methods of the blocking clients that make many calls, and how they carry out a flow."""

from __future__ import annotations

from . import _flow, _listing
from ._core import PendingCall, Port
from ._flow import LOOK, Begin, Emit

TYPE_CHECKING = False  # as typing has it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from typing import Any, TypeVar

    from ._core import BlockingClient, UsersClient
    from ._flow import Flow
    from .models import UserGroupIdsListResponse, UserGroupIdsModel, UserInfoResponse

    T = TypeVar("T")


class _Call:
    """A call on its way, on the client's own thread."""

    __slots__ = ("error", "pending")

    def __init__(self, pending: PendingCall | None, error: Exception | None) -> None:
        self.pending = pending
        self.error = error

    @property
    def done(self) -> bool:
        return self.pending is None or self.pending.done

    def result(self) -> Any:
        if self.error is not None:
            raise self.error
        assert self.pending is not None
        return self.pending.finish()


class Calls:
    """The calls of one flow, and a wait for any of them."""

    def __init__(self, client: BlockingClient) -> None:
        self._port = Port(client)
        self._running: dict[PendingCall, _Call] = {}

    def begin(self, begin: Begin) -> _Call:
        try:
            pending = PendingCall.of_method(begin.method, begin.args, begin.kwargs)
            pending.start(self._port, None)
        except Exception as error:  # of its arguments: told with the results, in their order
            return _Call(None, error)
        call = self._running[pending] = _Call(pending, None)
        return call

    def _tell(self, pending: PendingCall) -> None:
        """Run the hook; what it raises is what its call raises."""
        try:
            pending.tell()
        except Exception as error:
            self._running[pending].error = error
            pending.cancel()
        except BaseException:
            pending.cancel()
            raise
        else:
            pending.resume(None)

    def look(self) -> int:
        """How many have ended since the last time; hooks that are due are run."""
        news = self._port.drain()
        for pending in news:
            if not pending.done:
                self._tell(pending)
        ended = [pending for pending in news if pending.done]
        for pending in ended:
            self._running.pop(pending, None)
        return len(ended)

    def wait(self) -> int:
        """The same, once there is at least one."""
        ended = 0
        while ended == 0:
            self._port.wait(None)
            ended = self.look()
        return ended

    def stop(self) -> None:
        """Stop what runs."""
        self._port.close()
        self._running.clear()


def _run(client: BlockingClient, flow: Flow) -> Generator[Any, None, Any]:
    """Carry out a flow on this thread; whoever stops iterating stops its calls."""
    calls = Calls(client)
    reply: Any = None
    try:
        while True:
            step = flow.send(reply)
            reply = None
            if isinstance(step, Begin):
                reply = calls.begin(step)
            elif isinstance(step, Emit):
                yield from step.items
            else:
                reply = calls.look() if step is LOOK else calls.wait()
    except StopIteration as end:
        return end.value
    finally:
        calls.stop()
        flow.close()


def run_one(client: BlockingClient, flow: Flow) -> Any:
    """Carry out a flow that emits nothing; what it returns."""
    steps = _run(client, flow)
    try:
        next(steps)
    except StopIteration as end:
        return end.value
    raise AssertionError("a flow with one result emitted another")


# ---------------------------------------------------------------- methods


def map(  # noqa: A001 - what executors call it
    self: BlockingClient,
    method: Callable[..., T],
    arguments: Iterable[Any],
    *,
    concurrency: int = 16,
    return_exceptions: bool = False,
) -> Generator[Any, None, None]:
    """Call one method many times, several at once, and yield what it returns in the given order.

    Nothing is sent before the result is iterated over. Arguments are taken as they are needed, and
    calls run ahead of whoever iterates by four times the concurrency at most, so neither has to fit
    in memory. Stopping early stops the calls that are under way: by break or Ctrl-C, or, of an
    asynchronous client, by aclose() (see contextlib.aclosing). Whether a write among them was done
    is not known then.

    Args:
        method (Callable): a method of this client, or of one of its views, that stands for one call
            of the server, for instance `client.auths.add_user`.
        arguments (Iterable): one item a call: a tuple of positional arguments, a dict of keywords,
            or anything else as the one argument.
        concurrency (int): calls under way at once, at most. See max_connections as well.
        return_exceptions (bool): yield what a call raises in the place of its result, and go on.
            False: raise it there, and stop.

    Returns:
        Generator: results, in the order of the arguments.

    Raises:
        TypeError: method is none of this client; concurrency is no int.
        ValueError: concurrency is below 1.
        Exception: whatever a call or the arguments raise, in its place.
    """
    _flow.check_count("concurrency", concurrency, 1)
    PendingCall.check_method(self, method)
    return _run(self, _flow.many(method, iter(arguments), concurrency, return_exceptions))


def iter_users(
    self: UsersClient,
    query: str | None = None,
    *,
    order_by: str = "email",
    direction: str = "asc",
    limit: int | None = None,
    prefetch: int = 2,
) -> Generator[UserGroupIdsModel, None, None]:
    """Iterate over all users, each once, page after page.

    Whoever was there all the time, unchanged, comes exactly once, however many others are added or
    deleted meanwhile: rows are told apart by id, and in the end one snapshot of all users shows
    whom a moving page has hidden; they come last. Others may come or not. Order holds within what
    the server sorts by: e-mail addresses are unique, other columns have ties.

    Args:
        query (str, optional): part of a name or an e-mail address, in any case; `%` and `_` are
            wildcards. None: everybody.
        order_by (str): email, name, created_at, updated_at, last_active_at or role.
        direction (str): asc or desc.
        limit (int, optional): stop after so many.
        prefetch (int): pages asked for ahead of the one that is read.

    Returns:
        Generator[UserGroupIdsModel]: the users.

    Raises:
        ValueError: limit is below 0, or prefetch below 1.
        APIStatusError, APIConnectionError: as get_users() and get_all_users().

    Server routes: GET /api/v1/users/, GET /api/v1/users/all.
    """
    return _run(self, _listing.users(self, query, order_by, direction, limit, prefetch))


def iter_pages(
    self: UsersClient,
    query: str | None = None,
    *,
    order_by: str = "email",
    direction: str = "asc",
    limit: int | None = None,
    prefetch: int = 2,
) -> Generator[UserGroupIdsListResponse, None, None]:
    """As iter_users(), by the page: each with `total` and, in `users`, whom no page before it had.

    Args:
        query, order_by, direction, limit, prefetch: as of iter_users().

    Returns:
        Generator[UserGroupIdsListResponse]: the pages.

    Raises:
        ValueError, APIStatusError, APIConnectionError: as iter_users().

    Server routes: GET /api/v1/users/, GET /api/v1/users/all.
    """
    return _run(self, _listing.pages(self, query, order_by, direction, limit, prefetch))


def iter_search(
    self: UsersClient,
    query: str | None = None,
    *,
    order_by: str = "email",
    direction: str = "asc",
    limit: int | None = None,
    prefetch: int = 2,
) -> Generator[UserInfoResponse, None, None]:
    """As iter_users() over what users may see of each other, without administrator's rights.

    Whoever may not read the snapshot gets the pages read again until nothing new is in them, five
    times at most.

    Args:
        query, order_by, direction, limit, prefetch: as of iter_users().

    Returns:
        Generator[UserInfoResponse]: the users; is_active is always false and groups empty.

    Raises:
        ValueError, APIStatusError, APIConnectionError: as iter_users().

    Server routes: GET /api/v1/users/search, GET /api/v1/users/all.
    """
    return _run(self, _listing.search(self, query, order_by, direction, limit, prefetch))


def find_user(self: UsersClient, email: str) -> UserGroupIdsModel | None:
    """The one user with this e-mail address, in whatever case it is written.

    The server's own search takes parts of addresses and wildcards; here `%` and `_` are themselves.

    Args:
        email (str): the whole address.

    Returns:
        UserGroupIdsModel or None: there is nobody with this address.

    Raises:
        TypeError: email is no str.
        APIStatusError, APIConnectionError: as get_users().

    Server routes: GET /api/v1/users/; GET /api/v1/users/all where that has several pages.
    """
    user: UserGroupIdsModel | None = run_one(self, _listing.find_user(self, email))
    return user
