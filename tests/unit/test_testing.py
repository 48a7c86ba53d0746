"""The embedded server itself: start and stop, what it records, what it keeps."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from openwebui_users.testing import EmbeddedServer


@pytest.fixture(scope="module")
def running() -> Iterator[EmbeddedServer]:
    with EmbeddedServer() as server:
        yield server


@pytest.fixture
def server(running: EmbeddedServer) -> EmbeddedServer:
    running.reset()
    return running


def ask(
    url: str, method: str, path: str, token: str | None = None, body: Any = None
) -> tuple[int, str, bytes]:
    """Status, media type and bytes of an answer; no client of ours has a hand in it."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, headers)
        answer = connection.getresponse()
        media_type = answer.getheader("content-type", "").partition(";")[0]
        return answer.status, media_type, answer.read()
    finally:
        connection.close()


def emails(server: EmbeddedServer) -> set[str]:
    status, _, text = ask(server.url, "GET", "/api/v1/users/all", server.admin_token)
    assert status == 200
    return {user["email"] for user in json.loads(text)["users"]}


def test_servers_run_side_by_side_and_know_nothing_of_each_other(server: EmbeddedServer) -> None:
    with EmbeddedServer() as other:
        assert other.url != server.url
        other.add_user("Ann", "ann@example.com")
        assert emails(other) == {other.admin_email, "ann@example.com"}
        assert emails(server) == {server.admin_email}
        foreign, _, _ = ask(other.url, "GET", "/api/v1/users/all", server.admin_token)
        assert foreign == 401


def test_after_the_end_nobody_listens() -> None:
    with EmbeddedServer() as server:
        url = server.url
        assert ask(url, "GET", "/api/version")[0] == 200
    with pytest.raises(ConnectionRefusedError):
        ask(url, "GET", "/api/version")


def test_a_stopped_server_starts_again_and_a_running_one_does_not() -> None:
    server = EmbeddedServer()
    for _ in range(2):
        with server:
            assert emails(server) == {server.admin_email}
            with pytest.raises(RuntimeError, match="runs already"):
                server.start()
    server.stop()


def test_a_port_in_use_is_an_error(server: EmbeddedServer) -> None:
    port = urlsplit(server.url).port
    assert port is not None
    with pytest.raises(OSError, match="in use"):
        EmbeddedServer(port=port).start()


def test_reset_takes_back_everything_but_the_administrator(server: EmbeddedServer) -> None:
    token = server.admin_token
    added = server.add_user("Ann", "ann@example.com")
    channel = server.add_channel("news", [added.id])
    permissions = json.loads(ask(server.url, "GET", "/api/v1/users/default/permissions", token)[2])
    permissions["chat"]["tts"] = False
    changed = ask(server.url, "POST", "/api/v1/users/default/permissions", token, permissions)
    group = {"name": "Staff", "description": ""}
    made = ask(server.url, "POST", "/api/v1/groups/create", token, group)
    assert changed[0] == made[0] == 200
    form = {"email": "ann@example.com", "password": "wrong"}
    tried = [ask(server.url, "POST", "/api/v1/auths/signin", None, form)[0] for _ in range(16)]
    assert tried[-2:] == [400, 429]

    server.reset()

    assert server.requests == []
    assert emails(server) == {server.admin_email}
    assert ask(server.url, "POST", "/api/v1/auths/signin", None, form)[0] == 400
    assert ask(server.url, "GET", "/api/v1/groups/", server.api_key)[2] == b"[]"
    assert channel.encode() not in ask(server.url, "GET", "/api/v1/channels/", token)[2]
    text = ask(server.url, "GET", "/api/v1/users/default/permissions", token)[2]
    assert json.loads(text)["chat"]["tts"] is True
    assert ask(server.url, "GET", "/api/v1/users/all", added.token)[0] == 401


def test_requests_are_recorded_as_they_were_sent(server: EmbeddedServer) -> None:
    path = "/api/v1/users/a%2Fb%2e%2e/active"
    ask(server.url, "GET", f"{path}?x=%26&y", server.admin_token)
    ask(server.url, "POST", "/api/v1/auths/signin", None, {"email": "a", "password": "b"})
    first, second = server.requests
    assert (first.method, first.path, first.query, first.body) == (
        "GET",
        path,
        "x=%26&y",
        b"",
    )
    assert (second.method, second.path, second.status) == ("POST", "/api/v1/auths/signin", 400)
    assert json.loads(second.body) == {"email": "a", "password": "b"}


def test_a_database_file_keeps_users_over_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "users.db"
    with EmbeddedServer(database=file) as server:
        added = server.add_user("Ann", "ann@example.com", "secret")
        first_key = server.api_key
    with EmbeddedServer(database=file) as server:
        assert emails(server) == {server.admin_email, "ann@example.com"}
        assert server.api_key == first_key
        assert ask(server.url, "GET", "/api/v1/users/groups", added.token)[0] == 200
        form = {"email": "ann@example.com", "password": "secret"}
        assert ask(server.url, "POST", "/api/v1/auths/signin", None, form)[0] == 200
        form["password"] = "Secret"
        assert ask(server.url, "POST", "/api/v1/auths/signin", None, form)[0] == 400


def test_extra_permissions_are_kept_when_sent_and_off_when_left_out() -> None:
    path = "/api/v1/users/default/permissions"
    with EmbeddedServer(extra_permissions={"workspace": {"holograms": True}}) as server:
        stored = json.loads(ask(server.url, "GET", path, server.admin_token)[2])
        assert stored["workspace"]["holograms"] is True
        ask(server.url, "POST", path, server.admin_token, stored)
        assert json.loads(ask(server.url, "GET", path, server.admin_token)[2]) == stored
        del stored["workspace"]["holograms"]
        ask(server.url, "POST", path, server.admin_token, stored)
        after = json.loads(ask(server.url, "GET", path, server.admin_token)[2])
        assert after["workspace"]["holograms"] is False


def test_unknown_paths_are_the_web_page_or_405(server: EmbeddedServer) -> None:
    status, media_type, _ = ask(server.url, "GET", "/v1/users/all", server.admin_token)
    assert (status, media_type) == (200, "text/html")
    assert ask(server.url, "POST", "/api/v1/nothing", server.admin_token, {})[0] == 405


def test_revoking_kills_tokens_but_not_the_api_key(server: EmbeddedServer) -> None:
    added = server.add_user("Ann", "ann@example.com")
    text = ask(server.url, "POST", "/api/v1/auths/api_key", added.token)[2]
    key = json.loads(text)["api_key"]
    path = f"/api/v1/users/{added.id}/sessions/revoke"
    assert ask(server.url, "POST", path, server.admin_token)[0] == 200
    assert ask(server.url, "GET", "/api/v1/users/groups", added.token)[0] == 401
    assert ask(server.url, "GET", "/api/v1/users/groups", key)[0] == 200


def test_passwords_are_not_stored_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "users.db"
    with EmbeddedServer(database=file) as server:
        server.add_user("Ann", "ann@example.com", "not-in-the-file")
        server.add_user("Bob", "bob@example.com", "is-in-the-file@example.com")
    assert b"bob@example.com" in file.read_bytes()
    assert b"not-in-the-file" not in file.read_bytes()


def test_the_command_serves_until_interrupted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "openwebui_users.testing", "--port", "0"]
    command += ["--database", str(tmp_path / "users.db")]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ},
    ) as process:
        try:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith("Ctrl-C"):
                    break
            printed = "".join(lines)
            url = re.search(r"OPENWEBUI_URL=(\S+)", printed)
            key = re.search(r"OPENWEBUI_API_KEY=(\S+)", printed)
            assert url and key
            assert ask(url[1], "GET", "/api/v1/users/all", key[1])[0] == 200
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0
    assert errors == ""


def test_the_older_version_lacks_routes_and_wants_whole_forms() -> None:
    whole = {"name": "B", "role": "user", "email": "b@example.com", "profile_image_url": ""}
    answers = {}
    for version in ("0.12.4", "0.6.42"):
        with EmbeddedServer(version=version) as server:
            added = server.add_user("Ann", "ann@example.com")
            user, admin = f"/api/v1/users/{added.id}", server.admin_token
            told = json.loads(ask(server.url, "GET", "/api/version")[2])["version"]
            assert told == version
            answers[version] = [
                ask(server.url, "GET", f"{user}/preview", admin)[1],
                ask(server.url, "POST", f"{user}/update", admin, {"name": "B"})[0],
                ask(server.url, "POST", f"{user}/update", admin, whole)[0],
                ask(server.url, "POST", f"{user}/sessions/revoke", admin)[0],
                ask(server.url, "GET", "/api/v1/auths/", server.api_key)[0],
                ask(server.url, "GET", "/api/v1/auths/signout", admin)[1],
                ask(server.url, "POST", "/api/v1/auths/signout", admin)[0],
            ]
    assert answers == {
        "0.12.4": ["application/json", 200, 200, 200, 403, "text/html", 200],
        "0.6.42": ["text/html", 422, 200, 405, 200, "application/json", 405],
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "99999"], "--port"),
        (["--host", "no.such.host.invalid"], "no.such.host.invalid"),
        (["--database", "/nowhere/at/all"], "/nowhere/at/all"),
    ],
)
def test_a_server_that_cannot_start_says_why_in_a_line(arguments: list[str], said: str) -> None:
    command = [sys.executable, "-m", "openwebui_users.testing", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert said in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.12\.4, 0\.6\.42"):
        EmbeddedServer(version="1.0")
