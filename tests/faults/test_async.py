"""Faults around calls that an event loop waits for."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import random
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from raw_server import Connection, RawServer, echo, reply, reply_json
from sanitized import SANITIZED

from openwebui_users import AsyncUsersClient
from openwebui_users._core import PendingCall

from .test_process import run_script

USER = {"id": "a", "name": "Ann", "email": "ann@example.com", "role": "user"}


def answer(connection: Connection, request: bytes) -> None:
    """By the id that was asked for; slowly where that is slow."""
    if b"/slow" in request:
        time.sleep(0.3)
    echo(connection, request)


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd" if sys.platform == "linux" else "/dev/fd").iterdir())


# ---------------------------------------------------------------- cancellation

CANCELLING = """
import asyncio, gc, json, os, random, sys, threading, time
from openwebui_users import AsyncUsersClient

async def one(client, name, outcomes):
    call = asyncio.ensure_future(client.get_user_info_by_id(name))
    await asyncio.sleep(random.random() * 0.01)
    call.cancel()
    try:
        user = await call
    except asyncio.CancelledError:
        outcomes.append("cancelled")
    else:
        outcomes.append("answered" if user.id == name else "wrong")

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") >> 10

async def main():
    outcomes, facts = [], []
    async with AsyncUsersClient(sys.argv[1], "sk-x", max_connections=10) as client:
        for batch in range(24):
            await asyncio.gather(
                *(one(client, f"{batch}-{i}", outcomes) for i in range(50))
            )
            if batch in (3, 23):
                gc.collect()
                await asyncio.sleep(0.05)
                facts.append((len(os.listdir("/proc/self/fd")), resident()))
        users = await asyncio.gather(*(client.get_user_info_by_id(f"x{i}") for i in range(100)))
        right = [user.id for user in users] == [f"x{i}" for i in range(100)]
        tasks = len(asyncio.all_tasks())
    after = len(os.listdir("/proc/self/fd"))
    print(json.dumps([outcomes.count("answered"), outcomes.count("cancelled"), len(outcomes),
                      facts, right, tasks, after, threading.active_count()]))

before = len(os.listdir("/proc/self/fd"))
asyncio.run(main())
for _ in range(200):
    threads = len(os.listdir("/proc/self/task"))
    if threads == 1:
        break
    time.sleep(0.01)  # the client's own is at its last instructions
print(json.dumps([before, len(os.listdir("/proc/self/fd")), threads]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_thousand_random_cancellations(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is left of them: no descriptor, transfer, task, thread or memory."""
    with RawServer(slightly_slow) as raw:
        lines = run_script(CANCELLING, raw.url).stdout.splitlines()
        answered, cancelled, all_of_them, facts, right, tasks, _, _ = json.loads(lines[0])
        before, after, threads = json.loads(lines[1])
    assert answered + cancelled == all_of_them == 1200
    assert cancelled > 200
    (first_fds, first_memory), (last_fds, last_memory) = facts
    assert last_fds <= first_fds + 3  # connections come and go, 10 at most
    if not SANITIZED:
        assert last_memory - first_memory < 3000
    assert right
    assert tasks == 1
    assert (after, threads) == (before, 1)
    with capsys.disabled():
        print(
            f"\n{cancelled} of {all_of_them} calls cancelled: memory grew by "
            f"{last_memory - first_memory} KiB, descriptors by {last_fds - first_fds}"
        )


def slightly_slow(connection: Connection, request: bytes) -> None:
    time.sleep(random.random() * 0.01)
    echo(connection, request)


def test_a_cancelled_call_stops_its_transfer() -> None:
    """The server sees the connection close, at once and not when it would have answered."""
    asked, closed = threading.Event(), threading.Event()

    def answer(connection: Connection, request: bytes) -> None:  # noqa: ARG001
        asked.set()
        connection.stream.settimeout(10)
        if connection.stream.recv(1) == b"":
            closed.set()

    async def main() -> None:
        async with AsyncUsersClient(raw.url, "sk-x") as client:
            call = asyncio.ensure_future(client.get_users())
            assert await asyncio.to_thread(asked.wait, 5)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await asyncio.to_thread(closed.wait, 5)

    with RawServer(answer) as raw:
        asyncio.run(main())


def test_cancelled_before_it_began_and_while_it_waits_for_its_turn() -> None:
    async def main() -> None:
        async with AsyncUsersClient(raw.url, "sk-x", max_connections=1) as client:
            never = asyncio.ensure_future(client.get_user_info_by_id("never"))
            never.cancel()
            first = asyncio.ensure_future(client.get_user_info_by_id("slow"))
            await asyncio.sleep(0.05)
            waiting = asyncio.ensure_future(client.get_user_info_by_id("waiting"))
            await asyncio.sleep(0.05)
            waiting.cancel()
            outcomes = await asyncio.gather(never, waiting, first, return_exceptions=True)
            assert isinstance(outcomes[0], asyncio.CancelledError)
            assert isinstance(outcomes[1], asyncio.CancelledError)
            assert not isinstance(outcomes[2], BaseException) and outcomes[2].id == "slow"
            assert (await client.get_user_info_by_id("next")).id == "next"

    with RawServer(answer) as raw:
        asyncio.run(main())
        assert len(raw.requests) == 2


# ---------------------------------------------------------------- loops that end


def test_a_loop_that_is_closed_with_calls_under_way() -> None:
    """They are stopped, nothing is said on stderr, and the client serves the next loop."""
    script = """
import asyncio, gc, sys
from openwebui_users import AsyncUsersClient
client = AsyncUsersClient(sys.argv[1], "sk-x")
for round in range(3):
    loop = asyncio.new_event_loop()
    async def begin():
        calls = [loop.create_task(client.get_user_info_by_id(f"slow{i}")) for i in range(5)]
        await asyncio.sleep(0.05)
        for call in calls:
            call._log_destroy_pending = False  # asyncio's own complaint about them
        return None
    loop.run_until_complete(begin())
    loop.close()
    del loop
    gc.collect()
print(asyncio.run(client.get_user_info_by_id("after")).id)
asyncio.run(client.close())
"""
    with RawServer(answer) as raw:
        done = run_script(script, raw.url)
    assert done.stdout == "after\n"
    assert done.stderr == ""


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(
            "asyncio.run(client.get_user_info_by_id('a'))", id="a client that was never closed"
        ),
        pytest.param(
            """
async def main():
    global call
    call = asyncio.ensure_future(client.get_user_info_by_id('slow'))
    await asyncio.sleep(0.05)
    sys.exit(0)
try:
    asyncio.run(main())
finally:
    pass
""",
            id="exit in the middle of a call",
        ),
        pytest.param(
            """
import threading, time
def work():
    async def forever():
        while True:
            await client.get_user_info_by_id('a')
    asyncio.run(forever())
threading.Thread(target=work, daemon=True).start()
time.sleep(0.1)
""",
            id="a daemon thread with a loop",
        ),
        pytest.param(
            """
import threading, time
from openwebui_users import UsersClient
blocking = UsersClient(sys.argv[1], "sk-x")
def work():
    for user in blocking.map(blocking.get_user_info_by_id, (f"u{i}" for i in range(10**9))):
        pass
threading.Thread(target=work, daemon=True).start()
time.sleep(0.1)
""",
            id="a daemon thread with map",
        ),
    ],
)
def test_the_end_of_the_interpreter(script: str) -> None:
    """No crash, and nothing on stderr."""
    head = """
import asyncio, sys
from openwebui_users import AsyncUsersClient
client = AsyncUsersClient(sys.argv[1], "sk-x")
"""
    with RawServer(answer) as raw:
        for _ in range(3):
            done = run_script(head + script, raw.url)
            assert done.stderr == ""


def test_clients_in_cycles_are_collected() -> None:
    async def main() -> None:
        for _ in range(20):
            client = AsyncUsersClient(raw.url, "sk-x")
            client.me = client  # type: ignore[attr-defined]
            await client.get_user_info_by_id("a")
            await client.close()
        del client

    with RawServer(answer) as raw:
        asyncio.run(main())
        gc.collect()
        before = descriptors()
        asyncio.run(main())
        gc.collect()
        deadline = time.monotonic() + 5
        while descriptors() > before and time.monotonic() < deadline:
            time.sleep(0.01)  # the server's side of it
        assert descriptors() <= before


# ---------------------------------------------------------------- forks

FORKING = """
import asyncio, os, sys
from openwebui_users import AsyncUsersClient
client = AsyncUsersClient(sys.argv[1], "sk-x", max_connections=4, timeout=5)
calls = int(sys.argv[2])
async def ask(who):
    names = [f"{who}-{number}" for number in range(calls)]
    users = await asyncio.gather(*(client.get_user_info_by_id(name) for name in names))
    return sum(user.id != name for user, name in zip(users, names))
asyncio.run(ask("warm"))   # the thread runs, and connections are kept alive
child = os.fork()
if child == 0:
    wrong = 100
    try:
        wrong = asyncio.run(asyncio.wait_for(ask("child"), 5))
        asyncio.run(client.close())
    finally:
        os._exit(min(wrong, 100))
wrong = asyncio.run(ask("parent"))
_, status = os.waitpid(child, 0)
asyncio.run(client.close())
print(wrong, os.waitstatus_to_exitcode(status))
"""


def run_fork(url: str, calls: int, package: Path | None = None) -> list[int]:
    """Wrong answers in the parent, and wrong answers (or 100) in the child."""
    return [
        int(word) for word in run_script(FORKING, url, str(calls), package=package).stdout.split()
    ]


def test_a_fork_gets_no_foreign_answers() -> None:
    with RawServer(answer) as raw:
        assert run_fork(raw.url, 200) == [0, 0]
        assert len(raw.requests) == 600


FORKING_IN_A_LOOP = """
import asyncio, os, sys
from openwebui_users import AsyncUsersClient
client = AsyncUsersClient(sys.argv[1], "sk-x", max_connections=3)
async def main():
    calls = [asyncio.ensure_future(client.get_user_info_by_id(f"u{i}")) for i in range(50)]
    await asyncio.sleep(0.02)
    children = []
    for _ in range(5):
        child = os.fork()
        if child == 0:
            os._exit(0)
        children.append(child)
    users = await asyncio.gather(*calls)
    for child in children:
        os.waitpid(child, 0)
    await client.close()
    return [user.id for user in users] == [f"u{i}" for i in range(50)]
print(asyncio.run(main()))
"""


def test_a_fork_while_calls_are_under_way() -> None:
    """The parent's calls go on."""
    with RawServer(slightly_slow) as raw:
        assert run_script(FORKING_IN_A_LOOP, raw.url).stdout == "True\n"


# ---------------------------------------------------------------- the loop is never held up


def test_a_large_answer_does_not_hold_the_loop_up(capsys: pytest.CaptureFixture[str]) -> None:
    """10,000 users are read and decoded while the loop goes on."""
    rows = [
        {**USER, "id": f"u{i}", "email": f"u{i}@example.com", "bio": "b" * 500, "last_active_at": i}
        for i in range(10_000)
    ]
    body = json.dumps({"users": rows, "total": len(rows)}).encode()
    del rows

    async def tick(longest: list[float], stop: asyncio.Event) -> None:
        while not stop.is_set():
            start = time.perf_counter()
            await asyncio.sleep(0)
            longest[0] = max(longest[0], time.perf_counter() - start)

    async def main() -> tuple[list[float], float]:
        pauses = []
        async with AsyncUsersClient(raw.url, "sk-x") as client:
            await client.get_all_users()
            for _ in range(5):
                longest, stop = [0.0], asyncio.Event()
                ticker = asyncio.ensure_future(tick(longest, stop))
                page = await client.get_all_users()
                stop.set()
                await ticker
                pauses.append(longest[0])
            start = time.perf_counter()
            assert len(page.users) == 10_000
            return sorted(pauses), time.perf_counter() - start

    with RawServer(reply(body)) as raw:
        gc.collect()
        gc.freeze()  # the test's own objects
        try:
            pauses, first_look = asyncio.run(main())
        finally:
            gc.unfreeze()
    with capsys.disabled():
        print(
            f"\n{len(body) / 1e6:.1f} MB, 10,000 users: the loop stood still for "
            f"{pauses[2] * 1000:.2f} ms, {pauses[-1] * 1000:.2f} at worst; the first look took "
            f"{first_look * 1000:.1f} ms"
        )
    assert pauses[2] < 0.1


# ---------------------------------------------------------------- memory that runs out

STARVING = """
import asyncio, sys, _testcapi
from openwebui_users import AsyncUsersClient
async def main():
    async with AsyncUsersClient(sys.argv[1], "sk-x") as client:
        await client.get_user_info_by_id("a")
        failures = 0
        for n in range(50):
            coroutine = client.get_user_info_by_id("a")
            _testcapi.set_nomemory(n, n + 1)
            try:
                coroutine.send(None)
            except MemoryError:
                failures += 1
            except (StopIteration, RuntimeError):
                pass
            finally:
                _testcapi.remove_mem_hooks()
            coroutine.close()
        await asyncio.sleep(0.1)
        user = await client.get_user_info_by_id("b")
        print(failures > 0, user.id)
asyncio.run(main())
"""


def test_memory_that_runs_out() -> None:
    pytest.importorskip("_testcapi")
    with RawServer(answer) as raw:
        assert run_script(STARVING, raw.url).stdout == "True b\n"


def test_dropped_while_an_exception_is_on_its_way() -> None:
    """A closed client whose loop still watches it lets go of that without losing the exception."""

    async def main() -> None:
        clients = [AsyncUsersClient(raw.url, "sk-x")]
        await clients[0].get_user_info_by_id("a")
        PendingCall.of_farewell(clients[0]).close_client()
        with pytest.raises(ZeroDivisionError):
            list(zip([clients.pop()], (1 // number for number in [0]), strict=True))

    with RawServer(answer) as raw:
        asyncio.run(main())


def test_debug_mode_of_asyncio(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> list[Any]:
        async with AsyncUsersClient(raw.url, "sk-x") as client:
            return await asyncio.gather(*(client.get_user_info_by_id(f"u{i}") for i in range(20)))

    with RawServer(answer) as raw:
        users = asyncio.run(main(), debug=True)
    assert [user.id for user in users] == [f"u{i}" for i in range(20)]
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


# ---------------------------------------------------------------- answers that nobody asked for


def unasked(*, close: bool = False, user_id: str = "evil") -> bytes:
    body = json.dumps({**USER, "id": user_id}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return (head + ("Connection: close\r\n" if close else "") + "\r\n").encode() + body


class Unasked:
    """Sends an answer that nobody asked for on each connection that was kept alive."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[int, Connection] = {}

    def __call__(self, connection: Connection, request: bytes) -> None:
        name = request.split(b" ")[1].decode().split("/")[4]
        time.sleep(0.005)
        if name.startswith("close"):
            connection.send(unasked(close=True, user_id=name))
            connection.close()
            return
        with self._lock:
            self._kept[connection.number] = connection
        reply_json({**USER, "id": name})(connection, request)

    def say(self) -> None:
        with self._lock:
            for connection in self._kept.values():
                with contextlib.suppress(OSError):
                    connection.send(unasked())
            self._kept.clear()


@pytest.mark.parametrize("family", ["tcp", "unix"])
def test_answers_that_nobody_asked_for(family: str, tmp_path: Path) -> None:
    """They are never taken for the answers to the next calls, however connections come and go."""
    server = Unasked()
    options: dict[str, Any] = {}
    address: dict[str, Any] = {}
    if family == "unix":
        options["unix_socket"] = str(tmp_path / "socket")
        address = {"family": socket.AF_UNIX, "address": options["unix_socket"]}

    async def main() -> None:
        async with AsyncUsersClient(raw.url, "sk-x", max_connections=16, **options) as client:
            for number in range(6):
                names = [f"{'close' if i % 2 else 'keep'}{number}-{i}" for i in range(64)]
                await asyncio.gather(*map(client.get_user_info_by_id, names))
                server.say()
                await asyncio.sleep(0.1)  # until it has come: small texts may wait for an ACK
                names = [f"next{number}-{i}" for i in range(16)]
                users = await asyncio.gather(*map(client.get_user_info_by_id, names))
                assert [user.id for user in users] == names

    with RawServer(server, **address) as raw:
        asyncio.run(main())


def test_a_slow_call_holds_no_other_up() -> None:
    """Also when it is the first, and opens the first connection."""

    async def main() -> None:
        async with AsyncUsersClient(raw.url, "sk-x") as client:
            slow = asyncio.ensure_future(client.get_user_info_by_id("slow"))
            others = [asyncio.ensure_future(client.get_user_info_by_id(f"u{i}")) for i in range(5)]
            await asyncio.wait([slow, *others], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*others)
            assert not slow.done()
            assert (await slow).id == "slow"

    with RawServer(answer) as raw:
        asyncio.run(main())


FORKING_IN_MAP = """
import os, sys
from openwebui_users import ReadError, UsersClient
client = UsersClient(sys.argv[1], "sk-x")
results = client.map(client.get_user_info_by_id, [f"slow{i}" for i in range(8)], concurrency=2)
first = next(results).id
child = os.fork()
if child == 0:
    status = 1
    try:
        list(results)
    except ReadError:
        status = 0 if client.get_user_info_by_id("own").id == "own" else 2
    os._exit(status)
print(first, len(list(results)), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
client.close()
"""

FORKING_WITH_A_LOOP = """
import asyncio, os, sys
from openwebui_users import AsyncUsersClient
client = AsyncUsersClient(sys.argv[1], "sk-x", timeout=10)
loop = asyncio.new_event_loop()
def ask(name):
    return loop.run_until_complete(client.get_user_info_by_id(name)).id
first = ask("first")
child = os.fork()
if child == 0:
    os._exit(0 if ask("child") == "child" else 1)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(first, ask("parent"), status)
loop.run_until_complete(client.close())
"""


@pytest.mark.parametrize(
    ("script", "expected"),
    [(FORKING_IN_MAP, "slow0 7 0\n"), (FORKING_WITH_A_LOOP, "first parent 0\n")],
    ids=["map", "loop"],
)
def test_a_fork_that_goes_on_with_what_was_begun(script: str, expected: str) -> None:
    """What the parent has begun fails in the child, and does not hang; new calls work."""
    with RawServer(answer) as raw:
        assert run_script(script, raw.url).stdout == expected
