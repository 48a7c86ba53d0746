"""provision_user, and the values that only the user can write."""

from __future__ import annotations

import datetime
import json
import logging
import pickle
from pathlib import Path
from typing import Any

import pytest
from admin_server import writes
from fastapi import HTTPException

from openwebui_users import APIStatusError, AuthenticationError, UsersClient
from openwebui_users.admin import (
    AdminError,
    InvalidInputError,
    PartialFailureError,
    ProvisionResult,
    _provision,
    patch_default_permissions,
    provision_user,
)
from openwebui_users.admin._personal import PERSONAL_FIELDS, check_personal, end_token
from openwebui_users.testing import EmbeddedServer
from openwebui_users.testing.database import Database

PERSONAL: dict[str, Any] = {
    "timezone": "Europe/Paris",
    "bio": "Likes\nlines",
    "gender": "female",
    "date_of_birth": datetime.date(1990, 12, 31),
    "settings": {"ui": {"theme": "dark", "nested": {"a": 2**60}}, "beyond": [1]},
    "variables": {"team": "blue"},
}
LATER = {"timezone", "variables"}  # what 0.6.42 does not have


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens that the server gives away."""
    given: list[str] = []
    new_token = Database.new_token

    def kept(self: Database, user_id: str, expires_at: int | None) -> str:
        given.append(new_token(self, user_id, expires_at))
        return given[-1]

    monkeypatch.setattr(Database, "new_token", kept)
    return given


def ann(client: UsersClient, **more: Any) -> ProvisionResult:
    return provision_user(client, email="Ann@example.com", name="Ann", **more)


# ---------------------------------------------------------------- all of it


def test_everything_in_one_call(
    any_client: UsersClient,
    any_server: EmbeddedServer,
    tokens: list[str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("staff", "kitchen"):
        any_client.groups.create_new_group(name=name, description="")
    audit = tmp_path / "audit.jsonl"
    result = ann(any_client, groups=["staff", "kitchen"], api_key=True, audit=audit, **PERSONAL)

    assert result.ok and result.row.status == "created" and result.counts == {"created": 1}
    assert result.row.email == "ann@example.com"
    assert result.user is not None
    user = any_client.get_user_by_id(result.user.id)
    assert (user.email, user.name, user.role) == ("ann@example.com", "Ann", "user")
    assert {group["name"] for group in user.groups or ()} == {"staff", "kitchen"}
    assert (user.bio, user.gender) == (PERSONAL["bio"], PERSONAL["gender"])
    assert str(user.date_of_birth) == "1990-12-31"
    assert user.profile_image_url is not None and "user.png" in user.profile_image_url
    assert user.settings is not None
    assert user.settings == PERSONAL["settings"]
    oldest = any_server.version == "0.6.42"
    assert user.timezone == (None if oldest else "Europe/Paris")
    noted = {name for name in LATER if any(f"{name} not set" in one for one in result.notes)}
    assert noted == (LATER if oldest else set())

    assert result.api_key is not None
    hers = any_client.with_options(api_key=result.api_key)
    assert hers.get_user_settings() is not None
    if not oldest:
        assert hers.get_user_variables().variables == {"team": "blue"}
    guest = any_client.with_options(api_key="").auths
    guest.signin(email="ann@example.com", password=result.password, set_client_api_key=False)

    texts = [str(result), repr(result), audit.read_text(), caplog.text]
    texts += [json.dumps(result.to_dict(), default=str), str(PartialFailureError(result))]
    for secret in (result.password, result.api_key, tokens[0], "blue", "dark"):
        assert not any(secret in text for text in texts)
    again = pickle.loads(pickle.dumps(result))
    assert (again.password, again.api_key) == (result.password, result.api_key)


def test_the_token_is_of_no_use_afterwards(
    any_client: UsersClient, any_server: EmbeddedServer, tokens: list[str]
) -> None:
    """Where the server can end a session; else it is said."""
    result = ann(any_client, api_key=True)
    hers = any_client.with_options(api_key=tokens[0])
    if any_server.version == "0.6.42":
        assert hers.auths.get_session_user().email == "ann@example.com"
        assert any("cannot end the session" in note for note in result.notes)
    else:
        with pytest.raises(AuthenticationError):
            hers.auths.get_session_user()
        assert result.notes == []
    assert any_client.with_options(api_key=result.api_key).get_user_permissions()


def test_the_token_is_not_kept(any_client: UsersClient, monkeypatch: pytest.MonkeyPatch) -> None:
    clients: list[UsersClient] = []

    def noted(run: Any, row: Any, user: UsersClient, user_id: str) -> Any:
        assert user.api_key
        clients.append(user)
        return end_token(run, row, user, user_id)

    monkeypatch.setattr(_provision, "end_token", noted)
    assert ann(any_client).ok
    assert [client.api_key for client in clients] == [None]


def test_an_older_server_that_ends_sessions(oldest: EmbeddedServer) -> None:
    """As those that keep ended tokens in Redis."""
    oldest.reset()
    with UsersClient(oldest.url, oldest.admin_token) as client:
        oldest.fault("status", code=401, method="GET", path="/api/v1/auths/")
        assert ann(client).notes == []


def test_a_dry_run_sends_nothing(any_client: UsersClient, any_server: EmbeddedServer) -> None:
    any_client.groups.create_new_group(name="staff", description="")
    any_server.forget_requests()
    result = ann(any_client, groups="staff", api_key=True, dry_run=True, **PERSONAL)
    assert writes(any_server) == [] and result.dry_run and result.password == ""
    assert result.row.status == "created"
    assert set(result.row.changes) == {
        *("email", "name", "role", "member of staff", "api_key"),
        *PERSONAL_FIELDS,
    }


# ---------------------------------------------------------------- refused before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"email": "ann"}, "email: must be an e-mail address"),
        ({"email": "BEN@example.com"}, "email: is taken by the user"),
        ({"name": ""}, "name: must not be empty"),
        ({"role": "boss"}, "role: must be one of"),
        ({"password": "é" * 37}, "password: must have at most 72 bytes"),
        ({"groups": ["staf"]}, "groups: there is no group with the name or id 'staf'"),
        ({"timezone": "Europe/Pairs"}, "timezone: must be a time zone"),
        ({"date_of_birth": "31.12.1990"}, "date_of_birth: must be a day such as 1990-12-31"),
        ({"date_of_birth": "1990-02-31"}, "date_of_birth: must be a day"),
        ({"date_of_birth": datetime.datetime(1990, 1, 1)}, "a day without a time"),
        ({"bio": 7}, "bio: must be a text"),
        ({"settings": {"ui": "dark"}}, "settings: ui: "),
        ({"settings": {"ui": None}}, "settings: ui must be a dict"),
        ({"settings": {"x": float("nan")}}, "settings: cannot be JSON"),
        ({"settings": {"x": "\ud800"}}, "settings: holds a lone surrogate"),
        ({"variables": {"Team": "blue"}}, "variables: must have names of lower-case letters"),
        ({"variables": {"team": 1}}, "variables: team must be a text"),
        ({"variables": {"team": "x" * 20_001}}, "variables: team must have at most 20000"),
        ({"variables": {f"v{i}": "x" * 19_000 for i in range(6)}}, "at most 100000 characters"),
        (
            {"role": "pending", "bio": "x", "timezone": "UTC"},
            "role: .*pending: servers take bio fr",
        ),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(
    client: UsersClient, server: EmbeddedServer, changes: dict[str, Any], message: str
) -> None:
    server.add_user("Ben", "ben@example.com")
    client.groups.create_new_group(name="staff", description="")
    server.forget_requests()
    with pytest.raises(InvalidInputError, match=message):
        provision_user(client, **{"email": "ann@example.com", "name": "Ann", **changes})
    assert writes(server) == []


def test_what_servers_take_is_not_refused() -> None:
    for name, value in PERSONAL.items():
        assert check_personal(name, value) is None


def test_the_embedded_server_takes_the_longest_variables(client: UsersClient) -> None:
    longest = {f"v{i}": "x" * 19_990 for i in range(5)}  # 99,9xx characters as JSON
    assert check_personal("variables", longest) is None
    assert ann(client, variables=longest).ok


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"ENABLE_API_KEYS": False}, "is set to give nobody API keys"),
        ({"ENABLE_API_KEYS": True}, r"grants features\.api_keys"),
        ({"ENABLE_API_KEYS": True, "DEFAULT_GROUP_ID": "gone"}, r"grants features\.api_keys"),
        ({"ENABLE_MFA": True}, "two-step sign-in is on"),
    ],
)
def test_users_whom_the_server_gives_no_key(
    client: UsersClient,
    server: EmbeddedServer,
    monkeypatch: pytest.MonkeyPatch,
    config: dict[str, Any],
    message: str,
) -> None:
    patch_default_permissions(client, {"features.api_keys": False})
    server.forget_requests()
    monkeypatch.setattr(_provision, "_config", lambda _: config)
    with pytest.raises(InvalidInputError, match=message):
        ann(client, api_key=True)
    assert writes(server) == []


@pytest.mark.parametrize("way", ["group", "around", "default group", "admin"])
def test_users_whom_the_server_gives_a_key(
    client: UsersClient, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The check lets all pass whom the real server would."""
    outer = client.groups.create_new_group(
        name="outer", description="", permissions={"features": {"api_keys": True}}
    )
    assert outer is not None
    client.groups.create_new_group(name="inner", description="", parent_group_id=outer.id)
    patch_default_permissions(client, {"features.api_keys": way == "admin"})
    config = {"ENABLE_API_KEYS": True, "DEFAULT_GROUP_ID": ""}
    groups = {"group": "outer", "around": "inner"}.get(way, ())
    if way == "default group":
        config["DEFAULT_GROUP_ID"] = outer.id
        groups = ()
    monkeypatch.setattr(_provision, "_config", lambda _: config)
    result = ann(client, groups=groups, api_key=True, dry_run=way == "default group")
    assert result.ok


# ---------------------------------------------------------------- failures on the way


def refusing(database: Database, monkeypatch: pytest.MonkeyPatch, name: str, *words: str) -> None:
    """Let a method answer 500 where one of these words is in what it is given."""
    method = getattr(database, name)

    def refuse(*args: Any) -> None:
        if any(word in json.dumps(args) for word in words):
            raise HTTPException(500, "not today")
        method(*args)

    monkeypatch.setattr(database, name, refuse)


def test_what_fails_after_the_account_is_made_loses_nothing(
    any_client: UsersClient, any_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("kitchen", "staff"):
        group = any_client.groups.create_new_group(name=name, description="")
    assert group is not None
    refusing(any_server._database, monkeypatch, "add_members", group.id)
    refusing(any_server._database, monkeypatch, "store_user", '"female"')
    with pytest.raises(PartialFailureError) as caught:
        ann(any_client, groups=["staff", "kitchen"], api_key=True, **PERSONAL)
    result = caught.value.result
    assert isinstance(result, ProvisionResult) and result.row.status == "created"
    assert "group 'staff': " in str(result) and "bio, gender, date_of_birth: " in str(result)
    assert result.row.changes["member of kitchen"] == (False, True)
    assert "member of staff" not in result.row.changes and "bio" not in result.row.changes
    assert "settings" in result.row.changes  # the rest is done all the same
    assert any_client.with_options(api_key=result.api_key).get_user_settings() is not None
    guest = any_client.with_options(api_key="").auths
    guest.signin(email="ann@example.com", password=result.password, set_client_api_key=False)
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.result.password == result.password


def test_an_api_key_that_is_refused(any_client: UsersClient) -> None:
    """Its server does not tell how it is set, so it is tried."""
    patch_default_permissions(any_client, {"features.api_keys": False})
    with pytest.raises(PartialFailureError, match=r"api_key: .*not allowed") as caught:
        ann(any_client, api_key=True)
    assert caught.value.result.user.email == "ann@example.com"


def test_a_server_that_goes_away(client: UsersClient, server: EmbeddedServer) -> None:
    """What follows is not tried, as each call would wait for its time-out."""
    server.fault("reset", path="/api/v1/auths/update/timezone")
    with pytest.raises(PartialFailureError) as caught:
        ann(client, timezone="UTC", bio="x", variables={"a": "b"})
    error = caught.value.result.row.error
    assert "timezone: POST" in error and "bio: not tried; variables: not tried" in error


def test_no_token(client: UsersClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Database, "new_token", lambda *_: None)
    with pytest.raises(PartialFailureError, match=r"no token .* bio, api_key could not be set"):
        ann(client, api_key=True, bio="x")
    assert provision_user(client, email="ben@example.com", name="Ben").ok


def test_the_password_is_on_disk_before_the_account_is_made(
    client: UsersClient, server: EmbeddedServer, tmp_path: Path
) -> None:
    path = tmp_path / "passwords.csv"
    server.fault("status", code=400, path="/api/v1/auths/add")
    with pytest.raises(APIStatusError):
        ann(client, passwords_out=path)
    assert path.stat().st_mode & 0o777 == 0o600
    result = ann(client, passwords_out=path)
    header, lost, line = path.read_text().splitlines()
    assert (header, line) == ("email,password", f"ann@example.com,{result.password}")
    assert lost.startswith("ann@example.com,")
    with UsersClient(server.url) as other:
        other.auths.signin(email="ann@example.com", password=result.password)


def test_no_password_is_kept_that_was_given_or_not_used(
    client: UsersClient, server: EmbeddedServer, tmp_path: Path
) -> None:
    path = tmp_path / "passwords.csv"
    assert ann(client, passwords_out=path, dry_run=True).password == ""
    with pytest.raises(InvalidInputError, match="same file"):
        ann(client, passwords_out=path, audit=path)
    with pytest.raises(InvalidInputError, match="role"):
        ann(client, passwords_out=path, role="amdin")
    ann(client, passwords_out=path, password="a long enough password")
    assert not path.exists()
    path.write_text("something else\n")
    before = len(writes(server))
    with pytest.raises(AdminError, match="another file"):
        provision_user(client, email="ben@example.com", name="Ben", passwords_out=path)
    assert len(writes(server)) == before and path.read_text() == "something else\n"


def test_an_account_that_is_refused(client: UsersClient, server: EmbeddedServer) -> None:
    server.fault("status", code=400, path="/api/v1/auths/add")
    with pytest.raises(APIStatusError) as caught:
        ann(client)
    assert not isinstance(caught.value, PartialFailureError)


def test_a_lost_answer_is_looked_for(client: UsersClient, server: EmbeddedServer) -> None:
    """The account was made: its password signs in, and its token serves for the rest."""
    server.fault("lost", path="/api/v1/auths/add")
    result = ann(client, bio="x")
    assert result.ok and result.user is not None and result.user.bio == "x"


def test_an_account_that_may_have_been_made(client: UsersClient, server: EmbeddedServer) -> None:
    server.fault("lost", path="/api/v1/auths/add")
    server.fault("reset", path="/api/v1/auths/signin")
    with pytest.raises(PartialFailureError, match="look with find_user") as caught:
        ann(client)
    result = caught.value.result
    assert result.counts == {"unknown": 1}
    client.with_options(api_key="").auths.signin(
        email="ann@example.com", password=result.password, set_client_api_key=False
    )


def test_settings_that_the_server_drops_are_told(client: UsersClient) -> None:
    settings = {"ui": {"theme": "dark", "toolServers": [{"key": "a secret"}]}}
    result = ann(client, settings=settings)
    assert any("did not store ui.toolServers" in note for note in result.notes)
    assert "a secret" not in str(result) + repr(result)


def test_a_group_that_the_server_says_it_filled(
    client: UsersClient, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.groups.create_new_group(name="staff", description="")
    monkeypatch.setattr(server._database, "add_members", lambda *_: None)
    with pytest.raises(PartialFailureError, match=r"group 'staff': .*does not show it") as caught:
        ann(client, groups=["staff"])
    assert "member of staff" not in caught.value.result.row.changes
