"""export_users."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pyarrow import parquet  # type: ignore[import-untyped, unused-ignore]
from sanitized import measures

from openwebui_users import APIStatusError, UsersClient
from openwebui_users.admin import Interrupted, InvalidInputError, export_users, import_users
from openwebui_users.testing import EmbeddedServer


@pytest.fixture
def people(any_server: EmbeddedServer, any_client: UsersClient) -> list[str]:
    """Addresses of all; one has a hostile name, and is in two groups."""
    found = [any_server.add_user(f"P{i}", f"p{i:02}@example.com") for i in range(65)]
    evil = any_server.add_user("=cmd|' /C calc'!A0", "evil@example.com")
    for name in ("staff", "a;b"):
        group = any_client.groups.create_new_group(name=name, description="")
        assert group is not None
        any_client.groups.add_user_to_group(group.id, user_ids=[evil.id, found[0].id])
    return [any_server.admin_email, *(one.email for one in found), evil.email]


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_csv(any_client: UsersClient, people: list[str], tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    result = export_users(any_client, path)
    rows = read_csv(path)
    assert sorted(row["email"] for row in rows) == sorted(people)
    assert result.count == len(people) and str(result).endswith(f"wrote 67 users to {path}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (evil,) = [row for row in rows if row["email"] == "evil@example.com"]
    assert evil["name"] == "'=cmd|' /C calc'!A0"
    assert sorted(json.loads(evil["groups"])) == ["a;b", "staff"]
    assert not {"api_key", "oauth", "oauth_sub", "password"} & set(rows[0])


def test_what_is_exported_can_be_imported(
    any_client: UsersClient, people: list[str], tmp_path: Path
) -> None:
    path, fields = tmp_path / "users.csv", ["name", "email", "role", "groups"]
    export_users(any_client, path, fields=fields, query="example")
    again = import_users(
        any_client, path, on_existing="update", passwords_out=tmp_path / "passwords.csv"
    )
    assert again.counts == {"unchanged": len(people)}, str(again)


@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_json(client: UsersClient, server: EmbeddedServer, tmp_path: Path, kind: str) -> None:
    server.add_user("Ann \u2028 ✓", "ann@example.com")
    path = tmp_path / f"users.{kind}"
    export_users(client, path)
    text = path.read_text()
    rows = json.loads(text) if kind == "json" else [json.loads(x) for x in text.split("\n") if x]
    (ann,) = [row for row in rows if row["email"] == "ann@example.com"]
    assert ann["name"] == "Ann \u2028 ✓" and isinstance(ann["created_at"], int)
    assert ann["groups"] == []
    empty = io.StringIO()
    assert export_users(client, empty, format=kind, query="nobody at all").count == 0  # type: ignore[arg-type]
    assert empty.getvalue() in ("[]\n", "")


def test_parquet(client: UsersClient, server: EmbeddedServer, tmp_path: Path) -> None:
    server.add_user("Ann", "ann@example.com")
    path = tmp_path / "users.parquet"
    export_users(client, path)
    table = parquet.read_table(path)
    kinds = {field.name: str(field.type) for field in table.schema}
    assert (
        kinds["created_at"] == "timestamp[us, tz=UTC]" and kinds["date_of_birth"] == "date32[day]"
    )
    assert kinds["groups"].startswith("list<") and kinds["settings"] == "string"
    assert table.num_rows == 2 and "ann@example.com" in table.column("email").to_pylist()


def test_secrets_are_left_out_unless_asked_for(client: UsersClient, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="api_key: is a secret"):
        export_users(client, tmp_path / "x.csv", fields=["email", "api_key"])
    with pytest.raises(InvalidInputError, match="nmae: there is no such field"):
        export_users(client, tmp_path / "x.csv", fields=["nmae"])
    export_users(client, tmp_path / "x.csv", fields=["email", "api_key"], include_secrets=True)
    assert list(read_csv(tmp_path / "x.csv")[0]) == ["email", "api_key"]


def test_a_failure_leaves_the_old_file(
    client: UsersClient, server: EmbeddedServer, tmp_path: Path
) -> None:
    for number in range(65):
        server.add_user(f"P{number}", f"p{number}@example.com")
    path = tmp_path / "users.csv"
    path.write_text("old")
    path.chmod(0o640)
    server.fault("status", code=500, times=1, path="/api/v1/users/all")
    with pytest.raises(APIStatusError):
        export_users(client, path)
    assert path.read_text() == "old" and [one.name for one in tmp_path.iterdir()] == ["users.csv"]

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="nothing was written") as caught:
        export_users(client, path, progress=interrupt)
    assert caught.value.result.count > 0
    assert path.read_text() == "old" and [one.name for one in tmp_path.iterdir()] == ["users.csv"]
    assert export_users(client, path, dry_run=True).count == 66 and path.read_text() == "old"
    export_users(client, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640 and len(read_csv(path)) == 66


def test_cells_that_some_spreadsheets_split(client: UsersClient, server: EmbeddedServer) -> None:
    for number, name in enumerate(("x;=1+1", "a\tb", " spaced ", 'say "hi"')):
        server.add_user(name, f"p{number}@example.com")
    file = io.StringIO()
    export_users(client, file, format="csv", fields=["name"], query="@example.com")
    lines = file.getvalue().splitlines()
    assert {'"x;=1+1"', '"a\tb"', '" spaced "', '"say ""hi"""'} <= set(lines)


def test_a_pipe_is_written_to_and_stays_one(client: UsersClient, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:
        export_users(client, pipe, format="csv", fields=["email"])
        assert reader.communicate(timeout=10)[0] == "email\nadmin@example.com\n"
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_targets_that_are_none(client: UsersClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="format must be one of csv, jsonl, json, parquet"):
        export_users(client, "users.xlsx")
    with pytest.raises(ValueError, match="format must be one of"):
        export_users(client, io.StringIO())
    with pytest.raises(IsADirectoryError):
        export_users(client, ".", format="csv")
    with pytest.raises(InvalidInputError, match="email: is given twice"):
        export_users(client, "users.csv", fields=["email", "email"])
    with pytest.raises(InvalidInputError, match="must name at least one"):
        export_users(client, "users.csv", fields=[])
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ImportError, match=r"openwebui_users\[parquet\]"):
        export_users(client, "users.parquet")


EXPORTING = """
import sys
from openwebui_users import UsersClient
from openwebui_users.admin import export_users

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))

with UsersClient(sys.argv[1], sys.argv[2]) as client:
    export_users(client, sys.argv[3], query="p0000")  # what is imported when it is needed
    before = peak()
    result = export_users(client, sys.argv[3])
    print(result.count, peak() - before)
"""


@measures
def test_memory_does_not_grow_with_the_users(
    server: EmbeddedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """10,000 users in less than 20 MB."""
    for number in range(10_000):
        server.add_user(f"Person {number}", f"p{number:05}@example.com")
    done = subprocess.run(
        [sys.executable, "-c", EXPORTING, server.url, server.admin_token, tmp_path / "users.csv"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    count, grown = map(int, done.stdout.split())
    assert count == 10_001
    with capsys.disabled():
        print(f"\nexport of 10,000 users: memory grew by {grown / 1024:.1f} MiB")
    assert grown < 20 * 1024
