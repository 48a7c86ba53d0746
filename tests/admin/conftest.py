"""One embedded server of each version for the tests of this folder, as new for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from openwebui_users import UsersClient
from openwebui_users.testing import EmbeddedServer


@pytest.fixture(scope="session", autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where locks are, so that tests leave nothing at home."""
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("state")
        patch.setenv("XDG_STATE_HOME", str(path))
        yield path


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
    """The newest version."""
    newest.reset()
    return newest


@pytest.fixture(params=["newest", "oldest"])
def any_server(request: pytest.FixtureRequest) -> EmbeddedServer:
    """Each version in turn."""
    found: EmbeddedServer = request.getfixturevalue(request.param)
    found.reset()
    return found


@pytest.fixture
def client(server: EmbeddedServer) -> Iterator[UsersClient]:
    with UsersClient(server.url, server.admin_token, retry=0) as client:
        yield client


@pytest.fixture
def any_client(any_server: EmbeddedServer) -> Iterator[UsersClient]:
    """Of any_server."""
    with UsersClient(any_server.url, any_server.admin_token, retry=0) as client:
        yield client
