"""How the server and the key are found: options, environment, profiles; references to secrets."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import COMMAND, LIMIT, Environment, Run, Terminal, run_process

from openwebui_users import UsersClient
from openwebui_users.cli import _secrets
from openwebui_users.testing import EmbeddedServer


@pytest.fixture
def other() -> Iterator[EmbeddedServer]:
    """A second server."""
    with EmbeddedServer() as server:
        yield server


def configure(home: Path, text: str) -> Path:
    path = home / "config" / "openwebui-users" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# ---------------------------------------------------------------- precedence


def test_precedence_of_the_url(
    anywhere: Run, server: EmbeddedServer, other: EmbeddedServer
) -> None:
    known = {"OPENWEBUI_URL": other.url}
    assert json.loads(anywhere("ping", **known).out)["url"] == other.url
    assert json.loads(anywhere("ping", "--url", server.url, **known).out)["url"] == server.url
    assert json.loads(anywhere("--url", server.url, "ping", **known).out)["url"] == server.url


def test_precedence_of_environment_and_profile(
    anywhere: Run, home: Path, server: EmbeddedServer, other: EmbeddedServer
) -> None:
    configure(
        home,
        f'default = "one"\n[profiles.one]\nurl = "{server.url}"\napi_key = "env:ONE"\n'
        f'[profiles.two]\nurl = "{other.url}"\napi_key = "env:TWO"\n',
    )
    keys = {"ONE": server.admin_token, "TWO": other.admin_token}

    def url(*options: str, **changes: str) -> str:
        done = anywhere(*options, "whoami", "-v", **{**keys, **changes})
        assert done.code == 0, done
        before = len(server.requests), len(other.requests)
        anywhere("ping", *options, **{**keys, **changes})
        after = len(server.requests), len(other.requests)
        return "one" if after[0] > before[0] else "two"

    assert url() == "one"
    assert url("--profile", "two") == "two"
    assert url(OPENWEBUI_PROFILE="two") == "two"
    assert url("--profile", "one", OPENWEBUI_PROFILE="two") == "one"
    # the key of a profile of this server is used with an address from elsewhere
    assert url(OPENWEBUI_URL=server.url) == "one"
    assert url("--profile", "two", OPENWEBUI_URL=server.url) == "two"


def test_precedence_of_the_key(anywhere: Run, home: Path, server: EmbeddedServer) -> None:
    users = {name: server.add_user(name, f"{name}@example.com") for name in ("a", "b", "c", "d")}
    configure(home, f'[profiles.default]\nurl = "{server.url}"\napi_key = "env:KEY"\n')
    (home / "key").write_text(f"{users['b'].token}\n")
    from_profile = {"KEY": users["d"].token}
    from_environment = {**from_profile, "OPENWEBUI_API_KEY": users["c"].token}

    def email(*options: str, input: str = "", **known: str) -> str:  # noqa: A002
        done = anywhere("whoami", "--fields", "email", *options, input=input, **known)
        return str(json.loads(done.out)["email"])

    assert email(**from_profile) == "d@example.com"
    assert email(**from_environment) == "c@example.com"
    assert email("--api-key-file", "key", **from_environment) == "b@example.com"
    assert email("--api-key-file", "-", input=users["a"].token, **from_environment) == (
        "a@example.com"
    )
    insecure = ("--insecure-api-key", users["a"].token)
    assert email(*insecure, "--api-key-file", "key", **from_environment) == "a@example.com"
    # a profile that is named on the command line brings its own key
    assert email("--profile", "default", **from_environment) == "d@example.com"


def test_a_profiles_key_goes_to_its_server_alone(
    anywhere: Run, home: Path, server: EmbeddedServer, other: EmbeddedServer
) -> None:
    configure(home, f'[profiles.default]\nurl = "{server.url}"\napi_key = "env:KEY"\n')
    known = {"KEY": server.admin_token}
    for options, changes in (
        (("--url", other.url), {}),
        ((), {"OPENWEBUI_URL": other.url}),
        (("--url", other.url, "--profile", "default"), {}),
        (("--url", other.url), {"OPENWEBUI_PROFILE": "default"}),
        (("--url", server.url + ".evil.example"), {}),
    ):
        done = anywhere("list", *options, **{**known, **changes})
        assert done.code in (2, 3), (options, done)
        assert server.admin_token not in done.err
    assert not other.requests
    # other spellings of one address are one server
    assert anywhere("list", "--url", server.url + "/api/v1/", **known).code == 0


# ---------------------------------------------------------------- references


@pytest.fixture
def keyring_folder(tmp_path: Path) -> Path:
    """A stand-in for the library keyring, which keeps secrets in a file."""
    folder = tmp_path / "library" / "keyring"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(
        "import json, os, pathlib\n"
        "from . import errors\n"
        "path = pathlib.Path(os.environ['HOME'], 'ring.json')\n"
        "def all_of(): return json.loads(path.read_text()) if path.exists() else {}\n"
        "def get_password(service, user): return all_of().get(f'{service}/{user}')\n"
        "def set_password(service, user, secret):\n"
        "    if user == 'locked': raise errors.KeyringLocked('locked')\n"
        "    path.write_text(json.dumps({**all_of(), f'{service}/{user}': secret}))\n"
    )
    (folder / "errors.py").write_text(
        "class KeyringError(Exception): pass\nclass KeyringLocked(KeyringError): pass\n"
    )
    return folder.parent


@pytest.mark.parametrize("kind", ["env", "file", "relative", "command", "keyring"])
def test_references(
    nowhere: Environment, home: Path, server: EmbeddedServer, keyring_folder: Path, kind: str
) -> None:
    key = server.admin_token
    path = configure(home, "")
    (path.parent / "here.key").write_text(f"{key}\n")
    (home / "ring.json").write_text(json.dumps({"owui/admin": key}))
    reference = {
        "env": "env:SECRET",
        "file": f"file:{path.parent / 'here.key'}",
        "relative": "file:here.key",
        "command": "command:cat here.key",
        "keyring": "keyring:owui/admin",
    }[kind]
    configure(home, f'[profiles.default]\nurl = "{server.url}"\napi_key = "{reference}"\n')
    known = {**nowhere, "SECRET": key, "PYTHONPATH": str(keyring_folder)}
    done = run_process("whoami", "-vv", environment=known)
    assert done.code == 0, done
    assert key not in done.out + done.err


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("env:NOTHING", "no such variable"),
        ("file:nothing", "No such file"),
        ("file:empty", "empty"),
        ("file:binary", "UTF-8"),
        ("command:false", "exit code 1"),
        ("command:no-such-program", "No such file"),
        ("command:'", "is none"),
        ("command: ", "is none"),
        ("env:sk-the-key-itself", "no such variable"),
        ("file:sk-the-key-itself", "No such file"),
        ("command:sk-the-key-itself", "No such file"),
        ("command:sk-the-key-itself '", "is none"),
        ("keyring:sk-the-key-itself", "SERVICE/USER"),
        ("keyring:sk-the-key-itself/x", "nothing under"),
        ("file:~no-such-user-here/x", "nobody known"),
        ("keyring:x", "SERVICE/USER"),
        ("keyring:x/y", "nothing under"),
        ("sk-the-key-itself", "must be a reference"),
        ("other:thing", "must be a reference"),
    ],
)
def test_references_that_lead_nowhere(
    nowhere: Environment,
    home: Path,
    server: EmbeddedServer,
    keyring_folder: Path,
    reference: str,
    said: str,
) -> None:
    path = configure(home, f'[profiles.default]\nurl = "{server.url}"\napi_key = "{reference}"\n')
    (path.parent / "empty").write_text("\n")
    (path.parent / "binary").write_bytes(b"\xff\xfe\x80")
    done = run_process("list", environment={**nowhere, "PYTHONPATH": str(keyring_folder)})
    assert done.code == 2 and said in done.err and done.err.count("\n") == 1, done
    assert "sk-the-key-itself" not in done.err


def test_no_library_for_the_keyring(nowhere: Environment, home: Path, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "keyring.py").write_text("raise ImportError\n")
    configure(home, '[profiles.default]\nurl = "http://127.0.0.1:1"\napi_key = "keyring:a/b"\n')
    done = run_process("list", environment={**nowhere, "PYTHONPATH": str(hidden)})
    assert done.code == 2 and "pip install keyring" in done.err


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        "profiles = 7",
        "[profiles]\ndefault = 7",
        "[profiles.default]\nurl = 7",
        "[profiles.default]\n",
        '[profiles.default]\nurl = "http://x"\nkey = "y"',
        '[profiles.default]\nurl = "http://x"\nverify = 1',
        '[profiles.default]\nurl = "http://x"\ntimeout = true',
        'default = "other"\n[profiles.one]\nurl = "http://x"',
    ],
)
def test_files_of_profiles_that_are_not_right(anywhere: Run, home: Path, text: str) -> None:
    path = configure(home, text)
    done = anywhere("list")
    assert done.code == 2 and str(path) in done.err and done.err.count("\n") == 1


def test_options_of_a_profile(anywhere: Run, home: Path, server: EmbeddedServer) -> None:
    configure(
        home,
        f'[profiles.default]\nurl = "{server.url}"\napi_key = "env:KEY"\ntimeout = 0.3\n',
    )
    server.fault("slow", seconds=2, times=9)
    assert anywhere("list", KEY=server.admin_token).code == 5
    server.clear_faults()
    assert anywhere("list", "--timeout", "20", KEY=server.admin_token).code == 0


# ---------------------------------------------------------------- login


def test_login_with_a_password(anywhere: Run, home: Path, server: EmbeddedServer) -> None:
    done = anywhere(
        "login", "--url", server.url, "--email", server.admin_email, "--password-stdin",
        input=f"{server.admin_password}\n",
    )  # fmt: skip
    assert done.code == 0 and "admin@example.com" in done.err, done
    path = home / "config" / "openwebui-users" / "config.toml"
    key = path.with_name("default.key")
    for one in (path, key):
        assert stat.S_IMODE(one.stat().st_mode) == 0o600
    assert key.read_text().strip() not in path.read_text() + done.err + done.out
    assert anywhere("whoami").code == 0
    assert anywhere("whoami", "--url", server.url).code == 0


def test_login_with_an_api_key(anywhere: Run, home: Path, server: EmbeddedServer) -> None:
    configure(home, '# mine\ndefault = "a"\n[profiles.a]  # first\nurl = "http://a.example"\n')
    login = ("login", "--url", server.url, "--profile", "b")
    assert anywhere(*login, "--api-key-stdin", input=server.api_key).code == 0
    text = configure(home, "").parent.joinpath("b.key").read_text()
    assert text == f"{server.api_key}\n"


def test_login_keeps_what_is_in_the_file(anywhere: Run, home: Path, server: EmbeddedServer) -> None:
    path = configure(
        home, '# mine\ndefault = "a"\n[profiles.a]  # first\nurl = "http://a.example"\n'
    )
    login = ("login", "--url", server.url, "--profile", "b", "--timeout", "9", "--no-verify")
    done = anywhere(*login, "--api-key-stdin", input=server.api_key)
    assert done.code == 0, done
    text = path.read_text()
    assert "# mine" in text and "# first" in text and 'default = "a"' in text
    assert "timeout = 9" in text and "verify = false" in text


@pytest.mark.usefixtures("home")
def test_login_with_a_reference(anywhere: Run, server: EmbeddedServer) -> None:
    login = ("login", "--url", server.url, "--api-key", "env:MINE")
    assert anywhere(*login, MINE=server.api_key).code == 0
    assert anywhere("whoami", MINE=server.api_key).code == 0
    assert anywhere("login", "--url", server.url, "--api-key", server.api_key).code == 2


def test_a_dry_run_of_login_keeps_nothing(
    anywhere: Run, home: Path, server: EmbeddedServer
) -> None:
    line = ("login", "--url", server.url, "--email", server.admin_email, "--password-stdin")
    more = ("--create-api-key", "--dry-run")
    done = anywhere(*line, *more, input=server.admin_password)
    assert done.code == 0 and "would" in done.err
    assert not (home / "config").exists()
    with UsersClient(server.url, server.api_key) as client:  # which another key would replace
        assert client.get_users().total


def test_login_keeps_a_file_of_comments(anywhere: Run, home: Path, server: EmbeddedServer) -> None:
    path = configure(home, "# managed by the office\n")
    done = anywhere("login", "--url", server.url, "--api-key-stdin", input=server.api_key)
    assert done.code == 0, done
    assert path.read_text().startswith("# managed by the office\n")


def test_login_makes_a_key(anywhere: Run, home: Path, server: EmbeddedServer) -> None:
    done = anywhere(
        "login", "--url", server.url, "--email", server.admin_email, "--password-stdin",
        "--create-api-key", input=server.admin_password,
    )  # fmt: skip
    assert done.code == 0, done
    key = (home / "config" / "openwebui-users" / "default.key").read_text()
    assert key.startswith("sk-")
    server.reset()


@pytest.mark.usefixtures("home")
def test_login_into_the_keyring(
    nowhere: Environment, server: EmbeddedServer, keyring_folder: Path
) -> None:
    known = {**nowhere, "PYTHONPATH": str(keyring_folder)}
    login = ("login", "--url", server.url, "--api-key-stdin", "--store", "keyring")
    assert run_process(*login, environment=known, input=server.api_key).code == 0
    assert run_process("whoami", environment=known).code == 0
    done = run_process(*login, "--profile", "locked", environment=known, input=server.api_key)
    assert done.code == 2 and "locked" in done.err and server.api_key not in done.err


@pytest.mark.parametrize(
    ("options", "given", "code"),
    [
        (("--email", "admin@example.com", "--password-stdin"), "wrong", 3),
        (("--api-key-stdin",), "sk-wrong", 3),
        (("--api-key-stdin",), "", 2),
        (("--api-key-stdin", "--store", "cloud"), "x", 2),
        (("--api-key-stdin", "--email", "a@b.cc"), "x", 2),
        ((), "", 2),
        (("--api-key-stdin", "--profile", "../evil"), "KEY", 2),
    ],
)
def test_logins_that_fail_keep_nothing(
    anywhere: Run,
    home: Path,
    server: EmbeddedServer,
    options: tuple[str, ...],
    given: str,
    code: int,
) -> None:
    done = anywhere(
        "login", "--url", server.url, *options, input=given.replace("KEY", server.api_key)
    )
    assert done.code == code, done
    assert not (home / "config").exists()


def signing_in(server: EmbeddedServer) -> tuple[str, ...]:
    return ("login", "--url", server.url, "--email", server.admin_email, "--password-stdin")


@pytest.mark.parametrize(
    ("options", "config"),
    [
        (("--profile", "my server"), None),
        (("--store", "keyring"), None),
        (("--store", "cloud"), None),
        ((), "not toml"),
        ((), "profiles = 7"),
    ],
)
def test_a_login_that_cannot_be_kept_makes_no_key(
    nowhere: Environment,
    home: Path,
    server: EmbeddedServer,
    tmp_path: Path,
    options: tuple[str, ...],
    config: str | None,
) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "keyring.py").write_text("raise ImportError\n")
    if config is not None:
        configure(home, config)
    done = run_process(
        *signing_in(server), "--create-api-key", *options,
        environment={**nowhere, "PYTHONPATH": str(hidden)}, input=server.admin_password,
    )  # fmt: skip
    assert done.code == 2 and done.err.count("\n") == 1, done
    assert not server.requests


def test_a_key_of_a_reference_is_not_replaced(anywhere: Run, server: EmbeddedServer) -> None:
    login = ("login", "--url", server.url, "--api-key", "env:MINE", "--create-api-key")
    done = anywhere(*login, MINE=server.admin_token)
    assert done.code == 2 and not server.requests


def test_a_key_that_was_made_and_not_kept_is_told(
    nowhere: Environment, server: EmbeddedServer, keyring_folder: Path
) -> None:
    line = (*signing_in(server), "--create-api-key", "--store", "keyring", "--profile", "locked")
    known = {**nowhere, "PYTHONPATH": str(keyring_folder)}
    done = run_process(*line, environment=known, input=server.admin_password)
    assert done.code == 1 and "new API key, which was not kept and is lost" in done.err, done
    assert "sk-" not in done.err  # which may be a log
    line = tuple(one for one in line if one != "--password-stdin")
    with Terminal(line, known) as terminal:
        terminal.wait_for("Password: ")
        terminal.type(f"{server.admin_password}\n")
        assert terminal.end() == 1
        (key,) = re.findall(r"API key: (sk-\S+)", terminal.text)
    with UsersClient(server.url, key) as client:
        assert client.get_users().total
    server.reset()


def test_logins_at_once_are_all_kept(
    nowhere: Environment, home: Path, server: EmbeddedServer
) -> None:
    names = [f"p{number}" for number in range(6)]
    processes = []
    for name in names:
        process = subprocess.Popen(
            [*COMMAND, "login", "--url", server.url, "--api-key-stdin", "--profile", name],
            env=nowhere,
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        processes.append(process)
    for process in processes:
        process.communicate(server.admin_token.encode(), timeout=LIMIT)
        assert process.returncode == 0
    text = (home / "config" / "openwebui-users" / "config.toml").read_text()
    assert sorted(re.findall(r"\[profiles\.(\w+)\]", text)) == names


# ---------------------------------------------------------------- no home, empty variables


def test_no_home(anywhere: Run, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    known = {"XDG_CONFIG_HOME": "", "OPENWEBUI_URL": server.url}
    key = {"OPENWEBUI_API_KEY": server.admin_token}
    assert anywhere("whoami", **known, **key).code == 0
    assert anywhere("list", **known).code == 3
    for line in ("list --profile x", "login --api-key-stdin"):
        done = anywhere(*line.split(), "--url", server.url, **known, input=server.admin_token)
        assert done.code == 2 and "XDG_CONFIG_HOME" in done.err, done


def test_empty_variables_are_none(anywhere: Run, home: Path, server: EmbeddedServer) -> None:
    configure(home, f'[profiles.default]\nurl = "{server.url}"\napi_key = "env:KEY"\n')
    empty = {"OPENWEBUI_URL": "", "OPENWEBUI_PROFILE": "", "OPENWEBUI_API_KEY": ""}
    assert anywhere("whoami", KEY=server.admin_token, **empty).code == 0


def test_certificates_below_no_home(anywhere: Run, home: Path) -> None:
    configure(home, '[profiles.default]\nurl = "http://x"\nca_file = "~no-such-user/x"\n')
    done = anywhere("list")
    assert done.code == 2 and "ca_file" in done.err and "defect" not in done.err


# ---------------------------------------------------------------- secrets that are none


def test_how_much_a_reference_yields(
    anywhere: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_secrets, "_LIMIT", 0.5)
    os.mkfifo(home / "pipe")
    for reference, said in (
        ("file:/dev/zero", "more than 8192 bytes"),
        ("command:head -c 1500000000 /dev/zero", "more than 8192 bytes"),
        (f"file:{home / 'pipe'}", "0.5 seconds"),
        ("command:sleep 60", "0.5 seconds"),
        ("command:sh -c 'exec >&-; sleep 60'", "0.5 seconds"),
        ("env:LARGE", "more than 8192 bytes"),
    ):
        if "/dev/zero" in reference and not Path("/dev/zero").exists():
            continue
        configure(home, f'[profiles.default]\nurl = "http://x"\napi_key = "{reference}"\n')
        began = time.monotonic()
        done = anywhere("list", LARGE="x" * 9000)
        assert done.code == 2 and said in done.err and len(done.err) < 200, done
        assert time.monotonic() - began < 10


@pytest.mark.parametrize("size", [8193, 9000, 20_000])
def test_a_key_on_standard_input_is_not_cut(
    anywhere: Run, server: EmbeddedServer, size: int
) -> None:
    line = ("login", "--url", server.url, "--api-key-stdin")
    done = anywhere(*line, input="x" * size)
    assert done.code == 2 and "more than 8192 bytes" in done.err and not server.requests
    assert anywhere(*line, input=f"{server.admin_token}\r\n").code == 0


def test_a_key_from_a_pipe(environment: Environment, server: EmbeddedServer) -> None:
    """As shells make one of <(COMMAND), and slower than we are."""
    if shutil.which("bash") is None or not Path("/dev/fd").exists():
        pytest.skip("there is no bash")
    known = {**environment, "KEY": server.admin_token, "OPENWEBUI_API_KEY": ""}
    line = f"{' '.join(COMMAND)} whoami --api-key-file <(sleep 0.7; echo $KEY)"
    done = subprocess.run(["bash", "-c", line], env=known, timeout=LIMIT, check=False)
    assert done.returncode == 0


# ---------------------------------------------------------------- no secret anywhere


@pytest.mark.usefixtures("client")
def test_no_secret_in_any_output(anywhere: Run, home: Path, server: EmbeddedServer) -> None:
    """Whatever goes wrong, with all that -vv tells."""
    server.add_user("Ann", "ann@example.com")
    (home / "key").write_text(f"{server.admin_token}\n")
    (home / "people.csv").write_text("name,email,password\nB,b@example.com,hush-hush\nC,c,hush\n")
    secrets = (server.admin_token, "hush-hush", "hunter2")
    known = {"OPENWEBUI_URL": server.url}
    key = ("--api-key-file", "key", "-vv")
    lines = [
        ("list", "--output", "json"),
        ("whoami",),
        ("whoami", "--output", "yaml"),
        ("import", "people.csv", "--yes", "--audit", "audit.jsonl"),
        ("import", "people.csv", "--yes", "--on-invalid", "skip", "--audit", "audit.jsonl"),
        ("set-password", "ann@example.com", "--password-stdin", "--audit", "audit.jsonl"),
        ("create", "--email", "d@example.com", "--name", "D", "--password-stdin"),
        ("create", "--email", "e@example.com", "--name", "E", "--passwords-out", "pw.csv"),
        ("get", "none@example.com"),
        ("groups", "get", "none"),
        ("export",),
        ("permissions", "set", "a=b"),
    ]
    for kind in ("status", "reset", None):
        for line in lines:
            if kind == "status":
                server.fault("status", code=500, times=1)
            elif kind is not None:
                server.fault(kind, times=1)
            done = anywhere(*line, *key, input="hunter2\n", **known)
            for secret in secrets:
                assert secret not in done.out + done.err, (kind, line, done)
        server.clear_faults()
    for path in (home / "audit.jsonl",):
        assert not [one for one in secrets if one in path.read_text()]
    made = re.findall(r"example.com,(\S+)", (home / "pw.csv").read_text())
    assert made and not [one for one in made if one in done.out + done.err]


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc")
def test_no_secret_in_the_list_of_processes(
    environment: Environment, server: EmbeddedServer
) -> None:
    server.fault("slow", seconds=3, times=9)
    process = subprocess.Popen(
        [*COMMAND, "list", "--api-key-file", "-"],
        env={name: value for name, value in environment.items() if name != "OPENWEBUI_API_KEY"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(server.admin_token.encode())
    process.stdin.close()
    time.sleep(0.5)
    tokens = [path for path in Path("/proc").glob("[0-9]*/cmdline") if _has(path, server)]
    process.stdout.read()
    process.stdout.close()
    assert process.wait(LIMIT) == 0 and not tokens


def _has(path: Path, server: EmbeddedServer) -> bool:
    try:
        return server.admin_token.encode() in path.read_bytes()
    except OSError:  # it has ended
        return False


def test_a_command_for_a_secret_keeps_stdin_alone(
    nowhere: Environment, home: Path, server: EmbeddedServer
) -> None:
    """A program that asks for a key must not eat what the command itself reads."""
    configure(
        home,
        f'[profiles.default]\nurl = "{server.url}"\n'
        "api_key = \"command:sh -c 'cat >/dev/null; printenv SECRET'\"\n",
    )
    server.add_user("Ann", "ann@example.com")
    known = {**nowhere, "SECRET": server.admin_token}
    done = run_process("set-role", "pending", "-", environment=known, input="ann@example.com\n")
    assert done.code == 0, done
