"""Repeat operations and check whether memory grows: a script for a separate process.

    find_leaks.py GROUP URL [NAME]

It prints the output of look_at_each().
"""

from __future__ import annotations

import sys
from typing import Any

from every_operation import look_at_each
from held import growth
from operations import Operation
from samples import heap_types

WARM = 30  # times after which what is made once is made, and what is cached is cached
TIMES = 40
SELDOM = 4  # a leak of one block in so many runs is seen; some come and go by themselves
SETTLE = 0.3  # seconds in which the threads of clients end what was given up
BYTES = 16  # of the heap of C, in each run


def leak_of(operation: Operation) -> str | None:
    """What grows with the number of runs."""
    run = operation.run
    for _ in range(WARM):
        run()
    types = heap_types()
    # what comes by chance does not come more often, nor again
    for times in (TIMES, 4 * TIMES, 40 * TIMES, 40 * TIMES):
        references = {name: sys.getrefcount(one) for name, one in types.items()}
        more = growth(run, times, settle=0 if times == TIMES else SETTLE)
        kept = [name for name, one in types.items() if sys.getrefcount(one) > references[name]]
        if not kept and not more.exceeds(times / SELDOM, times / SELDOM, BYTES * times):
            return None
    return f"{more} in {times} runs; references to types: {kept}"


def look(operation: Operation) -> dict[str, Any]:
    leak = leak_of(operation)
    return {"wrong": [] if leak is None else [leak]}


if __name__ == "__main__":
    look_at_each(look)
