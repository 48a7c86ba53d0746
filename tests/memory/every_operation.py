"""All operations by group."""

from __future__ import annotations

import faulthandler
import gc
import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

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


def look_at_each(look: Callable[[Operation], dict[str, Any]]) -> None:
    """Look at the operations that the command line names: GROUP URL [NAME].

    Prints the name of each, so that whoever reads it knows what crashed, and then one line of JSON
    with what was found and how long it took.
    """
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
        found = look(operation)
        seconds = round(time.perf_counter() - began, 3)
        print(json.dumps({"operation": operation.name, **found, "seconds": seconds}), flush=True)
