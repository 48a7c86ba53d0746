"""Record a real server's answers to all cases: `python tests/contract/record.py VERSION …`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import real_server

from contract.cases import play
from contract.stage import RealStage

RECORDED = Path(__file__).with_name("recorded")


def recorded(version: str) -> dict[str, Any]:
    """What the real server of this version said when it was recorded."""
    text = (RECORDED / f"{version}.json").read_text()
    answers: dict[str, Any] = json.loads(text)
    return answers


def record(version: str) -> None:
    """Play all cases on a real server of this version and keep its answers."""
    with (
        tempfile.TemporaryDirectory() as folder,
        real_server.running(version, Path(folder)) as server,
    ):
        talk = play(RealStage(server))
    if talk.broken:
        raise SystemExit(f"cases that the real {version} does not answer: {talk.broken}")
    RECORDED.mkdir(exist_ok=True)
    (RECORDED / f"{version}.json").write_text(_text(talk.comparable()))


def _text(cases: dict[str, Any]) -> str:
    """JSON with one line for each exchange, so that a change shows as a few lines."""
    blocks = []
    for name, exchanges in cases.items():
        lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in exchanges)
        blocks.append(f"{json.dumps(name)}: [\n{lines}\n]")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


if __name__ == "__main__":
    for name in sys.argv[1:] or real_server.versions():
        record(name)
