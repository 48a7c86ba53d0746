"""Rows of a table as the people that an import is to make accounts for, checked one by one."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ._checks import check_field
from ._errors import Problem, refuse
from ._personal import PERSONAL_FIELDS, check_personal, check_personal_role
from ._results import RowResult
from ._rows import column_name, read_rows

if TYPE_CHECKING:
    from openwebui_users.models import GroupModel

ACCOUNT_FIELDS = ("name", "email", "password", "role", "profile_image_url")
COLUMNS = (*ACCOUNT_FIELDS, "groups", *PERSONAL_FIELDS)
_OTHER_NAMES = {
    "e_mail": "email",
    "e_mail_address": "email",
    "email_address": "email",
    "mail": "email",
    "full_name": "name",
    "display_name": "name",
    "group": "groups",
    "time_zone": "timezone",
}
_SEPARATORS = (";", "|", "\n", ",")  # of groups in one cell; the first that is in it


@dataclass
class Person:
    """One row that is to become an account, checked."""

    result: RowResult
    account: dict[str, Any]
    personal: dict[str, Any]
    group_names: list[str]
    has_role: bool
    groups: list[GroupModel] = field(default_factory=list)
    existing: Any = None

    @property
    def email(self) -> str:
        return str(self.account["email"])


def _known_name(name: str) -> str:
    return _OTHER_NAMES.get(name, name)


def _group_names(value: object) -> list[str]:
    """Names in one cell or list."""
    if isinstance(value, str) and value.startswith("["):  # names with separators in them
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if isinstance(value, str):
        separator = next((one for one in _SEPARATORS if one in value), None)
        parts = [value] if separator is None else value.split(separator)
        return list(dict.fromkeys(part.strip() for part in parts if part.strip()))
    if isinstance(value, Iterable) and not isinstance(value, Mapping):
        return list(dict.fromkeys(str(part) for part in value))
    raise TypeError(type(value).__name__)


def _personal_value(name: str, value: object) -> object:
    """A cell as the server takes it: JSON and days are texts in some tables, times in others."""
    if name in ("settings", "variables") and isinstance(value, str):
        with contextlib.suppress(ValueError):
            return json.loads(value)
    if isinstance(value, datetime) and value.time() == datetime.min.time():
        return value.date()
    return value


class PeopleReader:
    """Reads rows and says what is wrong with them."""

    def __init__(self, default_role: str, password_limit: int | None, may_lack: bool) -> None:
        self._default_role = default_role
        self._limit = password_limit
        self._may_lack_password = may_lack
        self.people: list[Person] = []
        self.rows: list[RowResult] = []
        self.problems: list[Problem] = []
        self._first: dict[str, int] = {}

    def note(self, row: RowResult, message: str, column: str | None) -> None:
        """Something is wrong with this row."""
        self.problems.append(Problem(message, row.row, column, row.email))
        text = message if column is None else f"{column} {message}"
        row.status = "invalid"
        row.error = text if row.error is None else f"{row.error}; {text}"

    def check_password(self, row: RowResult, account: Mapping[str, Any]) -> None:
        """Note that a row whose account is to be made, with a password of its own, has none."""
        if "password" not in account:
            text = "is missing; give passwords_out= to have passwords made for rows without"
            self.note(row, text, "password")

    def take_unreadable(self, problem: Problem) -> None:
        row = RowResult(row=problem.row)
        self.rows.append(row)
        self.note(row, problem.message, problem.column)

    def take(self, number: int, cells: Mapping[str, Any]) -> None:
        email = cells.get("email")
        row = RowResult(row=number, email=email if isinstance(email, str) else None)
        self.rows.append(row)
        account: dict[str, Any] = {}
        personal: dict[str, Any] = {}
        groups: list[str] = []
        for name, value in cells.items():
            if name in PERSONAL_FIELDS:
                personal[name] = _personal_value(name, value)
                problem = check_personal(name, personal[name])
            elif name == "groups":
                try:
                    groups, problem = _group_names(value), None
                except TypeError as error:
                    problem = f"must be a list of names, got {error}"
            else:
                account[name] = self._tidied(name, value)
                problem = check_field(name, account[name], self._limit)
            if problem is not None:
                self.note(row, problem, name)
        for name in ("email", "name"):
            if name not in account:
                self.note(row, "is missing", name)
        if not self._may_lack_password:
            self.check_password(row, account)
        if row.status != "invalid":
            self._take_valid(row, account, personal, groups)

    @staticmethod
    def _tidied(name: str, value: object) -> object:
        if not isinstance(value, str) or name == "password":
            return value
        value = value.strip()
        return value.lower() if name in ("email", "role") else value  # as servers have them

    def _take_valid(
        self, row: RowResult, account: dict[str, Any], personal: dict[str, Any], groups: list[str]
    ) -> None:
        has_role = "role" in account
        account.setdefault("role", self._default_role)
        problem = check_personal_role(personal, account["role"])
        if problem is not None:
            self.note(row, problem, next(iter(personal)))
            return
        email = row.email = account["email"]
        if email in self._first:
            self.note(row, f"is in row {self._first[email]} already", "email")
            return
        self._first[email] = row.row or 0
        self.people.append(Person(row, account, personal, groups, has_role))


def read_people(
    source: Any,
    format: str | None,  # noqa: A002
    ignore_columns: Iterable[str] | bool,
    reader: PeopleReader,
) -> None:
    """Let the reader take all rows; columns that are none are refused whatever else holds."""
    ignored = set() if isinstance(ignore_columns, bool) else set(ignore_columns)
    ignored = {column_name(name) for name in ignored}
    unknown: list[str] = []
    is_table = False
    for number, cells in read_rows(source, format=format, on_problem=reader.take_unreadable):
        known: dict[str, Any] = {}
        for name, value in cells.items():
            column = _known_name(name)
            if column in COLUMNS:
                known[column] = value
            elif name not in ignored and ignore_columns is not True and name not in unknown:
                unknown.append(name)
        is_table = is_table or bool(known)
        reader.take(number, known)
    if reader.rows and not is_table:  # the first row is somebody's: it may hold a password
        text = "the first row must have the names of the columns, such as Name,Email,Password,Role"
        refuse([Problem(text)])
    refuse(
        [
            Problem(
                f"there is no such column; known are {', '.join(COLUMNS)}. Give "
                f"ignore_columns=[{name!r}] to leave it out",
                column=name,
            )
            for name in unknown
        ]
    )
