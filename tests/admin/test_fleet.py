"""fleet.run: one function over many servers, on threads, on processes and on Dask."""

from __future__ import annotations

import functools
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from openwebui_users import AuthenticationError, ConnectError, UsersClient
from openwebui_users.admin import (
    Interrupted,
    InvalidInputError,
    PartialFailureError,
    Progress,
    fleet,
    set_role,
)
from openwebui_users.testing import EmbeddedServer

DOWN = "http://127.0.0.1:9"  # where nothing listens
LIMIT = 60.0


@pytest.fixture(scope="module")
def three() -> Iterator[list[EmbeddedServer]]:
    """Servers with one, two and three users."""
    with ExitStack() as stack:
        servers = [stack.enter_context(EmbeddedServer()) for _ in range(3)]
        for number, server in enumerate(servers):
            for other in range(number):
                server.add_user("Ann", f"ann{other}@example.com")
        yield servers


@pytest.fixture
def servers(three: list[EmbeddedServer]) -> Iterator[dict[str, Any]]:
    """The three, and one that is down, given in every way."""
    first = UsersClient(three[0].url, three[0].admin_token, retry=0)
    third = UsersClient(three[2].url, three[2].admin_token)
    with first, third:
        yield {
            "one": first,
            "two": {"base_url": three[1].url, "api_key": three[1].admin_token},
            "down": {"base_url": DOWN, "retry": 0},
            "three": third,
        }


def count(client: UsersClient) -> tuple[int, int]:
    return client.get_users().total, os.getpid()


class OddError(Exception):
    """Cannot be made again from what pickle keeps."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f"{number}: {text}")


def odd(client: UsersClient) -> None:
    raise OddError(7, client.base_url)


def totals(result: fleet.FleetResult) -> list[Any]:
    assert all(isinstance(row, fleet.ServerRow) for row in result.rows)
    return [
        result[str(row.email)].result and result[str(row.email)].result[0] for row in result.rows
    ]


# ---------------------------------------------------------------- threads


def test_all_servers_in_order_although_one_is_down(servers: dict[str, Any]) -> None:
    seen: list[Progress] = []
    result = fleet.run(servers, count, progress=seen.append)
    assert [row.email for row in result.rows] == list(servers)
    assert totals(result) == [1, 2, None, 3]
    assert result.counts == {"done": 3, "failed": 1} and not result.ok
    assert isinstance(result["down"].exception, ConnectError)
    assert list(result.results) == ["one", "two", "three"]
    assert str(result).startswith("fleet.run: 3 done, 1 failed\n  down: failed: GET http")
    assert [one.done for one in seen] == [1, 2, 3, 4] and seen[0].total == 4
    with pytest.raises(PartialFailureError):
        result.raise_for_failures()
    with pytest.raises(KeyError):
        result["four"]
    again = pickle.loads(pickle.dumps(result))
    assert again.results == result.results
    assert isinstance(again["down"].exception, ConnectError)


def test_clients_are_closed_by_whoever_made_them(servers: dict[str, Any]) -> None:
    used: dict[str, UsersClient] = {}
    fleet.run(servers, lambda client: used.setdefault(client.base_url, client))
    assert [client.closed for client in used.values()] == [False, True, True, False]
    assert servers["one"] is next(iter(used.values()))


def test_a_client_that_was_pickled_is_closed_where_it_was_used(three: list[EmbeddedServer]) -> None:
    used: list[UsersClient] = []
    with UsersClient(three[0].url, three[0].admin_token) as client:
        task = fleet._Task(client, count)
        copy = pickle.loads(pickle.dumps(task))
        copy._function = used.append
        copy.carry_out()
        assert used[0].closed and used[0] is not client
        assert task.carry_out().result[0] == 1 and not client.closed


def test_a_list_of_clients_is_named_by_url(three: list[EmbeddedServer]) -> None:
    with UsersClient(three[0].url, three[0].admin_token) as client:
        assert list(fleet.run([client], count).results) == [three[0].url]
        with pytest.raises(InvalidInputError, match="is given twice"):
            fleet.run([client, client], count)


def test_the_key_in_the_environment_is_not_sent(
    three: list[EmbeddedServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENWEBUI_API_KEY", three[0].admin_token)
    result = fleet.run({"bare": three[0].url}, count)
    assert isinstance(result["bare"].exception, AuthenticationError)


def test_what_is_no_server(three: list[EmbeddedServer]) -> None:
    called: list[Any] = []
    wrong: dict[str, Any] = {
        "a": {"base_url": three[0].url, "retries": 1},
        "b": "ftp://x",
        "c": DOWN,
    }
    with pytest.raises(InvalidInputError) as caught:
        fleet.run(wrong, called.append)
    assert [problem.column for problem in caught.value.problems] == ["a", "b"] and called == []
    with pytest.raises(InvalidInputError, match="names of servers must be texts, got 1"):
        fleet.run({1: three[0].url, "1": three[1].url}, count)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="client must be a UsersClient, not int"):
        fleet.run({"a": 1}, count)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a mapping of names, or a list"):
        fleet.run(three[0].url, count)  # type: ignore[arg-type]
    assert fleet.run({}, count).ok


def test_a_verb_that_did_not_do_all(three: list[EmbeddedServer]) -> None:
    """The function returned, but not everything is done."""
    three[1].fault("status", code=500, method="POST")
    named = {"two": {"base_url": three[1].url, "api_key": three[1].admin_token}}
    verb = functools.partial(set_role, role="admin", users=["ann0@example.com"])
    result = fleet.run(named, verb)
    assert result["two"].status == "done" and not result.ok
    assert result["two"].error == "set_role: 1 failed"
    assert "two: done: set_role: 1 failed" in str(result)


def test_so_many_at_once(three: list[EmbeddedServer]) -> None:
    lock, running, most = threading.Lock(), 0, 0

    def work(_: UsersClient) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1

    many = {str(number): three[0].url for number in range(8)}
    assert fleet.run(many, work, concurrency=2).ok and most == 2
    with ThreadPoolExecutor(8) as pool:
        assert fleet.run(many, work, pool, concurrency=3).ok and most == 3


# ---------------------------------------------------------------- stopping


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a stuck function waits for; opened at the end."""
    event = threading.Event()
    yield event
    event.set()


def test_a_server_that_takes_too_long(gate: threading.Event) -> None:
    def work(client: UsersClient) -> str:
        if client.base_url.endswith("2"):
            gate.wait(LIMIT)
        return client.base_url

    named = {str(number): f"http://127.0.0.{number}" for number in range(1, 5)}
    began = time.monotonic()
    result = fleet.run(named, work, concurrency=1, timeout=0.3)
    assert time.monotonic() - began < LIMIT / 2
    assert [row.status for row in result.rows] == ["done", "unknown", "not_run", "not_run"]
    assert not result.ok and "stopped: it took too long" in str(result)


def test_ctrl_c_stops_waiting_and_reports(gate: threading.Event) -> None:
    stuck = threading.Event()

    def work(client: UsersClient) -> None:
        if not client.base_url.endswith("1"):
            stuck.set()
            gate.wait(LIMIT)

    def press(_: Progress) -> None:
        stuck.wait(LIMIT)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(LIMIT)  # until the signal is there

    named = {str(number): f"http://127.0.0.{number}" for number in range(1, 5)}
    with pytest.raises(Interrupted) as caught:
        fleet.run(named, work, concurrency=2, progress=press)
    result = caught.value.result
    assert isinstance(result, fleet.FleetResult) and result.stopped == "interrupted"
    statuses = [row.status for row in result.rows]
    assert statuses == ["done", "unknown", "not_run", "not_run"]


class Distant(Executor):
    """Runs nothing, and says of everything that it could be cancelled, as Dask's does."""

    def submit(self, *_: Any, **__: Any) -> Future[Any]:
        return Future()


def test_what_a_distant_executor_may_have_begun() -> None:
    result = fleet.run({"a": DOWN, "b": DOWN}, count, Distant(), concurrency=1, timeout=0.05)
    assert [row.status for row in result.rows] == ["unknown", "not_run"]


# ---------------------------------------------------------------- processes


def test_processes(servers: dict[str, Any]) -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn) as pool:
        result = fleet.run(servers, count, pool, timeout=LIMIT)
        assert totals(result) == [1, 2, None, 3]
        assert os.getpid() not in {pid for _, pid in result.results.values()}
        assert isinstance(result["down"].exception, ConnectError)
        # what cannot be sent there, and what cannot be sent back, breaks nothing
        local = fleet.run(servers, lambda _: None, pool, timeout=LIMIT)
        # in words of each version of Python: "Can't pickle …", "Can't get local object …"
        assert local.counts == {"failed": 4} and "test_processes.<locals>" in str(local)
        result = fleet.run(servers, odd, pool, timeout=LIMIT)
        assert result.counts == {"failed": 4} and "OddError: 7: http" in str(result)
        assert fleet.run({"one": servers["one"]}, count, pool, timeout=LIMIT).ok
    here = fleet.run({"one": servers["one"]}, odd)
    assert isinstance(here["one"].exception, OddError)
    assert "OddError: 7: " in str(pickle.loads(pickle.dumps(here))["one"].exception)


def test_dask(three: list[EmbeddedServer]) -> None:
    """Two worker processes, three servers."""
    import distributed  # not at the top: it takes a second

    def count_and_add(client: UsersClient) -> tuple[int, int]:
        client.auths.add_user(name="Ben", email="ben@example.com", password="a secret")
        return client.get_users().total, os.getpid()

    named: dict[str, Any] = {
        str(number): {"base_url": server.url, "api_key": server.admin_token}
        for number, server in enumerate(three)
    }
    cluster = distributed.LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    )
    client = distributed.Client(cluster, timeout=LIMIT)  # type: ignore[no-untyped-call]
    with cluster, client as dask:
        executor = dask.get_executor(retries=0)
        result = fleet.run({**named, "down": DOWN}, count_and_add, executor, timeout=LIMIT)
    assert totals(result) == [2, 3, 4, None]
    assert isinstance(result["down"].exception, ConnectError)
    assert os.getpid() not in {pid for _, pid in result.results.values()}
    for server in three:
        added = [one for one in server.requests if one.path == "/api/v1/auths/add"]
        assert len(added) == 1
