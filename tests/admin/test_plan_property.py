"""For desired states of all kinds: after apply the plan is empty, and what they do not name stays."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openwebui_users import UsersClient
from openwebui_users.admin import InvalidInputError, Plan, apply, plan, snapshot
from openwebui_users.testing import EmbeddedServer

PEOPLE = [f"p{number}@example.com" for number in range(5)]
GROUPS = ["a", "b", "c", "d"]
flags = st.dictionaries(st.sampled_from(["prompts", "tools", "models"]), st.booleans(), max_size=2)
permissions = st.fixed_dictionaries({}, optional={"workspace": flags})
texts = st.text("xyz é\n\t\"'#:-{}[]", max_size=6).filter(lambda text: not text or text.strip())


def entries(names: list[str], key: str, fields: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Entries with some of these names, each named once, and some of the fields."""
    previous = f"previous_{key}"

    def build(chosen: list[str], details: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found = []
        left = list(chosen)
        for detail in details:
            if not left:
                break
            entry = {key: left.pop(), **detail}
            if entry.pop("rename", False) and left and "state" not in entry:
                entry[previous] = left.pop()
            found.append(entry)
        return found

    detail = st.fixed_dictionaries({}, optional={**fields, "rename": st.booleans()})
    return st.builds(
        build,
        st.lists(st.sampled_from(names), unique=True),
        st.lists(detail, max_size=len(names)),
    )


def states(has_parents: bool) -> st.SearchStrategy[dict[str, Any]]:
    gone = st.sampled_from(["present", "present", "absent"])
    users = {
        "name": st.text("Aé ", max_size=3).map(lambda text: f"A{text}"),
        "role": st.sampled_from(["user", "admin", "pending"]),
        "groups": st.lists(st.sampled_from(GROUPS), unique=True, max_size=2),
        "state": gone,
    }
    groups = {
        "description": texts,
        "permissions": permissions,
        "members": st.lists(st.sampled_from(PEOPLE), unique=True, max_size=3),
        "state": gone,
        **({"parent": st.sampled_from([None, *GROUPS])} if has_parents else {}),
    }
    return st.fixed_dictionaries(
        {"users": entries(PEOPLE, "email", users), "groups": entries(GROUPS, "name", groups)},
        optional={"default_permissions": permissions},
    )


def writes(server: EmbeddedServer) -> list[str]:
    sent = [one for one in server.requests if one.method != "GET"]
    return [one.path for one in sent if not one.path.endswith("/users")]


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
    applied = 0

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(states(version == "newest"), states(version == "newest"))
    def check(first: dict[str, Any], second: dict[str, Any]) -> None:
        nonlocal applied
        server.reset()
        out = tmp_path / f"{uuid.uuid4().hex}.csv"
        with UsersClient(server.url, server.admin_token, retry=0) as client:
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
                assert apply(client, desired).counts == {} and writes(server) == []
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
                applied += not made.is_empty

    check()
    assert applied > 10
