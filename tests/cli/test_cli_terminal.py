"""Commands on a terminal: output, questions, Ctrl-C, and control characters that are escaped."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import time
from pathlib import Path

import pytest
import yaml
from rich.cells import cell_len
from terminal import SEQUENCE, Begin, Environment, Terminal, on_terminal, run_process

from openwebui_users import UsersClient
from openwebui_users.testing import EmbeddedServer

HOSTILE = [
    "=cmd|'/c calc'!A0",
    "<script>alert(1)</script>",
    "\x1b[2J\x1b]0;owned\x07red",
    "\u202egnp.exe",
    "a\u200eb\u2066c",
    "\x9b31mC1\x85next",
    "two\nlines\r\nand\ttab",
    "[bold red]rich[/]",
    "日本語の名前",
]


#: Colours, and how a bar of progress comes and goes.
OURS = re.compile(r"\x1b\[(?:[0-9;]*m|\?25[lh]|2K|1A)|\r(?!\n)")


def harmless(screen: str) -> str:
    """The screen without what is ours; nothing may be left in it that a terminal obeys."""
    rest = OURS.sub("", screen).replace("\r\n", "").replace("\n", "")
    bad = [one for one in rest if not one.isprintable()]
    assert not bad, (bad, rest)
    return rest


@pytest.fixture
def hostile(server: EmbeddedServer, client: UsersClient) -> EmbeddedServer:
    """A server with such names of users and of a group."""
    for number, name in enumerate(HOSTILE):
        server.add_user(name, f"u{number}@example.com")
    client.groups.create_new_group(name="\x1b[31m=1+1\u202e", description="\x9b2J")
    return server


# ---------------------------------------------------------------- each command

STATE = "users: [{email: ann@example.com, name: 'Ann', role: admin}]\n"
COMMANDS = [
    ("whoami", 0, "admin@example.com"),
    ("ping", 0, "0.12.4"),
    ("list", 0, "last_active_at"),
    ("get ann@example.com", 0, "Ann"),
    ("find ann@example.com", 0, "Ann"),
    ("search ann", 0, "ann@example.com"),
    ("inactive 0", 0, "ann@example.com"),
    ("create --email b@example.com --name B --passwords-out pw.csv", 0, "1 created"),
    ("create --email b@example.com --name B", 0, "password: "),
    ("update ann@example.com --name Bo", 0, "update: 1 updated"),
    ("set-role pending ann@example.com", 0, "set_role: 1 updated"),
    ("set-password ann@example.com --passwords-out pw.csv", 0, "1 updated"),
    ("deactivate ann@example.com", 0, "'user' → 'pending'"),
    ("reactivate pat@example.com", 0, "1 updated"),
    ("expire expiry.csv", 0, "1 updated"),
    ("delete ann@example.com --yes", 0, "1 deleted"),
    ("sessions revoke ann@example.com", 0, "1 done"),
    ("import people.csv --yes", 0, "import of people.csv: 1 created"),
    ("export", 0, "ann@example.com"),
    ("export -o users.csv", 0, "wrote 3 users"),
    ("plan state.yaml", 0, '"user" → "admin"'),
    ("drift state.yaml", 0, '"user" → "admin"'),
    ("apply state.yaml --yes", 0, "apply: 1 updated"),
    ("snapshot", 0, "default_permissions:"),
    ("groups list", 0, "staff"),
    ("groups get staff", 0, "member_count"),
    ("groups create crew", 0, "groups create: 1 created"),
    ("groups update staff --description x", 0, "1 updated"),
    ("groups delete staff --yes", 0, "1 deleted"),
    ("groups members list staff", 0, "nothing"),
    ("groups members set staff ann@example.com", 0, "1 updated"),
    ("groups members add staff ann@example.com", 0, "1 updated"),
    ("groups members remove staff ann@example.com", 0, "1 unchanged"),
    ("permissions show", 0, "workspace.models"),
    ("permissions show ann@example.com", 0, "granted by"),
    ("permissions diff all", 0, "after"),
    ("permissions set workspace.models=true", 0, "1 changed"),
    ("settings get", 0, "nothing"),
    ("settings set ui.theme=dark", 0, "ui.theme"),
    ("status get", 0, "no status"),
    ("status set hi", 0, "hi"),
    ("status clear", 0, "no status"),
    ("usage", 0, "lifetime_tokens"),
    ("profile image ann@example.com -o ann", 0, "the picture is in ann.png"),
    ("profile image ann@example.com -o -", 2, "not for a terminal"),
    ("completion bash", 0, "complete -o default"),
    ("--version", 0, "openwebui-users"),
    ("--help", 0, "Exit codes"),
    ("list --help", 0, "Connection"),
    ("groups --help", 0, "members"),
    ("get nobody@example.com", 4, "error: there is no user"),
]


@pytest.mark.parametrize(("line", "code", "shown"), COMMANDS, ids=[one[0] for one in COMMANDS])
def test_each_command(
    begin: Begin,
    server: EmbeddedServer,
    client: UsersClient,
    home: Path,
    line: str,
    code: int,
    shown: str,
) -> None:
    server.add_user("Ann", "ann@example.com")
    server.add_user("Pat", "pat@example.com", role="pending")
    client.groups.create_new_group(name="staff", description="d")
    (home / "people.csv").write_text("name,email,password\nBen,ben@example.com,pw-1\n")
    (home / "expiry.csv").write_text("email,expires\nann@example.com,2020-01-01\n")
    (home / "state.yaml").write_text(STATE)
    terminal = begin(*shlex.split(line))
    assert (terminal.end(), shown in terminal.text) == (code, True), terminal.screen


def test_serve(begin: Begin, nowhere: Environment) -> None:
    terminal = begin("serve", "--port", "0")
    terminal.wait_for("Ctrl-C ends it.")
    known = dict(re.findall(r"(OPENWEBUI_\w+)=(\S+)", terminal.text))
    code, screen = on_terminal("whoami", environment={**nowhere, **known})
    assert code == 0 and "admin@example.com" in screen
    terminal.type("\x03")
    assert terminal.end() == 0
    assert "Traceback" not in terminal.screen


@pytest.mark.usefixtures("home")
def test_login_asks(nowhere: Environment, server: EmbeddedServer) -> None:
    with Terminal(["login"], nowhere) as terminal:
        terminal.wait_for("URL of the server")
        terminal.type(f"{server.url}\n")
        terminal.wait_for("E-mail address")
        terminal.type(f"{server.admin_email}\n")
        terminal.wait_for("Password")
        terminal.type(f"{server.admin_password}\n")
        assert terminal.end() == 0
        assert server.admin_password not in terminal.screen
        assert "admin@example.com is kept as the profile 'default'" in terminal.text
    code, screen = on_terminal("whoami", environment=nowhere)
    assert code == 0 and "admin@example.com" in screen


# ---------------------------------------------------------------- questions


@pytest.mark.parametrize(
    ("answer", "code", "left"),
    [("n\n", 1, True), ("\n", 1, True), ("\x04", 1, True), ("what\nYes\n", 0, False)],
)
def test_delete_asks(
    begin: Begin, server: EmbeddedServer, client: UsersClient, answer: str, code: int, left: bool
) -> None:
    server.add_user("Ann", "ann@example.com")
    terminal = begin("delete", "ann@example.com")
    terminal.wait_for("with all chats? [y/N]: ")
    assert client.find_user("ann@example.com") is not None
    terminal.type(answer)
    assert terminal.end() == code
    assert (client.find_user("ann@example.com") is not None) is left


def test_import_asks_with_counts(begin: Begin, client: UsersClient, home: Path) -> None:
    (home / "people.csv").write_text("name,email,password\nBen,ben@example.com,pw-1\n")
    terminal = begin("import", "people.csv")
    terminal.wait_for("[y/N]: ")
    assert "1 created" in terminal.text and client.find_user("ben@example.com") is None
    terminal.type("y\n")
    assert terminal.end() == 0
    assert client.find_user("ben@example.com") is not None


def test_apply_carries_out_what_was_shown(
    begin: Begin, server: EmbeddedServer, client: UsersClient, home: Path
) -> None:
    user = server.add_user("Ann", "ann@example.com")
    (home / "state.yaml").write_text(STATE)
    terminal = begin("apply", "state.yaml")
    terminal.wait_for("[y/N]: ")
    client.update_user_by_id(user.id, role="pending")
    terminal.type("y\n")
    assert terminal.end() == 1 and "not as it was when the plan was made" in terminal.text


def test_ctrl_c_at_a_question(begin: Begin, server: EmbeddedServer, client: UsersClient) -> None:
    server.add_user("Ann", "ann@example.com")
    terminal = begin("delete", "ann@example.com")
    terminal.wait_for("[y/N]: ")
    terminal.type("\x03")
    assert terminal.end() == 130 and "Traceback" not in terminal.screen
    assert client.find_user("ann@example.com") is not None


# ---------------------------------------------------------------- Ctrl-C


@pytest.fixture
def long_import(server: EmbeddedServer, home: Path) -> list[str]:
    """An import of 40 people, of whom each takes the server some time."""
    rows = [f"U{number},u{number}@example.com,pw-{number}" for number in range(40)]
    (home / "people.csv").write_text("\n".join(["name,email,password", *rows]) + "\n")
    server.fault("slow", seconds=0.3, times=40, method="POST", path="/api/v1/auths/add")
    return ["import", "people.csv", "--yes", "--concurrency", "2"]


@pytest.mark.usefixtures("home")
def test_ctrl_c_in_an_import(begin: Begin, client: UsersClient, long_import: list[str]) -> None:
    terminal = begin(*long_import, "--journal", "run.journal")
    terminal.wait_for("4/40")
    terminal.type("\x03")
    assert terminal.end() == 130
    told = re.search(r"import of people.csv: (\d+) created, (\d+) not run", terminal.text)
    assert told is not None and "interrupted" in terminal.text, terminal.text
    assert int(told[1]) == client.get_users().total - 1
    assert int(told[1]) + int(told[2]) == 40
    assert "Traceback" not in terminal.screen
    assert terminal.screen.count("\x1b[?25h") >= 1  # the cursor is there again


def test_a_second_ctrl_c_stops_at_once(
    begin: Begin, server: EmbeddedServer, long_import: list[str]
) -> None:
    server.clear_faults()
    server.fault("slow", seconds=0.5, times=4, path="/api/v1/auths/add")
    server.fault("slow", seconds=45, times=40, path="/api/v1/auths/add")
    terminal = begin(*long_import)
    terminal.wait_for("4/40")
    terminal.type("\x03")
    time.sleep(0.5)
    began = time.monotonic()
    terminal.type("\x03")
    assert terminal.end() == 130 and time.monotonic() - began < 20
    assert "4 created, 2 unknown, 34 not run" in terminal.text
    assert "interrupted" in terminal.text and "Traceback" not in terminal.screen


def test_ctrl_c_while_a_call_waits(begin: Begin, server: EmbeddedServer) -> None:
    server.fault("slow", seconds=30, times=9)
    terminal = begin("list", "--timeout", "60")
    time.sleep(1)
    terminal.type("\x03")
    assert terminal.end() == 130
    assert "interrupted" in terminal.text and "Traceback" not in terminal.screen


# ---------------------------------------------------------------- hostile names

SHOWING = [
    "list",
    "list --output json",
    "list --output jsonl",
    "list --output csv",
    "list --output yaml",
    "list --fields name --output csv",
    "search example",
    "get u2@example.com",
    "get u5@example.com --output yaml",
    "export",
    "export --format json",
    "snapshot",
    "snapshot --format json",
    "snapshot --format toml",
    "groups list",
    "groups list --output csv",
    "groups members list \x1b[31m=1+1\u202e",
    "permissions show u2@example.com",
    "plan state.json",
    "plan state.json --output json",
    "plan state.json --output yaml",
    "drift state.json",
    "apply state.json --dry-run",
    "apply state.json --dry-run --output json",
    "deactivate u2@example.com u3@example.com --dry-run",
    "delete u2@example.com u3@example.com u5@example.com --dry-run",
    "import people.csv --dry-run --on-invalid skip",
    "import people.csv --yes",
    "get \x1b[31m\u202e@example.com -v",
    "groups get \x9b2J\u202e",
    "list --role \x1b[31m --output \x1b[2J",
    "\x1b[2J\u202e",
    "list \x1b[2J\u202e",
    "permissions set \x1b[2J=true",
    "import \x1b[2J\u202e.csv --yes",
]


@pytest.mark.parametrize("line", SHOWING, ids=[ascii(line) for line in SHOWING])
@pytest.mark.usefixtures("hostile")
def test_hostile_names_are_harmless(begin: Begin, home: Path, line: str) -> None:
    users = [
        {"email": f"u{number}@example.com", "name": "N", "role": "admin"}
        for number in range(len(HOSTILE))
    ]
    (home / "state.json").write_text(json.dumps({"users": users}))
    (home / "people.csv").write_text(
        "name,email,password\n\x1b[2J\u202e,\x1b[31m@example.com,p\nU,u1@example.com,p\n"
    )
    terminal = begin(*line.split(" "))
    terminal.end()
    assert harmless(terminal.screen)


@pytest.mark.usefixtures("hostile")
def test_hostile_names_are_kept_for_programs(environment: Environment) -> None:
    rows = json.loads(run_process("list", environment=environment).out)
    assert {row["name"] for row in rows} >= set(HOSTILE)
    done = run_process("list", "--output", "jsonl", environment=environment)
    assert {json.loads(line)["name"] for line in done.out.split("\n")[:-1]} >= set(HOSTILE)
    done = run_process("list", "--output", "yaml", environment=environment)
    assert {row["name"] for row in yaml.safe_load(done.out)} >= set(HOSTILE)
    done = run_process("list", "--output", "csv", "--fields", "name", environment=environment)
    cells = [row["name"] for row in csv.DictReader(io.StringIO(done.out, newline=""))]
    assert "'" + HOSTILE[0] in cells and not [one for one in cells if one.startswith("=")]


# ---------------------------------------------------------------- sizes and colours


@pytest.mark.parametrize("columns", [20, 40, 80])
@pytest.mark.usefixtures("hostile")
def test_narrow_terminals(begin: Begin, columns: int) -> None:
    terminal = begin("list", "--fields", "email,name,role", size=(24, columns))
    assert terminal.end() == 0
    assert max(cell_len(line) for line in terminal.text.split("\n")) <= columns


@pytest.mark.parametrize("changes", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
@pytest.mark.parametrize("line", ["list", "plan state.yaml", "drift state.yaml", "ping"])
def test_no_colours_where_none_are_wanted(
    begin: Begin, server: EmbeddedServer, home: Path, changes: dict[str, str], line: str
) -> None:
    server.add_user("Ann", "ann@example.com")
    (home / "state.yaml").write_text(STATE)
    terminal = begin(*line.split(), **changes)
    assert terminal.end() == 0
    assert not re.findall(r"\x1b\[[0-9;]*3[0-7][0-9;]*m", terminal.screen)
    if "TERM" in changes:
        assert "\x1b" not in terminal.screen


def test_plans_have_colours(begin: Begin, server: EmbeddedServer, home: Path) -> None:
    server.add_user("Ann", "ann@example.com")
    (home / "state.yaml").write_text(STATE)
    terminal = begin("plan", "state.yaml")
    assert terminal.end() == 0 and "\x1b[33m" in terminal.screen


def test_progress_is_shown_and_gone(begin: Begin, long_import: list[str]) -> None:
    terminal = begin(*long_import[:-1], "20")
    terminal.wait_for("import users")
    assert terminal.end() == 0
    last = SEQUENCE.sub("", terminal.screen.rpartition("\x1b[2K")[2])
    assert last.strip() == "import of people.csv: 40 created"


def test_no_progress_on_dumb_terminals(begin: Begin, long_import: list[str]) -> None:
    terminal = begin(*long_import[:-1], "40", TERM="dumb")
    assert terminal.end() == 0
    assert terminal.text == "import of people.csv: 40 created\n"


@pytest.mark.parametrize("columns", [1, 5, 10, 20, 30, 60])
@pytest.mark.parametrize("line", ["list", "get admin@example.com"])
def test_no_column_is_lost(begin: Begin, columns: int, line: str) -> None:
    terminal = begin(*line.split(), "--output", "table", size=(50, columns))
    assert terminal.end() == 0
    words = "".join(terminal.text.split())
    for name in ("email", "name", "role", "id", "admin"):
        # a column may be folded to four characters, and lines of several cells are in each other
        assert name[:4] in words, (name, terminal.text)
