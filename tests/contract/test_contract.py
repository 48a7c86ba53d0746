"""The embedded server answers as real servers do.

`make test` compares it with the recorded answers of real servers (recorded/*.json).
`make test-server` compares it with running real servers, and these with their recorded answers.
Versions that it does not imitate are recorded too: real servers of these versions must still give
the same answers, and the models must accept all of them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from real_server import RealServer

import openwebui_users
from contract.cases import play
from contract.conversation import differences
from contract.record import RECORDED, recorded
from contract.stage import EmbeddedStage, RealStage
from openwebui_users import _core
from openwebui_users.testing import EmbeddedServer
from openwebui_users.testing.drift import as_tuple, is_at_least, method_of
from openwebui_users.testing.versions import VERSIONS

ALL_RECORDED = sorted((path.stem for path in RECORDED.glob("*.json")), key=as_tuple)


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
                counts.update(_calls_of(before["asked"], table))
    return counts


def _calls_of(asked: str, table: dict[str, tuple[str, str]]) -> list[str]:
    """The call that this is; where a word of one path fits a hole of another, the word wins."""
    method, path = asked.split(" ", 1)
    if not path.startswith("/api/"):
        path = f"/api/v1{path}"
    path = path.partition("?")[0]
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


@pytest.mark.parametrize("version", ALL_RECORDED)
def test_models_take_all_that_real_servers_said(version: str) -> None:
    """And lose nothing of it."""
    calls = {f"{row['resource']}.{row['name']}": row for row in _core.endpoint_table()}
    table = rows(version)
    taken = Counter[str]()
    for exchange in (one for exchanges in recorded(version).values() for one in exchanges):
        if exchange["status"] >= 400 or exchange["type"] != "application/json":
            continue
        for name in _calls_of(exchange["asked"], table):
            answer = calls[name]["answer"]
            if "model" in (answer["kind"], answer["item"]) and exchange["answer"] is not None:
                is_list = answer["kind"] == "list"
                for one in exchange["answer"] if is_list else [exchange["answer"]]:
                    _take(getattr(openwebui_users, answer["model"]), one)
                    taken[answer["model"]] += 1
    assert len(taken) >= 17 and taken.total() > 250


def _take(model: Any, sent: dict[str, Any]) -> None:
    # a record has words for times, which differ each time
    text = re.sub(r'"<(nano)?seconds[^"]*>"', "1700000000", json.dumps(sent))
    assert list(_lost(json.loads(text), model.model_validate_json(text), model.__name__)) == []


def _lost(sent: Any, kept: Any, place: str) -> Iterator[str]:
    """Where what was taken is not what was sent."""
    if isinstance(kept, openwebui_users.Model) and isinstance(sent, dict):
        fields = {info.alias or name: name for name, info in type(kept).model_fields.items()}
        unknown = {**kept.model_unknown, **(kept.model_extra or {})}
        values = {key: getattr(kept, name) for key, name in fields.items()} | unknown
        yield from _lost(sent, values, place)
    elif isinstance(sent, dict) and isinstance(kept, dict):
        for key, value in sent.items():
            yield from _lost(value, kept[key], f"{place}.{key}") if key in kept else [place + key]
    elif isinstance(sent, list) and isinstance(kept, list) and len(sent) == len(kept):
        for number, (one, other) in enumerate(zip(sent, kept, strict=True)):
            yield from _lost(one, other, f"{place}.{number}")
    elif sent != (str(kept) if isinstance(kept, date) else kept):
        yield place


@pytest.mark.real_server
def test_real_servers_say_what_was_recorded_and_embedded_says_it_too(
    real_server: RealServer, capsys: pytest.CaptureFixture[str]
) -> None:
    real = play(RealStage(real_server)).comparable()
    refuse(differences(recorded(real_server.version), real))
    if real_server.version not in VERSIONS:
        return
    answers = embedded(real_server.version)
    refuse(differences(real, answers))
    with capsys.disabled():
        print(f"\nsuccessful comparisons with a real Open WebUI {real_server.version}:")
        require_all(successful_comparisons(real, answers, real_server.version))
