"""import_users."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped, unused-ignore]
import pytest
from admin_server import writes

from openwebui_users import EmailTakenError, UsersClient
from openwebui_users.admin import (
    AdminError,
    InvalidInputError,
    LockedError,
    PartialFailureError,
    RefusedError,
    import_users,
)
from openwebui_users.admin._files import GrowingFile
from openwebui_users.admin._passwords import PasswordFile
from openwebui_users.testing import EmbeddedServer

PEOPLE = """Name,Email,Password,Role
Ann,Ann@example.com,secret of ann,user
Ben,ben@example.com,secret of ben,Admin
Cem,cem@example.com,secret of cem,pending
"""


def table(text: str) -> io.StringIO:
    return io.StringIO(text)


def sign_in(client: UsersClient, email: str, password: str) -> Any:
    guest = client.with_options(api_key="").auths
    return guest.signin(email=email, password=password, set_client_api_key=False)


def read_passwords(path: Path) -> dict[str, str]:
    with path.open(newline="") as file:
        return {row["email"]: row["password"] for row in csv.DictReader(file)}


# ---------------------------------------------------------------- what is made


def test_the_header_of_the_servers_own_page(any_client: UsersClient) -> None:
    result = import_users(any_client, table(PEOPLE))
    assert result.counts == {"created": 3} and result.ok
    users = {user.email: user for user in any_client.iter_users()}
    assert {email: users[email].role for email in list(users)[1:]} == {
        "ann@example.com": "user",
        "ben@example.com": "admin",
        "cem@example.com": "pending",
    }
    for row in result.rows:
        assert row.id == users[str(row.email)].id
    assert sign_in(any_client, "ann@example.com", "secret of ann").token
    assert "secret of ann" not in str(result) + repr(result)


def test_more_columns(any_client: UsersClient) -> None:
    any_client.groups.create_new_group(name="staff", description="")
    text = (
        "name;email;password;groups;bio;date of birth;settings\n"
        'Ann;ann@example.com;pw of ann;"staff";likes = signs;2000-02-03;'
        '"{""ui"": {""theme"": ""dark""}}"\n'
    )
    result = import_users(any_client, table(text), create_groups=True)
    assert result.ok, str(result)
    ann = any_client.find_user("ann@example.com")
    assert ann is not None
    assert (ann.role, ann.bio, str(ann.date_of_birth)) == ("user", "likes = signs", "2000-02-03")
    assert ann.settings is not None and ann.settings.ui == {"theme": "dark"}
    names = {group.name for group in any_client.get_user_groups_by_id(ann.id)}
    assert names == {"staff"}


def test_groups_that_there_are_not(client: UsersClient, server: EmbeddedServer) -> None:
    text = 'name,email,password,groups\nAnn,a@example.com,pw,"staff; night shift"\n'
    with pytest.raises(InvalidInputError, match=r"row 2 .* column groups: there is no group"):
        import_users(client, table(text))
    dry = import_users(client, table(text), create_groups=True, dry_run=True)
    assert list(dry.rows[0].changes) == ["member of staff", "member of night shift"]
    assert writes(server) == []
    import_users(client, table(text), create_groups=True)
    assert {group.name for group in client.groups.get_groups()} == {"staff", "night shift"}
    assert all(group.member_count == 1 for group in client.groups.get_groups())


def test_iterables_and_data_frames(client: UsersClient) -> None:
    frame = pd.DataFrame([{"Name": "Ann", "E-Mail": "ann@example.com", "password": "pw"}])
    assert import_users(client, frame).counts == {"created": 1}
    row = {"name": "Ben", "email": "ben@example.com", "password": "pw", "groups": []}
    assert import_users(client, (one for one in [row])).counts == {"created": 1}


# ---------------------------------------------------------------- what is refused

BAD = """name,email,password,role
Ann,ann@example.com,pw,amdin
,ben@example.com,pw,user
Cem,not an address,pw,user
Dan,dan@example.com,,user
Eve,eve@example.com,{long},user
Fay,FAY@example.com,pw,user
Fay,fay@example.com,pw,user
Gil,gil@example.com,pw,user,extra
""".format(long="é" * 37)


def test_all_that_is_wrong_is_told_and_nothing_sent(
    client: UsersClient, server: EmbeddedServer
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        import_users(client, table(BAD))
    told = {(problem.row, problem.column) for problem in caught.value.problems}
    assert told == {
        (2, "role"),
        (3, "name"),
        (4, "email"),
        (5, "password"),
        (6, "password"),
        (8, "email"),
        (9, None),
    }
    text = str(caught.value)
    assert "row 2 (ann@example.com) column role: must be one of admin, user, pending" in text
    assert "row 8 (fay@example.com) column email: is in row 7 already" in text
    assert "72 bytes in UTF-8, has 74" in text and "é" * 37 not in text
    assert server.requests == []


def test_the_good_rows_alone(client: UsersClient, server: EmbeddedServer) -> None:
    result = import_users(client, table(BAD), on_invalid="skip")
    assert result.counts == {"created": 1, "invalid": 7}
    assert [row.row for row in result.rows] == list(range(2, 10)) and not result.ok
    assert [user.email for user in client.iter_users()] == [server.admin_email, "fay@example.com"]
    with pytest.raises(PartialFailureError, match="7 invalid"):
        result.raise_for_failures()


def test_columns_that_are_not_known(client: UsersClient, server: EmbeddedServer) -> None:
    text = "name,email,password,Cost centre\nAnn,ann@example.com,pw,7\n"
    with pytest.raises(InvalidInputError, match="cost_centre: there is no such column"):
        import_users(client, table(text), on_invalid="skip")
    assert server.requests == []
    assert import_users(client, table(text), ignore_columns=["Cost centre"]).ok


def test_hostile_cells_are_told_as_escapes(client: UsersClient) -> None:
    text = "name,email,password\n\x1b[2Jx,\u202eevil@example.com\x1b[0m,pw\n"
    with pytest.raises(InvalidInputError) as caught:
        import_users(client, table(text))
    assert "\x1b" not in str(caught.value) and "\u202e" not in str(caught.value)


def test_choices_are_checked(client: UsersClient, server: EmbeddedServer) -> None:
    for name in ("on_invalid", "on_existing", "default_role"):
        how: Any = {name: "x"}
        with pytest.raises(ValueError, match=name):
            import_users(client, [], **how)
    with pytest.raises(TypeError, match=r"asyncio\.to_thread"):
        import_users(server, [])  # type: ignore[arg-type]


# ---------------------------------------------------------------- who is registered already


def test_existing_addresses(client: UsersClient, server: EmbeddedServer) -> None:
    ann = server.add_user("Old", "ann@example.com", "old password")
    text = "name,email,password\nAnn,ANN@example.com,new password\n"
    assert import_users(client, table(text)).counts == {"skipped": 1}
    with pytest.raises(InvalidInputError, match=r"row 2 .* is registered already"):
        import_users(client, table(text), on_existing="error")
    assert writes(server) == []

    client.update_user_by_id(ann.id, role="pending")
    result = import_users(client, table(text), on_existing="update")
    assert result.counts == {"updated": 1}
    assert result.rows[0].changes == {"name": ("Old", "Ann")}  # a role that is not given stays
    assert client.get_user_by_id(ann.id).role == "pending"
    sign_in(client, "ann@example.com", "old password")
    import_users(client, table(text), on_existing="update", update_passwords=True)
    sign_in(client, "ann@example.com", "new password")


def test_existing_users_need_no_password_and_get_the_picture(
    any_client: UsersClient, any_server: EmbeddedServer
) -> None:
    ann = any_server.add_user("Ann", "ann@example.com")
    text = "name,email,profile_image_url\nAnn,ann@example.com,https://example.com/ann.png\n"
    result = import_users(any_client, table(text), on_existing="update")
    assert result.rows[0].changes == {
        "profile_image_url": ("/user.png", "https://example.com/ann.png")
    }
    assert any_client.get_user_by_id(ann.id).profile_image_url == "https://example.com/ann.png"
    more = table(text + "Ben,ben@example.com,https://example.com/ben.png\n")
    with pytest.raises(InvalidInputError, match=r"row 3 \(ben@example.com\) column password"):
        import_users(any_client, more, on_existing="update")
    assert any_client.find_user("ben@example.com") is None


def test_existing_users_join_groups(any_client: UsersClient, any_server: EmbeddedServer) -> None:
    any_server.add_user("Ann", "ann@example.com")
    any_client.groups.create_new_group(name="staff", description="")
    text = "name,email,groups,bio\nAnn,ann@example.com,staff,x\n"
    how: Any = {"on_existing": "update", "passwords_out": "never-made.csv", "dry_run": True}
    assert import_users(any_client, table(text), **how).counts == {"updated": 1}
    del how["dry_run"]
    rows = [{"name": "Ann", "email": "ann@example.com", "groups": ["staff"], "password": "x"}]
    assert import_users(any_client, rows, on_existing="update").counts == {"updated": 1}
    again = import_users(any_client, rows, on_existing="update")
    assert again.counts == {"unchanged": 1}
    rows[0]["bio"] = "x"
    again = import_users(any_client, rows, on_existing="update")
    assert "left as they are, as only the user can change them: bio" in str(again)


def test_the_primary_administrator_keeps_the_role(
    client: UsersClient, server: EmbeddedServer
) -> None:
    rows = [{"name": "A", "email": server.admin_email, "password": "x", "role": "user"}]
    with pytest.raises(InvalidInputError, match="is the primary administrator"):
        import_users(client, rows, on_existing="update")
    assert writes(server) == []


# ---------------------------------------------------------------- passwords that are made


def test_passwords_are_made_and_kept(client: UsersClient, tmp_path: Path) -> None:
    path = tmp_path / "passwords.csv"
    text = "name,email,password\nAnn,ann@example.com,\nBen,ben@example.com,given\n"
    result = import_users(client, table(text), passwords_out=path)
    assert result.counts == {"created": 2} and result.passwords_out == str(path)
    made = read_passwords(path)
    assert list(made) == ["ann@example.com"] and stat.S_IMODE(path.stat().st_mode) == 0o600
    sign_in(client, "ann@example.com", made["ann@example.com"])
    sign_in(client, "ben@example.com", "given")
    other = tmp_path / "other.csv"
    other.write_text("something else\n")
    # an editor may leave the last line without its end; a crash leaves less than a password
    kept = path.read_text()
    path.write_text(kept.removesuffix("\n"))
    with PasswordFile(path) as file:
        assert file.known == made
    assert path.read_text() == kept
    path.write_text(kept + "cem@example.com,Ab3")
    with PasswordFile(path) as file:
        assert file.known == made
    assert path.read_text() == kept
    with pytest.raises(AdminError, match="passwords_out"):
        import_users(client, table(text), passwords_out=other)


# ---------------------------------------------------------------- failures


def test_an_answer_that_is_lost(client: UsersClient, server: EmbeddedServer) -> None:
    """The account is there: signing in with its password shows that it is ours."""
    server.fault("lost", path="/api/v1/auths/add")
    result = import_users(client, table(PEOPLE), concurrency=1)
    assert result.counts == {"created": 3}, str(result)


def test_an_address_that_somebody_takes_meanwhile(
    client: UsersClient, server: EmbeddedServer
) -> None:
    taken: list[int] = []

    def take(_: object) -> None:
        if not taken:
            taken.append(1)
            server.add_user("Other", "cem@example.com", "another password")

    result = import_users(client, table(PEOPLE), concurrency=1, progress=take)
    assert result.counts == {"created": 2, "failed": 1}
    assert "already registered" in str(result.rows[2].error)


def test_a_row_of_which_not_all_could_be_done(client: UsersClient, server: EmbeddedServer) -> None:
    client.groups.create_new_group(name="staff", description="")
    rows = [{"name": "Ann", "email": "ann@example.com", "password": "pw", "groups": "staff"}]
    server.fault("status", code=500, path="*/users/add")
    result = import_users(client, rows)
    assert result.rows[0].status == "created" and not result.ok
    assert "the account is there, but not all of its row" in str(result)


def test_a_key_that_is_revoked_meanwhile_stops_the_import(
    client: UsersClient, server: EmbeddedServer
) -> None:
    server.fault("status", code=401, path="/api/v1/auths/add", times=100)
    rows = [{"name": "P", "email": f"p{i}@example.com", "password": "pw"} for i in range(30)]
    result = import_users(client, rows, concurrency=2)
    assert result.stopped is not None and "key or token" in result.stopped
    assert result.counts["not_run"] >= 27
    assert "stopped: " in str(result)


def test_a_server_that_goes_away_stops_the_import(tmp_path: Path) -> None:
    with EmbeddedServer(database=tmp_path / "db") as server:
        client = UsersClient(server.url, server.admin_token, retry=0)
        rows = [{"name": "P", "email": f"p{i}@example.com", "password": "pw"} for i in range(30)]

        def stop(_: object) -> None:
            server.stop()

        with client:
            result = import_users(client, rows, concurrency=2, progress=stop)
    assert result.stopped is not None and "cannot be reached" in result.stopped
    assert result.counts["not_run"] >= 20


# ---------------------------------------------------------------- dry runs and progress


def test_a_dry_run_sends_nothing(
    client: UsersClient, server: EmbeddedServer, tmp_path: Path
) -> None:
    server.add_user("Ann", "ann@example.com")
    path = tmp_path / "passwords.csv"
    result = import_users(
        client,
        table(PEOPLE.replace("secret of ben", "")),
        dry_run=True,
        passwords_out=path,
        journal=tmp_path / "journal",
        audit=tmp_path / "audit",
    )
    assert result.counts == {"created": 2, "skipped": 1} and "(dry run)" in str(result)
    assert writes(server) == [] and list(tmp_path.iterdir()) == []


def test_progress_on_a_terminal(
    client: UsersClient, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    import_users(client, table(PEOPLE), progress=True)
    assert capsys.readouterr().err.endswith("import_users: 3/3\n")


# ---------------------------------------------------------------- killed, and begun again

ROWS: list[dict[str, str]] = [
    {"name": "Ann", "groups": "staff", "bio": "b"},
    {"name": "Ben", "password": "given to ben", "bio": "b"},
    {"name": "Cem"},
    {"name": "Dan", "groups": "staff"},
]

KILLED = """
import json, os, signal, sys
from openwebui_users import UsersClient
from openwebui_users.admin import _files, _work, import_users

url, token, folder, rows, place, left = sys.argv[1:]
left = int(left)

def die_when_due():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def before(function):
    def replaced(*args):
        die_when_due()
        return function(*args)
    return replaced

def after(function):
    def replaced(*args):
        answer = function(*args)
        die_when_due()
        return answer
    return replaced

append = _files.GrowingFile.append
if place == "before a line":
    _files.GrowingFile.append = before(append)
elif place == "after a line":
    _files.GrowingFile.append = after(append)
elif place == "while requests are under way":
    _work.Calls.wait = before(_work.Calls.wait)
with UsersClient(url, token, retry=0) as client:
    import_users(
        client, json.loads(rows), passwords_out=folder + "/passwords.csv",
        journal=folder + "/journal", audit=folder + "/audit", concurrency=2,
    )
"""


def run_import(
    server: EmbeddedServer,
    folder: Path,
    rows: list[dict[str, str]],
    place: str,
    left: int,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-c", KILLED, server.url, server.admin_token, folder),
            *(json.dumps(rows), place, str(left)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("place", ["before a line", "after a line", "while requests are under way"])
def test_killed_at_every_boundary(
    newest: EmbeddedServer,
    tmp_path: Path,
    place: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whenever it is killed: begun again, every user exists once, and every password signs in."""
    monkeypatch.setattr("openwebui_users.admin._import._UNANSWERED", 0.2)
    kills = 0
    for left in range(1, 100):
        newest.reset()
        folder = tmp_path / str(left)
        folder.mkdir()
        # names of their own: servers count how often somebody signs in
        domain = f"{place.replace(' ', '-')}-{left}.example.com"
        rows = [{**row, "email": f"{row['name'].lower()}@{domain}"} for row in ROWS]
        with UsersClient(newest.url, newest.admin_token) as client:
            client.groups.create_new_group(name="staff", description="")
            died = run_import(newest, folder, rows, place, left)
            assert died.returncode in (0, -signal.SIGKILL), died.stderr
            kills += died.returncode != 0
            result = import_users(
                client,
                rows,
                passwords_out=folder / "passwords.csv",
                journal=folder / "journal",
                concurrency=2,
            )
            assert result.counts == {"created": 4} and result.ok, str(result)
            users = [user for user in client.iter_users() if user.email != newest.admin_email]
            assert [user.email for user in users] == [row["email"] for row in rows]
            assert [user.bio for user in users] == [row.get("bio") for row in rows]
            assert [len(user.group_ids or ()) for user in users] == [1, 0, 0, 1]
            passwords = read_passwords(folder / "passwords.csv")
            assert len(passwords) == 3
            for row in rows:
                sign_in(client, row["email"], row.get("password") or passwords[row["email"]])
        if died.returncode == 0:
            break
    with capsys.disabled():
        print(f"\nimport killed {kills} times, {place}")
    assert kills >= 6


def test_a_journal_belongs_to_one_server_and_one_run(client: UsersClient, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    import_users(client, table(PEOPLE), journal=journal)
    assert import_users(client, table(PEOPLE), journal=journal).counts == {"created": 3}
    with EmbeddedServer() as other, UsersClient(other.url, other.admin_token) as elsewhere:
        with pytest.raises(RefusedError, match="is of an import into"):
            import_users(elsewhere, table(PEOPLE), journal=journal)
        assert writes(other) == []
    with GrowingFile(journal, "journal"):
        with pytest.raises(LockedError, match="in use by another run"):
            import_users(client, table(PEOPLE), journal=journal)
    (tmp_path / "text").write_text("some text\n")
    with pytest.raises(AdminError, match="is another file, and was not changed"):
        import_users(client, table(PEOPLE), journal=tmp_path / "text")


def test_somebody_elses_account_is_not_taken_for_ours(
    client: UsersClient, server: EmbeddedServer, tmp_path: Path
) -> None:
    """There is an intent in the journal, but another has registered the address since."""
    journal = tmp_path / "journal"
    with GrowingFile(journal, "journal") as file:
        head = {"kind": "openwebui_users import journal", "version": 1, "server": server.url}
        file.append(json.dumps(head))
        file.append(json.dumps({"step": "intent", "email": "ann@example.com", "time": 1.0}))
    server.add_user("Other", "ann@example.com", "another password")
    with pytest.raises(InvalidInputError, match="give the same passwords_out as then"):
        import_users(
            client,
            [{"name": "Ann", "email": "ann@example.com"}],
            journal=journal,
            passwords_out=tmp_path / "passwords.csv",
        )
    result = import_users(client, table(PEOPLE), journal=journal)
    assert result.counts == {"created": 2, "failed": 1}
    assert import_users(client, table(PEOPLE), journal=journal).counts == {
        "created": 2,
        "skipped": 1,  # it is known now whose it is
    }


def test_a_refusal_ends_an_intent(
    client: UsersClient, server: EmbeddedServer, tmp_path: Path
) -> None:
    """Whoever registers the address afterwards is not taken for ours, whatever the password."""
    rows = [{"name": "Ann", "email": "ann@example.com", "password": "Welcome1!"}]
    server.fault("status", code=422, path="/api/v1/auths/add")
    journal = tmp_path / "journal"
    assert import_users(client, rows, journal=journal).counts == {"failed": 1}
    server.add_user("Other", "ann@example.com", "Welcome1!")
    assert import_users(client, rows, journal=journal).counts == {"skipped": 1}


def test_other_files_are_left_as_they_are(
    client: UsersClient, server: EmbeddedServer, tmp_path: Path
) -> None:
    for text in ('{"precious": 1}', "some text\nwithout end", "\xff"):
        path = tmp_path / "precious"
        path.write_bytes(text.encode("latin-1"))
        path.chmod(0o644)
        for name in ("journal", "passwords_out"):
            how: Any = {name: path}
            with pytest.raises(AdminError, match="is another file, and was not changed"):
                import_users(client, table(PEOPLE), **how)
        assert path.read_bytes() == text.encode("latin-1")
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    people = tmp_path / "people.csv"
    people.write_text(PEOPLE.rstrip())
    for name in ("journal", "passwords_out", "audit"):
        how = {name: people}
        with pytest.raises(InvalidInputError, match="is the same file as source"):
            import_users(client, people, **how)
    assert people.read_text() == PEOPLE.rstrip()
    with pytest.raises(AdminError, match="must be a regular file"):
        import_users(client, table(PEOPLE), journal="/dev/null")
    assert writes(server) == []


def test_a_journal_outlives_a_full_disk(
    client: UsersClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line is written whole or not at all, so the import can be begun again."""
    write, left = os.write, [5]

    def fill(descriptor: int, data: bytes) -> int:
        left[0] -= 1
        if left[0] == 0:
            return write(descriptor, data[:7])
        if left[0] == -1:
            raise OSError(28, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr("openwebui_users.admin._files.os.write", fill)
    rows = [{"name": "P", "email": f"p{i}@example.com", "password": "pw"} for i in range(9)]
    with pytest.raises(PartialFailureError):
        import_users(client, rows, journal=tmp_path / "journal", concurrency=1)
    monkeypatch.undo()
    monkeypatch.setattr("openwebui_users.admin._import._UNANSWERED", 0.2)
    assert import_users(client, rows, journal=tmp_path / "journal").counts == {"created": 9}


def test_a_dry_run_knows_the_journal_and_changes_no_file(
    client: UsersClient, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    import_users(client, table(PEOPLE), journal=journal, on_existing="error")
    with journal.open("a") as file:
        file.write('{"torn')
    before = journal.read_text()
    dry = import_users(client, table(PEOPLE), journal=journal, on_existing="error", dry_run=True)
    assert dry.counts == {"created": 3} and journal.read_text() == before


def test_a_table_without_a_header_shows_nobody_s_password(client: UsersClient) -> None:
    text = "Ann,ann@example.com,TopSecret9\nBen,ben@example.com,TopSecret8\n"
    for source in (table(text), text):
        with pytest.raises(InvalidInputError) as caught:
            import_users(client, source)
        assert "secret" not in str(caught.value).lower()


def test_what_cannot_be_seen_in_an_address_is_refused(client: UsersClient) -> None:
    row = {"name": "A", "email": "ann@example.com", "password": "pw"}
    for hidden in ("\u200b", "\ufeff", "\u202e", "\xad"):
        with pytest.raises(InvalidInputError, match="not seen"):
            import_users(client, [{**row, "email": f"ann{hidden}@example.com"}])
    with pytest.raises(InvalidInputError, match="column name: must not hold"):
        import_users(client, [{**row, "name": "A\u202eB"}])


def test_a_lost_answer_that_cannot_be_looked_up_is_unknown(
    client: UsersClient, server: EmbeddedServer
) -> None:
    rows = [{"name": "A", "email": "ann@example.com", "password": "pw"}]
    server.fault("lost", path="/api/v1/auths/add")
    server.fault("status", code=429, path="/api/v1/auths/signin")
    result = import_users(client, rows)
    assert result.counts == {"unknown": 1} and "not known whether" in str(result)


def test_a_group_that_cannot_be_made(client: UsersClient, server: EmbeddedServer) -> None:
    rows = [{"name": "A", "email": "a@example.com", "password": "pw", "groups": "x;y"}]
    server.fault("status", code=500, path="/api/v1/groups/create")
    with pytest.raises(AdminError, match="no account was made, as not all groups could be: x"):
        import_users(client, rows, create_groups=True)
    assert client.get_users().total == 1


def test_a_user_deleted_since_is_made_again(client: UsersClient, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    result = import_users(client, table(PEOPLE), journal=journal)
    client.delete_user_by_id(str(result.rows[0].id))
    assert import_users(client, table(PEOPLE), journal=journal).counts == {"created": 3}
    assert client.find_user("ann@example.com") is not None


INTERRUPTED = """
import sys
from openwebui_users import UsersClient
from openwebui_users.admin import Interrupted, import_users

rows = [{"name": "P", "email": f"p{i:03}@example.com", "password": "pw"} for i in range(200)]
with UsersClient(sys.argv[1], sys.argv[2], retry=0) as client:
    def tell(progress):
        if progress.done == 20:
            print("going", flush=True)
    try:
        import_users(client, rows, concurrency=4, progress=tell)
    except Interrupted as error:
        print(error.result.counts)
        raise
"""


def test_ctrl_c_says_what_was_done(client: UsersClient, server: EmbeddedServer) -> None:
    server.fault("slow", seconds=0.02, path="/api/v1/auths/add", times=1000)
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, server.url, server.admin_token],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "going\n"
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        took = time.monotonic() - start
    assert process.returncode != 0 and took < 5
    counts = eval(out)
    made = client.get_users().total - 1
    assert counts == {"created": made, "not_run": 200 - made} and 20 <= made < 200
    assert f"{made} created" in err and "stopped: interrupted" in err


def test_a_full_disk_stops_the_import_and_says_what_was_done(
    client: UsersClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, left = GrowingFile.append, [8]

    def fail_at_last(self: GrowingFile, line: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        append(self, line)

    monkeypatch.setattr(GrowingFile, "append", fail_at_last)
    rows = [{"name": "P", "email": f"p{i}@example.com", "password": "pw"} for i in range(9)]
    with pytest.raises(PartialFailureError, match="No space left on device") as caught:
        import_users(client, rows, journal=tmp_path / "journal", concurrency=2)
    counts = caught.value.result.counts
    assert counts["not_run"] >= 3 and isinstance(caught.value.__cause__, OSError)
    assert len([row for row in caught.value.result.rows if row.id]) == client.get_users().total - 1


def test_a_progress_function_that_fails(client: UsersClient) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("no more")

    rows = [{"name": "P", "email": f"p{i}@example.com", "password": "pw"} for i in range(9)]
    with pytest.raises(PartialFailureError, match="stopped: RuntimeError: no more") as caught:
        import_users(client, rows, progress=fail, concurrency=1)
    assert caught.value.result.counts == {"created": 1, "not_run": 8}


def test_a_taken_address_is_told_as_such(client: UsersClient, server: EmbeddedServer) -> None:
    """The class of the error behind a row stays what the server's answer means."""
    server.add_user("Ann", "ann@example.com")
    with pytest.raises(EmailTakenError):
        client.auths.add_user(name="A", email="ann@example.com", password="pw", role="user")
