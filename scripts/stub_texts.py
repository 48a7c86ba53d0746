"""Texts of the stubs that no table holds: facts, and classes that are written by hand."""

from __future__ import annotations

#: Models whose kept keys are known: servers also send all fields of another model.
SENT_BESIDES = {"UserActiveResponse": "UserModel"}

#: Free-form fields whose usual keys are known: a TypedDict in the stubs.
TYPED_DICTS = {("UserSettings", "ui"): "UserSettingsUI"}

#: Keys of UserSettings.ui: type, meaning. The server keeps any other key as well.
UI_KEYS: dict[str, tuple[str, str]] = {
    "pinnedModels": ("list[str]", "Ids of the models pinned to the sidebar."),
    "toolServers": ("list[dict[str, Any]]", "Tool servers of the user's own, one entry each."),
    "detectArtifacts": ("bool", "Look for artifacts in answers."),
    "showUpdateToast": ("bool", "Say when a newer version of the server is out."),
    "showChangelog": ("bool", "Show what is new after an update."),
    "showEmojiInCall": ("bool", "Show emoji during a call."),
    "voiceInterruption": ("bool", "Let speaking interrupt the answer during a call."),
    "collapseCodeBlocks": ("bool", "Fold blocks of code at first."),
    "expandDetails": ("bool", "Unfold details at first."),
    "notificationSound": ("bool", "Play a sound with notifications."),
    "notificationSoundAlways": ("bool", "Play it also while the page is in front."),
    "stylizedPdfExport": ("bool", "Export PDF files as the page looks."),
    "notifications": ("UserSettingsNotifications", "Where notifications are sent."),
    "imageCompression": ("bool", "Make images smaller before they are sent."),
    "imageCompressionSize": ("Any", "Size to which images are made smaller."),
    "textScale": ("float", "Factor by which text is made larger."),
    "widescreenMode": ("Any", "Use the whole width of the window."),
    "largeTextAsFile": ("bool", "Attach long pasted text as a file."),
    "promptAutocomplete": ("bool", "Complete prompts while they are typed."),
    "hapticFeedback": ("bool", "Vibrate on devices that can."),
    "responseAutoCopy": ("Any", "Copy each answer to the clipboard."),
    "richTextInput": ("bool", "Show formatting while typing."),
    "params": ("Any", "Further parameters for the models."),
    "userLocation": ("Any", "Whether, and which, location may be used."),
    "webSearch": ("Any", "When the web is searched."),
    "memory": ("bool", "Remember facts between chats."),
    "autoTags": ("bool", "Give chats tags by themselves."),
    "autoFollowUps": ("bool", "Propose questions to go on with."),
    "backgroundImageUrl": ("Any", "Picture behind the chat; null for none."),
    "landingPageMode": ("str", "What the first page looks like."),
    "iframeSandboxAllowForms": ("bool", "Let embedded pages send forms."),
    "iframeSandboxAllowSameOrigin": ("bool", "Let embedded pages keep their origin."),
    "scrollOnBranchChange": ("bool", "Scroll when another branch of a chat is chosen."),
    "directConnections": ("Any", "Model services that the browser reaches by itself."),
    "chatBubble": ("bool", "Show messages as bubbles."),
    "copyFormatted": ("bool", "Copy text with its formatting."),
    "models": ("list[str]", "Ids of the models that a new chat starts with."),
    "conversationMode": ("bool", "Keep talking and listening in turn."),
    "speechAutoSend": ("bool", "Send what was spoken without asking."),
    "responseAutoPlayback": ("bool", "Read answers aloud."),
    "audio": ("dict[str, Any]", "Speech in both directions."),
    "showUsername": ("bool", "Show the user's name instead of “You”."),
    "notificationEnabled": ("bool", "Show notifications of the browser."),
    "highContrastMode": ("bool", "Use stronger contrasts."),
    "title": ("dict[str, Any]", "How titles of chats are made."),
    "showChatTitleInTab": ("bool", "Show the chat's title in the browser's tab."),
    "splitLargeDeltas": ("bool", "Show long pieces of an answer little by little."),
    "chatDirection": ("str", "Direction of text: “LTR”, “RTL” or “auto”."),
    "ctrlEnterToSend": ("bool", "Send with Ctrl+Enter; Enter begins a new line."),
    "system": ("str", "System prompt of the user's own."),
    "seed": ("float", "Seed of random choices."),
    "temperature": ("str", "Sampling temperature."),
    "repeat_penalty": ("str", "Penalty for repetition."),
    "top_k": ("str", "Sample from so many most likely tokens."),
    "top_p": ("str", "Sample from tokens of this summed probability."),
    "num_ctx": ("str", "Size of the context in tokens."),
    "num_batch": ("str", "Tokens processed at a time."),
    "num_keep": ("str", "Tokens kept of the start of the context."),
    "options": ("dict[str, Any]", "Options of single models."),
}

MODEL_BASE = '''\
class Model:
    """Common base of all models: the data that a server sends or accepts.

    Make an instance with keyword arguments. They are checked and coerced as pydantic does. One
    ValidationError reports all faults.
    """

    model_fields: ClassVar[dict[str, FieldInfo]]
    """Information about each field, by its name."""
    __signature__: ClassVar[inspect.Signature]
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
    __hash__: ClassVar[None]  # type: ignore[assignment]
    @property
    def model_fields_set(self) -> set[str]:
        """Names of the fields that were given a value."""
    @property
    def model_extra(self) -> dict[str, Any] | None:
        """Unknown keys that this model keeps; None if it carries them instead."""
    @property
    def model_unknown(self) -> dict[str, Any]:
        """Unknown keys that are carried: not dumped, but sent back in a request body."""
    @classmethod
    def model_validate(
        cls, obj: Any, /, *, strict: bool | None = None, from_attributes: bool | None = None
    ) -> Self:
        """Check a mapping and make an instance of it; an instance is returned as it is."""
    @classmethod
    def from_dict(
        cls, obj: Any, /, *, strict: bool | None = None, from_attributes: bool | None = None
    ) -> Self:
        """Another name of model_validate()."""
    @classmethod
    def model_validate_json(
        cls, json_data: str | bytes | bytearray, /, *, strict: bool | None = None
    ) -> Self:
        """Check JSON text (str, bytes or bytearray) and make an instance of it."""
    @classmethod
    def from_json(
        cls, json_data: str | bytes | bytearray, /, *, strict: bool | None = None
    ) -> Self:
        """Another name of model_validate_json()."""
    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:
        """Make an instance of trusted values without any check."""
    @classmethod
    def model_json_schema(cls) -> dict[str, Any]:
        """The JSON Schema (draft 2020-12) of this model."""
    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, with some values replaced without a check."""
    def copy(self) -> Self:
        """A shallow copy."""
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: dict[int, Any], /) -> Self: ...
    def __replace__(self, **changes: Any) -> Self: ...
    def __iter__(self) -> Iterator[tuple[str, Any]]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __rich_repr__(self) -> list[tuple[str, Any]]: ...
    def _repr_html_(self) -> str: ...
    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]: ...
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any, /) -> Any: ...
    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any, /) -> Any: ...
'''

MODEL_LIST = '''\
class ModelList(list[_T]):
    """A list of models, such as users. It is a list in every way, and has methods that make records
    and data frames.

    Lists that a server sent are of this class. So are their slices, copies and sums. To make one
    from any models, use for example ModelList(client.iter_users()).
    """

    def copy(self) -> ModelList[_T]:
        """A shallow copy."""
    @overload
    def __getitem__(self, key: SupportsIndex, /) -> _T: ...
    @overload
    def __getitem__(self, key: slice, /) -> ModelList[_T]: ...
    @overload
    def __add__(self, other: list[_T], /) -> ModelList[_T]: ...
    @overload
    def __add__(self, other: list[_S], /) -> ModelList[_S | _T]: ...
    def __mul__(self, times: SupportsIndex, /) -> ModelList[_T]: ...
    def __rmul__(self, times: SupportsIndex, /) -> ModelList[_T]: ...
    def _repr_html_(self) -> str: ...
    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]: ...
'''

CLIENT_BASE = '''\
@type_check_only
class Client:
    """What all clients share: one server, its connections, a key and options."""

@INIT@
    @property
    def base_url(self) -> str:
        """Address of the server, normalised."""
    @property
    def api_key(self) -> str | _KeySource | None:
        """Key or token that is sent, or the function that returns it; None: there is no key.
        Views share it, except views that have their own key.
        """
    @api_key.setter
    def api_key(self, value: str | _KeySource | None, /) -> None: ...
    @property
    def closed(self) -> bool:
        """Whether the client was closed."""
    @property
    def raw(self) -> bool:
        """Whether methods return RawResponse; see with_raw_response."""
@OPTIONS@
    def stats(self) -> ClientStats:
        """Statistics since the client was made, over all its views, threads and tasks."""

class BlockingClient(Client):
    """The base of the clients whose methods block."""

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
    ) -> RawResponse:
        """Call any route of the server, such as a route that has no method here.

        Returns:
            RawResponse: the answer with any status; see its raise_for_status().
        """
    def get_version(self) -> str:
        """The server's version, such as '0.12.4'. It is requested once."""
    @overload
    def map(
        self,
        method: Callable[..., _T],
        arguments: Iterable[Any],
        *,
        concurrency: int = 16,
        return_exceptions: Literal[False] = False,
    ) -> Generator[_T, None, None]:
        """Call one method many times, several at once, and yield what it returns in order."""
    @overload
    def map(
        self,
        method: Callable[..., _T],
        arguments: Iterable[Any],
        *,
        concurrency: int = 16,
        return_exceptions: bool,
    ) -> Generator[_T | Exception, None, None]: ...
    def close(self) -> None:
        """Close the connections; this client and its views cannot be used any more."""
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

class AsyncClient(Client):
    """The base of the clients whose methods are coroutines."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
    ) -> RawResponse:
        """Call any route of the server, such as a route that has no method here.

        Returns:
            RawResponse: the answer with any status; see its raise_for_status().
        """
    async def get_version(self) -> str:
        """The server's version, such as '0.12.4'. It is requested once."""
    @overload
    def map(
        self,
        method: Callable[..., Coroutine[Any, Any, _T]],
        arguments: Iterable[Any],
        *,
        concurrency: int = 16,
        return_exceptions: Literal[False] = False,
    ) -> AsyncGenerator[_T, None]:
        """Call one method many times, several at once, and yield what it returns in order."""
    @overload
    def map(
        self,
        method: Callable[..., Coroutine[Any, Any, _T]],
        arguments: Iterable[Any],
        *,
        concurrency: int = 16,
        return_exceptions: bool,
    ) -> AsyncGenerator[_T | Exception, None]: ...
    async def close(self) -> None:
        """Close the connections; this client and its views cannot be used any more."""
    async def aclose(self) -> None:
        """Another name of close()."""
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...
'''

NOT_BLOCKING = '''\
@final
class PendingCall:
    """One call that does not block. Not for users: see _aio and _sync."""

    @classmethod
    def of_method(
        cls, method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], /
    ) -> PendingCall:
        """A call of a method of a client."""
    @classmethod
    def check_method(cls, client: Client, method: Callable[..., Any], /) -> None:
        """Refuse anything that is not a method of this client."""
    @classmethod
    def of_request(
        cls, client: Client, method: str, path: str, params: Any, json: Any, /
    ) -> PendingCall:
        """A call of any route."""
    @classmethod
    def of_version(cls, client: Client, /) -> PendingCall:
        """The request for the server's version."""
    @classmethod
    def of_farewell(cls, client: Client, /) -> PendingCall:
        """Close the client; the call is done when nothing of the client runs any more."""
    @property
    def done(self) -> bool:
        """Whether the call has ended."""
    @property
    def has_event(self) -> bool:
        """Whether the call waits for tell()."""
    @property
    def client(self) -> Client:
        """The client itself, not a view of it."""
    @property
    def ports(self) -> dict[AbstractEventLoop, Port]:
        """The client's ports by their event loop."""
    def start(self, port: Port, future: Future[None] | None, /) -> None:
        """Check the arguments and begin."""
    def ask_key(self) -> Any:
        """Get the key from its function. If the result is not a str, return it: it is awaited."""
    def set_key(self, key: Any, /) -> None:
        """Use this key."""
    def tell(self) -> object:
        """Report the event to hooks and logs; the hook's return value."""
    def resume(self, future: Future[None] | None, /) -> None:
        """Go on after an event."""
    def close_client(self) -> None:
        """Close the client, without waiting for anything."""
    def cancel(self) -> None:
        """Stop the call, unless it is done."""
    def finish(self) -> Any:
        """Return the result or raise the exception, once."""

@final
class Port:
    """The port where one loop or thread gets news of the client's pending calls. Not for users."""

    def __new__(cls, client: Client, /) -> Self: ...
    @property
    def is_foreign(self) -> bool:
        """Whether a parent of this process made the port."""
    def fileno(self) -> int:
        """The descriptor, readable while there is news."""
    def drain(self) -> list[PendingCall]:
        """Take all news: futures get a result, calls without a future are returned."""
    def wait(self, seconds: float | None, /) -> bool:
        """Block until there is news, or for this many seconds; None: no limit."""
    def close(self) -> None:
        """Stop the calls that were started here, and close the descriptor."""
'''

RAW_RESPONSE = '''\
@final
class RawResponse:
    """An answer as the server sent it: status, header lines and body.

    The methods of `client.with_raw_response` and `client.request()` return it. They refuse no
    status; only `parse()` and `raise_for_status()` can refuse one.
    """

    @property
    def method(self) -> str:
        """HTTP method."""
    @property
    def url(self) -> str:
        """URL of the request, without its query."""
    @property
    def status_code(self) -> int:
        """HTTP status."""
    @property
    def ok(self) -> bool:
        """Whether the status is 200 to 299."""
    @property
    def headers(self) -> Headers:
        """Header lines, read by name in any case."""
    @property
    def content(self) -> bytes:
        """The body as bytes, decompressed."""
    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are replaced."""
    @property
    def elapsed(self) -> float:
        """Seconds that the call took."""
    def json(self) -> Any:
        """The body as plain Python values, read strictly."""
    def parse(self) -> Any:
        """The value that the client's method itself would have returned."""
    def raise_for_status(self) -> Self:
        """This answer, if its status is 200 to 299."""
'''

HEAD = '''\
# Generated by scripts/generate_reference.py from the tables of the core: do not edit.
# ruff: noqa: A002, UP043
import dataclasses
import datetime
import inspect
import os
from asyncio import AbstractEventLoop, Future
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from types import TracebackType
from typing import (
    Any,
    ClassVar,
    Literal,
    SupportsIndex,
    TypeAlias,
    TypedDict,
    TypeVar,
    final,
    overload,
    type_check_only,
)

import pandas as pd  # type: ignore[import-not-found, import-untyped, unused-ignore]
import polars as pl
import pyarrow as pa  # type: ignore[import-not-found, import-untyped, unused-ignore]
from typing_extensions import Self

from ._describe import FieldInfo
from ._headers import Headers
from .options import ClientStats, RequestEvent, ResponseEvent, Retry, Timeout

_IncEx: TypeAlias = (
    set[int]
    | set[str]
    | set[int | str]
    | Mapping[int, Any]
    | Mapping[str, Any]
    | Mapping[int | str, Any]
)

# The function that returns the key of each call. A client that blocks needs the key itself.
_KeySource: TypeAlias = Callable[[], str | Awaitable[str]]
_T = TypeVar("_T")
_S = TypeVar("_S")

__version__: str

def model_table() -> list[dict[str, Any]]:
    """The table of models, as a list of dicts."""

def endpoint_table() -> list[dict[str, Any]]:
    """The table of calls, as a list of dicts."""

def option_table() -> list[dict[str, Any]]:
    """The options of clients, as a list of dicts."""

def core_defaults() -> dict[str, Any]:
    """The core's values for options that are not given, by name."""

def json_merge(document: str | bytes, patch: str | bytes, /) -> bytes:
    """A JSON text after a merge patch (RFC 7396). The text of numbers does not change."""

def json_diff(before: str | bytes, after: str | bytes, /) -> bytes:
    """The merge patch that turns one JSON text into the other."""

def json_equal(a: str | bytes, b: str | bytes, /) -> bool:
    """Whether two JSON texts are equal as values."""

def columns_of(
    models: Iterable[Model], names: set[Any] | frozenset[Any] | None = None, /
) -> tuple[list[str], list[str]]:
    """The names of the models in a list, in the order of their first instance; and the unknown keys
    that the models keep: those among names, or all.
    """

@overload
def columns(
    models: Iterable[Model], names: tuple[str, ...], as_json: Literal[False], /
) -> list[list[Any]]:
    """The values of each of these fields and kept keys, as in model_dump() or as JSON; None if
    there is no value.
    """

@overload
def columns(
    models: Iterable[Model], names: tuple[str, ...], as_json: Literal[True], /
) -> list[list[str | None]]: ...
def records(names: tuple[str, ...], lists: tuple[list[Any], ...], /) -> list[dict[str, Any]]:
    """A dict for each row of columns of these names."""

def column_facts(values: list[Any], /) -> tuple[set[str], int, int, int]:
    """Facts about the values of a list: kinds, the least and the greatest integer, the first row
    with a lone surrogate or -1.
    """

def version_info() -> dict[str, str]:
    """Versions of this package, of libcurl, of the TLS library and of cJSON, by name."""

'''

# The type that an option is read as, if it differs from the types that may be given.
READ_AS = {
    "timeout": "Timeout",
    "retry": "Retry",
    "extra_headers": "dict[str, str]",
    "user_agent": "str",
}
