"""The table of faults names only tests that exist."""

from __future__ import annotations

import ast

import pytest
from faults.rows import ROWS, Row
from project import ROOT


def functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.fault[:40])
def test_tests_of_the_table_exist(row: Row) -> None:
    assert row.tests
    for test in row.tests:
        path, _, name = test.partition("::")
        assert name in functions_of(path), test


def test_every_test_of_a_fault_is_in_the_table() -> None:
    named = {test for row in ROWS for test in row.tests}
    for path in ("faults/test_network.py", "faults/test_guards.py"):
        missing = {
            f"{path}::{name}"
            for name in functions_of(path)
            if name.startswith("test_") and f"{path}::{name}" not in named
        }
        allowed = {
            "faults/test_network.py::test_compression_is_asked_for_as_libcurl_has_it",
            "faults/test_network.py::test_reads_of_the_table_are_gets",
        }
        assert missing <= allowed
