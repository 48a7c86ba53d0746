"""The main jobs of the package on real servers (`make test-server`)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from every_call import EveryCall
from real_server import RealServer
from variants import NOT_CARRYING, WITHOUT_FIELD, build_variant, run_in_variant

from openwebui_users import (
    AdminRequiredError,
    AuthenticationError,
    EmailTakenError,
    OpenWebUIError,
    UnexpectedContentTypeError,
    UnprocessableEntityError,
    UnsupportedByServerError,
    UserActiveResponse,
    UserGroupIdsListResponse,
    UserIdNameListResponse,
    UserInfoListResponse,
    UserNotFoundError,
    UsersClient,
    UserUpdateForm,
    _core,
)

pytestmark = pytest.mark.real_server

ROUNDING = "0.12"  # from when on servers make floats of integers beyond 64 bits
HARD_TEXT = 'nul \0, quote " and \\, line \u2028 separator, emoji 🦆, 中文'
HARD_INFO = {
    "over": 2**53 + 1,
    "big": 10**30,
    "negative": -(10**30),
    "text": HARD_TEXT,
    "deep": [{"x": [1.5, None, True]}],
}


@pytest.fixture
def client(real_server: RealServer) -> Iterator[UsersClient]:
    with UsersClient(real_server.url, real_server.admin_token) as connected:
        yield connected


@pytest.fixture
def person(client: UsersClient) -> Iterator[Any]:
    """A new user with a token of theirs, deleted at the end."""
    added = client.auths.add_user(
        name="Ann", email=f"{uuid.uuid4().hex}@example.com", password="secret word", role="user"
    )
    yield added
    client.delete_user_by_id(added.id)


def test_lists(client: UsersClient, person: Any) -> None:
    page = client.get_users(order_by="email", direction="asc")
    assert type(page) is UserGroupIdsListResponse
    assert page.total >= 2
    assert person.email in [user.email for user in page.users]
    everybody = client.get_all_users()
    assert type(everybody) is UserInfoListResponse
    found = client.search_users(query=person.email)
    assert isinstance(found, UserInfoListResponse)
    assert isinstance(found, UserIdNameListResponse)
    assert [user.id for user in found.users] == [person.id]
    assert found.users[0].email == person.email


def test_one_user(client: UsersClient, person: Any, real_server: RealServer) -> None:
    user = client.get_user_by_id(person.id)
    assert type(user) is UserActiveResponse
    assert user.name == "Ann"
    changed = client.update_user_by_id(
        person.id,
        name="Ann B",
        role="pending",
        email=person.email,
        profile_image_url=user.profile_image_url,  # that of the answer above is a path to it
    )
    assert changed is not None
    assert (changed.name, changed.role) == ("Ann B", "pending")
    if not real_server.is_at_least("0.10"):
        with pytest.raises(UnprocessableEntityError) as caught:
            client.update_user_by_id(person.id, UserUpdateForm(name="Ann C"))
        assert {error["type"] for error in caught.value.errors()} == {"missing"}
    else:
        partly = client.update_user_by_id(person.id, UserUpdateForm(name="Ann C"))
        assert partly is not None
        assert (partly.name, partly.role, partly.email) == ("Ann C", "pending", person.email)


def test_errors(client: UsersClient, person: Any, real_server: RealServer) -> None:
    with pytest.raises(UserNotFoundError):
        client.get_user_by_id("nobody")
    with pytest.raises(EmailTakenError):
        client.auths.add_user(name="B", email=person.email, password="secret word", role="user")
    with UsersClient(real_server.url, person.token) as other, pytest.raises(AdminRequiredError):
        other.get_users()
    with UsersClient(real_server.url, "wrong") as other, pytest.raises(AuthenticationError) as bad:
        other.get_users()
    assert "wrong" not in f"{bad.value!r} {bad.value}".replace("wrong password", "")


@pytest.mark.parametrize(
    "user_id",
    ["../auths/admin/config", "..", ".", "%2e%2e", "", "a/b?x=1", "a#f", "\0", "a\nb", "%2F", "é/"],
)
def test_hostile_ids_never_leave_their_route(client: UsersClient, user_id: str) -> None:
    # A server that takes %2F for a slash finds no such route: its web page, never another's answer.
    with pytest.raises((ValueError, UserNotFoundError, UnexpectedContentTypeError)):
        client.get_user_by_id(user_id)


@pytest.mark.parametrize("suffix", ["", "/", "/api", "/api/", "/api/v1", "/api/v1/"])
def test_base_urls(real_server: RealServer, suffix: str) -> None:
    with UsersClient(real_server.url + suffix, real_server.admin_token) as client:
        assert client.get_version() == real_server.version
        assert client.get_users().users[0].email


def test_a_base_url_that_answers_a_web_page_says_so(real_server: RealServer) -> None:
    base = real_server.url + "/some/page"
    with UsersClient(base, real_server.admin_token) as client:
        with pytest.raises(UnexpectedContentTypeError) as caught:
            client.get_users()
        assert base in str(caught.value)


def permissions_of(client: UsersClient) -> Any:
    return client.request("GET", "/api/v1/users/default/permissions").json()


def test_default_permissions_lose_nothing(client: UsersClient) -> None:
    before = permissions_of(client)
    permissions = client.get_default_user_permissions()
    permissions.workspace.models = not permissions.workspace.models
    client.update_default_user_permissions(permissions)
    after = permissions_of(client)
    assert after["workspace"].pop("models") is not before["workspace"].pop("models")
    assert after == before


FLIP = """
import sys
from openwebui_users import UsersClient
with UsersClient(sys.argv[1], sys.argv[2]) as client:
    permissions = client.get_default_user_permissions()
    assert "models_hidden" not in type(permissions.workspace).model_fields
    permissions.workspace.models = not permissions.workspace.models
    client.update_default_user_permissions(permissions)
"""


@pytest.mark.parametrize("carrying", [True, False])
def test_a_permission_unknown_to_the_build_is_carried(
    real_server: RealServer, client: UsersClient, tmp_path: Path, carrying: bool
) -> None:
    """A build whose table lacks models_hidden keeps it; with carrying switched off it is lost."""
    before = permissions_of(client)
    if "models_hidden" not in before["workspace"]:
        pytest.skip("this version has no workspace.models_hidden")
    switched_on = {**before, "workspace": {**before["workspace"], "models_hidden": True}}
    client.request("POST", "/api/v1/users/default/permissions", json=switched_on)
    edits = (WITHOUT_FIELD,) if carrying else (WITHOUT_FIELD, NOT_CARRYING)
    package = build_variant(tmp_path, edits)
    done = run_in_variant(package, FLIP, real_server.url, real_server.admin_token)
    assert done.returncode == 0, done.stderr
    after = permissions_of(client)
    assert after["workspace"].pop("models") is not before["workspace"].pop("models")
    assert after["workspace"].pop("models_hidden") is carrying
    del before["workspace"]["models_hidden"]
    assert after == before


def test_settings_and_info_lose_nothing(real_server: RealServer, person: Any) -> None:
    """Newer servers themselves make a float of what 64 bits do not hold: so compare with those."""
    with UsersClient(real_server.url, person.token) as client:

        def stored_settings() -> Any:
            path = "/api/v1/users/user/settings"
            return client.request("GET", path, params={"raw": True}).json()

        form = {"ui": {"theme": "light", **HARD_INFO}, "unheard_of": {"kept": [1, 2]}}
        client.request("POST", "/api/v1/users/user/settings/update", json=form)
        before = stored_settings()
        assert before["ui"]["over"] == 2**53 + 1
        assert (before == form) is not real_server.is_at_least(ROUNDING)
        has_raw = real_server.has("users.get_user_settings", "raw")
        settings = client.get_user_settings(raw=True if has_raw else None)
        assert settings is not None
        ui: Any = settings.ui
        ui["theme"] = "dark"
        client.update_user_settings(settings)
        assert stored_settings() == {**before, "ui": {**before["ui"], "theme": "dark"}}

        client.update_user_info(HARD_INFO)
        info = client.get_user_info()
        assert info is not None
        assert info["over"] == 2**53 + 1
        assert info["text"] == HARD_TEXT
        assert (info == HARD_INFO) is not real_server.is_at_least(ROUNDING)
        client.update_user_info(info)
        assert client.get_user_info() == info


def test_profile_with_hard_text(real_server: RealServer, client: UsersClient, person: Any) -> None:
    with UsersClient(real_server.url, person.token) as own:
        me = own.auths.get_session_user()
        own.auths.update_profile(
            name="Ann", profile_image_url=me.profile_image_url, bio=HARD_TEXT, gender="f"
        )
        me = own.auths.get_session_user()
        assert me.bio == HARD_TEXT
        changed = own.auths.update_profile(
            name=me.name, profile_image_url=me.profile_image_url, bio=me.bio, gender=me.gender
        )
        assert changed.name == "Ann"
        assert own.auths.get_session_user().bio == HARD_TEXT
    (row,) = client.get_users(query=person.email).users
    assert row.bio == HARD_TEXT
    assert json.loads(row.model_dump_json())["bio"] == HARD_TEXT


def test_what_a_version_lacks(client: UsersClient, person: Any, real_server: RealServer) -> None:
    for name, args in (
        ("get_user_usage", {}),
        ("get_user_variables", {}),
        ("get_default_user_permission_defaults", {}),
        ("get_user_info_by_id", {"user_id": person.id}),
        ("get_user_preview_by_id", {"user_id": person.id}),
        ("revoke_user_sessions", {"user_id": person.id}),
    ):
        if real_server.has(f"users.{name}"):
            assert getattr(client, name)(**args) is not None
            continue
        with pytest.raises(UnsupportedByServerError) as caught:
            getattr(client, name)(**args)
        assert caught.value.server_version == real_server.version
    if real_server.has("users.revoke_user_sessions"):
        with UsersClient(real_server.url, person.token) as ended, pytest.raises(OpenWebUIError):
            ended.get_user_settings()


def test_sign_in_and_out(real_server: RealServer, person: Any) -> None:
    with UsersClient(real_server.url) as client:
        session = client.auths.signin(email=person.email, password="secret word")
        assert session.id == person.id
        assert client.auths.get_session_user().email == person.email
        client.auths.sign_out()
        with pytest.raises(AuthenticationError):
            client.auths.get_session_user()


def test_groups(client: UsersClient, person: Any) -> None:
    group = client.groups.create_new_group(name=uuid.uuid4().hex, description="d")
    assert group is not None
    client.groups.add_user_to_group(group.id, user_ids=[person.id])
    assert [user.id for user in client.groups.get_users_in_group(group.id)] == [person.id]
    assert group.id in [g.id for g in client.get_user_groups_by_id(person.id)]
    client.groups.remove_users_from_group(group.id, user_ids=[person.id])
    assert client.groups.get_users_in_group(group.id) == []
    assert client.groups.delete_group_by_id(group.id) is True


def test_api_keys(real_server: RealServer, client: UsersClient) -> None:
    key = client.auths.generate_api_key().api_key
    assert key is not None
    assert client.auths.get_api_key().api_key == key
    with UsersClient(real_server.url, key) as with_key:
        assert with_key.get_users().total >= 1
    assert client.auths.delete_api_key() is True


def test_every_call_of_the_table_succeeds(real_server: RealServer) -> None:
    channel = real_server.call("POST", "/channels/create", {"name": uuid.uuid4().hex})
    day = EveryCall(real_server.url, real_server.admin_token, channel["id"])
    rows = {f"{row['resource']}.{row['name']}" for row in _core.endpoint_table()}
    lacking = {name for name in rows if not real_server.has(name)}
    # An OAuth session needs a provider, and the first sign-up was the administrator's.
    assert day.unsupported == lacking
    assert set(day.answers) == rows - lacking - {
        "users.get_user_oauth_sessions_by_id",
        "auths.signup",
    }
