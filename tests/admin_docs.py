"""What the docstrings of the verbs of administration say, for the tests that keep them true."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable
from functools import cache
from typing import Any

from openwebui_users import _core, admin

#: Routes that verbs call, and that are no row of the table of endpoints.
OTHER_ROUTES = {"GET /api/version", "GET /api/v1/auths/admin/config"}
SECTIONS = ("Args", "Returns", "Raises", "Server routes")
#: Functions of the package that talk to no server by themselves.
WITHOUT_ROUTES = {"fleet.run", "permissions_diff"}


def public_verbs() -> dict[str, Callable[..., Any]]:
    """All public functions of openwebui_users.admin, by the name under which docs have them."""
    verbs = {name: getattr(admin, name) for name in admin.__all__}
    found = {name: one for name, one in verbs.items() if isinstance(one, types.FunctionType)}
    return {**found, "fleet.run": admin.fleet.run}


def sections_of(verb: Callable[..., Any]) -> dict[str, str]:
    """The sections of a docstring by their names, without their indent."""
    text = inspect.getdoc(verb) or ""
    parts = re.split(rf"^({'|'.join(SECTIONS)}):", text, flags=re.MULTILINE)
    return {
        name: inspect.cleandoc(re.split(r"\n\n(?=\S)", body)[0])
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def entries_of(section: str) -> list[str]:
    """What is named before the colons of a section: arguments, or exceptions."""
    heads = re.findall(r"^([\w*]+(?:,\s+[\w*]+)*):", section, re.MULTILINE)
    return [name.strip().lstrip("*") for head in heads for name in head.split(",")]


# ---------------------------------------------------------------- routes


@cache
def _templates() -> list[tuple[re.Pattern[str], str]]:
    """Patterns of requests and the routes of the table; those without arguments come first."""
    rows = sorted(_core.endpoint_table(), key=lambda row: row["path"].count("{"))
    methods = [(row["path"], row[kind]) for row in rows for kind in ("method", "older_method")]
    routes = [f"{method} {path}" for path, method in methods if method]
    return [(re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(one))), one) for one in routes]


def known_routes() -> set[str]:
    """All that a docstring may name."""
    return {route for _, route in _templates()} | OTHER_ROUTES


def route_of(method: str, path: str) -> str:
    """The route of the table that a request is for; or the request itself where there is none."""
    request = f"{method} {path}"
    return next((route for pattern, route in _templates() if pattern.fullmatch(request)), request)


def _routes_section(name: str) -> str:
    """In one line."""
    return " ".join(sections_of(public_verbs()[name]).get("Server routes", "").split())


def named_routes(name: str) -> set[str]:
    """The routes that a verb's docstring names, those of other verbs that it refers to included."""
    section = _routes_section(name)
    found = set(re.findall(r"\b[A-Z]+ /api/[^\s,;]*[^\s,;.]", section))
    for other in re.findall(r"(?:those|as) of (\w+)\(\)", section):
        found |= named_routes(other)
    return found


def paths_without_method(name: str) -> list[str]:
    """Paths in that section that no method stands before."""
    return re.findall(r"(?<![A-Z] )/api/\S+", _routes_section(name))
