"""A random administrator at work on the embedded server, of each version."""

from __future__ import annotations

from pathlib import Path

import pytest
import random_administrator

from openwebui_users import UsersClient
from openwebui_users.testing import EmbeddedServer


@pytest.mark.parametrize("version", ["0.12.4", "0.6.42"])
def test_a_random_administrator(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))  # where apply() has its lock
    with (
        EmbeddedServer(version=version) as server,
        UsersClient(server.url, server.admin_token) as client,
    ):
        random_administrator.run(client, examples=25, steps=25)
