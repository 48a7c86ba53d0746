"""Commands that move many accounts at once: import, export."""

import io
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ._command import ASKING, AUDIT, CONNECTION, SHOWING, WRITING, Cli, alone
from ._failures import CommandError
from ._output import escaped_controls, write_utf8

Concurrency = Annotated[
    int,
    typer.Option(
        min=1,
        help="Number of rows or steps under way at once; servers hash passwords on each processor.",
    ),
]


class _Stdin(io.BytesIO):
    """The data of standard input, which can be read more than once."""

    name = "standard input"


def import_users(
    cli: Cli,
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="CSV, JSONL or JSON; - for standard input.")
    ],
    format: Annotated[  # noqa: A002
        str | None, typer.Option(help="csv, jsonl or json. Default: by the suffix or the content.")
    ] = None,
    on_invalid: Annotated[
        str, typer.Option(help="error: one bad row refuses the table; skip: import the good rows.")
    ] = "error",
    on_existing: Annotated[
        str, typer.Option(help="If an address is already registered: skip, update or error.")
    ] = "skip",
    default_role: Annotated[str, typer.Option(help="Role for rows without a role.")] = "user",
    create_groups: Annotated[
        bool, typer.Option("--create-groups", help="Create groups that do not exist.")
    ] = False,
    update_passwords: Annotated[
        bool,
        typer.Option("--update-passwords", help="With --on-existing update: also set passwords."),
    ] = False,
    ignore_column: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Ignore this column. Repeatable.")
    ] = None,
    ignore_unknown_columns: Annotated[
        bool,
        typer.Option("--ignore-unknown-columns", help="Ignore all columns that are not known."),
    ] = False,
    passwords_out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="CSV file for generated passwords, for rows without a password."
        ),
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Record each step in this file. If the import is cut off, the same command "
            "finishes it.",
        ),
    ] = None,
    concurrency: Concurrency = 8,
) -> int:
    """Create an account for each row of a table.

    The command first checks all rows. Then it shows what would be done, and asks. Required columns:
    name, email. Optional columns: password, role, groups (separated by ;), profile_image_url,
    timezone, bio, gender, date_of_birth, settings, variables.
    """
    from openwebui_users import admin

    given: Any = source
    if source == "-":
        given = _Stdin(sys.stdin.buffer.read())

    def work(dry_run: bool) -> admin.ImportResult:
        if isinstance(given, _Stdin):
            given.seek(0)
        return admin.import_users(
            cli.client,
            given,
            format=format,  # type: ignore[arg-type]
            on_invalid=on_invalid,  # type: ignore[arg-type]
            on_existing=on_existing,  # type: ignore[arg-type]
            default_role=default_role,
            create_groups=create_groups,
            update_passwords=update_passwords,
            ignore_columns=ignore_unknown_columns or ignore_column or (),
            passwords_out=passwords_out,
            journal=journal,
            dry_run=dry_run,
            progress=False if dry_run else cli.progress,
            concurrency=concurrency,
            audit=cli.audit,
        )

    if cli.dry_run:
        return cli.report(work(dry_run=True))
    if not cli.is_sure:
        preview = work(dry_run=True)
        if preview.counts.keys() & {"created", "updated"}:  # else there is nothing to ask about
            cli.note(str(preview))
            cli.confirm(f"Go on with {cli.client.base_url}?")
    result = work(dry_run=False)
    code = cli.report(result)
    if result.passwords_out is not None:
        cli.note(f"the passwords that were made are in {result.passwords_out}")
    return code


class _Screen(io.TextIOBase):
    """stdout for export_users(); on a terminal, control characters are escaped."""

    name = "standard output"

    def write(self, text: str) -> int:
        sys.stdout.write(escaped_controls(text))
        return len(text)


def export_users(
    cli: Cli,
    output_file: Annotated[
        str,
        typer.Option(
            "--output-file", "-o", metavar="FILE", help="File to write to; - for standard output."
        ),
    ] = "-",
    format: Annotated[  # noqa: A002
        str | None,
        typer.Option(help="csv, jsonl, json or parquet. Default: by the suffix, or csv."),
    ] = None,
    fields: Annotated[
        str | None, typer.Option(help="Columns, separated by commas. Default: all.")
    ] = None,
    query: Annotated[str | None, typer.Option(help="Part of a name or an address.")] = None,
    secrets: Annotated[
        bool, typer.Option("--secrets", help="Allow fields that are secrets.")
    ] = False,
    encoding: Annotated[
        str, typer.Option(help="Encoding of CSV and JSON in a file; utf-8-sig for Excel.")
    ] = "utf-8",
) -> int:
    """Write all users to a file, or to standard output.

    An existing file is replaced only when all users are written. Groups are written by name. A cell
    that a spreadsheet would run as a formula is defused; `import` reads its original text.
    """
    from openwebui_users import admin

    try:
        "x".encode(encoding)
    except (LookupError, ValueError):
        raise CommandError(f"--encoding: there is no encoding of texts {encoding!r}") from None
    target: Any = output_file
    if output_file == "-":
        format = format or "csv"  # noqa: A001
        target = _Screen()
        if format == "parquet":
            target = sys.stdout.buffer
            if sys.stdout.isatty():
                raise CommandError("Parquet is not for a terminal: give --output-file FILE")
        else:
            write_utf8()
    names = [one.strip() for one in fields.split(",") if one.strip()] if fields else None
    result = admin.export_users(
        cli.client,
        target,
        format=format,  # type: ignore[arg-type]
        fields=names,
        query=query,
        include_secrets=secrets,
        encoding=encoding,
        dry_run=cli.dry_run,
        progress=cli.progress if output_file != "-" else False,
    )
    return cli.report(result) if cli.dry_run or output_file != "-" else 0


_PANEL = {"rich_help_panel": "Many at once"}
COMMANDS = {
    "import": alone("import", import_users, CONNECTION, SHOWING, WRITING, AUDIT, ASKING, **_PANEL),
    "export": alone("export", export_users, CONNECTION, WRITING, **_PANEL),
}
