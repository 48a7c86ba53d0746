"""What each command does, and that with --dry-run none of them changes anything."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from pathlib import Path

import pytest
from terminal import Run

from openwebui_users import UsersClient
from openwebui_users.cli._main import MODULES
from openwebui_users.testing import EmbeddedServer

PEOPLE = "name,email,role,groups\nBen,ben@example.com,user,\nCem,cem@example.com,pending,\n"
STATE = """
groups: [{name: staff, description: Everybody}]
users: [{email: ann@example.com, role: admin, groups: [staff]}]
"""


@pytest.fixture
def ann(server: EmbeddedServer) -> str:
    """The id of a user."""
    return server.add_user("Ann", "ann@example.com").id


@pytest.fixture
def staff(client: UsersClient) -> str:
    """The id of a group."""
    group = client.groups.create_new_group(name="staff", description="d")
    assert group is not None
    return group.id


def role_of(client: UsersClient, email: str) -> str | None:
    user = client.find_user(email)
    return None if user is None else user.role


# ---------------------------------------------------------------- the server


def test_whoami(cli: Run) -> None:
    done = cli("whoami", "--fields", "email,role")
    assert (done.code, json.loads(done.out)) == (
        0,
        {"email": "admin@example.com", "role": "admin"},
    )


def test_whoami_where_the_server_does_not_tell(cli: Run, server: EmbeddedServer) -> None:
    server.fault("status", code=403, path="/api/v1/auths/", times=1)
    server.fault("status", code=403, path="/api/v1/users/user/status", times=1)
    done = cli("whoami")
    assert done.code == 1 and "does not tell" in done.err


def test_ping_needs_no_key(anywhere: Run, server: EmbeddedServer) -> None:
    done = anywhere("ping", "--url", server.url)
    found = json.loads(done.out)
    assert (done.code, found["url"], found["version"]) == (0, server.url, "0.12.4")


# ---------------------------------------------------------------- showing users


def test_list(cli: Run, ann: str) -> None:
    done = cli("list")
    assert [one["email"] for one in json.loads(done.out)] == [
        "admin@example.com",
        "ann@example.com",
    ]
    assert json.loads(cli("list", "--role", "user").out)[0]["id"] == ann
    assert len(json.loads(cli("list", "--limit", "1").out)) == 1
    assert json.loads(cli("list", "--limit", "0").out) == []
    assert json.loads(cli("list", "--query", "ann").out)[0]["name"] == "Ann"


def test_get_is_the_same_by_id_and_address(cli: Run, server: EmbeddedServer, ann: str) -> None:
    server.forget_requests()
    by_address = cli("get", "Ann@Example.com")
    assert len(server.requests) == 1
    by_id = cli("get", ann)
    assert by_address.code == by_id.code == 0
    assert by_address.out == by_id.out
    assert json.loads(by_id.out)["id"] == ann
    assert cli("find", "ann@example.com").out == by_id.out


def test_search(cli: Run, ann: str) -> None:
    assert [one["id"] for one in json.loads(cli("search", "ann").out)] == [ann]


@pytest.mark.usefixtures("ann")
def test_inactive(cli: Run) -> None:
    done = cli("inactive", "0", "--fields", "email")
    assert done.code == 0 and json.loads(done.out) == [{"email": "ann@example.com"}]
    assert "admin@example.com" in done.err  # who is left out is said


# ---------------------------------------------------------------- making and changing


def test_create(cli: Run, client: UsersClient, home: Path, staff: str) -> None:
    create = ("create", "--email", "Ben@example.com", "--name", "Ben")
    done = cli(*create, "--role", "admin", "--password-stdin", input="secret-1\n")
    assert done.code == 0 and json.loads(done.out)["counts"] == {"created": 1}
    signed = client.auths.signin(
        email="ben@example.com", password="secret-1", set_client_api_key=False
    )
    assert signed.role == "admin"
    done = cli("create", "--email", "c@example.com", "--name", "C", "--group", "staff",
               "--passwords-out", "pw.csv")  # fmt: skip
    assert done.code == 0
    path = home / "pw.csv"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (row,) = csv.DictReader(io.StringIO(path.read_text()))
    assert row["email"] == "c@example.com" and row["password"] not in done.out + done.err
    (member,) = client.groups.get_users_in_group(staff)
    assert member.email == "c@example.com"


def test_create_does_not_lose_a_password(cli: Run, server: EmbeddedServer) -> None:
    server.forget_requests()
    done = cli("create", "--email", "b@example.com", "--name", "B")
    assert done.code == 2 and "--passwords-out" in done.err and not server.requests


def test_create_writes_an_api_key_where_it_is_asked_for(
    cli: Run, server: EmbeddedServer, home: Path
) -> None:
    line = [
        "create",
        "--email",
        "b@example.com",
        "--name",
        "B",
        "--password-stdin",
        "--create-api-key",
    ]
    server.forget_requests()
    done = cli(*line, input="secret-1")  # whoever reads standard error may keep it
    assert done.code == 2 and "--api-key-out" in done.err and not server.requests
    done = cli(*line, "--api-key-out", "key", input="secret-1")
    assert done.code == 0 and "sk-" not in done.out + done.err
    path = home / "key"
    assert path.read_text().startswith("sk-") and stat.S_IMODE(path.stat().st_mode) == 0o600
    with UsersClient(server.url, path.read_text().strip()) as own:
        assert own.get_user_settings() is None
    assert cli(*line, "--api-key-out", "key", input="secret-1").code == 2


def test_a_dry_run_of_create_needs_no_file(cli: Run) -> None:
    done = cli("create", "--email", "b@example.com", "--name", "B", "--dry-run")
    assert done.code == 0, done.err


def test_update(cli: Run, client: UsersClient, ann: str) -> None:
    done = cli("update", ann, "--name", "Ann Lee", "--email", "lee@example.com")
    assert done.code == 0
    assert json.loads(done.out)["rows"][0]["changes"]["name"] == ["Ann", "Ann Lee"]
    assert client.find_user("lee@example.com").name == "Ann Lee"  # type: ignore[union-attr]
    assert cli("update", ann).code == 2


def test_set_role(cli: Run, client: UsersClient, ann: str) -> None:
    assert cli("set-role", "pending", "-", input="ann@example.com\n\n").code == 0
    assert role_of(client, "ann@example.com") == "pending"
    assert cli("set-role", "boss", ann).code == 2
    assert cli("set-role", "user", "").code == 2


def test_set_password(cli: Run, client: UsersClient, home: Path, ann: str) -> None:
    done = cli("set-password", "ann@example.com", "--password-stdin", input="new-secret\n")
    assert done.code == 0
    client.auths.signin(email="ann@example.com", password="new-secret", set_client_api_key=False)
    assert cli("set-password", ann, "--passwords-out", "pw.csv").code == 0
    assert "ann@example.com," in (home / "pw.csv").read_text()
    assert cli("set-password", ann).code == 2
    assert cli("set-password", ann, "x@y.zz", "--password-stdin", input="p").code == 2


def test_deactivate_and_reactivate(cli: Run, client: UsersClient, ann: str, staff: str) -> None:
    client.groups.add_user_to_group(staff, user_ids=[ann])
    assert cli("deactivate", ann, "--remove-from-groups").code == 0
    assert role_of(client, "ann@example.com") == "pending"
    assert client.groups.get_users_in_group(staff) == []
    assert cli("reactivate", ann, "--group", "staff").code == 0
    assert role_of(client, "ann@example.com") == "user"
    assert len(client.groups.get_users_in_group(staff)) == 1


@pytest.mark.usefixtures("ann")
def test_expire(cli: Run, client: UsersClient, home: Path) -> None:
    (home / "people.csv").write_text("email,ends\nann@example.com,2020-01-01\n")
    assert cli("expire", "people.csv", "--column", "ends").code == 0
    assert role_of(client, "ann@example.com") == "pending"


def test_delete(cli: Run, client: UsersClient, home: Path, ann: str) -> None:
    assert cli("delete", ann).code == 2  # nobody to ask
    assert cli("delete", ann, "--yes", "--backup", "b", "--no-backup").code == 2
    assert role_of(client, "ann@example.com") == "user"
    done = cli("delete", ann, "--yes", "--backup", "backup.jsonl")
    assert done.code == 0 and "backup.jsonl" in done.err
    assert role_of(client, "ann@example.com") is None
    assert json.loads((home / "backup.jsonl").read_text())["email"] == "ann@example.com"


def test_delete_makes_a_backup_by_itself(cli: Run, home: Path, ann: str) -> None:
    assert cli("delete", ann, "--yes").code == 0
    assert [path.suffix for path in home.glob("deleted-users-*")] == [".jsonl"]


def test_sessions_revoke(cli: Run, server: EmbeddedServer, anywhere: Run) -> None:
    token = server.add_user("Ann", "ann@example.com").token
    assert cli("sessions", "revoke", "ann@example.com").code == 0
    done = anywhere("whoami", OPENWEBUI_URL=server.url, OPENWEBUI_API_KEY=token)
    assert done.code == 3


def test_sessions_revoke_where_the_server_cannot(anywhere: Run, oldest: EmbeddedServer) -> None:
    oldest.reset()
    oldest.add_user("Ann", "ann@example.com")
    done = anywhere(
        "sessions", "revoke", "ann@example.com",
        OPENWEBUI_URL=oldest.url, OPENWEBUI_API_KEY=oldest.api_key,
    )  # fmt: skip
    assert done.code == 7 and "cannot revoke" in json.loads(done.out)["rows"][0]["error"]


# ---------------------------------------------------------------- many at once


def test_import(cli: Run, client: UsersClient, home: Path) -> None:
    (home / "people.csv").write_text(PEOPLE)
    done = cli("import", "people.csv", "--yes")
    assert done.code == 2 and "--passwords-out" in done.err and "passwords_out" not in done.err
    options = ("--passwords-out", "pw.csv", "--journal", "run.journal")
    done = cli("import", "people.csv", *options)
    assert done.code == 2 and "2 created" in done.err and "--yes" in done.err
    assert role_of(client, "ben@example.com") is None
    done = cli("import", "people.csv", *options, "--yes")
    assert done.code == 0 and json.loads(done.out)["counts"] == {"created": 2}
    assert role_of(client, "cem@example.com") == "pending"
    done = cli("import", "people.csv", "--passwords-out", "pw.csv")
    assert done.code == 0 and json.loads(done.out)["counts"] == {"skipped": 2}  # nothing to ask


def test_import_from_standard_input(cli: Run, client: UsersClient) -> None:
    table = "Name;E-mail;Password;Cost\nBen;ben@example.com;pw-1;7\n;none;x;1\n".replace(
        "E-mail", "Email"
    )
    done = cli("import", "-", "--yes", input=table)
    assert done.code == 2 and "--ignore-column 'cost'" in done.err
    done = cli("import", "-", "--yes", "--ignore-unknown-columns", "--on-invalid", "skip",
               input=table)  # fmt: skip
    assert done.code == 7 and json.loads(done.out)["counts"] == {"created": 1, "invalid": 1}
    assert role_of(client, "ben@example.com") == "user"


@pytest.mark.usefixtures("ann")
def test_import_updates(cli: Run, client: UsersClient) -> None:
    table = "name,email,role,password,groups\nAnna,ann@example.com,admin,new-pw,board\n"
    done = cli("import", "-", "--yes", "--on-existing", "update", "--update-passwords",
               "--create-groups", "--format", "csv", "--concurrency", "2", input=table)  # fmt: skip
    assert done.code == 0, done.err
    assert role_of(client, "ann@example.com") == "admin"
    client.auths.signin(email="ann@example.com", password="new-pw", set_client_api_key=False)
    assert cli("import", "-", "--yes", "--on-existing", "error", input=table).code == 2


def test_export(cli: Run, home: Path, ann: str) -> None:
    done = cli("export", "--fields", "email,role")
    assert (done.code, done.out) == (
        0,
        "email,role\nadmin@example.com,admin\nann@example.com,user\n",
    )
    done = cli("export", "-o", "users.jsonl", "--query", "ann")
    assert done.code == 0 and done.out == "" and "1 users" in done.err
    assert json.loads((home / "users.jsonl").read_text())["id"] == ann
    assert cli("export", "-o", "users.parquet").code == 0
    assert (home / "users.parquet").read_bytes()[:4] == b"PAR1"
    assert json.loads(cli("export", "--format", "json").out)[1]["id"] == ann
    done = cli("export", "--fields", "api_key")
    assert done.code == 2 and "--secrets" in done.err and "include_secrets" not in done.err
    assert cli("export", "--fields", "api_key", "--secrets").code == 0
    assert cli("export", "-o", "users.xls").code == 2
    assert cli("export", "-o", str(home)).code == 2


# ---------------------------------------------------------------- desired state


@pytest.mark.usefixtures("ann")
def test_plan_and_apply(cli: Run, client: UsersClient, home: Path) -> None:
    (home / "state.yaml").write_text(STATE)
    done = cli("plan", "state.yaml")
    assert done.code == 0
    kept = home / "plan.json"
    kept.write_text(done.out)
    assert cli("plan", "state.yaml", "--detailed-exitcode").code == 2
    assert cli("plan", "-", "--detailed-exitcode", input=STATE).code == 2
    assert cli("drift", "state.yaml", "--detailed-exitcode").code == 2
    assert cli("plan", "none.yaml", "--detailed-exitcode").code == 1
    assert cli("plan", "none.yaml").code == 2
    assert cli("plan", "state.yaml", "--output", "csv").out.startswith("kind,target,id,")
    kinds = cli("plan", "state.yaml", "--output", "jsonl", "--fields", "kind").out
    assert kinds.splitlines()[0] == '{"kind": "create_group"}'
    text = cli("plan", "state.yaml", "--output", "table").out
    assert "+ group staff" in text and "\x1b" not in text
    assert json.loads(cli("drift", "state.yaml").out)["differences"][0]["target"] == "staff"

    done = cli("apply", "plan.json")
    assert done.code == 2 and "+ group staff" in done.err  # nobody to ask
    done = cli("apply", "-", "--yes", input=kept.read_text())
    assert done.code == 0, done.err
    assert role_of(client, "ann@example.com") == "admin"
    assert cli("plan", "state.yaml", "--detailed-exitcode").code == 0
    assert cli("apply", "state.yaml").code == 0  # nothing to ask about


def test_apply_refuses_a_plan_of_another_day(cli: Run, home: Path, ann: str) -> None:
    (home / "state.yaml").write_text(STATE)
    (home / "plan.json").write_text(cli("plan", "state.yaml").out)
    cli("deactivate", ann)
    done = cli("apply", "plan.json", "--yes")
    assert done.code == 1 and "not as it was" in done.err


@pytest.mark.usefixtures("ann")
def test_apply_deletes_no_more_than_is_allowed(cli: Run, client: UsersClient) -> None:
    state = "users: [{email: ann@example.com, state: absent}]"
    done = cli("apply", "-", "--yes", input=state)
    assert done.code == 1 and "--max-deletions 1" in done.err, done.err
    assert cli("apply", "-", input=state).code == 1  # refused without asking
    assert cli("apply", "-", "--yes", "--max-deletions", "1", input=state).code == 0
    assert role_of(client, "ann@example.com") is None


def test_apply_makes_passwords(cli: Run, home: Path) -> None:
    state = "users: [{email: ben@example.com, name: Ben}]"
    done = cli("apply", "-", "--yes", input=state)
    assert done.code == 2 and "--passwords-out" in done.err and "passwords_out" not in done.err
    done = cli("apply", "-", "--yes", "--passwords-out", "pw.csv", "--lock", "lock", input=state)
    assert done.code == 0 and "pw.csv" in done.err
    assert "ben@example.com," in (home / "pw.csv").read_text()


@pytest.mark.usefixtures("ann")
def test_snapshot(cli: Run, home: Path) -> None:
    text = cli("snapshot").out
    assert cli("plan", "-", "--detailed-exitcode", input=text).code == 0
    as_json = cli("snapshot", "--format", "json", "--personal").out
    assert cli("plan", "-", "--detailed-exitcode", input=as_json).code == 0
    as_toml = cli("snapshot", "--format", "toml").out
    assert cli("plan", "-", "--format", "toml", "--detailed-exitcode", input=as_toml).code == 0
    done = cli("snapshot", "-o", "state.toml")
    assert done.code == 0 and done.out == "" and "state.toml" in done.err
    assert (home / "state.toml").read_text() == as_toml
    assert cli("snapshot", "--format", "xml").code == 2


# ---------------------------------------------------------------- groups and permissions


@pytest.mark.usefixtures("ann")
def test_groups(cli: Run, client: UsersClient) -> None:
    done = cli("groups", "create", "staff", "--description", "d",
               "--permission", "workspace.models=true")  # fmt: skip
    assert done.code == 0
    assert cli("groups", "create", "staff").code == 2
    assert cli("groups", "create", "x", "--permission", "workspace.nothing=true").code == 2
    (row,) = json.loads(cli("groups", "list").out)
    assert row["name"] == "staff" and row["permissions"] == {"workspace": {"models": True}}
    assert json.loads(cli("groups", "get", row["id"]).out) == row
    done = cli("groups", "update", "staff", "--name", "crew", "--permission", "chat.edit=no",
               "--description", "e")  # fmt: skip
    assert done.code == 0
    found = json.loads(cli("groups", "get", "crew").out)
    assert found["permissions"] == {"workspace": {"models": True}, "chat": {"edit": False}}
    assert (found["id"], found["description"]) == (row["id"], "e")
    assert cli("groups", "update", "crew").code == 2
    assert cli("groups", "get", "staff").code == 4
    assert cli("groups", "create", "inner", "--parent", "crew").code == 0
    assert cli("groups", "delete", "inner").code == 2  # nobody to ask
    assert cli("groups", "delete", "inner", "--yes").code == 0
    assert [group.name for group in client.groups.get_groups()] == ["crew"]


def test_members(cli: Run, staff: str, ann: str) -> None:
    emails = ("--fields", "email")
    assert cli("groups", "members", "add", "staff", ann).code == 0
    assert json.loads(cli("groups", "members", "list", "staff", *emails).out) == [
        {"email": "ann@example.com"}
    ]
    assert json.loads(cli("groups", "list", "--user", ann).out)[0]["id"] == staff
    assert cli("groups", "members", "set", staff, "admin@example.com").code == 0
    assert json.loads(cli("groups", "members", "list", "staff", *emails).out) == [
        {"email": "admin@example.com"}
    ]
    assert cli("groups", "members", "remove", "staff", "-", input="admin@example.com").code == 0
    assert json.loads(cli("groups", "members", "list", "staff").out) == []
    assert cli("groups", "members", "set", "staff").code == 2
    assert cli("groups", "members", "set", "staff", "--empty").code == 0
    assert cli("groups", "members", "set", "staff", ann, "--empty").code == 2
    assert cli("groups", "members", "add", "none", ann).code == 4
    assert cli("groups", "members", "add", "staff", "x@y.zz").code == 4


@pytest.mark.usefixtures("home", "staff")
def test_permissions(cli: Run, ann: str) -> None:
    whole = json.loads(cli("permissions", "show").out)
    assert whole["workspace"]["models"] is False
    done = cli("permissions", "set", "workspace.models=true", "chat.edit=no")
    assert done.code == 0 and json.loads(done.out) == [
        {"permission": "workspace.models", "before": False, "after": True},
        {"permission": "chat.edit", "before": True, "after": False},
    ]
    assert json.loads(cli("permissions", "set", "chat.edit=off").out) == []
    found = json.loads(cli("permissions", "show", "ann@example.com").out)
    assert found["sources"]["workspace.models"] == ["default"]
    rows = cli("permissions", "show", ann, "--output", "csv").out
    assert "workspace.models,true,default\n" in rows
    for wrong in ("workspace.modls=true", "workspace.models=maybe", "workspace.models"):
        assert cli("permissions", "set", wrong).code == 2
    assert cli("permissions", "set").code == 2
    assert cli("permissions", "show", "x@y.zz").code == 4


@pytest.mark.usefixtures("staff")
def test_permissions_from_presets_and_files(cli: Run, home: Path, ann: str) -> None:
    (home / "p.yaml").write_text("workspace: {models: true}\n")
    (home / "state.json").write_text('{"default_permissions": {"workspace": {"tools": true}}}')
    assert json.loads(cli("permissions", "set", "--file", "p.yaml").out)[0]["after"] is True
    assert len(json.loads(cli("permissions", "set", "--file", "state.json").out)) == 1
    assert cli("permissions", "set", "--preset", "chat_only", "chat.edit=false").code == 0
    diff = json.loads(cli("permissions", "diff", "chat_only").out)
    assert [one["permission"] for one in diff] == ["chat.edit"]
    assert json.loads(cli("permissions", "diff", "preset:all", "all").out) == []
    assert json.loads(cli("permissions", "diff", "user:" + ann, "ann@example.com").out) == []
    assert json.loads(cli("permissions", "diff", "defaults", "group:staff").out)
    diff = json.loads(cli("permissions", "diff", "file:p.yaml", "none").out)
    assert {"permission": "workspace.models", "before": True, "after": False} in diff
    assert cli("permissions", "diff", "everything").code == 2
    assert cli("permissions", "diff", "group:none").code == 4


# ---------------------------------------------------------------- one's own account


@pytest.mark.parametrize("version", ["newest", "oldest"])
def test_settings(anywhere: Run, version: str, request: pytest.FixtureRequest) -> None:
    server: EmbeddedServer = request.getfixturevalue(version)
    server.reset()
    known = {"OPENWEBUI_URL": server.url, "OPENWEBUI_API_KEY": server.admin_token}
    assert json.loads(anywhere("settings", "get", **known).out) == {}
    assert anywhere("settings", "set", "ui.theme=dark", "ui.a.b=[1]", **known).code == 0
    done = anywhere("settings", "set", "ui.a.c=7", "ui.theme=null", **known)
    assert done.code == 0, done.err
    assert json.loads(anywhere("settings", "get", **known).out) == {"ui": {"a": {"b": [1], "c": 7}}}
    assert json.loads(anywhere("settings", "get", "ui.a.b", **known).out) == {"ui.a.b": [1]}
    assert anywhere("settings", "set", "ui.z=false", "ui.a.b=null", **known).code == 0
    assert json.loads(anywhere("settings", "get", **known).out)["ui"] == {"a": {"c": 7}, "z": False}
    assert anywhere("settings", "get", "ui.b", **known).code == 4
    for wrong in (("x",), ("ui.=1",), ("a=1", "a=2"), ("a=1", "a.b=2")):
        assert anywhere("settings", "set", *wrong, **known).code == 2, wrong


def test_status(cli: Run) -> None:
    assert cli("status", "set", "at lunch", "--emoji", "pizza", "--for", "30").code == 0
    found = json.loads(cli("status", "get").out)
    assert (found["status_message"], found["status_emoji"]) == ("at lunch", "pizza")
    assert found["status_expires_at"] > 0
    assert cli("status", "clear").code == 0
    assert not json.loads(cli("status", "get").out)["status_message"]


def test_usage(cli: Run, anywhere: Run, oldest: EmbeddedServer) -> None:
    assert json.loads(cli("usage", "--days", "7").out)["period"]["days"] == 7
    assert cli("usage", "--output", "csv").out.startswith("date,messages,")
    assert "lifetime_tokens" in cli("usage", "--output", "table").out
    assert cli("usage", "--days", "3").code == 2
    known = {"OPENWEBUI_URL": oldest.url, "OPENWEBUI_API_KEY": oldest.api_key}
    assert anywhere("usage", **known).code == 1


def test_profile_image(cli: Run, home: Path, ann: str) -> None:
    done = cli("profile", "image", "ann@example.com", "-o", "ann")
    assert done.code == 0 and "ann.png" in done.err
    assert (home / "ann.png").read_bytes()[:4] == b"\x89PNG"
    assert cli("profile", "image", ann, "-o", "ann.png").code == 2
    assert cli("profile", "image", ann, "-o", "ann.png", "--force").code == 0
    assert cli("profile", "image", ann).code == 0 and (home / f"{ann}.png").exists()
    assert cli("profile", "image", "x@y.zz").code == 4


def test_completion(anywhere: Run) -> None:
    for shell in ("bash", "zsh", "fish"):
        done = anywhere("completion", shell)
        assert done.code == 0 and "_OPENWEBUI_USERS_COMPLETE" in done.out
    assert anywhere("completion", "cmd").code == 2


# ---------------------------------------------------------------- dry runs

WRITING = [
    ("create --email b@example.com --name B --password-stdin --create-api-key", "secret"),
    ("update ann@example.com --name X", ""),
    ("set-role pending ann@example.com", ""),
    ("set-password ann@example.com --password-stdin", "secret"),
    ("deactivate ann@example.com --remove-from-groups", ""),
    ("reactivate pat@example.com --group staff", ""),
    ("expire expiry.csv", ""),
    ("delete ann@example.com", ""),
    ("sessions revoke ann@example.com", ""),
    ("import people.csv --passwords-out pw.csv --journal j --create-groups", ""),
    ("export -o users.csv", ""),
    ("apply state.yaml", ""),
    ("groups create crew", ""),
    ("groups update staff --name crew", ""),
    ("groups delete staff", ""),
    ("groups members set staff ann@example.com", ""),
    ("groups members add staff ann@example.com", ""),
    ("groups members remove staff pat@example.com", ""),
    ("permissions set workspace.models=true", ""),
    ("settings set ui.theme=dark", ""),
    ("status set hi", ""),
    ("status clear", ""),
]
#: Dry-run by a test of its own, as it signs in all the same.
SIGNS_IN = "login"
#: Commands that change nothing on the server, besides those that only show things.
LOCAL = {"serve", "completion", "snapshot", "profile image"}


@pytest.mark.parametrize(("line", "given"), WRITING, ids=[line for line, _ in WRITING])
@pytest.mark.usefixtures("staff", "ann")
def test_dry_runs_change_nothing(
    cli: Run, server: EmbeddedServer, home: Path, line: str, given: str
) -> None:
    server.add_user("Pat", "pat@example.com", role="pending")
    (home / "people.csv").write_text(PEOPLE)
    (home / "expiry.csv").write_text("email,expires\nann@example.com,2020-01-01\n")
    (home / "state.yaml").write_text(STATE.replace("staff", "crew"))
    before = sorted(os.listdir(home))  # noqa: PTH208
    server.forget_requests()
    done = cli(*line.split(), "--dry-run", input=given)
    assert done.code == 0, done.err
    # who is in a group is asked with POST
    asking = [one for one in server.requests if one.path.endswith("/users")]
    changing = [one for one in server.requests if one.method != "GET" and one not in asking]
    assert not changing
    assert sorted(os.listdir(home)) == before  # noqa: PTH208


def test_every_command_that_writes_has_a_dry_run() -> None:
    """A command is dry-run above, or is known to change nothing."""
    from cli_commands import all_commands, options_of

    lines = [line for line, _ in WRITING]
    for name, made in all_commands():
        is_tested = any(f"{line} ".startswith(f"{name} ") for line in (*lines, SIGNS_IN))
        has_option = "--dry-run" in options_of(made)
        assert is_tested == has_option, name
        assert not (has_option and name in LOCAL)
    shown = {name for name, made in all_commands() if "--dry-run" not in options_of(made)} - LOCAL
    words = {"list", "get", "find", "search", "show", "diff", "inactive", "usage"}
    words |= {"whoami", "ping", "plan", "drift"}
    assert {name for name in shown if name.split()[-1] not in words} == set()
    assert {name.split()[0] for name, _ in all_commands()} == set(MODULES)


@pytest.mark.parametrize(
    "line",
    [
        "deactivate -",
        "reactivate -",
        "delete - --yes",
        "sessions revoke -",
        "set-role user -",
        "set-password - --passwords-out p.csv",
        "groups members add staff -",
        "groups members remove staff -",
    ],
)
def test_nobody_from_standard_input_is_nothing_to_do(
    cli: Run, client: UsersClient, server: EmbeddedServer, line: str
) -> None:
    client.groups.create_new_group(name="staff", description="")
    server.forget_requests()
    done = cli(*line.split(), input="\n")
    assert done.code == 0 and "the accounts are in" not in done.err, done
    changing = [one.path for one in server.requests if one.method != "GET"]
    assert [path for path in changing if not path.endswith("/users")] == []  # that is a list
    assert cli(*line.split(), "--output", "json", input="").code == 0


def test_nobody_from_standard_input_empties_no_group(cli: Run, client: UsersClient) -> None:
    client.groups.create_new_group(name="staff", description="")
    done = cli("groups", "members", "set", "staff", "-", input="")
    assert done.code == 2 and "no user is given" in done.err
