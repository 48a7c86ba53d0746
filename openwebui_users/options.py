"""Options for time and retries, and the events and statistics that a client reports.

All of these are plain values: they are immutable, compare by content, and can be pickled.
"""

from __future__ import annotations

from .errors import ConfigurationError

TYPE_CHECKING = False  # as typing has it, without importing typing
if TYPE_CHECKING:
    from typing import Any

__all__ = ["ClientStats", "RequestEvent", "ResponseEvent", "Retry", "Timeout"]


class _Value:
    """Base of values whose attributes are those of __slots__, set once."""

    __slots__: tuple[str, ...] = ()

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _items(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed: make another one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed: make another one")

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self._items().items())
        return f"{type(self).__name__}({shown})"

    def _repr_html_(self) -> str:
        from ._html import page, pairs, value_html

        rows = ((name, value_html(value)) for name, value in self._items().items())
        return page(pairs(type(self).__name__, rows))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from ._html import repr_mimebundle

        return repr_mimebundle(self, include, exclude)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._items() == other._items()

    def __hash__(self) -> int:
        return hash((type(self), *self._items().values()))

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self._items())


def _restore(cls: type[_Value], values: dict[str, Any]) -> _Value:
    value = cls.__new__(cls)
    value._set(**values)
    return value


def _number(name: str, value: object, least: float, unit: str = "seconds") -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of {unit}, not {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:
        number = float("nan")
    if not least <= number < float("inf"):
        raise ConfigurationError(f"{name} must be at least {least:g} {unit}, got {value!r}")
    return number


def _limit(name: str, value: object) -> float | None:
    """Seconds above 0; None or infinity: no limit."""
    if value is None or value == float("inf"):
        return None
    seconds = _number(name, value, 0)
    if seconds == 0:
        raise ConfigurationError(f"{name} must be more than 0 seconds; None means no limit")
    return seconds


class Timeout(_Value):
    """How long a call may take.

    Args:
        total: seconds for a whole call: connecting, waits between retries, reading the answer to
            its last byte. None: no limit. With `Retry(max_elapsed=…)` it limits each attempt
            instead.
        connect: seconds to reach the server, for each attempt: name lookup, connection, TLS. None:
            same as total.
        pool: seconds to wait for one of the client's max_connections, for each attempt; then
            PoolTimeout. None: same as total.
    """

    __slots__ = ("connect", "pool", "total")
    total: float | None
    connect: float | None
    pool: float | None

    def __init__(
        self,
        total: float | None = 60.0,
        *,
        connect: float | None = 5.0,
        pool: float | None = None,
    ) -> None:
        self._set(
            total=_limit("the total timeout", total),
            connect=_limit("the connect timeout", connect),
            pool=_limit("the pool timeout", pool),
        )


class Retry(_Value):
    """When a request is sent again.

    The client repeats a request after the answers 408, 429, 502, 503 and 504, and after a failed
    connection. It repeats a request that changes something only if no part of it can have reached
    the server, or after 429.

    Args:
        max_retries: how often one call is repeated at most. None: twice, or with max_elapsed as
            often as its time allows.
        max_elapsed: seconds for the whole call, waits included. None: the call's timeout limits
            everything.
        base_delay: seconds before the first retry; doubled before each further retry.
        max_delay: maximum of a delay in seconds.
        jitter: 0 to 1: the random part of a delay, so that clients do not retry at the same time.
        max_retry_after: seconds. If a server asks to wait longer (Retry-After), the client does not
            wait: it raises the answer at once.
        retry_writes: also repeat requests that may already have changed something. Only for scripts
            in which every call may be done twice.
    """

    __slots__ = (
        "base_delay",
        "jitter",
        "max_delay",
        "max_elapsed",
        "max_retries",
        "max_retry_after",
        "retry_writes",
    )
    max_retries: int | None
    max_elapsed: float | None
    base_delay: float
    max_delay: float
    jitter: float
    max_retry_after: float
    retry_writes: bool

    def __init__(
        self,
        max_retries: int | None = None,
        *,
        max_elapsed: float | None = None,
        base_delay: float = 0.5,
        max_delay: float = 8.0,
        jitter: float = 0.25,
        max_retry_after: float = 120.0,
        retry_writes: bool = False,
    ) -> None:
        if max_retries is not None:
            if isinstance(max_retries, bool) or not isinstance(max_retries, int):
                raise TypeError(
                    f"max_retries must be int or None, not {type(max_retries).__name__}"
                )
            if not 0 <= max_retries <= 1_000_000:
                raise ConfigurationError(f"max_retries must be 0 to 1000000, got {max_retries}")
        if not isinstance(retry_writes, bool):
            raise TypeError(f"retry_writes must be bool, not {type(retry_writes).__name__}")
        if not _number("jitter", jitter, 0, "parts of one") <= 1:
            raise ConfigurationError(f"jitter must be 0 to 1, got {jitter!r}")
        if max_elapsed == float("inf"):
            raise ConfigurationError("max_elapsed must be finite: a call that fails has to end")
        self._set(
            max_retries=max_retries,
            max_elapsed=_limit("max_elapsed", max_elapsed),
            base_delay=_number("base_delay", base_delay, 0),
            max_delay=_number("max_delay", max_delay, 0),
            jitter=float(jitter),
            max_retry_after=_number("max_retry_after", max_retry_after, 0),
            retry_writes=retry_writes,
        )


class RequestEvent(_Value):
    """Passed to `on_request` when a request is about to be sent.

    Attributes:
        method: HTTP method.
        route: template of the route, for instance '/api/v1/users/{user_id}'. For request() to an
            unknown route: its path, with {} in place of possible ids.
        attempt: 1 for the first try of a call, 2 for its first retry.
    """

    __slots__ = ("attempt", "method", "route")
    method: str
    route: str
    attempt: int

    def __init__(self, method: str, route: str, attempt: int) -> None:
        self._set(method=method, route=route, attempt=attempt)


class ResponseEvent(_Value):
    """Passed to `on_response` when a request was answered, or failed.

    Attributes:
        method: HTTP method.
        route: template of the route.
        attempt: 1 for the first try of a call.
        status_code: HTTP status; None if no answer came.
        error: name of the exception that describes the failure; None if an answer came.
        elapsed: duration of this attempt in seconds.
        received: size of the body in bytes, decompressed.
        retry_in: seconds until the next attempt; None: this was the last one.
    """

    __slots__ = (
        "attempt",
        "elapsed",
        "error",
        "method",
        "received",
        "retry_in",
        "route",
        "status_code",
    )
    method: str
    route: str
    attempt: int
    status_code: int | None
    error: str | None
    elapsed: float
    received: int
    retry_in: float | None

    def __init__(
        self,
        method: str,
        route: str,
        attempt: int,
        status_code: int | None,
        error: str | None,
        elapsed: float,
        received: int,
        retry_in: float | None,
    ) -> None:
        self._set(
            method=method,
            route=route,
            attempt=attempt,
            status_code=status_code,
            error=error,
            elapsed=elapsed,
            received=received,
            retry_in=retry_in,
        )


class ClientStats(_Value):
    """What a client did since it was created, over all its views and threads.

    Attributes:
        requests: number of requests sent, including those that libcurl sent again.
        retries: number of repeated attempts, whether they reached the server or not.
        failures: number of attempts without an answer.
        connections_opened: number of new connections.
        connections_reused: number of requests that used an open connection.
        bytes_sent: bytes of headers and bodies, as sent over the network.
        bytes_received: bytes of headers and bodies, as received over the network.
        seconds: time spent in requests, summed over all threads.
    """

    __slots__ = (
        "bytes_received",
        "bytes_sent",
        "connections_opened",
        "connections_reused",
        "failures",
        "requests",
        "retries",
        "seconds",
    )
    requests: int
    retries: int
    failures: int
    connections_opened: int
    connections_reused: int
    bytes_sent: int
    bytes_received: int
    seconds: float

    def __init__(self, **counts: Any) -> None:
        self._set(**{name: counts[name] for name in self.__slots__})
