"""One embedded server of each version for the tests of this folder, like new for each test.

It also checks that the docstring of each verb names the routes that the verb calls.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from admin_docs import named_routes, public_verbs, route_of

from openwebui_users import UsersClient
from openwebui_users.testing import EmbeddedServer
from openwebui_users.testing import server as testing_server


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


# ---------------------------------------------------------------- what the verbs call

TESTS = str(Path(__file__).resolve().parent.parent)
# Not fleet.run, whose function may do anything.
VERBS = {verb.__code__: name for name, verb in public_verbs().items() if name != "fleet.run"}


class Calls:
    """Which routes each verb has called, over all tests of this process.

    Attributes:
        routes: by name of the verb.
        is_partial: some tests of this folder are not run.
    """

    def __init__(self) -> None:
        self.routes: dict[str, set[str]] = {name: set() for name in VERBS.values()}
        self.is_partial = False

    def note(self, method: str, path: str) -> None:
        """A request has arrived: whoever waits for its answer stands still in the call.

        Verbs that other processes run are not seen, and where threads run different ones it is not
        known whose request it is.
        """
        asking = {_verb_of(frame) for frame in sys._current_frames().values()} - {None}
        if len(asking) == 1:
            self.routes[str(asking.pop())].add(route_of(method, path))


def _verb_of(frame: FrameType | None) -> str | None:
    """The verb that this thread is in; a call that a test makes meanwhile is not the verb's."""
    found = None
    while frame is not None:
        name = VERBS.get(frame.f_code)
        if name is None and found is None and frame.f_code.co_filename.startswith(TESTS):
            return None
        found = name or found
        frame = frame.f_back
    return found


CALLS = Calls()


@pytest.fixture(scope="session", autouse=True)
def calls() -> Iterator[Calls]:
    """What the verbs have called until now."""
    recorder = testing_server._Recorder
    serve = recorder.__call__

    async def noted(self: Any, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            CALLS.note(scope["method"], scope["raw_path"].decode("latin-1"))
        await serve(self, scope, receive, send)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorder, "__call__", noted)
        yield CALLS


@pytest.fixture(autouse=True)
def called_routes_are_named(calls: Calls) -> Iterator[None]:
    """A verb's docstring names each route that the verb calls in this test."""
    yield
    missing = {name: routes - named_routes(name) for name, routes in calls.routes.items()}
    for name, routes in missing.items():
        calls.routes[name] -= routes  # told once
    told = [f"{name}: {', '.join(sorted(routes))}" for name, routes in missing.items() if routes]
    assert not told, 'called, but not named under "Server routes":\n' + "\n".join(told)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What looks at all tests comes last."""
    items.sort(key=lambda item: item.path.name == "test_routes.py")
    is_whole = all(Path(arg).is_dir() for arg in config.args) and not config.getoption("lf")
    if not is_whole or hasattr(config, "workerinput"):  # a worker of xdist has some of the tests
        CALLS.is_partial = True


def pytest_deselected(items: list[pytest.Item]) -> None:
    if any(Path(__file__).parent in item.path.parents for item in items):
        CALLS.is_partial = True
