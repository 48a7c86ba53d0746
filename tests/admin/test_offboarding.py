"""deactivate_users and reactivate_users."""

from __future__ import annotations

import os
import pickle
import signal
from typing import Any

import pytest
from admin_server import changes

from openwebui_users import APIStatusError, AuthenticationError, UsersClient
from openwebui_users.admin import (
    Interrupted,
    InvalidInputError,
    RefusedError,
    deactivate_users,
    reactivate_users,
    set_role,
)
from openwebui_users.testing import AddedUser, EmbeddedServer

KEY_NOTE = "API key, if the user had one, cannot be removed by an administrator, and works again"


def lives(client: UsersClient, token: str) -> bool:
    """Whether the server still knows this session."""
    try:
        client.with_options(api_key=token).auths.get_session_user()
    except AuthenticationError:
        return False
    return True


def groups_of(client: UsersClient, user: AddedUser) -> list[str]:
    return sorted(group.name for group in client.get_user_groups_by_id(user.id))


def make_group(client: UsersClient, name: str, users: list[AddedUser]) -> str:
    group = client.groups.create_new_group(name=name, description="")
    assert group is not None
    client.groups.add_user_to_group(group.id, user_ids=[user.id for user in users])
    return group.id


@pytest.fixture
def people(server: EmbeddedServer) -> list[AddedUser]:
    return [server.add_user(f"P{i}", f"p{i}@example.com") for i in range(3)]


# ---------------------------------------------------------------- deactivation


def off_board_twenty(client: UsersClient, server: EmbeddedServer) -> None:
    """The whole of it: tokens that are dead at once, and stay so when the role comes back."""
    people = [server.add_user(f"P{i}", f"p{i}@example.com") for i in range(20)]
    assert all(lives(client, one.token) for one in people)
    result = deactivate_users(client, people)
    assert result.ok and result.counts == {"updated": 20}
    assert {client.get_user_by_id(one.id).role for one in people} == {"pending"}
    assert not any(lives(client, one.token) for one in people)
    for one in people:  # as by hand, so that nothing but the deactivation has revoked
        client.update_user_by_id(one.id, role="user")
    assert not any(lives(client, one.token) for one in people)


def test_off_boarding_of_twenty(client: UsersClient, server: EmbeddedServer) -> None:
    off_board_twenty(client, server)


def test_that_test_notices_when_nothing_is_revoked(
    client: UsersClient, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_revoke(*_: Any) -> Any:
        yield from ()
        return True

    monkeypatch.setattr("openwebui_users.admin._offboarding.revoke", no_revoke)
    with pytest.raises(AssertionError):
        off_board_twenty(client, server)


def test_each_row_tells_of_the_key(client: UsersClient, people: list[AddedUser]) -> None:
    key = client.with_options(api_key=people[0].token).auths.generate_api_key().api_key
    result = deactivate_users(client, people)
    for row in result.rows:
        assert any(KEY_NOTE in note for note in row.notes)
        assert row.changes == {"role": ("user", "pending")}
    assert str(result).count(KEY_NOTE) == 3
    assert pickle.loads(pickle.dumps(result)) == result
    with pytest.raises(AuthenticationError):
        client.with_options(api_key=key).get_user_settings()
    again = reactivate_users(client, people)
    assert all("API key" in " ".join(row.notes) for row in again.rows)
    client.with_options(api_key=key).get_user_settings()


def test_the_role_goes_first(
    client: UsersClient, server: EmbeddedServer, people: list[AddedUser]
) -> None:
    server.forget_requests()
    deactivate_users(client, people[0].email)
    assert changes(server) == [
        f"POST /api/v1/users/{people[0].id}/update",
        f"POST /api/v1/users/{people[0].id}/sessions/revoke",
    ]


def test_who_is_pending_already_loses_the_sessions(
    client: UsersClient, people: list[AddedUser]
) -> None:
    set_role(client, "pending", people)
    assert lives(client, people[0].token)
    result = deactivate_users(client, people)
    assert result.counts == {"unchanged": 3}
    assert not any(lives(client, one.token) for one in people)
    assert "was pending already; sessions were revoked" in str(result)


@pytest.mark.parametrize(("kind", "status"), [("status", "failed"), ("lost", "unknown")])
def test_a_revocation_that_fails(
    client: UsersClient, server: EmbeddedServer, people: list[AddedUser], kind: str, status: str
) -> None:
    options: dict[str, Any] = {"code": 500} if kind == "status" else {}
    server.fault(kind, path=f"*{people[1].id}/sessions/revoke", **options)
    result = deactivate_users(client, people)
    assert [row.status for row in result.rows] == ["updated", status, "updated"]
    assert not result.ok
    error = result.rows[1].error or ""
    assert error.startswith("the role is pending, but sessions are alive, as they could not be ")
    assert client.get_user_by_id(people[1].id).role == "pending"
    server.clear_faults()
    assert deactivate_users(client, people).ok
    assert not lives(client, people[1].token)


def test_guards_and_wrong_users(
    client: UsersClient, server: EmbeddedServer, people: list[AddedUser]
) -> None:
    boss = server.add_user("Boss", "boss@example.com", role="admin")
    with pytest.raises(RefusedError, match="primary administrator"):
        deactivate_users(client, [*people, server.admin_email])
    with pytest.raises(RefusedError, match="the account that this client uses"):
        deactivate_users(client.with_options(api_key=boss.token), [*people, boss.id])
    with pytest.raises(InvalidInputError) as caught:
        deactivate_users(client, [people[0], "nobody@example.com", 7])
    assert [problem.row for problem in caught.value.problems] == [2, 3]
    assert changes(server) == []


def test_dry_run(client: UsersClient, server: EmbeddedServer, people: list[AddedUser]) -> None:
    make_group(client, "staff", people)
    server.forget_requests()
    dry = deactivate_users(client, people, remove_from_groups=True, dry_run=True)
    assert changes(server) == []
    done = deactivate_users(client, people, remove_from_groups=True)
    assert [row.changes for row in dry.rows] == [row.changes for row in done.rows]
    assert dry.counts == done.counts == {"updated": 3}
    server.forget_requests()
    dry = reactivate_users(client, people, groups=done, dry_run=True)
    assert changes(server) == []
    done = reactivate_users(client, people, groups=done)
    assert [row.changes for row in dry.rows] == [row.changes for row in done.rows]


def test_servers_that_cannot_revoke(any_client: UsersClient, any_server: EmbeddedServer) -> None:
    ann = any_server.add_user("Ann", "ann@example.com")
    result = deactivate_users(any_client, [ann])
    told = "cannot revoke sessions" in str(result)
    again = reactivate_users(any_client, [ann])
    assert result.ok and again.ok
    assert any_client.get_user_by_id(ann.id).role == "user"
    assert lives(any_client, ann.token) == told == (any_server.version == "0.6.42")
    assert ("sessions that began before work again" in str(again)) == told


# ---------------------------------------------------------------- groups


def test_out_of_all_groups_and_back(any_client: UsersClient, any_server: EmbeddedServer) -> None:
    people = [any_server.add_user(f"P{i}", f"p{i}@example.com") for i in range(3)]
    staff = make_group(any_client, "staff", people)
    make_group(any_client, "board", people[:1])
    any_server.forget_requests()
    seen: list[tuple[int, int]] = []
    result = deactivate_users(
        any_client,
        people,
        remove_from_groups=True,
        progress=lambda progress: seen.append((progress.done, progress.total)),
    )
    assert result.counts == {"updated": 3} and seen == [(i, 5) for i in range(1, 6)]
    assert [groups_of(any_client, one) for one in people] == [[], [], []]
    assert set(result.rows[0].changes["groups"][0]) == {"staff", "board"}
    assert result.rows[0].changes["groups"][1] == []
    assert result.rows[2].changes["groups"] == (["staff"], [])
    assert changes(any_server).count(f"POST /api/v1/groups/id/{staff}/users/remove") == 1

    again = reactivate_users(any_client, people, groups=result)
    assert again.ok and again.rows[2].changes["groups"] == ([], ["staff"])
    expected = [["board", "staff"], ["staff"], ["staff"]]
    assert [groups_of(any_client, one) for one in people] == expected
    assert reactivate_users(any_client, people, groups=result).counts == {"unchanged": 3}


def test_groups_stay_unless_asked(client: UsersClient, people: list[AddedUser]) -> None:
    make_group(client, "staff", people)
    assert "groups" not in deactivate_users(client, people).rows[0].changes
    assert groups_of(client, people[0]) == ["staff"]


def test_a_group_that_fails(
    client: UsersClient, server: EmbeddedServer, people: list[AddedUser]
) -> None:
    make_group(client, "staff", people)
    board = make_group(client, "board", people[:1])
    server.fault("status", code=500, path=f"*{board}/users/remove")
    result = deactivate_users(client, people, remove_from_groups=True)
    assert result.counts == {"updated": 2, "failed": 1}
    row = result.rows[0]
    assert "the role is done, but the user is still in the groups board" in str(row)
    assert "500" in str(row)
    assert (sorted(row.changes["groups"][0]), row.changes["groups"][1]) == (
        ["board", "staff"],
        ["board"],
    )
    result = deactivate_users(client, people, remove_from_groups=True)
    assert result.ok and groups_of(client, people[0]) == []


def test_a_server_that_says_so_and_does_not(
    client: UsersClient,
    server: EmbeddedServer,
    people: list[AddedUser],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_group(client, "staff", people)
    monkeypatch.setattr(server._database, "remove_members", lambda *_: None)
    result = deactivate_users(client, people, remove_from_groups=True)
    assert result.counts == {"failed": 3}
    assert "still in the groups staff" in str(result) and "groups" not in result.rows[0].changes


def test_whose_role_fails_stays_in_the_groups(
    client: UsersClient, server: EmbeddedServer, people: list[AddedUser]
) -> None:
    make_group(client, "staff", people)
    server.fault("status", code=500, path=f"*{people[1].id}/update")
    result = deactivate_users(client, people, remove_from_groups=True)
    assert [row.status for row in result.rows] == ["updated", "failed", "updated"]
    assert [groups_of(client, one) for one in people] == [[], ["staff"], []]


def test_groups_of_one_name(client: UsersClient, people: list[AddedUser]) -> None:
    """They are told apart by their ids."""
    first = make_group(client, "staff", people[:1])
    make_group(client, "staff", people[1:])
    result = deactivate_users(client, people[:1], remove_from_groups=True)
    assert result.rows[0].changes["groups"] == ([first], [])
    reactivate_users(client, people[:1], groups=result)
    assert [group.id for group in client.get_user_groups_by_id(people[0].id)] == [first]


def test_ctrl_c_before_the_groups(client: UsersClient, people: list[AddedUser]) -> None:
    """Rows tell what is left to be done."""
    make_group(client, "staff", people)

    def interrupt(_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted) as caught:
        deactivate_users(client, people, remove_from_groups=True, concurrency=1, progress=interrupt)
    result = caught.value.result
    assert [row.status for row in result.rows] == ["failed", "not_run", "not_run"]
    assert "still in the groups staff" in str(result.rows[0])
    assert not lives(client, people[0].token) and lives(client, people[1].token)


# ---------------------------------------------------------------- reactivation


def test_reactivation_revokes_first(
    client: UsersClient, server: EmbeddedServer, people: list[AddedUser]
) -> None:
    """Whoever was set to pending by hand has sessions that would work again."""
    set_role(client, "pending", people)
    assert lives(client, people[0].token)
    server.forget_requests()
    result = reactivate_users(client, people[:1], role="admin")
    assert changes(server) == [
        f"POST /api/v1/users/{people[0].id}/sessions/revoke",
        f"POST /api/v1/users/{people[0].id}/update",
    ]
    assert result.rows[0].changes == {"role": ("pending", "admin")}
    assert not lives(client, people[0].token)


def test_no_role_comes_back_with_sessions_alive(
    client: UsersClient, server: EmbeddedServer, people: list[AddedUser]
) -> None:
    set_role(client, "pending", people)
    server.fault("status", code=500, path="*/sessions/revoke")
    result = reactivate_users(client, people[:1])
    assert result.counts == {"failed": 1}
    assert "nothing was changed, as sessions could not be revoked" in str(result)
    assert client.get_user_by_id(people[0].id).role == "pending"


def test_who_is_not_deactivated_is_left_alone(
    client: UsersClient, server: EmbeddedServer, people: list[AddedUser]
) -> None:
    boss = server.add_user("Boss", "boss@example.com", role="admin")
    make_group(client, "staff", [])
    server.forget_requests()
    result = reactivate_users(client, [people[0], boss], groups="staff")
    assert [row.status for row in result.rows] == ["updated", "skipped"]
    assert "is not deactivated, and has the role 'admin'" in str(result.rows[1])
    assert lives(client, people[0].token) and lives(client, boss.token)
    assert groups_of(client, people[0]) == ["staff"] and groups_of(client, boss) == []


def test_a_role_that_no_server_knows_is_mended(
    client: UsersClient, people: list[AddedUser]
) -> None:
    client.update_user_by_id(people[0].id, role="amdin")
    result = reactivate_users(client, people[:1])
    assert result.rows[0].changes == {"role": ("amdin", "user")}


def test_groups_by_user(client: UsersClient, people: list[AddedUser]) -> None:
    make_group(client, "staff", [])
    make_group(client, "board", [])
    deactivate_users(client, people)
    groups = {people[0].email.upper(): ["staff", "board"], people[1].id: "staff"}
    reactivate_users(client, people, groups=groups)
    expected = [["board", "staff"], ["staff"], []]
    assert [groups_of(client, one) for one in people] == expected


def test_reactivation_refuses(
    client: UsersClient, server: EmbeddedServer, people: list[AddedUser]
) -> None:
    deactivate_users(client, people)
    server.forget_requests()
    with pytest.raises(InvalidInputError) as caught:
        reactivate_users(client, [*people, "nobody@example.com"], role="amdin", groups=["stuff"])
    text = str(caught.value)
    assert "role: must be one of admin, user, pending, got 'amdin'" in text
    assert "row 4: there is no user" in text and "no group with the name or id 'stuff'" in text
    with pytest.raises(InvalidInputError, match="must be user or admin"):
        reactivate_users(client, people, role="pending")
    with pytest.raises(InvalidInputError, match="groups: there is no user"):
        reactivate_users(client, people, groups={"nobody@example.com": []})
    assert changes(server) == []


def test_the_audit_trail(client: UsersClient, people: list[AddedUser]) -> None:
    make_group(client, "staff", people)
    lines: list[dict[str, Any]] = []
    deactivate_users(client, people[:1], remove_from_groups=True, audit=lines.append)
    routes = [line["route"].rpartition("/")[2] for line in lines if line["stage"] == "done"]
    assert routes == ["update", "revoke", "remove"]
    assert lines[-1]["after"] == {"members removed": [people[0].email]}


def test_nothing_changes_when_groups_cannot_be_read(
    client: UsersClient, server: EmbeddedServer, people: list[AddedUser]
) -> None:
    make_group(client, "staff", people)
    server.forget_requests()
    server.fault("status", code=500, path=f"*{people[2].id}/groups")
    with pytest.raises(APIStatusError):
        deactivate_users(client, people, remove_from_groups=True)
    assert changes(server) == []
