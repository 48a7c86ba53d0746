"""The documents name only tests that exist as proof of their promises."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest
from project import ROOT

DOCUMENTS = ["SECURITY.md", "docs/testing.md"]


@cache
def known() -> frozenset[str]:
    """Names of tests in Python and C, of their files, and of the fuzz targets."""
    names = set()
    for path in (ROOT / "tests").rglob("*.py"):
        names.add(path.stem)
        names |= {
            node.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }
    for path in (ROOT / "tests").rglob("*.c"):
        names.add(path.stem)
        names |= set(re.findall(r"^static void (test_\w+)\(", path.read_text(), re.MULTILINE))
    return frozenset(names)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_named_tests_exist(document: str) -> None:
    named = re.findall(r"`((?:test|fuzz)_\w+)`", (ROOT / document).read_text())
    assert named
    assert sorted(set(named) - known()) == []


def test_every_promise_names_a_test() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    rows = re.findall(r"^\| (.+) \| (.+?) \|$", text, re.MULTILINE)
    bare = [row for row in rows if row[0] not in ("promise", "---") and "`" not in row[1]]
    assert rows
    assert bare == []
