"""Fixtures for your own tests: `pytest_plugins = ["openwebui_users.testing.pytest_plugin"]`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import EmbeddedServer


@pytest.fixture(scope="session")
def _running_openwebui_server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer() as server:
        yield server


@pytest.fixture
def openwebui_server(_running_openwebui_server: EmbeddedServer) -> EmbeddedServer:
    """The embedded server of this session, with only its administrator."""
    _running_openwebui_server.reset()
    return _running_openwebui_server
