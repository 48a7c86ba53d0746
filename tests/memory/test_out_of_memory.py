"""Memory runs out at the n-th allocation, for all n, and nothing leaks in these cases either."""

from __future__ import annotations

import sys

import pytest
from answers import server
from every_operation import GROUPS
from own_process import run_script
from samples import MODELS, heap_types


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="hooks of CPython")
@pytest.mark.parametrize("group", GROUPS)
def test_each_allocation_fails_once(group: str) -> None:
    """Only MemoryError comes of it, or the right result; the next one works; nothing leaks."""
    pytest.importorskip("_testcapi")
    with server() as raw:
        facts = run_script("sweep.py", group, raw.url)
    assert [one for one in facts if one["wrong"]] == []
    assert len({one["operation"] for one in facts}) == len(facts) > 20
    if sys.version_info < (3, 12) or group != "failures":
        assert sum(one["failures"] for one in facts) > 100


def subjects() -> set[str]:
    return {one.subject for group in GROUPS.values() for one in group("http://127.0.0.1:1")}


def test_every_part_of_every_type_has_an_operation() -> None:
    """What the classes of the extension hold, by the classes themselves."""
    found = subjects()
    missing = []
    for name, cls in heap_types().items():
        if name in MODELS:  # each attribute of a model is looked at by one operation
            missing += [] if name in found else [name]
            continue
        for attribute, value in vars(cls).items():
            kind = type(value).__name__
            if attribute in ("__del__", "__slotnames__"):
                continue  # whatever drops a client ends there; a note of copyreg's
            if kind in ("EndpointMethod", "PackageFunction", "ClassAttribute"):
                name_of_call = name.removeprefix("Async")
                covered = kind != "EndpointMethod" or f"{name_of_call}.{attribute}" in found
            else:
                covered = kind in ("str", "NoneType") or f"{name}.{attribute}" in found
            if not covered:
                missing.append(f"{name}.{attribute}")
    assert missing == []


def test_every_function_has_an_operation() -> None:
    from openwebui_users import _core

    functions = {
        name
        for name, value in vars(_core).items()
        if type(value).__name__ == "builtin_function_or_method"
    }
    assert functions - subjects() == set()
