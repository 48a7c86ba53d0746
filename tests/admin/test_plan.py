"""plan and drift: what they find, refuse and show."""

from __future__ import annotations

import io
import json
import pickle
from typing import Any

import pytest
from admin_server import changes, make_group

from openwebui_users import UsersClient
from openwebui_users.admin import (
    Difference,
    InvalidInputError,
    Plan,
    RefusedError,
    Step,
    drift,
    plan,
)
from openwebui_users.testing import EmbeddedServer

ANN = {"email": "ann@example.com", "name": "Ann"}


def kinds(found: Any) -> list[tuple[str, str]]:
    steps = found.steps if isinstance(found, Plan) else found.differences
    return [(one.kind, one.target) for one in steps]


def problems_of(client: UsersClient, desired: Any) -> list[str]:
    with pytest.raises(InvalidInputError) as caught:
        plan(client, desired)
    with pytest.raises(InvalidInputError):
        drift(client, desired)
    return [str(one) for one in caught.value.problems]


def test_a_plan_of_everything(any_client: UsersClient, any_server: EmbeddedServer) -> None:
    old = any_server.add_user("Old", "old@example.com")
    ben = any_server.add_user("Ben", "Ben@example.com")
    cem = any_server.add_user("Cem", "cem@example.com")
    staff = make_group(any_client, "staff", permissions={"workspace": {"tools": True}})
    gone = make_group(any_client, "gone")
    any_client.groups.add_user_to_group(staff, user_ids=[old.id, cem.id])
    any_server.forget_requests()
    desired = {
        "users": [
            {**ANN, "role": "admin", "password": "env:ANN", "groups": ["staff"]},
            {"email": "benno@example.com", "previous_email": "ben@example.com", "role": "pending"},
            {"email": "old@example.com", "state": "absent"},
            {"email": "nobody@example.com", "state": "absent"},
            {"email": "cem@example.com", "groups": ["new"]},
        ],
        "groups": [
            {"name": "staff", "description": "All", "permissions": {"workspace": {"tools": False}}},
            {"name": "new", "permissions": {"workspace": {"prompts": True}}},
            {"name": "gone", "state": "absent"},
        ],
        "default_permissions": {"workspace": {"prompts": True, "tools": False}},
    }
    found = plan(any_client, desired)
    assert found.steps == [
        Step("create_group", "new", after={"permissions": {"workspace": {"prompts": True}}}),
        Step(
            "update_group",
            "staff",
            staff,
            {"description": "", "permissions": {"workspace": {"tools": True}}},
            {"description": "All", "permissions": {"workspace": {"tools": False}}},
        ),
        Step(
            "create_user",
            "ann@example.com",
            after={"name": "Ann", "role": "admin", "password": "env:ANN"},
        ),
        Step(
            "update_user",
            "benno@example.com",
            ben.id,
            {"email": "ben@example.com", "role": "user"},
            {"email": "benno@example.com", "role": "pending"},
        ),
        Step(
            "change_members",
            "staff",
            staff,
            after={"added": ["ann@example.com"], "removed": ["cem@example.com"]},
            needs=["create_user ann@example.com"],
        ),
        Step(
            "change_members",
            "new",
            after={"added": ["cem@example.com"]},
            needs=["create_group new"],
        ),
        Step(
            "update_default_permissions",
            "default permissions",
            None,
            {"workspace": {"prompts": False}},
            {"workspace": {"prompts": True}},
        ),
        Step("delete_group", "gone", gone, {"description": ""}),
        Step("delete_user", "old@example.com", old.id, {"name": "Old", "role": "user"}),
    ]
    assert [step.target for step in found.deletions] == ["gone", "old@example.com"]
    assert len(found.notes) == 2 and "sessions" in found.notes[0] and "chats" in found.notes[1]
    assert changes(any_server) == []

    text = str(found)
    assert text.splitlines() == [
        f"plan for {any_server.url}",
        "  + group new",
        "        permissions.workspace.prompts: true",
        "  ~ group staff",
        '        description: "" → "All"',
        "        permissions.workspace.tools: true → false",
        "  + user ann@example.com",
        '        name: "Ann"',
        '        role: "admin"',
        '        password: "env:ANN"',
        "  ~ user benno@example.com",
        '        email: "ben@example.com" → "benno@example.com"',
        '        role: "user" → "pending"',
        "  ~ members of group staff",
        "      + ann@example.com",
        "      - cem@example.com",
        "  ~ members of group new",
        "      + cem@example.com",
        "  ~ default permissions",
        "        workspace.prompts: false → true",
        "  - group gone",
        '        description: ""',
        "  - user old@example.com",
        '        name: "Old"',
        '        role: "user"',
        "2 to create, 5 to change, 2 to delete",
        *(f"note: {note}" for note in found.notes),
    ]
    assert Plan.from_json(found.to_json()) == found == pickle.loads(pickle.dumps(found))

    seen = drift(any_client, desired)
    assert kinds(seen) == kinds(found) and type(seen.differences[0]) is Difference
    assert str(seen).replace("drift of", "plan for") == text
    assert json.loads(seen.to_json())["differences"][0]["kind"] == "create_group"
    assert pickle.loads(pickle.dumps(seen)) == seen


def test_nothing_to_do(client: UsersClient) -> None:
    found = plan(client, {})
    assert found.is_empty and str(found).endswith("\nno differences")
    assert drift(client, {}).is_empty


def test_colours(client: UsersClient, monkeypatch: pytest.MonkeyPatch) -> None:
    found = plan(client, {"users": [ANN]})
    green = "\x1b[32m+ user ann@example.com\x1b[0m"
    assert green in found.render(color=True)
    assert "\x1b" not in found.render() and "\x1b" not in str(found)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert green in found.render()
    assert "\x1b" not in str(found)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in found.render() and green in found.render(color=True)


def test_what_a_server_says_does_not_drive_the_terminal(
    client: UsersClient, server: EmbeddedServer
) -> None:
    ann = server.add_user("Ann\x1b[2J\u202e", "ann@example.com")
    text = str(plan(client, {"users": [ANN]}))
    assert '"Ann\\u001b[2J\\u202e" → "Ann"' in text
    assert ann.id


def test_settings_and_variables_are_named_only(client: UsersClient) -> None:
    secret = "https://hooks.example.com/abc"
    user = {**ANN, "settings": {"ui": {"notifications": {"webhook_url": secret}}}, "bio": "B"}
    found = plan(client, {"users": [user]})
    assert secret not in str(found) + repr(found) + json.dumps([s.after for s in found.steps])
    assert "settings.ui.notifications" in str(found) and 'bio: "B"' in str(found)


# ---------------------------------------------------------------- what only the server can tell


def test_what_is_wrong_on_this_server(client: UsersClient, server: EmbeddedServer) -> None:
    server.add_user("Ben", "ben@example.com")
    server.add_user("Cem", "cem@example.com")
    make_group(client, "twice")
    make_group(client, "twice")
    make_group(client, "there")
    make_group(client, "before")
    server.forget_requests()
    desired = {
        "users": [
            {"email": "nameless@example.com"},
            {"email": "no address", "name": "A\nB", "role": "amdin"},
            {"email": "cem@example.com", "previous_email": "ben@example.com"},
            {"email": "dan@example.com", "name": "Dan", "groups": ["twice", "nowhere"]},
            {"email": "eve@example.com", "name": "Eve", "role": "pending", "bio": "B"},
        ],
        "groups": [
            {"name": "there", "previous_name": "before"},
            {"name": "a", "members": ["stranger@example.com"]},
            {"name": "b", "permissions": {"workspace": {"promts": True}}},
            {"name": "c", "parent": "nowhere"},
        ],
        "default_permissions": {"workspace": {"promts": True}},
    }
    found = problems_of(client, desired)
    expected = [
        "nameless@example.com users[0].name: is missing: it is needed to create the user",
        "no address users[1].email: must be an e-mail address",
        "no address users[1].name: must not hold control characters",
        "no address users[1].role: must be one of admin, user, pending",
        "users[2].previous_email: ben@example.com is on the server beside cem@example.com",
        "users[3].groups: there are 2 groups of the name 'twice'",
        "users[3].groups: there is no group of the name 'nowhere', here or on the server",
        "users[4]: cannot be set for the role pending",
        "there groups[0].previous_name: before is on the server beside there",
        "a groups[1].members: there is no user with the address 'stranger@example.com'",
        "b groups[2].permissions: this server has no permission workspace.promts",
        "c groups[3].parent: there is no group of the name 'nowhere'",
        "default_permissions.workspace.promts: this server has no such permission",
    ]
    for text in expected:
        assert [one for one in found if text in one], text
    assert len(found) == len(expected), found
    assert changes(server) == []


def test_accounts_that_differ_in_case_only(client: UsersClient, server: EmbeddedServer) -> None:
    server.add_user("Ann", "ann@example.com")
    server.add_user("Other", "other@example.com")
    database = server._database
    other = database.user_by_email("other@example.com") or {}
    database.store_user({**other, "email": "Ann@example.com"})
    (text,) = problems_of(client, {"users": [{**ANN, "state": "absent"}]})
    assert "several accounts have this address in different cases" in text


def test_what_is_there_already_need_not_be_right(
    client: UsersClient, server: EmbeddedServer
) -> None:
    """A role that no server knows and a permission of long ago are no fault of the file."""
    ann = server.add_user("Ann", "ann@example.com")
    client.update_user_by_id(ann.id, role="amdin")
    make_group(client, "a", permissions={"workspace": {"old": True}})
    desired: dict[str, Any] = {
        "users": [{**ANN, "role": "amdin"}],
        "groups": [{"name": "a", "permissions": {"workspace": {"old": True}}}],
    }
    assert plan(client, desired).is_empty
    desired["users"][0]["role"] = "usre"
    desired["groups"][0].update(name="a\nb", previous_name="a")
    group, user = problems_of(client, desired)
    assert "must be one of" in user and "must not hold control characters" in group


def test_groups_within_groups(client: UsersClient) -> None:
    top = make_group(client, "top")
    make_group(client, "low", parent_group_id=top)
    groups: list[dict[str, Any]] = [
        {"name": "leaf", "parent": "new"},
        {"name": "new", "parent": "low"},
        {"name": "top", "parent": "low"},
        {"name": "low", "parent": None},
    ]
    found = plan(client, {"groups": groups})
    # none may be within itself at any time: low leaves top before top enters it
    assert kinds(found) == [
        ("create_group", "new"),
        ("create_group", "leaf"),
        ("update_group", "low"),
        ("update_group", "top"),
    ]
    assert [step.needs for step in found.steps] == [
        [],
        ["create_group new"],
        [],
        ["update_group low"],
    ]
    assert found.steps[2].before == {"parent": "top"} and found.steps[2].after == {"parent": None}
    groups[-1]["parent"] = "leaf"
    assert "is within this group, or is the group" in problems_of(client, {"groups": groups})[0]
    (text,) = problems_of(client, {"groups": [{"name": "top", "parent": "low"}]})
    assert "'low' is within this group" in text
    (text,) = problems_of(client, {"groups": [{"name": "top", "parent": "top"}]})
    assert "or is the group" in text
    found = plan(client, {"groups": [{"name": "top", "state": "absent"}]})
    assert found.notes == ["the group low moves up when top, which it is in, is deleted"]


def test_groups_within_groups_on_a_server_without(oldest: EmbeddedServer) -> None:
    oldest.reset()
    with UsersClient(oldest.url, oldest.admin_token) as client:
        groups: list[dict[str, Any]] = [{"name": "a"}, {"name": "b", "parent": "a"}]
        (text,) = problems_of(client, {"groups": groups})
        assert "this server has no groups within groups: that needs Open WebUI 0.12" in text
        groups[1]["parent"] = None
        assert len(plan(client, {"groups": groups}).steps) == 2


def test_members(any_client: UsersClient, any_server: EmbeddedServer) -> None:
    """Exactly the listed ones; users' own lists only where a group of the file has none."""
    people = [any_server.add_user(f"P{i}", f"p{i}@example.com") for i in range(4)]
    ids = {name: make_group(any_client, name) for name in ("exact", "loose", "other", "hand")}
    for group in ids.values():
        any_client.groups.add_user_to_group(group, user_ids=[one.id for one in people[:2]])
    desired: dict[str, Any] = {
        "users": [
            {"email": "p0@example.com", "groups": ["exact", "other"]},
            {"email": "p2@example.com", "groups": ["exact", "loose", "other"]},
        ],
        "groups": [
            {"name": "exact", "members": ["P0@example.com", "p2@example.com"]},
            {"name": "loose"},
        ],
    }
    found = {step.target: step.after for step in plan(any_client, desired).steps}
    assert found == {
        "exact": {"added": ["p2@example.com"], "removed": ["p1@example.com"]},
        "loose": {"added": ["p2@example.com"], "removed": ["p0@example.com"]},
        "other": {"added": ["p2@example.com"]},  # not of the file: nobody is taken out
    }
    desired["users"].append({"email": "p1@example.com", "state": "absent"})
    found = {step.target: step.after for step in plan(any_client, desired).steps}
    assert found["exact"] == {"added": ["p2@example.com"]}  # leaves by being deleted


# ---------------------------------------------------------------- guards


def test_the_primary_administrator_and_oneself(client: UsersClient, server: EmbeddedServer) -> None:
    admin = {"email": server.admin_email}
    for desired, message in [
        ({**admin, "role": "user"}, "given another role or address"),
        ({**admin, "state": "absent"}, "is not deleted"),
        (
            {"email": "new@example.com", "previous_email": server.admin_email},
            "given another role or address",
        ),
    ]:
        with pytest.raises(RefusedError, match=message):
            plan(client, {"users": [desired]})
        assert len(drift(client, {"users": [desired]}).differences) == 1
    assert len(plan(client, {"users": [{**admin, "name": "New"}]}).steps) == 1

    boss = server.add_user("Boss", "boss@example.com", role="admin")
    second = client.with_options(api_key=boss.token)
    with pytest.raises(RefusedError, match="the account that this client uses"):
        plan(second, {"users": [{"email": "boss@example.com", "state": "absent"}]})
    with pytest.raises(RefusedError, match="only that account itself can change it"):
        plan(second, {"users": [{**admin, "name": "New"}]})


# ---------------------------------------------------------------- what only users can change


def test_what_only_users_can_change_is_a_note(
    any_client: UsersClient, any_server: EmbeddedServer
) -> None:
    people = [any_server.add_user(f"P{i}", f"p{i}@example.com") for i in range(7)]
    me = any_client.with_options(api_key=people[0].token)
    me.update_user_settings({"ui": {"theme": "dark", "x": 1}})
    me.auths.update_profile(
        name="P0", profile_image_url="/user.png", bio="B", date_of_birth="1990-12-31"
    )
    wish = {"settings": {"ui": {"theme": "dark"}}, "bio": "B", "date_of_birth": "1990-12-31"}
    desired = {"users": [{"email": one.email, **wish} for one in people]}
    found = plan(any_client, desired)
    assert found.is_empty
    (note,) = found.notes
    assert note == (
        "not as desired, and only the users can change it: bio, date_of_birth, settings of "
        "p1@example.com, p2@example.com, p3@example.com, p4@example.com, p5@example.com and 1 more"
    )
    wish = {"settings": {"ui": {"theme": "light"}}, "variables": {"a": "b"}}
    (note,) = drift(any_client, {"users": [{"email": "p0@example.com", **wish}]}).notes
    assert note.endswith(": settings of p0@example.com")


def test_plans_that_are_none() -> None:
    good = Plan("http://localhost")
    for text in [
        "",
        "[]",
        "{}",
        '{"kind": "openwebui_users plan", "version": 2}',
        good.to_json().replace('"steps": []', '"steps": [{"x": 1}]'),
        good.to_json().replace('"version": 1', '"version": 99'),
    ]:
        with pytest.raises(InvalidInputError):
            Plan.from_json(text)
    assert Plan.from_json(good.to_json().encode()) == good


@pytest.mark.parametrize(
    "entry",
    [
        {"email": "new@example.com", "name": "N", "previous_email": "old@example.com "},
        {"email": "old@example.com ", "state": "absent"},
        {"email": "old@example.com\u200b", "state": "absent"},
    ],
)
def test_addresses_that_are_none_are_told(
    client: UsersClient, server: EmbeddedServer, entry: dict[str, str]
) -> None:
    """Whoever is meant would not be found, and left as they are."""
    server.add_user("Old", "old@example.com")
    with pytest.raises(InvalidInputError, match="email"):
        plan(client, {"users": [entry]})


@pytest.mark.parametrize(
    "text",
    [
        "users: [{email: a@example.com, password: !hunter2}]",
        "users: [{email: a@example.com, variables: {k: *hunter2}}]",
        "users: [{email: !!bool hunter2}]",
        'users: [{email: !!int "hunter2"}]',
        "users: [{email: !!timestamp hunter2}]",
        'users: ["\\UFFFFFFFF hunter2"]',
        "users: {",
    ],
)
def test_yaml_that_is_none_and_what_may_be_a_password(client: UsersClient, text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        plan(client, io.StringIO(text), format="yaml")
    assert "hunter2" not in str(caught.value)


def test_a_text_in_place_of_a_path(client: UsersClient) -> None:
    for text in ('{"users": []}', "users:\n- email: sk-verysecret.x\n"):
        with pytest.raises(InvalidInputError, match="is a text, not a path") as caught:
            plan(client, text)
        assert "verysecret" not in str(caught.value)
