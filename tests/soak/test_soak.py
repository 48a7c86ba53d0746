"""Two minutes of the soak, and the proof that each thing it looks for makes it fail."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sanitized import SANITIZED

from .__main__ import main
from .growth import MEASURES, Point, faults
from .ledger import Ledger
from .run import TESTS, Soak

MINUTES = float(os.environ.get("OWU_SOAK_MINUTES", "2"))
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@on_linux
def test_mixed_calls_with_faults_and_restarts(capsys: pytest.CaptureFixture[str]) -> None:
    """No leak, no wrong answer, no lost or doubled write."""
    soak = Soak(MINUTES * 60, str(random.randrange(10**6))).run()
    with capsys.disabled():
        print(f"\n{soak.report()}")
    assert soak.faults == []
    calls = soak.books.summary["calls"]
    assert sum(calls.values()) > 1000
    assert soak.books.ledger.outcomes.keys() == {"done", "not sent", "refused", "unknown"}


# ---------------------------------------------------------------- that it can fail


@on_linux
@pytest.mark.parametrize(
    ("sabotage", "said"),
    [
        pytest.param(
            "memory", "heap grew by", marks=pytest.mark.skipif(SANITIZED, reason="not looked at")
        ),
        ("descriptors", "descriptors with all clients closed"),
        ("answer", "wrong answer"),
        ("doubled", "done 2 times"),
        ("lost", "was told to be done"),
    ],
)
def test_what_is_wrong_on_purpose_is_found(sabotage: str, said: str) -> None:
    """Answers that are kept, clients never closed; a lying server; writes repeated like reads."""
    soak = Soak(20, "1", sabotage).run()
    assert any(said in fault for fault in soak.faults), soak.report()


@on_linux
def test_ctrl_c_ends_it_with_its_report() -> None:
    """And nobody is left: each process of it ends with the one that started it."""
    # no word that the command line of anything else on this machine may hold
    seed = uuid.uuid4().hex
    command = [sys.executable, "-m", "soak", "--minutes", "2", "--seed", seed]
    with subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True) as soak:
        time.sleep(6)
        started = [line for line in command_lines() if seed in line]
        soak.send_signal(signal.SIGINT)
        said, _ = soak.communicate(timeout=60)
    assert soak.returncode == 130, said
    assert f"seed {seed}" in said and "no fault" in said
    assert len(started) > 1
    assert not [line for line in command_lines() if seed in line]


def command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield path.read_text(errors="replace")


QUIET = Point(0, memory=20_000, heap=5000, blocks=86_000, descriptors=40, threads=17)
CLOSED = [replace(QUIET, descriptors=9, threads=15)] * 3
BOUNDS = {measure.name: measure.bound for measure in MEASURES}


def growing(name: str, gain: float, count: int = 40, seed: int = 1) -> list[Point]:
    """Quiet points with the noise that is seen, and one number that grows by so much."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        point = replace(
            QUIET,
            seconds=6.0 * number,
            # now and then a large answer has just been read
            memory=20_000 + chance.randint(-200, 200) + (5000 if chance.random() < 0.1 else 0),
            heap=5000 + chance.randint(-100, 100),
            blocks=86_000 + chance.randint(-200, 200),
            descriptors=chance.randint(30, 48),
        )
        gained = round(gain * number / count)
        found.append(replace(point, **{name: getattr(point, name) + gained}))
    return found


def test_noise_is_no_leak() -> None:
    for seed in range(20):
        assert faults(growing("memory", 0, seed=seed), CLOSED) == []


@pytest.mark.parametrize("name", BOUNDS)
def test_a_slow_leak_is_no_noise(name: str) -> None:
    points = growing(name, BOUNDS[name] * 2 + 4)
    (found,) = faults(points, CLOSED)
    assert found.startswith(f"{name} grew by")
    looked = faults(points, CLOSED, look_at_memory=False)
    assert looked == ([] if name in ("memory", "heap") else [found])


@pytest.mark.parametrize("name", BOUNDS)
def test_what_is_left_with_all_clients_closed_is_a_leak(name: str) -> None:
    left = replace(CLOSED[0], **{name: round(getattr(CLOSED[0], name) + max(1, BOUNDS[name] + 1))})
    (found,) = faults(growing("memory", 0), [*CLOSED[:2], left])
    assert found.startswith(f"{name} with all clients closed")


def test_too_few_points_are_no_proof() -> None:
    assert faults(growing("memory", 0, count=3), CLOSED) != []
    assert faults(growing("memory", 0), CLOSED[:2]) != []


def test_what_a_write_was_told_holds() -> None:
    ledger = Ledger()
    for mark in ("right", "known", "twice", "twice", "sent", "answered", "nobody's"):
        ledger.carried_out(mark)
    ledger.told("right", "done", "")
    ledger.told("known", "unknown", "ReadError")
    ledger.told("not known", "unknown", "ReadError")
    ledger.told("never", "not sent", "ConnectError")
    ledger.told("twice", "unknown", "ReadError")
    ledger.told("sent", "not sent", "ConnectError")
    ledger.told("answered", "refused", "RateLimitError")
    ledger.told("lost", "done", "")
    found = ["done 2 times: twice", "done although it was told to be not sent: sent"]
    found += ["done although it was told to be refused: answered", "lost: lost was told to be done"]
    assert sorted(ledger.faults(is_over=False)) == sorted(found)
    found.append("done, and nobody asked for it: nobody's")
    assert sorted(ledger.faults(is_over=True)) == sorted(found)
    assert ledger.unknown_and_done == 2
    with pytest.raises(ValueError, match="two writes"):
        ledger.told("right", "done", "")


@pytest.mark.parametrize("minutes", ["-5", "0", "nan", "inf"])
def test_a_time_that_is_none_is_refused(minutes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["soak", f"--minutes={minutes}"])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 2
