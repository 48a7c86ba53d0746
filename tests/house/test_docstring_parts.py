"""Docstrings are split into parts as the reference pages and the tests of docstrings expect."""

from __future__ import annotations

from docstring_reference import argument_table, declared, meanings_of
from docstrings import entries_of, paragraphs_of, sections_of


def first(users: list[str], *, dry_run: bool = False) -> None:
    """Do it.

    At once, and
    wholly.

    Args:
        users: ids,
            or addresses.
        dry_run: send nothing.

    Between two sections.

    Raises:
        KeyError, ValueError,
        OSError: as it comes.

    Server routes: GET /api/a,
    GET /api/b.
    """


def second(users: list[str], *names: str, dry_run: bool = False, **more: int) -> None:
    """Do it again.

    Args:
        users: others.
        *names: of groups.
        dry_run: as of first().
        **more (int, optional): besides.
    """


def test_paragraphs_stand_outside_of_sections() -> None:
    assert paragraphs_of(first) == ["Do it.", "At once, and wholly.", "Between two sections."]


def test_sections() -> None:
    assert list(sections_of(first)) == ["Args", "Raises", "Server routes"]
    assert sections_of(first)["Server routes"].split() == ["GET", "/api/a,", "GET", "/api/b."]
    assert entries_of(sections_of(first)["Raises"]) == [
        (["KeyError", "ValueError", "OSError"], "as it comes.")
    ]


def test_a_reference_to_another_function_is_looked_up() -> None:
    assert meanings_of(second, "Args", {"first": first}) == {
        "users": "others.",
        "names": "of groups.",
        "dry_run": "send nothing.",
        "more": "besides.",
    }
    assert meanings_of(second, "Args")["dry_run"] == "as of first()."


def test_every_kind_of_argument_is_shown() -> None:
    assert declared(second) == [
        "users: list[str]",
        "*names: str",
        "dry_run: bool = False",
        "**more: int",
    ]
    assert declared(first, with_types=False) == ["users", "*", "dry_run=False"]
    assert list(argument_table(second, {"first": first}))[2:] == [
        "| `users` | `list[str]` | required | others. |",
        "| `*names` | `str` | | of groups. |",
        "| `dry_run` | `bool` | `False` | send nothing. |",
        "| `**more` | `int` | | besides. |",
    ]
