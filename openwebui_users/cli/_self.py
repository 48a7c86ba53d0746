"""Commands about your own account: settings, status, usage."""

import json
import time
from typing import Annotated, Any

import typer

from ._command import CONNECTION, SHOWING, WRITING, Cli, alone, command, group
from ._failures import API, NOT_FOUND, CommandError

_DEEPEST = 100  # lists and objects in each other, in one setting
_LONGEST_STATUS = 60 * 24 * 366 * 100.0  # minutes
_STATUS = ("status_emoji", "status_message", "status_expires_at")


# ---------------------------------------------------------------- settings


def _flat(value: dict[str, Any]) -> dict[str, Any]:
    from openwebui_users.admin._difference_text import flat

    return dict(flat(value))


def _stored(cli: Cli) -> dict[str, Any]:
    """The stored settings, without an administrator's presets."""
    answer = cli.client.with_raw_response.get_user_settings(raw=True).raise_for_status().json()
    return answer if isinstance(answer, dict) else {}


def get_settings(
    cli: Cli,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Only this setting, such as ui.theme.")
    ] = None,
) -> None:
    """Show your own settings."""
    found = _stored(cli)
    if name is not None:
        value: Any = found
        for part in name.split("."):
            if not isinstance(value, dict) or part not in value:
                raise CommandError(f"there is no setting {name!r}", exit_code=NOT_FOUND)
            value = value[part]
        found = value if isinstance(value, dict) else {name: value}
    if cli.output.format in ("json", "yaml"):
        cli.output.one(found)
    else:
        rows = [{"setting": key, "value": value} for key, value in _flat(found).items()]
        cli.output.rows(rows, head=("setting", "value"))


def _value(name: str, text: str) -> Any:
    """The value after the =: JSON, otherwise a text."""

    def no_json(text: str) -> Any:
        raise json.JSONDecodeError("is no JSON", text, 0)

    try:
        found = json.loads(text, parse_constant=no_json)
        json.dumps(found, allow_nan=False)  # refuses JSON numbers that become infinite in Python
    except json.JSONDecodeError:
        return text
    except (ValueError, RecursionError):
        raise CommandError(f"{name} has a number that is too large, or is too deep") from None
    if _is_deep(found):
        raise CommandError(f"{name} has more than {_DEEPEST} lists and objects in each other")
    return found


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST + 1):
        level = [
            inner
            for one in level
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return bool(level)


def _assigned(assignments: list[str]) -> dict[str, Any]:
    """Nested settings, from NAME=VALUE with values in JSON, otherwise texts."""
    found: dict[str, Any] = {}
    for one in assignments:
        name, equals, text = one.partition("=")
        *parts, last = name.split(".")
        if not equals or not all((*parts, last)):
            raise CommandError(f"must be NAME=VALUE, such as ui.theme=dark, got {name!r}")
        value = _value(name, text)
        if len(parts) > _DEEPEST:
            raise CommandError(f"{parts[0]}… has more than {_DEEPEST} names in it")
        inner = found
        for part in parts:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise CommandError(f"{name} is within another setting that is given")
        if last in inner:
            raise CommandError(f"{name} is given twice")
        inner[last] = value
    return found


def set_settings(
    cli: Cli,
    assignments: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=VALUE…",
            help="Such as ui.theme=dark. The value is JSON or a text; null removes the setting.",
        ),
    ],
) -> None:
    """Change some of your own settings, and leave the others unchanged."""
    from openwebui_users import _core
    from openwebui_users.admin._directory import is_at_least

    changes = _assigned(assignments)
    before = _stored(cli)
    wanted = after = json.loads(_core.json_merge(json.dumps(before), json.dumps(changes)))
    if not cli.dry_run and wanted != before:
        sent = {key: wanted.get(key) for key in changes}
        if isinstance(changes.get("ui"), dict) and is_at_least(cli.client, (0, 12)):
            # the server merges the keys below ui, and null removes a key
            sent["ui"] = {key: wanted.get("ui", {}).get(key) for key in changes["ui"]}
        cli.client.update_user_settings(sent)
        after = _stored(cli)
    old, new = _flat(before), _flat(after)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    rows = [{"setting": one, "before": old.get(one), "after": new.get(one)} for one in names]
    cli.output.rows(rows, head=("setting", "before", "after"))
    missing = [name for name in _flat(wanted) if name not in new]
    if missing and not cli.dry_run:
        raise CommandError(
            f"the server did not store {', '.join(missing)}: you may have no permission for it",
            exit_code=API,
        )


# ---------------------------------------------------------------- status


def get_status(cli: Cli) -> None:
    """Show your own status."""
    _show_status(cli, cli.client.get_user_status())


def _show_status(cli: Cli, user: Any) -> None:
    if cli.output.is_for_people and not any(getattr(user, name) for name in _STATUS):
        cli.note("no status")
        return
    if cli.output.fields is None:
        cli.output.fields = list(_STATUS)
    cli.output.one(user)


def set_status(
    cli: Cli,
    message: Annotated[str, typer.Argument(help="What others see.")],
    emoji: Annotated[
        str | None, typer.Option(help="Emoji before the message, such as coffee.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option("--for", min=0, metavar="MINUTES", help="How long the status lasts."),
    ] = None,
) -> None:
    """Set your own status."""
    if minutes is not None and not minutes <= _LONGEST_STATUS:  # nan is not, either
        raise CommandError(f"--for must be at most {_LONGEST_STATUS:.0f} minutes, got {minutes}")
    status: dict[str, Any] = {"status_message": message}
    if emoji is not None:
        status["status_emoji"] = emoji
    if minutes is not None:
        status["status_expires_at"] = int(time.time() + minutes * 60)
    _write_status(cli, status)


def clear_status(cli: Cli) -> None:
    """Clear your own status."""
    _write_status(cli, {"status_message": "", "status_emoji": "", "status_expires_at": 0})


def _write_status(cli: Cli, status: dict[str, Any]) -> None:
    if cli.dry_run:
        cli.done(f"the status {json.dumps(status, ensure_ascii=False)}")
    else:
        _show_status(cli, cli.client.update_user_status(status))


# ---------------------------------------------------------------- usage


def usage(
    cli: Cli,
    days: Annotated[
        int | None, typer.Option(min=7, max=732, help="Number of days up to today.")
    ] = None,
) -> None:
    """Show your own usage: totals, models and tools; as CSV or JSONL one row for each day."""
    found = cli.client.get_user_usage(days=days)
    if cli.output.format in ("csv", "jsonl"):
        cli.output.rows(found.heatmap)
    elif not cli.output.is_for_people or cli.output.fields is not None:
        cli.output.one(found)
    else:
        cli.output.one({**found.period.model_dump(), **found.totals.model_dump()})
        for rows in (found.top_models, found.top_tools):
            if rows:
                cli.output.rows(rows)


_PANEL = {"rich_help_panel": "Your own account"}
_READING = (CONNECTION, SHOWING)
_WRITING = (CONNECTION, SHOWING, WRITING)
_settings = group("settings", "Your own settings.", **_PANEL)
command(_settings, "get", get_settings, *_READING)
command(_settings, "set", set_settings, *_WRITING)
_status = group("status", "Your own status.", **_PANEL)
command(_status, "get", get_status, *_READING)
command(_status, "set", set_status, *_WRITING)
command(_status, "clear", clear_status, *_WRITING)
COMMANDS = {
    "settings": _settings,
    "status": _status,
    "usage": alone("usage", usage, *_READING, **_PANEL),
}
