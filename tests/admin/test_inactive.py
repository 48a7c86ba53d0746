"""inactive_users, and the selection it returns."""

from __future__ import annotations

import pickle
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from openwebui_users import UsersClient
from openwebui_users.admin import (
    InvalidInputError,
    Selection,
    deactivate_users,
    import_users,
    inactive_users,
)
from openwebui_users.testing import AddedUser, EmbeddedServer

DAY = 86_400


def set_times(server: EmbeddedServer, user_id: str, created: float, active: float) -> None:
    """Days ago."""
    made, seen = (int(time.time() - days * DAY) for days in (created, active))
    server._database.run(
        "UPDATE users SET created_at = ?, last_active_at = ?, "
        "data = json_set(data, '$.created_at', ?) WHERE id = ?",
        made,
        seen,
        made,
        user_id,
    )


def add(
    server: EmbeddedServer, name: str, created: float, active: float, role: str = "user"
) -> AddedUser:
    """A user who was created and last active so many days ago."""
    user = server.add_user(name, f"{name.lower()}@example.com", role=role)
    set_times(server, user.id, created, active)
    first = server._database.first_user()
    assert first is not None
    set_times(server, first["id"], 1000, 0)  # the primary administrator is who was there first
    return user


def names(selection: Selection) -> list[str]:
    return [user.name for user in selection]


def test_by_last_activity(any_client: UsersClient, any_server: EmbeddedServer) -> None:
    add(any_server, "Old", created=300, active=100)
    add(any_server, "Older", created=300, active=200)
    add(any_server, "Recent", created=300, active=89)
    add(any_server, "Unused", created=120, active=120)
    add(any_server, "New", created=1, active=1)
    assert names(inactive_users(any_client, 90)) == ["Older", "Unused", "Old"]
    assert names(inactive_users(any_client, 90, never_signed_in=True)) == ["Unused"]
    assert names(inactive_users(any_client, 90, never_signed_in=False)) == ["Older", "Old"]
    assert names(inactive_users(any_client, 0, never_signed_in=True)) == ["Unused", "New"]
    earlier = datetime.now(timezone.utc) - timedelta(days=15)
    assert names(inactive_users(any_client, 90, now=earlier)) == ["Older", "Unused"]
    assert names(inactive_users(any_client, 90, now=earlier.replace(tzinfo=None))) == [
        "Older",
        "Unused",
    ]
    assert names(inactive_users(any_client, 1e9)) == []


def test_what_a_first_sign_in_looks_like(client: UsersClient, server: EmbeddedServer) -> None:
    """Later than what an import does in the name of the new account."""
    for name, seconds in (("Same", 0), ("Next", 1), ("Ten", 10), ("More", 11)):
        add(server, name, created=10, active=10 - seconds / DAY)
    assert names(inactive_users(client, 5, never_signed_in=False)) == ["More"]
    assert sorted(names(inactive_users(client, 5, never_signed_in=True))) == ["Next", "Same", "Ten"]


def test_roles(client: UsersClient, server: EmbeddedServer) -> None:
    add(server, "Admin", created=10, active=9, role="admin")
    add(server, "Pending", created=10, active=8, role="pending")
    add(server, "User", created=10, active=7)
    assert names(inactive_users(client, 5)) == ["Admin", "User"]
    assert names(inactive_users(client, 5, roles="pending")) == ["Pending"]
    assert names(inactive_users(client, 5, roles=["user", "pending"])) == ["Pending", "User"]


def test_whom_no_verb_deactivates_is_left_out(client: UsersClient, server: EmbeddedServer) -> None:
    boss = add(server, "Boss", created=10, active=10, role="admin")
    add(server, "User", created=10, active=7)
    other = client.with_options(api_key=boss.token)  # its own requests make it active
    with_primary = inactive_users(
        other, 5, now=datetime.now(timezone.utc) + timedelta(days=20), roles=("admin", "user")
    )
    assert names(with_primary) == ["User"]
    assert len(with_primary.notes) == 2
    assert f"left out: {server.admin_email} is the primary administrator" in str(with_primary)
    assert deactivate_users(other, with_primary).counts == {"updated": 1}


def test_many_pages(client: UsersClient, server: EmbeddedServer) -> None:
    for i in range(65):
        add(server, f"P{i}", created=10, active=10)
    selection = inactive_users(client, 5)
    assert len(selection) == 65
    assert str(selection).splitlines()[-1] == "… and 15 more"
    assert deactivate_users(client, selection).counts == {"updated": 65}
    assert inactive_users(client, 5) == []


def test_it_prints_as_a_table(client: UsersClient, server: EmbeddedServer) -> None:
    add(server, "Ann", created=10, active=10)
    add(server, "Ben", created=10, active=8)
    client.update_user_by_id(client.get_users("ben@").users[0].id, name="Ben\x1b[2J")
    selection = inactive_users(client, 5)
    lines = str(selection).splitlines()
    assert lines[0] == "not active for 5 days: 2"
    assert lines[1].split() == ["email", "name", "role", "last", "active"]
    assert lines[2].startswith("ann@example.com") and "never (created 20" in lines[2]
    assert "\x1b" not in str(selection) and "never" not in lines[3]
    assert str(inactive_users(client, 50)) == "not active for 50 days: nobody"
    again = pickle.loads(pickle.dumps(selection))
    assert str(again) == str(selection) and isinstance(again, Selection)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"days": -1}, "days: must be a number from 0, got -1"),
        ({"days": True}, "days: must be a number"),
        ({"days": "90"}, "days: must be a number"),
        ({"days": float("nan")}, "days: must be a number"),
        ({"days": 9, "roles": ["usr"]}, "roles: must be one of admin, user, pending, got 'usr'"),
        ({"days": 9, "never_signed_in": "yes"}, "never_signed_in: must be True, False or None"),
        ({"days": 9, "now": "today"}, "now: must be a datetime, got str"),
        ({"days": 9, "now": datetime.max}, "now: must be of a year from 1970 to 9998, got 9999"),
        ({"days": 9, "now": datetime(1, 1, 1)}, "now: must be of a year from 1970"),
    ],
)
def test_what_it_refuses(client: UsersClient, how: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        inactive_users(client, **how)


def test_an_import_is_no_sign_in(
    client: UsersClient, server: EmbeddedServer, tmp_path: Path
) -> None:
    """It uses tokens of the new accounts."""
    rows = [{"name": "Ann", "email": "ann@example.com", "settings": {"ui": {"theme": "dark"}}}]
    import_users(client, rows, passwords_out=tmp_path / "passwords.csv")
    assert any(one.path.endswith("/user/settings/update") for one in server.requests)
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    assert names(inactive_users(client, 1, never_signed_in=True, now=tomorrow)) == ["Ann"]
