"""Text of YAML, JSON and TOML to plain values and back, stricter than their libraries are.

A key that stands twice in one mapping is refused in all three: which of the two would count is not
what whoever wrote it can have meant.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._checks import shown
from ._errors import AdminError, InvalidInputError, MissingLibraryError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

_BY_SUFFIX = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".toml": "toml"}
FORMATS = tuple(dict.fromkeys(_BY_SUFFIX.values()))


def _missing(format: str, library: str) -> MissingLibraryError:  # noqa: A002
    return MissingLibraryError.of(format.upper(), library, "config", ", or use JSON")


class _Unreadable(Exception):
    """What is wrong with a text, and in which line."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def format_of(path: str | os.PathLike[str] | None, format: str | None) -> str:  # noqa: A002
    """The format that is named, or that of the path's suffix."""
    if format is None:
        suffix = "" if path is None else Path(path).suffix.lower()
        format = _BY_SUFFIX.get(suffix)  # noqa: A001
        if format is None:
            name = "an open file" if path is None else f"a file with the suffix {suffix!r}"
            raise ValueError(f"the format of {name} is not known: give format= ({_choices()})")
    if format not in FORMATS:
        raise ValueError(f"format must be one of {_choices()}, got {shown(format)}")
    return format


def _choices() -> str:
    return ", ".join(FORMATS)


def parse(data: str | bytes, format: str) -> Any:  # noqa: A002
    """The values in a text.

    Raises:
        InvalidInputError: the text is not of this format, or has a key twice in one place.
        MissingLibraryError: a library is missing.
    """
    readers: dict[str, Callable[[str], Any]] = {
        "yaml": _parse_yaml,
        "json": parse_json,
        "toml": _parse_toml,
    }
    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
        return readers[format](text)
    except UnicodeDecodeError:
        problem = Problem("the file is not in UTF-8")
    except RecursionError:
        problem = Problem("the file is nested too deep")
    except _Unreadable as error:
        problem = Problem(f"is not {format.upper()}: {error.message}", row=error.line)
    raise InvalidInputError([problem])


def write(value: dict[str, Any], format: str) -> str:  # noqa: A002
    """The text of plain values."""
    if format == "json":
        return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    if format == "yaml":
        text: str = _yaml().safe_dump(value, allow_unicode=True, sort_keys=False)
        return text
    try:
        import tomli_w
    except ImportError:
        raise _missing(format, "tomli-w") from None
    try:
        return tomli_w.dumps(_without_null(value))
    except TypeError:
        raise AdminError(
            "a list has a null in it, which TOML cannot say: use JSON or YAML"
        ) from None


def _without_null(value: Any) -> Any:
    """The value without keys of mappings that are null."""
    if isinstance(value, dict):
        return {key: _without_null(one) for key, one in value.items() if one is not None}
    return [_without_null(one) for one in value] if isinstance(value, list) else value


# ---------------------------------------------------------------- JSON


def parse_json(text: str) -> Any:
    def check(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise _Unreadable(f"the key {shown(key)} is there twice")
            found[key] = value
        return found

    def refuse_constant(name: str) -> None:
        raise _Unreadable(f"{name} is no number of JSON")

    try:
        return json.loads(text, object_pairs_hook=check, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        raise _Unreadable(error.msg, error.lineno) from None
    except ValueError as error:  # an integer of too many digits
        raise _Unreadable(str(error)) from None


# ---------------------------------------------------------------- YAML


def _yaml() -> Any:
    try:
        import yaml
    except ImportError:
        raise _missing("yaml", "PyYAML") from None
    return yaml


def _parse_yaml(text: str) -> Any:
    yaml = _yaml()

    class Loader(yaml.SafeLoader):  # type: ignore[misc, name-defined]
        """The safe loader, which takes the last of several equal keys without a word."""

        def compose_mapping_node(self, anchor: Any) -> Any:
            node = super().compose_mapping_node(anchor)
            keys: set[tuple[str, str]] = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    continue
                if (key.tag, key.value) in keys:
                    line = key.start_mark.line + 1
                    raise _Unreadable(f"the key {shown(key.value)} is there twice", line)
                keys.add((key.tag, key.value))
            return node

    try:
        return yaml.load(text, Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        # without what is in quotes, which may be a password that stands without them
        told = re.sub(r"'[^']*'|\"[^\"]*\"", "…", str(error.problem or error.context))
        hint = "a text that begins with !, &, *, @ or % needs quotes"
        raise _Unreadable(f"{told}; {hint}", line) from None
    except yaml.YAMLError:
        raise _Unreadable("a character has no place in it") from None
    except (ValueError, LookupError, AttributeError, TypeError, OverflowError):
        text = "a number, a date or another tagged value cannot be read: put texts in quotes"
        raise _Unreadable(text) from None


# ---------------------------------------------------------------- TOML


def _toml() -> Any:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        try:
            import tomli as tomllib  # type: ignore[import-not-found, unused-ignore, no-redef]
        except ImportError:
            raise _missing("toml", "tomli") from None
    return tomllib


def _parse_toml(text: str) -> Any:
    tomllib = _toml()
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:  # names the line itself
        raise _Unreadable(str(error)) from None
