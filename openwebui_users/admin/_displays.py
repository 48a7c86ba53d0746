"""Results, plans and permissions as notebooks show them: pieces of HTML (see `_html`).

Passwords and keys are in none of it: what is shown is what the text shows too.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from openwebui_users._html import (
    MAX_ROWS,
    diff,
    list_html,
    more,
    pairs,
    paragraph,
    table,
    text,
    tinted,
    unbroken,
)

from ._difference_text import changes_of, counted, sign_of, title_of
from ._results import shown_change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ._comparison import Difference
    from ._permissions import EffectivePermissions
    from ._results import Result, RowResult

_MAX_STEPS = 100  # of one plan
_MAX_DETAILS = 20  # lines of one step
_DONE = ("created", "updated", "deleted", "done")

# ---------------------------------------------------------------- results


def _status(row: RowResult, dry_run: bool = False) -> str:
    word = text(row.status.replace("_", " "))
    if not row.ok:
        return tinted("-", f"✗ {word}")
    if row.status not in _DONE:
        return word
    return tinted("~", word) if dry_run else tinted("+", f"✓ {word}")


_COLUMNS: dict[str, Callable[[RowResult], str]] = {
    "row": lambda row: "" if row.row is None else str(row.row),
    "email": lambda row: text(row.email or ""),
    "id": lambda row: unbroken(text(row.id or "")),
    "status": lambda row: unbroken(_status(row)),
    "error": lambda row: text(row.error or ""),
    "changes": lambda row: _lines(shown_change(*item) for item in row.changes.items()),
    "notes": lambda row: _lines(row.notes),
}


def _lines(lines: Iterable[str]) -> str:
    everything = list(lines)
    shown = [text(line) for line in everything[:_MAX_DETAILS]]
    left = more(len(shown), len(everything))
    return "<br>".join([*shown, left] if left else shown)


def row_parts(row: RowResult) -> Iterator[str]:
    values = ((name, show(row)) for name, show in _COLUMNS.items())
    yield pairs(type(row).__name__, ((name, shown) for name, shown in values if shown))


def result_parts(result: Result, headline: str, remarks: Iterable[str]) -> Iterator[str]:
    """The headline, a table of the rows, those that failed first if not all are shown."""
    yield paragraph(f"<b>{text(headline)}</b>")
    if result.stopped:
        yield paragraph(tinted("-", f"✗ stopped: {text(result.stopped)}"))
    rows = result.rows
    if len(rows) > MAX_ROWS:
        rows = sorted(rows, key=lambda row: row.ok)
    makers = dict(_COLUMNS)
    makers["status"] = lambda row: unbroken(_status(row, result.dry_run))
    shown = [{name: show(row) for name, show in makers.items()} for row in rows[:MAX_ROWS]]
    columns = [name for name in makers if any(row[name] for row in shown)]
    if shown:
        cells = ([row[name] for name in columns] for row in shown)
        yield table("", columns, cells, more(len(shown), len(rows), "rows"))
    for remark in remarks:
        yield paragraph(text(remark))


def selection_parts(users: Sequence[Any], title: str, notes: Iterable[str]) -> Iterator[str]:
    yield list_html(users, f"{title}: {f'{len(users):,}' if users else 'nobody'}")
    for note in notes:
        yield paragraph(text(note))


# ---------------------------------------------------------------- plans


def difference_parts(
    title: str, differences: Sequence[Difference], notes: Iterable[str]
) -> Iterator[str]:
    """How many there are, then each as a diff. Deletions are never those that are cut."""
    yield paragraph(f"<b>{text(title)}</b>: {text(counted(differences))}")
    shown = _most_important(differences)
    if shown:
        yield diff(line for one in shown for line in _diff_of(one))
    yield paragraph(text(more(len(shown), len(differences))))
    for note in notes:
        yield paragraph(text(f"note: {note}", 1000))


def _most_important(differences: Sequence[Difference]) -> list[Difference]:
    """So many as are shown, in their order."""
    numbers = sorted(range(len(differences)), key=lambda i: sign_of(differences[i]) != "-")
    return [differences[i] for i in sorted(numbers[:_MAX_STEPS])]


def _diff_of(one: Difference) -> Iterator[tuple[str, str, str]]:
    yield sign_of(one), "", title_of(one)
    lines = list(_details(one))
    yield from lines[:_MAX_DETAILS]
    if len(lines) > _MAX_DETAILS:
        yield " ", "    ", more(_MAX_DETAILS, len(lines), "lines")


def _details(one: Difference) -> Iterator[tuple[str, str, str]]:
    """A line for what goes, and one for what comes."""
    sign, indent = sign_of(one), "    "
    for path, (before, after) in changes_of(one).items():
        if one.kind == "change_members":
            yield ("+" if after else "-"), indent, path
            continue
        if sign == "-" or (sign == "~" and before is not None):
            yield "-", indent, f"{path}: {json.dumps(before, ensure_ascii=False)}"
        if sign == "+" or (sign == "~" and after is not None):
            yield "+", indent, f"{path}: {json.dumps(after, ensure_ascii=False)}"


# ---------------------------------------------------------------- permissions


def permissions_diff_parts(
    changes: Mapping[str, tuple[Any, Any]], word: Callable[[Any], str]
) -> Iterator[str]:
    """A line for what each was, and one for what it is."""
    if not changes:
        yield paragraph("no difference")
        return
    yield diff(
        (sign, "", f"{name}: {word(value)}")
        for name, change in changes.items()
        for sign, value in zip("-+", change, strict=True)
        if value is not None
    )


def effective_parts(permissions: EffectivePermissions, flags: Mapping[str, Any]) -> Iterator[str]:
    """A table: what is granted, and by what."""
    for note in permissions.notes:
        yield paragraph(text(note))
    rows = (
        [text(name), _granted(value), _lines(permissions.sources.get(name, ()))]
        for name, value in flags.items()
    )
    title = f"{permissions.email} ({permissions.role})"
    yield table(title, ["permission", "granted", "by"], rows)


def _granted(value: object) -> str:
    if isinstance(value, bool):
        return tinted("+", "✓ yes") if value else "no"
    return text(value)
