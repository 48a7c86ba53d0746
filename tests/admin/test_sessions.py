"""revoke_sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

from openwebui_users import AuthenticationError, UsersClient
from openwebui_users.admin import InvalidInputError, revoke_sessions
from openwebui_users.testing import EmbeddedServer


def test_sessions_end(server: EmbeddedServer, client: UsersClient, tmp_path: Path) -> None:
    ann = server.add_user("Ann", "ann@example.com")
    path = tmp_path / "audit.jsonl"
    result = revoke_sessions(client, ["Ann@example.com", ann.id], audit=path)
    assert result.ok and result.counts == {"done": 1}
    assert "sessions/revoke" in path.read_text()
    with (
        UsersClient(server.url, ann.token) as own,
        pytest.raises(AuthenticationError),
    ):
        own.auths.get_session_user()


def test_a_dry_run_sends_nothing(server: EmbeddedServer, client: UsersClient) -> None:
    server.add_user("Ann", "ann@example.com")
    server.forget_requests()
    assert revoke_sessions(client, ["ann@example.com"], dry_run=True).counts == {"done": 1}
    assert {one.method for one in server.requests} == {"GET"}


def test_servers_that_cannot(oldest: EmbeddedServer) -> None:
    oldest.reset()
    oldest.add_user("Ann", "ann@example.com")
    with UsersClient(oldest.url, oldest.admin_token) as client:
        result = revoke_sessions(client, ["ann@example.com"])
    assert result.counts == {"failed": 1}
    assert "cannot revoke" in (result.rows[0].error or "")


def test_nobody_of_that_name(client: UsersClient) -> None:
    with pytest.raises(InvalidInputError):
        revoke_sessions(client, ["nobody"])
