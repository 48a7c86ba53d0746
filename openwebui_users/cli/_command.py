"""What all commands share: options of the connection and the output, and the class Cli."""

from __future__ import annotations

import inspect
import select
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._connection import ConnectionOptions, connect
from ._failures import (
    API,
    INTERRUPTED,
    NOT_FOUND,
    OK,
    PARTLY,
    PIPE_CLOSED,
    CommandError,
    in_options,
)
from ._output import FORMATS, Output

if TYPE_CHECKING:
    from openwebui_users import UsersClient
    from openwebui_users.admin import Progress, Result

    from ._progress import Bar

    Parameters = dict[str, tuple[Any, Any]]

ROWS = ("row", "email", "id", "status", "error")  # of a verb's result, as a table shows them
_CONNECTION = "Connection"
_OUTPUT = "Output"


def _format(value: str | None) -> str | None:
    if value is not None and value not in FORMATS:
        raise typer.BadParameter(f"must be one of {', '.join(FORMATS)}, got {value!r}")
    return value


def _option(help: str, *names: str, panel: str | None = None, **more: Any) -> Any:  # noqa: A002
    return typer.Option(*names, help=help, rich_help_panel=panel, show_default=False, **more)


#: Options of every command that talks to a server, by name: type and declaration.
CONNECTION: Parameters = {
    "url": (str | None, _option("Base URL of the server.", "--url", panel=_CONNECTION)),
    "api_key_file": (
        str | None,
        _option(
            "File with the API key; - for standard input.", "--api-key-file", panel=_CONNECTION
        ),
    ),
    "insecure_api_key": (
        str | None,
        _option(
            "The API key itself. Others on this machine can see it in the list of processes.",
            "--insecure-api-key",
            panel=_CONNECTION,
        ),
    ),
    "profile": (
        str | None,
        _option("Name of a profile in the configuration.", "--profile", panel=_CONNECTION),
    ),
    "timeout": (
        float | None,
        _option("Seconds for one call.", "--timeout", panel=_CONNECTION, min=0.001),
    ),
    "ca_file": (
        str | None,
        _option("PEM file of the certificates to trust.", "--ca-file", panel=_CONNECTION),
    ),
    "no_verify": (
        bool | None,
        _option("Do not check the server's certificate.", "--no-verify", panel=_CONNECTION),
    ),
}
#: Options of every command.
COMMON: Parameters = {
    "verbose": (
        int | None,
        _option("Show more about errors; twice: also all calls.", "--verbose", "-v", count=True),
    ),
}
#: Options of commands that show things.
SHOWING: Parameters = {
    "output": (
        str | None,
        _option(
            f"{', '.join(FORMATS)}. Default: table on a terminal, json elsewhere.",
            "--output",
            panel=_OUTPUT,
            callback=_format,
            autocompletion=lambda: list(FORMATS),
        ),
    ),
    "fields": (
        str | None,
        _option("Fields to show, separated by commas.", "--fields", panel=_OUTPUT),
    ),
    "secrets": (
        bool | None,
        _option("Also show fields that are secrets.", "--secrets", panel=_OUTPUT),
    ),
}
#: Options of commands that change something.
WRITING: Parameters = {
    "dry_run": (
        bool | None,
        _option("Change nothing; show what would be done.", "--dry-run"),
    ),
}
#: Options of commands whose verb keeps an audit trail.
AUDIT: Parameters = {
    "audit": (
        str | None,
        _option("Add a line for each change to this JSONL file.", "--audit", metavar="FILE"),
    ),
}
#: Options of commands that ask before they go on.
ASKING: Parameters = {
    "yes": (bool | None, _option("Do not ask for confirmation.", "--yes", "-y")),
}


class Cli:
    """What one command works with: the client, the output and the shared options.

    Attributes:
        dry_run: whether to change nothing.
        audit: path of the audit trail.
        output: prints the result.
        verbose: how often -v was given.
    """

    def __init__(self, given: dict[str, Any]) -> None:
        self._connection = ConnectionOptions(
            **{name: given[name] for name in CONNECTION if name in given}
        )
        self._yes = bool(given.get("yes"))
        self._open = ExitStack()
        self._bar: Bar | None = None
        self._shows = "output" in given
        self.verbose = int(given.get("verbose") or 0)
        self.dry_run = bool(given.get("dry_run"))
        self.audit = given.get("audit")
        fields = given.get("fields")
        names = [name.strip() for name in fields.split(",") if name.strip()] if fields else None
        self.output = Output(given.get("output"), names, bool(given.get("secrets")))
        if self.verbose > 1:
            self._open.enter_context(_calls_shown())

    def __enter__(self) -> Cli:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def carry_out(self, work: Callable[[], int | None]) -> int:
        """Do the command's work; the exit code. If it is cut off, show what was done so far."""
        try:
            return work() or OK
        except BrokenPipeError:  # Typer has another exit code for it
            return PIPE_CLOSED
        except (KeyboardInterrupt, Exception) as error:
            is_cut = isinstance(error, KeyboardInterrupt)
            if hasattr(error, "result"):  # of Interrupted and PartialFailureError
                code = self.report(error.result)
            elif not is_cut:
                raise
            if not is_cut and error.__cause__ is not None:
                raise CommandError(f"not all was done: {error.__cause__}", PARTLY) from error
            return INTERRUPTED if is_cut else code
        finally:
            self._end_bar()

    # ------------------------------------------------------------ the server

    @cached_property
    def client(self) -> UsersClient:
        """A client for the chosen server, with a key."""
        return self.enter(connect(self._connection))

    def enter(self, client: UsersClient) -> UsersClient:
        """Let a client be closed when the command ends."""
        return self._open.enter_context(client)

    @property
    def connection(self) -> ConnectionOptions:
        """What the command line says about the connection."""
        return self._connection

    def resolve(self, users: Sequence[str]) -> list[Any]:
        """Users by id or e-mail address.

        Raises:
            CommandError: there is no such user.
        """
        from openwebui_users.admin._directory import Directory

        found, problems = Directory(self.client).resolve(users)
        if problems:
            raise CommandError("; ".join(one.message for one in problems), NOT_FOUND)
        return found

    def group(self, reference: str) -> Any:
        """One group by name or id.

        Raises:
            CommandError: there is none, or there are several.
        """
        from openwebui_users.admin._directory import Groups

        groups = Groups(self.client.groups.get_groups())
        problem = groups.problem_with(reference)
        if problem is not None:
            raise (
                CommandError(problem, NOT_FOUND)
                if groups.is_missing(reference)
                else (CommandError(problem))
            )
        return groups.find(reference)

    # ------------------------------------------------------------ the user at the terminal

    @property
    def is_sure(self) -> bool:
        """Whether --yes was given."""
        return self._yes

    def confirm(self, question: str) -> None:
        """Ask, unless --yes was given or nothing will be changed.

        Raises:
            CommandError: the answer is no, or there is nobody to ask.
        """
        if self._yes or self.dry_run:
            return
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise CommandError("nothing was changed: give --yes to go on without being asked")
        if not _is_yes(question):
            raise CommandError("nothing was changed", exit_code=API)

    def progress(self, progress: Progress) -> None:
        """Show the progress of a verb as a bar on a terminal."""
        from ._progress import Bar

        if self._bar is None:
            self._bar = Bar()
        self._bar(progress)

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    # ------------------------------------------------------------ messages

    def done(self, what: str) -> None:
        """Print on stderr what was done, or would be done."""
        self.note(f"would be done: {what}" if self.dry_run else what)

    @staticmethod
    def note(text: str) -> None:
        """Print a text on stderr."""
        from openwebui_users._text import printable

        for line in text.splitlines():
            print(printable(line), file=sys.stderr)

    def report(self, result: Result) -> int:
        """Show a verb's result; the exit code."""
        self._end_bar()
        if not self._shows:  # stdout is for data
            self.note(_in_options(result))
        elif self.output.is_for_people and self.output.fields is None:
            self.output.text(_in_options(result))
        elif self.output.format in ("json", "yaml") and self.output.fields is None:
            self.output.one(result.to_dict())
        else:
            self.output.rows(result.to_dict()["rows"], ROWS, head=ROWS)
        return OK if result.ok else PARTLY


def _in_options(result: Result) -> str:
    """A result's text with options for arguments; its rows, which are about users, unchanged."""
    rows = {f"  {row}" for row in result.rows}
    lines = str(result).split("\n")
    return "\n".join(line if line in rows else in_options(line) for line in lines)


def _is_yes(question: str) -> bool:
    """Ask on the terminal; the end of the input means no."""
    while True:
        print(f"{question} [y/N]: ", end="", file=sys.stderr, flush=True)
        # in slices: otherwise a Ctrl-C just before read() begins would be seen only after read()
        while not select.select([sys.stdin], [], [], 0.1)[0]:
            pass
        line = sys.stdin.readline()
        if not line:
            print(file=sys.stderr)
        answer = line.strip().lower()
        if answer in ("", "n", "no"):
            return False
        if answer in ("y", "yes"):
            return True


@contextmanager
def _calls_shown() -> Iterator[None]:
    """Show the log of all calls on stderr."""
    import logging

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    logger = logging.getLogger("openwebui_users")
    before = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


# ---------------------------------------------------------------- functions that become commands


def alone(
    name: str, function: Callable[..., int | None], *shared: Parameters, **settings: Any
) -> typer.Typer:
    """A command that is in no group; the arguments are those of command()."""
    app = typer.Typer(add_completion=False)
    command(app, name, function, *shared, **settings)
    return app


def command(
    app: typer.Typer,
    name: str,
    function: Callable[..., int | None],
    *shared: Parameters,
    **settings: Any,
) -> None:
    """Make a function a command.

    Args:
        app: the application that gets the command.
        name: name of the command.
        function: gets a Cli first; its other parameters are the command's own. It returns the
            exit code, or None for 0.
        shared: options besides its own: SHOWING, WRITING, ASKING, CONNECTION.
        settings: settings of typer.
    """
    own = list(inspect.signature(function).parameters.values())[1:]
    names = {one.name for one in own}
    options = {key for group in (*shared, COMMON) for key in group}

    def run(ctx: typer.Context, **values: Any) -> None:
        before = {key: value for key, value in ctx.find_root().params.items() if value}
        for key in before.keys() - options - names:
            option = f"--{key.replace('_', '-')}"
            raise CommandError(f"{option} is no option of {ctx.command_path}")
        given = {
            key: before.get(key, value) if value in (None, False) else value
            for key, value in values.items()
        }
        for one in (*ctx.find_root().command.params, *ctx.command.params):
            value = given.get(one.name or "")
            if value is not None and not _is_path(one):
                hint = str(one.get_error_hint(ctx)).strip("'")
                check_utf8(value, hint.upper() if one.param_type_name == "argument" else hint)
        with Cli({key: given[key] for key in options}) as cli:
            code = cli.carry_out(lambda: function(cli, **{key: given[key] for key in names}))
        raise typer.Exit(code)

    run.__doc__ = function.__doc__
    run.__name__ = function.__name__
    context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    share(run, *shared, COMMON, own=[context, *own])
    app.command(name, **settings)(run)


def _is_path(parameter: Any) -> bool:
    """Whether a parameter of the command line names a file, which may have any bytes."""
    return parameter.metavar == "FILE" or parameter.name in ("api_key_file", "ca_file")


def check_utf8(value: Any, what: str) -> None:
    """Refuse a text, alone or in a list, that cannot be sent to a server.

    Raises:
        CommandError: the text is not in UTF-8. It is not shown, because it may be a secret.
    """
    try:
        for one in value if isinstance(value, (list, tuple)) else [value]:
            str(one).encode()
    except UnicodeEncodeError:
        raise CommandError(f"{what} holds bytes that are no text in UTF-8") from None


def group(name: str, text: str, **settings: Any) -> typer.Typer:
    """A group of commands.

    Args:
        name: name of the group.
        text: text of its help.
        settings: settings of typer.
    """
    return typer.Typer(
        name=name,
        help=text,
        add_completion=False,
        no_args_is_help=True,
        callback=lambda: None,  # makes it a group even if it has only one command
        context_settings={"help_option_names": ["-h", "--help"]},
        **settings,
    )


def share(
    function: Callable[..., Any], *groups: Parameters, own: Sequence[inspect.Parameter] = ()
) -> None:
    """Give these parameters as signature to a function that takes any keywords."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    added = [
        inspect.Parameter(key, keyword, default=None, annotation=Annotated[kind, one])
        for group in groups
        for key, (kind, one) in group.items()
    ]
    parameters = [*(one.replace(kind=keyword) for one in own), *added]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
