"""The memory in use according to C's allocator; exact with glibc 2.33 and later."""

from __future__ import annotations

import ctypes
from typing import Any


class _Mallinfo(ctypes.Structure):
    """What glibc says of its heaps, all arenas together."""

    _fields_ = [
        ("arena", ctypes.c_size_t),
        ("unused", ctypes.c_size_t * 3),
        ("hblkhd", ctypes.c_size_t),  # in blocks that are mapped by themselves
        ("unused_too", ctypes.c_size_t * 2),
        ("uordblks", ctypes.c_size_t),  # in use in the arenas
        ("rest", ctypes.c_size_t * 2),
    ]


_mallinfo: Any = getattr(ctypes.CDLL(None), "mallinfo2", None)
if _mallinfo is not None:
    _mallinfo.restype = _Mallinfo


def heap_in_use() -> int:
    """Bytes; 0 where the allocator does not tell."""
    if _mallinfo is None:
        return 0
    heap = _mallinfo()
    return int(heap.uordblks + heap.hblkhd)
