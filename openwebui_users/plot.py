"""Plots of users and of usage. They need the extra `plot`, which is matplotlib.

Each function draws on the given Axes, or on those of a new figure, and returns them. It does not
use pyplot: it needs no display, leaves no figure open, and changes no setting. Notebooks show the
Axes of a new figure as a picture; `ax.figure.savefig("plot.png")` saves it.

All times and dates are in UTC. Names of roles and models are shown as they are, without math.

Example:
    ```python
    from openwebui_users.plot import plot_activity

    ax = plot_activity(client.iter_users(), by="month")
    ax.figure.savefig("activity.png")
    ```
"""

from __future__ import annotations

import datetime
import io
from collections import Counter
from typing import TYPE_CHECKING, Any

from ._core import Model, UserUsageResponse
from ._text import printable
from .errors import MissingLibraryError

try:
    import matplotlib.dates
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "matplotlib":
        raise
    raise MissingLibraryError.of("A plot", "matplotlib", "plot") from None

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Literal

__all__ = ["plot_activity", "plot_roles", "plot_usage"]

_MAX_BARS = 60  # of the period that is chosen where none is named
_MIN_PERIODS = 8  # that the axis of times is long, so that one bar is no wall
_MAX_ROLES = 20
_LONGEST_NAME = 40  # characters
_MAX_WEEKS = 320  # of one heat map
_LAST_YEAR = 2199  # what is later is no time at which anybody was active
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_COLOR = "tab:blue"
_COLORS = "YlGnBu"  # nothing is a pale yellow, not the white of days that are not there
_EDGE = "0.6"
# Others' texts: no math, and no TeX whatever the settings say.
_LITERAL: dict[str, Any] = {"parse_math": False, "usetex": False}


# ---------------------------------------------------------------- axes


class _PictureAxes(Axes):
    """Axes that notebooks show without pyplot."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        figure: Any = self.figure
        figure.savefig(file, format="png", bbox_inches="tight")
        return file.getvalue()


def _axes(ax: Axes | None, width: float, height: float) -> Axes:
    """The Axes given, or those of a new figure of this size in inches."""
    if ax is None:
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure.add_subplot(axes_class=_PictureAxes)
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be the Axes of matplotlib, not {type(ax).__name__}")
    return ax


def _say(ax: Axes, words: str) -> None:
    """Words in the middle of a plot that has nothing to show."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center", **_LITERAL)


def _name(name: object) -> str:
    """A name as a label: in one line, cut; what is not seen as escapes."""
    shown = printable(str(name)[: _LONGEST_NAME + 1])
    return f"{shown[:_LONGEST_NAME]}…" if len(shown) > _LONGEST_NAME else shown


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _whole_numbers(axis: Any) -> None:
    axis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _values(users: Iterable[Any], field: str) -> list[Any]:
    """That field of each user."""
    if isinstance(users, (str, bytes, Model)) or not hasattr(users, "__iter__"):
        raise TypeError(
            f"users must be users, such as client.iter_users(), not {type(users).__name__}"
        )
    values = []
    for user in users:
        if not hasattr(user, field):
            raise TypeError(f"{type(user).__name__} has no {field}: give users that have it")
        values.append(getattr(user, field))
    return values


# ---------------------------------------------------------------- activity


def _day(value: object) -> datetime.date | None:
    """The day of a time in seconds since 1970; None: it is none."""
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return None
    try:
        day = datetime.datetime.fromtimestamp(value, datetime.timezone.utc).date()
    except (ValueError, OverflowError, OSError):
        return None
    return day if day.year <= _LAST_YEAR else None


_STARTS: dict[str, Callable[[datetime.date], datetime.date]] = {
    "day": lambda day: day,
    "week": lambda day: day - datetime.timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
    "year": lambda day: day.replace(month=1, day=1),
}
_DAYS = {"day": 1, "week": 7, "month": 31, "year": 366}


def _end(start: datetime.date, by: str) -> datetime.date:
    """The first day after the period that begins then."""
    return _STARTS[by](start + datetime.timedelta(days=_DAYS[by]))


def _period(days: Sequence[datetime.date]) -> str:
    """The shortest period that makes a plot of not too many bars."""
    span = (max(days) - min(days)).days + 1
    return next((by for by, length in _DAYS.items() if span <= length * _MAX_BARS), "year")


def plot_activity(
    users: Iterable[Any],
    ax: Axes | None = None,
    *,
    by: Literal["day", "week", "month", "year"] | None = None,
) -> Axes:
    """Plot when users were last active: a bar for each period, with the users last active in it.

    Args:
        users: models with `last_active_at`, for example from client.iter_users(). Users without a
            time, or with an impossible one, are left out, and the title says how many.
        ax: where to plot; None: on a new figure.
        by: length of a period: day, week (from Monday), month or year; None: chosen so that there
            are at most 60 periods.

    Returns:
        Axes: dates in UTC on the horizontal axis, number of users on the vertical axis.

    Raises:
        TypeError: an item is not a user, or has no `last_active_at`.
        ValueError: by is none of these.
    """
    if by is not None and by not in _STARTS:
        raise ValueError(f"by must be one of {', '.join(_STARTS)}, got {by!r}")
    values = _values(users, "last_active_at")
    days = [day for day in map(_day, values) if day is not None]
    ax = _axes(ax, 8, 3.5)
    title = f"Last activity of {_counted(len(days), 'user')}"
    left_out = len(values) - len(days)
    if left_out:
        title += f" ({left_out:,} more without a time of it)"
    ax.set_title(title)
    ax.set_ylabel("users")
    if not days:
        ax.set_xlabel("last active (UTC)")
        _say(ax, "nobody was ever active" if values else "no users")
        return ax
    period = by or _period(days)
    ax.set_xlabel(f"last active, by {period} (UTC)")
    counts = Counter(map(_STARTS[period], days))
    starts = sorted(counts)
    dates: Any = matplotlib.dates  # without types
    lefts = [float(dates.date2num(start)) for start in starts]
    widths = [(_end(start, period) - start).days for start in starts]
    ax.bar(
        lefts,
        [counts[start] for start in starts],
        width=widths,
        align="edge",
        color=_COLOR,
        edgecolor="white",
        linewidth=0.5,
    )
    ax.set_ylim(0, max(counts.values()) * 1.05)
    if (short := _MIN_PERIODS * _DAYS[period] - (lefts[-1] + widths[-1] - lefts[0])) > 0:
        ax.set_xlim(lefts[0] - short / 2, lefts[-1] + widths[-1] + short / 2)
    zone = datetime.timezone.utc  # not that of the settings
    locator = dates.AutoDateLocator(tz=zone, minticks=3, maxticks=9)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=zone))
    _whole_numbers(ax.yaxis)
    return ax


# ---------------------------------------------------------------- roles


def plot_roles(users: Iterable[Any], ax: Axes | None = None) -> Axes:
    """Plot how many users have each role.

    Args:
        users: models with `role`, for example from client.iter_users().
        ax: where to plot; None: on a new figure.

    Returns:
        Axes: number of users on the horizontal axis, and a bar for each role, the most frequent
            role on top. If there are more than 20 roles, the rarest ones share the last bar.

    Raises:
        TypeError: an item is not a user, or has no `role`.
    """
    counts = Counter(map(str, _values(users, "role")))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ranked = [(_name(role), count) for role, count in ranked]  # cut after they were counted
    if len(ranked) > _MAX_ROLES:
        rest = ranked[_MAX_ROLES - 1 :]
        ranked = ranked[: _MAX_ROLES - 1]
        ranked.append((f"{len(rest):,} other roles", sum(count for _, count in rest)))
    ax = _axes(ax, 6, 1.4 + 0.35 * max(2, len(ranked)))
    ax.set_title(f"Roles of {_counted(counts.total(), 'user')}")
    ax.set_xlabel("users")
    ax.set_ylabel("role")
    if not ranked:
        _say(ax, "no users")
        return ax
    places = range(len(ranked))
    numbers = [count for _, count in ranked]
    bars = ax.barh(places, numbers, color=_COLOR)
    ax.bar_label(bars, [f"{number:,}" for number in numbers], padding=3)
    ax.set_yticks(places, [name for name, _ in ranked], **_LITERAL)
    ax.invert_yaxis()
    ax.set_xlim(0, max(numbers) * 1.2)  # room for the longest bar's number
    _whole_numbers(ax.xaxis)
    return ax


# ---------------------------------------------------------------- usage


def _by_day(usage: UserUsageResponse, value: str) -> dict[datetime.date, int]:
    """The heat map's values; entries that name no day are left out."""
    found: dict[datetime.date, int] = {}
    for entry in usage.heatmap:
        try:
            day = datetime.date.fromisoformat(entry.date)
        except ValueError:
            continue
        found[day] = found.get(day, 0) + getattr(entry, value)
    return found


def plot_usage(
    usage: UserUsageResponse,
    ax: Axes | None = None,
    *,
    value: Literal["messages", "chats", "tokens"] = "messages",
    colorbar: bool = True,
) -> Axes:
    """Plot one user's usage as a calendar: a column for each week, a row for each weekday.

    Args:
        usage: a result of client.get_user_usage().
        ax: where to plot; None: on a new figure.
        value: what to count on each day.
        colorbar: whether to draw a scale of the colours beside it.

    Returns:
        Axes: weeks on the horizontal axis, named by the months that begin in them; Monday on top.
            Days without data from the server stay empty; days are those of the server.

    Raises:
        TypeError: usage is something else.
        ValueError: value is none of these, or the days span more than six years.
    """
    given: object = usage
    if not isinstance(given, UserUsageResponse):
        text = "usage must be what client.get_user_usage() returns, not"
        raise TypeError(f"{text} {type(given).__name__}")
    if value not in ("messages", "chats", "tokens"):
        raise ValueError(f"value must be messages, chats or tokens, got {value!r}")
    numbers = _by_day(usage, value)
    first = _STARTS["week"](min(numbers)) if numbers else datetime.date(1970, 1, 1)
    weeks = (max(numbers) - first).days // 7 + 1 if numbers else 0
    if weeks > _MAX_WEEKS:
        raise ValueError(f"usage spans {weeks:,} weeks, more than {_MAX_WEEKS}")
    cell = min(0.28, 12 / max(weeks, 1))  # inches
    ax = _axes(ax, max(4.5, 1.8 + cell * weeks), max(2.0, 1.4 + 7 * cell))
    title = f"{value.capitalize()} by day"
    if not numbers:
        ax.set_title(title)
        _say(ax, "no days")
        return ax
    total = sum(numbers.values())
    counted = f"{total:,} in all" if total else "none at all"
    ax.set_title(f"{title}\n{min(numbers)} to {max(numbers)}: {counted}")
    grid = [[float("nan")] * weeks for _ in _WEEKDAYS]
    for day, number in numbers.items():
        grid[day.weekday()][(day - first).days // 7] = number
    most = max(1, *numbers.values())
    mesh = ax.pcolormesh(grid, cmap=_COLORS, vmin=0, vmax=most, edgecolors=_EDGE, linewidth=0.3)
    ax.set_aspect("equal")
    ax.invert_yaxis()
    shown = range(0, 7, 2)  # each second one, as cells may be lower than a letter
    ax.set_yticks([row + 0.5 for row in shown], [_WEEKDAYS[row] for row in shown])
    ax.set_ylabel("weekday")
    ax.set_xlabel("week")
    ax.set_xticks(*_months(min(numbers), max(numbers)))
    ax.tick_params(length=0)
    if colorbar:
        beside = ax.inset_axes((1 + 1 / weeks, 0, 1 / weeks, 1))  # as wide as a week
        ax.figure.colorbar(mesh, cax=beside, label=value)
        _whole_numbers(beside.yaxis)
    return ax


def _months(first: datetime.date, last: datetime.date) -> tuple[list[float], list[str]]:
    """In which columns months begin, and their names; not too many of them."""
    monday = _STARTS["week"](first)
    step = 1 + (last - monday).days // 420  # months from one name to the next
    places: list[float] = []
    names: list[str] = []
    for number in range((last - first).days + 1):
        day = first + datetime.timedelta(days=number)
        if day.day == 1 and (day.month - 1) % step == 0:
            places.append((day - monday).days // 7 + 0.5)
            names.append(f"{day:%b %Y}" if day.month == 1 or not names else f"{day:%b}")
    if not names:
        places.append((first - monday).days // 7 + 0.5)
        names.append(f"{first:%b %Y}")
    return places, names
