"""How much memory is in use; exact if the allocators report it."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from c_heap import heap_in_use

# For a process that measures: glibc counts what its caches hold as held, so it gets none.
ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0", "MALLOC_ARENA_MAX": "1"}


@dataclass(frozen=True)
class Held:
    """Blocks of Python's allocator; objects that the collector knows; bytes of the heap of C, where
    blocks of more than 512 bytes are, too, and all that the core holds."""

    blocks: int
    objects: int
    heap: int

    def __sub__(self, other: Held) -> Held:
        return Held(
            self.blocks - other.blocks, self.objects - other.objects, self.heap - other.heap
        )

    def exceeds(self, blocks: float, objects: float, heap: float) -> bool:
        return self.blocks > blocks or self.objects > objects or self.heap > heap


def held() -> Held:
    """What is held now, once all garbage was collected."""
    while gc.collect() > 0:  # what finalizers let go of is garbage of the next time
        pass
    return Held(sys.getallocatedblocks(), len(gc.get_objects()), heap_in_use())


def growth(action: Callable[[], object], times: int, settle: float = 0) -> Held:
    """How much more is held after so many times, and some seconds."""
    nothing = _growth(_do_nothing, 1)  # what the measure itself holds
    return _growth(action, times, settle) - nothing


def _do_nothing() -> None:
    pass


def _growth(action: Callable[[], object], times: int, settle: float = 0) -> Held:
    before = held()
    for _ in range(times):
        action()
    time.sleep(settle)
    after = held()
    return after - before
