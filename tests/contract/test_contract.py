"""The embedded server says what real servers say.

`make test` compares it with what real servers said when they were recorded (recorded/*.json);
`make test-server` compares it with real servers now, and these with their records.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from real_server import RealServer

from contract.cases import play
from contract.conversation import differences
from contract.record import recorded
from contract.stage import EmbeddedStage, RealStage
from openwebui_users import _core
from openwebui_users.testing import EmbeddedServer
from openwebui_users.testing.drift import is_at_least, method_of

VERSIONS = ("0.6.42", "0.12.4")


def embedded(version: str) -> dict[str, Any]:
    """What the embedded server says to all cases."""
    with EmbeddedServer(version=version) as server:
        return play(EmbeddedStage(server)).comparable()


@pytest.fixture(scope="module")
def embedded_answers() -> dict[str, dict[str, Any]]:
    return {version: embedded(version) for version in VERSIONS}


def refuse(found: list[str]) -> None:
    if found:
        shown = "\n".join(found[:100])
        pytest.fail(f"{len(found)} answers differ:\n{shown}", pytrace=False)


# ---------------------------------------------------------------- what was compared


def rows(version: str) -> dict[str, tuple[str, str]]:
    """Method and path of every call that a server of this version has, by its name."""
    return {
        f"{row['resource']}.{row['name']}": (method_of(row, version), row["path"])
        for row in _core.endpoint_table()
        if is_at_least(version, row["since"])
    }


def successful_comparisons(
    one: dict[str, Any], other: dict[str, Any], version: str
) -> Counter[str]:
    """How often each call was answered alike, and with what was asked for, not with a refusal."""
    table = rows(version)
    counts = Counter(dict.fromkeys(table, 0))
    for case, exchanges in one.items():
        for before, after in zip(exchanges, other.get(case, []), strict=False):
            if before == after and before["status"] < 400 and before["type"] != "text/html":
                method, path = before["asked"].split(" ", 1)
                whole = path if path.startswith("/api/") else f"/api/v1{path}"
                counts.update(_matching(method, whole, table))
    return counts


def _matching(method: str, path: str, table: dict[str, tuple[str, str]]) -> list[str]:
    """The call that this is; where a word of one path fits a hole of another, the word wins."""
    found = []
    for name, (its_method, its_path) in table.items():
        pattern, holes = re.subn(r"\\\{\w+\\\}", "[^/]+", re.escape(its_path))
        if its_method == method and re.fullmatch(pattern, path):
            found.append((holes, name))
    return [name for _, name in sorted(found)[:1]]


def require_all(counts: Counter[str]) -> None:
    """Print how often each call was compared; none is left out."""
    for name, count in sorted(counts.items()):
        print(f"{count:5} {name}")
    never = sorted(name for name, count in counts.items() if count == 0)
    assert never == [], "calls without one successful comparison"


# ---------------------------------------------------------------- comparisons


@pytest.mark.parametrize("version", VERSIONS)
def test_embedded_says_what_was_recorded(
    version: str, embedded_answers: dict[str, dict[str, Any]]
) -> None:
    refuse(differences(recorded(version), embedded_answers[version]))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_call_is_compared(version: str, embedded_answers: dict[str, dict[str, Any]]) -> None:
    require_all(successful_comparisons(recorded(version), embedded_answers[version], version))


@pytest.mark.real_server
def test_real_servers_say_what_was_recorded_and_embedded_says_it_too(
    real_server: RealServer, capsys: pytest.CaptureFixture[str]
) -> None:
    if real_server.version not in VERSIONS:
        pytest.skip(f"the embedded server does not imitate {real_server.version}")
    real = play(RealStage(real_server)).comparable()
    refuse(differences(recorded(real_server.version), real))
    answers = embedded(real_server.version)
    refuse(differences(real, answers))
    with capsys.disabled():
        print(f"\nsuccessful comparisons with a real Open WebUI {real_server.version}:")
        require_all(successful_comparisons(real, answers, real_server.version))
