"""Commands about users: show, create and change them."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ._command import AUDIT, CONNECTION, SHOWING, WRITING, Cli, alone, check_utf8
from ._failures import INTERRUPTED, NOT_FOUND, CommandError
from ._secrets import read_input

COLUMNS = ("email", "name", "role", "last_active_at", "id")

User = Annotated[str, typer.Argument(metavar="USER", help="Id or e-mail address.")]
Users = Annotated[
    list[str],
    typer.Argument(metavar="USER…", help="Ids or e-mail addresses; - reads them from stdin."),
]
PasswordsOut = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="CSV file for generated passwords; only its owner can read it."
    ),
]


def read_users(users: list[str], *, may_be_none: bool = True) -> list[str]:
    """The given ids and addresses; - stands for the lines of standard input.

    Args:
        users: arguments of the command line.
        may_be_none: whether standard input may have no line, as in a nightly job without users.
    """
    found: list[str] = []
    for one in users:
        found += _lines() if one == "-" else [one]
    found = [one for one in found if one]
    if not found and not (may_be_none and "-" in users):
        raise CommandError("no user is given")
    return found


def _lines() -> list[str]:
    """The lines of standard input."""
    found = []
    for number, line in enumerate(sys.stdin, 1):
        check_utf8(line, f"standard input, line {number}")
        found.append(line.strip())
    return found


# ---------------------------------------------------------------- showing


def list_users(
    cli: Cli,
    query: Annotated[str | None, typer.Option(help="Part of a name or an address.")] = None,
    role: Annotated[str | None, typer.Option(help="Only users with this role.")] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="Maximum number of users.")] = None,
) -> None:
    """Show all users, or only users with a role, or with a text in their name or address."""
    from itertools import islice

    from openwebui_users import UserGroupIdsModel

    found = cli.client.iter_users(query=query)
    chosen = (user for user in found if role is None or user.role == role)
    cli.output.rows(islice(chosen, limit), COLUMNS, head=UserGroupIdsModel)


def get(cli: Cli, user: User) -> None:
    """Show one user with everything that the server returns."""
    _show(cli, user if "@" in user else cli.resolve([user])[0].email)


def find(
    cli: Cli, email: Annotated[str, typer.Argument(metavar="EMAIL", help="The exact address.")]
) -> None:
    """Show the user with exactly this e-mail address. Upper and lower case are the same."""
    _show(cli, email)


def _show(cli: Cli, email: str) -> None:
    found = cli.client.find_user(email)
    if found is None:
        raise CommandError(f"there is no user with the address {email!r}", exit_code=NOT_FOUND)
    cli.output.one(found)


def search(
    cli: Cli,
    query: Annotated[str, typer.Argument(help="Part of a name or an address.")],
    limit: Annotated[int | None, typer.Option(min=0, help="Maximum number of users.")] = None,
) -> None:
    """Show the users that the server's own search finds for a part of a name or address."""
    from itertools import islice

    from openwebui_users import UserInfoResponse

    found = islice(cli.client.iter_search(query), limit)
    cli.output.rows(found, COLUMNS, head=UserInfoResponse)


def inactive(
    cli: Cli,
    days: Annotated[float, typer.Argument(min=0, help="Minimum number of days without activity.")],
    never_signed_in: Annotated[
        bool | None,
        typer.Option(
            "--never-signed-in/--signed-in-before",
            help="Only accounts that were never used, or only accounts that were used.",
        ),
    ] = None,
) -> None:
    """Show users who have not been active for some days, starting with the longest inactive."""
    from openwebui_users import UserGroupIdsModel
    from openwebui_users.admin import inactive_users

    found = inactive_users(cli.client, days, never_signed_in=never_signed_in)
    cli.output.rows(found, COLUMNS, head=UserGroupIdsModel)
    for note in found.notes:
        cli.note(note)


# ---------------------------------------------------------------- creating and changing


def create(
    cli: Cli,
    email: Annotated[str, typer.Option(help="E-mail address, with which the user signs in.")],
    name: Annotated[str, typer.Option(help="Name as others see it.")],
    role: Annotated[str, typer.Option(help="admin, user or pending.")] = "user",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    passwords_out: PasswordsOut = None,
    group: Annotated[
        list[str] | None, typer.Option(help="Name or id of a group. Repeatable.")
    ] = None,
    timezone: Annotated[str | None, typer.Option(help="Such as Europe/Paris.")] = None,
    create_api_key: Annotated[
        bool, typer.Option("--create-api-key", help="Create an API key for the account.")
    ] = False,
    api_key_out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="New file for that key; only its owner can read it."),
    ] = None,
) -> int:
    """Create an account; options add groups, a time zone and an API key.

    Without --password-stdin a password is generated. It is written to the file of --passwords-out,
    or without that option to standard error, if that is a terminal. In the same way an API key is
    written to the file of --api-key-out or to standard error.
    """
    from openwebui_users.admin import Interrupted, PartialFailureError, provision_user

    if api_key_out is not None and api_key_out.exists():
        raise CommandError(f"{api_key_out} is there already, and is not overwritten")
    if not (cli.dry_run or sys.stderr.isatty()):  # stderr may be a log
        if not password_stdin and passwords_out is None:
            raise CommandError("give --password-stdin, or --passwords-out FILE for one made here")
        if create_api_key and api_key_out is None:
            raise CommandError("give --api-key-out FILE for the API key")
    is_cut = False
    try:
        result = provision_user(
            cli.client,
            email=email,
            name=name,
            role=role,
            password=read_input("Password") if password_stdin else None,
            passwords_out=passwords_out,
            groups=group or (),
            timezone=timezone,
            api_key=create_api_key,
            dry_run=cli.dry_run,
            audit=cli.audit,
        )
    except (PartialFailureError, Interrupted) as error:
        result = error.result
        is_cut = isinstance(error, Interrupted)
    # before the report, which a full disk or a closed pipe may stop: nothing else holds them
    may_be_there = result.counts.keys() & {"created", "unknown"}
    if result.api_key is not None:
        cli.note(_keep_key(result.api_key, api_key_out))
    if not password_stdin and passwords_out is None and may_be_there and not cli.dry_run:
        cli.note(f"password: {result.password}")
    code = cli.report(result)
    return INTERRUPTED if is_cut else code


def _keep_key(key: str, path: Path | None) -> str:
    """Write a key into a new file; the message about it."""
    from openwebui_users.admin._files import OWNER_ONLY, creating

    if path is None:
        return f"API key: {key}"
    try:
        with creating(path, OWNER_ONLY) as file:
            file.write(f"{key}\n")
    except OSError as error:  # it is shown nowhere else, and cannot be read again
        return f"{path} cannot be written ({error.strerror}). API key: {key}"
    return f"the API key is in {path}"


def update(
    cli: Cli,
    user: User,
    name: Annotated[str | None, typer.Option(help="New name.")] = None,
    email: Annotated[str | None, typer.Option(help="New e-mail address.")] = None,
    role: Annotated[str | None, typer.Option(help="New role: admin, user or pending.")] = None,
    profile_image_url: Annotated[str | None, typer.Option(help="New picture.")] = None,
) -> int:
    """Change some fields of an account, and leave the others unchanged."""
    from openwebui_users.admin import Result, update_user

    given = {
        "name": name,
        "email": email,
        "role": role,
        "profile_image_url": profile_image_url,
    }
    changes = {key: value for key, value in given.items() if value is not None}
    if not changes:
        raise CommandError(
            "nothing to change is given: use --name, --email, --role or --profile-image-url"
        )
    row = update_user(cli.client, user, dry_run=cli.dry_run, audit=cli.audit, **changes)
    return cli.report(Result("update", [row], dry_run=cli.dry_run))


def set_role(
    cli: Cli,
    role: Annotated[str, typer.Argument(help="admin, user or pending.")],
    users: Users,
) -> int:
    """Give users a role."""
    from openwebui_users import admin

    return cli.report(
        admin.set_role(
            cli.client,
            role,
            read_users(users),
            dry_run=cli.dry_run,
            progress=cli.progress,
            audit=cli.audit,
        )
    )


def set_password(
    cli: Cli,
    users: Users,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password of one user from stdin.")
    ] = False,
    passwords_out: PasswordsOut = None,
    keep_sessions: Annotated[
        bool, typer.Option("--keep-sessions", help="Do not end the sessions that are open.")
    ] = False,
) -> int:
    """Give users new passwords, and end their sessions."""
    from openwebui_users.admin import reset_passwords

    given: Any = read_users(users)
    if password_stdin:
        if len(given) != 1 or "-" in users:
            raise CommandError("--password-stdin is for one user, given as an argument")
        given = {given[0]: read_input("Password")}
    elif passwords_out is None:
        raise CommandError("give --password-stdin, or --passwords-out FILE for ones that are made")
    result = reset_passwords(
        cli.client,
        given,
        passwords_out=passwords_out,
        revoke_sessions=not keep_sessions,
        dry_run=cli.dry_run,
        progress=cli.progress,
        audit=cli.audit,
    )
    return cli.report(result)


_READING = (CONNECTION, SHOWING)
_WRITING = (CONNECTION, SHOWING, WRITING, AUDIT)
_PANEL = {"rich_help_panel": "Users"}
COMMANDS = {
    "list": alone("list", list_users, *_READING, **_PANEL),
    "get": alone("get", get, *_READING, **_PANEL),
    "find": alone("find", find, *_READING, **_PANEL),
    "search": alone("search", search, *_READING, **_PANEL),
    "inactive": alone("inactive", inactive, *_READING, **_PANEL),
    "create": alone("create", create, *_WRITING, **_PANEL),
    "update": alone("update", update, *_WRITING, **_PANEL),
    "set-role": alone("set-role", set_role, *_WRITING, **_PANEL),
    "set-password": alone("set-password", set_password, *_WRITING, **_PANEL),
}
