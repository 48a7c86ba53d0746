"""The commands put together, and how the process ends."""

from __future__ import annotations

import io
import os
import re
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from ._command import COMMON, CONNECTION, SHOWING, share
from ._failures import EXIT_CODES, INTERRUPTED, OK, USAGE, CommandError, guarded

NAME = "openwebui-users"
COMPLETE_VARIABLE = "_OPENWEBUI_USERS_COMPLETE"
_EPILOG = "Exit codes: " + "; ".join(f"{code}: {text}" for code, text in EXIT_CODES.items()) + "."

#: The module of each command, in the order of the help.
MODULES = {
    "login": "_account",
    "whoami": "_account",
    "ping": "_account",
    "list": "_users",
    "get": "_users",
    "find": "_users",
    "search": "_users",
    "inactive": "_users",
    "create": "_users",
    "update": "_users",
    "set-role": "_users",
    "set-password": "_users",
    "deactivate": "_leaving",
    "reactivate": "_leaving",
    "expire": "_leaving",
    "delete": "_leaving",
    "sessions": "_leaving",
    "import": "_transfer",
    "export": "_transfer",
    "plan": "_desired",
    "apply": "_desired",
    "drift": "_desired",
    "snapshot": "_desired",
    "groups": "_groups",
    "permissions": "_permissions",
    "profile": "_profile_image",
    "settings": "_self",
    "status": "_self",
    "usage": "_self",
    "serve": "_serve",
    "completion": "_completion",
}


class _Commands(TyperGroup):
    """Make a command only when it is used: making all takes longer than most of them run."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in MODULES:
            return None
        if cmd_name not in self.commands:
            from importlib import import_module

            module = import_module(f"{__package__}.{MODULES[cmd_name]}")
            made = typer.main.get_command(module.COMMANDS[cmd_name])
            made.name = cmd_name
            self.commands[cmd_name] = made
        return self.commands[cmd_name]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in MODULES and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], MODULES, n=1)
            hint = f": did you mean {near[0]}?" if near else f"; see {NAME} --help"
            raise CommandError(f"there is no command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name=NAME,
    cls=_Commands,
    help="Administer the users of an Open WebUI server.",
    epilog=_EPILOG,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool | None) -> None:
    if wanted:
        from openwebui_users import __version__

        print(f"{NAME} {__version__}")
        raise typer.Exit


@app.callback()
def root(**values: Any) -> None:
    """Administer the users of an Open WebUI server.

    USER is an id or an e-mail address. GROUP is a name or an id. Options of the connection and of
    the output may come before or after the command. The server and the key come from options,
    otherwise from OPENWEBUI_URL and OPENWEBUI_API_KEY, otherwise from a profile (see login).
    """


VERSION = {
    "version": (
        bool | None,
        typer.Option(
            "--version",
            help="Show the version of this program.",
            callback=_version,
            is_eager=True,
            show_default=False,
        ),
    )
}
share(root, CONNECTION, SHOWING, COMMON, VERSION)


def run(arguments: list[str]) -> int:
    """Run one command.

    Args:
        arguments: of the command line, without the program's name.

    Returns:
        The exit code of the process, one of EXIT_CODES.
    """
    _open_streams()
    return guarded(lambda: _run(arguments), _verbosity(arguments))


def _open_streams() -> None:
    """Open those of the three standard streams that are closed, and let them take any text."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:  # closed; otherwise the next file would get its number
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115
    # a character that is not in the locale's encoding is shown as an escape, not refused
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _verbosity(arguments: list[str]) -> int:
    """How often -v was given, even if the rest cannot be understood."""
    short = [one for one in arguments if re.fullmatch(r"-v+", one)]
    return sum(len(one) - 1 for one in short) + arguments.count("--verbose")


def _run(arguments: list[str]) -> int:
    if COMPLETE_VARIABLE in os.environ:
        from typer import completion

        completion.completion_init()  # type: ignore[attr-defined, unused-ignore]
    streams = sys.stdout, sys.stderr
    try:
        code = app(arguments, prog_name=NAME, standalone_mode=False)
    except SystemExit as error:
        if not isinstance(error.__context__, OSError):
            raise
        # Typer and rich do this when a pipe is closed, and put in their own streams
        sys.stdout, sys.stderr = streams
        raise BrokenPipeError from None
    except typer.Abort:  # Ctrl-C or the end of the input at a question
        raise KeyboardInterrupt from None
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        # an error of Typer: the command line is invalid
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.format_message())
            return USAGE
        context = getattr(error, "ctx", None)
        hint = f" (see {context.command_path} --help)" if context is not None else ""
        raise CommandError(f"{error.format_message()}{hint}") from None
    if code == INTERRUPTED:  # Typer returns this for Ctrl-C
        raise KeyboardInterrupt
    return code if isinstance(code, int) else OK
