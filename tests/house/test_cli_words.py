"""The command line replaces phrases in messages of verbs; each of these phrases still occurs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest
from project import ROOT

from openwebui_users.cli import _failures

PACKAGE = ROOT / "openwebui_users"


def python_texts() -> Iterator[str]:
    for path in PACKAGE.rglob("*.py"):
        if "cli" in path.relative_to(PACKAGE).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = (one.value if isinstance(one, ast.Constant) else "7" for one in node.values)
                yield "".join(map(str, parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def c_texts() -> Iterator[str]:
    """String literals, those that stand beside each other as one."""
    literal = r'"(?:[^"\\\n]|\\.)*"'
    for path in (ROOT / "csrc").rglob("*.c"):
        for found in re.finditer(rf"{literal}(?:\s*{literal})*", path.read_text()):
            yield "".join(one[1:-1] for one in re.findall(literal, found[0])).replace("%s", "X")


@cache
def texts() -> list[str]:
    return [*python_texts(), *c_texts()]


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in _failures._SAID])
def test_a_pattern_meets_something(pattern: str) -> None:
    assert any(re.search(pattern, text) for text in texts())


def test_a_pattern_that_meets_nothing_is_seen() -> None:
    assert not any(re.search(r"give a banana=", text) for text in texts())
