"""What is promised, and whether a run keeps it.

Every target compares numbers of the same round: what disturbs one half of a pair disturbs the other
as well, mostly. What is judged is the median over the rounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import catalogue as names

# by work, then library, then number
Round = dict[str, dict[str, dict[str, float]]]


class Key(NamedTuple):
    """A number of a run."""

    work: str
    library: str
    number: str

    def of(self, one: Round) -> float | None:
        return one.get(self.work, {}).get(self.library, {}).get(self.number)


def quotient(a: float, b: float) -> float:
    return a / b


def difference(a: float, b: float) -> float:
    return a - b


@dataclass(frozen=True)
class Target:
    what: str
    key: Key
    limit: float
    beside: Key | None = None  # what it is compared with; None: nothing
    compare: Callable[[float, float], float] = quotient
    least: bool = False  # is `limit` the least that will do, or the most?
    unit: str = "×"

    def reached(self, rounds: list[Round]) -> float | None:
        """The median over the rounds; None when it was not measured."""
        found = []
        for one in rounds:
            value = self.key.of(one)
            if value is not None and self.beside is not None:
                other = self.beside.of(one)
                value = None if other is None else self.compare(value, other)
            if value is not None:
                found.append(value)
        return median(found) if found else None

    def is_met(self, reached: float | None) -> bool | None:
        if reached is None:
            return None
        return reached >= self.limit if self.least else reached <= self.limit

    def verdict(self, reached: float | None) -> str:
        return {None: "not measured", True: "met", False: "MISSED"}[self.is_met(reached)]

    def wanted(self) -> str:
        return f"{'at least' if self.least else 'at most'} {self.written(self.limit)}"

    def written(self, value: float) -> str:
        number = f"{value:,.0f}" if value >= 100 else f"{value:.4g}"
        return f"{number}{'' if self.unit == '×' else ' '}{self.unit}"


def beside(work: str, number: str, peer: str, limit: float, *, least: bool = False) -> Target:
    """Ours over a peer's, of the same work."""
    ours = Key(work, names.OURS, number)
    what = f"{work}, over {peer}"
    if len(names.WORKS[work].numbers) > 1 and number != names.WORKS[work].numbers[0]:
        what = f"{work}, {names.NUMBERS[number].unit}, over {peer}"
    return Target(what, ours, limit, Key(work, peer, number), least=least)


def growth(larger: str, smaller: str) -> Target:
    number = names.US_PER_USER
    return Target(
        f"cost a user, {larger} over {smaller}",
        Key(larger, names.OURS, number),
        1.3,
        Key(smaller, names.OURS, number),
    )


def decoding(work: str, peer: str, limit: float) -> Target:
    return beside(work, names.US_PER_USER, peer, limit)


def calling(work: str, peer: str, limit: float) -> Target:
    return beside(work, names.CPU_US_PER_CALL, peer, limit)


def throughput(work: str, peer: str, limit: float) -> Target:
    return beside(work, names.CALLS_PER_SECOND, peer, limit, least=True)


TARGETS = (
    Target(
        f"{names.IMPORT}, ms above {names.BARE_LIBCURL}",
        Key(names.IMPORT, names.OURS, names.ABOVE_MS),
        6,
        unit="ms",
    ),
    Target(
        f"{names.IMPORT}, MiB above {names.BARE_LIBCURL}",
        Key(names.IMPORT, names.OURS, names.MEMORY_MIB),
        3,
        Key(names.IMPORT, names.BARE_LIBCURL, names.MEMORY_MIB),
        compare=difference,
        unit="MiB",
    ),
    calling(names.ONE_CALL, names.CURL_EASY, 1.5),
    calling(names.ONE_CALL, names.OWUI, 1 / 30),
    calling(names.ONE_CALL, names.PYCURL, 1),
    calling(names.PAGE_CALL, names.PYCURL, 0.8),
    throughput(names.MANY_32, names.OWUI, 25),
    throughput(names.MANY_32, names.AIOHTTP, 3),
    calling(names.MANY_100, names.CURL_MULTI, 2.5),
    throughput(names.MANY_100, names.OWUI, 25),
    throughput(names.MANY_100, names.AIOHTTP, 3),
    decoding(names.DECODE_1000, names.MSGSPEC, 0.5),
    decoding(names.DECODE_1000, names.JSON_PYDANTIC, 1 / 10),
    decoding(names.DECODE_10000, names.MSGSPEC, 0.3),
    decoding(names.DECODE_10000, names.JSON_PYDANTIC, 1 / 20),
    decoding(names.READ, names.MSGSPEC, 1.1),
    decoding(names.DUMP_JSON, names.MSGSPEC, 0.8),
    decoding(names.DUMP_JSON, names.PYDANTIC, 0.15),
    decoding(names.DUMP, names.MSGSPEC, 1.0),
    decoding(names.DUMP, names.PYDANTIC, 0.6),
    decoding(names.DECODE_DUMP, names.MSGSPEC, 0.8),
    Target(
        names.MEMORY_UNREAD,
        Key(names.MEMORY_UNREAD, names.OURS, names.BYTES_PER_USER),
        1000,
        unit=names.NUMBERS[names.BYTES_PER_USER].unit,
    ),
    beside(names.MEMORY_READ, names.BYTES_PER_USER, names.MSGSPEC, 1.6),
    growth(names.DECODE_10000, names.DECODE_1000),
    growth(names.DECODE_100000, names.DECODE_10000),
    growth(names.DECODE_100000, names.DECODE_1000),
    Target(
        names.THREADS,
        Key(names.THREADS, names.OURS, names.TIMES_ONE_THREAD),
        1.5,
        least=True,
        unit=names.NUMBERS[names.TIMES_ONE_THREAD].unit,
    ),
)
