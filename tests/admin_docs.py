"""Read the docstrings of the verbs of administration, for the tests that check them."""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from functools import cache
from typing import Any

from docstrings import sections_of

from openwebui_users import _core, admin

#: Routes that verbs call, and that are no row of the table of endpoints.
OTHER_ROUTES = {"GET /api/version", "GET /api/v1/auths/admin/config"}
#: A route in a text.
ROUTE = re.compile(r"\b[A-Z]+ /api/[^\s,;]*[^\s,;.]")
#: Functions of the package that talk to no server by themselves.
WITHOUT_ROUTES = {"fleet.run", "permissions_diff"}


def public_verbs() -> dict[str, Callable[..., Any]]:
    """All public functions of openwebui_users.admin, by the name under which docs have them."""
    verbs = {name: getattr(admin, name) for name in admin.__all__}
    found = {name: one for name, one in verbs.items() if isinstance(one, types.FunctionType)}
    return {**found, "fleet.run": admin.fleet.run}


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
    found = set(ROUTE.findall(section))
    for other in re.findall(r"(?:those|as) of (\w+)\(\)", section):
        found |= named_routes(other)
    return found


def paths_without_method(name: str) -> list[str]:
    """Paths in that section that no method stands before."""
    return re.findall(r"(?<![A-Z] )/api/\S+", _routes_section(name))
