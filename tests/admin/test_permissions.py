"""patch_default_permissions, permissions_diff, preset, effective_permissions."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from openwebui_users import UnsupportedByServerError, UsersClient, models
from openwebui_users.admin import (
    PRESETS,
    AdminError,
    InvalidInputError,
    effective_permissions,
    patch_default_permissions,
    permissions_diff,
    preset,
)
from openwebui_users.testing import EmbeddedServer

WRITE = ("POST", "/api/v1/users/default/permissions")


def read(client: UsersClient) -> Any:
    return client.with_raw_response.get_default_user_permissions().json()


def writes(server: EmbeddedServer) -> int:
    return sum((one.method, one.path) == WRITE for one in server.requests)


@pytest.fixture
def newer() -> Iterator[UsersClient]:
    """A server with permissions that no model of this package knows."""
    extra = {"workspace": {"robots": True}, "kitchen": {"oven": False}}
    with EmbeddedServer(extra_permissions=extra) as server:
        with UsersClient(server.url, server.admin_token, retry=0) as client:
            yield client


# ---------------------------------------------------------------- patch_default_permissions


@pytest.mark.parametrize(
    "changes",
    [
        {"workspace": {"models": True}, "chat": {"edit": False}},
        {"workspace.models": True, "chat.edit": False},
        {"workspace.models": True, "chat": {"edit": False, "share": True}},
    ],
)
def test_a_patch_changes_what_it_names(
    any_client: UsersClient, any_server: EmbeddedServer, changes: dict[str, Any]
) -> None:
    before = read(any_client)
    lines: list[dict[str, Any]] = []
    dry = patch_default_permissions(any_client, changes, dry_run=True, audit=lines.append)
    assert read(any_client) == before and lines == []
    diff = patch_default_permissions(any_client, changes, audit=lines.append)
    assert diff == dry == {"workspace.models": (False, True), "chat.edit": (True, False)}
    assert diff and str(diff) == "workspace.models: False → True\nchat.edit: True → False"
    expected = copy.deepcopy(before)
    expected["workspace"]["models"], expected["chat"]["edit"] = True, False
    assert read(any_client) == expected
    assert [line["stage"] for line in lines] == ["sent", "done"]
    assert lines[0]["after"] == {"workspace.models": True, "chat.edit": False}

    any_server.forget_requests()
    again = patch_default_permissions(any_client, changes)
    assert not again and str(again) == "no difference" and writes(any_server) == 0


def test_permissions_that_no_model_knows_are_kept_and_can_be_patched(
    newer: UsersClient,
) -> None:
    patch_default_permissions(newer, {"workspace.models": True})
    assert read(newer)["workspace"]["robots"] is True
    diff = patch_default_permissions(newer, {"kitchen.oven": True, "workspace.robots": False})
    assert diff == {"workspace.robots": (True, False), "kitchen.oven": (False, True)}
    assert read(newer)["kitchen"] == {"oven": True}


def test_a_model_changes_what_was_set_in_it(client: UsersClient) -> None:
    changes = models.UserPermissions.model_validate(
        {
            "workspace": {"models": True},
            "sharing": {},
            "chat": {"import": False},
            "features": {},
        }
    )
    diff = patch_default_permissions(client, changes)
    assert diff == {"workspace.models": (False, True), "chat.import": (True, False)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"workspace": {"modles": True}}, r"workspace\.modles: .*did you mean workspace\.models\?"),
        ({"workspac": {"models": True}}, r"no such permission; did you mean workspace\.models\?"),
        ({"workspace.models": 1}, r"workspace\.models: must be True or False, got 1"),
        ({"workspace": {"models": None}}, "must be True or False, got None"),
        ({"workspace": True}, r"workspace: is a section: .*'workspace\.models': True"),
        ({"chat.edit": True, "chat": {"edit": False}}, "given twice"),
        ("everything", "preset: must be one of none, all, chat_only, server_defaults"),
    ],
)
def test_what_the_server_would_drop_or_take_wrongly_is_refused(
    client: UsersClient, server: EmbeddedServer, changes: Any, message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        patch_default_permissions(client, changes)
    assert writes(server) == 0


def test_everything_wrong_at_once(client: UsersClient) -> None:
    with pytest.raises(InvalidInputError) as caught:
        patch_default_permissions(client, {"a.b": True, "chat": {"edit": "yes", "c": False}})
    assert [one.column for one in caught.value.problems] == ["a.b", "chat.edit", "chat.c"]


def test_somebody_else_writes_meanwhile(
    client: UsersClient, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After this write, before it is looked at."""
    database = server._database
    set_config = database.set_config

    def set_and_spoil(name: str, value: Any) -> None:
        set_config(name, {**value, "chat": {**value["chat"], "edit": False}})

    monkeypatch.setattr(database, "set_config", set_and_spoil)
    with pytest.raises(AdminError, match=r"somebody else[^:]*:\nchat\.edit: True → False$"):
        patch_default_permissions(client, {"workspace.models": True})


# ---------------------------------------------------------------- presets


def test_presets(any_client: UsersClient) -> None:
    flags = {(section, name) for section, some in read(any_client).items() for name in some}
    for name in PRESETS[:-1]:
        made = preset(any_client, name)
        assert {(section, one) for section, some in made.items() for one in some} == flags
    everything = preset(any_client, "all")
    assert everything["chat"].pop("temporary_enforced") is False  # it takes away
    assert all(all(some.values()) for some in everything.values())
    assert not any(any(some.values()) for some in preset(any_client, "none").values())
    chats = preset(any_client, "chat_only")
    assert chats["chat"]["edit"] and not any(chats["features"].values())

    assert patch_default_permissions(any_client, "none")
    assert read(any_client) == preset(any_client, "none")
    patch_default_permissions(any_client, chats)
    assert read(any_client) == chats


def test_back_to_what_the_server_began_with(client: UsersClient) -> None:
    before = read(client)
    patch_default_permissions(client, "all")
    assert patch_default_permissions(client, "server_defaults")
    assert read(client) == before


# ---------------------------------------------------------------- permissions_diff


def test_differences_between_all_kinds(newer: UsersClient) -> None:
    model, raw = newer.get_default_user_permissions(), read(newer)
    assert not permissions_diff(model, raw)  # what it carries without knowing it counts
    assert permissions_diff(None, {"a": {"b": True}}) == {"a.b": (None, True)}
    diff = permissions_diff({"a.b": True, "c": {"d": False}}, {"a": {"b": True}, "c.d": True})
    assert diff == {"c.d": (False, True)}
    gone = permissions_diff(raw, {**raw, "kitchen": {}})
    assert gone == {"kitchen.oven": (False, None)} and str(gone) == "kitchen.oven: False → absent"
    assert pickle.loads(pickle.dumps(gone)) == gone

    class Foreign:
        def model_dump(self, *, by_alias: bool) -> dict[str, Any]:
            return {"chat": {"import" if by_alias else "import_": True}}

    assert permissions_diff(Foreign(), {"chat.import": True}) == {}
    endless: dict[str, Any] = {}
    endless["section"] = endless
    with pytest.raises(ValueError, match="nested more than 60 deep"):
        permissions_diff(endless, {})
    with pytest.raises(TypeError, match="must be a model or a dict, not int"):
        permissions_diff(1, raw)


# ---------------------------------------------------------------- effective_permissions


def test_what_a_user_may_do_and_why(any_client: UsersClient, any_server: EmbeddedServer) -> None:
    ann = any_server.add_user("Ann", "ann@example.com")
    for name, flags in (("a", ["tools"]), ("b", ["tools", "prompts"]), ("c", ["models"])):
        permissions = {"workspace": dict.fromkeys(flags, True), "chat": {"edit": False}}
        group = any_client.groups.create_new_group(
            name=name, description="", permissions=permissions
        )
        assert group is not None
        if name != "c":
            any_client.groups.add_user_to_group(group.id, user_ids=[ann.id])
    found = effective_permissions(any_client, "Ann@example.com")
    own = any_client.with_options(api_key=ann.token).get_user_permissions()
    assert found.permissions == own
    assert sorted(found.sources["workspace.tools"]) == ["a", "b"]
    assert found.sources["workspace.prompts"] == ["b"]
    assert found.sources["workspace.models"] == []
    assert found.sources["chat.edit"] == ["default"]  # a group takes nothing away
    assert found.allows("workspace.tools") and not found.allows("workspace.models")
    with pytest.raises(KeyError, match=r"did you mean workspace\.tools"):
        found.allows("workspace.tool")
    lines = str(found).splitlines()
    assert lines[0] == "ann@example.com (user)" and len(lines) == 1 + len(found.sources)
    assert [line.split() for line in lines if "workspace.prompts " in line] == [
        ["workspace.prompts", "yes", "b"]
    ]
    assert pickle.loads(pickle.dumps(found)) == found
    assert not permissions_diff(found, own)


def test_groups_around_groups(client: UsersClient, server: EmbeddedServer) -> None:
    ann = server.add_user("Ann", "ann@example.com")
    outer = client.groups.create_new_group(
        name="outer", description="", permissions={"workspace": {"tools": True}}
    )
    assert outer is not None
    inner = client.groups.create_new_group(name="inner", description="", parent_group_id=outer.id)
    assert inner is not None
    client.groups.add_user_to_group(inner.id, user_ids=[ann.id])
    found = effective_permissions(client, ann.id)
    own = client.with_options(api_key=ann.token).get_user_permissions()
    assert found.permissions == own and found.sources["workspace.tools"] == ["outer"]
    direct = effective_permissions(client, ann.id, include_inherited=False)
    assert not direct.allows("workspace.tools")


def test_administrators_and_nobody(client: UsersClient, server: EmbeddedServer) -> None:
    found = effective_permissions(client, server.admin_email)
    assert "administrators do all of it" in str(found)
    server.add_user("Pen", "pen@example.com", role="pending")
    assert "role is pending" in str(effective_permissions(client, "pen@example.com"))
    with pytest.raises(InvalidInputError, match="no user with the id or e-mail address"):
        effective_permissions(client, "nobody@example.com")


@pytest.mark.parametrize("verb", [preset, patch_default_permissions])
def test_an_older_server_does_not_tell_its_defaults(
    verb: Callable[[UsersClient, str], Any], oldest: EmbeddedServer
) -> None:
    with UsersClient(oldest.url, oldest.admin_token) as client:
        with pytest.raises(UnsupportedByServerError):
            verb(client, "server_defaults")
