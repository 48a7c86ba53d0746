"""docs/internals.md names every file of the project, and pages name nothing that was removed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from project import ROOT


def quoted_in(page: str) -> set[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return set(re.findall(r"`([^`\n]+)`", text))


QUOTED = quoted_in("internals.md")
C_NAME = re.compile(r"\b(?!Py)(?:owu_|OWU_|[A-Z][a-z]+_)\w*[a-z]\w*|OWU_[A-Z_]+")


def files() -> Iterator[str]:
    """Each by the name under which a table has it; what is generated, or read by Python, is not."""
    for pattern in (
        "csrc/*/*.c",
        "openwebui_users/*.py",
        "openwebui_users/*/*.py",
        "scripts/*",
        "tests/*.py",
    ):
        for path in ROOT.glob(pattern):
            if path.name not in ("__init__.py", "conftest.py") and path.is_file():
                yield path.name


def test_every_file_is_in_a_table() -> None:
    assert set(files()) - QUOTED == set()


def test_every_folder_of_tests_is_in_a_table() -> None:
    folders = {f"tests/{path.name}" for path in (ROOT / "tests").iterdir() if any(path.glob("*.*"))}
    assert folders - QUOTED == set()


def test_every_file_of_a_table_is_there() -> None:
    names = {name for name in QUOTED if re.fullmatch(r"[\w/]+\.(?:c|h|py|sh|txt)", name)}
    there = {
        path.name
        for folder in ("csrc", "openwebui_users", "scripts", "tests", "docs")
        for path in (ROOT / folder).rglob("*.*")
    }
    assert {name for name in names if name.rpartition("/")[2] not in there} == set()


@pytest.mark.parametrize("page", ["internals.md", "style.md"])
def test_names_of_c_exist(page: str) -> None:
    """Those in quotes: a page that names what was renamed is not true any more."""
    named = {name for quoted in quoted_in(page) for name in C_NAME.findall(quoted)}
    sources = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "csrc").rglob("*.[ch]")
    )
    assert named
    assert {name for name in named if not re.search(rf"\b{name}\b", sources)} == set()
