"""Commands about permissions: show, diff, set."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ._command import AUDIT, CONNECTION, SHOWING, WRITING, Cli, command, group
from ._failures import CommandError

_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_SIDES = "defaults, preset:NAME, group:GROUP, user:USER or file:PATH"
Side = Annotated[str, typer.Argument(metavar="SET", help=f"{_SIDES}.")]


def flags_of(assignments: list[str]) -> dict[str, bool]:
    """Permissions by dotted name, from NAME=true and NAME=false."""
    found: dict[str, bool] = {}
    for one in assignments:
        name, equals, word = one.partition("=")
        flag = _WORDS.get(word.strip().lower())
        if not equals or not name.strip() or flag is None:
            raise CommandError(f"must be NAME=true or NAME=false, got {one!r}")
        if found.setdefault(name.strip(), flag) is not flag:
            raise CommandError(f"{name.strip()} is given twice, with different values")
    return found


def _read(path: str) -> Any:
    """The permissions in a file, or the default permissions of a desired state in a file."""
    from openwebui_users.admin._formats import format_of, parse

    value = parse(Path(path).read_bytes(), format_of(path, None))
    if not isinstance(value, dict):
        raise CommandError(f"{path} must hold sections with permissions")
    return value.get("default_permissions", value)


def _side(cli: Cli, text: str) -> Any:
    """One side of a comparison."""
    from openwebui_users import admin

    kind, _, name = text.partition(":")
    if text == "defaults":
        return cli.client.get_default_user_permissions()
    if kind == "preset" or (text in admin.PRESETS):
        return admin.preset(cli.client, name or text)
    if kind == "file":
        return _read(name)
    if kind == "group":
        return cli.group(name).permissions
    if kind == "user" or "@" in text:
        return admin.effective_permissions(cli.client, name if kind == "user" else text)
    raise CommandError(f"a set of permissions is {_SIDES}; got {text!r}")


# ---------------------------------------------------------------- commands


def show(
    cli: Cli,
    user: Annotated[
        str | None,
        typer.Argument(metavar="[USER]", help="Id or e-mail address. Default: what everybody has."),
    ] = None,
) -> None:
    """Show the default permissions, or what a user may do and what grants it."""
    from openwebui_users import admin
    from openwebui_users.admin._permissions import dotted, nested

    if user is None:
        raw = cli.client.with_raw_response.get_default_user_permissions()
        flags = dotted(raw.raise_for_status().json())
        whole: Any = nested(flags)
        rows = [{"permission": name, "value": value} for name, value in flags.items()]
    else:
        cli.resolve([user])
        found = admin.effective_permissions(cli.client, user)
        whole = vars(found)
        rows = [
            {"permission": name, "value": value, "granted by": found.sources.get(name, [])}
            for name, value in dotted(found).items()
        ]
        if cli.output.is_for_people:
            for line in (f"{found.email} ({found.role})", *found.notes):
                cli.note(line)
    if cli.output.format in ("json", "yaml") and cli.output.fields is None:
        cli.output.one(whole)
    else:
        cli.output.rows(rows)


def diff(
    cli: Cli,
    before: Side,
    after: Annotated[str | None, typer.Argument(metavar="[SET]", help="The other set.")] = None,
) -> None:
    """Show the differences between two sets of permissions; with one set, from the defaults to it.

    A set is "defaults"; the name of a preset (none, all, chat_only, server_defaults), or
    preset:NAME; group:GROUP, what a group adds; user:USER or an address, what a user may do;
    file:PATH, a YAML, JSON or TOML file.
    """
    from openwebui_users.admin import permissions_diff

    sides = ["defaults", before] if after is None else [before, after]
    found = permissions_diff(*(_side(cli, one) for one in sides))
    _show_changes(cli, found)


def _show_changes(cli: Cli, changes: Any) -> None:
    rows = [
        {"permission": name, "before": before, "after": after}
        for name, (before, after) in changes.items()
    ]
    cli.output.rows(rows, head=("permission", "before", "after"))


def set_permissions(
    cli: Cli,
    assignments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=BOOL]…", help="Such as workspace.models=true."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="Set all permissions: none, all, chat_only or server_defaults."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YAML, JSON or TOML file of permissions.")
    ] = None,
) -> None:
    """Change some default permissions, which everybody has, and leave the others unchanged."""
    from openwebui_users import admin
    from openwebui_users.admin._permissions import dotted

    changes: dict[str, Any] = {}
    if preset is not None:
        changes |= dotted(admin.preset(cli.client, preset))
    if file is not None:
        changes |= dotted(_read(str(file)))
    changes |= flags_of(assignments or [])
    if not changes:
        raise CommandError("nothing to change is given: use NAME=true, --preset or --file")
    found = admin.patch_default_permissions(
        cli.client, changes, dry_run=cli.dry_run, audit=cli.audit
    )
    _show_changes(cli, found)
    if cli.output.is_for_people and found:
        cli.done(f"{len(found)} changed")


_group = group("permissions", "What users may do.", rich_help_panel="Groups and permissions")
command(_group, "show", show, CONNECTION, SHOWING)
command(_group, "diff", diff, CONNECTION, SHOWING)
command(_group, "set", set_permissions, CONNECTION, SHOWING, WRITING, AUDIT)
COMMANDS = {"permissions": _group}
