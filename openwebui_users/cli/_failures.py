"""How commands end: exit codes, and one line for each failure."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

OK, API, USAGE, AUTH, NOT_FOUND, CONNECTION, RATE_LIMITED, PARTLY = range(8)
INTERRUPTED = 130  # 128 + SIGINT
PIPE_CLOSED = 141  # 128 + SIGPIPE

#: What each exit code means, as docs and help say it.
EXIT_CODES = {
    OK: "done",
    API: "the server refused, or something else went wrong",
    USAGE: "the command line or its input is not right; nothing was changed",
    AUTH: "no key, a wrong one, or one without the right to do this",
    NOT_FOUND: "there is no such user, group or other thing",
    CONNECTION: "the server could not be reached, or did not answer in time",
    RATE_LIMITED: "too many requests; try again later",
    PARTLY: "done in part; the output says what is missing",
    INTERRUPTED: "stopped with Ctrl-C; the output says what was done",
    PIPE_CLOSED: "whoever read the output stopped reading",
}


class CommandError(Exception):
    """What a command itself refuses.

    Attributes:
        exit_code: of the process.
    """

    def __init__(self, message: str, exit_code: int = USAGE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def exit_code_of(error: BaseException) -> int:
    """The exit code for what was raised."""
    from openwebui_users import errors
    from openwebui_users.admin import InvalidInputError, PartialFailureError

    if isinstance(error, CommandError):
        return error.exit_code
    if isinstance(error, InvalidInputError):
        missing = bool(error.problems) and all(one.is_missing for one in error.problems)
        return NOT_FOUND if missing else USAGE
    kinds: list[tuple[Any, int]] = [
        (PartialFailureError, PARTLY),
        ((errors.AuthenticationError, errors.PermissionDeniedError), AUTH),
        (errors.NotFoundError, NOT_FOUND),
        (errors.RateLimitError, RATE_LIMITED),
        (errors.APIConnectionError, CONNECTION),
        ((errors.ValidationError, errors.ConfigurationError, errors.SerializationError), USAGE),
        (errors.OpenWebUIError, API),
        (ValueError, USAGE),
    ]
    return next((code for kind, code in kinds if isinstance(error, kind)), API)


def tell(error: BaseException, verbose: int) -> None:
    """Say on stderr what went wrong: one line, and the rest with -v."""
    from openwebui_users.admin._checks import printable

    first, *more = str(error).splitlines() or [""]
    if not _is_expected(error):
        first = f"{type(error).__name__}: {first} (a defect of this program: please report it)"
    if more and not verbose:
        first = f"{first.rstrip(':')}: {more[0].strip()}"
        if len(more) > 1:
            first += f" … ({len(more) - 1} more; -v shows all)"
        more = []
    print(f"error: {printable(first)}", file=sys.stderr)
    for line in more:
        print(printable(line), file=sys.stderr)
    if verbose:
        for line in _details(error):
            print(f"  {printable(line)}", file=sys.stderr)


def _is_expected(error: BaseException) -> bool:
    from openwebui_users.errors import OpenWebUIError

    return isinstance(error, (CommandError, OpenWebUIError, OSError, ValueError))


def _details(error: BaseException) -> list[str]:
    """What else is known: the kind, the request, and where a defect is."""
    found = [f"{type(error).__name__}, exit code {exit_code_of(error)}"]
    for name in ("method", "url", "status_code", "detail", "retries_taken"):
        value = getattr(error, name, None)
        if value is not None:
            found.append(f"{name}: {value}")
    cause = error.__cause__
    if cause is not None:
        found.append(f"because of {type(cause).__name__}: {cause}")
    trace = error.__traceback__
    if trace is not None and not _is_expected(error):
        while trace.tb_next is not None:
            trace = trace.tb_next
        code = trace.tb_frame.f_code
        found.append(f"in {code.co_filename}:{trace.tb_lineno}, {code.co_name}")
    return found


def guarded(work: Callable[[], int], verbosity: int) -> int:
    """Carry work out; whatever it raises becomes an exit code and a line on stderr.

    Args:
        work: returns the exit code.
        verbosity: how often -v was given.
    """
    try:
        code = work()
        sys.stdout.flush()
    except BrokenPipeError:
        _leave_pipe()
        return PIPE_CLOSED
    except KeyboardInterrupt as error:
        result = getattr(error, "result", None)
        try:
            told = "interrupted" if result is None else f"interrupted: {result}"
            print(told, file=sys.stderr)
        except BrokenPipeError:
            _leave_pipe()
        return INTERRUPTED
    except Exception as error:
        tell(error, verbosity)
        return exit_code_of(error)
    return code


def _leave_pipe() -> None:
    """Let the interpreter's own flush at its end go nowhere, without a word."""
    import os

    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
