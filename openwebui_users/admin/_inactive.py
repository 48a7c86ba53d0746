"""inactive_users: who has not been there for a while."""

from __future__ import annotations

import math
from datetime import MAXYEAR, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from openwebui_users._core import ModelList
from openwebui_users._html import Displayed
from openwebui_users._text import printable

from ._checks import check_role, shown
from ._directory import Directory
from ._errors import Problem, refuse
from ._work import check_client

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openwebui_users._core import UsersClient

#: Seconds between an account's creation and its last activity that are taken for no activity:
#: import_users() fills in settings with the new account's own token, which counts as activity. It
#: took up to 4 seconds from the creation, on a 0.6.42 with 30 rows.
_AT_ONCE = 10
_EARLIEST_YEAR = 1970  # times of servers are seconds since then
_SHOWN = 50  # users in the text of a selection


class Selection(Displayed, ModelList[Any]):
    """Selected users: a list, which prints as a table.

    Attributes:
        title: what the users have in common.
        notes: remarks for the reader.
    """

    def __init__(self, users: Iterable[Any] = (), title: str = "", notes: Iterable[str] = ()):
        super().__init__(users)
        self.title = title
        self.notes = list(notes)

    def __str__(self) -> str:
        cells = [_HEADER, *(_cells(user) for user in self[:_SHOWN])] if self else []
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in cells
        ]
        if len(self) > _SHOWN:
            lines.append(f"… and {len(self) - _SHOWN} more")
        return "\n".join([f"{self.title}: {len(self) or 'nobody'}", *lines, *self.notes])

    def _html_parts(self) -> Iterable[str]:
        from ._displays import selection_parts

        return selection_parts(self, self.title, self.notes)


_HEADER = ("email", "name", "role", "last active")


def _cells(user: Any) -> tuple[str, ...]:
    seen = f"{datetime.fromtimestamp(user.last_active_at, timezone.utc):%Y-%m-%d}"
    if not has_signed_in(user):
        seen = f"never (created {seen})"
    return printable(user.email), printable(user.name), printable(user.role), seen


def has_signed_in(user: Any) -> bool:
    """Whether the account was ever used, as far as the server tells."""
    return bool(user.last_active_at - user.created_at > _AT_ONCE)


def _problems(
    days: object, never_signed_in: object, roles: tuple[object, ...], now: object
) -> list[Problem]:
    """What is wrong with the arguments."""
    problems = [Problem(one, column="roles") for one in map(check_role, roles) if one is not None]
    if isinstance(days, bool) or not isinstance(days, (int, float)) or not 0 <= days < math.inf:
        problems.append(Problem(f"must be a number from 0, got {shown(days)}", column="days"))
    if never_signed_in is not None and not isinstance(never_signed_in, bool):
        text = f"must be True, False or None, got {shown(never_signed_in)}"
        problems.append(Problem(text, column="never_signed_in"))
    if now is not None and not isinstance(now, datetime):
        text = f"must be a datetime, got {type(now).__name__}"
        problems.append(Problem(text, column="now"))
    elif now is not None and not _EARLIEST_YEAR <= now.year < MAXYEAR:
        text = f"must be of a year from {_EARLIEST_YEAR} to 9998, got {now.year}"
        problems.append(Problem(text, column="now"))
    return problems


def inactive_users(
    client: UsersClient,
    days: float,
    *,
    never_signed_in: bool | None = None,
    roles: str | Iterable[str] = ("admin", "user"),
    now: datetime | None = None,
) -> Selection:
    """Select users who have not been active for some days.

    You can pass the result to deactivate_users() and delete_users() unchanged. It does not contain
    the primary administrator and the account that the client uses, because those functions refuse
    them.

    Servers record the time of each user's last request. It starts as the time when the account was
    created. So an account was never used if both times are the same, within ten seconds (because an
    import sets values in the account's name). A user who was active only within these ten seconds
    counts as never signed in.

    Args:
        client: of an administrator.
        days: minimum number of days (of 24 hours) without activity.
        never_signed_in: True: only accounts that were never used; False: only those that were;
            None: both.
        roles: roles of the users to select.
        now: the end of these days; UTC if it has no time zone. None: now, by this machine's clock.

    Returns:
        Selection: complete users; the user who has been inactive longest comes first.

    Raises:
        InvalidInputError: days, a role or another argument is wrong.
        APIStatusError, APIConnectionError: as client.iter_users().

    Server routes: GET /api/v1/users/, GET /api/v1/users/all; GET /api/v1/auths/, GET
    /api/v1/users/user/status.
    """
    check_client(client)
    roles = (roles,) if isinstance(roles, str) else tuple(roles)
    refuse(_problems(days, never_signed_in, roles, now))
    if now is None:
        now = datetime.now(timezone.utc)
    now = now if now.tzinfo is not None else now.replace(tzinfo=timezone.utc)
    latest = (now - timedelta(days=min(days, 36_500))).timestamp()
    found = [
        user
        for user in client.iter_users()
        if user.role in roles
        and user.last_active_at <= latest
        and never_signed_in in (None, not has_signed_in(user))
    ]
    found.sort(key=lambda user: (user.last_active_at, user.email))
    protected = Directory(client).protected if found else {}
    notes = [
        f"left out: {user.email} {protected[user.id]}" for user in found if user.id in protected
    ]
    title = f"not active for {days:g} day{'' if days == 1 else 's'}"
    if never_signed_in is not None:
        title += ", never signed in" if never_signed_in else ", signed in before"
    return Selection([user for user in found if user.id not in protected], title, notes)
