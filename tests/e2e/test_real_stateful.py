"""A random administrator at work on real servers."""

from __future__ import annotations

from pathlib import Path

import pytest
import random_administrator
from real_server import RealServer

from openwebui_users import UsersClient

pytestmark = pytest.mark.real_server


def test_a_random_administrator(
    real_server: RealServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))  # where apply() has its lock
    with UsersClient(real_server.url, real_server.admin_token) as client:
        random_administrator.run(client, examples=5, steps=12)
