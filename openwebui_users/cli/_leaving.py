"""Commands for users who leave: deactivate, reactivate, expire, delete, sessions revoke."""

from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

import typer

from ._command import ASKING, AUDIT, CONNECTION, SHOWING, WRITING, Cli, alone, command, group
from ._failures import CommandError
from ._users import Users, read_users


def deactivate(
    cli: Cli,
    users: Users,
    remove_from_groups: Annotated[
        bool, typer.Option("--remove-from-groups", help="Take them out of all groups, too.")
    ] = False,
) -> int:
    """Give users the role pending and end their sessions; their chats stay."""
    from openwebui_users.admin import deactivate_users

    result = deactivate_users(
        cli.client,
        read_users(users),
        remove_from_groups=remove_from_groups,
        dry_run=cli.dry_run,
        progress=cli.progress,
        audit=cli.audit,
    )
    return cli.report(result)


def reactivate(
    cli: Cli,
    users: Users,
    role: Annotated[str, typer.Option(help="admin or user.")] = "user",
    groups: Annotated[
        list[str] | None,
        typer.Option("--group", help="Name or id of a group to add them to. Repeatable."),
    ] = None,
) -> int:
    """Give deactivated users access again."""
    from openwebui_users.admin import reactivate_users

    result = reactivate_users(
        cli.client,
        read_users(users),
        role=role,
        groups=groups or (),
        dry_run=cli.dry_run,
        progress=cli.progress,
        audit=cli.audit,
    )
    return cli.report(result)


def expire(
    cli: Cli,
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="Table with the columns email and expires.")
    ],
    column: Annotated[str, typer.Option(help="Name of the column with the date.")] = "expires",
    remove_from_groups: Annotated[
        bool, typer.Option("--remove-from-groups", help="Take them out of all groups, too.")
    ] = False,
) -> int:
    """Deactivate the users whose date in a table has passed."""
    from openwebui_users.admin import expire_users

    result = expire_users(
        cli.client,
        source,
        column=column,
        remove_from_groups=remove_from_groups,
        dry_run=cli.dry_run,
        progress=cli.progress,
        audit=cli.audit,
    )
    return cli.report(result)


def delete(
    cli: Cli,
    users: Users,
    backup: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSONL file to which the accounts are written first."),
    ] = None,
    no_backup: Annotated[
        bool, typer.Option("--no-backup", help="Write no backup of the accounts.")
    ] = False,
) -> int:
    """Delete users with all their chats. `deactivate` keeps them.

    The accounts are written to a file first: the file of --backup, or a new file in this folder.
    """
    from openwebui_users.admin import DeletionResult, delete_users

    if backup is not None and no_backup:
        raise CommandError("give --backup or --no-backup, not both")
    if backup is None and not no_backup:
        backup = Path(f"deleted-users-{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}.jsonl")

    def ask(preview: DeletionResult) -> bool:
        cli.note(str(preview))
        who = "1 user" if len(preview.rows) == 1 else f"{len(preview.rows)} users"
        cli.confirm(f"Delete {who} of {cli.client.base_url}, with all chats?")
        return True

    result = delete_users(
        cli.client,
        read_users(users),
        backup=False if backup is None else backup,
        yes=cli.is_sure,
        confirm=None if cli.is_sure else ask,
        dry_run=cli.dry_run,
        progress=cli.progress,
        audit=cli.audit,
    )
    if result.backup is not None:
        cli.note(f"the accounts are in {result.backup}")
    return cli.report(result)


def revoke_sessions(cli: Cli, users: Users) -> int:
    """End all sessions of users. They can sign in again. API keys stay valid."""
    from openwebui_users import admin

    return cli.report(
        admin.revoke_sessions(
            cli.client,
            read_users(users),
            dry_run=cli.dry_run,
            progress=cli.progress,
            audit=cli.audit,
        )
    )


_WRITING = (CONNECTION, SHOWING, WRITING, AUDIT)
_PANEL = {"rich_help_panel": "Users"}
_sessions = group("sessions", "Sessions of users.", **_PANEL)
command(_sessions, "revoke", revoke_sessions, *_WRITING)
COMMANDS = {
    "deactivate": alone("deactivate", deactivate, *_WRITING, **_PANEL),
    "reactivate": alone("reactivate", reactivate, *_WRITING, **_PANEL),
    "expire": alone("expire", expire, *_WRITING, **_PANEL),
    "delete": alone("delete", delete, *_WRITING, ASKING, **_PANEL),
    "sessions": _sessions,
}
