"""snapshot: the state of a server in a file that plan() takes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from admin_server import make_group

from openwebui_users import UsersClient
from openwebui_users.admin import AdminError, apply, plan, snapshot
from openwebui_users.testing import EmbeddedServer


@pytest.fixture
def filled(any_client: UsersClient, any_server: EmbeddedServer) -> UsersClient:
    """A server with users and groups, some of them odd."""
    people = [any_server.add_user(f"P{i}", f"p{i}@example.com") for i in range(35)]
    me = any_client.with_options(api_key=people[0].token)
    me.update_user_settings({"ui": {"theme": "dark", "none": None, "list": [1, {"a": 2}]}})
    me.auths.update_profile(
        name='Ann "no" \x85: yes',
        profile_image_url="/user.png",
        bio="B\n\tC",
        date_of_birth="1990-12-31",
    )
    flags = {"workspace": {"prompts": True}, "old section": {"x": False}, "odd": {"y": 1}, "z": 3}
    top = make_group(any_client, "top: 'a'", description="two\nlines", permissions=flags)
    is_newest = any_client.get_version() != "0.6.42"
    make_group(any_client, "low", **({"parent_group_id": top} if is_newest else {}))
    any_client.groups.add_user_to_group(top, user_ids=[one.id for one in people[:3]])
    another = make_group(any_client, "another")
    any_client.groups.add_user_to_group(another, user_ids=[people[0].id])
    database = any_server._database
    database.store_user({**(database.user(people[4].id) or {}), "role": "amdin"})
    database.store_user({**(database.user(people[5].id) or {}), "email": "no address"})
    any_server.forget_requests()
    return any_client


def test_settings_that_no_file_could_say_are_left_out(
    client: UsersClient, server: EmbeddedServer
) -> None:
    deep: dict[str, object] = {"end": 1}
    for _ in range(70):
        deep = {"in": deep}
    ann, ben = server.add_user("Ann", "ann@example.com"), server.add_user("Ben", "ben@example.com")
    for one, settings in ((ann, {"ui": deep}), (ben, {"ui": {"theme": "dark"}})):
        client.with_options(api_key=one.token).update_user_settings(settings)
    state = snapshot(client, personal=True)
    kept = {user["email"]: user.get("settings") for user in state["users"]}
    assert kept["ann@example.com"] is None
    assert kept["ben@example.com"] == {"ui": {"theme": "dark"}}
    assert plan(client, state).is_empty


@pytest.mark.parametrize("suffix", ["yaml", "json", "toml"])
@pytest.mark.parametrize("personal", [False, True])
def test_a_plan_of_a_snapshot_is_empty(
    filled: UsersClient, tmp_path: Path, suffix: str, personal: bool
) -> None:
    path = tmp_path / f"state.{suffix}"
    state = snapshot(filled, path, personal=personal)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for desired in (path, state):
        found = plan(filled, desired)
        assert found.is_empty and found.notes == [], str(found)
    users = {user["email"]: user for user in state["users"]}
    assert len(users) == 35  # the administrator among them, but not who has no address
    assert users["p0@example.com"]["groups"] == ["another", "top: 'a'"]
    assert "role" not in users["p4@example.com"] and users["p3@example.com"]["role"] == "user"
    assert ("bio" in users["p0@example.com"]) is personal
    assert ("settings" in users["p0@example.com"]) is personal
    (group,) = [one for one in state["groups"] if one["name"].startswith("top")]
    assert group["permissions"] == {"workspace": {"prompts": True}}


def test_a_snapshot_goes_back(filled: UsersClient, tmp_path: Path) -> None:
    path = tmp_path / "state.yaml"
    snapshot(filled, path)
    (top,) = [one.id for one in filled.groups.get_groups() if one.name.startswith("top")]
    (ann,) = filled.get_users("p7@example.com").users
    filled.groups.update_group_by_id(top, name="top: 'a'", description="", permissions={})
    filled.groups.add_user_to_group(top, user_ids=[ann.id])
    filled.delete_user_by_id(filled.get_users("p1@example.com").users[0].id)
    result = apply(filled, path, passwords_out=tmp_path / "passwords.csv")
    assert result.ok and plan(filled, path).is_empty
    assert {user.email for user in filled.groups.get_users_in_group(top)} == {
        "p0@example.com",
        "p1@example.com",
        "p2@example.com",
    }


def test_a_file_is_replaced_whole_or_not_at_all(client: UsersClient, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("before")
    path.chmod(0o640)
    make_group(client, "a")
    make_group(client, "a")
    with pytest.raises(AdminError, match="several groups are called a, and a desired state can"):
        snapshot(client, path)
    assert path.read_text() == "before"
    client.groups.delete_group_by_id(client.groups.get_groups()[0].id)
    snapshot(client, path)
    assert path.read_text().startswith("{") and stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ValueError, match="is not known: give format="):
        snapshot(client, tmp_path / "state")
    snapshot(client, tmp_path / "state", format="yaml")
    assert plan(client, tmp_path / "state", format="yaml").is_empty


def test_nothing_is_written_without_a_target(client: UsersClient, server: EmbeddedServer) -> None:
    server.forget_requests()
    assert snapshot(client)["groups"] == []
    assert {one.method for one in server.requests} == {"GET"}
