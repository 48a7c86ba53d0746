"""The main job on the embedded server: `make demo`."""

from __future__ import annotations

from collections.abc import Iterable

from openwebui_users import UserNotFoundError, UsersClient
from openwebui_users.testing import EmbeddedServer

PEOPLE = [("Ann", "user"), ("Ben", "user"), ("Cleo", "admin"), ("Dan", "user")]


def show(title: str, rows: Iterable[tuple[str, ...]]) -> None:
    """A table on the terminal."""
    lines = list(rows)
    widths = [max(len(row[i]) for row in lines) for i in range(len(lines[0]))]
    print(f"\n{title}")
    for row in lines:
        cells = zip(row, widths, strict=True)
        print("  " + "  ".join(cell.ljust(width) for cell, width in cells).rstrip())


def list_everybody(users: UsersClient, title: str) -> None:
    page = users.get_users(order_by="email", direction="asc")
    rows = [(user.name, user.email, user.role) for user in page.users]
    show(f"{title}: {page.total} users", [("name", "e-mail", "role"), *rows])


def main() -> None:
    with EmbeddedServer() as server, UsersClient(server.url) as users:
        session = users.auths.signin(email=server.admin_email, password=server.admin_password)
        print(f"signed in to Open WebUI {users.get_version()} at {server.url} as {session.email}")

        ids = {}
        for name, role in PEOPLE:
            email = f"{name.lower()}@example.com"
            added = users.auths.add_user(name=name, email=email, password="change me", role=role)
            ids[name] = added.id
        list_everybody(users, "after adding four people")

        found = users.search_users(query="ben@")
        show("search for 'ben@'", [(user.name, str(user.email)) for user in found.users])

        users.update_user_by_id(ids["Ann"], role="admin")
        users.update_user_by_id(ids["Dan"], role="pending")
        users.revoke_user_sessions(ids["Dan"])
        list_everybody(users, "Ann made an administrator, Dan deactivated")

        permissions = users.get_default_user_permissions()
        before = permissions.model_copy(deep=True)
        permissions.workspace.prompts = True
        users.update_default_user_permissions(permissions)
        after = users.get_default_user_permissions()
        changed = [
            (f"{section}.{name}", str(old), str(new))
            for section, flags in before.model_dump().items()
            for name, old in flags.items()
            if (new := getattr(getattr(after, section), name)) != old
        ]
        show("default permissions that changed", [("permission", "before", "after"), *changed])

        users.delete_user_by_id(ids["Ben"])
        try:
            users.get_user_by_id(ids["Ben"])
        except UserNotFoundError as error:
            print(f"\nBen is deleted: {type(error).__name__} {error.status_code}")
        list_everybody(users, "at the end")


if __name__ == "__main__":
    main()
