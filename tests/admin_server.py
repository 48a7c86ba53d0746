"""Helpers of the tests of verbs: they read the state of an embedded server and put data on it."""

from __future__ import annotations

from typing import Any

from openwebui_users import UsersClient
from openwebui_users.testing import EmbeddedServer


def writes(server: EmbeddedServer) -> list[str]:
    """What was sent and is no GET."""
    return [f"{one.method} {one.path}" for one in server.requests if one.method != "GET"]


def changes(server: EmbeddedServer) -> list[str]:
    """What was sent that changes something: the members of a group are listed by POST."""
    return [one for one in writes(server) if not one.endswith("/users")]


def make_group(client: UsersClient, name: str, **fields: Any) -> str:
    """Make a group; its id."""
    group = client.groups.create_new_group({"description": "", **fields, "name": name})
    assert group is not None
    return group.id


def in_group(client: UsersClient, name: str) -> set[str]:
    """Addresses of those who are in the one group of this name."""
    (group,) = [one for one in client.groups.get_groups() if one.name == name]
    return {user.email for user in client.groups.get_users_in_group(group.id)}
