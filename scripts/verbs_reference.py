"""The reference of the verbs of administration, and of what they return, for docs/verbs.md."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import errors_reference
from admin_docs import ROUTE, public_verbs
from docstring_reference import argument_table, class_reference, short_signature
from docstrings import entries_of, paragraphs_of, returned_by, sections_of

from openwebui_users import UsersClient, _core, admin, errors


@cache
def _classes() -> dict[str, type]:
    """What verbs take and return, by name."""
    named = {name: getattr(admin, name) for name in admin.__all__}
    named |= {name: getattr(admin.fleet, name) for name in admin.fleet.__all__}
    return {
        name: one
        for name, one in named.items()
        if inspect.isclass(one) and not issubclass(one, BaseException)
    }


@cache
def _anchors() -> dict[str, str]:
    """Where a verb or a class stands in the page; of two that differ by case the second has a 1."""
    found: dict[str, str] = {}
    for name in (*public_verbs(), *_classes()):
        anchor = name.lower().replace(".", "")
        found[name] = f"{anchor}-1" if anchor in found.values() else anchor
    return found


@cache
def _calls() -> dict[str, str]:
    """The names of calls, by their routes."""
    return {
        f"{row[kind]} {row['path']}": row["name"]
        for row in _core.endpoint_table()
        for kind in ("older_method", "method")
        if row[kind]
    }


def _link_of_function(found: re.Match[str]) -> str:
    """A verb, or a method of a client; anything else stays as it is."""
    owner, name = found["owner"], found["name"]
    if owner is None and name in public_verbs():
        return f"[`{name}()`](#{_anchors()[name]})"
    if owner == "client." and name in _calls().values():
        return f"[`{found[0]}`](calls.md#{name})"
    if owner == "client." and hasattr(UsersClient, name):
        return f"[`{found[0]}`](client.md#{name})"
    return found[0]


def _linked(text: str) -> str:
    """A text in which functions and pages lead to where they are."""
    text = re.sub(r"\bdocs/(\w+\.md)\b", r"[\1](\1)", text)
    return re.sub(r"(?<![.\w])(?P<owner>\w+\.)?(?P<name>\w+)\(\)", _link_of_function, text)


def _link_of_class(name: str) -> str:
    return f"[`{name}`](#{_anchors()[name]})" if name in _classes() else f"`{name}`"


def _link_of_error(name: str) -> str:
    found = next(getattr(one, name) for one in (admin, errors, builtins) if hasattr(one, name))
    return errors_reference.link(found, "errors.md")


def _link_of_route(found: re.Match[str]) -> str:
    name = _calls().get(found[0])
    return f"[`{found[0]}`](calls.md#{name})" if name else f"`{found[0]}`"


def _verb(name: str, function: Callable[..., Any]) -> Iterator[str]:
    sections = sections_of(function)
    yield from (f"### {name}", "", short_signature(name, function), "")
    for text in paragraphs_of(function):
        yield from (_linked(text), "")
    yield from (*argument_table(function, public_verbs(), _linked), "")
    kind, text = returned_by(function)
    yield from (f"Returns {_link_of_class(kind)}: {_linked(text)}", "")
    yield from ("Raises:", "")
    for names, text in entries_of(sections["Raises"]):
        yield f"- {', '.join(map(_link_of_error, names))}: {_linked(text)}"
    yield ""
    routes = " ".join(sections.get("Server routes", "").split())
    if routes:
        yield from (f"Server routes: {_linked(ROUTE.sub(_link_of_route, routes))}", "")


def types() -> Iterator[str]:
    """The names that signatures have for types, and that no class has."""
    used = {
        name
        for function in public_verbs().values()
        for one in inspect.signature(function).parameters.values()
        for name in re.findall(r"\w+", str(one.annotation))
    }
    for path in sorted(Path(str(admin.__file__)).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias":
                name = ast.unparse(node.target)
                if name in used and node.value is not None:
                    yield f"- `{name}` is `{ast.unparse(node.value)}`"


def verbs() -> Iterator[str]:
    """A section for each verb."""
    for name, function in public_verbs().items():
        yield from _verb(name, function)


def classes() -> Iterator[str]:
    """A section for each class."""
    for name, one in _classes().items():
        bases = [
            base.__name__
            for base in one.__bases__
            if base.__name__ in _classes() or "._" not in base.__module__
        ]
        shown = [_link_of_class(base) for base in bases if base != "object"]
        yield from class_reference(name, one, _classes(), _linked, shown)
