"""What all tests share. Modules in this folder can be imported by tests of every other folder."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
import real_server as real
from hypothesis import settings

# A merge is judged by the same inputs each time; everybody else looks for new ones. A machine that
# is busy is no failure.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


# Servers of tests are on this machine, whatever proxy leads to others.
for name in ("no_proxy", "NO_PROXY"):
    os.environ[name] = ",".join(filter(None, [os.environ.get(name), "localhost,127.0.0.1,::1"]))

# A shell lets what it runs in the background ignore Ctrl-C, and so do processes that are started
# from there; tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", params=real.versions())
def real_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[real.RealServer]:
    """A real Open WebUI of each version asked for; only for tests marked real_server."""
    folder = tmp_path_factory.mktemp(f"server-{request.param}")
    with real.running(request.param, folder) as server:
        yield server
