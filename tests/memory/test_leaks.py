"""Nothing leaks: every operation and every way to fail is repeated. A deliberate leak is found."""

from __future__ import annotations

import ctypes
import gc
import sys
import weakref
from typing import Any

import pytest
from answers import server
from every_operation import GROUPS
from find_leaks import leak_of
from operations import USER, Operation, UserModelResponse
from own_process import run_script
from samples import MODELS, heap_types, sample

import openwebui_users as package


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="counts references")
@pytest.mark.parametrize("group", GROUPS)
def test_nothing_grows(group: str) -> None:
    """Blocks and objects of Python, bytes of C's heap, references to the types."""
    with server() as raw:
        facts = run_script("find_leaks.py", group, raw.url)
    assert [one for one in facts if one["wrong"]] == []


# ---------------------------------------------------------------- the detector can fail

KEEP = ctypes.pythonapi.Py_IncRef
KEEP.argtypes = [ctypes.py_object]
MALLOC = ctypes.CDLL(None).malloc
MALLOC.argtypes = [ctypes.c_size_t]
MALLOC.restype = ctypes.c_void_p


def keep_model() -> None:
    KEEP(UserModelResponse.model_construct())


def keep_type() -> None:
    KEEP(UserModelResponse)


def keep_text() -> None:
    KEEP("ä" + str(id(object())))


def keep_list() -> None:
    KEEP([])


def lose_memory_of_c() -> None:
    MALLOC(40)


LEAKS = [keep_model, keep_type, keep_text, keep_list, lose_memory_of_c]


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_is_seen(leak: Any) -> None:
    if leak is lose_memory_of_c and not hasattr(ctypes.CDLL(None), "mallinfo2"):
        pytest.skip("a C library that does not tell")
    assert leak_of(Operation("leak", leak)) is not None


def test_what_does_not_leak_is_not_accused() -> None:
    assert leak_of(Operation("none", lambda: UserModelResponse.model_validate(USER))) is None


# ---------------------------------------------------------------- types


def test_references_to_types_are_stable() -> None:
    """Each class of models, made and dropped; and classes derived from it."""
    types = heap_types()
    for name in MODELS:
        cls, data = getattr(package, name), sample(name)
        before = {one: sys.getrefcount(value) for one, value in types.items()}
        for _ in range(20):
            cls.model_validate(data)
            own: Any = type("Own", (cls,), {})
            own.model_construct()
            del own
        gc.collect()
        after = {one: sys.getrefcount(value) for one, value in types.items()}
        # a class keeps a list of weak references to those that were derived from it, not counted
        assert {one for one in after if after[one] > before[one]} == set(), name


def test_types_in_cycles_are_collected() -> None:
    def make() -> list[weakref.ref[Any]]:
        own: Any = type("Own", (UserModelResponse,), {})
        instance = own.model_construct()
        own.instance = instance
        instance.info = {"self": instance, "class": own}
        client: Any = type("OwnClient", (package.UsersClient,), {})
        view = client("http://127.0.0.1:1", "sk-x", trust_env=False)
        view.me, client.instance = view, view
        return [weakref.ref(own), weakref.ref(instance), weakref.ref(client), weakref.ref(view)]

    made = make()
    gc.collect()
    assert [one() for one in made] == [None] * 4
