"""Iterating over the users of a real server while other users are added and deleted."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from real_server import RealServer

from openwebui_users import AsyncUsersClient, InternalServerError, UsersClient

pytestmark = pytest.mark.real_server

UNTOUCHED, PASSING = 300, 40
LIMIT = 60.0  # seconds that any wait takes at most


class Rows:
    """Users as rows like the administrator's, put into the server's database past its routes: by
    those a user takes a fifth of a second, for the hash of the password."""

    def __init__(self, server: RealServer) -> None:
        self._database = server.database
        with closing(self._open()) as database:
            database.row_factory = sqlite3.Row
            found = database.execute(
                "SELECT * FROM user WHERE email = ?", (server.admin_email,)
            ).fetchone()
        self._columns = found.keys()
        self._model = dict(found)

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._database, timeout=30)

    def add(self, emails: list[str]) -> list[str]:
        """Ids of new users with these addresses."""
        names = ", ".join(f'"{column}"' for column in self._columns)
        places = ", ".join(f":{column}" for column in self._columns)
        # what must be unique, and is not given here, is null
        blank = {"api_key": None, "oauth_sub": None, "username": None, "oauth": None, "scim": None}
        rows = [
            {
                **self._model,
                **{key: value for key, value in blank.items() if key in self._model},
                "id": str(uuid.uuid4()),
                "email": email,
                "name": "Ann",
                "role": "user",
            }
            for email in emails
        ]
        with closing(self._open()) as database, database:
            database.executemany(f"INSERT INTO user ({names}) VALUES ({places})", rows)
        return [row["id"] for row in rows]

    def delete(self, ids: list[str]) -> None:
        with closing(self._open()) as database, database:
            database.executemany("DELETE FROM user WHERE id = ?", [(one,) for one in ids])


@pytest.fixture
def rows(real_server: RealServer) -> Rows:
    return Rows(real_server)


class Traffic:
    """Deletes and adds users in a thread of its own while the `with` lasts.

    Args:
        rows, passing: the database, and ids of those who may go.
        pause: seconds between two of them.
    """

    def __init__(self, rows: Rows, passing: list[str], pause: float) -> None:
        self._rows = rows
        self._pause = pause
        self.passing = passing
        self.changes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._change)

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(LIMIT)

    def _change(self) -> None:
        chance = random.Random(7)
        while not self._stop.wait(self._pause):
            gone = self.passing.pop(chance.randrange(len(self.passing)))
            self._rows.delete([gone])
            email = f"u{chance.randrange(UNTOUCHED):03}c{self.changes}@listing.example.com"
            self.passing += self._rows.add([email])
            self.changes += 1


@pytest.fixture
def crowd(rows: Rows) -> Iterator[tuple[set[str], list[str]]]:
    """Ids of those who stay, and of those who may go."""
    untouched = rows.add([f"u{i:03}@listing.example.com" for i in range(UNTOUCHED)])
    passing = rows.add([f"u{i * 7:03}b@listing.example.com" for i in range(PASSING)])
    yield set(untouched), passing
    rows.delete(untouched + passing)


def iterate_undisturbed(kind: str, server: RealServer, method: str) -> list[Any]:
    """All users; begun again where the server says that it stumbled."""
    for _ in range(20 if server.is_like_0_8_12 else 0):
        with contextlib.suppress(InternalServerError):
            return iterate(kind, server, method)
    return iterate(kind, server, method)


def iterate(kind: str, server: RealServer, method: str) -> list[Any]:
    if kind == "blocking":
        with UsersClient(server.url, server.admin_token) as client:
            return list(getattr(client, method)())

    async def main() -> list[Any]:
        async with AsyncUsersClient(server.url, server.admin_token) as client:
            return [user async for user in getattr(client, method)()]

    return asyncio.run(main())


@pytest.mark.parametrize("kind", ["blocking", "async"])
@pytest.mark.parametrize("method", ["iter_users", "iter_search"])
def test_none_of_the_untouched_is_missing_or_comes_twice(
    real_server: RealServer,
    rows: Rows,
    crowd: tuple[set[str], list[str]],
    kind: str,
    method: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    untouched, passing = crowd
    with Traffic(rows, passing, 0.4 if real_server.is_like_0_8_12 else 0.001) as traffic:
        users = iterate_undisturbed(kind, real_server, method)
    counted = Counter(user.id for user in users)
    assert set(counted.values()) == {1}
    assert untouched <= set(counted)
    assert traffic.changes > (0 if real_server.is_like_0_8_12 else 3)
    with capsys.disabled():
        print(
            f"\n{real_server.version}: {len(users)} users iterated over by {method} ({kind}) "
            f"during {traffic.changes} deletions and additions"
        )


@pytest.mark.parametrize("kind", ["blocking", "async"])
def test_find_user(real_server: RealServer, rows: Rows, kind: str) -> None:
    addresses = ["a_b@listing.example.com", "axb@listing.example.com", "a%b@listing.example.com"]
    ids = rows.add(addresses)

    def find(email: str) -> Any:
        if kind == "blocking":
            with UsersClient(real_server.url, real_server.admin_token) as client:
                return client.find_user(email)

        async def main() -> Any:
            async with AsyncUsersClient(real_server.url, real_server.admin_token) as client:
                return await client.find_user(email)

        return asyncio.run(main())

    try:
        for user_id, address in zip(ids, addresses, strict=True):
            found = find(address.upper())
            assert found is not None and found.id == user_id
        assert find("a__@listing.example.com") is None
        assert find("listing.example.com") is None
    finally:
        rows.delete(ids)


def test_map_creates_users(real_server: RealServer) -> None:
    """Eight at a time, in order, and each exactly once."""
    tag = uuid.uuid4().hex
    forms = [
        {"name": f"Ann {i}", "email": f"{tag}-{i}@example.com", "password": "secret word"}
        for i in range(16)
    ]
    with UsersClient(real_server.url, real_server.admin_token) as client:
        added = list(client.map(client.auths.add_user, forms, concurrency=8))
        try:
            assert [user.email for user in added] == [form["email"] for form in forms]
            assert len(list(client.iter_users(tag))) == 16
        finally:
            list(client.map(client.delete_user_by_id, [user.id for user in added]))
        assert list(client.iter_users(tag)) == []
