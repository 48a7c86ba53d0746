"""Operations of clients: see operations.py. They need the server of answers.py."""

from __future__ import annotations

import importlib
import inspect
import json
import pathlib
import pickle
from collections import UserDict
from collections.abc import Callable
from functools import partial
from typing import Any

from answers import ordered
from operations import ERRORS_ARE_PYTHON, SETTINGS_TEXT, Operation, Operations, caught
from samples import ENDPOINTS, answer_of, arguments, heap_types, sample

from openwebui_users import errors
from openwebui_users.options import Retry, Timeout

# Much of what is done here is wrong on purpose, so its types are nobody's matter.
package: Any = importlib.import_module("openwebui_users")
_core: Any = importlib.import_module("openwebui_users._core")
AsyncUsersClient: Any = package.AsyncUsersClient
UsersClient: Any = package.UsersClient
PendingCall: Any = _core.PendingCall
Port: Any = _core.Port

SETTINGS, PERMISSIONS = sample("UserSettings"), sample("UserPermissions")
KEY = "sk-secret"
CLIENT: Any = heap_types()["Client"]  # has no name in the module


def forever(client: Any) -> Any:
    """A client whose end nobody is warned of: it lives as long as the process."""
    _kept.append(client)
    return client


_kept: list[Any] = []


# ---------------------------------------------------------------- making, options, attributes


def _hook(_: object) -> None:
    pass


# Without os.environ, whose own errors are CPython's matter: see EXCEPTIONS in sweep.py.
EXPLICIT: dict[str, Any] = {"trust_env": False, "proxy": "", "retry": 0}

OPTIONS: dict[str, Any] = {
    "timeout": Timeout(5, connect=1),
    "retry": Retry(3),
    "extra_headers": {"X-A": "b", "X-B": "c"},
    "follow_redirects": True,
    "max_body": 5_000_000,
    "password_limit": None,
    "on_request": _hook,
    "on_response": _hook,
    "user_agent": "tests/1",
    "verify": True,
    "ca_file": None,
    "client_cert": None,
    "proxy": "http://127.0.0.1:9",
    "trust_env": False,
    "unix_socket": pathlib.Path("/nowhere/söcket"),
    "max_connections": 5,
}

WRONG: dict[str, list[Any]] = {
    "timeout": ["5", True, 0, -1, float("nan")],
    "retry": ["2", -1, True],
    "extra_headers": [["a"], {"Authorization": "x"}, {"a b": "x"}, {"a": ""}, {"a": "1", "A": "2"}],
    "follow_redirects": [1],
    "max_body": [0, None, 2**80],
    "password_limit": [0, "1"],
    "on_request": [1],
    "on_response": [1],
    "user_agent": [1, "a\nb", "\ud800"],
    "verify": ["no"],
    "ca_file": [1, "/nowhere/cä.pem"],
    "client_cert": ["/nowhere/cert.pem", ("a",), (1, 2)],
    "proxy": [1, "ftp://p:1", "p", "http://us\x01er"],
    "trust_env": [None],
    "unix_socket": [1, "a\0b"],
    "max_connections": [0, "1", 2**80],
    "größe": [1],
}


def making(url: str) -> Operations:
    for cls in (UsersClient, AsyncUsersClient):
        name = cls.__name__

        def client(cls: Any = cls, **options: Any) -> Any:
            return cls(url, KEY, **{**EXPLICIT, **options})

        yield Operation(f"Client.__init__: {name}", lambda client=client: _of(client()))
        yield Operation(
            f"Client.__init__: {name} numbers",
            lambda client=client: _of(client(timeout=5, retry=None)),
            True,
        )
        yield Operation(
            f"Client.__reduce__: {name}",
            lambda client=client: _of(_restored(client(extra_headers={"X-A": "b"}))),
        )
        yield Operation(
            f"Client.__setstate__: {name} wrong",
            partial(caught, TypeError, lambda cls=cls: cls.__new__(cls).__setstate__(1)),
        )
    yield Operation("Client.__new__", partial(caught, TypeError, CLIENT))
    yield Operation(
        "Client.__new__: not initialised", lambda: repr(UsersClient.__new__(UsersClient))
    )
    yield Operation(
        "Client.__init__: keywords", lambda: _of(UsersClient(base_url=url, api_key=KEY, **EXPLICIT))
    )
    yield Operation(
        "Client.__init__: callable key",
        lambda: type(UsersClient(url, _key, **EXPLICIT).api_key).__name__,
    )
    yield Operation(
        "Client.__init__: twice",
        partial(caught, RuntimeError, lambda: UsersClient(url, KEY, **EXPLICIT).__init__(url)),
    )
    yield Operation(
        "Client.__init__: three", partial(caught, TypeError, lambda: UsersClient(url, KEY, 1))
    )
    yield Operation(
        "Client.__init__: both",
        partial(caught, TypeError, lambda: UsersClient(url, base_url=url)),
    )
    yield Operation(
        "ConfigurationError: base_url",
        partial(caught, errors.ConfigurationError, lambda: UsersClient("ftp://x", KEY, **EXPLICIT)),
        ERRORS_ARE_PYTHON,
    )
    yield Operation(
        "ConfigurationError: no base_url",
        partial(caught, errors.ConfigurationError, lambda: UsersClient("", KEY, **EXPLICIT)),
        ERRORS_ARE_PYTHON,
    )
    for number, key in enumerate(("sk x", "sk-ä", "\ud800")):
        yield Operation(
            f"ConfigurationError: api_key {number}",
            partial(
                caught, errors.ConfigurationError, lambda key=key: UsersClient(url, key, **EXPLICIT)
            ),
            ERRORS_ARE_PYTHON,
        )
    for name, value in OPTIONS.items():
        options = {"trust_env": False, "proxy": "", "retry": 0, name: value}
        yield Operation(
            f"Client.{name}: set",
            lambda options=options, name=name: repr(
                getattr(UsersClient(url, KEY, **options), name)
            ),
            python=name in ("timeout", "retry"),
        )
    for name, values in WRONG.items():
        for number, value in enumerate(values):
            yield Operation(
                f"option: {name} {number}",
                partial(
                    caught,
                    (TypeError, ValueError),
                    lambda name=name, value=value: UsersClient(
                        url, KEY, **{**EXPLICIT, name: value}
                    ),
                ),
                python=True,
            )


def _restored(client: Any) -> Any:
    """As pickle does it."""
    make, arguments, state = client.__reduce__()
    copied = make(*arguments)
    copied.__setstate__(state)
    return copied


def _key() -> str:
    return KEY


def _of(client: Any) -> object:
    """What a client was made with."""
    return client.base_url, client.api_key, repr(client), client.extra_headers, client.raw


def attributes(url: str) -> Operations:
    client = forever(UsersClient(url, KEY, **EXPLICIT))
    both = {"blocking": client, "async": forever(AsyncUsersClient(url, KEY, **EXPLICIT))}
    getset = [one for one, what in vars(CLIENT).items() if inspect.isgetsetdescriptor(what)]
    for what, one in both.items():
        for name in getset:
            # options that are shown as they would be given are made in Python
            yield Operation(
                f"Client.{name}: {what}",
                lambda one=one, name=name: _shown(getattr(one, name)),
                python=name in ("timeout", "retry"),
            )
        yield Operation(f"Client.__repr__: {what}", lambda one=one: repr(one))
        yield Operation(f"Client.stats: {what}", lambda one=one: type(one.stats()), python=True)
        yield Operation(f"Client.with_options: {what}", lambda one=one: _of(one.with_options()))
        yield Operation(
            f"Client.with_options: {what} key",
            lambda one=one: _of(one.with_options(api_key="sk-other")),
        )
        yield Operation(
            f"Client.with_options: {what} all",
            lambda one=one: _of(
                one.with_options(timeout=Timeout(3), extra_headers={"X-A": "b"}, max_body=9)
            ),
        )
        yield Operation(
            f"Client.with_options: {what} wrong",
            partial(caught, TypeError, lambda one=one: one.with_options(größe=1)),
        )
        yield Operation(
            f"Client.with_options: {what} fixed",
            partial(caught, TypeError, lambda one=one: one.with_options(proxy="")),
        )
    yield Operation("Client.api_key: set", lambda: setattr(client, "api_key", KEY))
    yield Operation(
        "Client.api_key: wrong",
        partial(caught, ValueError, lambda: setattr(client, "api_key", "ä")),
        True,
    )
    yield Operation("Client.__dict__: set", lambda: setattr(client.with_options(), "größe", 1))
    for name, attribute in vars(UsersClient).items():
        if type(attribute).__name__ == "EndpointMethod" and name in (
            "get_users",
            "update_user_by_id",
        ):
            yield from _method(attribute, name, client)
    for name, attribute in vars(AsyncUsersClient).items():
        if type(attribute).__name__ == "EndpointMethod" and name == "get_users":
            yield from _method(attribute, "async " + name, both["async"])


def _shown(value: object) -> object:
    return value if isinstance(value, (str, int, dict)) else type(value).__name__


def _method(method: Any, name: str, client: Any) -> Operations:
    kind = type(method)
    for one, what in vars(kind).items():
        if inspect.isgetsetdescriptor(what) or inspect.ismemberdescriptor(what):
            yield Operation(
                f"EndpointMethod.{one}: {name}",
                lambda one=one: getattr(method, one, None),
                python=one in ("__signature__", "_is_coroutine", "_is_coroutine_marker"),
            )
    yield Operation(f"EndpointMethod.__repr__: {name}", lambda: repr(method))
    yield Operation(f"EndpointMethod.__get__: {name}", lambda: method.__get__(client, type(client)))
    yield Operation(
        f"EndpointMethod.__reduce__: {name}", lambda: pickle.loads(pickle.dumps(method))
    )
    wrong: dict[str, Callable[..., object]] = {
        "no client": method,
        "other client": lambda: method(1),
        "keyword": lambda: method(client, größe=1),
        "many": lambda: method(client, *range(20)),
        "twice": lambda: method(client, 1, 2, query="", user_id=1, order_by=1),
        "missing": client.update_user_by_id,
        "both": lambda: client.update_user_by_id("a", {"name": "ä"}, name="b"),
    }
    for what, action in wrong.items():
        yield Operation(
            f"EndpointMethod.__call__: {name} {what}",
            lambda action=action: caught(TypeError, action),
        )


# ---------------------------------------------------------------- calls


def view(client: Any, body: str | bytes = "{}", **how: Any) -> Any:
    """The client whose every request gets this answer."""
    return client.with_options(extra_headers=ordered(body, **how))


def endpoints(url: str) -> Operations:
    """Each call of the table once, and raw."""
    client = forever(UsersClient(url, KEY, **EXPLICIT))
    for endpoint in ENDPOINTS:
        kind = "image/png" if endpoint["answer"]["kind"] == "bytes" else "application/json"
        own = view(getattr(client, endpoint["resource"]), answer_of(endpoint), kind=kind)
        own = own.with_options(api_key=KEY)  # signing in changes its key alone
        given = arguments(endpoint)
        name = f"{type(own).__name__}.{endpoint['name']}"
        yield Operation(
            name,
            lambda own=own, endpoint=endpoint, given=given: _plain(
                getattr(own, endpoint["name"])(**given)
            ),
        )
    get = view(client, '{"users": [], "total": 0}').with_raw_response
    for one in (
        "status_code",
        "ok",
        "headers",
        "content",
        "text",
        "method",
        "url",
        "json",
        "parse",
        "raise_for_status",
        "__repr__",
    ):
        yield Operation(
            f"RawResponse.{one}", lambda one=one: _part(get.get_users(), one), one == "headers"
        )
    yield Operation("RawResponse.elapsed", lambda: type(get.get_users().elapsed))
    empty = view(client)
    for source in ("ä", 5):
        yield Operation(
            f"BlockingClient.request: {source}",
            lambda source=source: (
                empty.request(
                    "post", "/api/x", params={"ä": source, "b": [1, True]}, json={"é": 1}
                ).text
            ),
        )
    yield Operation(
        "BlockingClient.request: mappings",
        lambda: empty.request("GET", "/api/x", params=UserDict({"ä": 1})).text,
        True,
    )
    for number, arguments_ in enumerate((("ä", "/"), ("GET", "ä b"), ("GET", "/../x"))):
        yield Operation(
            f"BlockingClient.request: wrong {number}",
            partial(caught, ValueError, lambda arguments_=arguments_: client.request(*arguments_)),
        )
    yield Operation(
        "BlockingClient.request: params",
        partial(caught, TypeError, lambda: client.request("GET", "/x", params={"a": {}})),
    )
    old = ordered('{"version": "0.9.1"}')
    yield Operation(
        "BlockingClient.get_version",
        lambda: UsersClient(url, KEY, **{**EXPLICIT, "extra_headers": old}).get_version(),
    )
    yield Operation("BlockingClient.close", lambda: UsersClient(url, KEY, **EXPLICIT).close())
    for name in ("__enter__", "__exit__"):
        yield Operation(f"BlockingClient.{name}", lambda: _entered(url))
    hooked = empty.with_options(on_request=_hook, on_response=_hook)
    yield Operation("UsersClient: hooks", hooked.get_user_info, True)
    # What is sent comes back: the server answers with the body.
    sent: dict[str, Callable[..., Any]] = {
        "dict": lambda: client.update_user_info({"é": [1, {"b": None}], "größe": 2.5}),
        "mapping": lambda: client.update_user_info(UserDict({"é": 1})),
        "form": lambda: client.update_user_variables({"variables": {"ä": "b"}}),
        "bare": lambda: client.update_user_variables({"ä": "b"}),
        "settings": lambda: client.update_user_settings(
            package.UserSettings.model_validate(SETTINGS)
        ),
        "read": lambda: client.update_user_settings(
            package.UserSettings.model_validate_json(SETTINGS_TEXT)
        ),
        "carried": lambda: _carried(client),
    }
    for name, action in sent.items():
        yield Operation(
            f"EndpointMethod.__call__: {name}",
            lambda action=action: _plain(action()),
            name == "mapping",
        )


def _carried(client: Any) -> object:
    permissions = package.UserPermissions.model_validate(PERMISSIONS)
    permissions.model_unknown["größe"] = "ü"
    return client.update_default_user_permissions(permissions)


def _entered(url: str) -> object:
    with UsersClient(url, KEY, **EXPLICIT) as client:
        return client.closed


def _plain(value: Any) -> object:
    return value


def _part(response: Any, name: str) -> object:
    part = getattr(response, name)
    if name in ("json", "parse", "__repr__"):
        return part()
    return type(part()).__name__ if callable(part) else part


# ---------------------------------------------------------------- failures of calls

STATUSES = (400, 401, 403, 404, 405, 409, 413, 422, 429, 418, 500, 502, 503)

ANSWERS: dict[str, dict[str, Any]] = {
    "no JSON": {"body": '{"users": ['},
    "not as declared": {"body": '{"users": [{"id": 1}, 5], "total": "x"}'},
    "empty": {"body": ""},
    "deep": {"body": "[" * 300},
    "bad UTF-8": {"body": b'{"users": "\xff", "total": 0}'},
    "web page": {"body": "<!doctype html>", "kind": "text/html"},
    "redirect": {"body": "", "status": "302 Found", "lines": ["Location: /elsewhere"]},
    "unsupported": {"body": "[]", "status": "404 Not Found"},
    "reset": {"fault": "reset"},
    "short body": {"fault": "short_body"},
    "cut chunks": {"fault": "cut_chunks"},
    "not HTTP": {"fault": "not_http"},
    "bad status line": {"fault": "bad_status_line"},
    "huge header": {"fault": "huge_header"},
    "bomb": {"fault": "bomb", "size": 3_000_000},
}


def failures(url: str) -> Operations:
    """Every way in which a call fails."""
    client = forever(UsersClient(url, KEY, **EXPLICIT)).with_options(max_body=100_000)

    def failing(
        name: str, action: Callable[..., object], kind: Any = errors.OpenWebUIError
    ) -> Operation:
        return Operation(f"failure: {name}", lambda: caught(kind, action), python=True)

    for status in STATUSES:
        detail = json.dumps({"detail": [{"msg": "nö", "loc": ["body", "ä"]}, KEY]})
        own = view(client, detail, status=f"{status} Fault", lines=["Retry-After: 500"])
        yield failing(f"status {status}", own.get_users)
        yield failing(
            f"status {status} raw",
            lambda own=own: own.with_raw_response.get_users().raise_for_status(),
        )
    for name, how in ANSWERS.items():
        own = view(client, **{"body": "{}", **how})
        yield failing(name, own.get_users)
        if "fault" not in how:
            yield failing(f"{name} raw", lambda own=own: own.with_raw_response.get_users().parse())
    raw = view(client, "<p>").with_raw_response
    yield failing("page as JSON", lambda: raw.get_users().json())
    slow = view(client, fault="silence", seconds=0.2).with_options(timeout=0.01)
    # their texts say how long it took
    yield Operation(
        "failure: timeout", lambda: bool(caught(errors.APITimeoutError, slow.get_users)), True
    )
    nowhere = forever(UsersClient("http://127.0.0.1:1", KEY, **EXPLICIT))
    yield Operation(
        "failure: refused", lambda: type(caught(errors.ConnectError, nowhere.get_users)), True
    )
    closed = UsersClient(url, KEY, **EXPLICIT)
    closed.close()
    yield failing("closed", closed.get_users)
    yield failing("closed enter", closed.__enter__)
    hooked = view(client).with_options(on_request=_raise)
    yield failing("hook", hooked.get_user_info, ZeroDivisionError)
    answered = view(client).with_options(on_response=_raise)
    yield failing("hook after", answered.get_user_info, ZeroDivisionError)
    keyed = client.with_options(api_key=_raise)
    yield failing("key source", keyed.get_user_info, ZeroDivisionError)
    yield failing("key of no str", client.with_options(api_key=lambda: 5).get_user_info, TypeError)
    yield failing("token", _adopts(client, {"token": "ä\n"}))
    given: dict[str, Callable[..., object]] = {
        "path type": lambda: client.get_user_by_id(5),
        "path": lambda: client.get_user_by_id("../ä"),
        "query": lambda: client.get_users(page=0),
        "query type": lambda: client.get_users(query=5),
        "form": lambda: client.auths.add_user(name=5),
        "form type": lambda: client.auths.add_user(5),
        "body": lambda: client.update_user_info({"a": object()}),
        "password": lambda: client.auths.add_user(name="a", email="a", password="ä" * 40),
        "own cycle": lambda: client.update_user_info(_cycle()),
    }
    for name, action in given.items():
        yield failing(f"argument {name}", action, (TypeError, ValueError))


def _cycle() -> Any:
    data: dict[str, Any] = {}
    data["ä"] = data
    return data


def _raise(*_: object) -> Any:
    return 1 // 0


def _adopts(client: Any, answer: dict[str, Any]) -> Callable[..., object]:
    own = (
        view(client, json.dumps({**sample("SigninResponse"), **answer}))
        .with_options(api_key=KEY)
        .auths
    )
    return lambda: own.signin(email="ä", password="b")


# ---------------------------------------------------------------- calls that do not block


def _ended(port: Any, pending: Any) -> bool:
    for _ in range(200):
        if pending.done:
            return True
        port.wait(0.1)
        port.drain()
        if pending.has_event:
            pending.tell()
            pending.resume(None)
    return False


def _carry(client: Any, make: Callable[..., Any]) -> object:
    port = Port(client)
    try:
        pending = make()
        pending.ask_key()
        pending.start(port, None)
        _ended(port, pending)
        return pending.finish()
    finally:
        port.close()


def pending(url: str) -> Operations:
    clients = {
        "UsersClient": forever(UsersClient(url, KEY, **EXPLICIT)),
        "AsyncUsersClient": forever(AsyncUsersClient(url, KEY, **EXPLICIT)),
    }
    for name, client in clients.items():
        own = view(client, '{"users": [], "total": 0}')
        info = client.get_user_info_by_id

        yield Operation(
            f"PendingCall.of_method: {name}",
            partial(_carry, own, partial(PendingCall.of_method, own.get_users, (), {"query": "ä"})),
        )
        yield Operation(
            f"PendingCall.of_method: {name} body",
            partial(
                _carry,
                client,
                partial(PendingCall.of_method, client.update_user_info, ({"ä": [1]},), {}),
            ),
        )
        yield Operation(
            f"PendingCall.of_request: {name}",
            partial(
                _text_of, own, partial(PendingCall.of_request, own, "GET", "/x", {"ä": 1}, {"é": 2})
            ),
        )
        yield Operation(
            f"PendingCall.of_version: {name}",
            partial(_carry, client, partial(PendingCall.of_version, client)),
        )
        hooked = own.with_options(on_request=_hook, on_response=_hook)
        yield Operation(
            f"PendingCall.tell: {name}",
            partial(_carry, hooked, partial(PendingCall.of_method, hooked.get_users, (), {})),
            True,
        )
        yield Operation(
            f"PendingCall.check_method: {name}",
            lambda client=client, info=info: PendingCall.check_method(client, info),
        )
        yield Operation(
            f"PendingCall.check_method: {name} wrong",
            partial(caught, TypeError, lambda client=client: PendingCall.check_method(client, len)),
        )
        yield Operation(
            f"PendingCall.of_method: {name} wrong",
            partial(
                caught, TypeError, lambda info=info: PendingCall.of_method(info, (), {"größe": 1})
            ),
        )
        yield Operation(
            f"PendingCall.start: {name} wrong",
            partial(
                caught,
                TypeError,
                lambda client=client: PendingCall.of_version(client).start(1, None),
            ),
        )
        yield Operation(
            f"PendingCall.start: {name} argument",
            lambda client=client, info=info: _refused(client, info),
            True,
        )
        yield Operation(f"PendingCall.cancel: {name}", lambda own=own: _cancelled(own))
        yield Operation(
            f"PendingCall.finish: {name} not done",
            lambda client=client: caught(RuntimeError, PendingCall.of_version(client).finish),
        )
        yield Operation(
            f"PendingCall.tell: {name} not told",
            lambda client=client: caught(RuntimeError, PendingCall.of_version(client).tell),
        )
        yield Operation(
            f"PendingCall.set_key: {name}",
            lambda client=client: PendingCall.of_version(client).set_key("ä"),
        )
        # what a call that is carried through goes by
        for one in ("start", "ask_key", "tell", "resume", "finish"):
            yield Operation(
                f"PendingCall.{one}: {name} carried",
                partial(_carry, hooked, partial(PendingCall.of_method, hooked.get_users, (), {})),
                python=True,
            )
        for one in ("fileno", "wait", "drain", "is_foreign"):
            yield Operation(f"Port.{one}: {name}", partial(_port, client))
        for one in ("done", "has_event", "client", "ports"):
            yield Operation(
                f"PendingCall.{one}: {name}",
                lambda client=client, one=one: type(getattr(PendingCall.of_version(client), one)),
            )
        yield Operation(f"Port.__new__: {name}", lambda client=client: _port(client))
        yield Operation(f"Port.close: {name} under way", lambda own=own: _abandoned(own))
    yield Operation("Port.__new__: wrong", partial(caught, TypeError, lambda: Port(1)))
    yield Operation("PendingCall.of_farewell", lambda: _farewell(url))
    yield Operation("PendingCall.close_client", lambda: _closed(url))
    one = clients["AsyncUsersClient"]
    yield Operation("EndpointMethod.__call__: coroutine", lambda: one.get_users().close(), True)
    missing = view(one, "{}", status="404 Not Found")
    yield Operation(
        "failure: pending status",
        partial(
            caught,
            errors.NotFoundError,
            partial(_carry, missing, partial(PendingCall.of_method, missing.get_users, (), {})),
        ),
        True,
    )


def _text_of(client: Any, make: Callable[..., Any]) -> object:
    response: Any = _carry(client, make)
    return response.text


def _port(client: Any) -> object:
    port = Port(client)
    try:
        return port.fileno() > 0, port.wait(0), port.drain(), port.is_foreign
    finally:
        port.close()


def _refused(client: Any, method: Any) -> object:
    port = Port(client)
    try:
        return caught(TypeError, partial(PendingCall.of_method(method, (5,), {}).start, port, None))
    finally:
        port.close()


def _cancelled(client: Any) -> object:
    port = Port(client)
    try:
        pending = PendingCall.of_method(client.get_users, (), {})
        pending.start(port, None)
        pending.cancel()
        return _ended(port, pending)
    finally:
        port.close()


def _abandoned(client: Any) -> object:
    port = Port(client)
    pending = PendingCall.of_method(client.get_users, (), {})
    try:
        pending.start(port, None)
    finally:
        port.close()
    return pending.done


def _farewell(url: str) -> object:
    client = AsyncUsersClient(url, KEY, **EXPLICIT)
    port = Port(client)
    try:
        pending = PendingCall.of_farewell(client)
        pending.start(port, None)
        return _ended(port, pending), client.closed
    finally:
        port.close()


def _closed(url: str) -> object:
    client = AsyncUsersClient(url, KEY, **EXPLICIT)
    PendingCall.of_farewell(client).close_client()
    return client.closed
