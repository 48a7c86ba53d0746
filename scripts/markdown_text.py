"""Pieces of Markdown for the reference parts of the docs."""

from __future__ import annotations

from collections.abc import Iterable


def cell(text: object) -> str:
    """A text as a cell of a table."""
    return str(text).replace("|", "\\|").replace("\n", " ")


def code(text: object) -> str:
    """A text as code, in a cell as well."""
    return f"`{cell(text)}`"


def table_row(*cells: str) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def table_head(*titles: str) -> Iterable[str]:
    return table_row(*titles), table_row(*("---" for _ in titles))


def with_section(text: str, name: str, lines: Iterable[str]) -> str:
    """The text with what stands between two markers replaced."""
    begin, end = f"<!-- generated: {name} -->", "<!-- end -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"no section {name!r} between {begin} and {end}")
    body = "\n".join(lines).strip("\n")
    return f"{before}{begin}\n\n{body}\n\n{end}{after}"
