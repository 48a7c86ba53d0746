"""Texts that others chose, for people to read."""

from __future__ import annotations


def printable(text: str, keep: str = "") -> str:
    """A text as it is safe on a terminal: what would not be seen, or change what is, as escapes.

    Args:
        text: any text.
        keep: characters that stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else ascii(one)[1:-1] for one in text)


def safe_repr(value: object) -> str:
    """What repr() says of a value; what it cannot say, by the name of the type."""
    try:
        return repr(value)
    except (ValueError, RecursionError):  # an integer of too many digits; what holds itself
        return f"{type(value).__name__} that cannot be shown"
