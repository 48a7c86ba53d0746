"""Commands about desired state: plan, apply, drift, snapshot."""

import io
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ._command import ASKING, AUDIT, CONNECTION, SHOWING, WRITING, Cli, alone
from ._failures import API, OK, CommandError, tell
from ._output import escaped, escaped_controls, to_json, write_utf8, yaml_text
from ._transfer import Concurrency
from ._users import PasswordsOut

CHANGES = 2  # exit code of --detailed-exitcode

State = Annotated[
    str,
    typer.Argument(metavar="FILE", help="Desired state in YAML, JSON or TOML; - for stdin."),
]
Format = Annotated[
    str | None,
    typer.Option(help="yaml, json or toml. Default: by the suffix; for stdin yaml or json."),
]
Detailed = Annotated[
    bool,
    typer.Option(
        "--detailed-exitcode", help="Exit code 0: nothing to do; 2: changes; 1: any error."
    ),
]
_COLUMNS = ("kind", "target")


def _read(path: str, format: str | None) -> tuple[Any, str | None]:  # noqa: A002
    """The file as an argument of plan(), and its format."""
    if path != "-":
        return path, format
    data = sys.stdin.buffer.read()
    if format is None:
        format = "json" if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" else "yaml"  # noqa: A001
    return io.BytesIO(data), format


def _saved_plan(given: Any, format: str | None) -> Any:  # noqa: A002
    """The plan in a file; None: the file holds a desired state."""
    from openwebui_users.admin import Plan

    if format not in (None, "json") or (isinstance(given, str) and not given.endswith(".json")):
        return None
    data = Path(given).read_bytes() if isinstance(given, str) else given.getvalue()
    try:
        found = json.loads(data)
    except ValueError:  # apply() says what is wrong with it
        return None
    is_plan = isinstance(found, dict) and found.keys() >= {"kind", "steps"}
    return Plan.from_json(data) if is_plan else None


# ---------------------------------------------------------------- looking


def _compare(cli: Cli, verb: Any, file: str, format: str | None, is_detailed: bool) -> int:  # noqa: A002
    """Show what plan() or drift() finds; the exit code."""
    try:
        given, format = _read(file, format)  # noqa: A001
        found = verb(cli.client, given, format=format)
        items = found.steps if hasattr(found, "steps") else found.differences
        if cli.output.fields is not None or cli.output.format in ("jsonl", "csv", "id"):
            rows = [vars(one) for one in items]
            cli.output.rows(rows, _COLUMNS, head=(*_COLUMNS, "id", "before", "after"))
        elif cli.output.is_for_people:
            print(found.render())
        elif cli.output.format == "json":
            print(escaped(found.to_json()), end="")
        else:
            cli.output.one(json.loads(found.to_json()))
    except BrokenPipeError:
        raise
    except Exception as error:
        if not is_detailed:
            raise
        tell(error, cli.verbose)
        return API  # because 2 has another meaning here
    return CHANGES if is_detailed and not found.is_empty else OK


def plan(
    cli: Cli,
    file: State,
    format: Format = None,  # noqa: A002
    detailed_exitcode: Detailed = False,
) -> int:
    """Show the steps that bring the server to the desired state. Changes nothing.

    You can save a plan as JSON (--output json, or > plan.json), let others review it, and give it
    to apply.
    """
    from openwebui_users import admin

    return _compare(cli, admin.plan, file, format, detailed_exitcode)


def drift(
    cli: Cli,
    file: State,
    format: Format = None,  # noqa: A002
    detailed_exitcode: Detailed = False,
) -> int:
    """Show how the server differs from a desired state, even where plan refuses to change it."""
    from openwebui_users import admin

    return _compare(cli, admin.drift, file, format, detailed_exitcode)


# ---------------------------------------------------------------- doing


def apply(
    cli: Cli,
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="Desired state, or a plan in JSON; - for stdin."),
    ],
    format: Format = None,  # noqa: A002
    max_deletions: Annotated[
        int, typer.Option(min=0, help="Maximum number of users and groups that may be deleted.")
    ] = 0,
    passwords_out: PasswordsOut = None,
    lock: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Lock file that prevents a second apply. Default: one for each server.",
        ),
    ] = None,
    concurrency: Concurrency = 8,
) -> int:
    """Bring the server to the desired state: show the plan, ask, and carry the plan out.

    Only the plan that was shown is carried out. If the server has changed meanwhile, nothing is
    done.
    """
    from openwebui_users import admin

    given, format = _read(file, format)  # noqa: A001
    saved = _saved_plan(given, format)
    if saved is not None:
        given = saved
    if not cli.is_sure and not cli.dry_run:
        todo = saved or admin.plan(cli.client, given, format=format)
        cli.note(str(todo))
        if not todo.is_empty and len(todo.deletions) <= max_deletions:  # else it is refused
            cli.confirm(f"Carry this out on {cli.client.base_url}?")
        given = todo
    result = admin.apply(
        cli.client,
        given,
        format=None if isinstance(given, admin.Plan) else format,
        max_deletions=max_deletions,
        passwords_out=passwords_out,
        lock=lock,
        dry_run=cli.dry_run,
        progress=cli.progress,
        concurrency=concurrency,
        audit=cli.audit,
    )
    code = cli.report(result)
    if result.passwords_out is not None:
        cli.note(f"the passwords that were made are in {result.passwords_out}")
    return code


def snapshot(
    cli: Cli,
    output_file: Annotated[
        str,
        typer.Option(
            "--output-file", "-o", metavar="FILE", help="File to write to; - for standard output."
        ),
    ] = "-",
    format: Annotated[  # noqa: A002
        str | None, typer.Option(help="yaml, json or toml. Default: by the suffix, or yaml.")
    ] = None,
    personal: Annotated[
        bool,
        typer.Option(
            "--personal",
            help="Include profiles and settings of users; settings may hold secrets.",
        ),
    ] = False,
) -> None:
    """Write the state of the server to a file that plan and apply can read."""
    from openwebui_users import admin

    if output_file != "-":
        admin.snapshot(cli.client, output_file, format=format, personal=personal)
        cli.note(f"the state of {cli.client.base_url} is in {output_file}")
        return
    format = format or "yaml"  # noqa: A001
    if format not in ("yaml", "json", "toml"):
        raise CommandError(f"--format must be yaml, json or toml, got {format!r}")
    state = admin.snapshot(cli.client, personal=personal)
    if not sys.stdout.isatty():
        write_utf8()
    if format == "yaml":
        print(yaml_text(state), end="")
    elif format == "json":
        print(to_json(state, indent=2))
    else:
        from openwebui_users.admin._formats import write

        print(escaped_controls(write(state, format)), end="")


_LOOKING = (CONNECTION, SHOWING)
_PANEL = {"rich_help_panel": "Desired state"}
COMMANDS = {
    "plan": alone("plan", plan, *_LOOKING, **_PANEL),
    "apply": alone("apply", apply, *_LOOKING, WRITING, AUDIT, ASKING, **_PANEL),
    "drift": alone("drift", drift, *_LOOKING, **_PANEL),
    "snapshot": alone("snapshot", snapshot, CONNECTION, **_PANEL),
}
