"""The reference of Python functions and classes, made only from their signatures and docstrings."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FunctionType
from typing import Any

from docstrings import entries_of, paragraphs_of, returned_by, sections_of
from markdown_text import cell, code, table_head, table_row

#: Makes links of what a text names.
Linker = Callable[[str], str]
#: Methods with a name of Python's own that are part of what a class promises, as one writes them.
SPECIAL = {"__getitem__": "[{}]"}
_STARS: dict[Any, str] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}


# ---------------------------------------------------------------- signatures


def literal(value: object) -> str:
    """A default, as one writes it."""
    return json.dumps(value) if isinstance(value, str) else repr(value)


def declared(function: Callable[..., Any], with_types: bool = True) -> list[str]:
    """Parameters as they are declared."""
    listed: list[str] = []
    for one in inspect.signature(function).parameters.values():
        has_star = any(text.startswith("*") for text in listed)
        if one.kind is one.KEYWORD_ONLY and not has_star:
            listed.append("*")
        text = _STARS.get(one.kind, "") + one.name
        equals = "="
        if with_types:
            text, equals = f"{text}: {one.annotation}", " = "
        if one.default is not one.empty:
            text += equals + literal(one.default)
        listed.append(text)
    return listed


def short_signature(name: str, function: Callable[..., Any]) -> str:
    """A call without types, for the head of a section."""
    return code(f"{name}({', '.join(declared(function, with_types=False))})")


# ---------------------------------------------------------------- what docstrings say of names


def meanings_of(
    documented: object, section: str, others: Mapping[str, object] | None = None
) -> dict[str, str]:
    """What a section says of each name; "as of another()." is looked up in that one."""
    found: dict[str, str] = {}
    for names, text in entries_of(sections_of(documented).get(section, "")):
        refers = re.fullmatch(r"as of (\w+)(?:\(\))?\.", text)
        other = (others or {}).get(refers[1]) if refers else None
        there = {} if other is None else meanings_of(other, section, others)
        found |= {name: there.get(name, text) for name in names}
    return found


def argument_table(
    documented: Callable[..., Any],
    others: Mapping[str, object] | None = None,
    link: Linker = str,
) -> Iterator[str]:
    """Every argument of a function, or of the making of a class."""
    meanings = meanings_of(documented, "Args", others)
    yield from table_head("argument", "type", "default", "meaning")
    for one in inspect.signature(documented).parameters.values():
        stars = _STARS.get(one.kind, "")
        default = code(literal(one.default)) if one.default is not one.empty else "required"
        yield table_row(
            code(stars + one.name),
            code(one.annotation),
            "" if stars else default,
            cell(link(meanings[one.name])),
        )


def _type_of(owner: type, name: str) -> str:
    """The type of an attribute, where it is declared."""
    for one in owner.__mro__:
        annotation = inspect.get_annotations(one).get(name)
        if annotation is not None:
            return str(annotation)
        if isinstance(member := vars(one).get(name), property):
            return str(inspect.signature(member.fget).return_annotation)  # type: ignore[arg-type]
    return ""


def _members(owner: type) -> Iterator[tuple[str, Any]]:
    """What a class itself has for others."""
    for name, member in vars(owner).items():
        if name in SPECIAL or not name.startswith("_"):
            yield name, member


def attribute_table(
    owner: type, others: Mapping[str, object] | None = None, link: Linker = str
) -> list[str]:
    """The attributes that a class has by itself; none: it has those of its bases alone."""
    meanings = meanings_of(owner, "Attributes", others)
    for name, member in _members(owner):
        if isinstance(member, property):
            meanings[name] = " ".join(paragraphs_of(member))
    rows: list[str] = []
    for name, text in meanings.items():
        kind = _type_of(owner, name)
        rows.append(table_row(code(name), code(kind) if kind else "", cell(link(text))))
    return [*table_head("attribute", "type", "meaning"), *rows] if rows else []


def method_list(owner: type, link: Linker = str) -> Iterator[str]:
    """The methods that a class has by itself, each with what is said of its arguments."""
    for name, member in _members(owner):
        if not isinstance(member, (FunctionType, classmethod)) or not member.__doc__:
            continue
        method: Callable[..., Any] = getattr(owner, name)
        parameters = declared(method)[1:] if member is method else declared(method)
        call = SPECIAL.get(name, f"{name}({{}})").format(", ".join(parameters))
        answer = inspect.signature(method).return_annotation
        yield f"- `{call} -> {answer}`: {link(' '.join(paragraphs_of(method)))}"
        sections = sections_of(method)
        for word in ("Args", "Raises"):
            for names, text in entries_of(sections.get(word, "")):
                before = "raises " if word == "Raises" else ""
                yield f"    - {before}{', '.join(map(code, names))}: {link(text)}"
        kind, text = returned_by(method)
        if kind:
            yield f"    - returns `{kind}`: {link(text)}"


def class_reference(
    title: str,
    owner: type,
    others: Mapping[str, object] | None = None,
    link: Linker = str,
    bases: Iterable[str] = (),
) -> Iterator[str]:
    """The section of a class; `bases`, which it derives from, are ready to be shown."""
    yield from (f"### {title}", "")
    if bases:
        yield from (f"Derives from {', '.join(bases)}.", "")
    for text in paragraphs_of(owner):
        yield from (link(text), "")
    arguments = argument_table(owner, others, link) if "Args" in sections_of(owner) else ()
    for part in (arguments, attribute_table(owner, others, link), method_list(owner, link)):
        lines = list(part)
        yield from (*lines, "") if lines else ()
