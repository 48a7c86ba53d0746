"""Values for the tests of memory: a value for every type of the tables, and the heap types."""

from __future__ import annotations

import ctypes
import gc
import json
from typing import Any

from openwebui_users import _core

MODELS: dict[str, dict[str, Any]] = {row["name"]: row for row in _core.model_table()}
ENDPOINTS: list[dict[str, Any]] = _core.endpoint_table()

# Keys and texts beyond ASCII have their UTF-8 made on demand, which may fail as well.
_SCALARS: dict[str, Any] = {
    "any": {"schlüssel": [1, None, "ä"], "b": {"c": 2.5}},
    "str": "Zoë",
    "int": 7,
    "float": 1.5,
    "bool": True,
    "date": "2024-05-06",
    "dict": {"ключ": [1, {"a": None}]},
    "list": [1, "ü"],
    "bytes": "x",
}
_UNKNOWN = {"größe": 1, "passwörd_token": "secret", "nested": {"a": [1, 2]}}


def value_of(kind: dict[str, Any], depth: int = 0) -> Any:
    """A JSON value of this type of the tables."""
    name = kind["kind"]
    if name == "model":
        return sample(kind["model"], depth + 1)
    if name in ("list", "dict") and kind["item"] not in (None, "any"):
        item = value_of({"kind": kind["item"], "item": None, "model": kind["model"]}, depth)
        return [item] if name == "list" else {"schlüssel": item}
    return _SCALARS[name]


def sample(model: str, depth: int = 0) -> dict[str, Any]:
    """A JSON object with every field of this model, and keys that it does not know."""
    data: dict[str, Any] = {
        field["alias"]: "sk-answered" if _is_token(field) else value_of(field, depth)
        for field in MODELS[model]["fields"]
        if depth < 3 or field["required"]
    }
    # No value stands in it twice: see forget_reprs() in sweep.py.
    whole: dict[str, Any] = json.loads(json.dumps({**data, **_UNKNOWN}))
    return whole


def _is_token(field: dict[str, Any]) -> bool:
    """May the client take it for its key?"""
    return bool(field["kind"] == "str" and field["alias"] == "token")


def arguments(endpoint: dict[str, Any]) -> dict[str, Any]:
    """Arguments for a call of the table, each parameter given."""
    given: dict[str, Any] = {}
    for param in endpoint["params"]:
        if param["place"] == "client":
            continue
        value = value_of(param)
        if param["kind"] == "str" and param["place"] == "path":
            value = "ä-1"
        given[param["name"]] = value
    return given


def answer_of(endpoint: dict[str, Any]) -> str:
    """A body that fits the answer of a call of the table."""
    value = value_of(endpoint["answer"])
    if endpoint["answer"]["kind"] == "model":
        value["version"] = "0.12.4"  # one call asks for it first
    return json.dumps(value)


# ---------------------------------------------------------------- heap types

_get_module = ctypes.pythonapi.PyType_GetModule
_get_module.restype = ctypes.c_void_p  # borrowed, which py_object would not be
_get_module.argtypes = [ctypes.py_object]


def _is_of_extension(cls: type) -> bool:
    try:
        module: Any = _get_module(cls)
        return bool(module == id(_core))
    except TypeError:  # of no module, as types of Python are, and those that derive from ours
        return False


def heap_types() -> dict[str, type]:
    """Every type that the extension has made, by its name, whether or not a name leads to it."""
    found = [one for one in gc.get_objects() if isinstance(one, type) and _is_of_extension(one)]
    return {one.__name__: one for one in found}
