"""Plots: the contents of the Axes."""

from __future__ import annotations

import datetime
import subprocess
import sys
import warnings
from typing import Any

import pytest

from openwebui_users import UsersClient, models
from openwebui_users.testing import EmbeddedServer

matplotlib = pytest.importorskip("matplotlib")

import matplotlib.dates as dates  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from openwebui_users.plot import plot_activity, plot_roles, plot_usage  # noqa: E402

DAY = 86400
START = 1_767_225_600  # 2026-01-01, a Thursday
num2date: Any = dates.num2date  # without types
HOSTILE = "$x^2$ \u202e<b>\n\\$"


def user(last_active_at: Any = START, role: str = "user") -> models.UserModel:
    return models.UserModel.model_construct(role=role, last_active_at=last_active_at)


def usage(messages: dict[str, int]) -> models.UserUsageResponse:
    nothing: dict[str, Any] = {"weekly_heatmap": [], "cumulative_heatmap": [], "top_models": []}
    heatmap = [{"date": date, "messages": n, "chats": 1} for date, n in messages.items()]
    period = {"start_date": START, "end_date": START, "days": 1}
    return models.UserUsageResponse.model_validate(
        {"totals": {}, "insights": {}, "heatmap": heatmap, "period": period, **nothing}
    )


def bars(ax: Any) -> dict[str, float]:
    """Heights by the date on which a bar begins."""
    return {
        f"{num2date(bar.get_x()):%Y-%m-%d}": bar.get_height()
        for bar in ax.patches
        if bar.get_height() > 0
    }


def drawn(ax: Any) -> Any:
    """The same Axes, after they were drawn, which no text of theirs may keep from."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that the font lacks
        ax.figure.savefig("/dev/null", format="png")
    return ax


def words(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.texts]


# ---------------------------------------------------------------- activity


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("day", {"2026-01-01": 2, "2026-01-04": 1, "2026-02-02": 1}),
        ("week", {"2025-12-29": 3, "2026-02-02": 1}),
        ("month", {"2026-01-01": 3, "2026-02-01": 1}),
        ("year", {"2026-01-01": 4}),
    ],
)
def test_activity_counts_users_by_period(by: Any, expected: dict[str, int]) -> None:
    times = [START, START + DAY - 1, START + 3 * DAY, START + 32 * DAY]
    ax = drawn(plot_activity(map(user, times), by=by))
    assert bars(ax) == expected
    assert ax.get_title() == "Last activity of 4 users"
    assert ax.get_xlabel() == f"last active, by {by} (UTC)"
    assert ax.get_ylabel() == "users"


@pytest.mark.parametrize(
    ("days", "by"), [(0, "day"), (59, "day"), (60, "week"), (500, "month"), (5000, "year")]
)
def test_the_period_fits_the_span(days: int, by: str) -> None:
    ax = drawn(plot_activity([user(), user(START + days * DAY)]))
    assert f"by {by}" in ax.get_xlabel()


def test_bars_are_as_wide_as_their_period() -> None:
    ax: Any = plot_activity([user(), user(START + 31 * DAY)], by="month")
    assert [bar.get_width() for bar in ax.patches] == [31, 28]


def test_times_that_are_none_are_left_out_and_told() -> None:
    times = [START, 0, -1, None, "x", True, 10**18, 10**30]
    ax = drawn(plot_activity(map(user, times)))
    assert bars(ax) == {"2026-01-01": 1}
    assert ax.get_title() == "Last activity of 1 user (7 more without a time of it)"
    assert words(drawn(plot_activity([user(0)]))) == ["nobody was ever active"]


def test_the_zone_of_the_settings_is_not_that_of_the_plot() -> None:
    with matplotlib.rc_context({"timezone": "Asia/Tokyo"}):
        ax = drawn(plot_activity([user(START + DAY - 1)]))
        ticks = [float(tick) for tick in ax.get_xticks()]
    assert bars(ax) == {"2026-01-01": 1}
    assert all(tick.is_integer() for tick in ticks)  # midnight in UTC


# ---------------------------------------------------------------- roles


def test_roles_by_number() -> None:
    roles = ["user"] * 3 + ["pending"] + ["admin"]
    ax = drawn(plot_roles(user(role=role) for role in roles))
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == ["user", "admin", "pending"]
    assert [bar.get_width() for bar in ax.patches] == [3, 1, 1]
    assert words(ax) == ["3", "1", "1"]
    assert (ax.get_title(), ax.get_xlabel()) == ("Roles of 5 users", "users")


def test_names_are_no_math() -> None:
    ax = drawn(plot_roles([user(role=HOSTILE), user(role="$\\frac{$"), user(role="x" * 99)]))
    labels = ax.get_yticklabels()
    assert [label.get_text() for label in labels] == [
        "$\\frac{$",
        "$x^2$ \\u202e<b>\\n\\$",
        "x" * 40 + "…",
    ]
    assert not any(label.get_parse_math() or label.get_usetex() for label in labels)


def test_many_roles_share_a_bar() -> None:
    users = [user(role=f"role{number:03}") for number in range(100)] + [user(role="role050")]
    ax: Any = plot_roles(users)
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert len(names) == 20 and names[0] == "role050" and names[-1] == "81 other roles"
    assert sum(bar.get_width() for bar in ax.patches) == 101


# ---------------------------------------------------------------- usage


def test_usage_is_a_calendar() -> None:
    ax = drawn(plot_usage(usage({"2026-01-01": 5, "2026-01-02": 0, "2026-01-12": 7})))
    (mesh,) = ax.collections
    grid = mesh.get_array().reshape(7, 3)
    there = {
        (row, week): int(grid[row, week])
        for row in range(7)
        for week in range(3)
        if grid.mask is False or not grid.mask[row, week]
    }
    assert there == {(3, 0): 5, (4, 0): 0, (0, 2): 7}
    assert mesh.get_clim() == (0, 7)
    assert ax.get_title() == "Messages by day\n2026-01-01 to 2026-01-12: 12 in all"
    assert [text.get_text() for text in ax.get_yticklabels()] == ["Mon", "Wed", "Fri", "Sun"]
    assert ax.yaxis_inverted()
    assert [text.get_text() for text in ax.get_xticklabels()] == ["Jan 2026"]
    assert [child.get_ylabel() for child in ax.child_axes] == ["messages"]


def test_usage_of_something_else() -> None:
    ax = plot_usage(usage({"2026-01-01": 5, "2026-01-02": 5}), value="chats", colorbar=False)
    assert "2 in all" in ax.get_title() and ax.get_title().startswith("Chats")
    assert not ax.child_axes


def test_usage_without_any() -> None:
    assert "none at all" in drawn(plot_usage(usage({"2026-01-01": 0}))).get_title()
    assert words(drawn(plot_usage(usage({})))) == ["no days"]
    assert words(drawn(plot_usage(usage({"$soon$": 1})))) == ["no days"]


def test_usage_of_the_embedded_server() -> None:
    with EmbeddedServer() as server, UsersClient(server.url, server.admin_token) as client:
        ax = drawn(plot_usage(client.get_user_usage(days=30)))
    (mesh,) = ax.collections
    assert mesh.get_array().count() == 30


# ---------------------------------------------------------------- all of them


def test_nothing_is_said_in_words() -> None:
    for ax in (plot_activity([]), plot_roles([])):
        assert words(drawn(ax)) == ["no users"]
        assert len(ax.get_xticks()) == 0


def test_axes_can_be_given() -> None:
    first, second, third = Figure().subplots(1, 3)
    assert plot_activity([user()], first) is first
    assert plot_roles([user()], second) is second
    assert plot_usage(usage({"2026-01-01": 1}), third) is third
    assert len(first.figure.axes) == 3  # the scale of colours is within


def test_a_new_figure_is_a_picture_and_can_be_pickled() -> None:
    import pickle

    ax: Any = plot_roles([user()])
    assert ax._repr_png_().startswith(b"\x89PNG")
    assert len(pickle.loads(pickle.dumps(ax.figure)).axes) == 1


def test_nothing_global_is_touched() -> None:
    """No pyplot, no display, no setting; and no figure that stays."""
    code = (
        "import sys, matplotlib; before = matplotlib.rcParams.copy()\n"
        "from openwebui_users.plot import *\n"
        "plot_activity([]); plot_roles([])\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert matplotlib.rcParams.copy() == before\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (plot_activity, [7], "users must be users"),
        (plot_roles, ["ann"], "users must be users"),
        (plot_roles, [user()], "users must be users, such as client.iter_users()"),
        (plot_activity, [["ann"]], "str has no last_active_at"),
        (plot_roles, [[1]], "int has no role"),
        (plot_usage, [{}], "what client.get_user_usage() returns, not dict"),
        (plot_roles, [[], Figure()], "ax must be the Axes of matplotlib, not Figure"),
    ],
)
def test_what_is_none_of_it(function: Any, arguments: list[Any], message: str) -> None:
    with pytest.raises(TypeError) as caught:
        function(*arguments)
    assert message in str(caught.value)


def test_values_that_are_refused() -> None:
    with pytest.raises(ValueError, match="by must be one of day, week"):
        plot_activity([], by="hour")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="value must be messages"):
        plot_usage(usage({}), value="likes")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="weeks, more than 320"):
        plot_usage(usage({"0001-01-01": 1, "9999-12-31": 1}))


def test_without_matplotlib() -> None:
    code = "import sys; sys.modules['matplotlib'] = None; import openwebui_users.plot"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'openwebui_users[plot]'" in done.stderr.splitlines()[-1]


def test_dates_are_as_python_has_them() -> None:
    assert datetime.date(2026, 1, 1).weekday() == 3  # which the tests above rely on
