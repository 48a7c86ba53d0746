"""plan, apply and snapshot on a real server: 50 users, 5 groups, permissions."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from real_server import WITH_PARENTS, RealServer

from openwebui_users import UsersClient
from openwebui_users.admin import apply, drift, plan, snapshot

pytestmark = pytest.mark.real_server

TAG = "plan.example.com"


def desired_state(has_parents: bool) -> dict[str, Any]:
    groups: list[dict[str, Any]] = [
        {
            "name": f"plan group {number}",
            "description": f"The group with number {number}",
            "permissions": {"workspace": {"prompts": number % 2 == 0}},
        }
        for number in range(5)
    ]
    if has_parents:
        groups[0]["parent"] = "plan group 1"
    users: list[dict[str, Any]] = [
        {
            "email": f"u{number}@{TAG}",
            "name": f"User {number}",
            "role": "user" if number % 7 else "pending",
            "groups": [f"plan group {number % 5}"],
        }
        for number in range(50)
    ]
    users[1].update(bio="B", settings={"ui": {"theme": "dark"}})
    return {
        "users": users,
        "groups": groups,
        "default_permissions": {"workspace": {"prompts": True}, "chat": {"delete": False}},
    }


def members(client: UsersClient, name: str) -> set[str]:
    (group,) = [one for one in client.groups.get_groups() if one.name == name]
    return {user.email for user in client.groups.get_users_in_group(group.id)}


def test_the_whole_way(
    real_server: RealServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path, out = tmp_path / "desired.yaml", tmp_path / "passwords.csv"
    desired = desired_state(real_server.is_at_least(WITH_PARENTS))
    path.write_text(json.dumps(desired))
    with UsersClient(real_server.url, real_server.admin_token) as client:
        for found in client.groups.get_groups():  # by other tests: two of one name have no snapshot
            client.groups.delete_group_by_id(found.id)
        before = snapshot(client)
        defaults = client.with_raw_response.get_default_user_permissions().json()
        hand = client.groups.create_new_group(
            name="plan by hand", description="d", permissions={"chat": {"edit": True}}
        )
        assert hand is not None
        admin = client.auths.get_session_user()
        client.groups.add_user_to_group(hand.id, user_ids=[admin.id])
        by_hand = real_server.call("GET", f"/groups/id/{hand.id}")
        try:
            began = time.monotonic()
            result = apply(client, plan(client, path), passwords_out=out)
            took = time.monotonic() - began
            assert result.ok and result.counts == {"created": 55, "updated": 6}, str(result)
            left = plan(client, path)
            assert left.is_empty and left.notes == [], str(left)
            assert apply(client, path).counts == {}
            for number in range(5):
                expected = {f"u{one}@{TAG}" for one in range(number, 50, 5)}
                assert members(client, f"plan group {number}") == expected
            stored = client.with_raw_response.get_default_user_permissions().json()
            for section, flags in desired["default_permissions"].items():
                defaults[section].update(flags)
            assert stored == defaults
            assert real_server.call("GET", f"/groups/id/{hand.id}") == by_hand
            assert members(client, "plan by hand") == {admin.email}

            for suffix in ("yaml", "json", "toml"):
                for personal in (False, True):
                    state = snapshot(client, tmp_path / f"state.{suffix}", personal=personal)
                    assert plan(client, tmp_path / f"state.{suffix}").is_empty
                    assert len(state["users"]) == len(before["users"]) + 50

            changes: dict[str, Any] = {
                "users": [
                    {"email": f"new@{TAG}", "previous_email": f"u1@{TAG}", "name": "New"},
                    {"email": f"u2@{TAG}", "role": "admin", "groups": []},
                    {"email": f"u3@{TAG}", "state": "absent"},
                ],
                "groups": [
                    {"name": "plan group 3", "state": "absent"},
                    {
                        "name": "plan renamed",
                        "previous_name": "plan group 2",
                        "permissions": {"chat": {"edit": True}},
                    },
                ],
            }
            assert len(drift(client, changes).differences) == 6
            assert apply(client, changes, max_deletions=2).counts == {"updated": 4, "deleted": 2}
            assert plan(client, changes).is_empty
            (group,) = [one for one in client.groups.get_groups() if one.name == "plan renamed"]
            assert group.permissions == {"workspace": {"prompts": True}, "chat": {"edit": True}}
            assert f"u2@{TAG}" not in members(client, "plan renamed")
            assert real_server.call("GET", f"/groups/id/{hand.id}") == by_hand
        finally:
            names = {one.name for one in client.groups.get_groups()}
            undone = {
                "users": [
                    {"email": user.email, "state": "absent"}
                    for user in client.iter_users()
                    if user.email.endswith(f"@{TAG}")
                ],
                "groups": [
                    {"name": name, "state": "absent"} for name in names if name.startswith("plan ")
                ],
                "default_permissions": before["default_permissions"],
            }
            apply(client, undone, max_deletions=100).raise_for_failures()
        assert snapshot(client) == before
    with capsys.disabled():
        print(f"\n{real_server.version}: 50 users, 5 groups and permissions in {took:.1f} s")


def test_a_default_group(
    real_server: RealServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that puts each new user into a group of its choice."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    desired = {
        "users": [{"email": f"a@{TAG}", "name": "A"}, {"email": f"b@{TAG}", "name": "B"}],
        "groups": [{"name": "plan default", "members": [f"b@{TAG}"]}],
    }
    with UsersClient(real_server.url, real_server.admin_token) as client:
        group = client.groups.create_new_group(name="plan default", description="")
        assert group is not None
        config = real_server.call("GET", "/auths/admin/config")
        try:
            changed = {**config, "DEFAULT_GROUP_ID": group.id}
            real_server.call("POST", "/auths/admin/config", changed)
            result = apply(client, desired, passwords_out=tmp_path / "passwords.csv")
            assert result.ok, str(result)
            taken_out = {email: one for row in result.rows for email, one in row.changes.items()}
            assert taken_out[f"a@{TAG}"] == (True, False)
            assert members(client, "plan default") == {f"b@{TAG}"}
            assert plan(client, desired).is_empty
        finally:
            real_server.call("POST", "/auths/admin/config", config)
            gone = {
                "users": [{"email": f"{one}@{TAG}", "state": "absent"} for one in "ab"],
                "groups": [{"name": "plan default", "state": "absent"}],
            }
            apply(client, gone, max_deletions=3).raise_for_failures()
