"""Does the memory use of a process grow? This is judged from quiet points after the warm-up.

At a quiet point no call is under way, the garbage collector has run, and the allocator has given
back free memory. The memory in use according to glibc is then exact, because glibc's caches for
threads, which take long to fill, are switched off (`run.ENVIRONMENT`). The number of Python's
blocks is exact too. Resident memory is less exact, but covers memory that neither of them knows.
"""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """What was held at a quiet point."""

    seconds: float
    memory: int  # KiB, resident and anonymous
    heap: int  # KiB of C in use; 0 where the allocator does not tell
    blocks: int  # of Python's allocator, in use
    descriptors: int
    threads: int


@dataclass(frozen=True)
class Measure:
    """One number of a point, and what it may gain from the warm-up to the end."""

    name: str
    unit: str
    bound: float
    is_exact: bool = False  # with all clients closed it is what it was before the first call


# Without a leak memory gains up to 700 KiB, most of it early; heap and blocks gain their noise,
# about 100 KiB and 300 blocks, as more or fewer connections are open. Two minutes are some 30,000
# calls: 15 bytes lost by each are found, and in half an hour one.
MEASURES = (
    Measure("memory", "KiB", 2048),
    Measure("heap", "KiB", 400),
    Measure("blocks", "", 1500),
    Measure("descriptors", "", 20, is_exact=True),
    Measure("threads", "", 0, is_exact=True),
)
OF_MEMORY = {"memory", "heap"}


@dataclass(frozen=True)
class Trend:
    """How a number went over time."""

    slope: float  # per minute
    first: float  # median of the first quarter
    last: float
    minutes: float

    @property
    def gained(self) -> float:
        """The larger of what the slope and what the ends say."""
        return max(self.slope * self.minutes, self.last - self.first)


def trend(points: list[Point], name: str) -> Trend:
    """Theil and Sen's slope, the median over all pairs: a few odd points do not turn it."""
    rows = [(point.seconds, float(getattr(point, name))) for point in points]
    pairs = itertools.combinations(rows, 2)
    slopes = [(b - a) / (t - s) * 60 for (s, a), (t, b) in pairs if t > s]
    quarter = max(1, len(rows) // 4)
    return Trend(
        statistics.median(slopes) if slopes else 0.0,
        statistics.median(value for _, value in rows[:quarter]),
        statistics.median(value for _, value in rows[-quarter:]),
        (rows[-1][0] - rows[0][0]) / 60,
    )


def faults(points: list[Point], closed: list[Point], look_at_memory: bool = True) -> list[str]:
    """What the process holds too much of.

    Args:
        points: quiet points after the warm-up, with clients open.
        closed: what was held with all clients closed: before the first call, after the warm-up, at
            the end.
        look_at_memory: not under a sanitizer, which keeps what was freed.
    """
    if len(points) < 4 or len(closed) < 3:
        return ["too few quiet points to judge by"]
    found = []
    for measure in MEASURES:
        name, unit = measure.name, measure.unit
        if name in OF_MEMORY and not look_at_memory:
            continue
        went = trend(points, name)
        if went.gained > measure.bound:
            found.append(f"{name} grew by {went.gained:.0f} {unit}".rstrip())
        counts = [getattr(point, name) for point in closed]
        if len(set(counts)) > 1 if measure.is_exact else counts[-1] - counts[-2] > measure.bound:
            found.append(f"{name} with all clients closed: {', '.join(map(str, counts))}")
    return found
