"""expire_users."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from admin_server import writes

from openwebui_users import UsersClient
from openwebui_users.admin import InvalidInputError, RefusedError, deactivate_users, expire_users
from openwebui_users.admin._expiry import is_over, parsed_expiry
from openwebui_users.testing import EmbeddedServer

UTC = timezone.utc
DAY = date(2026, 3, 10)


def role(client: UsersClient, email: str) -> str:
    user = client.find_user(email)
    assert user is not None
    return user.role


# ---------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-10", DAY),
        (" 2026-03-10 ", DAY),
        (DAY, DAY),
        ("2026-03-10T18:00:00Z", datetime(2026, 3, 10, 18, tzinfo=UTC)),
        ("2026-03-10 18:00", datetime(2026, 3, 10, 18, tzinfo=UTC)),
        ("2026-03-10T18:00:00.1234567+02:00", datetime(2026, 3, 10, 16, tzinfo=UTC)),
        ("2026-03-10T00:00:00", DAY),  # what data frames make of a date
        (datetime(2026, 3, 10), DAY),
        ("2026-03-10T00:00:00Z", datetime(2026, 3, 10, tzinfo=UTC)),
        (datetime(2026, 3, 10, 18), datetime(2026, 3, 10, 18, tzinfo=UTC)),
        ("10.03.2026", None),
        ("2026-02-30", None),
        ("20260310", None),
        ("2026-03-10T25:00", None),
        ("never", None),
        (46_091, None),  # a day as spreadsheets count it
        (True, None),
    ],
)
def test_what_is_a_date(value: object, expected: object) -> None:
    found = parsed_expiry(value)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("expiry", "on", "over"),
    [
        (DAY, DAY, False),  # the last day with access
        (DAY, DAY + timedelta(days=1), True),
        (DAY, datetime(2026, 3, 10, 23, 59, tzinfo=UTC), False),
        (DAY, datetime(2026, 3, 11, tzinfo=UTC), True),
        (datetime(2026, 3, 10, 18, tzinfo=UTC), datetime(2026, 3, 10, 17, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 10, 18, tzinfo=UTC), datetime(2026, 3, 10, 18, tzinfo=UTC), True),
        (datetime(2026, 3, 10, 18, tzinfo=UTC), DAY, False),
        (datetime(2026, 3, 10, 18, tzinfo=UTC), DAY + timedelta(days=1), True),
    ],
)
def test_when_it_is_over(expiry: Any, on: Any, over: bool) -> None:
    assert is_over(expiry, on) is over


# ---------------------------------------------------------------- the verb


def test_a_file(any_client: UsersClient, any_server: EmbeddedServer, tmp_path: Path) -> None:
    for name in ("ann", "ben", "cat", "dan", "eve"):
        any_server.add_user(name, f"{name}@example.com")
    deactivate_users(any_client, ["dan@example.com"])
    path = tmp_path / "users.csv"
    path.write_text(
        "Name;E-Mail;Leaves\n"
        "Ann;Ann@Example.com;2026-03-09\n"
        "Ben;ben@example.com;2026-03-10\n"
        "Cat;cat@example.com;\n"
        "Dan;dan@example.com;2026-01-01\n"
        "Nobody;nobody@example.com;2026-01-01\n"
        "Eve;eve@example.com;2026-03-10T00:00:00Z\n"
    )
    how: dict[str, Any] = {"column": "Leaves", "email_column": "e-mail", "on": DAY}
    dry = expire_users(any_client, path, **how, dry_run=True)
    assert role(any_client, "ann@example.com") == "user"
    any_server.forget_requests()
    result = expire_users(any_client, path, **how)
    assert result.counts == dry.counts == {"updated": 2, "unchanged": 1, "skipped": 1}
    assert [(row.row, row.email, row.status) for row in result.rows] == [
        (2, "ann@example.com", "updated"),
        (5, "dan@example.com", "unchanged"),
        (6, "nobody@example.com", "skipped"),
        (7, "eve@example.com", "updated"),
    ]
    assert result.ok and "row 6 nobody@example.com: skipped: there is no user" in str(result)
    assert {role(any_client, f"{name}@example.com") for name in ("ben", "cat")} == {"user"}
    assert {role(any_client, f"{name}@example.com") for name in ("ann", "eve")} == {"pending"}
    sent = writes(any_server)
    assert sum(one.endswith("/sessions/revoke") for one in sent) == 2
    any_server.forget_requests()
    assert expire_users(any_client, path, **how).counts == {"unchanged": 3, "skipped": 1}
    assert writes(any_server) == []


def test_sessions_end(client: UsersClient, server: EmbeddedServer) -> None:
    ann = server.add_user("Ann", "ann@example.com")
    result = expire_users(client, {"ann@example.com": "2020-01-01"})
    assert result.counts == {"updated": 1} and "API key" in str(result)
    answer = client.with_options(api_key=ann.token).request("GET", "/api/v1/auths/")
    assert answer.status_code == 401


def test_other_sources(client: UsersClient, server: EmbeddedServer, tmp_path: Path) -> None:
    for name in ("ann", "ben", "cat"):
        server.add_user(name, f"{name}@example.com")
    path = tmp_path / "users.jsonl"
    path.write_text('{"email": "ann@example.com", "expires": "2026-03-09"}\n')
    assert expire_users(client, path, on=DAY).counts == {"updated": 1}
    rows = [{"email": "ben@example.com", "expires": DAY}, {"email": "cat@example.com"}]
    assert expire_users(client, rows, on=DAY).counts == {}
    assert expire_users(client, rows, on=DAY + timedelta(days=1)).counts == {"updated": 1}
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    everybody = {"cat@example.com": yesterday, "ann@example.com": None}
    assert expire_users(client, everybody).counts == {"updated": 1}
    assert expire_users(client, {"cat@example.com": None}).counts == {}


def test_out_of_groups(client: UsersClient, server: EmbeddedServer) -> None:
    ann = server.add_user("Ann", "ann@example.com")
    group = client.groups.create_new_group(name="staff", description="")
    assert group is not None
    client.groups.add_user_to_group(group.id, user_ids=[ann.id])
    result = expire_users(client, {ann.email: DAY}, on=date(2027, 1, 1), remove_from_groups=True)
    assert result.rows[0].changes["groups"] == (["staff"], [])
    assert client.get_user_groups_by_id(ann.id) == []


def test_one_wrong_row_refuses_all(
    client: UsersClient, server: EmbeddedServer, tmp_path: Path
) -> None:
    server.add_user("Ann", "ann@example.com")
    path = tmp_path / "users.csv"
    path.write_text(
        "email,expires\n"
        "ann@example.com,2020-01-01\n"
        "ben@example.com,31/12/2020\n"
        "not an address,2020-01-01\n"
        ",2020-01-01\n"
        "ANN@example.com,2099-01-01\n"
        "ben@example.org,2020-01-01,too many\n"
    )
    with pytest.raises(InvalidInputError) as caught:
        expire_users(client, path)
    assert [(one.row, one.column) for one in sorted(caught.value.problems, key=_row)] == [
        (3, "expires"),
        (4, "email"),
        (5, "email"),
        (6, "email"),
        (7, None),
    ]
    text = str(caught.value)
    assert "(ben@example.com) column expires: must be a date such as 2025-12-31" in text
    assert "got '31/12/2020'" in text and "is in row 2 already" in text
    assert writes(server) == []


def _row(problem: Any) -> int:
    return int(problem.row or 0)


def test_a_column_that_is_not_there(client: UsersClient, server: EmbeddedServer) -> None:
    """Else nobody would ever expire."""
    server.add_user("Ann", "ann@example.com")
    rows = [{"email": "ann@example.com", "expiry": "2020-01-01"}]
    with pytest.raises(InvalidInputError, match="expires: no row has a value in this column"):
        expire_users(client, rows)
    assert expire_users(client, rows, column="expiry").counts == {"updated": 1}
    assert expire_users(client, []).counts == {}


def test_guards(client: UsersClient, server: EmbeddedServer) -> None:
    server.add_user("Ann", "ann@example.com")
    with pytest.raises(RefusedError, match="primary administrator"):
        expire_users(client, {"ann@example.com": DAY, server.admin_email: DAY}, on=date(2027, 1, 1))
    assert writes(server) == []
    for on in ("2026-01-01", 7):
        with pytest.raises(TypeError, match=re.escape("on must be a date or datetime")):
            expire_users(client, {}, on=on)  # type: ignore[arg-type]
