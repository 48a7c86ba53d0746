"""The documentation of the verbs of administration is complete: in docstrings and in the pages."""

from __future__ import annotations

import builtins
import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest
from admin_docs import (
    WITHOUT_ROUTES,
    known_routes,
    named_routes,
    paths_without_method,
    public_verbs,
)
from docstrings import entries_of, sections_of
from project import ROOT

from openwebui_users import admin, errors

VERBS = public_verbs()
SECTIONS = ("Args", "Returns", "Raises", "Server routes")
# What a verb with this argument may raise, whatever else it does.
RAISED_WITH = {
    "client": {"APIStatusError", "APIConnectionError"},
    "concurrency": {"Interrupted", "PartialFailureError"},
    "passwords_out": {"LockedError", "AdminError", "OSError"},
    "audit": {"Interrupted", "OSError"},
    "source": {"InvalidInputError", "OSError"},
    "desired": {"InvalidInputError", "MissingLibraryError", "OSError"},
    "format": {"ValueError"},
    "target": {"OSError"},
    "users": {"InvalidInputError"},
}


def is_exception(name: str) -> bool:
    found = [getattr(one, name) for one in (admin, errors, builtins) if hasattr(one, name)]
    return bool(found) and isinstance(found[0], type) and issubclass(found[0], BaseException)


def named_in(section: str) -> list[str]:
    """Arguments, or exceptions."""
    return [name for names, _ in entries_of(section) for name in names]


def problems_of(verb: Callable[..., Any], has_routes: bool) -> list[str]:
    """What a docstring lacks, or has too much."""
    sections = sections_of(verb)
    wanted = SECTIONS if has_routes else [one for one in SECTIONS if one != "Server routes"]
    problems = [f"no section {name}" for name in wanted if not sections.get(name)]
    parameters = set(inspect.signature(verb).parameters)
    told = set(named_in(sections.get("Args", "")))
    problems += [f"Args lacks {name}" for name in sorted(parameters - told)]
    problems += [f"Args has {name}, which is none" for name in sorted(told - parameters)]
    raised = named_in(sections.get("Raises", ""))
    problems += [
        f"Raises has {name}, which is no exception" for name in raised if not is_exception(name)
    ]
    needed = {one for name in parameters for one in RAISED_WITH.get(name, ())}
    problems += [f"Raises lacks {name}" for name in sorted(needed - set(raised))]
    return problems


@pytest.mark.parametrize("name", VERBS)
def test_docstring_is_complete(name: str) -> None:
    assert problems_of(VERBS[name], name not in WITHOUT_ROUTES) == []


@pytest.mark.parametrize("name", [one for one in VERBS if one not in WITHOUT_ROUTES])
def test_routes_are_of_the_table(name: str) -> None:
    """That they are those which the verb calls, tests/admin looks at."""
    assert paths_without_method(name) == []
    named = named_routes(name)
    assert named and named <= known_routes()


def test_rule_of_docstrings() -> None:
    def verb(client: Any, users: Any, *, audit: Any = None) -> None:
        """Do it.

        Args:
            client, user: some.
            audit: a file.

        Raises:
            InvalidInputError, Interrupted: some.
            NoSuchError: never.
            APIStatusError, APIConnectionError: of a call.
        """

    assert problems_of(verb, has_routes=True) == [
        "no section Returns",
        "no section Server routes",
        "Args lacks users",
        "Args has user, which is none",
        "Raises has NoSuchError, which is no exception",
        "Raises lacks OSError",
    ]


def test_every_name_is_in_the_pages() -> None:
    """Besides the one that is made of all of them."""
    paths = [path for path in (ROOT / "docs").glob("*.md") if path.name != "verbs.md"]
    pages = "\n".join(path.read_text() for path in paths)
    missing = [name for name in admin.__all__ if not re.search(rf"\b{name}\b", pages)]
    assert missing == []
