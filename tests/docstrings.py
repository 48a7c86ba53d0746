"""Split docstrings into parts, for the tests that check them and the pages made from them."""

from __future__ import annotations

import inspect
import re

SECTIONS = ("Args", "Attributes", "Returns", "Raises", "Server routes")
_HEADS = re.compile(rf"^({'|'.join(SECTIONS)}):", re.MULTILINE)
#: A paragraph that is not within a section begins at the margin.
_BETWEEN = re.compile(r"\n\n(?=\S)")
#: What an entry is about: names, and what some docstrings say of their type.
_ENTRY = re.compile(r"^([\w*]+(?:,\s+[\w*]+)*)(?: \([^)]*\))?:", re.MULTILINE)


def paragraphs_of(documented: object) -> list[str]:
    """The paragraphs of a docstring that are in no section, each in one line."""
    first, *others = _HEADS.split(inspect.getdoc(documented) or "")
    paragraphs = _BETWEEN.split(first)
    for body in others[1::2]:
        paragraphs += _BETWEEN.split(body)[1:]
    return [" ".join(one.split()) for one in paragraphs if one.strip()]


def sections_of(documented: object) -> dict[str, str]:
    """The sections of a docstring by their names, without their indent."""
    parts = _HEADS.split(inspect.getdoc(documented) or "")
    return {
        name: inspect.cleandoc(_BETWEEN.split(body)[0])
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def returned_by(documented: object) -> tuple[str, str]:
    """The type in the section Returns, and in one line what is said of it; "": there is none."""
    kind, _, text = " ".join(sections_of(documented).get("Returns", "").split()).partition(": ")
    return kind, text


def entries_of(section: str) -> list[tuple[list[str], str]]:
    """The entries of a section: names before a colon, and in one line what is said of them."""
    parts = _ENTRY.split(section)
    return [
        ([name.strip().lstrip("*") for name in names.split(",")], " ".join(text.split()))
        for names, text in zip(parts[1::2], parts[2::2], strict=True)
    ]
