"""The server of the soak: plays faults, and records each write in the transaction that makes it.

`python -m soak.server PORT DATABASE SEED LIE`. It uses nothing of the package, so the two can
contradict each other. It keeps all its state in SQLite, so it can be killed at any moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
import random
import signal
import socket
import sqlite3
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from . import world

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, email TEXT UNIQUE, text TEXT, at REAL);
CREATE TABLE IF NOT EXISTS own (key TEXT, name TEXT, value TEXT, PRIMARY KEY (key, name));
CREATE TABLE IF NOT EXISTS ledger (number INTEGER PRIMARY KEY, mark TEXT);
CREATE TABLE IF NOT EXISTS faults (kind TEXT PRIMARY KEY, count INTEGER);
"""
LIFE = 25.0  # seconds that an added user stays, so that lists do not grow
FAULT_RATE = 0.12

# How often each happens, among themselves.
FAULTS = {
    "reset": 4,  # nothing is done in the first four
    "close": 4,
    "503": 4,
    "429": 4,
    "lost, reset": 5,
    "lost, closed": 5,
    "502 afterwards": 4,
    "slow before": 8,
    "slow after": 8,
    "silence": 1,
    "short head": 3,
    "short body": 4,
    "cut chunks": 4,
    "drip": 2,
    "closed when idle": 16,
    "closed and said so": 6,
    "unasked answer": 4,
}


def make(path: Path) -> None:
    """The database as it is before the first start."""
    database = open_database(path)
    database.executescript(SCHEMA)
    rows = [
        (world.user_id(number), world.user(number)["email"], world.user_text(number), 1e12)
        for number in range(world.USERS)
    ]
    database.executemany("INSERT INTO users VALUES (?, ?, ?, ?)", rows)
    database.close()


def open_database(path: Path) -> sqlite3.Connection:
    """A transaction outlives the process, and need not outlive the machine."""
    database = sqlite3.connect(path, isolation_level=None, timeout=10)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=OFF")
    return database


@dataclass
class Request:
    """One request that came whole."""

    method: str
    path: str
    query: dict[str, str]
    target: str
    key: str
    gzip: bool
    body: Any


class Refused(Exception):
    """An answer of status 400 and above."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Store:
    """What is known, and what is done with it."""

    def __init__(self, path: Path, lie: str, chance: random.Random) -> None:
        self._database = open_database(path)
        self._lie = lie
        self._chance = chance

    def close(self) -> None:
        self._database.close()

    def count_fault(self, kind: str) -> None:
        self._database.execute(
            "INSERT INTO faults VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1", (kind,)
        )

    def answer(self, request: Request) -> bytes:
        """Do what is asked; the body of the answer."""
        parts = [unquote(part) for part in request.path.split("/")[1:]]
        if request.method == "GET":
            return self._read(request, parts)
        if parts[2:4] == ["groups", "id"] and parts[5:] == ["users"]:
            numbers = world.members(int(parts[4]))
            return _json([_info(world.user(number)) for number in numbers])
        return self._write(request, parts)

    # ------------------------------------------------------------ reads

    def _read(self, request: Request, parts: list[str]) -> bytes:
        if parts == ["api", "version"]:
            return _json({"version": "0.12.4"})
        if parts[2] != "users":
            raise Refused(404, "Not Found")
        if parts[3] in ("", "search", "all"):
            return self._page(request, parts[3])
        if parts[3] == "user":
            return self._own(request.key, parts[4])
        if self._lie == "answer" and self._chance.random() < 0.05:
            parts[3] = world.user_id(self._chance.randrange(world.USERS))
        if parts[4:] == ["profile", "image"]:
            return world.image(world.numbers_by_id()[parts[3]])
        text = self._user(parts[3])
        if parts[4:] == ["info"]:
            return _json(_info(json.loads(text)))
        return (text[:-1] + ', "groups": [], "is_active": false}').encode()

    def _user(self, user_id: str) -> str:
        rows = self._database.execute("SELECT text FROM users WHERE id = ?", (user_id,)).fetchall()
        if not rows:
            raise Refused(400, "We could not find what you're looking for :/")
        text: str = rows[0][0]
        return text

    def _page(self, request: Request, name: str) -> bytes:
        where, values = "1", []
        if request.query.get("query"):
            where = "(email LIKE ? OR json_extract(text, '$.name') LIKE ?)"
            values = [f"%{request.query['query']}%"] * 2
        order = "DESC" if request.query.get("direction") == "desc" else "ASC"
        sql = f"SELECT text FROM users WHERE {where} ORDER BY email {order}"
        if name != "all":
            page = int(request.query.get("page", "1"))
            sql += f" LIMIT {world.PAGE_SIZE} OFFSET {(page - 1) * world.PAGE_SIZE}"
        texts = [row[0] for row in self._database.execute(sql, values)]
        count = f"SELECT count(*) FROM users WHERE {where}"
        ((total,),) = self._database.execute(count, values).fetchall()
        if name:
            texts = [json.dumps(_info(json.loads(text))) for text in texts]
        asked = json.dumps(request.target)
        return f'{{"users": [{", ".join(texts)}], "total": {total}, "asked": {asked}}}'.encode()

    def _own(self, key: str, name: str) -> bytes:
        rows = self._database.execute(
            "SELECT value FROM own WHERE key = ? AND name = ?", (key, name)
        ).fetchall()
        value = rows[0][0] if rows else None
        if name == "info":
            return _json({"mark": value, "key": key})
        return _json(_self(key, value))

    # ------------------------------------------------------------ writes

    def _write(self, request: Request, parts: list[str]) -> bytes:
        if self._lie == "lost" and self._chance.random() < 0.05:
            return self._carry_out(request, parts, lambda *_: None)
        with self._transaction():
            return self._carry_out(request, parts, self._note)

    @contextlib.contextmanager
    def _transaction(self) -> Any:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except Refused:
            self._database.execute("COMMIT")  # of what was noted
            raise
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _note(self, mark: str) -> None:
        self._database.execute("INSERT INTO ledger (mark) VALUES (?)", (mark,))

    def _carry_out(self, request: Request, parts: list[str], note: Callable[[str], None]) -> bytes:
        body, run = request.body, self._database.execute
        if parts[2:] == ["auths", "add"]:
            note(f"add:{body['email']}")
            return self._add(body)
        if parts[2:4] == ["groups", "create"]:
            note(f"group:{body['name']}")
            return _json(_group(body))
        if parts[2] == "users" and request.method == "DELETE":
            note(f"delete:{parts[3]}")
            run("DELETE FROM users WHERE id = ?", (parts[3],))
            return b"true"
        if parts[2:4] == ["users", "user"] and parts[5:] == ["update"]:
            value = body["mark"] if parts[4] == "info" else body["status_message"]
            note(f"{parts[4]}:{value}")
            run("REPLACE INTO own VALUES (?, ?, ?)", (request.key, parts[4], value))
            return self._own(request.key, parts[4])
        if parts[2] == "users" and parts[4:] == ["update"]:
            note(f"name:{body['name']}")
            user = {**json.loads(self._user(parts[3])), **body}
            run("UPDATE users SET text = ? WHERE id = ?", (json.dumps(user), parts[3]))
            return _json(user)
        raise Refused(405, "Method Not Allowed")

    def _add(self, body: dict[str, Any]) -> bytes:
        self._database.execute("DELETE FROM users WHERE at < ?", (time.time() - LIFE,))
        now = int(time.time())
        user = {
            "id": f"id of {body['email']}",
            **{name: body[name] for name in ("name", "email", "role")},
            "profile_image_url": "/user.png",
            **dict.fromkeys(("last_active_at", "updated_at", "created_at"), now),
        }
        try:
            self._database.execute(
                "INSERT INTO users VALUES (?, ?, ?, ?)",
                (user["id"], user["email"], json.dumps(user), time.time()),
            )
        except sqlite3.IntegrityError:
            raise Refused(400, "Uh-oh! This email is already registered.") from None
        return _json({**user, "token": f"token of {user['id']}", "token_type": "Bearer"})


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _info(user: dict[str, Any]) -> dict[str, Any]:
    shown = ("id", "name", "email", "role", "bio", "timezone", "last_active_at")
    return {**{name: user.get(name) for name in shown}, "groups": [], "is_active": False}


def _self(key: str, message: str | None) -> dict[str, Any]:
    times = dict.fromkeys(("last_active_at", "updated_at", "created_at"), 1_700_000_000)
    own = {"id": key, "name": key, "email": f"{key}@soak.example.com", "role": "user"}
    return {**own, "profile_image_url": "/user.png", "status_message": message, **times}


def _group(body: dict[str, Any]) -> dict[str, Any]:
    times = dict.fromkeys(("updated_at", "created_at"), 1_700_000_000)
    own = {"id": f"id of {body['name']}", "user_id": "1", "member_count": 0}
    return {**own, "name": body["name"], "description": body["description"], **times}


# ---------------------------------------------------------------- connections


class Connection(asyncio.Protocol):
    """One connection: requests one after another, each answered well or badly."""

    transport: asyncio.Transport

    def __init__(self, store: Store, chance: random.Random, open_ones: set[Connection]) -> None:
        self._store = store
        self._chance = chance
        self._open = open_ones
        self._data = b""
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._open.add(self)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's own
        self._open.discard(self)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if self._task is None or self._task.done():
            self._begin()

    def _begin(self) -> None:
        head, separator, rest = self._data.partition(b"\r\n\r\n")
        if not separator:
            return
        lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:])
        }
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        body, self._data = rest[:length], rest[length:]
        method, target, _ = lines[0].split(" ")
        path, _, query = target.partition("?")
        request = Request(
            method,
            path,
            {name: values[0] for name, values in parse_qs(query).items()},
            target,
            headers.get("authorization", "").removeprefix("Bearer "),
            "gzip" in headers.get("accept-encoding", ""),
            json.loads(body) if body else None,
        )
        self._task = asyncio.get_running_loop().create_task(self._serve(request))

    async def _serve(self, request: Request) -> None:
        kind = ""
        if self._chance.random() < FAULT_RATE:
            (kind,) = self._chance.choices(list(FAULTS), list(FAULTS.values()))
            self._store.count_fault(kind)
        try:
            await self._play(kind, request)
        except Exception as error:  # the run ends with what is said here
            print(f"{request.method} {request.target}: {error!r}", file=sys.stderr, flush=True)
            self.transport.abort()
        if self._data and not self.transport.is_closing():
            self._begin()

    async def _play(self, kind: str, request: Request) -> None:
        chance, transport = self._chance, self.transport
        if kind in ("reset", "close"):
            self._end(reset=kind == "reset")
        elif kind == "503":
            asked = chance.choice([None, "0", "1", "200", formatdate(time.time() + 1, usegmt=True)])
            self._refuse(503, "Service Unavailable", asked)
        elif kind == "429":
            self._refuse(429, "Too Many Requests", chance.choice(["0", "0", "1"]))
        elif kind == "silence":
            await asyncio.sleep(4)
            self._end(reset=False)
        elif kind == "slow before":
            await asyncio.sleep(chance.uniform(0, 0.4))
            transport.write(self._whole(request))  # carried out even if nobody waits any more
        elif kind.startswith("lost"):
            self._whole(request)
            self._end(reset=kind == "lost, reset")
        elif kind == "502 afterwards":
            self._whole(request)
            self._refuse(502, "Bad Gateway", None)
        else:
            await self._answer_badly(kind, self._whole(request, chunked=kind == "cut chunks"))

    async def _answer_badly(self, kind: str, answer: bytes) -> None:
        """The request was carried out; what comes of its answer."""
        chance, transport = self._chance, self.transport
        if kind == "slow after":
            await asyncio.sleep(chance.uniform(0, 0.4))
        if kind in ("short head", "short body", "cut chunks"):
            begin = answer.index(b"\r\n\r\n") + 4  # of the body
            # of chunks all may come but the last, which says that there are no more
            end = len(answer) - (5 if kind == "cut chunks" else 1)
            first, last = (0, begin - 1) if kind == "short head" else (begin, end)
            transport.write(answer[: chance.randint(first, last)])
            self._end(reset=chance.random() < 0.5)
        elif kind == "drip":
            pause = chance.choice([0.001, 0.2])
            for at in range(0, len(answer), len(answer) // 20 + 1):
                transport.write(answer[at : at + len(answer) // 20 + 1])
                await asyncio.sleep(pause)
        elif kind == "unasked answer":
            transport.write(answer + answer)
        elif kind == "closed and said so":
            head, separator, body = answer.partition(b"\r\n\r\n")
            transport.write(head + b"\r\nConnection: close" + separator + body)
            self._end(reset=False)
        else:
            transport.write(answer)
        if kind == "closed when idle":
            await asyncio.sleep(chance.choice([0, 0.001, 0.01]))
            if not self._data:
                self._end(reset=chance.random() < 0.5)

    def _end(self, *, reset: bool) -> None:
        if reset:
            linger = struct.pack("ii", 1, 0)
            stream = self.transport.get_extra_info("socket")
            with contextlib.suppress(OSError):
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.transport.abort()
        else:
            self.transport.close()

    def end(self) -> None:
        """The server goes."""
        self._end(reset=True)

    def _refuse(self, status: int, reason: str, retry_after: str | None) -> None:
        body = _json({"detail": reason})
        lines = [] if retry_after is None else [f"Retry-After: {retry_after}"]
        self.transport.write(_head(f"{status} {reason}", body, *lines) + body)

    def _whole(self, request: Request, chunked: bool = False) -> bytes:
        """Carry the request out; head and body of the proper answer."""
        status = "200 OK"
        try:
            body = self._store.answer(request)
        except Refused as refused:
            status, body = f"{refused.status} Refused", _json({"detail": str(refused)})
        lines = []
        kind = "image/png" if request.path.endswith("/image") else "application/json"
        if request.gzip and self._chance.random() < 0.3:
            body = gzip.compress(body, 1)
            lines.append("Content-Encoding: gzip")
        if chunked or self._chance.random() < 0.2:
            half = len(body) // 2
            chunks = [body[:half], body[half:]] if half else [body]
            text = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
            return _head(status, None, *lines, kind=kind) + text + b"0\r\n\r\n"
        return _head(status, body, *lines, kind=kind) + body


def _head(status: str, body: bytes | None, *lines: str, kind: str = "application/json") -> bytes:
    size = "Transfer-Encoding: chunked" if body is None else f"Content-Length: {len(body)}"
    date = formatdate(usegmt=True)
    whole = [f"HTTP/1.1 {status}", f"Date: {date}", f"Content-Type: {kind}", size, *lines]
    return ("\r\n".join(whole) + "\r\n\r\n").encode("latin-1")


# ---------------------------------------------------------------- life


async def serve(port: int, store: Store, chance: random.Random) -> None:
    """Serve until SIGTERM, or until the process that started this one has gone."""
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # clients that go are what is wanted
    open_ones: set[Connection] = set()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(sys.stdin.fileno(), stop.set)  # nothing is ever written to it
    # with the protocol named, as asyncio sends small answers at once only then
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    server = await loop.create_server(
        lambda: Connection(store, chance, open_ones), sock=listener, backlog=512
    )
    await stop.wait()
    server.close()
    for connection in list(open_ones):
        connection.end()
    await asyncio.sleep(0)


def main(port: str, path: str, seed: str, lie: str) -> None:
    chance = random.Random(seed)
    store = Store(Path(path), lie, chance)
    asyncio.run(serve(int(port), store, chance))
    store.close()  # after the last request that was still on its way


if __name__ == "__main__":
    main(*sys.argv[1:])
