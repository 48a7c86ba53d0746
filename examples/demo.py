"""The main job on the embedded server: `make demo`."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable
from pathlib import Path

from openwebui_users import UsersClient, admin
from openwebui_users.testing import EmbeddedServer

PEOPLE = """Name,Email,Password,Role,Groups
Ann,ann@example.com,,user,staff
Ben,ben@example.com,,user,staff; night shift
Cleo,cleo@example.com,,admin,
Dan,dan@example.com,,amdin,staff
"""


def show(title: str, rows: Iterable[tuple[str, ...]]) -> None:
    """A table on the terminal."""
    lines = list(rows)
    widths = [max(len(row[i]) for row in lines) for i in range(len(lines[0]))]
    print(f"\n{title}")
    for row in lines:
        cells = zip(row, widths, strict=True)
        print("  " + "  ".join(cell.ljust(width) for cell, width in cells).rstrip())


def list_everybody(client: UsersClient, title: str) -> None:
    names = {group.id: group.name for group in client.groups.get_groups()}
    rows = [
        (user.name, user.email, user.role, ", ".join(names[one] for one in user.group_ids or ()))
        for user in client.iter_users()
    ]
    show(f"{title}: {len(rows)} users", [("name", "e-mail", "role", "groups"), *rows])


def run(client: UsersClient, folder: Path) -> None:
    try:
        admin.import_users(client, io.StringIO(PEOPLE), create_groups=True, passwords_out="-")
    except admin.InvalidInputError as error:
        print(f"\nimporting four people: {error}")

    passwords = folder / "passwords.csv"
    result = admin.import_users(
        client,
        io.StringIO(PEOPLE),
        on_invalid="skip",
        create_groups=True,
        passwords_out=passwords,
        journal=folder / "journal",
    )
    print(f"\n{result}")
    print(f"passwords made: {len(passwords.read_text().splitlines()) - 1}")
    list_everybody(client, "imported")

    print(f"\n{admin.deactivate_users(client, ['ben@example.com'], remove_from_groups=True)}")
    diff = admin.patch_default_permissions(client, {"workspace.prompts": True})
    print(f"\ndefault permissions that changed:\n  {diff}")
    list_everybody(client, "Ben deactivated")

    exported = admin.export_users(client, folder / "users.csv", fields=["email", "role", "groups"])
    print(f"\nexported {exported.count} users:")
    print((folder / "users.csv").read_text().rstrip())


def main() -> None:
    with EmbeddedServer() as server, UsersClient(server.url) as client:
        session = client.auths.signin(email=server.admin_email, password=server.admin_password)
        print(f"signed in to Open WebUI {client.get_version()} at {server.url} as {session.email}")
        with tempfile.TemporaryDirectory() as folder:
            run(client, Path(folder))


if __name__ == "__main__":
    main()
