"""nginx on loopback with fixed replies, so that only the clients differ.

`python benchmarks/server.py` serves until Ctrl-C and prints the address.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import data

HOW_TO_INSTALL = "apt-get update && apt-get install -y --no-install-recommends nginx-light"
# Debian keeps it where the PATH of an ordinary user does not look.
PLACES = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])

KEY = "sk-key"
VERSION = {"version": "0.12.4"}
# What a 0.12.4 server answers to an administrator who reads one user.
USER: dict[str, Any] = {
    "id": "7b1c6f0e-52f4-4f0a-9a53-1f6d2f0c8e11",
    "name": "Ann Example",
    "email": "ann@example.com",
    "username": "ann",
    "role": "user",
    "profile_image_url": "/user.png",
    "profile_banner_image_url": None,
    "bio": "Looks after the models of the third floor.",
    "gender": None,
    "date_of_birth": "1990-04-17",
    "timezone": "Europe/Berlin",
    "presence_state": "online",
    "status_emoji": "🌱",
    "status_message": "back on Monday",
    "status_expires_at": 1767225600,
    "info": {"location": "Room 3.14"},
    "settings": {"ui": {"theme": "dark", "notificationSound": True, "models": ["llama3.2:3b"]}},
    "oauth": None,
    "scim": None,
    "last_active_at": 1764000000,
    "updated_at": 1763990000,
    "created_at": 1700000000,
}
GROUPS = [{"id": "0c2e8a7d-8d0e-4a9b-b8a5-3d4f6b7c9e10", "name": "Third floor"}]
ONE = {**USER, "groups": GROUPS, "is_active": True}
# As many users as the server puts on a page, each another one.
PAGE = {**data.users(30), "total": 10_000}

# An answer of up to 4 KB stands in the configuration and is sent from memory with its header in one
# write; nginx's parser takes no longer texts. gzip is off by default: the clients may ask for it,
# but what it costs is not what is compared.
CONFIGURATION = """\
daemon off;
worker_processes 1;
error_log stderr warn;
pid nginx.pid;
events { worker_connections 16384; }
http {
    access_log off;
    default_type application/json;
    types { }
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    open_file_cache max=16 inactive=1h;
    client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp;
    uwsgi_temp_path temp; scgi_temp_path temp;
    server {
        listen 127.0.0.1:PORT backlog=16384;
        root files;
        location ~ ^/api/v1/users/([0-9a-f-]+)$ { return 200 'ONE'; }
        location = /api/v1/users/ { try_files /page.json =500; }
        location = /api/version { return 200 'VERSION'; }
    }
}
"""


def user_path(user_id: str) -> str:
    return f"/api/v1/users/{user_id}"


def page_path(page: int) -> str:
    return f"/api/v1/users/?page={page}"


def quotable(value: object) -> str:
    """JSON as the server writes it, fit for a quoted text of nginx."""
    text = data.compact(value)
    assert not set("$'\\") & set(text)
    return text


def find_nginx() -> str:
    program = shutil.which("nginx", path=PLACES)
    if program is None:
        raise SystemExit(f"nginx is not installed. Install it (as root):\n    {HOW_TO_INSTALL}")
    return program


def nginx_version() -> str:
    text = subprocess.run([find_nginx(), "-v"], capture_output=True, text=True, check=True).stderr
    return text.rpartition("/")[2].strip()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """nginx while the `with` lasts; `url` is its address."""

    url: str

    def __enter__(self) -> Server:
        self._folder = tempfile.TemporaryDirectory(prefix="nginx-")
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self) -> None:
        prefix = Path(self._folder.name)
        prefix.chmod(0o755)  # started by root, the worker is another user
        (prefix / "files").mkdir()
        (prefix / "files" / "page.json").write_text(data.compact(PAGE), encoding="utf-8")
        port = free_port()
        configuration = CONFIGURATION.replace("PORT", str(port))
        # every answer has the id that was asked for: one that went to another call is seen
        configuration = configuration.replace("ONE", quotable(ONE).replace(USER["id"], "$1"))
        configuration = configuration.replace("VERSION", quotable(VERSION))
        (prefix / "nginx.conf").write_text(configuration, encoding="utf-8")
        log = prefix / "stderr"
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                [find_nginx(), "-p", str(prefix), "-c", "nginx.conf", "-e", "stderr"],
                stderr=stderr,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the benchmark, which then stops it
            )
        deadline = time.monotonic() + 10
        while not accepts(port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"nginx does not start:\n{log.read_text(encoding='utf-8')}")
            time.sleep(0.02)
        self.url = f"http://127.0.0.1:{port}"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        process: subprocess.Popen[bytes] | None = getattr(self, "_process", None)
        if process is not None:
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # the worker with its master
                process.wait()
        self._folder.cleanup()


def end_on_sigterm() -> None:
    """Let SIGTERM leave the `with`, as Ctrl-C does."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def main() -> None:
    end_on_sigterm()
    with Server() as server:
        print(server.url, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
