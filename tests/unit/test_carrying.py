"""Reading a model, changing one value and writing it back loses nothing, not even unknown keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from variants import NOT_CARRYING, WITHOUT_FIELD, build_variant, run_in_variant

from openwebui_users import UpdateProfileForm, UsersClient
from openwebui_users.testing import EmbeddedServer

FUTURE = {"workspace": {"holograms": True}, "sharing": {"teleport": True}}


@pytest.fixture
def server() -> Any:
    with EmbeddedServer(extra_permissions=FUTURE) as running:
        yield running


@pytest.fixture
def client(server: Any) -> Any:
    with UsersClient(server.url, server.admin_token) as connected:
        yield connected


def stored_permissions(client: UsersClient) -> dict[str, Any]:
    answer = client.request("GET", "/api/v1/users/default/permissions")
    stored: dict[str, Any] = answer.json()
    return stored


def last_body(server: EmbeddedServer, path: str) -> Any:
    return json.loads([r for r in server.requests if r.path == path][-1].body)


def test_default_permissions(client: UsersClient) -> None:
    before = stored_permissions(client)
    assert before["workspace"]["holograms"] is True

    permissions = client.get_default_user_permissions()
    permissions.workspace.models = not permissions.workspace.models
    client.update_default_user_permissions(permissions)

    after = stored_permissions(client)
    assert after["workspace"].pop("models") is not before["workspace"].pop("models")
    assert after == before


def test_settings(client: UsersClient) -> None:
    stored = {
        "ui": {"theme": "light", "seed": 2**53 + 1, "big": 10**30, "deep": {"x": [1.5, None]}},
        "unheard_of": {"kept": [1, 2]},
    }
    client.request("POST", "/api/v1/users/user/settings/update", json=stored)
    settings = client.get_user_settings(raw=True)
    assert settings is not None and settings.ui is not None
    cast("dict[str, Any]", settings.ui)["theme"] = "dark"
    client.update_user_settings(settings)
    after = client.request("GET", "/api/v1/users/user/settings", params={"raw": True}).json()
    stored["ui"]["theme"] = "dark"  # type: ignore[index]
    assert after == stored


def test_untouched_settings_go_back_byte_for_byte(
    client: UsersClient, server: EmbeddedServer
) -> None:
    client.update_user_settings({"ui": {"scale": 1.10, "n": 10**30}})
    settings = client.get_user_settings(raw=True)
    client.update_user_settings(settings)
    sent = [r for r in server.requests if r.path.endswith("/settings/update")][-1].body
    assert b"1000000000000000000000000000000" in sent


def test_profile(client: UsersClient) -> None:
    client.auths.update_profile(
        name="Ann",
        profile_image_url="/user.png",
        bio="a\0b \u2028",
        gender="f",
        date_of_birth="2001-02-03",
    )
    me = client.auths.get_session_user()
    assert me.bio == "a\0b \u2028"
    form = UpdateProfileForm.model_validate(
        {name: getattr(me, name) for name in UpdateProfileForm.model_fields}
    )
    form.name = "Anna"
    client.auths.update_profile(form)
    again = client.auths.get_session_user()
    assert (again.name, again.bio, again.gender) == ("Anna", "a\0b \u2028", "f")
    assert again.date_of_birth == me.date_of_birth


def test_a_form_sends_what_was_set_and_nothing_else(
    client: UsersClient, server: EmbeddedServer
) -> None:
    person = server.add_user(email="bo@example.com", name="Bo")
    client.update_user_by_id(person.id, name="x")
    assert server.requests[-1].body == b'{"name":"x"}'
    client.update_user_by_id(person.id, {"name": "y", "unheard_of": 1})
    assert last_body(server, f"/api/v1/users/{person.id}/update") == {"name": "y", "unheard_of": 1}


def test_an_edit_of_an_unset_default_is_sent(client: UsersClient, server: EmbeddedServer) -> None:
    from openwebui_users import UserSettings

    settings = UserSettings()
    assert settings.ui is not None
    cast("dict[str, Any]", settings.ui)["theme"] = "dark"
    client.update_user_settings(settings)
    assert last_body(server, "/api/v1/users/user/settings/update") == {"ui": {"theme": "dark"}}


FLIP = """
import sys, json
from openwebui_users import UsersClient
with UsersClient(sys.argv[1], sys.argv[2]) as client:
    permissions = client.get_default_user_permissions()
    assert not hasattr(permissions.workspace, "models_hidden")
    permissions.workspace.models = not permissions.workspace.models
    client.update_default_user_permissions(permissions)
"""


def flip_and_compare(package: Path, client: UsersClient, url: str, key: str) -> set[str]:
    """Flip one permission with a variant of the package: which others changed?"""
    everything = stored_permissions(client)
    for section in everything.values():
        for name in section:
            section[name] = True
    client.request("POST", "/api/v1/users/default/permissions", json=everything)
    before = stored_permissions(client)
    done = run_in_variant(package, FLIP, url, key)
    assert done.returncode == 0, done.stderr
    after = stored_permissions(client)
    changed = {
        f"{section}.{name}"
        for section in before
        for name in before[section]
        if before[section][name] != after[section][name]
    }
    return changed - {"workspace.models"}


@pytest.mark.parametrize("carrying", [True, False])
def test_a_permission_that_the_build_does_not_know(
    carrying: bool, tmp_path: Path, client: UsersClient, server: EmbeddedServer
) -> None:
    """With carrying switched off in the build, the unknown permissions are lost."""
    edits = (WITHOUT_FIELD,) if carrying else (WITHOUT_FIELD, NOT_CARRYING)
    package = build_variant(tmp_path, edits)
    lost = flip_and_compare(package, client, server.url, server.admin_token)
    if carrying:
        assert lost == set()
    else:
        assert "workspace.models_hidden" in lost
        assert "workspace.holograms" in lost
