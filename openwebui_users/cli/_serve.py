"""serve: run the embedded server, to try things out."""

from typing import Annotated

import typer

from ._command import Cli, alone
from ._failures import CommandError


def serve(
    _: Cli,
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port; 0 for any free port.")] = (
        8080
    ),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    database: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="SQLite file for the data. Default: in memory."),
    ] = None,
    imitate: Annotated[
        str | None, typer.Option("--server-version", help="Version of Open WebUI to imitate.")
    ] = None,
) -> None:
    """Imitate an Open WebUI server until Ctrl-C, to try things out.

    The command prints the URL and the key to use. It is for tests only, and not safe for anything
    else.
    """
    from openwebui_users.testing.serving import VERSIONS, serve_until_interrupted

    if imitate is not None and imitate not in VERSIONS:
        raise CommandError(f"--server-version must be one of {', '.join(VERSIONS)}")
    serve_until_interrupted(version=imitate, database=database, port=port, host=host)


COMMANDS = {"serve": alone("serve", serve, rich_help_panel="This program")}
