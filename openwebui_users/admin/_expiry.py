"""expire_users: accounts whose time is over, for a job that runs every night."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timezone
from typing import TYPE_CHECKING, Any

from ._checks import check_email, shown
from ._directory import Directory
from ._errors import Problem, refuse
from ._offboarding import deactivate_rows
from ._results import Result, RowResult
from ._rows import column_name, read_rows
from ._work import CONCURRENCY, Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from openwebui_users._core import UsersClient

    from ._audit import Audit
    from ._work import Progress

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(rf"{_DAY.pattern}[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?")


# ---------------------------------------------------------------- dates


def parsed_expiry(value: object) -> date | datetime | None:
    """The day, or the moment in UTC, that a cell names; None: it names none.

    Moments without a time zone are in UTC. Midnight without one is a day: it is what data frames
    and spreadsheets make of a date.
    """
    if isinstance(value, str):
        value = _parsed_text(value.strip())
    if value != value:  # what data frames have where there is no date
        return None
    if not isinstance(value, datetime):
        return value if isinstance(value, date) else None
    if value.tzinfo is None:
        if value.time() == time():
            return value.date()
        value = value.replace(tzinfo=timezone.utc)
    try:
        return value.astimezone(timezone.utc)
    except OverflowError:  # at either end of time, where a day more or less does not matter
        return value.replace(tzinfo=timezone.utc)


def _parsed_text(text: str) -> date | datetime | None:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
        if _MOMENT.fullmatch(text):
            text = text.replace("Z", "+00:00")
            # Older Pythons read three or six digits of a second's fraction, and no others.
            whole, _, zone = re.sub(r"\.\d+", ".", text).partition(".")
            return datetime.fromisoformat(whole + zone)
    except ValueError:  # such as February 30th
        pass
    return None


def is_over(expiry: date | datetime, on: date | datetime) -> bool:
    """Whether a day that was the last, or a moment, has passed.

    Args:
        expiry: as of parsed_expiry().
        on: a moment in UTC, or a day, which counts from its beginning.
    """
    if isinstance(expiry, datetime):
        moment = on if isinstance(on, datetime) else datetime.combine(on, time(), timezone.utc)
        return expiry <= moment
    return expiry < (on.date() if isinstance(on, datetime) else on)


# ---------------------------------------------------------------- rows


class _Reader:
    """Reads addresses and dates, and says what is wrong with them.

    Args:
        column, email_column: names of the columns.
    """

    def __init__(self, column: str, email_column: str) -> None:
        self._column = column_name(column)
        self._email_column = column_name(email_column)
        self.problems: list[Problem] = []
        self.dates: list[tuple[RowResult, date | datetime]] = []
        self._first: dict[str, str] = {}  # where each address was met

    def read(self, source: Any, format: str | None) -> None:  # noqa: A002
        """Take all rows."""
        if isinstance(source, Mapping):
            for email, value in source.items():
                self._take(None, email, value)
            return
        rows = list(read_rows(source, format=format, on_problem=self.problems.append))
        for number, cells in rows:
            self._take(number, cells.get(self._email_column), cells.get(self._column))
        if rows and not any(self._column in cells for _, cells in rows):
            text = "no row has a value in this column: has it another name?"
            self.problems.append(Problem(text, column=self._column))

    def _take(self, number: int | None, address: object, value: object) -> None:
        email = address.strip().lower() if isinstance(address, str) else None
        problem = "is missing" if address is None else check_email(email or address)
        if problem is None and email is not None and email in self._first:
            problem = f"is {self._first[email]} already"
        if problem is not None or email is None:
            self.problems.append(Problem(problem or "", number, self._email_column, email))
            return
        self._first[email] = "there" if number is None else f"in row {number}"
        if value is None or (isinstance(value, str) and not value.strip()):
            return
        expiry = parsed_expiry(value)
        if expiry is None:
            text = (
                "must be a date such as 2025-12-31, or a time such as 2025-12-31T18:00:00Z, got "
                f"{shown(value)}"
            )
            self.problems.append(Problem(text, number, self._column, email))
        else:
            self.dates.append((RowResult(row=number, email=email), expiry))


def expire_users(
    client: UsersClient,
    source: Any,
    *,
    column: str = "expires",
    email_column: str = "email",
    on: date | datetime | None = None,
    format: str | None = None,  # noqa: A002
    remove_from_groups: bool = False,
    dry_run: bool = False,
    progress: bool | Callable[[Progress], object] = False,
    concurrency: int = CONCURRENCY,
    audit: Audit | None = None,
) -> Result:
    """Deactivate users whose expiry date has passed; meant for a job that runs every night.

    A date is the last day with access. A date with a time is the moment when access ends. An empty
    cell means never. deactivate_users() describes what deactivation means.

    Args:
        client: of an administrator.
        source: path of a CSV, JSONL or JSON file; an iterable of dicts; a data frame; or a dict
            that maps each e-mail address to its date.
        column: name of the column with dates: ISO texts (2025-12-31, 2025-12-31T18:00:00Z), dates,
            or datetimes. Without a time zone they are in UTC.
        email_column: name of the column with e-mail addresses.
        on: the current day or moment; None: now, by this machine's clock, in UTC. For days of
            another time zone, pass date.today().
        format: csv, jsonl or json; None: by the file's suffix, else by its first character.
        remove_from_groups: also remove them from all their groups.
        dry_run: send nothing that changes anything; say what would be changed.
        progress: True for a bar, or a function that is called with a Progress after each user and
            group.
        concurrency: number of users under way at once.
        audit: where to record changes: path of a JSONL file, or a function.

    Returns:
        Result: one row for each user whose date has passed: "updated"; "unchanged" if the user is
        pending already (nothing is sent); "skipped" if the user is not on the server.

    Raises:
        InvalidInputError: an address or a date in any row is wrong; an address appears twice; or no
            row has a date. Nothing was sent.
        RefusedError: the date of the primary administrator or of your own account has passed;
            nothing was sent.
        Interrupted: Ctrl-C; its result says what was done.
        PartialFailureError: a file or the progress function failed during the run; its result says
            what was done.
        ValueError: format is not one of these.
        OSError: the source cannot be read, or the audit file cannot be opened.
        APIStatusError, APIConnectionError: while reading users and groups; nothing was changed.

    Server routes: as of deactivate_users().
    """
    with Run(
        Result("expire_users"),
        client,
        dry_run=dry_run,
        progress=progress,
        concurrency=concurrency,
        audit=audit,
    ) as run:
        moment = _moment(on)
        reader = _Reader(column, email_column)
        reader.read(source, format)
        refuse(reader.problems)
        rows = run.result.rows
        rows += [row for row, expiry in reader.dates if is_over(expiry, moment)]
        if not rows:
            return run.result
        directory = Directory(client)
        leaving, users = [], []
        for row in rows:
            user = directory.by_email.get(str(row.email))
            if user is None:
                row.status = "skipped"
                row.error = "there is no user with this e-mail address"
                continue
            row.id = user.id
            if user.role == "pending":
                row.status = "unchanged"
            else:
                leaving.append(row)
                users.append(user)
        directory.guard(users, "deactivated")
        deactivate_rows(run, users, leaving, remove_from_groups=remove_from_groups)
    return run.result


def _moment(on: object) -> date | datetime:
    """What day or moment it is."""
    if on is None:
        return datetime.now(timezone.utc)
    if isinstance(on, datetime):
        return on.astimezone(timezone.utc) if on.tzinfo else on.replace(tzinfo=timezone.utc)
    if isinstance(on, date):
        return on
    raise TypeError(f"on must be a date or datetime, not {type(on).__name__}")
