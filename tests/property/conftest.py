"""Count the kinds of generated inputs, for the report at the end of a run."""

from __future__ import annotations

from collections import Counter

import pytest

tally: Counter[str] = Counter()


@pytest.fixture(scope="session")
def generated() -> Counter[str]:
    """How many generated inputs were valid, and how many were nested."""
    return tally


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if tally["inputs"]:
        shares = ", ".join(
            f"{kind} {tally[kind]} ({100 * tally[kind] / tally['inputs']:.0f} %)"
            for kind in ("valid", "nested")
        )
        terminalreporter.write_line(
            f"models against owui-client: {tally['inputs']} generated inputs, {shares}"
        )
