"""The reference of exceptions for docs/errors.md, made from the docstrings of their classes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from docstrings import entries_of, paragraphs_of, sections_of

from openwebui_users import admin, errors

OF_ADMIN = "openwebui_users.admin"
OF_CALLS = "openwebui_users"


def classes(module: str) -> list[type[BaseException]]:
    """The exceptions that a module has in its __all__, bases before what derives from them."""
    names = admin.__all__ if module == OF_ADMIN else errors.__all__
    source = admin if module == OF_ADMIN else errors
    found = [getattr(source, name) for name in names]
    found = [one for one in found if inspect.isclass(one) and issubclass(one, BaseException)]
    return sorted(found, key=lambda one: [base.__name__ for base in reversed(one.__mro__)])


def every() -> list[type[BaseException]]:
    return [*classes(OF_CALLS), *classes(OF_ADMIN)]


def _title(one: type[BaseException]) -> str:
    """Its name; where there are two of a name, with its module."""
    is_second = one in classes(OF_ADMIN) and hasattr(errors, one.__name__)
    return f"admin.{one.__name__}" if is_second else one.__name__


def link(one: type[BaseException], page: str = "") -> str:
    """Its name, which leads to its section; from another page where this one is named."""
    if one not in every():
        return f"`{one.__name__}`"
    return f"[`{_title(one)}`]({page}#{_title(one).lower().replace('.', '')})"


def _bases(one: type[BaseException]) -> list[type[BaseException]]:
    """Those that are of interest to who catches it."""
    return [base for base in one.__bases__ if issubclass(base, BaseException)]


def tree() -> Iterator[str]:
    """Who derives from whom."""
    known = every()

    def below(one: type[BaseException], depth: int) -> Iterator[str]:
        others = [base for base in _bases(one)[1:] if base not in known]
        also = f" (also {', '.join(base.__name__ for base in others)})" if others else ""
        yield f"{'    ' * depth}{_title(one)}{also}"
        for other in known:
            if _bases(other)[0] is one:
                yield from below(other, depth + 1)

    yield "```text"
    for one in known:
        first = _bases(one)[0]
        if first not in known:
            lines = list(below(one, 0))
            lines[0] += f" ({first.__name__})"
            yield from lines
    yield "```"


def reference(module: str) -> Iterator[str]:
    """A section for each exception of a module."""
    for one in classes(module):
        attributes = entries_of(sections_of(one).get("Attributes", ""))
        yield f"### {_title(one)}"
        yield ""
        yield f"Derives from {', '.join(map(link, _bases(one)))}."
        yield ""
        yield " ".join(paragraphs_of(one))
        yield ""
        for names, meaning in attributes:
            yield f"- {', '.join(f'`{name}`' for name in names)}: {meaning}"
        if attributes:
            yield ""
