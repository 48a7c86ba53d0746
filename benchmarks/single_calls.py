"""One call after the other, over a connection that is kept: CPU time of the client's process.

`python benchmarks/single_calls.py WORK LIBRARY SETTING` measures one case; run.py runs them all.
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import c_programs
import catalogue as names
import fields
from measuring import Cases, Laps, Numbers, Setting, repeat, run_case
from server import KEY, ONE, PAGE, page_path, user_path

HEADERS = {"Authorization": f"Bearer {KEY}", "Accept": "application/json"}
LAP = 0.02  # seconds that one repetition should take at least
FLOOR_CALLS = 500  # a repetition of the floor
PAGE_IDS = [user["id"] for user in PAGE["users"]]


@dataclass(frozen=True)
class Client:
    """One library: how it makes many calls, one after the other."""

    users: Callable[[list[str]], list[Any]]  # by their ids
    pages: Callable[[int], list[Any]]  # so many times the same page


def ids_of(calls: int) -> list[str]:
    return [str(uuid.UUID(int=number)) for number in range(calls)]


def in_turn(get_user: Callable[[str], Any], get_page: Callable[[], Any]) -> Client:
    return Client(
        users=lambda ids: [get_user(user_id) for user_id in ids],
        pages=lambda times: [get_page() for _ in range(times)],
    )


def ours(url: str) -> Client:
    client = import_module("openwebui_users").UsersClient(url, KEY)
    return in_turn(client.get_user_by_id, lambda: client.get_users(page=1))


Get = Callable[[str], bytes]
Decode = Callable[[bytes], Any]


def decoded(url: str, get: Get, decode_user: Decode, decode_page: Decode) -> Client:
    """A library that fetches and one that decodes."""
    return in_turn(
        lambda user_id: decode_user(get(url + user_path(user_id))),
        lambda: decode_page(get(url + page_path(1))),
    )


def by_msgspec(url: str, get: Get) -> Client:
    decoder = import_module("msgspec").json.Decoder
    user = fields.user_class(fields.make_struct, "single")
    page = fields.page_class(fields.make_struct)
    return decoded(url, get, decoder(user).decode, decoder(page).decode)


def by_pydantic(url: str, get: Get) -> Client:
    user = fields.user_class(fields.make_model, "single")
    page = fields.page_class(fields.make_model)
    return decoded(url, get, user.model_validate_json, page.model_validate_json)


def pycurl(url: str) -> Client:
    """One handle, all options set once, as a careful user of pycurl would."""
    module = import_module("pycurl")
    easy = module.Curl()
    easy.setopt(module.HTTPHEADER, [f"{name}: {value}" for name, value in HEADERS.items()])
    easy.setopt(module.ACCEPT_ENCODING, "")
    easy.setopt(module.USERAGENT, "benchmark")
    easy.setopt(module.PROXY, "")
    easy.setopt(module.NOSIGNAL, 1)
    easy.setopt(module.TIMEOUT_MS, 60_000)

    def get(address: str) -> bytes:
        body = BytesIO()
        easy.setopt(module.URL, address)
        easy.setopt(module.WRITEDATA, body)
        easy.perform()
        assert easy.getinfo(module.RESPONSE_CODE) == 200
        return body.getvalue()

    return by_msgspec(url, get)


def by_session(make: Callable[[], Any]) -> Get:
    """The libraries that are used as requests is."""
    session = make()
    session.headers.update(HEADERS)

    def get(address: str) -> bytes:
        response = session.get(address)
        response.raise_for_status()
        content: bytes = response.content
        return content

    return get


def curl_cffi(url: str) -> Client:
    return by_msgspec(url, by_session(import_module("curl_cffi.requests").Session))


def httpx(url: str) -> Client:
    return by_pydantic(url, by_session(import_module("httpx").Client))


def requests(url: str) -> Client:
    return by_pydantic(url, by_session(import_module("requests").Session))


def niquests(url: str) -> Client:
    return by_pydantic(url, by_session(import_module("niquests").Session))


def urllib_json(url: str) -> Client:
    """What needs nothing installed. It opens a connection a call, and what it makes are dicts."""

    def get(address: str) -> bytes:
        with urllib.request.urlopen(urllib.request.Request(address, headers=HEADERS)) as answer:
            body: bytes = answer.read()
            return body

    def as_user(value: dict[str, Any]) -> Any:
        return SimpleNamespace(**value)

    def as_page(text: bytes) -> Any:
        return SimpleNamespace(users=[as_user(user) for user in json.loads(text)["users"]])

    return decoded(url, get, lambda text: as_user(json.loads(text)), as_page)


def owui(url: str) -> Client:
    """It knows only await: all calls of a repetition stand in one coroutine."""
    client = import_module("owui_client.client").OpenWebUI(f"{url}/api", KEY)
    loop = asyncio.new_event_loop()

    async def one_by_one(calls: Iterable[Awaitable[Any]]) -> list[Any]:
        return [await call for call in calls]

    return Client(
        users=lambda ids: loop.run_until_complete(
            one_by_one(client.users.get_user_by_id(user_id) for user_id in ids)
        ),
        pages=lambda times: loop.run_until_complete(
            one_by_one(client.users.get_users(page=1) for _ in range(times))
        ),
    )


CLIENTS: dict[str, Callable[[str], Client]] = {
    names.OURS: ours,
    names.PYCURL: pycurl,
    names.CURL_CFFI: curl_cffi,
    names.REQUESTS: requests,
    names.NIQUESTS: niquests,
    names.HTTPX: httpx,
    names.URLLIB: urllib_json,
    names.OWUI: owui,
}

# ---------------------------------------------------------------- cases


def per_call(laps: Laps, calls: int) -> Numbers:
    return {
        names.CPU_US_PER_CALL: laps.cpu / calls * 1e6,
        names.US_PER_CALL: laps.passed / calls * 1e6,
    }


def calls_a_lap(make: Callable[[int], object]) -> int:
    """So many that a repetition is long beside the clock's grain; after calls that warm up."""
    make(3)
    start = time.perf_counter()
    make(5)
    return max(1, min(1000, round(LAP * 5 / (time.perf_counter() - start))))


def users_by_id(library: str, setting: Setting) -> Numbers:
    client = CLIENTS[library](setting.url)
    calls = calls_a_lap(lambda calls: client.users(ids_of(calls)))
    ids = ids_of(calls)
    correct = []

    def action(_: None) -> None:
        users = client.users(ids)
        pairs = zip(users, ids, strict=True)
        correct.append(all(user.id == one and user.email == ONE["email"] for user, one in pairs))

    laps = repeat(action, setting.seconds)
    return {**per_call(laps, calls), "correct": all(correct)}


def pages(library: str, setting: Setting) -> Numbers:
    client = CLIENTS[library](setting.url)
    calls = calls_a_lap(client.pages)
    correct = []

    def action(_: None) -> None:
        found = client.pages(calls)
        correct.append(all([user.id for user in page.users] == PAGE_IDS for page in found))

    laps = repeat(action, setting.seconds)
    return {**per_call(laps, calls), "correct": all(correct)}


def floor(path: str, setting: Setting) -> Numbers:
    """It ends with an error when an answer is not that of its first call."""
    program, address = setting.floor("curl_easy"), setting.url + path
    laps = c_programs.laps([program, address, str(FLOOR_CALLS), str(setting.seconds)])
    return {**per_call(laps, FLOOR_CALLS), "correct": True}


CASES: Cases = {
    names.ONE_CALL: {
        names.CURL_EASY: partial(floor, user_path(ids_of(1)[0])),
        **{library: partial(users_by_id, library) for library in CLIENTS},
    },
    names.PAGE_CALL: {
        names.CURL_EASY: partial(floor, page_path(1)),
        **{library: partial(pages, library) for library in CLIENTS},
    },
}

if __name__ == "__main__":
    run_case(CASES)
