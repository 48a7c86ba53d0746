"""The command line on real servers, in separate processes and on a terminal."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from real_server import RealServer
from terminal import Environment, Outcome, Terminal, run_process

from openwebui_users import UsersClient

pytestmark = pytest.mark.real_server


@pytest.fixture
def tag(real_server: RealServer) -> Iterator[str]:
    """A mark of the users and groups of one test; all is as before afterwards."""
    mark = f"cli{uuid.uuid4().hex[:10]}"
    with UsersClient(real_server.url, real_server.admin_token) as client:
        permissions = client.get_default_user_permissions()
        yield mark
        client.update_default_user_permissions(permissions)
        for user in list(client.iter_users(mark)):
            client.delete_user_by_id(user.id)
        for group in client.groups.get_groups():
            if mark in group.name:
                client.groups.delete_group_by_id(group.id)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def environment(home: Path) -> Environment:
    """Of a user who has a home, and knows no server yet."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "HOME": str(home), "LANG": "C.UTF-8", "TERM": "xterm-256color"}


@pytest.fixture
def cli(environment: Environment, home: Path, real_server: RealServer) -> Callable[..., Outcome]:
    """Runs a command, signed in with e-mail address and password on a terminal."""
    with Terminal(["login"], environment, cwd=home) as terminal:
        for question, answer in (
            ("URL of the server: ", real_server.url),
            ("API key): ", real_server.admin_email),
            ("Password: ", real_server.admin_password),
        ):
            terminal.wait_for(question)
            terminal.type(f"{answer}\n")
        assert terminal.end() == 0, terminal.screen
        assert real_server.admin_password not in terminal.screen

    def call(*arguments: str, input: str = "", code: int = 0) -> Outcome:  # noqa: A002
        done = run_process(*arguments, environment=environment, input=input, cwd=home)
        assert done.code == code, done
        return done

    return call


def test_the_whole_way(
    cli: Callable[..., Outcome], home: Path, real_server: RealServer, tag: str
) -> None:
    def emails(*options: str) -> list[str]:
        rows = json.loads(cli("list", "--query", tag, *options).out)
        return [row["email"] for row in rows]

    assert json.loads(cli("whoami").out)["email"] == real_server.admin_email
    assert json.loads(cli("ping").out)["version"] == real_server.version
    cli("get", f"nobody@{tag}.example.com", code=4)
    cli("whoami", "--insecure-api-key", "sk-wrong", code=3)

    # one account
    ann, ben, cem = (f"{name}@{tag}.example.com" for name in ("ann", "ben", "cem"))
    create = ("create", "--email", ann, "--name", "Ann", "--password-stdin")
    cli(*create, input="secret-1\n")
    assert json.loads(cli("get", ann).out)["role"] == "user"
    cli(*create, input="secret-1\n", code=2)
    cli("set-role", "admin", ann)
    assert emails("--role", "admin") == [ann]
    cli("update", ann, "--name", "Ann Lee")
    cli("set-password", ann, "--password-stdin", input="secret-2\n")

    # many
    table = f"name,email,role,groups\nBen,{ben},user,staff {tag}\nCem,{cem},pending,\n"
    (home / "people.csv").write_text(table)
    options = ("--create-groups", "--passwords-out", "pw.csv", "--journal", "run.journal")
    cli("import", "people.csv", *options, "--dry-run")
    assert emails() == [ann]
    done = cli("import", "people.csv", *options, "--yes")
    assert json.loads(done.out)["counts"] == {"created": 2}
    done = cli("export", "--query", tag, "--fields", "email,role,groups")
    assert f"{ben},user,staff {tag}\n" in done.out and f"{cem},pending,\n" in done.out
    members = json.loads(cli("groups", "members", "list", f"staff {tag}").out)
    assert [one["email"] for one in members] == [ben]

    # desired state
    state = {
        "users": [
            {"email": ann, "role": "user", "groups": [f"staff {tag}"]},
            {"email": cem, "state": "absent"},
        ],
        "groups": [{"name": f"staff {tag}", "description": "from a file"}],
    }
    (home / "state.json").write_text(json.dumps(state))
    (home / "plan.json").write_text(cli("plan", "state.json").out)
    cli("plan", "state.json", "--detailed-exitcode", code=2)
    assert "max_deletions" not in cli("apply", "plan.json", "--yes", code=1).err
    cli("apply", "plan.json", "--yes", "--max-deletions", "1")
    cli("plan", "state.json", "--detailed-exitcode")
    assert emails() == [ann, ben]

    # groups and permissions
    cli("groups", "update", f"staff {tag}", "--permission", "workspace.models=true")
    cli("groups", "members", "remove", f"staff {tag}", ann)
    before = json.loads(cli("permissions", "show").out)["workspace"]["prompts"]
    word = "false" if before else "true"
    (change,) = json.loads(cli("permissions", "set", f"workspace.prompts={word}").out)
    assert change == {"permission": "workspace.prompts", "before": before, "after": not before}
    shown = json.loads(cli("permissions", "show", ben).out)
    assert (
        shown["sources"]["workspace.models"] == [f"staff {tag}"]
        or "default" in (shown["sources"]["workspace.models"])
    )
    cli("permissions", "set", "workspace.nothing=true", code=2)

    # one's own account
    cli("settings", "set", f"ui.{tag}=1", "ui.cli.a=true")
    assert json.loads(cli("settings", "get", f"ui.{tag}").out) == {f"ui.{tag}": 1}
    cli("settings", "set", f"ui.{tag}=null", "ui.cli=null")
    cli("settings", "get", f"ui.{tag}", code=4)
    cli("status", "set", "testing")
    assert json.loads(cli("status", "get").out)["status_message"] == "testing"
    cli("status", "clear")
    cli("profile", "image", ann, "-o", "ann")
    assert list(home.glob("ann.*"))

    # who leaves
    cli("deactivate", ben)
    assert emails("--role", "pending") == [ben]
    cli("sessions", "revoke", ben, code=0 if real_server.has("users.revoke_user_sessions") else 7)
    cli("groups", "delete", f"staff {tag}", "--yes")
    cli("delete", ann, ben, "--yes", "--backup", "backup.jsonl")
    assert emails() == [] and len((home / "backup.jsonl").read_text().splitlines()) == 2


def test_on_a_terminal(
    cli: Callable[..., Outcome], environment: Environment, home: Path, tag: str
) -> None:
    """Questions, tables and hostile names."""
    evil = f"\x1b[2J\u202e=1+1<script> {tag}"
    email = f"evil@{tag}.example.com"
    cli("create", "--email", email, "--name", "x", "--password-stdin", input="secret-1\n")
    with Terminal(["update", email, "--name", evil], environment, cwd=home) as terminal:
        assert terminal.end() == 2  # no such name is sent from here
        assert "\x1b[2J" not in terminal.screen and "\u202e" not in terminal.screen
    with Terminal(["list", "--query", tag], environment, cwd=home) as terminal:
        assert terminal.end() == 0 and email in terminal.text
    with Terminal(["delete", email, "--no-backup"], environment, cwd=home) as terminal:
        terminal.wait_for("[y/N]: ")
        terminal.type("y\n")
        assert terminal.end() == 0
        assert re.search(r"delete_users: 1 deleted", terminal.text)
