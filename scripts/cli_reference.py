"""The reference of the command line for docs/cli.md, made from the application."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cli_commands import all_commands

from openwebui_users.cli import _command
from openwebui_users.cli._failures import EXIT_CODES

_SHARED = {
    "connection": _command.CONNECTION,
    "output": _command.SHOWING,
    "dry_run": _command.WRITING,
    "audit": _command.AUDIT,
    "yes": _command.ASKING,
    "verbose": _command.COMMON,
}
_WORDS = {"connection": "[connection](#options)", "output": "[output](#options)"}


def _names(parameter: Any) -> str:
    """The names of an option, and of its value: `-o`, `--output-file FILE`."""
    names = [*parameter.opts, *parameter.secondary_opts]
    is_flag = getattr(parameter, "is_flag", False) or getattr(parameter, "count", False)
    value = "" if is_flag else f" {parameter.metavar or parameter.name.upper()}"
    return ", ".join(f"`{name}{value}`" for name in sorted(names, key=len))


def _help(parameter: Any) -> str:
    text = " ".join((parameter.help or "").split()).replace("|", "\\|").replace("…", "…")
    default = parameter.default
    if isinstance(default, (str, int, float)) and not isinstance(default, bool) and default != "":
        shown = getattr(parameter, "show_default", True)
        if shown and not getattr(parameter, "count", False):
            text += f" Default: `{default}`."
    return f"{text} Required." if parameter.required else text


def _is_option(parameter: Any) -> bool:
    return any(name.startswith("-") for name in parameter.opts)


def _owner(name: str) -> str | None:
    return next((group for group, options in _SHARED.items() if name in options), None)


def shared_options() -> Iterator[str]:
    """The options that many commands have."""
    seen: set[str] = set()
    yield "| option | |"
    yield "| --- | --- |"
    for _, made in all_commands():
        for one in made.params:
            if _owner(one.name) is None or one.name in seen or not _is_option(one):
                continue
            if one.name in ("fields", "secrets") and "output" not in {p.name for p in made.params}:
                continue  # export's own
            seen.add(one.name)
            yield f"| {_names(one)} | {_help(one)} |"


def exit_codes() -> Iterator[str]:
    yield "| code | |"
    yield "| --- | --- |"
    for code, text in EXIT_CODES.items():
        yield f"| {code} | {text} |"


def commands() -> Iterator[str]:
    """A section for each command."""
    for name, made in all_commands():
        shared = {one.name for one in made.params} if "output" in _params(made) else set()
        if not shared:
            shared = _params(made) - {"fields", "secrets"}
        own = [one for one in made.params if _owner(one.name) is None or one.name not in shared]
        own = [one for one in own if one.name != "help"]
        places = [one.metavar or one.name.upper() for one in own if not _is_option(one)]
        yield f"### {name}"
        yield ""
        yield f"`openwebui-users {' '.join([name, *places])}`"
        yield ""
        yield "\n".join(line.strip() for line in (made.help or "").strip().splitlines())
        yield ""
        rows = [f"| {_names(one)} | {_help(one)} |" for one in own if _is_option(one)]
        rows = [
            f"| `{one.metavar or one.name.upper()}` | {_help(one).removesuffix(' Required.')} |"
            for one in own
            if not _is_option(one)
        ] + rows
        if rows:
            yield from ("| | |", "| --- | --- |", *rows, "")
        also = [
            _WORDS[group] for group in ("connection", "output") if shared & _SHARED[group].keys()
        ]
        also += [
            f"`--{key.replace('_', '-')}`"
            for group in ("dry_run", "audit", "yes")
            for key in _SHARED[group]
            if key in shared
        ]
        if also:
            yield f"Also: {', '.join(also)}."
            yield ""


def _params(made: Any) -> set[str]:
    return {one.name for one in made.params}
