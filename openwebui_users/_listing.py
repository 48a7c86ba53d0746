"""Iterating over all users of a server that hands them out in pages.

A server sorts anew for every page, so whoever is added or deleted between two requests moves all
that follow by one place: a user can come twice, or not at all. Hence rows are taken once each, by
their id; and at the end one snapshot (`/users/all` answers in one piece) shows whom a moving page
has hidden, who are then asked for by themselves.
"""

from __future__ import annotations

import re
from collections import deque

from ._core import RawResponse
from ._flow import Begin, Emit, ask, check_count, outcome
from .errors import APIStatusError, OpenWebUIError

TYPE_CHECKING = False  # as typing has it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ._flow import Flow

_MOST_PASSES = 5  # over pages that move
_MOST_BARREN = (
    100  # pages one after another without anybody new: the server does not tell the truth
)
_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def parsed(answer: Any) -> Any:
    """An answer as the model, also where the client returns it raw."""
    return answer.parse() if isinstance(answer, RawResponse) else answer


# ---------------------------------------------------------------- what servers take for a match


def matches(query: str | None, user: Any) -> bool:
    """Would a server find this user? SQL's LIKE within name and e-mail: % and _ are wildcards."""
    if not query:
        return True
    pattern = f"%{query}%".translate(_ASCII_LOWER)
    return any(_is_like(pattern, text.translate(_ASCII_LOWER)) for text in (user.name, user.email))


def _is_like(pattern: str, text: str) -> bool:
    """SQL's LIKE. A regular expression would take time without end for some patterns."""
    at = here = 0
    after, resumed = -1, 0  # behind the last %, and where the text went on when it was met
    while here < len(text):
        wanted = pattern[at] if at < len(pattern) else ""
        if wanted == "%":
            at += 1
            after, resumed = at, here
        elif wanted == "_" or wanted == text[here]:
            at += 1
            here += 1
        elif after >= 0:  # let that % take one more
            resumed += 1
            at, here = after, resumed
        else:
            return False
    return not pattern[at:].strip("%")


def query_for(email: str) -> str:
    """A query that finds this address in whatever case it is stored, and others besides.

    Databases ignore the case of ASCII letters only: any other letter becomes a wildcard.
    """
    return re.sub(r"[^\x00-\x7f]+", "%", email)


# ---------------------------------------------------------------- one listing


class Listing:
    """What has been seen of one listing, and how it is asked for.

    Args:
        method: the client's method that returns one page.
        query, order_by, direction: its arguments.
        limit: how many rows are wanted; None: all.
        prefetch: pages asked for ahead of those that were taken.
    """

    def __init__(
        self,
        method: Callable[..., Any],
        query: str | None,
        order_by: str,
        direction: str,
        limit: int | None,
        prefetch: int,
    ) -> None:
        if limit is not None:
            check_count("limit", limit, 0)
        check_count("prefetch", prefetch, 1)
        self.method = method
        self.query = query
        self.keywords = {"query": query, "order_by": order_by, "direction": direction}
        self.prefetch = prefetch
        self.left = limit
        self.total = 0
        self.several = False  # were there pages that could move?
        self._seen: set[str] = set()

    def take(self, rows: Iterable[Any]) -> list[Any]:
        """Those of them that are new and wanted."""
        new = []
        for row in rows:
            if self.left == 0:
                break
            if row.id not in self._seen:
                self._seen.add(row.id)
                new.append(row)
                if self.left is not None:
                    self.left -= 1
        return new

    def has(self, user_id: str) -> bool:
        return user_id in self._seen

    @property
    def seen(self) -> int:
        """How many rows were taken."""
        return len(self._seen)

    def _begin(self, page: int) -> Begin:
        return Begin(self.method, (), {**self.keywords, "page": page})

    def _is_worth(self, page: int, size: int, waiting: bool) -> bool:
        """Is there such a page, and will it be needed?"""
        before = (page - 1) * size
        needed = self.left is None or not waiting or before < self.seen + self.left
        return before < self.total and needed

    def pages(self) -> Flow:
        """Emit every page with what is new of it."""
        if self.left == 0:
            return
        page = parsed((yield from outcome((yield self._begin(1)))))
        size = len(page.users)
        self.total = page.total
        self.several = page.total > size > 0
        number, seen, barren = 2, self.seen, 0
        ahead: deque[Any] = deque()
        while True:
            while (
                self.several
                and self.left != 0
                and len(ahead) < self.prefetch
                and self._is_worth(number, size, bool(ahead))
            ):
                ahead.append((yield self._begin(number)))
                number += 1
            yield Emit((with_users(page, self.take(page.users)),))
            barren = 0 if self.seen > seen else barren + 1
            if not ahead or self.left == 0 or not page.users or barren == _MOST_BARREN:
                return
            seen = self.seen
            page = parsed((yield from outcome(ahead.popleft())))
            self.total = page.total


def with_users(page: Any, users: list[Any]) -> Any:
    """The page with these users, which are all of its own or some of them."""
    return page if len(users) == len(page.users) else page.model_copy(update={"users": users})


# ---------------------------------------------------------------- whom a moving page has hidden

_ROOM = 8192  # bytes of a snapshot for each user that was seen


def _snapshot(client: Any, seen: int) -> Flow:
    """All users in one piece, which may be larger than other answers may, as there are so many."""
    most = max(client.max_body, _ROOM * seen)
    return (yield from ask(client.with_options(max_body=most).get_all_users))


def _find_row(client: Any, email: str, field: str, wanted: str) -> Flow:
    """The row in which a field has this value, in any case, looked up by an address, or None; and
    how many pages were read."""
    number, last, barren = 1, 1, 0
    seen: set[str] = set()
    query = query_for(email)
    while number <= last and barren < _MOST_BARREN:
        page = parsed(
            (
                yield from ask(
                    client.get_users, query=query, order_by="email", direction="asc", page=number
                )
            )
        )
        for row in page.users:
            if getattr(row, field).lower() == wanted.lower():
                return row, number
        if not page.users:
            break
        if number == 1:
            last = -(-page.total // len(page.users))
        barren = 0 if any(row.id not in seen for row in page.users) else barren + 1
        seen.update(row.id for row in page.users)
        number += 1
    return None, number


def _hidden_users(client: Any, listing: Listing) -> Flow:
    """Emit one more page with those that no page has shown, in full."""
    snapshot = parsed((yield from _snapshot(client, listing.seen)))
    for user in snapshot.users:
        if listing.left == 0:
            return
        if listing.has(user.id) or not matches(listing.query, user):
            continue
        row, _ = yield from _find_row(client, user.email, "id", user.id)
        found = [] if row is None else listing.take([row])
        if found:
            yield Emit((_page_of(found, listing.total),))


def _page_of(users: list[Any], total: int) -> Any:
    from .models import UserGroupIdsListResponse

    return UserGroupIdsListResponse.model_construct(users=users, total=total)


def _pages_of_users(client: Any, listing: Listing) -> Flow:
    """Emit all pages of get_users, and what they hid."""
    yield from listing.pages()
    if listing.several and listing.left != 0:
        yield from _hidden_users(client, listing)


def _pages_of_search(client: Any, listing: Listing) -> Flow:
    """Emit all pages of search_users, and what they hid.

    Its rows are those of the snapshot. Whoever may not ask for that reads all pages again, until
    nothing new is in them.
    """
    yield from listing.pages()
    if not listing.several or listing.left == 0:
        return
    try:
        snapshot = parsed((yield from _snapshot(client, listing.seen)))
    except APIStatusError as error:
        if error.status_code not in (401, 403):
            raise
    else:
        hidden = [user for user in snapshot.users if matches(listing.query, user)]
        yield Emit((with_users(snapshot, listing.take(hidden)),))
        return
    for _ in range(_MOST_PASSES):
        before = listing.seen
        yield from listing.pages()
        if listing.seen == before or listing.left == 0:
            return


def _users_of(pages: Flow) -> Flow:
    """The same flow, emitting the users of its pages."""
    reply = None
    try:
        while True:
            step = pages.send(reply)
            if isinstance(step, Emit):
                step = Emit([user for page in step.items for user in page.users])
            reply = yield step
    except StopIteration:
        return
    finally:
        pages.close()


# ---------------------------------------------------------------- what the clients' methods do


def pages(client: Any, *how: Any) -> Flow:
    """iter_pages(); how: the arguments of a Listing, without its method."""
    return _pages_of_users(client, Listing(client.get_users, *how))


def users(client: Any, *how: Any) -> Flow:
    """iter_users()."""
    return _users_of(pages(client, *how))


def search(client: Any, *how: Any) -> Flow:
    """iter_search()."""
    return _users_of(_pages_of_search(client, Listing(client.search_users, *how)))


def find_user(client: Any, email: str) -> Flow:
    """The row of the one user with this address; None when there is none."""
    if not isinstance(email, str):
        raise TypeError(f"email must be str, not {type(email).__name__}")
    email.encode()  # a lone surrogate is in no address, and cannot be sent
    wanted = email.lower()
    for _ in range(_MOST_PASSES):
        row, number = yield from _find_row(client, email, "email", email)
        if row is not None or number <= 2:
            return row  # what was on one page cannot have moved
        # it may have been hidden by a page that moved
        snapshot = parsed((yield from _snapshot(client, 0)))
        if all(user.email.lower() != wanted for user in snapshot.users):
            return None
    raise OpenWebUIError("the user is in the list of all users, but on none of the pages")
