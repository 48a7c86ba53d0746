"""The commands of the command line and their options, read from the application."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from openwebui_users.cli._main import app


def _below(made: Any, name: str) -> Iterator[tuple[str, Any]]:
    if hasattr(made, "list_commands"):
        context = made.context_class(made, info_name=name)
        for one in made.list_commands(context):
            yield from _below(made.get_command(context, one), f"{name} {one}".strip())
    else:
        yield name, made


def all_commands() -> Iterator[tuple[str, Any]]:
    """Each command with its name, "groups members set", in the order of the help."""
    yield from _below(typer.main.get_command(app), "")


def options_of(made: Any) -> set[str]:
    """All options of a command."""
    return {name for one in made.params for name in one.opts if name.startswith("-")}
