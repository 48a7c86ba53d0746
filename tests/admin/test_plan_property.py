"""For all desired states: after apply the plan is empty, and what they do not name is unchanged."""

from __future__ import annotations

import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from admin_server import changes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openwebui_users import UsersClient
from openwebui_users.admin import InvalidInputError, Plan, apply, plan, snapshot
from openwebui_users.admin._comparison import KINDS
from openwebui_users.testing import EmbeddedServer

PEOPLE = [f"p{number}@example.com" for number in range(6)]  # the first three are there
GROUPS = ["a", "b", "c", "d", "e"]  # the first two are there
flags = st.dictionaries(st.sampled_from(["prompts", "tools", "models"]), st.booleans(), max_size=2)
permissions = st.fixed_dictionaries({}, optional={"workspace": flags})
texts = st.text("xyz é\n\t\"'#:-{}[]", max_size=6).filter(lambda text: not text or text.strip())
roles = st.sampled_from(["user", "admin", "pending"])
states_of_entries = st.sampled_from(["present", "present", "present", "absent"])


def lists(names: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), unique=True, max_size=3) if names else st.just([])


@st.composite
def states(draw: st.DrawFn, has_parents: bool) -> dict[str, Any]:
    """Desired states without contradictions, so that most are right for most servers."""

    def entries(names: list[str], key: str, optional: dict[str, Any]) -> list[dict[str, Any]]:
        left = draw(st.permutations(names))[: draw(st.integers(0, len(names)))]
        found = []
        while left:
            entry = {key: left.pop(), **draw(st.fixed_dictionaries({}, optional=optional))}
            if left and entry.get("state") != "absent" and draw(st.integers(0, 3)) == 0:
                entry[f"previous_{key}"] = left.pop()
            found.append(entry)
        return found

    users = entries(PEOPLE, "email", {"role": roles, "state": states_of_entries})
    for user in users:
        user["name"] = "A" + draw(st.text("Aé ", max_size=2))
    fields = {"description": texts, "permissions": permissions, "state": states_of_entries}
    groups = entries(GROUPS, "name", fields)
    people = [one["email"] for one in users if one.get("state") != "absent"]
    there = [one["name"] for one in groups if one.get("state") != "absent"]
    by_group = draw(st.booleans())
    for number, group in enumerate(groups):
        if by_group and draw(st.booleans()):
            group["members"] = draw(lists(people))
        if has_parents and draw(st.booleans()):
            before = [one["name"] for one in groups[:number] if one["name"] in there]
            group["parent"] = draw(st.sampled_from([None, *before]))
    for user in users if not by_group else ():
        if draw(st.booleans()):
            user["groups"] = draw(lists(there))
    defaults = {"default_permissions": draw(permissions)} if draw(st.booleans()) else {}
    return {"users": users, "groups": groups, **defaults}


def fill(server: EmbeddedServer, client: UsersClient) -> None:
    server.reset()
    people = [server.add_user("P", email).id for email in PEOPLE[:3]]
    for number, name in enumerate(GROUPS[:2]):
        group = client.groups.create_new_group(name=name, description=name)
        assert group is not None
        client.groups.add_user_to_group(group.id, user_ids=people[number:])


def untouched(client: UsersClient, desired: dict[str, Any]) -> dict[str, Any]:
    """What the server has that the state does not name: whole entries, and fields of the others."""
    found = snapshot(client, personal=True)
    given: dict[str, dict[str, Any]] = {}
    for kind, key in (("users", "email"), ("groups", "name")):
        for entry in desired[kind]:
            given[entry[key]] = given[entry.get(f"previous_{key}", entry[key])] = entry
    managed = {entry["name"] for entry in desired["groups"]} | {
        entry.get("previous_name") for entry in desired["groups"]
    }
    rest: dict[str, Any] = {}
    for kind, key in (("users", "email"), ("groups", "name")):
        for one in found[kind]:
            if one[key] not in given:  # memberships of groups that are named may change
                rest[one[key]] = {**one}
                if "groups" in one:
                    rest[one[key]]["groups"] = [
                        name for name in one["groups"] if name not in managed
                    ]
                if one.get("parent") in managed:  # which may be renamed
                    rest[one[key]].pop("parent", None)
            else:
                for field in ("name", "role", "description"):
                    if field in one and field not in given[one[key]] and field != key:
                        rest[f"{given[one[key]][key]} {field}"] = one[field]
    return rest


@pytest.mark.parametrize("version", ["newest", "oldest"])
def test_apply_then_plan_is_empty(
    version: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    server: EmbeddedServer = request.getfixturevalue(version)
    kinds: Counter[str] = Counter()

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(states(version == "newest"), states(version == "newest"))
    def check(first: dict[str, Any], second: dict[str, Any]) -> None:
        out = tmp_path / f"{uuid.uuid4().hex}.csv"
        with UsersClient(server.url, server.admin_token, retry=0) as client:
            fill(server, client)
            for desired in (first, second):
                try:
                    made = plan(client, desired)
                except InvalidInputError:  # names somebody who is not there, for instance
                    continue
                before = untouched(client, desired)
                result = apply(
                    client, Plan.from_json(made.to_json()), passwords_out=out, max_deletions=99
                )
                assert result.ok, str(result)
                left = plan(client, desired)
                assert left.is_empty, f"{left}\n{made}"
                server.forget_requests()
                assert apply(client, desired).counts == {} and changes(server) == []
                after = untouched(client, desired)
                gone = {
                    f"{entry[key]} {field}"
                    for kind, key in (("users", "email"), ("groups", "name"))
                    for entry in desired[kind]
                    if entry.get("state") == "absent"
                    for field in ("name", "role", "description")
                }
                for name, value in before.items():
                    assert name in gone or after[name] == value, (name, value, str(made))
                assert plan(client, snapshot(client)).is_empty
                kinds.update(step.kind for step in made.steps)

    check()
    assert len(kinds) >= len(KINDS) - 3  # what was tried is not all of one sort
