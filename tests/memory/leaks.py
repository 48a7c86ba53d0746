"""Repeat operations and look whether memory grows: a script for a process of its own.

    leaks.py GROUP URL [NAME]

One line of JSON for each operation, as sweep.py has it.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import sys
import time
import warnings

from every_operation import GROUPS
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
    for times in (TIMES, 4 * TIMES, 40 * TIMES):  # what comes by chance does not come more often
        references = {name: sys.getrefcount(one) for name, one in types.items()}
        more = growth(run, times, settle=0 if times == TIMES else SETTLE)
        kept = [name for name, one in types.items() if sys.getrefcount(one) > references[name]]
        if not kept and not more.exceeds(times / SELDOM, times / SELDOM, BYTES * times):
            return None
    return f"{more} in {times} runs; references to types: {kept}"


def main() -> None:
    faulthandler.enable()
    warnings.simplefilter("ignore")
    group, url, *names = sys.argv[1:]
    operations = GROUPS[group](url)
    gc.collect()
    gc.freeze()  # what is there stays, and need not be looked at again and again
    for operation in operations:
        if names and not operation.name.startswith(names[0]):
            continue
        print(operation.name, flush=True)
        began = time.perf_counter()
        leak = leak_of(operation)
        facts = {
            "operation": operation.name,
            "wrong": [] if leak is None else [leak],
            "seconds": round(time.perf_counter() - began, 3),
        }
        print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
