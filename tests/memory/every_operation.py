"""All operations by group."""

from __future__ import annotations

from collections.abc import Callable

import client_operations
import operations
from operations import Operation

# Each with the URL of a server of answers.py; those that need none are given it all the same.
GROUPS: dict[str, Callable[[str], list[Operation]]] = {
    "models": lambda _: list(operations.models()),
    "classes": lambda _: list(operations.classes()),
    "lists": lambda _: [*operations.lists(), *operations.functions()],
    "faults": lambda _: list(operations.faults()),
    "making": lambda url: list(client_operations.making(url)),
    "attributes": lambda url: list(client_operations.attributes(url)),
    "endpoints": lambda url: list(client_operations.endpoints(url)),
    "failures": lambda url: list(client_operations.failures(url)),
    "pending": lambda url: list(client_operations.pending(url)),
}
