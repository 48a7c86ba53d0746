"""delete_users."""

from __future__ import annotations

import json
import os
import pickle
import signal
import stat
from pathlib import Path
from typing import Any

import pytest

from openwebui_users import UsersClient
from openwebui_users.admin import (
    DeletionResult,
    Interrupted,
    InvalidInputError,
    RefusedError,
    delete_users,
    import_users,
)
from openwebui_users.testing import AddedUser, EmbeddedServer


def deletions(server: EmbeddedServer) -> list[str]:
    return [one.path for one in server.requests if one.method == "DELETE"]


def left(client: UsersClient) -> set[str]:
    return {user.email for user in client.get_all_users().users}


@pytest.fixture
def people(any_server: EmbeddedServer, any_client: UsersClient) -> list[AddedUser]:
    """Four users; a group "staff" has the first two."""
    found = [any_server.add_user(f"P{i}", f"p{i}@example.com") for i in range(4)]
    group = any_client.groups.create_new_group(name="staff", description="")
    assert group is not None
    any_client.groups.add_user_to_group(group.id, user_ids=[one.id for one in found[:2]])
    any_server.forget_requests()
    return found


# ---------------------------------------------------------------- what is done


def test_a_dry_run_and_its_confirmation(
    any_client: UsersClient, any_server: EmbeddedServer, people: list[AddedUser], tmp_path: Path
) -> None:
    path = tmp_path / "backup.jsonl"
    dry = delete_users(any_client, people[:3], backup=path, dry_run=True)
    assert deletions(any_server) == [] and not path.exists()
    assert dry.counts == {"deleted": 3} and "p1@example.com: deleted; P1, user" in str(dry)
    confirmation = pickle.loads(pickle.dumps(dry)).confirmation
    lines: list[dict[str, Any]] = []
    result = delete_users(
        any_client, people[:3], backup=path, confirm=confirmation, audit=lines.append
    )
    assert result.ok and result.counts == {"deleted": 3} and result.confirmation is None
    assert left(any_client) == {any_server.admin_email, people[3].email}
    assert f"backup of the accounts: {path}" in str(result)
    assert json.loads(json.dumps(result.to_dict()))["backup"] == str(path)
    assert [line["stage"] for line in lines].count("done") == 3
    assert lines[0]["before"]["role"] == "user"


def test_the_backup_holds_all_and_comes_first(
    any_client: UsersClient,
    any_server: EmbeddedServer,
    people: list[AddedUser],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    synced = []
    monkeypatch.setattr(
        "openwebui_users.admin._files.os.fsync",
        lambda _: synced.append(len(deletions(any_server))),
    )
    any_client.with_options(api_key=people[0].token).update_user_info({"team": "é \x00"})
    path = tmp_path / "backup.jsonl"
    delete_users(any_client, people[:3], backup=path, yes=True)
    assert synced == [0, 0]  # the file and its folder, before the first deletion
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["email"] for row in rows] == [one.email for one in people[:3]]
    assert [row["groups"] for row in rows] == [["staff"], ["staff"], []]
    assert rows[0]["info"] == {"team": "é \x00"} and rows[0]["id"] == people[0].id
    assert {"name", "role", "created_at", "last_active_at", "settings"} <= set(rows[0])


def test_the_backup_holds_what_this_version_does_not_know(
    client: UsersClient, server: EmbeddedServer, tmp_path: Path
) -> None:
    ann = server.add_user("Ann", "ann@example.com")
    server._database.run("UPDATE users SET data = json_set(data, '$.new', 7) WHERE id = ?", ann.id)
    path = tmp_path / "backup.jsonl"
    delete_users(client, [ann], backup=path, yes=True)
    assert json.loads(path.read_text())["new"] == 7


def test_nobody_is_deleted_who_is_not_in_the_backup(
    any_client: UsersClient, any_server: EmbeddedServer, people: list[AddedUser], tmp_path: Path
) -> None:
    """Somebody else deletes one of them meanwhile."""
    path = tmp_path / "backup.jsonl"

    def confirm(_: DeletionResult) -> bool:
        return any_client.delete_user_by_id(people[1].id)

    with pytest.raises(InvalidInputError, match=r"p1@example\.com: is no longer on the server"):
        delete_users(any_client, people, backup=path, confirm=confirm)
    assert len(deletions(any_server)) == 1 and not path.exists()


def test_accounts_of_a_backup_can_be_imported(
    any_client: UsersClient, people: list[AddedUser], tmp_path: Path
) -> None:
    path = tmp_path / "backup.jsonl"
    delete_users(any_client, people, backup=path, yes=True)
    result = import_users(
        any_client, path, ignore_columns=True, passwords_out=tmp_path / "passwords.csv"
    )
    assert result.counts == {"created": 4}, str(result)
    (group,) = any_client.groups.get_groups()
    members = {user.email for user in any_client.groups.get_users_in_group(group.id)}
    assert members == {people[0].email, people[1].email}


def test_a_few_of_many_are_read_one_by_one(
    client: UsersClient, server: EmbeddedServer, tmp_path: Path
) -> None:
    people = [server.add_user(f"P{i}", f"p{i}@example.com") for i in range(100)]
    path = tmp_path / "backup.jsonl"
    server.forget_requests()
    delete_users(client, people[98:], backup=path, yes=True)
    pages = [one for one in server.requests if one.path == "/api/v1/users/"]
    assert len(pages) == 3  # and one to see who is the primary administrator
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["id"] for row in rows] == [one.id for one in people[98:]]


def test_without_a_backup(any_client: UsersClient, people: list[AddedUser]) -> None:
    result = delete_users(any_client, [people[0].email.upper()], backup=False, yes=True)
    assert result.counts == {"deleted": 1} and result.backup is None
    assert people[0].email not in left(any_client)


def test_nobody_to_delete(client: UsersClient, tmp_path: Path) -> None:
    path = tmp_path / "backup.jsonl"
    assert delete_users(client, [], backup=path).ok and not path.exists()


# ---------------------------------------------------------------- confirmation


def test_it_is_to_be_confirmed(
    any_client: UsersClient, any_server: EmbeddedServer, people: list[AddedUser], tmp_path: Path
) -> None:
    path = tmp_path / "backup.jsonl"
    with pytest.raises(RefusedError, match=r"the deletion of 4 users of http.* is to be confirmed"):
        delete_users(any_client, people, backup=path)
    dry = delete_users(any_client, people[:3], backup=False, dry_run=True)
    with pytest.raises(RefusedError, match="1 of those to be deleted are not in it, and 0 in it"):
        delete_users(any_client, people, backup=path, confirm=dry.confirmation)
    with pytest.raises(RefusedError, match="0 of those to be deleted are not in it, and 2 in it"):
        delete_users(any_client, people[:1], backup=path, confirm=dry.confirmation)
    with EmbeddedServer() as other, UsersClient(other.url, other.admin_token) as client:
        other.add_user("P", "p@example.com")
        with pytest.raises(RefusedError, match="the confirmation is for http"):
            delete_users(client, ["p@example.com"], backup=path, confirm=dry.confirmation)
    assert deletions(any_server) == [] and not path.exists()


def test_a_function_that_is_asked(
    any_client: UsersClient, any_server: EmbeddedServer, people: list[AddedUser]
) -> None:
    shown: list[DeletionResult] = []

    def ask(answer: Any) -> Any:
        def answer_to(dry: DeletionResult) -> Any:
            shown.append(dry)
            return answer

        return answer_to

    for answer in (False, None, "no"):
        with pytest.raises(RefusedError, match="it was not confirmed"):
            delete_users(any_client, people, backup=False, confirm=ask(answer))
    assert deletions(any_server) == []
    assert delete_users(any_client, people, backup=False, confirm=ask(True)).counts == {
        "deleted": 4
    }
    assert shown[-1].dry_run and len(shown[-1].rows) == 4


# ---------------------------------------------------------------- what is refused


def test_the_primary_administrator_oneself_and_nobody(
    any_client: UsersClient, any_server: EmbeddedServer, people: list[AddedUser]
) -> None:
    boss = any_server.add_user("Boss", "boss@example.com", role="admin")
    other = any_client.with_options(api_key=boss.token)
    for client in (any_client, other):
        with pytest.raises(RefusedError, match="primary administrator"):
            delete_users(client, [*people, any_server.admin_email], backup=False, yes=True)
    with pytest.raises(RefusedError, match="the account that this client uses"):
        delete_users(other, [*people, boss.id], backup=False, yes=True)
    with pytest.raises(InvalidInputError, match="row 5: there is no user"):
        delete_users(other, [*people, "nobody@example.com"], backup=False, yes=True)
    assert deletions(any_server) == []


@pytest.mark.parametrize("dry_run", [False, True])
def test_where_no_backup_can_be(
    any_client: UsersClient,
    any_server: EmbeddedServer,
    people: list[AddedUser],
    tmp_path: Path,
    dry_run: bool,
) -> None:
    there = tmp_path / "there.jsonl"
    there.write_text("kept")
    cases: list[tuple[Any, str]] = [
        (there, "there is .*there.jsonl already"),
        (tmp_path / "no" / "backup.jsonl", "there is no folder"),
        (True, "must be the path of a new file, or False, got bool"),
        (None, "or False, got NoneType"),
    ]
    for backup, message in cases:
        with pytest.raises(InvalidInputError, match=message):
            delete_users(any_client, people, backup=backup, yes=True, dry_run=dry_run)
    assert deletions(any_server) == [] and there.read_text() == "kept"


def test_a_backup_that_cannot_be_written(
    any_client: UsersClient,
    any_server: EmbeddedServer,
    people: list[AddedUser],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("openwebui_users.admin._files.os.fsync", full)
    path = tmp_path / "backup.jsonl"
    with pytest.raises(OSError, match="No space left"):
        delete_users(any_client, people, backup=path, yes=True)
    assert deletions(any_server) == [] and not path.exists()


# ---------------------------------------------------------------- what goes wrong


def test_a_server_that_says_so_and_does_not(
    any_client: UsersClient,
    any_server: EmbeddedServer,
    people: list[AddedUser],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(any_server._database, "delete_user", lambda _: None)
    result = delete_users(any_client, people, backup=False, yes=True)
    assert result.counts == {"failed": 4}
    assert "the server said that it was done, but the user is still there" in str(result)


def test_an_answer_that_does_not_come(
    any_client: UsersClient, any_server: EmbeddedServer, people: list[AddedUser]
) -> None:
    any_server.fault("lost", path=f"*{people[0].id}")
    any_server.fault("reset", path=f"*{people[1].id}")
    result = delete_users(any_client, people, backup=False, yes=True)
    assert [row.status for row in result.rows] == ["deleted", "unknown", "deleted", "deleted"]
    assert "the answer did not come, but the user is gone" in str(result.rows[0])


def test_what_cannot_be_verified_is_not_ok(
    any_client: UsersClient, any_server: EmbeddedServer, people: list[AddedUser]
) -> None:
    def break_list(progress: Any) -> None:
        if progress.done == progress.total:
            any_server.fault("status", code=500, path="/api/v1/users/all")

    result = delete_users(any_client, people, backup=False, yes=True, progress=break_list)
    assert result.counts == {"deleted": 4} and not result.ok
    assert "it could not be seen whether they are gone" in str(result)


def test_ctrl_c(
    any_client: UsersClient, any_server: EmbeddedServer, people: list[AddedUser], tmp_path: Path
) -> None:
    path = tmp_path / "backup.jsonl"
    with pytest.raises(Interrupted) as caught:
        delete_users(
            any_client,
            people,
            backup=path,
            yes=True,
            concurrency=1,
            progress=lambda _: os.kill(os.getpid(), signal.SIGINT),
        )
    result = caught.value.result
    assert result.counts == {"deleted": 1, "not_run": 3} and result.backup == str(path)
    assert len(deletions(any_server)) == 1 and len(path.read_text().splitlines()) == 4
