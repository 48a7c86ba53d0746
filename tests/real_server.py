"""Real Open WebUI servers for tests: each version is installed once in a cache and starts empty.

Environment:
    OWU_SERVER_VERSIONS     versions to test against, separated by spaces (default: 0.6.42 0.12.4)
    OWU_SERVER_CACHE        where they are installed (default: ~/.cache/openwebui-users/servers)

Packages that user administration never imports, mainly for machine learning, are not installed:
real_server_overrides.txt names them.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openwebui_users import _core
from openwebui_users.testing.drift import is_at_least

OVERRIDES = Path(__file__).with_name("real_server_overrides.txt")
WITH_PARENTS = "0.12"  # first version with groups within groups
PYTHONS = ("3.11", "3.12")  # those that every supported version of the server runs on
SECRET_KEY = "local-test-secret"
BOOT_LIMIT = 240.0  # seconds
INSTALL_LIMIT = 1200.0
# Needed at start, missing from the metadata of some versions, or in conflict with it.
BESIDE = ("typer",)
BESIDE_WITHOUT_DEPENDENCIES = ("langchain-classic",)


@dataclass(frozen=True)
class RealServer:
    """A running server of which we are the first administrator."""

    version: str
    url: str
    admin_email: str
    admin_password: str
    admin_token: str
    database: Path
    secret_key: str
    kill: Callable[[], None]
    start: Callable[[], None]  # after kill, with the same data at the same port; returns at once

    def is_at_least(self, version: str) -> bool:
        return is_at_least(self.version, version)

    @property
    def is_like_0_8_12(self) -> bool:
        """Wants accounts whole, allows few pictures, and stumbles over users who are deleted."""
        return self.is_at_least("0.7") and not self.is_at_least("0.10")

    def has(self, call: str, argument: str | None = None) -> bool:
        """Whether the tables say that this version has a call ("users.get_users"), or one argument
        of it."""
        resource, name = call.split(".")
        rows = (row for row in _core.endpoint_table() if row["resource"] == resource)
        row = next(row for row in rows if row["name"] == name)
        if argument is not None:
            row = next(one for one in row["params"] if one["name"] == argument)
        return is_at_least(self.version, row["since"])

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        """Ask below the API root, as the administrator unless another token is given."""
        return ask(method, f"{self.url}/api/v1{path}", body, token or self.admin_token)


def ask(method: str, url: str, body: Any = None, token: str | None = None) -> Any:
    """One request with nothing of the package under test in it; the JSON of the answer."""
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def versions() -> list[str]:
    """The versions that tests are asked to run against."""
    return os.environ.get("OWU_SERVER_VERSIONS", "0.6.42 0.12.4").split()


# ---------------------------------------------------------------- installation


def _find_python() -> str:
    roots = [Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"]
    for version in PYTHONS:
        on_path = shutil.which(f"python{version}")
        installed = [
            str(p) for root in roots for p in root.glob(f"{version}.*/bin/python{version}")
        ]
        for candidate in [*([on_path] if on_path else []), *installed]:
            probe = [candidate, "-c", "import ensurepip, venv"]
            if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
                return candidate
    raise RuntimeError(f"a real server needs one of these versions of Python: {PYTHONS}")


def _recipe(version: str) -> str:
    parts = [version, OVERRIDES.read_text(), *BESIDE, *BESIDE_WITHOUT_DEPENDENCIES]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _cache() -> Path:
    default = Path.home() / ".cache" / "openwebui-users" / "servers"
    return Path(os.environ.get("OWU_SERVER_CACHE") or default)


def _install(version: str) -> Path:
    """The folder of the virtual environment with this version; made when it is not there."""
    folder = _cache() / f"{version}-{_recipe(version)}"
    folder.mkdir(parents=True, exist_ok=True)
    complete = folder / "complete"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            shutil.rmtree(folder / "venv", ignore_errors=True)
            _run([_find_python(), "-m", "venv", str(folder / "venv")])
            _run([str(folder / "venv/bin/pip"), "install", "-q", "uv"])
            uv = [str(folder / "venv/bin/uv"), "pip", "install", "-q"]
            uv += ["--python", str(folder / "venv/bin/python")]
            _run([*uv, "--override", str(OVERRIDES), f"open-webui=={version}", *BESIDE])
            _run([*uv, "--no-deps", *BESIDE_WITHOUT_DEPENDENCIES])
            complete.touch()
    return folder / "venv"


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=INSTALL_LIMIT
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")


# ---------------------------------------------------------------- running


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _environment(data: Path) -> dict[str, str]:
    off = "ENABLE_OLLAMA_API ENABLE_OPENAI_API ANONYMIZED_TELEMETRY ENABLE_VERSION_UPDATE_CHECK"
    on = (
        "OFFLINE_MODE ENABLE_CHANNELS ENABLE_SIGNUP ENABLE_API_KEYS ENABLE_API_KEY "
        "ENABLE_USER_STATUS USER_PERMISSIONS_FEATURES_API_KEYS"
    )
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept,
        **dict.fromkeys(off.split(), "False"),
        **dict.fromkeys(on.split(), "True"),
        "ENV": "dev",  # so that it shows its OpenAPI document
        "DATA_DIR": str(data),
        "WEBUI_SECRET_KEY": SECRET_KEY,
        "HF_HUB_OFFLINE": "1",
        "DO_NOT_TRACK": "true",
        "SCARF_NO_ANALYTICS": "true",
        "RAG_EMBEDDING_ENGINE": "openai",
        "AUDIO_STT_ENGINE": "openai",
        "RAG_RERANKING_MODEL": "",
    }


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + BOOT_LIMIT
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            ask("GET", f"{url}/api/version")
            return
        time.sleep(0.25)
    tail = log.read_text(errors="replace")[-4000:]
    raise RuntimeError(f"the server at {url} did not start (code {process.poll()}):\n{tail}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


class _Process:
    """The server's process, which can be killed and started again."""

    def __init__(self, venv: Path, folder: Path) -> None:
        self._venv = venv
        self._folder = folder
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.data, self.log = folder / "data", folder / "log"
        self.data.mkdir(parents=True)
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        address = ["--host", "127.0.0.1", "--port", str(self._port)]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(self._venv / "bin/open-webui"), "serve", *address],
                cwd=self._folder,
                env=_environment(self.data),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self) -> None:
        if self._process is not None:
            _wait(self.url, self._process, self.log)

    def kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)

    def stop(self) -> None:
        if self._process is not None:
            _stop(self._process)


@contextlib.contextmanager
def running(version: str, folder: Path) -> Iterator[RealServer]:
    """A server of this version with an empty database below folder, stopped at the end."""
    process = _Process(_install(version), folder)
    try:
        process.start()
        process.wait()
        email, password = "admin@example.com", "correct horse 7"
        form = {"name": "Admin", "email": email, "password": password}
        token = ask("POST", f"{process.url}/api/v1/auths/signup", form)["token"]
        yield RealServer(
            version,
            process.url,
            email,
            password,
            token,
            process.data / "webui.db",
            SECRET_KEY,
            process.kill,
            process.start,
        )
    finally:
        process.stop()
