"""The formats of the output: their contents, also with no rows and with very many rows."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from terminal import COMMAND, LIMIT, Environment, Run, run_process

from openwebui_users.testing import EmbeddedServer

FORMATS = ("table", "json", "jsonl", "csv", "yaml", "id")


def parsed(text: str, format: str) -> list[dict[str, object]]:  # noqa: A002
    if format == "json":
        found = json.loads(text)
    elif format == "jsonl":
        found = [json.loads(line) for line in text.splitlines()]
    elif format == "yaml":
        found = yaml.safe_load(text)
    else:
        found = list(csv.DictReader(io.StringIO(text)))
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("format", ["json", "jsonl", "csv", "yaml"])
@pytest.mark.usefixtures("server")
def test_formats(cli: Run, format: str) -> None:  # noqa: A002
    (row,) = parsed(cli("list", "--output", format).out, format)
    assert row["email"] == "admin@example.com" and "last_active_at" in row
    (row,) = parsed(cli("list", "--output", format, "--fields", "role, email").out, format)
    assert row == {"role": "admin", "email": "admin@example.com"}
    assert list(row) == ["role", "email"]


def test_ids(cli: Run, server: EmbeddedServer) -> None:
    user = server.add_user("Ann", "ann@example.com")
    assert user.id in cli("list", "--output", "id").out.split()
    assert cli("get", user.id, "--output", "id", "--fields", "email").out == f"{user.id}\n"
    assert cli("set-role", "pending", user.id, "--output", "id").out == f"{user.id}\n"
    assert cli("ping", "--output", "id").code == 2


@pytest.mark.parametrize(
    ("format", "text"),
    [("json", "[]\n"), ("jsonl", ""), ("yaml", "[]\n"), ("id", ""), ("table", "")],
)
def test_nothing(cli: Run, format: str, text: str) -> None:  # noqa: A002
    done = cli("list", "--query", "nobody", "--output", format)
    assert (done.code, done.out) == (0, text)
    assert done.err == ("nothing\n" if format == "table" else "")


def test_nothing_in_csv_has_a_head(cli: Run) -> None:
    full = cli("list", "--output", "csv").out.splitlines()[0]
    assert cli("list", "--query", "nobody", "--output", "csv").out == f"{full}\n"
    done = cli("list", "--query", "nobody", "--output", "csv", "--fields", "name,email")
    assert done.out == "name,email\n"


def test_a_head_names_no_secrets(cli: Run) -> None:
    assert "api_key" not in cli("list", "--query", "nobody", "--output", "csv").out


def test_fields(cli: Run, server: EmbeddedServer) -> None:
    server.add_user("Ann", "ann@example.com")
    assert cli("settings", "set", "ui.theme=dark").code == 0
    rows = json.loads(cli("list", "--fields", "email,settings.ui.theme").out)
    assert rows[0] == {"email": "admin@example.com", "settings.ui.theme": "dark"}
    assert rows[1]["settings.ui.theme"] is None
    done = cli("list", "--fields", "emial")
    assert done.code == 2 and done.out == "" and "did you mean email?" in done.err
    done = cli("set-role", "pending", "ann@example.com", "--fields", "email,status")
    assert json.loads(done.out) == [{"email": "ann@example.com", "status": "updated"}]
    done = cli("set-role", "user", "ann@example.com", "--output", "csv")
    assert done.out.splitlines()[0].startswith("row,email,id,status,error")
    assert cli("ping", "--fields", "version", "--output", "table").out.split() == [
        "version",
        "0.12.4",
    ]


def test_secrets_are_asked_for(anywhere: Run, oldest: EmbeddedServer) -> None:
    """Older servers send the API keys of users."""
    oldest.reset()
    known = {"OPENWEBUI_URL": oldest.url, "OPENWEBUI_API_KEY": oldest.admin_token}
    assert oldest.api_key not in anywhere("list", **known).out
    assert "api_key" not in anywhere("get", "admin@example.com", **known).out
    assert '"api_key"' in anywhere("list", "--secrets", **known).out


def test_options_before_the_command(cli: Run) -> None:
    first = cli("--output", "csv", "--fields", "email", "list")
    assert first.out == "email\nadmin@example.com\n"
    assert cli("--output", "csv", "--fields", "email", "list", "--output", "jsonl").out == (
        '{"email": "admin@example.com"}\n'
    )
    assert cli("--output", "csv", "groups", "list").out.startswith("id,user_id,name")
    done = cli("--output", "csv", "completion", "bash")
    assert done.code == 2 and "--output is no option" in done.err


def test_tables_in_a_pipe_are_plain(cli: Run, server: EmbeddedServer) -> None:
    server.add_user("N" * 300, "ann@example.com")
    out = cli("list", "--output", "table").out
    assert "\x1b" not in out and out.count("\n") == 3  # no line is folded
    assert "N" * 80 + "…" in out


# ---------------------------------------------------------------- locales


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
@pytest.mark.parametrize("format", FORMATS)
def test_other_encodings(
    environment: Environment,
    server: EmbeddedServer,
    encoding: str,
    format: str,  # noqa: A002
) -> None:
    """A locale without UTF-8, as Python sees it; what programs read is in UTF-8 all the same."""
    name = "Zoë 日本 \U0001f600"
    server.add_user(name, "zoe@example.com")
    done = subprocess.run(
        [*COMMAND, "list", "--output", format],
        env={**environment, "PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    if format in ("json", "jsonl", "csv", "yaml"):
        rows = parsed(done.stdout.decode(), format)
        assert name in [row["name"] for row in rows]
    elif format == "table":
        text = done.stdout.decode(encoding)
        assert ("Zoë" in text) is (encoding != "ascii") and "zoe@example.com" in text


@pytest.mark.parametrize("locale", ["C", "POSIX", "xx_XX.nothing"])
def test_poor_locales(environment: Environment, server: EmbeddedServer, locale: str) -> None:
    server.add_user("Zoë", "zoe@example.com")
    known = {name: value for name, value in environment.items() if name != "LANG"}
    done = run_process("list", "--fields", "name", environment={**known, "LC_ALL": locale})
    assert done.code == 0 and {"name": "Zoë"} in json.loads(done.out)
    done = run_process("get", "日本@example.com", environment={**known, "LC_ALL": locale})
    assert done.code == 4 and done.err.count("\n") == 1


# ---------------------------------------------------------------- many


MANY = 10_000
FEWER = 1_500  # whose JSON is more than buffers hold, and all others' lines are not


@pytest.fixture(scope="module")
def crowded() -> Iterator[EmbeddedServer]:
    """A server with 10,000 users."""
    with EmbeddedServer() as server:
        for number in range(MANY):
            server.add_user(f"User {number}", f"u{number:05}@example.com")
        yield server


@pytest.mark.parametrize(
    ("format", "limit"), [("jsonl", MANY), ("csv", MANY), ("id", MANY), ("json", FEWER)]
)
def test_many_users_come_as_they_are_read(
    nowhere: Environment,
    crowded: EmbeddedServer,
    format: str,  # noqa: A002
    limit: int,
) -> None:
    """No more are asked for while nobody reads those that came."""
    known = {"OPENWEBUI_URL": crowded.url, "OPENWEBUI_API_KEY": crowded.admin_token}
    crowded.forget_requests()
    reading, writing = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    with (
        subprocess.Popen(
            [*COMMAND, "list", "--output", format, "--limit", str(limit)],
            env={**nowhere, **known},
            stdout=writing,
        ) as process,
        os.fdopen(reading, "rb") as output,
    ):
        os.close(writing)
        first = output.read(100)
        seen = -1
        while seen != len(crowded.requests):  # until it waits for us
            seen = len(crowded.requests)
            time.sleep(0.5)
        rest = output.read()
        assert process.wait(LIMIT) == 0
    assert seen < len(crowded.requests) / 2
    text = (first + rest).decode()
    if format == "id":
        assert len(set(text.split())) == limit
    else:
        assert len({row["email"] for row in parsed(text, format)}) == limit


def test_list_stops_reading_with_head(nowhere: Environment, crowded: EmbeddedServer) -> None:
    known = {"OPENWEBUI_URL": crowded.url, "OPENWEBUI_API_KEY": crowded.admin_token}
    crowded.forget_requests()
    process = subprocess.Popen(
        [*COMMAND, "list", "--output", "jsonl"],
        env={**nowhere, **known},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(LIMIT), errors) == (141, b"")
    assert len(crowded.requests) < MANY / 30


def test_export_of_many_into_a_file(
    nowhere: Environment, crowded: EmbeddedServer, tmp_path: Path
) -> None:
    known = {**nowhere, "OPENWEBUI_URL": crowded.url, "OPENWEBUI_API_KEY": crowded.admin_token}
    path = tmp_path / "users.csv"
    done = run_process("export", "-o", str(path), "--query", "u00", environment=known)
    assert done.code == 0 and "1000 users" in done.err
    assert len(path.read_text().splitlines()) == 1001


# ---------------------------------------------------------------- names that mean to be rows


@pytest.mark.parametrize(
    "name",
    ["Eve\rvictim-id", "x\r=cmd|'/c calc'!A0", "a;b", "a\tb", ' "a" ', "a\r\nb", "=1", "é", "a,b"],
)
def test_a_name_makes_no_row_of_csv(cli: Run, server: EmbeddedServer, name: str) -> None:
    user = server.add_user(name, "eve@example.com")
    done = cli("list", "--output", "csv", "--fields", "id,name,email")
    rows = list(csv.reader(io.StringIO(done.out, newline="")))
    assert {len(row) for row in rows} == {3} and len(rows) == 3
    (row,) = (row for row in rows if row[0] == user.id)
    assert row[1].lstrip("'") == name
    # one column, as pandas and spreadsheets with other separators read it
    done = cli("list", "--output", "csv", "--fields", "name")
    assert len(list(csv.reader(io.StringIO(done.out, newline="")))) == 3


def test_an_empty_cell_alone_is_a_row(cli: Run) -> None:
    done = cli("list", "--output", "csv", "--fields", "bio")
    assert list(csv.reader(io.StringIO(done.out))) == [["bio"], [""]]
