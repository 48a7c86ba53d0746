"""The exceptions that the administration verbs raise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openwebui_users import errors
from openwebui_users._text import printable
from openwebui_users.errors import OpenWebUIError

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN = 20  # problems in the text of one exception
_LONGEST = 100  # characters of an address in it


@dataclass(frozen=True)
class Problem:
    """One problem in the input.

    Attributes:
        message: what was expected, and what was given.
        row: number of the row, counted as a spreadsheet or an editor shows it; None: the problem is
            not in a row.
        column: name of the column or field; None: the problem is not in one.
        email: the e-mail address in that row, if there is one.
        is_missing: the problem is that something named here is not on the server; it would be valid
            there.
    """

    message: str
    row: int | None = None
    column: str | None = None
    email: str | None = None
    is_missing: bool = False

    def __str__(self) -> str:
        place = [] if self.row is None else [f"row {self.row}"]
        if self.email:
            email = printable(self.email[:_LONGEST])
            place.append(email if self.row is None else f"({email})")
        if self.column:
            column = printable(self.column)
            place.append(column if self.row is None else f"column {column}")
        return f"{' '.join(place)}: {self.message}" if place else self.message


class AdminError(OpenWebUIError):
    """Base class of the exceptions that the administration verbs raise themselves."""


class MissingLibraryError(AdminError, errors.MissingLibraryError):
    """A format needs a library that is not installed; the text has the pip command."""


class InvalidInputError(AdminError, ValueError):
    """The input is wrong. Nothing was sent that changes anything.

    Attributes:
        problems (list[Problem]): all problems.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__(f"nothing was changed: {shown_problems(self.problems)}")


class RefusedError(AdminError):
    """A guard refused this. Nothing was changed."""


class ServerChangedError(RefusedError):
    """The server has changed since the plan was made."""


class LockedError(AdminError):
    """Another run holds the lock or the file."""


class UnknownOutcomeError(AdminError):
    """It is not known whether a change was made: its answer and the later look-up failed."""


class PartialFailureError(AdminError):
    """A part was done, and a part failed.

    Attributes:
        result: what was done; of the class that the verb returns.
    """

    def __init__(self, result: Any) -> None:
        self.result = result
        super().__init__(str(result))


class Interrupted(KeyboardInterrupt):
    """Ctrl-C stopped a verb.

    The verb waited for calls that were under way, unless Ctrl-C came twice.

    Attributes:
        result: what was done before; of the class that the verb returns.
    """

    def __init__(self, result: Any) -> None:
        self.result = result
        super().__init__(result)

    def __str__(self) -> str:
        return str(self.result)


def shown_problems(problems: list[Problem]) -> str:
    """One on the same line, several on lines of their own."""
    if len(problems) == 1:
        return str(problems[0])
    lines = [str(problem) for problem in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        lines.append(f"… and {len(problems) - _SHOWN} more")
    return "\n  ".join([f"{len(problems)} problems", *lines])


def refuse(problems: list[Problem]) -> None:
    """Raise InvalidInputError if there are any."""
    if problems:
        raise InvalidInputError(problems)
