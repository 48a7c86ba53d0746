"""The calls that a worker of the soak makes, and the answers that they must get."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from openwebui_users import (
    APIConnectionError,
    ClientClosedError,
    ConnectError,
    ConnectTimeout,
    OpenWebUIError,
    PoolTimeout,
    RateLimitError,
    ServiceUnavailableError,
)

from . import world

OWN_LIFE = 10.0  # seconds that an added user is used; the server keeps them longer
MOST_OWN = 4
LATE = 8.0  # seconds after which nothing is carried out any more of what was given up

PASSING = (429, 502, 503)  # the statuses that the server plays

# What became of a write, as the documentation of the errors says.
DONE = "done"  # exactly once
NOT_SENT = "not sent"  # never
REFUSED = "refused"  # never: this server refuses before it does anything
UNKNOWN = "unknown"  # never or once


def outcome_of(error: BaseException) -> str:
    """What the exception of a write promises."""
    if isinstance(error, (ConnectError, ConnectTimeout, PoolTimeout)):
        return NOT_SENT
    if isinstance(error, (RateLimitError, ServiceUnavailableError)):
        return REFUSED
    return UNKNOWN


def is_expected(error: BaseException, may_be_closed: bool) -> bool:
    """Is this what the faults of the server lead to, by the documentation?"""
    if isinstance(error, ClientClosedError):
        return may_be_closed
    names = {
        "ConnectError",
        "ConnectTimeout",
        "IncompleteReadError",
        "PoolTimeout",
        "ReadError",
        "ReadTimeout",
        "WriteError",
    }
    if isinstance(error, APIConnectionError):
        return type(error).__name__ in names
    status = getattr(error, "status_code", None)
    return isinstance(error, OpenWebUIError) and status in PASSING


class WrongAnswerError(Exception):
    """The answer is not the one to the question."""


def expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise WrongAnswerError(f"{what}: {found!r}, not {wanted!r}"[:600])


def _nothing(_: Any) -> None:
    pass


@dataclass
class Call:
    """One call: how it is made, what its answer must be, what it changes."""

    view: str  # "users", or a resource beside it
    method: str
    arguments: dict[str, Any]
    check: Callable[[Any], None]
    mark: str | None = None  # of a write: what the server notes
    ended: Callable[[str], None] = _nothing  # with the outcome of a write
    key: str | None = None  # that of its own, if it is not the administrator

    def bound(self, client: Any) -> Any:
        """The method of this client, or of a view of it."""
        if self.key is not None:
            client = client.with_options(api_key=self.key)
        view = client if self.view == "users" else getattr(client, self.view)
        return getattr(view, self.method)


@dataclass
class Own:
    """A user that a worker has added, as the server knows them for certain."""

    id: str
    email: str
    name: str
    since: float
    busy: bool = False


class Asker:
    """Calls at random, one after another; each worker has one of its own."""

    def __init__(self, name: str, chance: random.Random) -> None:
        self._name = name
        self._chance = chance
        self._numbers = itertools.count(1)
        self._own: list[Own] = []
        self._status: str | None = None  # None: not known for certain
        self._certain_from = 0.0
        reads: list[tuple[int, Callable[[], Call]]] = [
            (10, self.user_by_id),
            (4, self.info_by_id),
            (4, self.raw_user),
            (4, self.image),
            (6, self.page),
            (3, self.search),
            (1, self.everybody),
            (2, self.members),
            (2, self.own_status),
            (4, self.added_user),
        ]
        writes: list[tuple[int, Callable[[], Call]]] = [
            (8, self.add),
            (6, self.rename),
            (5, self.delete),
            (4, self.set_status),
            (3, self.set_info),
            (2, self.create_group),
        ]
        self._weights = [weight for weight, _ in reads + writes]
        self._makers = [make for _, make in reads + writes]

    def next(self) -> Call:
        """Any call."""
        self._own = [one for one in self._own if time.monotonic() - one.since < OWN_LIFE]
        (make,) = self._chance.choices(self._makers, self._weights)
        return make()

    def _unique(self) -> str:
        return f"{self._name}-{next(self._numbers)}"

    def _any_user(self) -> int:
        return self._chance.randrange(world.USERS)

    def _free(self) -> Own | None:
        """A user of one's own about whom nothing is under way."""
        free = [one for one in self._own if not one.busy]
        return self._chance.choice(free) if free else None

    # ------------------------------------------------------------ reads

    def user_by_id(self) -> Call:
        wanted = world.user(self._any_user())

        def check(user: Any) -> None:
            for name in ("id", "name", "email", "role", "bio", "info", "settings"):
                expect(name, getattr(user, name), wanted[name])

        return Call("users", "get_user_by_id", {"user_id": wanted["id"]}, check)

    def info_by_id(self) -> Call:
        wanted = world.user(self._any_user())

        def check(user: Any) -> None:
            for name in ("id", "name", "email", "bio", "timezone", "last_active_at"):
                expect(name, getattr(user, name), wanted[name])

        return Call("users", "get_user_info_by_id", {"user_id": wanted["id"]}, check)

    def raw_user(self) -> Call:
        wanted = world.user(self._any_user())

        def check(response: Any) -> None:
            if response.status_code in PASSING:  # raw answers are never raised
                return
            expect("raw answer", response.json(), {**wanted, "groups": [], "is_active": False})
            expect("parsed", response.parse().email, wanted["email"])

        arguments = {"user_id": wanted["id"]}
        return Call("with_raw_response", "get_user_by_id", arguments, check)

    def image(self) -> Call:
        number = self._any_user()

        def check(picture: bytes) -> None:
            expect("size of an image", len(picture), len(world.image(number)))
            expect("image", picture, world.image(number))

        arguments = {"user_id": world.user_id(number)}
        return Call("users", "get_user_profile_image_by_id", arguments, check)

    def page(self) -> Call:
        page = self._chance.randint(1, 4)
        direction = self._chance.choice(["asc", "desc"])
        asked = f"/api/v1/users/?order_by=email&direction={direction}&page={page}"

        def check(found: Any) -> None:
            expect("page asked for", found.model_unknown, {"asked": asked})
            emails = [user.email for user in found.users]
            expect("order", emails, sorted(set(emails), reverse=direction == "desc"))
            check_rows(found.users)
            expect("total", found.total >= world.USERS, True)
            if page * world.PAGE_SIZE <= world.USERS:
                expect("size of a page", len(emails), world.PAGE_SIZE)

        arguments = {"order_by": "email", "direction": direction, "page": page}
        return Call("users", "get_users", arguments, check)

    def search(self) -> Call:
        query = self._chance.choice(["Ann Ünal", f"-base{self._any_user()}@", "BASE1", "no & one"])
        wanted = world.found(query)

        def check(found: Any) -> None:
            expect("found", found.total, len(wanted))
            ids = {user.id for user in found.users}
            expect("size of a page", len(ids), min(len(wanted), world.PAGE_SIZE))
            expect("others", ids - wanted, set())
            check_rows(found.users)

        return Call("users", "search_users", {"query": query}, check)

    def everybody(self) -> Call:
        def check(found: Any) -> None:
            expect("size of the answer", len(found.users), found.total)
            check_everybody(found.users)

        return Call("users", "get_all_users", {}, check)

    def members(self) -> Call:
        group = self._chance.randrange(world.GROUPS)

        def check(users: Any) -> None:
            wanted = [world.user_id(number) for number in world.members(group)]
            expect("members", [user.id for user in users], wanted)

        return Call("groups", "get_users_in_group", {"id": str(group)}, check)

    def own_status(self) -> Call:
        wanted = self._status

        def check(user: Any) -> None:
            expect("whose status", user.id, self._key)
            if wanted is not None:
                expect("status", user.status_message, wanted)

        return Call("users", "get_user_status", {}, check, key=self._key)

    def added_user(self) -> Call:
        """A user of one's own, as the last write left them."""
        own = self._free()
        if own is None:
            return self.user_by_id()
        wanted = Own(own.id, own.email, own.name, own.since)

        def check(user: Any) -> None:
            expect("added user", (user.email, user.name), (wanted.email, wanted.name))

        return Call("users", "get_user_by_id", {"user_id": own.id}, check)

    # ------------------------------------------------------------ writes

    @property
    def _key(self) -> str:
        return f"sk-{self._name}"

    def add(self) -> Call:
        mark = self._unique()
        email = f"{self._chance.randrange(16**4):04x}-{mark}@soak.example.com"
        own = Own(f"id of {email}", email, f"Added {mark}", time.monotonic())

        def check(user: Any) -> None:
            expect("added", (user.id, user.email, user.name), (own.id, own.email, own.name))
            expect("token", user.token, f"token of {own.id}")

        def ended(outcome: str) -> None:
            if outcome == DONE and len(self._own) < MOST_OWN:
                self._own.append(own)

        arguments = {"email": email, "name": own.name, "role": "user", "password": "secret"}
        return Call("auths", "add_user", arguments, check, f"add:{email}", ended)

    def rename(self) -> Call:
        own = self._free()
        if own is None:
            return self.add()
        name = f"Renamed {self._unique()}"
        own.busy = True

        def ended(outcome: str) -> None:
            own.busy = False
            if outcome == DONE:
                own.name = name
            elif outcome == UNKNOWN:
                self._own = [one for one in self._own if one is not own]

        def check(user: Any) -> None:
            expect("renamed", (user.id, user.email, user.name), (own.id, own.email, name))

        arguments = {"user_id": own.id, "name": name}
        return Call("users", "update_user_by_id", arguments, check, f"name:{name}", ended)

    def delete(self) -> Call:
        own = self._free()
        if own is None:
            return self.add()
        self._own.remove(own)
        return Call(
            "users",
            "delete_user_by_id",
            {"user_id": own.id},
            lambda answer: expect("deleted", answer, True),
            f"delete:{own.id}",
        )

    def set_status(self) -> Call:
        message, began = self._unique(), time.monotonic()

        def check(user: Any) -> None:
            expect("status set", (user.id, user.status_message), (self._key, message))

        def ended(outcome: str) -> None:
            if outcome == DONE:
                # one before it that was given up may be carried out after it
                self._status = message if began > self._certain_from else None
            elif outcome == UNKNOWN:
                self._status = None
                self._certain_from = time.monotonic() + LATE

        arguments = {"status_message": message}
        return Call(
            "users", "update_user_status", arguments, check, f"status:{message}", ended, self._key
        )

    def set_info(self) -> Call:
        info = {"mark": self._unique(), "exact": 2**90}
        return Call(
            "users",
            "update_user_info",
            {"info": info},
            lambda answer: expect("info", answer, {"mark": info["mark"], "key": self._key}),
            f"info:{info['mark']}",
            key=self._key,
        )

    def create_group(self) -> Call:
        name = self._unique()
        return Call(
            "groups",
            "create_new_group",
            {"name": name, "description": "é" * 50},
            lambda group: expect("group", (group.name, group.description), (name, "é" * 50)),
            f"group:{name}",
        )

    # ------------------------------------------------------------ many calls of one kind

    def batch(self, count: int) -> list[Call]:
        """Calls of one method, for `map`."""
        make = self._chance.choice([self.add, self.user_by_id, self.create_group, self.image])
        return [make() for _ in range(count)]


def check_rows(users: Any) -> None:
    """Whoever stays is as they always were, in whatever list."""
    numbers = world.numbers_by_id()
    for user in users:
        number = numbers.get(user.id)
        if number is not None:
            wanted = world.user(number)
            for name in ("name", "email", "bio", "last_active_at"):
                expect(f"{name} in a list", getattr(user, name), wanted[name])


def check_everybody(users: Iterable[Any]) -> None:
    """Everybody who stays is there exactly once, and nobody twice."""
    rows = list(users)
    ids = [user.id for user in rows]
    expect("twice in a list", len(ids) - len(set(ids)), 0)
    expect("missing in a list", world.numbers_by_id().keys() - set(ids), set())
    check_rows(rows)
