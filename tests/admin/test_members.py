"""set_group_members, add_to_group, remove_from_group."""

from __future__ import annotations

import pytest
from admin_server import in_group

from openwebui_users import UsersClient
from openwebui_users.admin import (
    InvalidInputError,
    add_to_group,
    remove_from_group,
    set_group_members,
)
from openwebui_users.testing import EmbeddedServer


@pytest.fixture
def people(any_server: EmbeddedServer, any_client: UsersClient) -> list[str]:
    """Addresses of five users; a group "staff" has the first two."""
    found = [any_server.add_user(f"P{i}", f"p{i}@example.com") for i in range(5)]
    group = any_client.groups.create_new_group(name="staff", description="")
    assert group is not None
    any_client.groups.add_user_to_group(group.id, user_ids=[one.id for one in found[:2]])
    return [one.email for one in found]


def test_exactly_these(any_client: UsersClient, people: list[str]) -> None:
    dry = set_group_members(any_client, "staff", people[1:4], dry_run=True)
    assert in_group(any_client, "staff") == set(people[:2])
    result = set_group_members(any_client, "staff", [people[1], people[2].upper(), people[3]])
    assert in_group(any_client, "staff") == set(people[1:4])
    statuses = {row.email: row.status for row in result.rows}
    assert statuses == {row.email: row.status for row in dry.rows}
    assert statuses == {
        people[0]: "updated",
        people[1]: "unchanged",
        people[2]: "updated",
        people[3]: "updated",
    }
    assert result.rows[-1].changes == {"member of staff": (True, False)}
    assert set_group_members(any_client, "staff", people[1:4]).counts == {"unchanged": 3}
    set_group_members(any_client, "staff", [])
    assert in_group(any_client, "staff") == set()


def test_add_and_remove(any_client: UsersClient, people: list[str]) -> None:
    assert add_to_group(any_client, "staff", people[:3]).counts == {"updated": 1, "unchanged": 2}
    assert remove_from_group(any_client, "staff", people[2:]).counts == {
        "updated": 1,
        "unchanged": 2,
    }
    assert in_group(any_client, "staff") == set(people[:2])


def test_who_and_what_there_is_not(
    any_client: UsersClient, any_server: EmbeddedServer, people: list[str]
) -> None:
    any_server.forget_requests()
    with pytest.raises(InvalidInputError, match="no group with the name or id 'stuff'") as caught:
        add_to_group(any_client, "stuff", ["nobody@example.com"])
    assert len(caught.value.problems) == 2
    assert [one for one in any_server.requests if one.path.endswith("/add")] == []
    any_client.groups.create_new_group(name="staff", description="another")
    with pytest.raises(InvalidInputError, match="several groups have the name 'staff'"):
        add_to_group(any_client, "staff", people)


def test_a_server_that_says_so_and_does_not(
    client: UsersClient, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers 200 to a request that it has not carried out."""
    server.add_user("Ann", "ann@example.com")
    client.groups.create_new_group(name="staff", description="")
    monkeypatch.setattr(server._database, "add_members", lambda *_: None)
    result = add_to_group(client, "staff", ["ann@example.com"])
    assert result.counts == {"failed": 1} and "does not show it" in str(result)
