"""Iterating over all users, while users are added and deleted."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from raw_server import RawServer, reply_json

from openwebui_users import (
    AdminRequiredError,
    APIStatusError,
    AsyncUsersClient,
    UserGroupIdsListResponse,
    UserGroupIdsModel,
    UserInfoResponse,
    UsersClient,
    _listing,
)
from openwebui_users.testing import EmbeddedServer, database

PAGE = 30  # rows of one page


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer() as running:
        yield running


def add_users(server: EmbeddedServer, count: int, name: str = "user") -> list[str]:
    """Ids of new users in the order of their addresses."""
    return [
        server.add_user(name=f"{name} {i}", email=f"{name}{i:05}@example.com").id
        for i in range(count)
    ]


Collect = Callable[..., list[Any]]


def collect_blocking(url: str, token: str, method: str, *args: Any, **keywords: Any) -> list[Any]:
    options = keywords.pop("options", {})
    with UsersClient(url, token, **options) as client:
        return list(getattr(client, method)(*args, **keywords))


def collect_async(url: str, token: str, method: str, *args: Any, **keywords: Any) -> list[Any]:
    options = keywords.pop("options", {})

    async def main() -> list[Any]:
        async with AsyncUsersClient(url, token, **options) as client:
            return [item async for item in getattr(client, method)(*args, **keywords)]

    return asyncio.run(main())


@pytest.fixture(params=[collect_blocking, collect_async], ids=["blocking", "async"])
def collect(request: pytest.FixtureRequest) -> Collect:
    found: Collect = request.param
    return found


# ---------------------------------------------------------------- still


@pytest.mark.parametrize("count", [0, 1, 28, 29, 30, 59, 60, 100])
def test_everybody_once_in_order(collect: Collect, server: EmbeddedServer, count: int) -> None:
    add_users(server, count)
    users = collect(server.url, server.admin_token, "iter_users")
    emails = [user.email for user in users]
    assert len(emails) == count + 1
    assert emails == sorted(emails)
    assert all(type(user) is UserGroupIdsModel for user in users)


def test_arguments(collect: Collect, server: EmbeddedServer) -> None:
    add_users(server, 70)
    add_users(server, 5, "other")
    ask = [server.url, server.admin_token]
    backwards = collect(*ask, "iter_users", direction="desc")
    assert [user.email for user in backwards] == sorted((u.email for u in backwards), reverse=True)
    assert len(collect(*ask, "iter_users", "other")) == 5
    assert len(collect(*ask, "iter_users", "OTHER0000_@")) == 5
    assert len({user.id for user in collect(*ask, "iter_users", order_by="name")}) == 76
    for limit in (0, 1, 30, 31, 60, 75, 1000):
        assert len(collect(*ask, "iter_users", limit=limit)) == min(limit, 76)
    for prefetch in (1, 2, 10):
        assert len(collect(*ask, "iter_users", prefetch=prefetch)) == 76
    found = collect(*ask, "iter_search", "other")
    assert len(found) == 5 and all(type(user) is UserInfoResponse for user in found)
    assert len(collect(*ask, "iter_search")) == 76


@pytest.mark.parametrize(
    ("keywords", "error", "text"),
    [
        ({"limit": -1}, ValueError, "limit must be at least 0, got -1"),
        ({"limit": "3"}, TypeError, "limit must be int, not str"),
        ({"prefetch": 0}, ValueError, "prefetch must be at least 1, got 0"),
        ({"prefetch": True}, TypeError, "prefetch must be int, not bool"),
    ],
)
def test_arguments_that_do_not_fit(
    keywords: dict[str, Any], error: type[Exception], text: str
) -> None:
    """Refused at once, before anything is iterated."""
    for client in (UsersClient("http://127.0.0.1:9"), AsyncUsersClient("http://127.0.0.1:9")):
        for method in ("iter_users", "iter_pages", "iter_search"):
            with pytest.raises(error, match=text):
                getattr(client, method)(**keywords)


def test_pages(collect: Collect, server: EmbeddedServer) -> None:
    add_users(server, 70)
    pages = collect(server.url, server.admin_token, "iter_pages")
    assert [len(page.users) for page in pages] == [30, 30, 11]
    assert all(type(page) is UserGroupIdsListResponse and page.total == 71 for page in pages)


def test_a_limit_asks_for_no_more_than_it_needs(collect: Collect, server: EmbeddedServer) -> None:
    add_users(server, 200)
    server.forget_requests()
    assert len(collect(server.url, server.admin_token, "iter_users", limit=45, prefetch=5)) == 45
    assert len(server.requests) == 2
    server.forget_requests()
    assert collect(server.url, server.admin_token, "iter_users", limit=0) == []
    assert server.requests == []


def test_one_page_needs_no_snapshot(collect: Collect, server: EmbeddedServer) -> None:
    add_users(server, 20)
    server.forget_requests()
    assert len(collect(server.url, server.admin_token, "iter_users")) == 21
    assert [request.path for request in server.requests] == ["/api/v1/users/"]


def test_pages_are_fetched_ahead() -> None:
    """While the first page is read, others are under way."""

    def answer(connection: Any, request: bytes) -> None:
        number = int(request.split(b"page=")[1].split(b" ")[0]) if b"page=" in request else 0
        rows = [
            {**ROW, "id": f"{number}-{i}", "email": f"{number}-{i}@example.com"} for i in range(3)
        ]
        reply_json({"users": rows if number else [], "total": 30})(connection, request)

    with RawServer(answer) as raw, UsersClient(raw.url, "sk-x") as client:
        users = client.iter_users(prefetch=4)
        for _ in range(4):
            next(users)  # the first of the second page
        wait_until(lambda: len(raw.requests) == 6)
        users.close()
        assert len(raw.requests) == 6
        assert next(client.iter_users()).id == "1-0"


ROW = {
    "id": "a",
    "name": "n",
    "email": "e",
    "role": "user",
    "last_active_at": 1,
    "updated_at": 1,
    "created_at": 1,
    "group_ids": [],
}


def wait_until(holds: Callable[[], bool]) -> None:
    done = threading.Event()
    for _ in range(500):
        if holds():
            return
        done.wait(0.01)
    raise AssertionError("it did not come true within 5 seconds")


def test_raw_responses_are_read(server: EmbeddedServer) -> None:
    add_users(server, 40)
    with UsersClient(server.url, server.admin_token) as client:
        raw: Any = client.with_raw_response
        assert len(list(raw.iter_users())) == 41


def test_failures_are_raised(collect: Collect, server: EmbeddedServer) -> None:
    user = server.add_user(name="Ann", email="ann@example.com")
    with pytest.raises(AdminRequiredError):
        collect(server.url, user.token, "iter_users")
    add_users(server, 100)
    server.fault("status", times=1, path="/api/v1/users/all", code=500)
    with pytest.raises(APIStatusError):
        collect(server.url, server.admin_token, "iter_users", options={"retry": 0})


# ---------------------------------------------------------------- moving


class Between:
    """Does something when so many pages have come: a hook of the client."""

    def __init__(self, page: int, action: Callable[[], object]) -> None:
        self._left = page
        self._action = action

    def __call__(self, event: Any) -> None:
        if event.route == "/api/v1/users/":
            self._left -= 1
            if self._left == 0:
                self._action()


def delete(server: EmbeddedServer, user_id: str) -> None:
    with UsersClient(server.url, server.admin_token) as client:
        client.delete_user_by_id(user_id)


@pytest.mark.parametrize("method", ["iter_users", "iter_search"])
def test_whom_a_deletion_hides(collect: Collect, server: EmbeddedServer, method: str) -> None:
    """One of the first page goes: the first of the second page slips onto the first."""
    ids = add_users(server, 100)
    route = "/api/v1/users/" if method == "iter_users" else "/api/v1/users/search"

    def hook(event: Any) -> None:
        if event.route == route and not gone:
            gone.append(ids[3])
            delete(server, ids[3])

    gone: list[str] = []
    users = collect(
        server.url, server.admin_token, method, prefetch=1, options={"on_response": hook}
    )
    counted = Counter(user.id for user in users)
    assert set(counted.values()) == {1}
    assert set(ids) - {ids[3]} <= set(counted)
    late = users[-1]
    assert late.id == ids[29]  # the one that was hidden comes last (the administrator is the first)


def test_whom_an_addition_repeats(collect: Collect, server: EmbeddedServer) -> None:
    ids = add_users(server, 100)
    hook = Between(1, lambda: server.add_user(name="New", email="aaa@example.com"))
    users = collect(
        server.url, server.admin_token, "iter_users", prefetch=1, options={"on_response": hook}
    )
    counted = Counter(user.id for user in users)
    assert set(counted.values()) == {1}
    assert set(ids) <= set(counted)
    assert (
        len(counted) == 102
    )  # the new one was before the pages that followed: the snapshot has it


def test_what_count_and_total_cannot_tell(collect: Collect, server: EmbeddedServer) -> None:
    """One goes and one comes: as many as before, and yet one is hidden."""
    ids = add_users(server, 100)

    def change() -> None:
        delete(server, ids[3])
        server.add_user(name="New", email="zzz@example.com")

    users = collect(
        server.url,
        server.admin_token,
        "iter_users",
        prefetch=1,
        options={"on_response": Between(1, change)},
    )
    assert set(ids) - {ids[3]} <= {user.id for user in users}
    assert len({user.id for user in users}) == len(users) == 102


def test_a_query_keeps_others_out_of_what_was_hidden(
    collect: Collect, server: EmbeddedServer
) -> None:
    ids = add_users(server, 70, "inside")
    add_users(server, 40, "other")
    hook = Between(1, lambda: delete(server, ids[3]))
    users = collect(
        server.url,
        server.admin_token,
        "iter_users",
        "INSIDE",
        prefetch=1,
        options={"on_response": hook},
    )
    assert {user.id for user in users} - {ids[3]} == set(ids) - {ids[3]}


def test_a_search_without_rights_reads_again(collect: Collect, server: EmbeddedServer) -> None:
    ann = server.add_user(name="Ann", email="ann@example.com")
    ids = add_users(server, 100)
    gone: list[str] = []

    def hook(event: Any) -> None:
        if event.route == "/api/v1/users/search" and not gone:
            gone.append(ids[3])
            delete(server, ids[3])

    users = collect(server.url, ann.token, "iter_search", prefetch=1, options={"on_response": hook})
    counted = Counter(user.id for user in users)
    assert set(counted.values()) == {1}
    assert set(ids) - {ids[3]} <= set(counted)


def test_a_snapshot_may_be_larger_than_other_answers(
    collect: Collect, server: EmbeddedServer
) -> None:
    """A page is 30 users; the snapshot grows with their number."""
    add_users(server, 200)
    users = collect(server.url, server.admin_token, "iter_users", options={"max_body": 20_000})
    assert len(users) == 201


def test_everybody_goes(collect: Collect, server: EmbeddedServer) -> None:
    ids = add_users(server, 100)

    def hook(event: Any) -> None:
        if event.route == "/api/v1/users/" and ids:
            while ids:
                delete(server, ids.pop())

    users = collect(server.url, server.admin_token, "iter_users", options={"on_response": hook})
    assert len({user.id for user in users}) == len(users) <= 101


def test_ten_thousand_users_while_others_come_and_go(
    collect: Collect, server: EmbeddedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """None of the untouched is missing or comes twice."""
    data: database.Database = server._database

    def add(email: str) -> str:  # straight into the database: calls would take minutes
        user = data.add_user("n", email, "secret word", "user", None)
        return str(user["id"])

    untouched = {add(f"u{i:05}@example.com") for i in range(10_000)}
    passing = [add(f"u{i * 99:05}b@example.com") for i in range(100)]
    stop = threading.Event()
    changes = 0

    def change() -> None:
        nonlocal changes
        chance = random.Random(5)
        while not stop.wait(0.002):
            data.delete_user(passing.pop(chance.randrange(len(passing))))
            passing.append(add(f"u{chance.randrange(10_000):05}c{changes}@example.com"))
            changes += 1

    other = threading.Thread(target=change)
    other.start()
    try:
        users = collect(server.url, server.admin_token, "iter_users", prefetch=4)
    finally:
        stop.set()
        other.join()
    counted = Counter(user.id for user in users)
    assert set(counted.values()) == {1}
    assert untouched <= set(counted)
    with capsys.disabled():
        print(f"\n10,000 users iterated over during {changes} deletions and additions")
    assert changes > 50


# ---------------------------------------------------------------- servers that do not keep to it


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param([[ROW], []], 1, id="a total that promises more"),
        pytest.param([[], []], 0, id="a total, and nobody"),
        pytest.param([[ROW], [ROW], [ROW]], 1, id="the same page for ever"),
    ],
)
def test_totals_that_lie(collect: Collect, answers: list[list[Any]], expected: int) -> None:
    asked = 0

    def answer(connection: Any, request: bytes) -> None:
        nonlocal asked
        asked += 1
        if b"/users/all" in request:
            reply_json({"users": [], "total": 0})(connection, request)
            return
        number = int(request.split(b"page=")[1].split(b" ")[0])
        rows = answers[min(number, len(answers)) - 1]
        reply_json({"users": rows, "total": 50})(connection, request)

    with RawServer(answer) as raw:
        assert len(collect(raw.url, "sk-x", "iter_users")) == expected
    assert asked <= 52


def test_totals_without_end(collect: Collect) -> None:
    """The same rows on every page of a number of pages that nobody lives to see."""

    def answer(connection: Any, request: bytes) -> None:
        rows = [] if b"/users/all" in request else [ROW, {**ROW, "id": "b", "email": "f"}]
        reply_json({"users": rows, "total": 10**25})(connection, request)

    with RawServer(answer) as raw:
        users = collect(raw.url, "sk-x", "iter_users")
        assert [user.id for user in users] == ["a", "b"]
        assert len(raw.requests) < 120
        with UsersClient(raw.url, "sk-x") as client:
            assert client.find_user("nobody@example.com") is None
        assert len(raw.requests) < 250


def test_a_query_that_would_never_end() -> None:
    user = UserInfoResponse(id="i", name="a" * 200, email="e", role="user")
    start = time.monotonic()
    assert not _listing.matches("%a" * 40 + "%zz", user)
    assert time.monotonic() - start < 1


# ---------------------------------------------------------------- one user


def find(url: str, token: str, email: str, how: str) -> Any:
    if how == "blocking":
        with UsersClient(url, token) as client:
            return client.find_user(email)

    async def main() -> Any:
        async with AsyncUsersClient(url, token) as other:
            return await other.find_user(email)

    return asyncio.run(main())


@pytest.mark.parametrize("how", ["blocking", "async"])
def test_find_user(server: EmbeddedServer, how: str) -> None:
    addresses = [
        "ann@example.com",
        "annx@example.com",
        "a%n@example.com",
        "a_n@example.com",
        "abn@example.com",
        "dänn@example.com",
        "ann@example.com.au",
    ]
    for address in addresses:
        server.add_user(name="Ann", email=address)
    for address in addresses:
        for written in (address, address.upper()):
            user = find(server.url, server.admin_token, written, how)
            assert user is not None and user.email == address
            assert type(user) is UserGroupIdsModel
    for address in ("a__@example.com", "%", "", "ann@example", "nn@example.com", "ann"):
        assert find(server.url, server.admin_token, address, how) is None
    with pytest.raises(TypeError, match="email must be str, not int"):
        find(server.url, server.admin_token, 1, how)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="surrogates"):
        find(server.url, server.admin_token, "a\ud800@example.com", how)


@pytest.mark.parametrize("how", ["blocking", "async"])
def test_find_user_among_many_that_match(server: EmbeddedServer, how: str) -> None:
    """More than a page of addresses fit the wildcards of this one."""
    for i in range(100):
        server.add_user(name="n", email=f"a{i:02}z@example.com")
    server.add_user(name="n", email="a__z@example.com")
    user = find(server.url, server.admin_token, "A__Z@example.com", how)
    assert user is not None and user.email == "a__z@example.com"
    assert find(server.url, server.admin_token, "a%z@example.com", how) is None


@pytest.mark.parametrize(
    ("query", "name", "email", "expected"),
    [
        (None, "n", "e", True),
        ("a%b%c", "xaxbxcx", "e", True),
        ("a%b%c", "xaxcxbx", "e", False),
        ("%_%", "n", "", True),
        ("__", "n", "e", False),
        ("", "n", "e", True),
        ("nn", "Ann", "e", True),
        ("EXAMPLE", "n", "ann@example.com", True),
        ("a%c", "abbc", "e", True),
        ("a_c", "abbc", "e", False),
        ("a.c", "abc", "e", False),
        ("ä", "Ä", "e", False),  # databases ignore the case of ASCII only
        ("x\ny", "x\ny", "e", True),
        ("[", "[", "e", True),
    ],
)
def test_what_a_query_matches(query: str | None, name: str, email: str, expected: bool) -> None:
    user = UserInfoResponse(id="i", name=name, email=email, role="user")
    assert _listing.matches(query, user) is expected
