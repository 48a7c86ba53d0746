"""Work of many calls, written once for clients that block and for those that do not.

A flow is a generator that calls nothing itself. It yields what is to be done, and is sent what came
of it; `_sync` and `_aio` each carry flows out in their own way. So that both can, a flow begins
calls, which then go on by themselves, and waits for them when it needs them.
"""

from __future__ import annotations

from collections import deque

TYPE_CHECKING = False  # as typing has it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from typing import Any, Protocol, TypeAlias

    class Handle(Protocol):
        """A call that was begun."""

        @property
        def done(self) -> bool:
            """Whether it has ended."""

        def result(self) -> Any:
            """What it returned, or raise what it raised; once, when it is done."""

    # what is sent back: the handle of a Begin, the number of calls that ended for LOOK and WAIT
    Flow: TypeAlias = Generator[Any, Any, Any]


class Begin:
    """Begin this call; its handle is sent back."""

    __slots__ = ("args", "kwargs", "method")

    def __init__(
        self, method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.method = method
        self.args = args
        self.kwargs = kwargs


class Emit:
    """Give these items to whoever iterates."""

    __slots__ = ("items",)

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = items


#: Look how many of the calls that were begun have ended since the last time.
LOOK = object()
#: The same, after a wait for at least one.
WAIT = object()

AHEAD = 4  # how many times its concurrency a map begins before its first result was taken


def outcome(handle: Handle) -> Flow:
    """Wait for one call; returns its result."""
    while not handle.done:
        yield WAIT
    return handle.result()


def ask(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Flow:
    """One call; returns its result."""
    return (yield from outcome((yield Begin(method, args, kwargs))))


# ---------------------------------------------------------------- map


def check_count(name: str, value: object, least: int) -> None:
    """Refuse what is no whole number of at least so much."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be int, not {type(value).__name__}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")


def begin_with(method: Callable[..., Any], item: object) -> Begin:
    """The call that one item of a map's arguments stands for."""
    if isinstance(item, tuple):
        return Begin(method, item, {})
    if isinstance(item, dict) and all(isinstance(key, str) for key in item):
        return Begin(method, (), item)
    return Begin(method, (item,), {})


def _result_of(handle: Handle, return_exceptions: bool) -> Any:
    if not return_exceptions:
        return handle.result()
    try:
        return handle.result()
    except Exception as error:
        return error


_END = object()


def _next(arguments: Iterator[Any]) -> tuple[Any, Exception | None]:
    """The next of them, or _END; with what was raised in its place."""
    try:
        return next(arguments, _END), None
    except Exception as error:
        return _END, error


def many(
    method: Callable[..., Any],
    arguments: Iterator[Any],
    concurrency: int,
    return_exceptions: bool,
) -> Flow:
    """Call a method with each of the arguments, and emit what it returned in their order."""
    window: deque[Handle] = deque()
    running = 0
    failure: Exception | None = None
    item: Any = None
    while True:
        running -= yield LOOK
        while item is not _END and running < concurrency and len(window) < AHEAD * concurrency:
            item, failure = _next(arguments)
            if item is not _END:
                handle = yield begin_with(method, item)
                running += not handle.done
                window.append(handle)
        if not window:
            break
        if window[0].done:
            yield Emit((_result_of(window.popleft(), return_exceptions),))
        else:
            running -= yield WAIT
    if failure is not None:  # of the arguments: what was begun before was told first
        raise failure
