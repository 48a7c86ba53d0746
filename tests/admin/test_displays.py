"""What notebooks show of results, plans and permissions."""

from __future__ import annotations

import pickle
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from admin_server import make_group

from openwebui_users import UsersClient, admin
from openwebui_users.admin import (
    Difference,
    Drift,
    EffectivePermissions,
    PermissionsDiff,
    Plan,
    Result,
    RowResult,
    Selection,
    Step,
    fleet,
)
from openwebui_users.testing import EmbeddedServer

NAME = "<img src=x onerror=\"document.title='owned'\">"
TAGS = {"b", "bdi", "br", "caption", "code", "div", "p", "pre", "small", "span", "table", "tbody"}
TAGS |= {"td", "th", "thead", "time", "tr"}


class Page(HTMLParser):
    """The texts of a piece of HTML, which has none but harmless elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS and {name for name, _ in attrs} <= {"class", "style", "title", "dir"}
        self.text += {"td": " | ", "tr": "\n", "br": "\n", "p": "\n", "pre": "\n"}.get(tag, "")

    def handle_data(self, data: str) -> None:
        self.text += data


def text_of(obj: Any) -> str:
    bundle = obj._repr_mimebundle_()
    assert bundle["text/html"] == obj._repr_html_()
    assert bundle["text/plain"] == str(obj)
    assert obj._repr_mimebundle_(include=["text/plain"]).keys() == {"text/plain"}
    return Page(bundle["text/html"]).text


# ---------------------------------------------------------------- results


def test_a_result_shows_its_rows_without_empty_columns() -> None:
    rows = [
        RowResult(2, "ann@example.com", "5f", "updated", changes={"role": ("user", NAME)}),
        RowResult(3, NAME, status="failed", error="refused"),
    ]
    text = text_of(Result("set_role", rows))
    assert text.splitlines()[1:] == [
        "set_role: 1 updated, 1 failed",
        "rowemailidstatuserrorchanges",
        f"2 | ann@example.com | 5f | ✓ updated |  | role: 'user' → {NAME!r}",
        f"3 | {NAME} |  | ✗ failed | refused | ",
    ]


def test_failures_are_among_the_rows_that_are_shown() -> None:
    rows = [RowResult(n, f"u{n}@example.com", status="created") for n in range(1000)]
    rows[900].status = "failed"
    text = text_of(Result("import_users", rows))
    assert "u900@example.com" in text
    assert "… and 970 more rows of 1,000" in text
    assert text.index("u900@") < text.index("u1@")


def test_a_dry_run_does_not_look_as_if_something_was_done() -> None:
    text = text_of(Result("delete_users", [RowResult(email="a", status="deleted")], dry_run=True))
    assert "delete_users (dry run)" in text and "✓" not in text


def test_what_stopped_a_result_is_told() -> None:
    assert "✗ stopped: <b>" in text_of(Result("set_role", stopped="<b>"))
    assert "nothing to do" in text_of(Result("set_role"))


def test_a_row_by_itself() -> None:
    row = RowResult(1, NAME, "5f", "skipped", "why", {"name": ("a", "b")}, ["one", "two"])
    text = text_of(row)
    assert text.startswith("RowResult") and NAME in text and "one\ntwo" in text


def test_no_password_is_shown(client: UsersClient) -> None:
    result = admin.provision_user(client, email="a@example.com", name=NAME)
    text = text_of(result)
    assert result.password and result.password not in text + result._repr_html_()
    assert "password: **********" in text


def test_remarks_of_results(client: UsersClient, server: EmbeddedServer) -> None:
    ann = server.add_user(NAME, "ann@example.com")
    result = admin.delete_users(client, [ann.id], backup=False, dry_run=True)
    assert "chats, files and keys are deleted with the users" in text_of(result)
    applied = admin.ApplyResult("apply", notes=["<b>mind</b>"])
    assert "note: <b>mind</b>" in text_of(applied)


def test_results_of_a_fleet(client: UsersClient) -> None:
    result = fleet.run({NAME: client}, lambda one: one.get_version())
    assert NAME in text_of(result) and "✓ done" in text_of(result)


def test_displays_are_pickled_as_before() -> None:
    for obj in (Result("x", [RowResult()]), Plan("u"), Selection([], "t"), PermissionsDiff({})):
        assert str(pickle.loads(pickle.dumps(obj))) == str(obj)


# ---------------------------------------------------------------- selections


def test_a_selection_is_a_table(client: UsersClient, server: EmbeddedServer) -> None:
    server.add_user(NAME, "ann@example.com")
    text = text_of(admin.inactive_users(client, 0))
    assert "not active for 0 days: 1" in text and NAME in text
    assert "left out: admin@example.com" in text
    assert "nobody" in text_of(Selection([], "idle"))


# ---------------------------------------------------------------- plans


def test_a_plan_is_a_diff(client: UsersClient, server: EmbeddedServer) -> None:
    server.add_user("Ann", "ann@example.com")
    server.add_user("Ben", "ben@example.com")
    make_group(client, "staff", description="All")
    desired = {
        "users": [
            {"email": "ann@example.com", "name": NAME},
            {"email": "ben@example.com", "state": "absent"},
            {"email": "new@example.com", "name": "New", "bio": "hidden?"},
        ],
        "groups": [{"name": "staff", "description": "Us", "members": ["ann@example.com"]}],
    }
    plan = admin.plan(client, desired)
    quoted = '"' + NAME.replace('"', '\\"') + '"'
    lines = text_of(plan).splitlines()
    assert lines[1:] == [
        f"plan for {server.url}: 1 to create, 3 to change, 1 to delete",
        "~ group staff",
        '    − description: "All"',
        '    + description: "Us"',
        "+ user new@example.com",
        '    + name: "New"',
        '    + role: "user"',
        '    + password: "generate"',
        '    + bio: "hidden?"',
        "~ user ann@example.com",
        '    − name: "Ann"',
        f"    + name: {quoted}",
        "~ members of group staff",
        "    + ann@example.com",
        "− user ben@example.com",
        '    − name: "Ben"',
        '    − role: "user"',
        "note: deleting a user deletes the user's chats as well",
    ]
    assert text_of(admin.drift(client, desired)).splitlines()[2:] == lines[2:]


def test_an_empty_plan() -> None:
    assert "no differences" in text_of(Plan("http://a"))
    assert "no differences" in text_of(Drift("http://a"))


def test_deletions_are_not_cut_from_a_plan() -> None:
    steps = [Step("create_user", f"u{n}@example.com") for n in range(1000)]
    steps += [Step("delete_user", f"gone{n}@example.com") for n in range(50)]
    text = text_of(Plan("http://a", steps))
    assert text.count("− user gone") == 50
    assert text.count("+ user u") == 50
    assert "… and 950 more of 1,050" in text


def test_many_members_are_cut_with_a_count() -> None:
    added = [f"u{n}@example.com" for n in range(1000)]
    text = text_of(Drift("http://a", [Difference("change_members", "g", after={"added": added})]))
    assert "… and 980 more lines of 1,000" in text


# ---------------------------------------------------------------- permissions


def test_differences_of_permissions() -> None:
    diff = admin.permissions_diff({"chat": {"a": True, "b": 1}}, {"chat": {"a": False, NAME: True}})
    lines = text_of(diff).splitlines()
    assert lines[1:] == [
        "− chat.a: True",
        "+ chat.a: False",
        "− chat.b: 1",
        f"+ chat.{NAME}: True",
    ]
    assert text_of(PermissionsDiff({})).strip() == "no difference"


def test_effective_permissions() -> None:
    flags = {"chat": {"delete": True, "edit": False}}
    sources = {"chat.delete": ["default", NAME]}
    one = EffectivePermissions("5f", NAME, "user", flags, sources, ["<i>note</i>"])
    text = text_of(one)
    assert f"{NAME} (user)" in text and "<i>note</i>" in text
    assert f"chat.delete | ✓ yes | default\n{NAME}" in text
    assert "chat.edit | no | " in text


# ---------------------------------------------------------------- progress


@pytest.fixture
def row(server: EmbeddedServer) -> str:
    return server.add_user("Ann", "ann@example.com").id


def test_progress_is_a_bar_in_terminals(
    client: UsersClient, row: str, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tqdm")
    admin.set_role(client, "pending", [row], progress=True)
    assert re.search(r"set_role: 100%.*1/1", capfd.readouterr().err)


def test_progress_is_a_line_without_tqdm(
    client: UsersClient,
    row: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tqdm.auto", None)
    admin.set_role(client, "pending", [row], progress=True)
    assert "set_role: 1/1" in capfd.readouterr().err
