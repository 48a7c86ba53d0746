"""What all tests share. Modules in this folder can be imported by tests of every other folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import real_server as real


@pytest.fixture(scope="session", params=real.versions())
def real_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[real.RealServer]:
    """A real Open WebUI of each version asked for; only for tests marked real_server."""
    folder = tmp_path_factory.mktemp(f"server-{request.param}")
    with real.running(request.param, folder) as server:
        yield server
