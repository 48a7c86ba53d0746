"""What a client reports about its requests: logs, hooks, statistics, versions."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
from typing import Any

import pytest
from raw_server import RawServer, fault, in_turn, reply_json

import openwebui_users
from openwebui_users import (
    ConfigurationError,
    ConnectError,
    RedirectError,
    RequestEvent,
    ResponseEvent,
    Retry,
    ServiceUnavailableError,
    Timeout,
    UsersClient,
    _core,
)
from openwebui_users.testing import EmbeddedServer

USERS = reply_json({"users": [], "total": 0})
SOON = Retry(2, base_delay=0.02)
BUSY = fault("status", code=503)


def test_hooks_see_every_attempt() -> None:
    seen: list[RequestEvent | ResponseEvent] = []
    with (
        RawServer(in_turn(BUSY, USERS)) as raw,
        UsersClient(
            raw.url, "sk-x", retry=SOON, on_request=seen.append, on_response=seen.append
        ) as client,
    ):
        client.get_users(query="hidden")
    first, refused, second, answered = seen
    assert first == RequestEvent("GET", "/api/v1/users/", 1)
    assert second == RequestEvent("GET", "/api/v1/users/", 2)
    assert isinstance(refused, ResponseEvent)
    assert isinstance(answered, ResponseEvent)
    assert (refused.status_code, refused.attempt) == (503, 1)
    assert refused.retry_in is not None
    assert refused.error is None
    assert (answered.status_code, answered.retry_in, answered.received) == (200, None, 25)
    assert 0 < answered.elapsed < 5
    assert "hidden" not in repr(seen)


def test_hooks_see_templates_and_failures() -> None:
    seen: list[Any] = []
    with UsersClient("http://127.0.0.1:1", "sk-x", retry=0, on_response=seen.append) as client:
        with pytest.raises(ConnectError):
            client.get_user_by_id("somebody")
        with pytest.raises(ConnectError):
            client.request("GET", "/api/v1/users/somebody?query=hidden")
        with pytest.raises(ConnectError):
            client.request("GET", "/api/v2/people/4f-1/thing")
    assert [(one.route, one.status_code, one.error) for one in seen] == [
        ("/api/v1/users/{user_id}", None, "ConnectError"),
        ("/api/v1/users/{user_id}", None, "ConnectError"),
        ("/api/v2/people/{}/thing", None, "ConnectError"),
    ]


def test_a_hook_that_raises_stops_the_call() -> None:
    def refuse(event: object) -> None:
        raise LookupError(type(event).__name__)

    with RawServer(USERS) as raw, UsersClient(raw.url, "sk-x") as client:
        with pytest.raises(LookupError, match="RequestEvent"):
            client.with_options(on_request=refuse).get_users()
        assert raw.requests == []
        with pytest.raises(LookupError, match="ResponseEvent"):
            client.with_options(on_response=refuse).get_users()
        assert len(raw.requests) == 1
        assert client.get_users().total == 0


def test_a_hook_may_call_the_client() -> None:
    depth: list[str] = []

    def look(event: RequestEvent) -> None:
        depth.append(event.route)
        if event.route == "/api/v1/users/":
            client.get_user_active_status_by_id("x")

    with RawServer(in_turn(reply_json({"active": True}), USERS)) as raw:
        with UsersClient(raw.url, "sk-x", on_request=look) as client:
            client.get_users()
    assert depth == ["/api/v1/users/", "/api/v1/users/{user_id}/active"]


def test_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="openwebui_users")
    with (
        RawServer(in_turn(BUSY, USERS)) as raw,
        UsersClient(raw.url, "sk-secret", retry=SOON) as client,
    ):
        client.search_users(query="hidden")
    first, second = caplog.records
    assert (first.levelname, second.levelname) == ("INFO", "DEBUG")
    assert first.getMessage().startswith("GET /api/v1/users/search: 503 in ")
    assert ", again in 0.0" in first.getMessage()
    assert second.getMessage().startswith("GET /api/v1/users/search: 200 in ")
    assert second.getMessage().endswith("(attempt 2)")
    assert second.openwebui_route == "/api/v1/users/search"  # type: ignore[attr-defined]
    for secret in ("sk-secret", "hidden"):
        assert secret not in caplog.text


def test_nothing_is_logged_unless_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="openwebui_users")
    with RawServer(BUSY) as raw, UsersClient(raw.url, "sk-x", retry=SOON) as client:
        with pytest.raises(ServiceUnavailableError):
            client.get_users()
    assert caplog.records == []


LOGGED = """
import sys
from openwebui_users import UsersClient
with UsersClient(sys.argv[1], "sk-secret") as client:
    client.search_users(query="hidden")
print("logging" in sys.modules)
"""


@pytest.mark.parametrize("level", ["debug", "", "nonsense"])
def test_openwebui_log(level: str) -> None:
    with RawServer(USERS) as raw:
        done = subprocess.run(
            [sys.executable, "-c", LOGGED, raw.url],
            env={**os.environ, "OPENWEBUI_LOG": level},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert ("GET /api/v1/users/search: 200" in done.stderr) is (level == "debug")
    assert ("no level of logging" in done.stderr) is (level == "nonsense")
    assert "hidden" not in done.stderr
    assert "sk-secret" not in done.stderr
    if level == "":
        assert done.stdout == "False\n"  # who logs nothing pays for nothing


def test_statistics() -> None:
    with (
        RawServer(in_turn(reply_json({}, status="503 Busy"), USERS)) as raw,
        UsersClient(raw.url, "sk-x", retry=SOON) as client,
    ):
        assert client.stats().requests == 0
        client.get_users()
        with pytest.raises(ConnectError), UsersClient("http://127.0.0.1:1", retry=0) as other:
            other.get_users()
        stats = client.with_options(timeout=5).stats()
        sent = sum(len(one) for one in raw.requests)
    assert (stats.requests, stats.retries, stats.failures) == (2, 1, 0)
    assert (stats.connections_opened, stats.connections_reused) == (1, 1)
    assert stats.bytes_sent == sent
    assert stats.bytes_received > 100
    assert 0 < stats.seconds < 5
    assert pickle.loads(pickle.dumps(stats)) == stats


def test_options_are_values() -> None:
    assert Timeout() == Timeout(60, connect=5)
    assert hash(Retry(3)) == hash(Retry(3))
    assert Retry(3) != Retry(4)
    assert Timeout(None) != Retry()
    assert pickle.loads(pickle.dumps(Retry(3, max_elapsed=9))) == Retry(3, max_elapsed=9)
    with pytest.raises(AttributeError):
        Timeout().total = 3
    with pytest.raises(AttributeError):
        del Timeout().total
    with UsersClient("http://127.0.0.1:1", timeout=3, retry=None) as client:
        assert client.timeout == Timeout(3)
        assert client.retry == Retry(0)
        view = client.with_options(timeout=Timeout(None, connect=None), retry=Retry(max_elapsed=60))
        assert view.timeout.total is None
        assert view.retry.max_elapsed == 60
        assert client.groups.timeout == client.timeout


@pytest.mark.parametrize("name", ["accept-encoding", "Accept-Encoding"])
def test_an_extra_header_takes_the_place_of_the_clients(name: str) -> None:
    with (
        RawServer(USERS) as raw,
        UsersClient(raw.url, extra_headers={name: "identity"}) as client,
    ):
        client.get_users()
        head = raw.requests[-1].partition(b"\r\n\r\n")[0].decode().lower()
    assert head.count(f"\r\n{name.lower()}:") == 1
    assert f"\r\n{name.lower()}: identity" in head


def test_versions() -> None:
    versions = openwebui_users.version_info()
    assert versions["openwebui_users"] == openwebui_users.__version__
    assert set(versions) == {"openwebui_users", "libcurl", "tls", "cjson"}
    assert all(versions.values())
    with RawServer(USERS) as raw, UsersClient(raw.url) as client:
        client.get_users()
        agent = raw.header("user-agent")
    assert agent == (
        f"openwebui_users/{versions['openwebui_users']} Python/{sys.version.split()[0]} "
        f"libcurl/{versions['libcurl']}"
    )


# ---------------------------------------------------------------- faults of the embedded server


def test_faults_on_demand() -> None:
    with EmbeddedServer() as server, UsersClient(server.url, server.api_key, retry=SOON) as client:
        server.fault("status", times=2, path="/api/v1/users/")
        assert client.get_all_users().total == 1
        assert client.get_users().total == 1
        assert [one.path for one in server.requests] == [
            "/api/v1/users/all",
            *["/api/v1/users/"] * 3,
        ]
        server.fault("reset", method="POST")
        assert client.get_users().total == 1
        with pytest.raises(ConnectionError):
            client.update_user_info({"a": 1})
        assert client.get_user_info() is None


def test_a_lost_answer_was_done() -> None:
    """The worst of faults: the server did it, and nobody heard."""
    with EmbeddedServer() as server, UsersClient(server.url, server.admin_token) as client:
        server.fault("lost", method="POST")
        with pytest.raises(ConnectionError):
            client.auths.add_user(name="Ann", email="ann@example.com", password="p", role="user")
        assert len([one for one in server.requests if one.method == "POST"]) == 1
        assert client.get_all_users().total == 2


def test_faults_that_there_are_not() -> None:
    with EmbeddedServer() as server:
        with pytest.raises(ValueError, match="drip"):
            server.fault("nonsense")
        with pytest.raises(TypeError):
            server.fault("slow", minutes=1)
        server.fault("reset", times=5)
        server.clear_faults()
        with UsersClient(server.url, server.api_key) as client:
            assert client.get_users().total == 1


def test_defaults_are_those_of_the_core() -> None:
    core = _core.core_defaults()
    table = {row["name"]: row["default"] for row in _core.option_table()}
    timeout, retry = Timeout(), Retry()
    assert (timeout.total, timeout.connect) == (core["total"], core["connect"])
    for name in ("base_delay", "max_delay", "jitter", "max_retry_after", "retry_writes"):
        assert getattr(retry, name) == core[name]
    assert float(table["timeout"]) == core["total"]
    for option, name in (("retry", "max_retries"), ("max_body",) * 2, ("password_limit",) * 2):
        assert int(table[option]) == core[name]


def test_a_raw_answer_knows_its_time_and_place() -> None:
    with RawServer(fault("redirect")) as raw, UsersClient(raw.url, "sk-x") as client:
        answers = (client.request("GET", "/x"), client.with_raw_response.get_users())
        for answer in answers:
            assert 0 < answer.elapsed < 5
            with pytest.raises(RedirectError) as caught:
                answer.raise_for_status()
            assert caught.value.location == "/elsewhere"


def test_a_version_that_was_asked_for_again() -> None:
    with RawServer(BUSY) as raw, UsersClient(raw.url, "sk-x", retry=SOON) as client:
        with pytest.raises(ConnectionError) as caught:
            client.get_version()
        assert caught.value.retries_taken == 2  # type: ignore[attr-defined]
        with pytest.raises(ConnectionError) as caught:
            client.auths.sign_out()
        assert caught.value.retries_taken == 2  # type: ignore[attr-defined]


def test_a_second_try_to_make_a_client() -> None:
    client = UsersClient.__new__(UsersClient)
    with pytest.raises(ConfigurationError):
        client.__init__("http://127.0.0.1:1", timeout=3, extra_headers={"X": "1"}, max_body=0)  # type: ignore[misc]
    client.__init__("http://127.0.0.1:1")  # type: ignore[misc]
    assert client.timeout == Timeout()
    assert client.extra_headers == {}
