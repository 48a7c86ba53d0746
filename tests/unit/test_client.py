"""The clients on the embedded server, and on a raw socket where a server has to misbehave."""

from __future__ import annotations

import contextlib
import inspect
import json
import pickle
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
from every_call import EveryCall
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_server import RawServer, in_turn, reply

from openwebui_users import (
    AdminRequiredError,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    EmailTakenError,
    InvalidPasswordError,
    NotFoundError,
    OpenWebUIError,
    PermissionDeniedError,
    RedirectError,
    ResponseDecodeError,
    ResponseValidationError,
    UnexpectedContentTypeError,
    UnprocessableEntityError,
    UnsupportedByServerError,
    UserModel,
    UserNotFoundError,
    UsersClient,
    UserUpdateForm,
    UserVariablesForm,
    ValidationError,
    _core,
)
from openwebui_users.testing import EmbeddedServer

KEY = "sk-0123456789abcdef"
HOSTILE = ["a?x=1", "a#f", "é ü", "%2F", "a%2e%2e", "&=+;", "\u2028"]
REFUSED = [
    *("../auths/admin/config", "a/b?x=1", "user/settings", "", ".", "..", "%2e%2e", "%2E."),
    *("%252e%252e", "\0", "a\0b", "a\nb", "\r", "\x7f"),
]


@pytest.fixture(scope="module")
def running() -> Iterator[EmbeddedServer]:
    with EmbeddedServer() as server:
        yield server


@pytest.fixture
def server(running: EmbeddedServer) -> EmbeddedServer:
    running.reset()
    return running


@pytest.fixture
def client(server: EmbeddedServer) -> Iterator[UsersClient]:
    with UsersClient(server.url, server.admin_token) as connected:
        yield connected


# ---------------------------------------------------------------- ids


@pytest.mark.parametrize("user_id", HOSTILE)
def test_an_id_is_one_segment(client: UsersClient, server: EmbeddedServer, user_id: str) -> None:
    with contextlib.suppress(UserNotFoundError, UnexpectedContentTypeError):
        client.get_user_by_id(user_id)
    (request,) = server.requests
    *route, last = request.path.split("/")
    assert route == ["", "api", "v1", "users"]
    assert urllib.parse.unquote(last) == user_id
    assert request.query == ""


@pytest.mark.parametrize("user_id", REFUSED)
def test_an_id_that_would_leave_its_route_is_refused(
    client: UsersClient, server: EmbeddedServer, user_id: str
) -> None:
    with pytest.raises(ValueError, match="user_id"):
        client.get_user_by_id(user_id)
    assert server.requests == []


@pytest.mark.parametrize("word", ["all", "groups", "search", "permissions"])
def test_an_id_that_names_another_route_is_refused(
    client: UsersClient, server: EmbeddedServer, word: str
) -> None:
    for call in (client.get_user_by_id, client.delete_user_by_id):
        with pytest.raises(ValueError, match=f"word of the path of users\\..*{word}"):
            call(word)
    with pytest.raises(ValueError, match=r"users\.get_user_info, which"):
        client.get_user_info_by_id("user")
    assert server.requests == []


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(user_id=st.text(min_size=1, max_size=30))
def test_any_id_decodes_back(running: EmbeddedServer, user_id: str) -> None:
    running.reset()
    with UsersClient(running.url, running.admin_token) as client:
        try:
            client.get_user_by_id(user_id)
        except (UserNotFoundError, UnexpectedContentTypeError):
            (request,) = running.requests
            segments = request.path.split("/")
            assert len(segments) == 5
            assert urllib.parse.unquote(segments[4]) == user_id
        except ValueError:
            assert running.requests == []
        else:
            pytest.fail("nobody has this id")


@pytest.mark.parametrize("query", ["a&b=c#d+e%", "é 中 🦆", "%", "'\"\\"])
def test_query_values_arrive_as_given(
    client: UsersClient, server: EmbeddedServer, query: str
) -> None:
    client.search_users(query=query, page=2)
    (request,) = server.requests
    assert urllib.parse.parse_qs(request.query) == {"query": [query], "page": ["2"]}


# ---------------------------------------------------------------- bodies


def test_a_form_sends_what_was_set_and_nothing_else(
    client: UsersClient, server: EmbeddedServer
) -> None:
    ann = server.add_user("Ann", "ann@example.com")
    forms: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((UserUpdateForm(name="x"),), {}),
        (({"name": "x"},), {}),
        ((), {"name": "x"}),
    ]
    for args, keywords in forms:
        client.update_user_by_id(ann.id, *args, **keywords)
        assert server.requests[-1].body == b'{"name":"x"}'
    client.update_user_by_id(ann.id, name="y", password=None)
    assert server.requests[-1].body == b'{"name":"y","password":null}'


def test_another_class_is_a_type_error(client: UsersClient, server: EmbeddedServer) -> None:
    user = client.get_users().users[0]
    assert isinstance(user, UserModel)
    call: Any = client.update_user_by_id
    with pytest.raises(TypeError, match="UserUpdateForm"):
        call(user.id, user)
    with pytest.raises(TypeError, match="shoe_size"):
        call(user.id, shoe_size=44)
    with pytest.raises(TypeError):
        call()
    assert len(server.requests) == 1


def test_a_body_that_does_not_fit_is_not_sent(client: UsersClient, server: EmbeddedServer) -> None:
    with pytest.raises(ValidationError) as caught:
        client.update_user_by_id("x", {"name": 5, "role": []})
    assert [e["loc"] for e in caught.value.errors()] == [("role",), ("name",)]
    form = UserUpdateForm()
    form.name = 5  # type: ignore[assignment]
    with pytest.raises(ValidationError):
        client.update_user_by_id("x", form)
    assert server.requests == []


def test_variables_are_given_bare_or_as_a_form(client: UsersClient, server: EmbeddedServer) -> None:
    for given_as in (
        {"a": "b"},
        {"variables": {"a": "b"}},
        UserVariablesForm(variables={"a": "b"}),
    ):
        assert client.update_user_variables(given_as).variables == {"a": "b"}
        assert server.requests[-1].body == b'{"variables":{"a":"b"}}'
    assert client.update_user_variables({"variables": "x"}).variables == {"variables": "x"}
    assert client.get_user_variables().variables == {"variables": "x"}


def test_a_view_with_a_key_of_its_own(client: UsersClient, server: EmbeddedServer) -> None:
    """It acts as somebody else, over the same connections, and changes nobody else's key."""
    ann = server.add_user("Ann", "ann@example.com", "password")
    hers = client.with_options(api_key=ann.token)
    assert hers.api_key == ann.token and client.api_key != ann.token
    assert ann.token not in repr(hers)
    assert hers.auths.get_session_user().id == ann.id  # views of it too
    assert client.auths.get_session_user().email == server.admin_email
    assert pickle.loads(pickle.dumps(hers)).api_key == ann.token
    hers.auths.sign_out()  # of this view of it alone
    assert client.auths.get_session_user().email == server.admin_email

    other = client.with_options(api_key="").auths
    assert other.api_key is None and "no api_key" in repr(other)
    with pytest.raises(AuthenticationError):
        other.get_session_user()
    other.signin(email="ann@example.com", password="password")
    assert other.get_session_user().id == ann.id
    assert client.api_key == server.admin_token

    keys = iter([server.admin_token, "wrong"])
    asked = client.with_options(api_key=lambda: next(keys))
    assert asked.get_users().total == 2
    with pytest.raises(AuthenticationError):
        asked.get_users()
    with pytest.raises(ConfigurationError, match="line end") as caught:
        client.with_options(api_key="secret\n")
    assert "secret" not in str(caught.value)
    with pytest.raises(TypeError):
        client.with_options(api_key=7)  # type: ignore[arg-type]


def test_a_password_that_no_server_takes_is_not_sent(
    client: UsersClient, server: EmbeddedServer
) -> None:
    secret = "é" * 37
    with pytest.raises(ValueError, match="72") as caught:
        client.auths.add_user(name="A", email="a@example.com", password=secret, role="user")
    assert secret not in str(caught.value)
    assert server.requests == []
    unchecked = client.with_options(password_limit=None)
    with pytest.raises(BadRequestError):
        unchecked.auths.add_user(name="A", email="a@example.com", password=secret, role="user")


def test_exact_numbers_and_texts(client: UsersClient) -> None:
    hard = {"over": 2**53 + 1, "big": 10**30, "text": 'a\0b " \\ \u2028 🦆', "f": [1.5, None, True]}
    assert client.update_user_info(hard) == hard
    info = client.get_user_info()
    assert info == hard
    assert client.update_user_info(info) == hard


# ---------------------------------------------------------------- sessions and options


def test_sign_in_adopts_the_token_for_all_resources(server: EmbeddedServer) -> None:
    with UsersClient(server.url) as client:
        with pytest.raises(AuthenticationError):
            client.get_users()
        client.auths.signin(
            email=server.admin_email, password=server.admin_password, set_client_api_key=False
        )
        with pytest.raises(AuthenticationError):
            client.get_users()
        client.auths.signin(email=server.admin_email, password=server.admin_password)
        assert client.get_users().total == 1
        assert client.groups.get_groups() == []
        client.auths.sign_out()
        with pytest.raises(AuthenticationError):
            client.get_users()


@pytest.mark.parametrize("suffix", ["", "/", "/api", "/api/", "/api/v1", "/api/v1/"])
def test_base_urls(server: EmbeddedServer, suffix: str) -> None:
    with UsersClient(server.url + suffix, server.api_key) as client:
        assert client.get_users().total == 1
        assert client.get_version() == "0.12.4"


@pytest.mark.parametrize(
    "base",
    [
        *["", "example.com", "file:///etc/passwd", "ftp://h", "http://", "http://u:p@h"],
        *["http://h?q", "http://h/a/../b", "http://h\r\nX: y", "http://h/\0"],
    ],
)
def test_base_urls_that_are_refused(base: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        UsersClient(base, KEY)
    assert KEY not in str(caught.value)


def test_the_environment_stands_in(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENWEBUI_URL", server.url)
    monkeypatch.setenv("OPENWEBUI_API_KEY", server.api_key)
    with UsersClient() as client:
        assert client.get_users().total == 1
    monkeypatch.delenv("OPENWEBUI_URL")
    with pytest.raises(ConfigurationError, match="OPENWEBUI_URL"):
        UsersClient()


@pytest.mark.parametrize("byte", [*range(32), 127])
def test_no_control_byte_gets_into_a_header(byte: int) -> None:
    key = f"sk-{chr(byte)}secret"
    with pytest.raises(ConfigurationError) as caught:
        UsersClient("http://127.0.0.1:1", key)
    assert "secret" not in str(caught.value)
    if byte != 9:
        with pytest.raises(ConfigurationError):
            UsersClient("http://127.0.0.1:1", KEY, extra_headers={"X-A": f"a{chr(byte)}b"})
        with pytest.raises(ConfigurationError):
            UsersClient("http://127.0.0.1:1", KEY, user_agent=f"a{chr(byte)}b")


def test_closing(server: EmbeddedServer) -> None:
    client = UsersClient(server.url, server.api_key)
    groups = client.groups
    client.close()
    client.close()
    for call in (client.get_users, groups.get_groups):
        with pytest.raises(ClientClosedError):
            call()


def test_nothing_shows_the_key(server: EmbeddedServer) -> None:
    with UsersClient(server.url, KEY) as client:
        with pytest.raises(AuthenticationError) as caught:
            client.get_users()
        again = pickle.loads(pickle.dumps(caught.value))
        assert type(again) is AuthenticationError
        for text in (repr(client), repr(client.auths), str(caught.value), repr(again)):
            assert KEY not in text


def test_raw_answers(client: UsersClient) -> None:
    raw = client.with_raw_response.get_users()
    assert raw.status_code == 200
    assert raw.headers["content-type"] == "application/json"
    assert raw.json()["total"] == 1
    assert json.loads(raw.content) == raw.json()
    assert raw.parse() == client.get_users()
    missing = client.with_raw_response.get_user_by_id("nobody")
    assert missing.status_code == 400
    with pytest.raises(UserNotFoundError):
        missing.parse()


def test_any_route(client: UsersClient, server: EmbeddedServer) -> None:
    answer = client.request("GET", "/api/v1/users/search", params={"query": "a&b"})
    assert answer.json() == {"users": [], "total": 0}
    assert server.requests[-1].query == "query=a%26b"
    for target in ("http://elsewhere/", "//elsewhere/", "a", "/a/../b", "/a\r\nX: y", "/a#b"):
        with pytest.raises(ValueError, match=r"target|path"):
            client.request("GET", target)


def test_methods_come_from_the_table(client: UsersClient) -> None:
    clients = {
        "users": client,
        "auths": client.auths,
        "groups": client.groups,
        "channels": client.channels,
    }
    for row in _core.endpoint_table():
        method = getattr(clients[row["resource"]], row["name"])
        signature = inspect.signature(method)
        assert {p["name"] for p in row["params"]} <= set(signature.parameters)
        assert row["path"] in (inspect.getdoc(method) or "")


# These answer nobody without more: an OAuth session needs a provider, a sign-up an open server.
NOT_MADE = {"users.get_user_oauth_sessions_by_id", "auths.signup"}


@pytest.mark.parametrize("version", ["0.6.42", "0.12.4"])
def test_every_call_of_the_table_succeeds(version: str) -> None:
    with EmbeddedServer(version=version) as server:
        ann = server.add_user("Member", "member@example.com")
        channel = server.add_channel("news", [ann.id])
        day = EveryCall(server.url, server.admin_token, channel)
    rows = {f"{row['resource']}.{row['name']}": row for row in _core.endpoint_table()}
    assert set(day.answers) | day.unsupported == set(rows) - NOT_MADE
    assert (day.unsupported == set()) is (version == "0.12.4")


# ---------------------------------------------------------------- what errors mean


def test_errors_by_what_they_mean(client: UsersClient, server: EmbeddedServer) -> None:
    ann = server.add_user("Ann", "ann@example.com")
    add = client.auths.add_user
    with pytest.raises(EmailTakenError):
        add(name="B", email="ann@example.com", password="p", role="user")
    with pytest.raises(BadRequestError, match="email"):
        add(name="B", email="nonsense", password="p", role="user")
    with pytest.raises(InvalidPasswordError):
        client.auths.signin(email="ann@example.com", password="wrong")
    with pytest.raises(PermissionDeniedError):
        client.delete_user_by_id(client.auths.get_session_user().id or "")
    with pytest.raises(NotFoundError):
        client.groups.get_group_by_id("none")
    with pytest.raises(BadRequestError, match="OAuth"):
        client.get_user_oauth_sessions_by_id(ann.id)
    with pytest.raises(UnprocessableEntityError) as caught:
        client.update_default_user_permissions(
            {"workspace": {}, "sharing": {}, "chat": {}, "features": {}}
        )
    assert {error["type"] for error in caught.value.errors()} == {"missing"}
    with UsersClient(server.url, ann.token) as other, pytest.raises(AdminRequiredError):
        other.get_users()
    with UsersClient(server.url, server.api_key) as other, pytest.raises(PermissionDeniedError):
        other.auths.get_session_user()


@pytest.mark.parametrize(
    "status",
    ["400 B", "401 Unauthorized", "403 F", "404 Not Found", "405 M", "422 U"],
)
def test_a_server_that_lacks_a_call_says_so_however_it_refuses(status: str) -> None:
    """0.8.12 takes the `usage` of /users/usage for an id, and tells users that they may not."""
    refusal = reply(b'{"detail": "no"}', status=status)
    version = reply(b'{"version": "0.8.12"}')
    answers = in_turn(refusal, version, refusal)
    with RawServer(answers) as raw, UsersClient(raw.url, KEY, retry=0) as client:
        for _ in range(2):  # the version is asked for once
            with pytest.raises(UnsupportedByServerError, match=r"is 0\.8\.12") as caught:
                client.get_user_usage()
            assert (caught.value.server_version, caught.value.needs) == ("0.8.12", "0.12.4")
        assert len(raw.requests) == 3 and raw.requests[1].startswith(b"GET /api/version ")


def test_a_newer_server_that_refuses_is_believed() -> None:
    refusal = reply(b'{"detail": "no"}', status="401 Unauthorized")
    version = reply(b'{"version": "0.13.0"}')
    answers = in_turn(refusal, version)
    with (
        RawServer(answers) as raw,
        UsersClient(raw.url, KEY, retry=0) as client,
        pytest.raises(AuthenticationError),
    ):
        client.get_user_usage()


def test_a_web_page_is_said_to_be_one(server: EmbeddedServer) -> None:
    base = f"{server.url}/some/page"
    with UsersClient(base, KEY) as client, pytest.raises(UnexpectedContentTypeError) as caught:
        client.get_users()
    assert base in str(caught.value)


# ---------------------------------------------------------------- servers that misbehave


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(b"[1, 2"), ResponseDecodeError),
        (reply(b'{"users": "\xff"}'), ResponseDecodeError),
        (reply(b"[" * 100_000), ResponseDecodeError),
        (reply(b'{"users": [{}], "total": 1}'), ResponseValidationError),
        (reply(b"<html>", kind="text/html"), UnexpectedContentTypeError),
        (reply(b"<html>", kind="text/html", status="502 Bad Gateway"), OpenWebUIError),
        (reply(b"", "Location: /elsewhere", status="302 Found"), RedirectError),
    ],
)
def test_answers_that_are_refused(answer: Any, error: type[Exception]) -> None:
    with RawServer(answer) as raw, UsersClient(raw.url, KEY, retry=0) as client:
        with pytest.raises(error) as caught:
            client.get_users()
        assert KEY not in str(caught.value)
        assert len(raw.requests) == 1
