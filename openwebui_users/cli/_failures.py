"""How commands end: exit codes, and one line for each failure."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import Any

OK, API, USAGE, AUTH, NOT_FOUND, CONNECTION, RATE_LIMITED, PARTLY = range(8)
INTERRUPTED = 130  # 128 + SIGINT
PIPE_CLOSED = 141  # 128 + SIGPIPE

#: The meaning of each exit code, as docs and help show it.
EXIT_CODES = {
    OK: "done",
    API: "the server refused, or something else went wrong",
    USAGE: "the command line or its input is invalid; nothing was changed",
    AUTH: "there is no key, or the key is wrong or lacks the permission",
    NOT_FOUND: "the user, group or other thing does not exist",
    CONNECTION: "the server could not be reached, or did not answer in time",
    RATE_LIMITED: "too many requests; try again later",
    PARTLY: "done in part; the output says what is missing",
    INTERRUPTED: "stopped with Ctrl-C; the output says what was done",
    PIPE_CLOSED: "the program that read the output stopped reading",
}


class CommandError(Exception):
    """A command itself refuses something.

    Attributes:
        exit_code: exit code of the process.
    """

    def __init__(self, message: str, exit_code: int = USAGE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


# ---------------------------------------------------------------- words

#: Arguments of verbs whose option is not just their name with hyphens.
_OPTIONS = {"ignore_columns": "--ignore-column", "include_secrets": "--secrets"}
_NAMES = "|".join(
    (
        "passwords_out",
        "max_deletions",
        "default_role",
        "on_invalid",
        "on_existing",
        "create_groups",
        "update_passwords",
        "ignore_columns",
        "include_secrets",
    )
)
# What messages of the package say for Python code, and what the command line says instead.
_SAID = [
    (
        r"give api_key=\.\.\. or set (\w+), or sign in with auths\.signin\(\)",
        r"run login, or set \1",
    ),
    (r"(Sign in again) with auths\.signin\(\)", r"\1 with login"),
    (r"call auths\.signin\(\) first", "run login with an e-mail address and a password"),
    (r"with update_user_by_id\(\)", "with set-password"),
    (r"update_user\(\) with profile_image_url", "update --profile-image-url"),
    (r"give ca_file for", "give --ca-file for"),
    (r"verify=False: ", "--no-verify: "),
    (r"; search_users\(\) finds ids", "; search finds ids"),
    (r"who has it: search_users\(query=email\)", "who has it (search finds them)"),
    (r"give confirm= with the `confirmation` of a dry run, or yes=True", "give --yes"),
    (r", and set_role\(\) afterwards", ", and use set-role afterwards"),
    (r"format= \(", "--format ("),
    (r"ignore_columns=\[(.*?)\]", r"--ignore-column \1"),
    (r"\b(passwords_out|lock|backup|journal)=(?!\w)", r"--\1 FILE"),
    (r"\b(include_secrets|create_groups|update_passwords|ignore_columns)=True", r"--\1"),
    (r"\b(max_deletions)=(\d+)", r"--\1 \2"),
    (rf"(?<![-\w])({_NAMES})\b", r"--\1"),
]


# Other people's text is not changed: addresses, and text in quotes, complete or cut by an ellipsis.
_OTHERS = re.compile(
    r"""((?<!\w)'(?:[^'\\]|\\.){0,500}'(?!\w)|(?<!\w)"(?:[^"\\]|\\.){0,500}"(?!\w)"""
    r"""|(?<!\w)['"][^\n]{0,80}?…|(?<!\S)\S+@\S+|\x00)"""
)


def in_options(text: str) -> str:
    """A message of a verb, with options in place of the arguments that it names."""
    kept = iter(_OTHERS.findall(text))
    return re.sub("\0", lambda _: next(kept), _in_options(_OTHERS.sub("\0", text)))


def _in_options(text: str) -> str:
    for pattern, instead in _SAID:
        text = re.sub(pattern, instead, text)

    def option(found: re.Match[str]) -> str:
        return _OPTIONS.get(found[1], f"--{found[1].replace('_', '-')}")

    return re.sub(r"--(\w+_\w+)", option, text)


# ---------------------------------------------------------------- errors


def exit_code_of(error: BaseException) -> int:
    """The exit code for an exception."""
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
        ((ValueError, FileNotFoundError, FileExistsError, PermissionError), USAGE),
        ((IsADirectoryError, NotADirectoryError), USAGE),
    ]
    return next((code for kind, code in kinds if isinstance(error, kind)), API)


def tell(error: BaseException, verbose: int) -> None:
    """Print on stderr what went wrong: one line, and the rest with -v."""
    text = text_of(error)
    if not _is_of_a_file(error):
        text = in_options(text)
    first, *more = text.splitlines() or [""]
    if not _is_expected(error):
        first = f"{type(error).__name__}: {first} (a defect of this program: please report it)"
    if more and not verbose:
        first = f"{first.rstrip(':')}: {more[0].strip()}"
        if len(more) > 1:
            first += f" … ({len(more) - 1} more; -v shows all)"
        more = []
    details = [f"  {line}" for line in _details(error)] if verbose else []
    _say([f"error: {first}", *more, *details])


def _say(lines: list[str]) -> None:
    from openwebui_users._text import printable

    try:
        for line in lines:
            print(printable(line), file=sys.stderr)
    except BrokenPipeError:
        discard(sys.stderr)


def text_of(error: BaseException) -> str:
    """The text of an error. For an error about a file, the file's name comes first."""
    if _is_of_a_file(error):
        assert isinstance(error, OSError)
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    return str(error)


def _is_of_a_file(error: BaseException) -> bool:
    is_plain = type(error).__module__ == "builtins"
    return isinstance(error, OSError) and bool(error.strerror) and is_plain


def _is_expected(error: BaseException) -> bool:
    from openwebui_users.errors import OpenWebUIError

    return isinstance(error, (CommandError, OpenWebUIError, OSError, ValueError, ImportError))


def _details(error: BaseException) -> list[str]:
    """More about an error: the kind, the request, and the place of a defect."""
    found = [f"{type(error).__name__}, exit code {exit_code_of(error)}"]
    for name in ("method", "url", "status_code", "detail", "retries_taken"):
        value = getattr(error, name, None)
        if value not in (None, 0):
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
    """Run a function; an exception becomes an exit code and a line on stderr.

    Args:
        work: the function; it returns the exit code.
        verbosity: how often -v was given.
    """
    try:
        code = work()
    except BrokenPipeError:
        code = PIPE_CLOSED
    except KeyboardInterrupt:
        _say(["interrupted"])
        code = INTERRUPTED
    except Exception as error:
        tell(error, verbosity)
        code = exit_code_of(error)
    return _flushed(code, verbosity)


def _flushed(code: int, verbosity: int) -> int:
    """Flush the output; the exit code, which is another one if flushing fails."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        discard(sys.stdout)
        code = PIPE_CLOSED
    except OSError as error:  # a full disk
        discard(sys.stdout)
        if code == OK:
            code = API
            tell(OSError(error.errno, error.strerror, "standard output"), verbosity)
    try:
        sys.stderr.flush()
    except OSError:
        discard(sys.stderr)
    return code


def discard(stream: Any) -> None:
    """Let the interpreter's own flush at its end write nowhere, without a message."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # of a test, not of the process
        return
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, descriptor)
    os.close(devnull)
