"""How commands end when something is wrong: exit codes, one line on stderr, no traceback."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from terminal import COMMAND, LIMIT, Environment, Process, Run

from openwebui_users import UsersClient
from openwebui_users.cli import _users
from openwebui_users.cli._failures import EXIT_CODES, in_options
from openwebui_users.testing import EmbeddedServer


def only_line(text: str) -> str:
    """The one line of stderr."""
    assert text.endswith("\n") and text.count("\n") == 1, text
    assert text.startswith("error: ") and "Traceback" not in text
    return text


# ---------------------------------------------------------------- each exit code


@pytest.mark.parametrize(
    ("status", "code"),
    [(500, 1), (400, 1), (401, 3), (403, 3), (404, 4), (429, 6), (503, 1), (504, 1)],
)
def test_exit_codes_of_statuses(cli: Run, server: EmbeddedServer, status: int, code: int) -> None:
    server.fault("status", code=status, times=9, path="/api/v1/groups/")
    done = cli("groups", "list", "--timeout", "5")
    assert done.code == code and done.out == ""
    only_line(done.err)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("ping", 0),
        ("get x@y.zz", 4),
        ("get nobody", 4),
        ("find x@y.zz", 4),
        ("set-role user x@y.zz", 4),
        ("groups get none", 4),
        ("list --output xml", 2),
        ("list --nope", 2),
        ("list --limit x", 2),
        ("lisst", 2),
        ("get", 2),
        ("update x", 2),
        ("import none.csv --yes", 2),
        ("list --timeout 0", 2),
        ("list --fields nam", 2),
        ("set-role user admin@example.com", 1),  # a guard
        ("whoami --api-key-file wrong", 3),
        ("whoami --url http://127.0.0.1:1 --insecure-api-key x", 5),
        ("whoami --url http://name.invalid --insecure-api-key x", 5),
        ("whoami --url nonsense", 2),
    ],
)
def test_exit_codes(cli: Run, home: Path, line: str, code: int) -> None:
    (home / "wrong").write_text("sk-wrong\n")
    done = cli(*line.split())
    assert done.code == code, done
    if code != 0:
        only_line(done.err)


def test_no_key_at_all(anywhere: Run, server: EmbeddedServer) -> None:
    done = anywhere("list", "--url", server.url)
    assert done.code == 3 and "OPENWEBUI_API_KEY" in only_line(done.err)
    done = anywhere("list")
    assert done.code == 2 and "login" in only_line(done.err)


def test_a_server_that_does_not_answer(cli: Run, server: EmbeddedServer) -> None:
    server.fault("slow", seconds=20, times=9)
    done = cli("list", "--timeout", "0.5")
    assert done.code == 5
    only_line(done.err)


def test_partly_done(cli: Run, server: EmbeddedServer) -> None:
    for name in ("ann", "ben"):
        server.add_user(name, f"{name}@example.com")
    server.fault("status", code=500, method="POST", path="/api/v1/users/*/update", times=1)
    done = cli("set-role", "pending", "ann@example.com", "ben@example.com")
    assert done.code == 7 and done.err == ""
    assert json.loads(done.out)["counts"] == {"updated": 1, "failed": 1}


def test_all_exit_codes_are_documented(cli: Run) -> None:
    done = cli("--help")
    for code in EXIT_CODES:
        assert re.search(rf"\b{code}:", done.out), code


# ---------------------------------------------------------------- texts


def test_more_with_v(cli: Run, home: Path) -> None:
    (home / "people.csv").write_text("name,email\nA,a\nB,b\n")
    short = cli("import", "people.csv", "--yes", "--passwords-out", "pw.csv")
    assert short.code == 2 and "-v shows all" in only_line(short.err)
    long = cli("import", "people.csv", "--yes", "--passwords-out", "pw.csv", "-v")
    assert long.code == 2 and long.err.count("must be an e-mail address") == 2
    assert "InvalidInputError, exit code 2" in long.err


def test_calls_with_vv(cli: Run, server: EmbeddedServer) -> None:
    done = cli("list", "-vv")
    assert done.code == 0 and "GET /api/v1/users/: 200" in done.err
    assert server.admin_token not in done.err
    assert cli("list").err == ""  # it ends with the command


@pytest.mark.usefixtures("server")
def test_a_defect_is_one_line_too(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("no such thing")

    monkeypatch.setattr(_users, "_show", broken)
    done = cli("get", "a@b.cc")
    assert done.code == 1 and "a defect of this program" in only_line(done.err)
    done = cli("get", "a@b.cc", "-v")
    assert "test_cli_failures.py" in done.err and "Traceback" not in done.err


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("give max_deletions=3 to allow that", "give --max-deletions 3 to allow that"),
        ("give ignore_columns=['lock=', 'x'] for it", "give --ignore-column 'lock=', 'x' for it"),
        ("passwords_out: must be given", "--passwords-out: must be given"),
        ("update_user() with profile_image_url /x", "update --profile-image-url /x"),
        ("is a secret: give include_secrets=True", "is a secret: give --secrets"),
        ("give passwords_out= to have", "give --passwords-out FILE to have"),
        ("a file that can, with lock=", "a file that can, with --lock FILE"),
        (
            ("The server allows this with the token of a sign-in only, not with an API key: call "
            "auths.signin() first."),
            ("The server allows this with the token of a sign-in only, not with an API key: run "
            "login with an e-mail address and a password."),
        ),
        (
            ("No API key was sent: give api_key=... or set OPENWEBUI_API_KEY, or sign in with "
            "auths.signin()."),
            "No API key was sent: run login, or set OPENWEBUI_API_KEY.",
        ),
        ("the format of x is not known: give format= (yaml)", ("the format of x is not known: "
         "give --format (yaml)")),
        ("an e-mail of passwords.out@x.yz", "an e-mail of passwords.out@x.yz"),
    ],
)  # fmt: skip
def test_messages_speak_of_options(said: str, told: str) -> None:
    assert in_options(said) == told


def test_messages_of_verbs_name_no_python(cli: Run, home: Path) -> None:
    (home / "state").write_text("{}")
    (home / "people.csv").write_text("name,email\nA,a@b.cc\n")
    for line in (
        "plan state",
        "import people.csv --yes",
        "set-password admin@example.com",
        "import people.csv --yes --default-role boss",
        "import people.csv --yes --on-existing never",
        "export -o x.y",
        "export --fields api_key",
        "import people.csv --yes --journal people.csv --passwords-out p",
        "permissions set --preset none_of_them",
        "snapshot -o x.y",
        "usage --days 1",
    ):
        done = cli(*line.split())
        assert done.code == 2, (line, done)
        found = re.findall(
            r"\b\w+_\w+\b(?<!chat_only)(?<!server_defaults)(?<!none_of_them)|\w\(\)|=True", done.err
        )
        known = {"api_key", "profile_image_url", "date_of_birth"}
        assert not set(found) - known or "known are" in done.err, (line, done.err)


# ---------------------------------------------------------------- the ends of pipes


@pytest.mark.parametrize("format", ["table", "json", "jsonl", "csv", "yaml", "id"])
def test_head(environment: Environment, server: EmbeddedServer, format: str) -> None:  # noqa: A002
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    for number in range(400):
        server.add_user("N" * 200, f"u{number}@example.com")
    line = f"{' '.join(COMMAND)} list --output {format} | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line],
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    first, code = done.stdout.splitlines()
    assert first and code in ("141", "0") and done.stderr == ""


@pytest.mark.parametrize("line", ["list", "list --output csv", "export", "snapshot", "--version"])
def test_a_reader_who_is_gone(environment: Environment, line: str) -> None:
    process = subprocess.Popen(
        [*COMMAND, *line.split()], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(LIMIT), errors) == (141, b"")


def test_a_full_disk(environment: Environment) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "list"],
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=LIMIT,
            check=False,
        )
    assert done.returncode == 1
    assert only_line(done.stderr.decode()) == "error: standard output: No space left on device\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("line", ["list", "find x@y.zz", "create --email a@b.cc --name A"])
def test_closed_streams(environment: Environment, closed: str, line: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{' '.join(COMMAND)} {line} {closed}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == {"list": 0, "find": 4, "create": 2}[line.split(maxsplit=1)[0]]
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


# ---------------------------------------------------------------- Ctrl-C without a terminal


def test_interrupted_import_reports_on_stdout(
    environment: Environment, server: EmbeddedServer, client: UsersClient, home: Path
) -> None:
    """SIGINT to the process; its report is JSON like any other."""
    rows = [f"U{number},u{number}@example.com,pw-{number}" for number in range(30)]
    (home / "people.csv").write_text("\n".join(["name,email,password", *rows]) + "\n")
    server.fault("slow", seconds=0.3, times=30, method="POST", path="/api/v1/auths/add")
    process = subprocess.Popen(
        [*COMMAND, "import", "people.csv", "--yes", "--concurrency", "2"],
        env=environment,
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # whoever runs this in the background may ignore SIGINT, which is inherited
        start_new_session=True,
        restore_signals=True,
    )
    end = time.monotonic() + LIMIT
    while sum(one.path.endswith("/auths/add") for one in server.requests) < 3:
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, err) == (130, b"interrupted\n")
    report = json.loads(out)
    assert report["stopped"] == "interrupted" and report["counts"]["not_run"] > 0
    assert report["counts"]["created"] == (client.get_users().total or 0) - 1


def test_a_process_ends_with_the_code(process: Process) -> None:
    assert process("list").code == 0
    assert process("list", "--nope").code == 2


# ---------------------------------------------------------------- input that is not right


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("status", "set", "hi", "--for", "inf"), "--for"),
        (("status", "set", "hi", "--for", "nan"), "--for"),
        (("status", "set", "hi", "--for", "1e300"), "--for"),
        (("export", "--encoding", "nosuch", "-o", "e.csv"), "--encoding"),
        (("export", "--encoding", "hex", "-o", "e.csv"), "--encoding"),
        (("export", "--encoding", "a\x01", "-o", "e.csv"), "--encoding"),
        (("settings", "set", "ui.x=" + "[" * 3000 + "]" * 3000), "ui.x"),
        (("settings", "set", "ui.x=" + "[" * 300 + "]" * 300), "ui.x"),
        (("settings", "set", "ui.x=" + '{"a":' * 300 + "1" + "}" * 300), "ui.x"),
        (("settings", "set", "a." * 3000 + "a=1"), "names"),
        (("settings", "set", "ui.x=1e999"), "ui.x"),
        (("inactive", "nan"), ""),
        (("inactive", "inf"), ""),
        (("list", "--timeout", "nan"), ""),
    ],
    ids=lambda value: str(value)[:40],
)
def test_input_that_is_not_right(
    cli: Run, server: EmbeddedServer, home: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = cli(*arguments)
    assert done.code == 2, done
    assert said in only_line(done.err) and "defect" not in done.err and len(done.err) < 300
    assert not [one for one in server.requests if one.method != "GET"]
    assert not (home / "e.csv").exists()


@pytest.mark.usefixtures("server")
def test_a_number_of_very_many_digits_is_no_text(cli: Run) -> None:
    """Newer versions of Python refuse it, others take it as a number."""
    done = cli("settings", "set", "ui.x=" + "9" * 5000)
    if hasattr(sys, "get_int_max_str_digits"):
        assert done.code == 2 and "too large" in only_line(done.err)
    assert json.loads(cli("settings", "get").out).get("ui", {}).get("x") != "9" * 5000
    assert cli("settings", "set", "ui.x=NaN").code == 0
    assert json.loads(cli("settings", "get").out)["ui"]["x"] == "NaN"


BYTES = os.fsdecode(b"\xff")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("find", BYTES), "EMAIL"),
        (("search", BYTES), "QUERY"),
        (("list", "--query", BYTES), "--query"),
        (("--url", BYTES, "list"), "--url"),
        (("create", "--email", BYTES, "--name", "A", "--password-stdin"), "--email"),
        (("set-role", "user", "a@b.cc", BYTES), "USER"),
        (("whoami", "--insecure-api-key", BYTES), "--insecure-api-key"),
        (("settings", "set", f"ui.x={BYTES}"), "NAME=VALUE"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_arguments_that_are_no_text(cli: Run, arguments: tuple[str, ...], said: str) -> None:
    done = cli(*arguments, input="secret")
    assert done.code == 2, done
    assert said in only_line(done.err) and "UTF-8" in done.err


@pytest.mark.usefixtures("server")
def test_lines_that_are_no_text(process: Process, environment: Environment) -> None:
    done = subprocess.run(
        [*COMMAND, "set-role", "user", "-"],
        env=environment,
        input=b"a@b.cc\n\xff\n",
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 2 and b"line 2" in done.stderr and done.stderr.count(b"\n") == 1
    assert process("export", "-o", f"{BYTES}.csv").code == 0  # names of files are bytes


# ---------------------------------------------------------------- words of others


@pytest.mark.parametrize(
    "text",
    [
        "there is no user with the address 'zz--max_deletions@example.org'",
        "there is no user with the address max_deletions=3@example.org",
        "got 'passwords_out' and \"it's lock=\"",
        "must be a name, got 'lock= include_secrets=True max_deletions …",
        "got 'a_b' \0 \0 'passwords_out'",
    ],
)
def test_words_of_others_stay(text: str) -> None:
    assert in_options(text) == text


def test_long_texts_take_no_time() -> None:
    """What a server says may be of any length."""
    began = time.monotonic()
    for text in ("a" * 10_000, " 'a" * 5_000, ' "a' * 5_000, "@" * 10_000, "\\'" * 5_000):
        assert in_options(text) == text
    assert time.monotonic() - began < 5


def test_words_of_users_stay(cli: Run, server: EmbeddedServer, home: Path) -> None:
    done = cli("get", "zz--max_deletions@example.org")
    assert done.code == 4 and "'zz--max_deletions@example.org'" in done.err
    user = server.add_user("Ann", "ann--max_deletions=3@example.com")
    server.fault("status", code=500, method="POST", path="/api/v1/users/*/update", times=1)
    done = cli("set-role", "pending", user.email, "--output", "table")
    assert user.email in done.out
    assert "max_deletions" in cli("import", "max_deletions", "--yes").err
    done = cli("export", "-o", str(home / "passwords_out" / "a.csv"))
    assert done.code == 2 and "/passwords_out" in done.err


# ---------------------------------------------------------------- what is told nowhere else


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_what_was_made_is_told_on_a_full_disk(
    environment: Environment, server: EmbeddedServer, home: Path
) -> None:
    line = "create --email a@b.cc --name A --passwords-out pw.csv --create-api-key --api-key-out k"
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, *line.split()],
            env={**environment, "PYTHONUNBUFFERED": "1"},
            cwd=home,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=LIMIT,
            check=False,
        )
    assert done.returncode == 1 and b"the API key is in k" in done.stderr
    with UsersClient(server.url, (home / "k").read_text().strip()) as client:
        client.get_user_permissions()


@pytest.mark.parametrize("line", ["--help", "list --help", "--version", "nope", "completion bash"])
def test_a_reader_who_is_gone_at_once(environment: Environment, line: str) -> None:
    """Each write goes out by itself."""
    process = subprocess.Popen(
        [*COMMAND, *line.split()],
        env={**environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    code = process.wait(LIMIT)
    assert (code, errors.count(b"\n")) == ((2, 1) if line == "nope" else (141, 0)), errors


def test_ctrl_c_at_the_start(environment: Environment) -> None:
    """Whatever main() is at: it ends with one word, or had done its work."""
    code = (
        "import os, signal, sys\n"
        "from openwebui_users.cli import main\n"
        # whoever runs this in the background may ignore SIGINT, which is inherited
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "set_handler = signal.signal\n"
        "def first(*arguments):\n"
        "    signal.signal = set_handler\n"
        "    set_handler(*arguments)\n"
        "    os.write(2, b'!')\n"  # from here on the signal may come
        "signal.signal = first\n"
        "sys.argv[1:] = ['list']\n"
        "main()\n"
    )
    for pause in (0, 0.01, 0.03, 0.06, 0.1, 0.15):
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stderr is not None
        assert process.stderr.read(1) == b"!"
        time.sleep(pause)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=LIMIT)
        assert (process.returncode, errors) in ((130, b"interrupted\n"), (0, b"")), pause
