"""Permissions of a real server, and users provisioned on it."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from real_server import WITH_PARENTS, RealServer

from openwebui_users import AuthenticationError, UsersClient
from openwebui_users.admin import (
    InvalidInputError,
    _provision,
    effective_permissions,
    patch_default_permissions,
    permissions_diff,
    preset,
    provision_user,
)
from openwebui_users.admin._personal import end_token

pytestmark = pytest.mark.real_server

CONFIG = "/api/v1/auths/admin/config"


def read(client: UsersClient) -> Any:
    return client.with_raw_response.get_default_user_permissions().json()


@pytest.fixture
def client(real_server: RealServer) -> Iterator[UsersClient]:
    """Of the administrator; default permissions are as before afterwards."""
    with UsersClient(real_server.url, real_server.admin_token) as client:
        before = read(client)
        yield client
        patch_default_permissions(client, before)


@pytest.fixture
def tag(client: UsersClient) -> Iterator[str]:
    """A mark of the users and groups of one test, which are gone afterwards."""
    mark = uuid.uuid4().hex[:12]
    yield mark
    for user in list(client.iter_users(mark)):
        client.delete_user_by_id(user.id)
    for group in client.groups.get_groups():
        if mark in group.name:
            client.groups.delete_group_by_id(group.id)


def group(client: UsersClient, name: str, **more: Any) -> str:
    made = client.groups.create_new_group(name=name, description="", **more)
    assert made is not None
    return made.id


# ---------------------------------------------------------------- permissions


def test_a_patch_and_back(client: UsersClient) -> None:
    before = read(client)
    changes = {"workspace.models": not before["workspace"]["models"], "chat": {"edit": False}}
    dry = patch_default_permissions(client, changes, dry_run=True)
    assert read(client) == before
    assert patch_default_permissions(client, changes) == dry
    assert permissions_diff(before, read(client)) == dry
    assert patch_default_permissions(client, before)
    assert read(client) == before
    with pytest.raises(InvalidInputError, match=r"did you mean workspace\.models"):
        patch_default_permissions(client, {"workspace.model": True})


@pytest.mark.parametrize("name", ["none", "all", "chat_only"])
def test_presets_are_stored_as_they_are(client: UsersClient, name: str) -> None:
    patch_default_permissions(client, name)
    assert read(client) == preset(client, name)


def test_what_a_user_may_do_is_what_the_server_says(
    client: UsersClient, tag: str, real_server: RealServer
) -> None:
    group(client, f"{tag} a", permissions={"workspace": {"tools": True}, "made": {"up": True}})
    outer = group(client, f"{tag} outer", permissions={"workspace": {"prompts": True}})
    parent = {"parent_group_id": outer} if real_server.is_at_least(WITH_PARENTS) else {}
    group(client, f"{tag} inner", permissions={"chat": {"edit": False}}, **parent)
    made = client.auths.add_user(
        name="Ann", email=f"{tag}@example.com", password="a secret", role="user"
    )
    for one in client.groups.get_groups():
        if one.name in (f"{tag} a", f"{tag} inner"):
            client.groups.add_user_to_group(one.id, user_ids=[made.id])
    assert made.token is not None
    found = effective_permissions(client, f"{tag}@example.com")
    own = client.with_options(api_key=made.token).get_user_permissions()
    assert not permissions_diff(own, found), str(permissions_diff(own, found))
    assert found.permissions == own
    assert found.sources["workspace.tools"] == [f"{tag} a"]
    assert found.allows("chat.edit")  # a group takes nothing away
    assert found.allows("workspace.prompts") == bool(parent)


# ---------------------------------------------------------------- provisioning


def test_everything_in_one_call(client: UsersClient, tag: str, real_server: RealServer) -> None:
    later = ("auths.update_timezone", "users.update_user_variables")
    has_timezone, has_variables = (real_server.has(call) for call in later)
    patch_default_permissions(client, {"features.api_keys": False})
    group(client, f"{tag} staff", permissions={"features": {"api_keys": True}})
    group(client, f"{tag} kitchen")
    settings = {"ui": {"theme": "dark", "nested": {"a": 2**53}}, "beyond": [1]}
    result = provision_user(
        client,
        email=f"{tag}@example.com",
        name="Ann",
        groups=[f"{tag} staff", f"{tag} kitchen"],
        api_key=True,
        settings=settings,
        timezone="Europe/Paris",
        bio="Likes\nlines",
        date_of_birth=datetime.date(1990, 12, 31),
        variables={"team": "blue"},
    )
    assert result.user is not None and result.api_key is not None
    user = client.get_user_by_id(result.user.id)
    assert {one["name"] for one in user.groups or ()} == {f"{tag} staff", f"{tag} kitchen"}
    assert (user.bio, str(user.date_of_birth)) == ("Likes\nlines", "1990-12-31")
    assert user.settings == settings
    assert user.timezone == ("Europe/Paris" if has_timezone else None)
    lacking = [has_timezone, has_variables].count(False)
    assert sum("not set" in note for note in result.notes) == lacking
    hers = client.with_options(api_key=result.api_key)  # works after her session was ended
    assert hers.get_user_permissions()["features"]["api_keys"] is True
    if has_variables:
        assert hers.get_user_variables().variables == {"team": "blue"}
    guest = client.with_options(api_key="").auths
    answer = guest.signin(
        email=f"{tag}@example.com", password=result.password, set_client_api_key=False
    )
    assert answer.id == user.id


def test_the_token_of_the_new_account(
    client: UsersClient, tag: str, real_server: RealServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is of no use afterwards, where the server can do that; else that is said."""
    tokens: list[Any] = []

    def noted(run: Any, row: Any, user: UsersClient, user_id: str) -> Any:
        tokens.append(user.api_key)
        return end_token(run, row, user, user_id)

    monkeypatch.setattr(_provision, "end_token", noted)
    result = provision_user(client, email=f"{tag}@example.com", name="Ann")
    (token,) = tokens
    assert token not in str(result) + repr(result)
    hers = client.with_options(api_key=token).auths
    if not real_server.has("users.revoke_user_sessions"):
        assert hers.get_session_user().email == f"{tag}@example.com"
        assert any("cannot end the session" in note for note in result.notes)
    else:
        with pytest.raises(AuthenticationError):
            hers.get_session_user()


def test_no_api_keys_is_known_before(client: UsersClient, tag: str) -> None:
    patch_default_permissions(client, {"features.api_keys": False})
    with pytest.raises(InvalidInputError, match=r"grants features\.api_keys"):
        provision_user(client, email=f"{tag}@example.com", name="Ann", api_key=True)
    before = client.request("GET", CONFIG).raise_for_status().json()
    try:
        group_id = group(client, f"{tag} all", permissions={"features": {"api_keys": True}})
        config = {**before, "DEFAULT_GROUP_ID": group_id}
        client.request("POST", CONFIG, json=config).raise_for_status()
        email = f"{tag}-default@example.com"
        assert provision_user(client, email=email, name="Ann", api_key=True).api_key
        config = {**before, "ENABLE_API_KEYS": False}
        client.request("POST", CONFIG, json=config).raise_for_status()
        with pytest.raises(InvalidInputError, match="give nobody API keys"):
            provision_user(client, email=f"{tag}@example.com", name="Ann", api_key=True)
    finally:
        client.request("POST", CONFIG, json=before).raise_for_status()
    assert client.find_user(f"{tag}@example.com") is None


def test_what_pending_users_cannot_write(client: UsersClient, tag: str) -> None:
    """The check refuses what the server would refuse, and lets pass what it takes."""
    email = f"{tag}@example.com"
    with pytest.raises(InvalidInputError, match="pending"):
        provision_user(client, email=email, name="Ann", role="pending", bio="x")
    result = provision_user(
        client, email=email, name="Ann", role="pending", timezone="UTC", api_key=True
    )
    assert result.ok and result.api_key
    made = client.auths.add_user(
        name="Ben", email=f"{tag}-ben@example.com", password="a secret", role="pending"
    )
    hers = client.with_options(api_key=made.token)
    with pytest.raises(AuthenticationError):
        hers.update_user_settings(ui={"theme": "dark"})
    with pytest.raises(AuthenticationError):
        hers.auths.update_profile(name="Ben", profile_image_url="/user.png")
