"""Commands about groups and their members."""

from typing import Annotated, Any

import typer

from ._command import ASKING, AUDIT, CONNECTION, SHOWING, WRITING, Cli, command, group
from ._failures import CommandError
from ._permissions import flags_of
from ._users import COLUMNS as USER_COLUMNS
from ._users import Users, read_users

COLUMNS = ("name", "description", "member_count", "id")

Group = Annotated[str, typer.Argument(metavar="GROUP", help="Name or id.")]
Permissions = Annotated[
    list[str] | None,
    typer.Option(
        "--permission", metavar="NAME=BOOL", help="Such as workspace.models=true. Repeatable."
    ),
]
Parent = Annotated[
    str | None, typer.Option(metavar="GROUP", help="Group that contains this group; '' for none.")
]


def list_groups(
    cli: Cli,
    user: Annotated[
        str | None, typer.Option(metavar="USER", help="Only groups that this user is in.")
    ] = None,
) -> None:
    """Show all groups, or the groups of one user."""
    from openwebui_users import GroupModel

    client = cli.client
    if user is None:
        found = client.groups.get_groups()
    else:
        found = client.get_user_groups_by_id(cli.resolve([user])[0].id)
    cli.output.rows(found, COLUMNS, head=GroupModel)


def get(cli: Cli, name: Group) -> None:
    """Show one group with its permissions."""
    cli.output.one(cli.group(name))


# ---------------------------------------------------------------- through desired state


def _entry(
    name: str, description: str | None, permissions: list[str] | None, parent: str | None
) -> dict[str, Any]:
    """A group as an entry of a desired state; None leaves a value unchanged."""
    entry: dict[str, Any] = {"name": name}
    if description is not None:
        entry["description"] = description
    if permissions:
        from openwebui_users.admin._permissions import nested

        entry["permissions"] = nested(flags_of(permissions))
    if parent is not None:
        entry["parent"] = parent
    return entry


def _apply(cli: Cli, verb: str, entry: dict[str, Any], deletions: int = 0) -> int:
    from openwebui_users import admin

    result = admin.apply(
        cli.client,
        {"groups": [entry]},
        max_deletions=deletions,
        dry_run=cli.dry_run,
        audit=cli.audit,
    )
    result.verb = verb
    return cli.report(result)


def create(
    cli: Cli,
    name: Annotated[str, typer.Argument(help="Name of the new group.")],
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    permission: Permissions = None,
    parent: Parent = None,
) -> int:
    """Create a group."""
    if any(one.name == name for one in cli.client.groups.get_groups()):
        raise CommandError(f"nothing was changed: there is a group {name!r} already")
    return _apply(cli, "groups create", _entry(name, description, permission, parent))


def update(
    cli: Cli,
    name: Group,
    rename: Annotated[str | None, typer.Option("--name", help="New name.")] = None,
    description: Annotated[str | None, typer.Option(help="New description.")] = None,
    permission: Permissions = None,
    parent: Parent = None,
) -> int:
    """Change the given values of a group, and leave the others unchanged."""
    if rename is None and description is None and not permission and parent is None:
        raise CommandError(
            "nothing to change is given: use --name, --description, --permission or --parent"
        )
    now = cli.group(name).name
    entry = _entry(rename or now, description, permission, parent)
    if rename not in (None, now):
        entry["previous_name"] = now
    return _apply(cli, "groups update", entry)


def delete(cli: Cli, name: Group) -> int:
    """Delete a group. The accounts of its members stay."""
    found = cli.group(name)
    cli.confirm(f"Delete the group {found.name!r} of {cli.client.base_url}?")
    return _apply(cli, "groups delete", {"name": found.name, "state": "absent"}, deletions=1)


# ---------------------------------------------------------------- members


def list_members(cli: Cli, name: Group) -> None:
    """Show the users who are in a group itself, not in a group within it."""
    from openwebui_users import UserInfoResponse

    found = cli.client.groups.get_users_in_group(cli.group(name).id)
    cli.output.rows(found, USER_COLUMNS, head=UserInfoResponse)


def _change(cli: Cli, verb: Any, name: str, users: list[str]) -> int:
    return cli.report(verb(cli.client, name, users, dry_run=cli.dry_run, audit=cli.audit))


def set_members(
    cli: Cli,
    name: Group,
    users: Annotated[
        list[str] | None,
        typer.Argument(metavar="[USER…]", help="Ids or e-mail addresses; - reads them from stdin."),
    ] = None,
    empty: Annotated[bool, typer.Option("--empty", help="Remove all members.")] = False,
) -> int:
    """Make exactly these users the members of a group. Others are removed from it."""
    from openwebui_users import admin

    if empty and users:
        raise CommandError("give users or --empty, not both")
    if not empty and not users:
        raise CommandError("give users, or --empty to take everybody out")
    return _change(
        cli,
        admin.set_group_members,
        name,
        [] if empty else read_users(users or [], may_be_none=False),
    )


def add_members(cli: Cli, name: Group, users: Users) -> int:
    """Add users to a group, and keep its other members."""
    from openwebui_users import admin

    return _change(cli, admin.add_to_group, name, read_users(users))


def remove_members(cli: Cli, name: Group, users: Users) -> int:
    """Remove users from a group."""
    from openwebui_users import admin

    return _change(cli, admin.remove_from_group, name, read_users(users))


_READING = (CONNECTION, SHOWING)
_WRITING = (CONNECTION, SHOWING, WRITING, AUDIT)
_groups = group("groups", "Groups and their members.", rich_help_panel="Groups and permissions")
command(_groups, "list", list_groups, *_READING)
command(_groups, "get", get, *_READING)
command(_groups, "create", create, *_WRITING)
command(_groups, "update", update, *_WRITING)
command(_groups, "delete", delete, *_WRITING, ASKING)
_members = group("members", "Members of a group.")
command(_members, "list", list_members, *_READING)
command(_members, "set", set_members, *_WRITING)
command(_members, "add", add_members, *_WRITING)
command(_members, "remove", remove_members, *_WRITING)
_groups.add_typer(_members)
COMMANDS = {"groups": _groups}
