"""The start of examples in the docs: the people on the server, and code that is not shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from admin_server import make_group

from openwebui_users import UsersClient, admin
from openwebui_users.testing import EmbeddedServer

PEOPLE = {
    "ann@example.com": "Ann Lee",
    "ben@example.com": "Ben Okafor",
    "cem@example.com": "Cem Aydin",
}
GROUPS: Mapping[str, tuple[str, ...]] = {"staff": ("ann@example.com",), "kitchen": ()}

DAY = 24 * 60 * 60
Names = dict[str, Any]
#: Gives names, of the server, a client of its administrator, and ids by addresses.
Maker = Callable[[EmbeddedServer, UsersClient, dict[str, str]], Names]

TABLE = "name,email\nDora Lind,dora@example.com\n"
STATE = "users:\n  - email: ann@example.com\n    role: admin\n"


def nothing(server: EmbeddedServer, client: UsersClient, ids: dict[str, str]) -> Names:
    del server, client, ids
    return {}


@dataclass(frozen=True)
class Given:
    """What a page takes for granted.

    Attributes:
        names: what Python finds.
        people, groups: who is on the server besides the administrator.
        files: texts by the names of files.
        environment: of Python and commands, besides that of a user who has signed in.
        is_signed_in: OPENWEBUI_URL and OPENWEBUI_API_KEY are set.
        has_clients: `users` and `client` are there, and open, for every block of Python.
    """

    names: Maker = nothing
    people: Mapping[str, str] = field(default_factory=lambda: PEOPLE)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: GROUPS)
    files: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    is_signed_in: bool = True
    has_clients: bool = True


def of_readme(server: EmbeddedServer, client: UsersClient, ids: dict[str, str]) -> Names:
    of_inactive(server, client, ids)
    staff = client.groups.get_groups()[0].id
    return {"user_id": ids["ben@example.com"], "group_id": staff, "forms": [_form("eve")]}


def of_client(server: EmbeddedServer, client: UsersClient, ids: dict[str, str]) -> Names:
    del client
    return {
        "url": server.url,
        "key": server.admin_token,
        "forms": [_form("eve"), _form("finn")],
        "ids": [ids["ben@example.com"], ids["cem@example.com"]],
        "user_id": ids["ann@example.com"],
    }


def _form(name: str) -> Names:
    return {"name": name, "email": f"{name}@example.com", "password": "correct horse"}


def of_offboarding(server: EmbeddedServer, client: UsersClient, ids: dict[str, str]) -> Names:
    of_inactive(server, client, ids)
    return {"leaving": [ids["ann@example.com"], ids["ben@example.com"]]}


def of_inactive(server: EmbeddedServer, client: UsersClient, ids: dict[str, str]) -> Names:
    """Ann was there 199 days ago, and Ben, whose account is older than that, never."""
    del client, ids
    database = server._database
    used = {server.admin_email: 300, "ann@example.com": 100, "ben@example.com": 0}
    for age, (email, days) in enumerate(used.items()):
        user = database.user_by_email(email)
        assert user is not None
        user["created_at"] -= (300 - age) * DAY
        user["last_active_at"] = user["created_at"] + days * DAY
        database.store_user(user)
    return {}


def of_permissions(server: EmbeddedServer, client: UsersClient, ids: dict[str, str]) -> Names:
    group = make_group(client, "staff", permissions={"workspace": {"tools": True}})
    client.groups.add_user_to_group(group, user_ids=[ids["ann@example.com"]])
    return {name: UsersClient(server.url, server.admin_token) for name in ("old", "new")}


def of_provisioning(server: EmbeddedServer, client: UsersClient, ids: dict[str, str]) -> Names:
    del server, ids
    admin.patch_default_permissions(client, {"features.api_keys": True})
    return {"hand_over": lambda password, key: (password, key)}


GIVEN: dict[str, Given] = {
    "README.md": Given(
        of_readme, files={"people.csv": TABLE, "state.yaml": STATE}, is_signed_in=False
    ),
    "docs/cli.md": Given(of_inactive, files={"people.csv": TABLE, "state.yaml": STATE}),
    "docs/client.md": Given(of_client),
    "docs/offboarding.md": Given(of_offboarding, groups={**GROUPS, "board": ("ann@example.com",)}),
    "docs/permissions.md": Given(of_permissions, groups={}),
    "docs/plan.md": Given(
        people={"old@example.com": "Old"},
        groups={},
        environment={"BEN_PASSWORD": "correct horse"},
    ),
    "docs/provisioning.md": Given(
        of_provisioning, people={"ben@example.com": "Ben Okafor"}, groups={"staff": ()}
    ),
    "docs/quickstart.md": Given(people={}, groups={}),
    "docs/tutorial.md": Given(people={}, groups={}, has_clients=False),
}
