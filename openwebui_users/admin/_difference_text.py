"""Differences as people read them: a line for each thing, with lines for its fields below."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from openwebui_users._text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ._comparison import Difference

_SIGNS = {"create": "+", "update": "~", "change": "~", "delete": "-"}
_COLORS = {"+": "\x1b[32m", "~": "\x1b[33m", "-": "\x1b[31m"}
_PLAIN = "\x1b[0m"
_COUNTED = {"+": "to create", "~": "to change", "-": "to delete"}


def render_differences(
    title: str, differences: Sequence[Difference], notes: Iterable[str], color: bool | None
) -> str:
    """All differences, how many there are, and the notes."""
    colored = wants_color() if color is None else color

    def line(sign: str, indent: str, text: str) -> str:
        if not colored or sign not in _COLORS:
            return f"{indent}{sign} {text}"
        return f"{indent}{_COLORS[sign]}{sign} {text}{_PLAIN}"

    lines = [title]
    for one in differences:
        lines.append(line(sign_of(one), "  ", printable(title_of(one))))
        lines += [line(sign, "      ", text) for sign, text in _details(one)]
    lines.append(counted(differences))
    lines += [f"note: {printable(note)}" for note in notes]
    return "\n".join(lines)


def counted(differences: Iterable[Difference]) -> str:
    """How many there are to create, to change and to delete."""
    counts = Counter(map(sign_of, differences))
    told = ", ".join(f"{counts[sign]} {text}" for sign, text in _COUNTED.items() if counts[sign])
    return told or "no differences"


def wants_color() -> bool:
    """Whether stdout is a terminal whose user has not asked for none (https://no-color.org)."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and sys.stdout is not None and sys.stdout.isatty()


def sign_of(one: Difference) -> str:
    return _SIGNS[one.kind.partition("_")[0]]


def title_of(one: Difference) -> str:
    """What it is about: "group staff", "user ann@example.com"."""
    what = one.kind.partition("_")[2]
    if what == "members":
        return f"members of group {one.target}"
    return one.target if what == "default_permissions" else f"{what} {one.target}"


def flat(value: dict[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested dicts with their paths."""
    for key, one in value.items():
        if isinstance(one, dict) and one:
            yield from flat(one, f"{place}{key}.")
        else:
            yield f"{place}{key}", one


def changes_of(one: Difference) -> dict[str, tuple[Any, Any]]:
    """Before and after by path. What may be secret is masked in differences already."""
    if one.kind == "change_members":
        return {
            email: (key == "removed", key == "added")
            for key, emails in one.after.items()
            for email in emails
        }
    before, after = dict(flat(one.before)), dict(flat(one.after))
    return {path: (before.get(path), after.get(path)) for path in {**before, **after}}


def _details(one: Difference) -> Iterator[tuple[str, str]]:
    if one.kind == "change_members":
        for email, (_, inside) in changes_of(one).items():
            yield ("+" if inside else "-"), printable(email)
        return
    sign = sign_of(one)
    for path, (before, after) in changes_of(one).items():
        if sign == "+":
            text = _value(after)
        elif sign == "-":
            text = _value(before)
        else:
            text = f"{_value(before)} → {_value(after)}"
        yield " ", f"{printable(path)}: {text}"


def _value(value: Any) -> str:
    return printable(json.dumps(value, ensure_ascii=False))
