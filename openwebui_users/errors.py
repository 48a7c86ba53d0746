"""The exceptions that this package raises.

Each exception can be pickled, and none shows a secret in `str` or `repr`. The text of an answer is
shown if the server means it for readers (`detail`). Bodies and header values are never shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ._headers import Headers

TYPE_CHECKING = False  # as typing has it, without importing typing
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Self

__all__ = [
    "APIConnectionError",
    "APIResponseError",
    "APIStatusError",
    "APITimeoutError",
    "AdminRequiredError",
    "AuthenticationError",
    "BadRequestError",
    "ClientClosedError",
    "ColumnTypeWarning",
    "ConfigurationError",
    "ConflictError",
    "ConnectError",
    "ConnectTimeout",
    "DNSError",
    "EmailTakenError",
    "Headers",
    "IncompleteReadError",
    "InsecureConnectionWarning",
    "InternalServerError",
    "InvalidPasswordError",
    "MissingLibraryError",
    "NotFoundError",
    "OpenWebUIError",
    "PermissionDeniedError",
    "PoolTimeout",
    "ProtocolError",
    "ProxyError",
    "RateLimitError",
    "ReadError",
    "ReadTimeout",
    "RedirectError",
    "ResponseDecodeError",
    "ResponseTooLargeError",
    "ResponseValidationError",
    "SerializationError",
    "ServiceUnavailableError",
    "TLSError",
    "UnexpectedContentTypeError",
    "UnprocessableEntityError",
    "UnsupportedByServerError",
    "UserNotFoundError",
    "ValidationError",
    "WriteError",
]

MASK = "**********"
_MAX_DETAIL = 600  # characters of the server's text that a message repeats
_MAX_LINES = 20  # faults of an answer that a message lists
_MAX_CONTAINERS = 10_000  # dicts and lists of one input that are searched for secrets


def _restore(
    cls: type[OpenWebUIError], args: tuple[Any, ...], state: dict[str, Any]
) -> OpenWebUIError:
    """Make an exception again without its constructor, whose keywords pickle does not know."""
    error = cls.__new__(cls, *args)
    error.args = args
    for name, value in state.items():
        setattr(error, name, value)
    return error


# ---------------------------------------------------------------- the base


class OpenWebUIError(Exception):
    """Base class of all exceptions that this package raises itself.

    Attributes:
        method: HTTP method of the request; None if there was no request.
        url: URL of the request, without the values of its query; None if there was no request.
        retries_taken: how often the request was repeated before this was raised.
    """

    method: str | None
    url: str | None
    retries_taken: int

    def __init__(
        self,
        message: str = "",
        *,
        method: str | None = None,
        url: str | None = None,
        retries_taken: int = 0,
    ) -> None:
        super().__init__(message)
        self.method = method
        self.url = url
        self.retries_taken = retries_taken

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self._state())

    def _state(self) -> dict[str, Any]:
        return dict(self.__dict__)


class ConfigurationError(OpenWebUIError, ValueError):
    """The client cannot be created from these arguments: URL, key, header, limit."""


class ClientClosedError(OpenWebUIError, RuntimeError):
    """The client is closed and cannot be used any more."""


class SerializationError(OpenWebUIError, ValueError):
    """A value to be sent cannot be represented in JSON; nothing was sent.

    Attributes:
        loc: location of the value in the body: keys and indices from the outside in.
    """

    loc: tuple[str | int, ...]

    def __init__(self, message: str = "", loc: Iterable[str | int] = ()) -> None:
        super().__init__(message)
        self.loc = tuple(loc)


class InsecureConnectionWarning(UserWarning):
    """A client does not check the certificate of its server (verify=False)."""


class ColumnTypeWarning(UserWarning):
    """A column of a data frame has a wider type than its field, because some values do not fit."""


class MissingLibraryError(OpenWebUIError, ImportError):
    """This needs a library that is not installed; the text has the pip command."""

    @classmethod
    def of(cls, what: str, library: str, extra: str, instead: str = "") -> Self:
        """The error for what needs this library of this extra; `instead`: or what would do."""
        return cls(
            f"{what} needs {library}, which is not installed: "
            f"pip install 'openwebui_users[{extra}]'{instead}"
        )


# ---------------------------------------------------------------- values that do not fit


def _shorten(text: str, limit: int = 50) -> str:
    """Beginning and end of a text of more than `limit` bytes in UTF-8, as pydantic cuts it."""
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return text
    half = (limit + 1) // 2
    head = data[:half].decode("utf-8", "ignore")
    tail = data[len(data) - (half - 1) :].decode("utf-8", "ignore")
    return f"{head}...{tail}"


def _show(value: object) -> str:
    try:
        text = repr(value)
    except Exception:
        text = f"<unprintable {type(value).__qualname__} object>"
    return _shorten(text)


def _location(loc: Sequence[str | int]) -> str:
    return ".".join(f"`{step}`" if "." in str(step) else str(step) for step in loc)


def _fault_text(fault: Mapping[str, Any]) -> str:
    value = fault.get("input")
    text = (
        f"  {fault['msg']} [type={fault['type']}, input_value={_show(value)}, "
        f"input_type={type(value).__qualname__}]"
    )
    return f"{_location(fault['loc'])}\n{text}" if fault["loc"] else text


def _faults_text(title: str, faults: Sequence[Mapping[str, Any]], limit: int | None = None) -> str:
    count = len(faults)
    lines = [f"{count} validation error{'' if count == 1 else 's'} for {title}"]
    lines.extend(_fault_text(fault) for fault in faults[:limit])
    if limit is not None and count > limit:
        lines.append(f"... and {count - limit} more")
    return "\n".join(lines)


def _jsonable(value: object) -> object:
    """What json.dumps asks for when it meets something that JSON has no word for."""
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "replace")
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return list(value)
    return _show(value)


class _Faults:
    """What both kinds of validation error offer: faults as data."""

    title: str
    _faults: list[dict[str, Any]]

    def errors(
        self,
        *,
        include_url: bool = False,  # noqa: ARG002 - pydantic's arguments, so that calls can stay
        include_context: bool = True,  # noqa: ARG002
        include_input: bool = True,
    ) -> list[dict[str, Any]]:
        """Every fault as `{type, loc, msg, input}`, in the order of the fields.

        Args:
            include_url: taken for scripts written for pydantic; there are no URLs here.
            include_context: likewise.
            include_input: whether the value that does not fit is listed.
        """
        if include_input:
            return [dict(fault) for fault in self._faults]
        return [{k: v for k, v in fault.items() if k != "input"} for fault in self._faults]

    def error_count(self) -> int:
        """How many faults there are."""
        return len(self._faults)

    def json(
        self,
        *,
        indent: int | None = None,
        include_url: bool = False,  # noqa: ARG002 - pydantic's arguments, so that calls can stay
        include_context: bool = True,  # noqa: ARG002
        include_input: bool = True,
    ) -> str:
        """The faults as JSON text; what JSON cannot hold is shown as text."""
        import json

        return json.dumps(
            self.errors(include_input=include_input),
            indent=indent,
            separators=(",", ":") if indent is None else None,
            ensure_ascii=False,
            default=_jsonable,
        )

    def _picklable_faults(self) -> list[dict[str, Any]]:
        """The faults; an input that cannot be pickled (a generator, say) as its text."""
        import pickle

        def picklable(fault: dict[str, Any]) -> dict[str, Any]:
            try:
                pickle.dumps(fault.get("input"))
            except Exception:
                return {**fault, "input": _show(fault.get("input"))}
            return fault

        return [picklable(fault) for fault in self._faults]


class ValidationError(_Faults, OpenWebUIError, ValueError):
    """Values do not fit a model. It reports all errors at once; nothing was created or sent.

    Attributes:
        title: name of the model.
    """

    def __init__(self, title: str, faults: Iterable[Mapping[str, Any]] = ()) -> None:
        super().__init__(title)
        self.title = title
        self._faults = [_safe_fault(fault, title) for fault in faults]

    def __str__(self) -> str:
        return _faults_text(self.title, self._faults)

    def __repr__(self) -> str:
        return str(self)

    def _state(self) -> dict[str, Any]:
        return {**self.__dict__, "_faults": self._picklable_faults()}


# ---------------------------------------------------------------- no usable answer


class APIConnectionError(OpenWebUIError, ConnectionError):
    """No usable answer came: the connection or the transfer failed."""

    def __init__(self, message: str = "", *, errno: int | None = None, **request: Any) -> None:
        super().__init__(message, **request)
        self.errno = errno

    def _state(self) -> dict[str, Any]:
        return {**self.__dict__, "errno": self.errno}  # errno lives in OSError, not in the dict


class ConnectError(APIConnectionError):
    """The server could not be reached; nothing was sent."""


class DNSError(ConnectError):
    """The name of the server could not be resolved."""


class ProxyError(ConnectError):
    """The proxy refused or could not be reached."""


class TLSError(ConnectError):
    """No trusted connection could be established: certificate, host name or protocol."""


class ReadError(APIConnectionError):
    """The connection broke before the answer was complete."""


class IncompleteReadError(ReadError):
    """The body of the answer ended early; nothing of it was used.

    Attributes:
        received: number of bytes that came.
        expected: number of bytes that the server announced; None if it did not say.
    """

    def __init__(
        self,
        message: str = "",
        *,
        received: int | None = None,
        expected: int | None = None,
        **request: Any,
    ) -> None:
        super().__init__(message, **request)
        self.received = received
        self.expected = expected


class WriteError(APIConnectionError):
    """The request could not be sent completely."""


class ProtocolError(APIConnectionError):
    """The answer is not HTTP, or exceeds its limits."""


class APITimeoutError(APIConnectionError, TimeoutError):
    """The time allowed for the call ran out."""


class ConnectTimeout(APITimeoutError):
    """The server could not be reached in time; nothing was sent."""


class PoolTimeout(APITimeoutError):
    """All connections that the client may use (max_connections) stayed in use; nothing was sent."""


class ReadTimeout(APITimeoutError):
    """The answer did not come, or was not complete, in time."""


# ---------------------------------------------------------------- an answer that is refused


class APIResponseError(OpenWebUIError):
    """The answer cannot be used.

    Attributes:
        status_code: its HTTP status; None if unknown.
        headers: its header lines.
        body: its body as bytes.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status_code: int | None = None,
        headers: Iterable[tuple[str, str]] | Headers = (),
        body: bytes = b"",
        **request: Any,
    ) -> None:
        super().__init__(message, **request)
        self.status_code = status_code
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)
        self.body = body


class ResponseDecodeError(APIResponseError):
    """The body cannot be read as JSON.

    Attributes:
        offset: offset of the first wrong byte; None if unknown.
        line: line of that byte, from 1.
        column: column of that byte, from 1.
    """

    def __init__(
        self,
        message: str = "",
        *,
        offset: int | None = None,
        line: int | None = None,
        column: int | None = None,
        **answer: Any,
    ) -> None:
        super().__init__(message, **answer)
        self.offset = offset
        self.line = line
        self.column = column


class ResponseValidationError(_Faults, APIResponseError):
    """The body is JSON, but not the expected answer of this route.

    Attributes:
        title: name of the expected model.
    """

    def __init__(
        self,
        message: str = "",
        *,
        title: str = "",
        faults: Iterable[Mapping[str, Any]] = (),
        **answer: Any,
    ) -> None:
        super().__init__(message, **answer)
        self.title = title
        self._faults = [_safe_fault(fault, title) for fault in faults]

    def __str__(self) -> str:
        return f"{self.args[0]}\n{_faults_text(self.title, self._faults, _MAX_LINES)}"

    def _state(self) -> dict[str, Any]:
        return {**self.__dict__, "_faults": self._picklable_faults()}


class UnexpectedContentTypeError(APIResponseError):
    """The answer is not JSON, but usually a web page: the base URL may be wrong."""


class ResponseTooLargeError(APIResponseError):
    """The body is larger than the client's `max_body`.

    Attributes:
        received: number of bytes that had come when the transfer was stopped.
        limit: the limit in bytes.
        body: the first 64 KiB of the body.
    """

    def __init__(
        self,
        message: str = "",
        *,
        received: int | None = None,
        limit: int | None = None,
        **answer: Any,
    ) -> None:
        super().__init__(message, **answer)
        self.received = received
        self.limit = limit


class RedirectError(APIResponseError):
    """The server redirected the request, and the client does not follow redirects.

    Attributes:
        location: target of the redirect, without its query.
    """

    def __init__(self, message: str = "", *, location: str = "", **answer: Any) -> None:
        super().__init__(message, **answer)
        self.location = location


class UnsupportedByServerError(OpenWebUIError):
    """The connected server does not have this route, or this part of it.

    Attributes:
        needs: first version of Open WebUI that is known to have it; None if unknown.
        server_version: version of the connected server; None if unknown.
    """

    def __init__(
        self,
        message: str = "",
        *,
        needs: str | None = None,
        server_version: str | None = None,
        **request: Any,
    ) -> None:
        super().__init__(message, **request)
        self.needs = needs
        self.server_version = server_version


# ---------------------------------------------------------------- status 400 and above


class APIStatusError(OpenWebUIError):
    """The server answered with an HTTP status of 400 or above.

    Attributes:
        status_code: the HTTP status.
        detail: the server's own explanation: text, a list of errors, or None.
        body: the body as bytes.
        headers: the header lines.
        retry_after: seconds that the server asks to wait (Retry-After, in either form); None if it
            does not ask.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status_code: int = 0,
        detail: Any = None,
        body: bytes = b"",
        headers: Iterable[tuple[str, str]] | Headers = (),
        retry_after: float | None = None,
        **request: Any,
    ) -> None:
        super().__init__(message, **request)
        self.status_code = status_code
        self.detail = detail
        self.body = body
        self.retry_after = retry_after
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)


class BadRequestError(APIStatusError):
    """400: the server refused the request."""


class EmailTakenError(BadRequestError):
    """400: another user has this e-mail address."""


class InvalidPasswordError(BadRequestError):
    """400: the password is wrong, or the server does not accept it as a new one."""


class AuthenticationError(APIStatusError):
    """401: there was no key, or the key is not valid."""


class AdminRequiredError(AuthenticationError):
    """401: the key is valid, but its owner is not an administrator."""


class PermissionDeniedError(APIStatusError):
    """403: the server does not allow this."""


class NotFoundError(APIStatusError):
    """404: the object or the route does not exist."""


class UserNotFoundError(NotFoundError, BadRequestError):
    """400 or 404 of a user's route: the user does not exist, or the requested data of the user does
    not.
    """


class ConflictError(APIStatusError):
    """409: somebody else changed the same object at the same time."""


class UnprocessableEntityError(APIStatusError):
    """422: the server does not accept the form of the request."""

    def errors(self) -> list[dict[str, Any]]:
        """The server's errors as `{type, loc, msg, input}`, with secrets masked; [] if there are
        none.

        `loc` is a tuple that begins with "body", "query" or "path".
        """
        rows = self.detail if isinstance(self.detail, list) else []
        return [_server_fault(row) for row in rows if isinstance(row, Mapping)]


class RateLimitError(APIStatusError):
    """429: too many requests in a short time."""


class InternalServerError(APIStatusError):
    """5xx: the server, or a proxy in front of it, failed."""


class ServiceUnavailableError(InternalServerError):
    """503: the server, or a proxy in front of it, cannot answer at the moment."""


# ---------------------------------------------------------------- secrets


_names: frozenset[str] | None = None


def secret_names() -> frozenset[str]:
    """Keys whose values are never shown: what the table of models marks as secret."""
    global _names  # noqa: PLW0603 - read from the table once
    if _names is None:
        from . import _core

        fields = (field for model in _core.model_table() for field in model["fields"])
        _names = frozenset(field["alias"] for field in fields if field["secret"])
    return _names


# How keys of secrets end in values that no model describes, such as settings: OPENAI_API_KEYS,
# accessToken, key.
_SECRET_ENDS = ("key", "token", "secret", "password", "passwd", "credential", "authorization")


def _is_secret(key: object, value: object, names: frozenset[str]) -> bool:
    """Whether a value is to be masked for its key.

    Numbers and flags, such as the permission api_keys, are only where a model says so of the key.
    """
    if not isinstance(key, str) or value is None:
        return False
    if key in names:
        return True
    is_number = isinstance(value, (bool, int, float))
    return not is_number and key.lower().removesuffix("s").endswith(_SECRET_ENDS)


def masked(value: Any) -> Any:
    """A value without what stands behind a secret key, however deep; itself where there is none."""
    return _mask(value, secret_names(), {})


def _mask(value: Any, names: frozenset[str], seen: dict[int, tuple[Any, Any]]) -> Any:
    """`value` with what stands behind a secret key masked; the same object when there is none.

    `seen` keeps every container beside what was made of it: shared and cyclic ones are met once.
    """
    if not isinstance(value, (Mapping, list, tuple)):
        return value
    if id(value) not in seen:
        seen[id(value)] = (value, MASK)  # a cycle back to here: its copy is not known yet
        if len(seen) > _MAX_CONTAINERS:
            return MASK
        if isinstance(value, Mapping):
            result: Any = _mask_items(value, names, seen)
        else:
            items = [_mask(item, names, seen) for item in value]
            changed = any(a is not b for a, b in zip(items, value, strict=True))
            result = items if changed else value
        seen[id(value)] = (value, result)
    return seen[id(value)][1]


def _mask_items(
    value: Mapping[Any, Any], names: frozenset[str], seen: dict[int, tuple[Any, Any]]
) -> Mapping[Any, Any]:
    changed = {}
    for key, item in value.items():
        masked = MASK if _is_secret(key, item, names) else _mask(item, names, seen)
        if masked is not item:
            changed[key] = masked
    return {**value, **changed} if changed else value


_declared: dict[str, frozenset[str]] | None = None


def _names_of_secret_models() -> dict[str, frozenset[str]]:
    """The keys that forms which ask for a secret declare, by the model's name."""
    global _declared  # noqa: PLW0603 - read from the table once
    if _declared is None:
        from . import _core

        _declared = {
            model["name"]: frozenset(
                name for field in model["fields"] for name in (field["name"], field["alias"])
            )
            for model in _core.model_table()
            if any(field["secret"] and field["required"] for field in model["fields"])
        }
    return _declared


def _without_strangers(value: Any, title: str) -> Any:
    """The whole input of a form that asks for a secret; what is no field of it is masked.

    A misspelt name, a text or a list in place of a form may hold the secret.
    """
    declared = _names_of_secret_models().get(title)
    if declared is None or value is None:
        return value
    if not isinstance(value, Mapping):
        return MASK
    return {key: item if key in declared else MASK for key, item in value.items()}


def _safe_fault(fault: Mapping[str, Any], title: str = "") -> dict[str, Any]:
    """A fault as it may be shown and pickled: no secret in its input, however deep."""
    value = fault.get("input")
    if fault.get("type") in ("missing", "model_type"):
        try:
            value = _without_strangers(value, title)
        except Exception:  # a mapping of the caller's own that fails
            value = MASK
        fault = {**fault, "input": value}
    names = secret_names() if isinstance(value, (Mapping, list, tuple, str, bytes)) else None
    if names is None:
        return dict(fault)
    try:
        if fault.get("type") == "json_invalid":  # a whole text: masked when a secret may be in it
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            value = MASK if any(f'"{name}"' in text for name in names) else value
        else:
            value = _mask(value, names, {})
    except Exception:  # a mapping of the caller's own that fails, or too deep nesting
        value = MASK
    return {**fault, "input": value}


def _server_fault(row: Mapping[str, Any]) -> dict[str, Any]:
    loc = row.get("loc")
    steps = tuple(loc) if isinstance(loc, list) else ()
    names = secret_names()
    secret = any(step in names for step in steps if isinstance(step, str))
    return {
        "type": row.get("type", ""),
        "loc": steps,
        "msg": row.get("msg", ""),
        "input": MASK if secret else _mask(row.get("input"), names, {}),
    }


# ---------------------------------------------------------------- answers to exceptions


_SHORTEST_SECRET = 8  # characters: what is shorter is no key of a server's, and occurs by chance


def _without(secret: str | None, text: str) -> str:
    """The text with the client's key masked, should it occur."""
    return text.replace(secret, MASK) if secret and len(secret) >= _SHORTEST_SECRET else text


_NOT_FOUND_TEXT = "could not find what you're looking for"
_LOOK_IT_UP = "No user has this id, or the user was deleted meanwhile; search_users() finds ids."
_CHECK_KEY = (
    "Check the API key: it may be mistyped, replaced by a newer one (a user has one at a time), "
    "or an expired session token."
)
_WRONG_ROUTE = (
    "The server knows no such route: check the base URL, and the server's version (get_version())."
)
_BEHIND_PROXY = (
    "A proxy before the server, or the server behind it, does not work: "
    "try again, then look at its log."
)


def _only(status: int) -> range:
    return range(status, status + 1)


# One row: an answer of this status, whose detail holds this text (lower case; after "=": is it),
# becomes this exception with this advice. First match wins. The flag: only where the table of
# calls says that the path names a user.
_RULES: tuple[tuple[range, str, bool, type[APIStatusError], str], ...] = (
    (_only(400), _NOT_FOUND_TEXT, True, UserNotFoundError, "{hint}"),
    (_only(404), "=not found", False, NotFoundError, _WRONG_ROUTE),
    (_only(404), "", True, UserNotFoundError, "{hint}"),
    (_only(400), _NOT_FOUND_TEXT, False, BadRequestError, "{hint}"),
    (_only(404), "", False, NotFoundError, "{hint}"),
    (
        _only(400),
        "email is already registered",
        False,
        EmailTakenError,
        "Choose another address, or update the user who has it: search_users(query=email).",
    ),
    (
        _only(400),
        "password you entered is too long",
        False,
        InvalidPasswordError,
        "Choose a password of at most 72 bytes in UTF-8.",
    ),
    (
        _only(400),
        "email or password provided is incorrect",
        False,
        InvalidPasswordError,
        "Check both; an administrator can set a new password with update_user_by_id().",
    ),
    (
        _only(400),
        "password provided is incorrect",
        False,
        InvalidPasswordError,
        "The current password does not match.",
    ),
    (
        _only(400),
        "password",
        False,
        InvalidPasswordError,
        "The server has rules for passwords: choose one that meets them.",
    ),
    (
        _only(400),
        "email format",
        False,
        BadRequestError,
        "Give a complete address such as name@example.com.",
    ),
    (
        _only(401),
        "do not have permission",
        False,
        AdminRequiredError,
        (
            "This call needs the API key of an administrator (role 'admin'); the one given is "
            "valid, but its user is not one, or is still 'pending'."
        ),
    ),
    (
        _only(401),
        "not authenticated",
        False,
        AuthenticationError,
        (
            "No API key was sent: give api_key=... or set OPENWEBUI_API_KEY, "
            "or sign in with auths.signin()."
        ),
    ),
    (
        _only(401),
        "expired",
        False,
        AuthenticationError,
        "Sign in again with auths.signin(), or use an API key.",
    ),
    (_only(401), "", False, AuthenticationError, _CHECK_KEY),
    (
        _only(403),
        "human session",
        False,
        PermissionDeniedError,
        (
            "The server allows this with the token of a sign-in only, not with an API key: "
            "call auths.signin() first."
        ),
    ),
    (
        _only(403),
        "use of api key is not enabled",
        False,
        PermissionDeniedError,
        (
            "An administrator can enable API keys in the server's settings; "
            "until then sign in with auths.signin()."
        ),
    ),
    (
        _only(403),
        "api key creation is not allowed",
        False,
        PermissionDeniedError,
        "An administrator can enable API keys in the server's settings.",
    ),
    (
        _only(403),
        "restricted as a security measure",
        False,
        PermissionDeniedError,
        (
            "The server protects your own account and that of the primary administrator (the first "
            "one created) against this."
        ),
    ),
    (
        _only(403),
        "disabled",
        False,
        PermissionDeniedError,
        "An administrator can enable this feature in the server's settings.",
    ),
    (
        _only(403),
        "do not have permission",
        False,
        PermissionDeniedError,
        "The user of this key may not do this, or the server restricts API keys to certain routes.",
    ),
    (
        _only(403),
        "",
        False,
        PermissionDeniedError,
        "The user of this key may not do this, or the feature is switched off on the server.",
    ),
    (
        _only(405),
        "",
        False,
        APIStatusError,
        (
            "The server knows this path, but not with this method: it may be of another version "
            "(get_version())."
        ),
    ),
    (_only(409), "", False, ConflictError, "Read the present state and repeat the change on it."),
    (
        _only(413),
        "",
        False,
        APIStatusError,
        "A proxy before the server limits the size of a request: send less at once.",
    ),
    (_only(422), "", False, UnprocessableEntityError, ""),
    (_only(429), "", False, RateLimitError, "{wait}"),
    (
        _only(500),
        "primary admin",
        False,
        InternalServerError,
        "The server protects the primary administrator (the first one created) against this.",
    ),
    (_only(502), "", False, InternalServerError, _BEHIND_PROXY),
    (_only(503), "", False, ServiceUnavailableError, "{wait}"),
    (_only(504), "", False, InternalServerError, _BEHIND_PROXY),
    (range(500, 600), "", False, InternalServerError, "The server's log says more."),
    (_only(400), "", False, BadRequestError, ""),
)


def _fault_line(row: object) -> str:
    """One fault of a 422: where and what; never the input, which may be a password."""
    if not isinstance(row, Mapping):
        return str(row)
    loc = row.get("loc")
    where = ".".join(str(step) for step in loc) if isinstance(loc, list) else ""
    return f"{where}: {row.get('msg', '')}" if where else str(row.get("msg", ""))


def _printable(text: str) -> str:
    """The server's text on one line, safe for a terminal and a log."""
    line = " ".join(text.split())
    # Not by its name: Python 3.11 crashes when a second interpreter compiles such a text.
    clean = "".join(c if c.isprintable() else "\ufffd" for c in line)
    return clean if len(clean) <= _MAX_DETAIL else f"{clean[:_MAX_DETAIL]}..."


def _detail_text(detail: object) -> str:
    if detail is None:
        return ""
    if isinstance(detail, str):
        return _printable(detail)
    if isinstance(detail, list):
        return _printable("; ".join(_fault_line(row) for row in detail))
    if isinstance(detail, Mapping):
        # some routes wrap the text: {"message": ...}
        for key in ("message", "msg", "error"):
            if isinstance(detail.get(key), str):
                return _printable(detail[key])
    return ""


def _rule_of(status_code: int, detail: str, user_route: bool) -> tuple[type[APIStatusError], str]:
    for statuses, text, users_only, error, advice in _RULES:
        if status_code not in statuses or (users_only and not user_route):
            continue
        if detail == text[1:] if text.startswith("=") else text in detail:
            return error, advice
    return APIStatusError, ""


def _wait_text(seconds: float | None) -> str:
    if seconds is None:
        return "Wait a while, then try again."
    return f"The server asks to wait {seconds:g} s before trying again."


def from_answer(
    *,
    status_code: int,
    detail: Any = None,
    body: bytes = b"",
    headers: Iterable[tuple[str, str]] | Headers = (),
    method: str | None = None,
    url: str | None = None,
    retries_taken: int = 0,
    retry_after: float | None = None,
    user_route: bool = False,
    hint: str | None = None,
    secret: str | None = None,
) -> APIStatusError:
    """The exception for an answer of status 400 or above.

    Args:
        status_code: HTTP status.
        detail: what the server says under "detail".
        body: the whole body.
        headers: its header lines.
        method: HTTP method of the request.
        url: URL of the request without its query.
        retries_taken: how often the request was repeated.
        retry_after: seconds that the server asks to wait.
        user_route: whether the path names a user, so that not-found means the user.
        hint: what not-found means for this route.
        secret: the client's key: masked should the server repeat it.
    """
    lines = headers if isinstance(headers, Headers) else Headers(headers)
    text = _detail_text(detail)
    error, advice = _rule_of(status_code, text.lower(), user_route)
    advice = advice.format(
        hint=hint or (_LOOK_IT_UP if user_route else ""), wait=_wait_text(retry_after)
    )
    if not text and body:
        kind = lines.get("content-type", "").split(";")[0] or "no content type"
        text = f"(no explanation: {len(body)} bytes, {_printable(kind)})"
    head = f"{method} {url}: " if method and url else ""
    message = f"{head}{status_code} {text}".rstrip()
    if advice:
        message += (" " if message[-1] in ".!?" else ". ") + advice
    message = _without(secret, message)
    return error(
        message,
        status_code=status_code,
        detail=detail,
        body=body,
        headers=lines,
        retry_after=retry_after,
        method=method,
        url=url,
        retries_taken=retries_taken,
    )


_ADVICE: Mapping[str, str] = {
    "UnexpectedContentTypeError": (
        "The base URL is {base_url}: it should be the address at which Open WebUI itself is "
        "reached, without a page's path and without a login page of a proxy in between; "
        "the server may also be older than this route (get_version())."
    ),
    "RedirectError": (
        "Redirects are not followed: use the address it leads to as base URL "
        "(https instead of http, or another host); a login page means a proxy asks first."
    ),
    "ResponseTooLargeError": "Raise max_body if this size is expected.",
    "ConnectError": "Is the server running, and is {base_url} its address?",
    "ProxyError": (
        "The proxy comes from proxy=, or from http_proxy, https_proxy and no_proxy of the "
        "environment, which trust_env=False ignores."
    ),
    "DNSError": "Check the host name in {base_url}.",
}


def from_failure(
    name: str,
    message: str,
    *,
    base_url: str | None = None,
    secret: str | None = None,
    **facts: Any,
) -> OpenWebUIError:
    """The exception of this class name for a call that gave no usable answer.

    Args:
        name: class, one of this module.
        message: what happened, in the core's words.
        base_url: the client's base URL, for advice.
        secret: the client's key: masked should it occur.
        facts: attributes of the exception: method, url, retries_taken and the class's own.
    """
    cls: type[OpenWebUIError] = globals()[name]
    text = _printable(message)
    if facts.get("method") and facts.get("url"):
        text = f"{facts['method']} {facts['url']}: {text}"
    advice = _ADVICE.get(name, "").format(base_url=base_url)
    if advice and base_url:
        text += (" " if text[-1:] in ".!?" else ". ") + advice
    text = _without(secret, text)
    return cls(text, **facts)
