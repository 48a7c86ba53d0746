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

    Nothing is sent before you iterate over the result. Arguments are taken only as they are needed,
    and calls run ahead of your loop by at most four times the concurrency, so neither has to fit in
    memory. If you stop early, calls that are under way are stopped: by break or Ctrl-C or, for an
    asynchronous client, by aclose() (see contextlib.aclosing). It is then not known whether a write
    among them was done.

    Args:
        method (Callable): a method of this client, or of one of its views, that makes one call to
            the server, for instance `client.auths.add_user`.
        arguments (Iterable): one item for each call: a tuple of positional arguments, a dict of
            keywords, or any other value as the only argument.
        concurrency (int): maximum number of calls under way at once. See max_connections as well.
        return_exceptions (bool): if a call raises, yield the exception in place of its result, and
            continue. False: raise it at that place, and stop.

    Returns:
        Generator: results, in the order of the arguments.

    Raises:
        TypeError: method is not a method of this client; concurrency is not an int.
        ValueError: concurrency is below 1.
        Exception: any exception of a call or of the arguments, at its place.
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

    A user who is there all the time, unchanged, comes exactly once, however many others are added
    or deleted during the iteration. Rows are identified by id. At the end, one snapshot of all
    users shows which users a moving page has hidden; these come last. Users who are added or
    deleted during the iteration may or may not come. The order is that of the server: e-mail
    addresses are unique, in other columns values can be equal.

    Args:
        query (str, optional): part of a name or an e-mail address, in any case; `%` and `_` are
            wildcards. None: all users.
        order_by (str): email, name, created_at, updated_at, last_active_at or role.
        direction (str): asc or desc.
        limit (int, optional): stop after this number of users.
        prefetch (int): number of pages to request ahead of the one that is read.

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
    """Like iter_users(), page by page: each with `total` and, in `users`, the users not yet seen.

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
    """Like iter_users(), but with the data that users may see of each other; needs no
    administrator.

    If the caller may not read the snapshot, the pages are read again until they contain nothing
    new, at most five times.

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
    """Find the user with this e-mail address, in any case.

    The server's own search accepts parts of addresses and wildcards; here `%` and `_` have no
    special meaning.

    Args:
        email (str): the whole address.

    Returns:
        UserGroupIdsModel or None: None if no user has this address.

    Raises:
        TypeError: email is not a str.
        APIStatusError, APIConnectionError: as get_users().

    Server routes: GET /api/v1/users/; GET /api/v1/users/all where that has several pages.
    """
    user: UserGroupIdsModel | None = run_one(self, _listing.find_user(self, email))
    return user
