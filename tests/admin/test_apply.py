"""apply: what is done, what is not done twice, and what is refused."""

from __future__ import annotations

import csv
import json
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from admin_server import changes, in_group, make_group

from openwebui_users import UsersClient
from openwebui_users.admin import (
    AdminError,
    ApplyResult,
    Interrupted,
    InvalidInputError,
    LockedError,
    Plan,
    Progress,
    RefusedError,
    ServerChangedError,
    apply,
    plan,
)
from openwebui_users.testing import EmbeddedServer

ANN = {"email": "ann@example.com", "name": "Ann"}


def statuses(result: ApplyResult) -> dict[str | None, str]:
    return {row.email: row.status for row in result.rows}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "passwords.csv"


# ---------------------------------------------------------------- the whole way


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_fifty_users_and_five_groups(
    any_client: UsersClient, any_server: EmbeddedServer, tmp_path: Path, out: Path, suffix: str
) -> None:
    any_server.add_user("Hand", "hand@example.com")
    hand = make_group(any_client, "by hand", permissions={"chat": {"edit": True}})
    any_client.groups.add_user_to_group(
        hand, user_ids=[one.id for one in any_client.get_users().users]
    )
    by_hand = any_client.groups.with_raw_response.get_group_by_id(hand).json()
    desired = {
        "users": [
            {
                "email": f"user{number}@example.com",
                "name": f"User {number}",
                "role": "user" if number % 7 else "pending",
                "groups": [f"group {number % 5}", "by hand"][: 1 + (number == 3)],
            }
            for number in range(50)
        ],
        "groups": [
            {
                "name": f"group {number}",
                "description": f"The group with number {number}",
                "permissions": {"workspace": {"prompts": number % 2 == 0}},
            }
            for number in range(5)
        ],
        "default_permissions": {"workspace": {"prompts": True}, "chat": {"delete": False}},
    }
    path = tmp_path / f"desired.{suffix}"
    path.write_text(json.dumps(desired))  # which is YAML too
    defaults = any_client.with_raw_response.get_default_user_permissions().json()
    first = plan(any_client, path)
    seen: list[Progress] = []
    result = apply(any_client, first, passwords_out=out, progress=seen.append)
    assert result.ok and result.counts == {"created": 55, "updated": 7}, str(result)
    assert seen[-1].done == seen[-1].total == seen[0].total and len(seen) >= 62
    assert plan(any_client, path).is_empty
    for number in range(5):
        expected = {f"user{one}@example.com" for one in range(number, 50, 5)}
        assert in_group(any_client, f"group {number}") == expected

    defaults["workspace"]["prompts"], defaults["chat"]["delete"] = True, False
    assert any_client.with_raw_response.get_default_user_permissions().json() == defaults

    now = any_client.groups.with_raw_response.get_group_by_id(hand).json()
    extra = {"member_count": by_hand["member_count"] + 1, "updated_at": now["updated_at"]}
    assert now == {**by_hand, **extra}
    assert "hand@example.com" in in_group(any_client, "by hand")

    any_server.forget_requests()
    assert apply(any_client, path).counts == {}
    assert apply(any_client, first).counts == {"unchanged": 62}
    assert changes(any_server) == []

    with out.open(newline="") as file:
        passwords = {row["email"]: row["password"] for row in csv.DictReader(file)}
    assert len(passwords) == 50 and result.passwords_out == str(out)
    guest = any_client.with_options(api_key="").auths
    password = passwords["user1@example.com"]
    assert guest.signin(
        email="user1@example.com", password=password, set_client_api_key=False
    ).token
    assert password not in str(result) + repr(result) + json.dumps(result.to_dict())
    assert pickle.loads(pickle.dumps(result)) == result


def test_default_permissions_that_somebody_else_writes_meanwhile(
    client: UsersClient, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_config = server._database.set_config

    def set_and_spoil(name: str, value: Any) -> None:
        set_config(name, {**value, "chat": {**value["chat"], "delete": True}})

    monkeypatch.setattr(server._database, "set_config", set_and_spoil)
    result = apply(client, {"default_permissions": {"chat": {"delete": False}}})
    assert not result.ok and "somebody else" in str(result)


def test_everything_that_can_change(any_client: UsersClient, any_server: EmbeddedServer) -> None:
    ben = any_server.add_user("Ben", "ben@example.com")
    any_server.add_user("Old", "old@example.com")
    any_client.with_options(api_key=ben.token).auths.update_profile(
        name="Ben", profile_image_url="/user.png", bio="B"
    )
    flags = {"workspace": {"tools": True, "prompts": True}, "other": {"x": 1}}
    staff = make_group(
        any_client, "stuff", description="d", permissions=flags, data={"a": {"b": 1}}
    )
    make_group(any_client, "gone")
    any_client.groups.add_user_to_group(staff, user_ids=[ben.id])
    desired = {
        "users": [
            {
                "email": "benno@example.com",
                "previous_email": "ben@example.com",
                "name": "Benno",
                "role": "admin",
            },
            {"email": "old@example.com", "state": "absent"},
        ],
        "groups": [
            {
                "name": "staff",
                "previous_name": "stuff",
                "permissions": {"workspace": {"tools": False}, "chat": {"edit": True}},
                "members": [],
            },
            {"name": "gone", "state": "absent"},
        ],
    }
    result = apply(any_client, desired, max_deletions=2)
    assert result.ok and result.counts == {"updated": 3, "deleted": 2}, str(result)
    rows = {row.email: row.changes for row in result.rows}
    assert rows["user benno@example.com"]["email"] == ("ben@example.com", "benno@example.com")
    assert rows["group staff"] == {
        "name": ("stuff", "staff"),
        "permissions.workspace.tools": (True, False),
        "permissions.chat.edit": (None, True),
    }
    assert rows["members of group staff"] == {"benno@example.com": (True, False)}
    now = any_client.get_user_by_id(ben.id)
    assert (now.name, now.email, now.role) == ("Benno", "benno@example.com", "admin")
    assert (now.bio, now.profile_image_url) == ("B", "/user.png")
    group = any_client.groups.get_group_by_id(staff)
    assert group is not None and (group.name, group.description) == ("staff", "d")
    assert group.permissions == {
        "workspace": {"tools": False, "prompts": True},
        "other": {"x": 1},
        "chat": {"edit": True},
    }
    assert group.data is not None and group.data["a"] == {"b": 1}
    assert [one.name for one in any_client.groups.get_groups()] == ["staff"]
    assert plan(any_client, desired).is_empty  # though there is still a previous_email in it


def test_groups_within_groups_are_turned_round(client: UsersClient) -> None:
    top = make_group(client, "top")
    low = make_group(client, "low", parent_group_id=top)
    groups = [
        {"name": "leaf", "parent": "new"},
        {"name": "new", "parent": "low"},
        {"name": "top", "parent": "low"},
        {"name": "low", "parent": ""},
    ]
    assert apply(client, {"groups": groups}).ok
    found = {one.name: one for one in client.groups.get_groups()}
    assert found["low"].parent_group_id is None and found["top"].parent_group_id == low
    assert found["leaf"].parent_group_id == found["new"].id
    assert plan(client, {"groups": groups}).is_empty


def test_new_users_get_what_only_they_can_write(
    any_client: UsersClient, out: Path, any_server: EmbeddedServer
) -> None:
    wish = {"settings": {"ui": {"theme": "dark"}}, "bio": "B", "date_of_birth": "1990-12-31"}
    if any_client.get_version() != "0.6.42":
        wish["timezone"] = "Europe/Paris"
    result = apply(any_client, {"users": [{**ANN, **wish}]}, passwords_out=out)
    assert result.ok and result.counts == {"created": 1}
    found = plan(any_client, {"users": [{**ANN, **wish}]})
    assert found.is_empty and found.notes == []
    assert any_client.get_users("ann").users[0].bio == "B"

    any_server.fault("status", code=500, path="/api/v1/auths/update/profile")
    ben = {"email": "ben@example.com", "name": "Ben", **wish}
    result = apply(any_client, {"users": [ben]}, passwords_out=out)
    assert result.counts == {"created": 1} and not result.ok
    assert "bio" in str(result) and "bio" not in result.rows[0].changes


def test_dry_run(client: UsersClient, server: EmbeddedServer) -> None:
    server.add_user("Old", "old@example.com")
    server.forget_requests()
    desired = {
        "users": [{**ANN, "groups": ["a"]}, {"email": "old@example.com", "state": "absent"}],
        "groups": [{"name": "a"}],
    }
    result = apply(client, desired, dry_run=True, max_deletions=1)
    assert result.dry_run and statuses(result) == {
        "group a": "created",
        "user ann@example.com": "created",
        "members of group a": "updated",
        "user old@example.com": "deleted",
    }
    assert result.rows[2].changes == {"ann@example.com": (False, True)}
    assert changes(server) == []


def test_audit(client: UsersClient, out: Path) -> None:
    lines: list[dict[str, Any]] = []
    desired = {
        "users": [{**ANN, "groups": ["a"]}],
        "groups": [{"name": "a", "description": "d"}],
        "default_permissions": {"workspace": {"prompts": True}},
    }
    apply(client, desired, passwords_out=out, audit=lines.append)
    done = [line for line in lines if line["stage"] == "done"]
    assert [line["route"].rpartition("/")[2] for line in done] == [
        "create",
        "add",
        "add",
        "permissions",
    ]
    assert done[1]["after"]["password"] == "**********" and {one["verb"] for one in lines} == {
        "apply"
    }
    assert done[3]["before"] == {"workspace": {"prompts": False}}


# ---------------------------------------------------------------- passwords


def test_passwords_by_reference(
    any_client: UsersClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANN_PASSWORD", "generate")  # which is a password like any other here
    (tmp_path / "ben").write_text("a secret of Ben\n")
    desired = {
        "users": [
            {**ANN, "password": "env:ANN_PASSWORD"},
            {"email": "ben@example.com", "name": "Ben", "password": "file:ben"},
        ]
    }
    path = tmp_path / "desired.json"
    path.write_text(json.dumps(desired))
    made = plan(any_client, path)
    monkeypatch.chdir("/")
    result = apply(any_client, Plan.from_json(made.to_json()))
    assert result.ok and result.passwords_out is None
    guest = any_client.with_options(api_key="").auths
    for email, password in [("ann", "generate"), ("ben", "a secret of Ben")]:
        form = {"email": f"{email}@example.com", "password": password}
        assert guest.signin(form, set_client_api_key=False).token
    for text in (made.to_json(), str(made), str(result), repr(result)):
        assert "a secret of Ben" not in text
    monkeypatch.delenv("ANN_PASSWORD")
    assert apply(any_client, path).counts == {}  # they are for new users only


def test_references_that_lead_nowhere(
    client: UsersClient, server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "x" * 73
    monkeypatch.setenv("LONG", secret)
    (tmp_path / "bytes").write_bytes(b"\xff")
    references = ["env:NOWHERE", "file:nowhere", f"file:{tmp_path}/bytes", "env:LONG", "generate"]
    users = [
        {"email": f"u{number}@example.com", "name": "U", "password": one}
        for number, one in enumerate(references)
    ]
    with pytest.raises(InvalidInputError) as caught:
        apply(client, {"users": users})
    text = str(caught.value)
    for expected in [
        "u0@example.com password: env:NOWHERE is not set in the environment",
        "nowhere cannot be read: No such file or directory",
        "bytes is not in UTF-8",
        "u3@example.com password: env:LONG must have at most 72 bytes",
        "passwords_out: must be given: 1 new users",
    ]:
        assert expected in text
    assert len(caught.value.problems) == 5 and secret not in text
    assert changes(server) == []


# ---------------------------------------------------------------- what is refused


def test_deletions(client: UsersClient, server: EmbeddedServer) -> None:
    for name in ("a", "b"):
        server.add_user(name, f"{name}@example.com")
    make_group(client, "c")
    server.forget_requests()
    gone = {
        "users": [{"email": f"{one}@example.com", "state": "absent"} for one in "ab"],
        "groups": [{"name": "c", "state": "absent"}],
    }
    for most in (0, 2):
        with pytest.raises(RefusedError, match=rf"deletes 3 \(.*max_deletions is {most}: give max"):
            apply(client, gone, max_deletions=most)
    assert changes(server) == []
    assert apply(client, gone, max_deletions=3).counts == {"deleted": 3}


def test_a_server_that_changed(
    any_client: UsersClient, any_server: EmbeddedServer, out: Path
) -> None:
    ben = any_server.add_user("Ben", "ben@example.com")
    cem = any_server.add_user("Cem", "cem@example.com")
    dan = any_server.add_user("Dan", "dan@example.com")
    group = make_group(any_client, "a")
    desired = {
        "users": [
            ANN,
            {"email": "ben@example.com", "name": "Benno"},
            {"email": "cem@example.com", "role": "user"},
            {"email": "dan@example.com", "name": "Daniel"},
        ],
        "groups": [{"name": "a", "members": ["ben@example.com"]}],
    }
    made = plan(any_client, desired)
    any_server.add_user("Ann", "ann@example.com")
    any_client.update_user_by_id(
        ben.id,
        {"name": "Bob", "email": ben.email, "role": "user", "profile_image_url": "/user.png"},
    )
    any_client.update_user_by_id(
        cem.id,
        {"name": "Cem", "email": cem.email, "role": "admin", "profile_image_url": "/user.png"},
    )
    any_client.groups.add_user_to_group(group, user_ids=[cem.id])
    any_client.delete_user_by_id(dan.id)
    any_server.add_user("Dan", "dan@example.com")
    any_server.forget_requests()
    with pytest.raises(ServerChangedError) as caught:
        apply(any_client, made, passwords_out=out)
    assert str(caught.value).splitlines() == [
        "nothing was changed: the server is not as it was when the plan was made; plan again",
        "  no longer to do: user ann@example.com",
        "  also to do: user cem@example.com",
        "  not as it was: user ben@example.com (name)",
        "  not as it was: user dan@example.com, which is another one",
        "  not as it was: members of group a (cem@example.com)",
    ]
    assert changes(any_server) == [] and not out.exists()
    assert apply(any_client, plan(any_client, desired)).ok


def test_what_the_file_does_not_name_may_change(
    client: UsersClient, server: EmbeddedServer
) -> None:
    made = plan(client, {"groups": [{"name": "a"}]})
    server.add_user("Ann", "ann@example.com")
    make_group(client, "by hand")
    assert apply(client, made).ok


def test_a_plan_for_another_server(client: UsersClient, server: EmbeddedServer) -> None:
    made = plan(client, {"groups": [{"name": "a"}]})
    made.server = "https://elsewhere.example.com"
    with pytest.raises(RefusedError, match=r"the plan is for https://elsewhere\.example\.com"):
        apply(client, made)
    assert changes(server) == []


def test_guards_hold_for_plans_that_were_edited(
    client: UsersClient, server: EmbeddedServer
) -> None:
    made = plan(client, {"groups": [{"name": "a"}]})
    made.desired["users"] = [{"email": server.admin_email, "state": "absent"}]
    with pytest.raises(RefusedError, match="is not deleted"):
        apply(client, made, max_deletions=9)
    assert changes(server) == []


# ---------------------------------------------------------------- the lock

HOLDER = """
import sys
from openwebui_users.admin._apply import take_lock
lock = take_lock(sys.argv[1], sys.argv[2] or None)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("place", ["default", "given"])
def test_two_at_once(
    client: UsersClient, server: EmbeddedServer, tmp_path: Path, place: str
) -> None:
    lock = tmp_path / "folder" / "a.lock" if place == "given" else None
    command = [sys.executable, "-c", HOLDER, client.base_url, str(lock or "")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
            with pytest.raises(LockedError, match="is in use by another run"):
                apply(client, {"groups": [{"name": "a"}]}, lock=lock)
            assert changes(server) == []
            assert apply(client, {"groups": [{"name": "a"}]}, lock=lock, dry_run=True).ok
            assert apply(client, {"groups": [{"name": "a"}]}, lock=tmp_path / "another").ok
        finally:
            holder.kill()
            holder.wait(10)
    assert apply(client, {"groups": [{"name": "b"}]}, lock=lock).ok  # left by a killed process


def test_where_the_lock_is(client: UsersClient, state_home: Path, tmp_path: Path) -> None:
    apply(client, {})
    name = client.base_url.removeprefix("http://").replace(".", "-").replace(":", "-")
    assert list((state_home / "openwebui-users").glob(f"{name}-*.lock"))
    (tmp_path / "file").touch()
    with pytest.raises(AdminError, match=r"cannot be made \(.*\): give the path of a file that"):
        apply(client, {}, lock=tmp_path / "file" / "lock")


# ---------------------------------------------------------------- what fails


def test_a_step_that_fails_takes_its_dependents_with_it(
    any_client: UsersClient, any_server: EmbeddedServer, out: Path
) -> None:
    any_server.add_user("Ben", "ben@example.com")
    desired: dict[str, Any] = {
        "users": [{**ANN, "groups": ["bad"]}, {"email": "ben@example.com", "role": "admin"}],
        "groups": [
            {"name": "bad", "members": ["ann@example.com"]},
            {"name": "good", "members": ["ben@example.com"]},
        ],
    }
    any_server.fault("status", code=500, method="POST", path="/api/v1/groups/create")
    result = apply(any_client, desired, passwords_out=out, concurrency=1)
    assert not result.ok and statuses(result) == {
        "group bad": "failed",
        "group good": "created",
        "user ann@example.com": "created",
        "user ben@example.com": "updated",
        "members of group bad": "not_run",
        "members of group good": "updated",
    }
    assert [row.email for row in result.failures] == ["group bad", "members of group bad"]
    assert "members of group bad: not run: depends on what was not done: group bad" in str(result)
    again = apply(any_client, plan(any_client, desired))
    assert again.ok and again.counts == {"created": 1, "updated": 1}
    assert plan(any_client, desired).is_empty


def test_who_could_not_be_created_is_left_out_of_the_group(
    any_client: UsersClient, any_server: EmbeddedServer, out: Path
) -> None:
    users = [{"email": f"u{n}@example.com", "name": "U", "groups": ["a"]} for n in range(3)]
    desired = {"users": users, "groups": [{"name": "a"}]}
    any_server.fault("status", code=503, method="POST", path="/api/v1/auths/add")
    result = apply(any_client, desired, passwords_out=out, concurrency=1)
    assert result.counts == {"created": 3, "updated": 1, "failed": 1}
    assert len(result.failures) == 2 and not result.ok
    assert "u0@example.com: could not be created" in str(result)
    assert in_group(any_client, "a") == {"u1@example.com", "u2@example.com"}
    assert apply(any_client, desired, passwords_out=out).ok
    assert len(in_group(any_client, "a")) == 3


def test_answers_that_are_lost(
    any_client: UsersClient, any_server: EmbeddedServer, out: Path
) -> None:
    """What was done is known although its answer never came."""
    for path in ("/api/v1/groups/create", "/api/v1/auths/add"):
        any_server.fault("lost", method="POST", path=path)
    desired = {"users": [{**ANN, "bio": "B", "groups": ["a"]}], "groups": [{"name": "a"}]}
    result = apply(any_client, desired, passwords_out=out)
    assert result.ok and result.counts == {"created": 2, "updated": 1}, str(result)
    found = plan(any_client, desired)
    assert found.is_empty and found.notes == []


def test_answers_that_stay_unknown(client: UsersClient, server: EmbeddedServer) -> None:
    ben = server.add_user("Ben", "ben@example.com")
    server.fault("lost", method="POST", path=f"/api/v1/users/{ben.id}/update")
    desired = {"users": [{"email": "ben@example.com", "name": "Benno"}]}
    result = apply(client, desired)
    assert result.counts == {"unknown": 1} and not result.ok
    assert plan(client, desired).is_empty


def test_a_server_that_says_so_and_does_not(
    client: UsersClient, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add_user("Ann", "ann@example.com")
    monkeypatch.setattr(server._database, "add_members", lambda *_: None)
    result = apply(client, {"groups": [{"name": "a", "members": ["ann@example.com"]}]})
    assert result.counts == {"created": 1, "failed": 1}
    assert "does not show it" in str(result)


def test_groups_that_a_server_puts_new_users_into(
    any_client: UsersClient,
    any_server: EmbeddedServer,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Servers can have a default group: who the file does not have in it leaves it again."""
    exact, loose, hand = (make_group(any_client, name) for name in ("exact", "loose", "by hand"))
    database = any_server._database
    add_user = database.add_user

    def add(*args: Any) -> Any:
        user = add_user(*args)
        for group in (exact, loose, hand):
            database.add_members(group, [user["id"]])
        return user

    monkeypatch.setattr(database, "add_user", add)
    desired = {
        "users": [{**ANN, "groups": []}, {"email": "ben@example.com", "name": "Ben"}],
        "groups": [{"name": "exact", "members": []}, {"name": "loose"}],
    }
    result = apply(any_client, desired, passwords_out=out)
    assert result.ok and result.counts == {"created": 2, "updated": 2}
    assert in_group(any_client, "exact") == set()
    assert in_group(any_client, "loose") == {"ben@example.com"}
    assert in_group(any_client, "by hand") == {"ann@example.com", "ben@example.com"}
    assert plan(any_client, desired).is_empty


def test_ctrl_c(client: UsersClient, server: EmbeddedServer, out: Path) -> None:
    users = [{"email": f"u{n}@example.com", "name": "U", "groups": ["a"]} for n in range(20)]
    desired = {"users": users, "groups": [{"name": "a"}]}

    def stop(progress: Progress) -> None:
        if progress.done == 5:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted) as caught:
        apply(client, desired, passwords_out=out, progress=stop, concurrency=2)
    result = caught.value.result
    assert isinstance(result, ApplyResult) and len(result.rows) == 22
    assert result.rows[0].status == "created" and result.rows[-1].status == "not_run"
    assert 5 <= result.counts["created"] < 15
    assert apply(client, desired, passwords_out=out).ok
    assert plan(client, desired).is_empty
    assert len(in_group(client, "a")) == 20
    assert server.url


def test_groups_that_change_places_wait_for_all_around_them(
    client: UsersClient, server: EmbeddedServer
) -> None:
    """C in B in A becomes A in C in B: in any other order a group would be within itself."""
    for name, parent in (("A", None), ("B", "A"), ("C", "B")):
        state = {"groups": [{"name": name, "parent": parent}]}
        assert apply(client, state).ok
    wanted = {"groups": [{"name": "A", "parent": "C"}, {"name": "B", "parent": None}]}
    made = plan(client, wanted)
    needs = {step.target: step.needs for step in made.steps}
    assert needs == {"A": ["update_group B"], "B": []}
    assert apply(client, made).ok and plan(client, wanted).is_empty
    del server


def test_part_of_the_members_is_told(client: UsersClient, server: EmbeddedServer) -> None:
    for name in ("ann", "ben"):
        server.add_user(name, f"{name}@example.com")
    state = {"groups": [{"name": "staff", "members": ["ann@example.com"]}]}
    apply(client, state)
    state["groups"][0]["members"] = ["ben@example.com"]
    server.fault("status", code=500, path="*/users/remove")
    result = apply(client, state)
    (row,) = result.rows
    assert row.changes == {"ben@example.com": (False, True)} and "500" in str(row.error)
    server.fault("lost", path="*/users/remove")
    assert apply(client, state).ok  # the group shows that it was done


def test_a_plan_that_was_tampered_with(client: UsersClient) -> None:
    state = {"users": [{"email": "ann@example.com", "name": "Ann"}]}
    made = json.loads(plan(client, state).to_json())
    for name, value in (
        ("notes", 5),
        ("steps", [{**made["steps"][0], "kind": "foo"}]),
        ("steps", [{**made["steps"][0], "before": None}]),
        ("desired", None),
        ("server", 7),
    ):
        with pytest.raises(InvalidInputError, match="this is no plan"):
            Plan.from_json(json.dumps({**made, name: value}))
    emptied = Plan.from_json(json.dumps({**made, "desired": {}}))
    with pytest.raises(RefusedError, match="does not name that"):
        apply(client, emptied)
    for most in (-1, True, "1"):
        with pytest.raises((TypeError, ValueError), match="max_deletions"):
            apply(client, state, max_deletions=most)  # type: ignore[arg-type]
