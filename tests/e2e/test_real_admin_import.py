"""import_users and export_users on a real server."""

from __future__ import annotations

import csv
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from real_server import RealServer

from openwebui_users import UsersClient
from openwebui_users.admin import ImportResult, export_users, import_users

pytestmark = pytest.mark.real_server

BAD = (
    ("", "bad1@example.org", "pw", "user"),
    ("Bad", "no address", "pw", "user"),
    ("Bad", "bad3@example.org", "pw", "amdin"),
    ("Bad", "bad4@example.org", "é" * 37, "user"),
    ("Bad", "p00@example.org", "pw", "user"),  # is there above
    ("Bad", "bad6@", "pw", "user"),
)

IMPORTING = """
import sys
from openwebui_users import UsersClient
from openwebui_users.admin import import_users

url, token, folder = sys.argv[1:]
with UsersClient(url, token) as client:
    import_users(
        client, folder + "/people.csv", on_invalid="skip", journal=folder + "/journal",
        passwords_out=folder + "/passwords.csv",
        progress=lambda progress: print(progress.done, flush=True),
    )
"""


def write_people(folder: Path) -> None:
    rows = [(f"Person {i}", f"p{i:02}@example.org", "", "user") for i in range(94)]
    for number, row in enumerate(BAD):
        rows.insert(15 * (number + 1), row)
    with (folder / "people.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("Name", "Email", "Password", "Role"), *rows])


def kill_after(server: RealServer, folder: Path, rows: int) -> None:
    command = [sys.executable, "-c", IMPORTING, server.url, server.admin_token, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(rows):
            assert process.stdout.readline()
        time.sleep(random.random() * 0.2)  # in the middle of requests
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
    assert process.returncode == -signal.SIGKILL


def delete_all(client: UsersClient, result: ImportResult) -> None:
    ids = [row.id for row in result.rows if row.id is not None]
    assert all(client.map(client.delete_user_by_id, ids))


def test_killed_twice(
    real_server: RealServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """100 rows, 6 of them bad: 94 users in the end, each once, whose passwords sign in."""
    write_people(tmp_path)
    kill_after(real_server, tmp_path, 25)
    kill_after(real_server, tmp_path, 25)
    with UsersClient(real_server.url, real_server.admin_token) as client:
        result = import_users(
            client,
            tmp_path / "people.csv",
            on_invalid="skip",
            journal=tmp_path / "journal",
            passwords_out=tmp_path / "passwords.csv",
        )
        assert result.counts == {"created": 94, "invalid": 6}, str(result)
        before = sum("earlier run" in note for row in result.rows for note in row.notes)
        assert 25 <= before < 94
        people = [user.email for user in client.iter_users("example.org")]
        assert people == [f"p{i:02}@example.org" for i in range(94)]
        with (tmp_path / "passwords.csv").open(newline="") as file:
            passwords = {row["email"]: row["password"] for row in csv.DictReader(file)}
        assert sorted(passwords) == people
        guest = client.with_options(api_key="").auths
        forms = [{"email": one, "password": passwords[one]} for one in people]
        keywords = [{"form_data": form, "set_client_api_key": False} for form in forms]
        answers = list(client.map(guest.signin, keywords, concurrency=4))
        assert [answer.email for answer in answers] == people
        exported = export_users(client, tmp_path / "users.jsonl", query="example.org")
        assert exported.count == 94
        delete_all(client, result)
    with capsys.disabled():
        print(f"\nimport killed twice: {before} of 94 were there before the last run")


def test_eight_at_a_time(real_server: RealServer, capsys: pytest.CaptureFixture[str]) -> None:
    """How much hashing on several processors at once gains."""
    took = {}
    with UsersClient(real_server.url, real_server.admin_token) as client:
        for concurrency in (1, 8):
            rows = [
                {"name": "P", "email": f"c{concurrency}n{i}@example.org", "password": "pw"}
                for i in range(16)
            ]
            start = time.monotonic()
            result = import_users(client, rows, concurrency=concurrency)
            took[concurrency] = time.monotonic() - start
            assert result.ok, str(result)
            delete_all(client, result)
    with capsys.disabled():
        print(
            f"\nimport of 16 users: {16 / took[1]:.1f} a second one at a time, "
            f"{16 / took[8]:.1f} eight at a time; ratio of the times {took[8] / took[1]:.2f}"
        )
