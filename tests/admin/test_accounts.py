"""update_user, set_role and reset_passwords."""

from __future__ import annotations

import csv
import json
import stat
import time
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from admin_server import writes

from openwebui_users import AuthenticationError, UsersClient
from openwebui_users.admin import (
    InvalidInputError,
    PartialFailureError,
    RefusedError,
    reset_passwords,
    set_role,
    update_user,
)
from openwebui_users.testing import EmbeddedServer


def make_later(server: EmbeddedServer, user_id: str) -> None:
    """Administrators of the same second are all taken for the first."""
    row = server._database.user(user_id)
    assert row is not None
    server._database.store_user({**row, "created_at": int(time.time()) + 9})


# ---------------------------------------------------------------- update_user


def test_only_what_is_named_changes(any_client: UsersClient, any_server: EmbeddedServer) -> None:
    ann = any_server.add_user("Ann", "ann@example.com")
    row = update_user(any_client, "ANN@example.com", name="Ann Lee")
    assert (row.status, row.changes) == ("updated", {"name": ("Ann", "Ann Lee")})
    now = any_client.get_user_by_id(ann.id)
    assert (now.name, now.role, now.email) == ("Ann Lee", "user", "ann@example.com")
    assert str(row) == "ann@example.com: updated (name: 'Ann' → 'Ann Lee')"

    any_server.forget_requests()
    row = update_user(any_client, now, name="Ann Lee", role="user")
    assert row.status == "unchanged" and writes(any_server) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"role": "amdin"}, "role: must be one of admin, user, pending, got 'amdin'"),
        ({"email": "not an email"}, "email: must be an e-mail address"),
        ({"email": "ben@example.com"}, "email: is taken by the user"),
        ({"password": "é" * 37}, "password: must have at most 72 bytes in UTF-8, has 74"),
        ({"name": " "}, "name: must not be empty"),
        ({"nmae": "x"}, "nmae: no such field"),
    ],
)
def test_update_refuses(
    client: UsersClient, server: EmbeddedServer, changes: dict[str, Any], message: str
) -> None:
    server.add_user("Ann", "ann@example.com")
    server.add_user("Ben", "ben@example.com")
    with pytest.raises(InvalidInputError, match=message):
        update_user(client, "ann@example.com", **changes)
    assert writes(server) == []


def test_update_of_nobody(client: UsersClient, server: EmbeddedServer) -> None:
    with pytest.raises(InvalidInputError, match=r"no user with the id or e-mail address 'x@y\.z'"):
        update_user(client, "x@y.z", name="X")
    with pytest.raises(RefusedError, match="primary administrator"):
        update_user(client, server.admin_email, role="user")
    assert writes(server) == []


def test_the_audit_trail_tells_each_change_and_no_secret(
    client: UsersClient, server: EmbeddedServer, tmp_path: Path
) -> None:
    ann = server.add_user("Ann", "ann@example.com")
    make_later(server, ann.id)
    path = tmp_path / "audit.jsonl"
    update_user(client, ann.id, role="admin", password="a new secret", audit=path)
    update_user(client, ann.id, role="pending", audit=path, dry_run=True)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["stage"] for line in lines] == ["sent", "done"]
    assert {line["change"] for line in lines} == {lines[0]["change"]}
    for line in lines:
        assert line["verb"] == "update_user" and line["server"] == server.url
        assert line["who"]["email"] == server.admin_email
        assert line["route"] == f"POST /api/v1/users/{ann.id}/update"
        assert line["target"] == "ann@example.com"
        assert line["before"]["role"] == "user"
        assert line["after"] == {"role": "admin", "password": "**********"}
    assert "a new secret" not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_failed_change_in_the_audit_trail(client: UsersClient, server: EmbeddedServer) -> None:
    server.add_user("Ann", "ann@example.com")
    server.fault("status", code=500, method="POST")
    lines: list[dict[str, Any]] = []
    result = set_role(client, "admin", ["ann@example.com"], audit=lines.append)
    assert [line["stage"] for line in lines] == ["sent", "failed"]
    assert result.counts == {"failed": 1} and "500" in str(result)
    server.fault("lost", method="POST")
    result = set_role(client, "admin", ["ann@example.com"], audit=lines.append)
    assert lines[-1]["stage"] == "unknown" and result.counts == {"unknown": 1}


# ---------------------------------------------------------------- set_role


def test_set_role(any_client: UsersClient, any_server: EmbeddedServer) -> None:
    people = [any_server.add_user(f"P{i}", f"p{i}@example.com") for i in range(20)]
    seen: list[int] = []
    result = set_role(
        any_client,
        "pending",
        [person.id for person in people],
        progress=lambda progress: seen.append(progress.done),
        concurrency=4,
    )
    assert result.ok and result.counts == {"updated": 20} and seen == list(range(1, 21))
    roles = [user.role for user in any_client.iter_users("p") if user.name != "Administrator"]
    assert roles == ["pending"] * 20
    assert set_role(any_client, "pending", people[0].email).counts == {"unchanged": 1}


def test_set_role_refuses_everything_at_once(client: UsersClient, server: EmbeddedServer) -> None:
    server.add_user("Ann", "ann@example.com")
    with pytest.raises(InvalidInputError) as caught:
        set_role(client, "Admin", ["ann@example.com", "nobody@example.com", 7])
    assert [problem.row for problem in caught.value.problems] == [None, 2, 3]
    with pytest.raises(RefusedError):
        set_role(client, "user", ["ann@example.com", server.admin_email])
    assert writes(server) == []


def test_an_administrator_with_an_api_key_does_not_demote_itself(server: EmbeddedServer) -> None:
    """The server tells holders of keys who they are in one place, which can be switched off."""
    with UsersClient(server.url, server.admin_token) as client:
        boss = server.add_user("Boss", "boss@example.com", role="admin")
        make_later(server, boss.id)
        key = client.with_options(api_key=boss.token).auths.generate_api_key().api_key
        other = server.add_user("Other", "other@example.com", role="admin")
        make_later(server, other.id)
    with UsersClient(server.url, key) as client:
        with pytest.raises(RefusedError, match="the account that this client uses"):
            set_role(client, "user", [boss.id])
        server.fault("status", code=403, path="/api/v1/users/user/status", times=2)
        with pytest.raises(RefusedError, match="is an administrator, perhaps"):
            set_role(client, "user", [boss.id])
        with pytest.raises(RefusedError, match="is an administrator, perhaps"):
            set_role(client, "user", [other.id])
        assert set_role(client, "user", [other.id]).counts == {"updated": 1}


# ---------------------------------------------------------------- reset_passwords


def test_passwords_that_are_made(
    client: UsersClient, server: EmbeddedServer, tmp_path: Path
) -> None:
    people = [server.add_user(f"P{i}", f"p{i}@example.com", "old password") for i in range(3)]
    path = tmp_path / "passwords.csv"
    result = reset_passwords(client, people, passwords_out=path)
    assert result.counts == {"updated": 3} and stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["email"] for row in rows} == {person.email for person in people}
    guest = client.with_options(api_key="").auths
    for row in rows:
        assert guest.signin(row, set_client_api_key=False).token
        assert row["password"] not in str(result) + repr(result)
    with pytest.raises(AuthenticationError):  # of the old session
        client.with_options(api_key=people[0].token).auths.get_session_user()


def test_passwords_that_are_given(client: UsersClient, server: EmbeddedServer) -> None:
    server.add_user("Ann", "ann@example.com", "old password")
    result = reset_passwords(client, {"Ann@example.com": "new password"})
    assert result.counts == {"updated": 1}
    client.with_options(api_key="").auths.signin(email="ann@example.com", password="new password")
    with pytest.raises(InvalidInputError, match="72 bytes"):
        reset_passwords(client, {"ann@example.com": "x" * 73})
    with pytest.raises(InvalidInputError, match="passwords_out"):
        reset_passwords(client, ["ann@example.com"])
    reset_passwords(client, MappingProxyType({"ann@example.com": "another"}))
    client.with_options(api_key="").auths.signin(email="ann@example.com", password="another")
    with pytest.raises(InvalidInputError, match="is given already"):
        reset_passwords(client, {"ann@example.com": "a", "ANN@example.com": "b"})
    assert reset_passwords(client, {}).rows == []


def test_a_client_for_raw_responses_is_refused(client: UsersClient) -> None:
    with pytest.raises(TypeError, match="with_raw_response"):
        set_role(client.with_raw_response, "user", [])  # type: ignore[arg-type]


def test_an_audit_trail_goes_on_after_a_torn_line(
    client: UsersClient, server: EmbeddedServer, tmp_path: Path
) -> None:
    server.add_user("Ann", "ann@example.com")
    path = tmp_path / "audit"
    path.write_text('{"torn": ')
    set_role(client, "admin", ["ann@example.com"], audit=path)
    torn, *lines = path.read_text().splitlines()
    assert torn == '{"torn": ' and [json.loads(line)["stage"] for line in lines] == ["sent", "done"]
    assert set_role(client, "user", ["ann@example.com"], audit="/dev/null").ok


def test_an_audit_trail_that_fails_behind_the_change_is_told(
    client: UsersClient, server: EmbeddedServer
) -> None:
    ann = server.add_user("Ann", "ann@example.com")

    def full(line: dict[str, Any]) -> None:
        if line["stage"] == "done":
            raise OSError("no space left")

    with pytest.raises(PartialFailureError, match="no space left") as caught:
        update_user(client, ann.id, name="Ann Lee", audit=full)
    assert caught.value.result.rows[0].status == "updated"
    assert client.get_user_by_id(ann.id).name == "Ann Lee"


def test_an_audit_trail_that_fails_stops_the_verb_and_hides_nothing(
    client: UsersClient, server: EmbeddedServer
) -> None:
    people = [server.add_user("P", f"p{i}@example.com").email for i in range(3)]

    def fail_when_done(line: dict[str, Any]) -> None:
        if line["stage"] == "done":
            raise OSError(28, "No space left on device")

    with pytest.raises(PartialFailureError, match="No space left") as caught:
        set_role(client, "pending", people, audit=fail_when_done, concurrency=1)
    assert caught.value.result.counts == {"updated": 1, "not_run": 2}
