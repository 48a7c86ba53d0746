"""The commands put together, and how the process ends."""

from __future__ import annotations

import io
import re
import sys
from typing import Any

import typer

from . import _account, _users
from ._command import COMMON, CONNECTION, SHOWING, share
from ._failures import EXIT_CODES, OK, USAGE, CommandError, guarded

_EPILOG = "Exit codes: " + "; ".join(f"{code}: {text}" for code, text in EXIT_CODES.items()) + "."

app = typer.Typer(
    name="openwebui-users",
    help="Administer the users of an Open WebUI server.",
    epilog=_EPILOG,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root(**values: Any) -> None:
    """Administer the users of an Open WebUI server.

    USER is an id or an e-mail address, GROUP a name or an id. Options of the connection and of the
    output may stand before the command or after it. The server and the key come from options, else
    from OPENWEBUI_URL and OPENWEBUI_API_KEY, else from a profile (see login).
    """


share(root, CONNECTION, SHOWING, COMMON)
for module in (_account, _users):
    module.add_to(app)


def run(arguments: list[str]) -> int:
    """Run one command.

    Args:
        arguments: of the command line, without the program's name.

    Returns:
        The exit code of the process, one of EXIT_CODES.
    """
    # what is not UTF-8 in the locale is shown as an escape rather than refused
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return guarded(lambda: _run(arguments), _verbosity(arguments))


def _verbosity(arguments: list[str]) -> int:
    """How often -v stands there, also where the rest cannot be understood."""
    short = [one for one in arguments if re.fullmatch(r"-v+", one)]
    return sum(len(one) - 1 for one in short) + arguments.count("--verbose")


def _run(arguments: list[str]) -> int:
    try:
        code = app(arguments, prog_name="openwebui-users", standalone_mode=False)
    except typer.Abort:  # Ctrl-C or the end of the input at a question
        raise KeyboardInterrupt from None
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        # Typer's own: the command line is not right
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.format_message())
            return USAGE
        context = getattr(error, "ctx", None)
        hint = f" (see {context.command_path} --help)" if context is not None else ""
        raise CommandError(f"{error.format_message()}{hint}") from None
    return code if isinstance(code, int) else OK
