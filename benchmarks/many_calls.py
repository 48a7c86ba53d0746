"""Thousands of reads of a user, begun at once and so many at a time.

`python benchmarks/many_calls.py WORK LIBRARY SETTING` measures one case; run.py runs them all.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import Callable, Coroutine
from functools import partial
from importlib import import_module
from typing import Any

import c_programs
import catalogue as names
import fields
from measuring import Case, Cases, Numbers, Setting, forget_peak, memory_kib, run_case
from server import KEY, ONE, user_path
from single_calls import ids_of

CALLS = 10_000
FEW_CALLS = 300  # of clients on httpx, which are slow
FULL_SECONDS = 0.2  # a case that may take less makes fewer calls

Read = Callable[[str], Coroutine[Any, Any, Any]]
Clients = Callable[[str, int], contextlib.AbstractAsyncContextManager[Read]]


class Measured:
    """Time, CPU time and memory of what is done while the `with` lasts."""

    def __init__(self, ids: list[str]) -> None:
        self._ids = ids

    def __enter__(self) -> Measured:
        gc.collect()
        forget_peak()
        self._memory = memory_kib("VmRSS")
        self._cpu = time.process_time()
        self._start = time.perf_counter()
        return self

    def check(self, users: Any) -> None:
        """Is each the user that was asked for? Measured too: some decode what is read only."""
        email = ONE["email"]
        pairs = zip(users, self._ids, strict=True)
        self._correct = all(user.id == one and user.email == email for user, one in pairs)

    def __exit__(self, *_: object) -> None:
        self._seconds = time.perf_counter() - self._start
        self._cpu = time.process_time() - self._cpu
        self._memory = memory_kib("VmHWM") - self._memory

    def numbers(self) -> Numbers:
        return {
            **numbers(len(self._ids), self._seconds, self._cpu, self._memory),
            "correct": self._correct,
        }


def numbers(calls: int, seconds: float, cpu_seconds: float, kib: int) -> Numbers:
    return {
        names.CALLS_PER_SECOND: calls / seconds,
        names.CPU_US_PER_CALL: cpu_seconds / calls * 1e6,
        names.MEMORY_MIB: kib / 1024,
    }


def scaled(calls: int, setting: Setting) -> int:
    return max(100, round(calls * min(1.0, setting.seconds / FULL_SECONDS)))


async def all_at_once(read: Read, calls: int) -> Numbers:
    """Every call begun before the first has ended; one before them opens a connection."""
    ids = ids_of(calls)
    await read(ids[0])
    with Measured(ids) as measured:
        measured.check(await asyncio.gather(*(read(user_id) for user_id in ids)))
    return measured.numbers()


# ---------------------------------------------------------------- clients


@contextlib.asynccontextmanager
async def ours(url: str, at_a_time: int) -> Any:
    from openwebui_users import AsyncUsersClient

    async with AsyncUsersClient(url, KEY, max_connections=at_a_time) as client:
        yield client.get_user_by_id


@contextlib.asynccontextmanager
async def aiohttp(url: str, at_a_time: int) -> Any:
    module, msgspec = import_module("aiohttp"), import_module("msgspec")
    decode = msgspec.json.Decoder(fields.user_class(fields.make_struct, "single")).decode
    headers = {"Authorization": f"Bearer {KEY}"}
    connector = module.TCPConnector(limit=at_a_time)
    async with module.ClientSession(url, connector=connector, headers=headers) as session:

        async def read(user_id: str) -> Any:
            async with session.get(user_path(user_id)) as response:
                response.raise_for_status()
                return decode(await response.read())

        yield read


def no_more_than(at_a_time: int, read: Read) -> Read:
    """For clients on httpx: its own queue of waiting calls costs more the longer it is."""
    gate = asyncio.Semaphore(at_a_time)

    async def gated(user_id: str) -> Any:
        async with gate:
            return await read(user_id)

    return gated


@contextlib.asynccontextmanager
async def httpx(url: str, at_a_time: int) -> Any:
    module = import_module("httpx")
    decode = fields.user_class(fields.make_model, "single").model_validate_json
    headers = {"Authorization": f"Bearer {KEY}"}
    limits = module.Limits(max_connections=at_a_time, max_keepalive_connections=at_a_time)
    async with module.AsyncClient(base_url=url, headers=headers, limits=limits) as client:

        async def read(user_id: str) -> Any:
            response = await client.get(user_path(user_id))
            response.raise_for_status()
            return decode(response.content)

        yield no_more_than(at_a_time, read)


@contextlib.asynccontextmanager
async def owui(url: str, at_a_time: int) -> Any:
    """It has no number of connections to set: httpx's own is 100, of which 20 are kept."""
    client = import_module("owui_client.client").OpenWebUI(f"{url}/api", KEY)
    yield no_more_than(at_a_time, client.users.get_user_by_id)


# ---------------------------------------------------------------- cases


def asynchronous(
    client: Clients, calls: int, run: Callable[[Any], Any], at_a_time: int, setting: Setting
) -> Numbers:
    async def measure() -> Numbers:
        async with client(setting.url, at_a_time) as read:
            return await all_at_once(read, scaled(calls, setting))

    found: Numbers = run(measure())
    return found


def on_uvloop(work: Any) -> Any:
    return import_module("uvloop").run(work)


def ours_by_map(at_a_time: int, setting: Setting) -> Numbers:
    from openwebui_users import UsersClient

    ids = ids_of(scaled(CALLS, setting))
    with UsersClient(setting.url, KEY, max_connections=at_a_time) as client:
        client.get_user_by_id(ids[0])
        with Measured(ids) as measured:
            measured.check(client.map(client.get_user_by_id, ids, concurrency=at_a_time))
    return measured.numbers()


def floor(at_a_time: int, setting: Setting) -> Numbers:
    """It ends with an error when an answer is not that of its first call."""
    calls, address = scaled(CALLS, setting), setting.url + user_path(ids_of(1)[0])
    found = c_programs.result([setting.floor("curl_multi"), address, str(calls), str(at_a_time)])
    return {
        **numbers(calls, found["seconds"], found["cpu_seconds"], found["memory_kib"]),
        "correct": found["correct"] == calls,
    }


def case(
    at_a_time: int, client: Clients, calls: int, run: Callable[[Any], Any] = asyncio.run
) -> Case:
    return partial(asynchronous, client, calls, run, at_a_time)


def clients(at_a_time: int) -> dict[str, Case]:
    return {
        names.CURL_MULTI: partial(floor, at_a_time),
        names.OURS: case(at_a_time, ours, CALLS),
        names.OURS_UVLOOP: case(at_a_time, ours, CALLS, on_uvloop),
        names.OURS_MAP: partial(ours_by_map, at_a_time),
        names.AIOHTTP: case(at_a_time, aiohttp, CALLS),
        names.OWUI: case(at_a_time, owui, FEW_CALLS),
    }


CASES: Cases = {
    names.MANY_32: {
        **clients(32),
        names.AIOHTTP_UVLOOP: case(32, aiohttp, CALLS, on_uvloop),
        names.HTTPX: case(32, httpx, FEW_CALLS),
    },
    names.MANY_100: clients(100),
}

if __name__ == "__main__":
    run_case(CASES)
