"""The process: how fast it starts, what it needs, how a shell completes it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from raw_server import RawServer, reply
from sanitized import measures
from terminal import COMMAND, LIMIT, Environment

from openwebui_users.cli._main import COMPLETE_VARIABLE, MODULES

SLOWEST = 0.25  # seconds for a command that does little, on a machine that does nothing else


def best_of(command: list[str], environment: Mapping[str, str], runs: int = 7) -> float:
    """The shortest time of several runs, in seconds."""
    best = float("inf")
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run(command, env=dict(environment), stdout=subprocess.DEVNULL, check=True)
        best = min(best, time.perf_counter() - began)
    return best


@measures
def test_start(environment: Environment, capsys: pytest.CaptureFixture[str]) -> None:
    """A machine that is busy or slow is given the time that its bare interpreter takes more."""
    bare = best_of([sys.executable, "-c", "pass"], environment)
    allowed = SLOWEST * max(1.0, bare / 0.035)
    for line in ("--version", "ping", "list", "list --output table"):
        took = best_of([*COMMAND, *line.split()], environment)
        with capsys.disabled():
            print(f"\n{line}: {took:.3f} s; a bare interpreter: {bare:.3f} s", end="")
        assert took < allowed


def test_what_a_list_imports(environment: Environment) -> None:
    """Nothing that a list in JSON does not need: it would be paid for by every command."""
    code = (
        "import sys\nfrom openwebui_users.cli._main import run\n"
        "code = run(['list'])\nprint(code, *sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=True,
    )
    code, *modules = done.stderr.split()
    assert code == "0"
    heavy = {"rich", "yaml", "tomlkit", "pydantic", "fastapi", "asyncio", "concurrent.futures"}
    assert not heavy & set(modules)
    assert not [one for one in modules if one.startswith("openwebui_users.admin")]


# ---------------------------------------------------------------- what is not installed


def run_without(
    missing: str, arguments: list[str], environment: Mapping[str, str], tmp_path: Path
) -> subprocess.CompletedProcess[str]:
    """Run a command where a library cannot be imported."""
    hidden = tmp_path / "hidden"
    hidden.mkdir(exist_ok=True)
    (hidden / f"{missing}.py").write_text(f"raise ModuleNotFoundError('No module {missing}')\n")
    return subprocess.run(
        [*COMMAND, *arguments],
        env={**environment, "PYTHONPATH": str(hidden)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


@pytest.mark.parametrize(
    ("missing", "line", "code", "said"),
    [
        ("typer", "list", 1, "pip install 'openwebui_users[cli]'"),
        ("fastapi", "serve --port 0", 1, "pip install 'openwebui_users[server]'"),
        ("yaml", "plan state.yaml", 1, "pip install 'openwebui_users[config]'"),
    ],
)
def test_missing_libraries(
    environment: Environment, tmp_path: Path, missing: str, line: str, code: int, said: str
) -> None:
    (tmp_path / "state.yaml").write_text("users: []\n")
    arguments = line.replace("state.yaml", str(tmp_path / "state.yaml")).split()
    done = run_without(missing, arguments, environment, tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("error: ") and said in done.stderr
    assert done.stderr.count("\n") == 1


def test_python_without_site_packages(environment: Environment) -> None:
    """Where nothing is installed at all, it is said in one line."""
    root = Path(__file__).resolve().parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-S", "-m", "openwebui_users", "list"],
        env={**environment, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "openwebui_users[cli]" in done.stderr


# ---------------------------------------------------------------- the same by two names


def test_the_program_of_its_own_name(environment: Environment) -> None:
    program = Path(sys.executable).with_name("openwebui-users")
    if not program.exists():
        pytest.skip("the package is not installed with its programs")
    done = subprocess.run(
        [program, "whoami", "--fields", "email"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=True,
    )
    assert json.loads(done.stdout) == {"email": "admin@example.com"}


# ---------------------------------------------------------------- completion


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("openwebui-users gr", {"groups"}),
        ("openwebui-users groups mem", {"members"}),
        ("openwebui-users list --out", {"--output"}),
        ("openwebui-users list --output ", {"table", "json", "jsonl", "csv", "yaml", "id"}),
        ("openwebui-users completion b", {"bash"}),
        ("openwebui-users ", set(MODULES)),
    ],
)
def test_bash_completes(
    environment: Environment, tmp_path: Path, line: str, expected: set[str]
) -> None:
    """With the function that the script defines, called as bash calls it."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    program = tmp_path / "bin" / "openwebui-users"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    program.chmod(0o755)
    script = (
        'eval "$(openwebui-users completion bash)"\n'
        'read -r -a COMP_WORDS <<< "$LINE"\n'
        '[ "${LINE: -1}" = " " ] && COMP_WORDS+=("")\n'
        "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
        "_openwebui_users_completion openwebui-users\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    path = f"{program.parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        [bash, "-c", script],
        env={**environment, "PATH": path, "LINE": line},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=True,
    )
    assert set(done.stdout.split()) == expected
    assert done.stderr == ""


def test_completion_of_other_shells(environment: Environment) -> None:
    for shell, words in (
        ("zsh", {"_TYPER_COMPLETE_ARGS": "openwebui-users gro"}),
        (
            "fish",
            {
                "_TYPER_COMPLETE_ARGS": "openwebui-users gro",
                "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            },
        ),
    ):
        done = subprocess.run(
            [*COMMAND],
            env={**environment, COMPLETE_VARIABLE: f"complete_{shell}", **words},
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert "groups" in done.stdout, (shell, done)


def test_serve_ends_with_its_process(environment: Environment) -> None:
    """SIGTERM, as a supervisor sends it: nothing is left."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "Ctrl-C" in line:
            break
    process.terminate()
    assert process.wait(LIMIT) < 0
    process.stdout.close()


def test_integers_of_any_size_are_listed(environment: Environment) -> None:
    """Python by itself writes no integer of more than 4,300 digits."""
    digits = b"9" * 5000
    user = b'{"id": "a", "name": "Ann", "email": "a@example.com", "role": "user", "group_ids": []'
    user += b', "profile_image_url": "", "created_at": 1, "updated_at": 1, "last_active_at": '
    with RawServer(reply(b'{"users": [' + user + digits + b'}], "total": 1}')) as raw:
        done = subprocess.run(
            [*COMMAND, "list", "--output", "csv", "--fields", "email,last_active_at"],
            env={**environment, "OPENWEBUI_URL": raw.url, "OPENWEBUI_API_KEY": "sk-x"},
            capture_output=True,
            timeout=LIMIT,
            check=False,
        )
    assert (done.returncode, digits in done.stdout) == (0, True), done.stderr[-500:]
