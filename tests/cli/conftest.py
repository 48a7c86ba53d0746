"""Ways to run a command: in this process, in a separate process, and on a terminal."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import Begin, Environment, Outcome, Process, Run, Terminal, run_process

from openwebui_users import UsersClient
from openwebui_users.cli._main import run
from openwebui_users.testing import EmbeddedServer


@pytest.fixture(scope="session")
def newest() -> Iterator[EmbeddedServer]:
    with EmbeddedServer() as server:
        yield server


@pytest.fixture(scope="session")
def oldest() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(version="0.6.42") as server:
        yield server


@pytest.fixture
def server(newest: EmbeddedServer) -> EmbeddedServer:
    newest.reset()
    return newest


@pytest.fixture
def client(server: EmbeddedServer) -> Iterator[UsersClient]:
    with UsersClient(server.url, server.admin_token, retry=0) as client:
        yield client


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a user of the command line is at home."""
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def nowhere(home: Path) -> Environment:
    """The environment of a process that knows no server."""
    kept = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV"]
    kept += ["LD_PRELOAD", "PYTHONMALLOC", "ASAN_OPTIONS", "UBSAN_OPTIONS"]  # make sanitize
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_STATE_HOME": str(home / "state"),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
    }


@pytest.fixture
def environment(nowhere: Environment, server: EmbeddedServer) -> Environment:
    """The environment of a process that knows the server and the administrator's token."""
    return {**nowhere, "OPENWEBUI_URL": server.url, "OPENWEBUI_API_KEY": server.admin_token}


@pytest.fixture
def anywhere(
    nowhere: Environment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    home: Path,
) -> Run:
    """Run a command in this process, without a server in its environment."""

    def call(*arguments: str, input: str | bytes = "", **changes: str) -> Outcome:  # noqa: A002
        for name in list(os.environ):
            if name.startswith(("OPENWEBUI_", "XDG_", "NO_COLOR")):
                monkeypatch.delenv(name)
        for name, value in {**nowhere, **changes}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(home)
        data = input.encode() if isinstance(input, str) else input
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        code = run(list(arguments))
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return call


@pytest.fixture
def cli(anywhere: Run, server: EmbeddedServer) -> Run:
    """Run a command in this process on the server, as its administrator."""

    def call(*arguments: str, input: str | bytes = "", **changes: str) -> Outcome:  # noqa: A002
        known = {"OPENWEBUI_URL": server.url, "OPENWEBUI_API_KEY": server.admin_token}
        return anywhere(*arguments, input=input, **{**known, **changes})

    return call


@pytest.fixture
def process(environment: Environment, home: Path) -> Process:
    """Run a command in a process of its own on the server."""

    def call(*arguments: str, input: str = "", **changes: str) -> Outcome:  # noqa: A002
        return run_process(
            *arguments, environment={**environment, **changes}, input=input, cwd=home
        )

    return call


@pytest.fixture
def begin(environment: Environment, home: Path) -> Iterator[Begin]:
    """Begin a command on a terminal."""
    begun: list[Terminal] = []

    def call(*arguments: str, size: tuple[int, int] = (50, 200), **changes: str) -> Terminal:
        terminal = Terminal(arguments, {**environment, **changes}, size, cwd=home)
        begun.append(terminal)
        return terminal

    yield call
    for terminal in begun:
        terminal.__exit__(None, None, None)
