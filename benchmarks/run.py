"""The runner: every library does every work, each time in a clean process, in several rounds.

    python benchmarks/run.py [--quick] [--only decode] [--docs]

In a round each case runs once, and the libraries of one work run one after the other, those that
targets compare side by side, so that what is compared was measured within seconds. Each round
begins with another work, and each work with another library. Writes all that was measured as JSON,
and prints tables in Markdown. The exit status is 1 when a case failed, an answer was wrong or a
target was missed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import c_programs
import catalogue as names
import data
import data_frames
import decode
import imports
import many_calls
import plots
import report
import single_calls
from machine import machine
from measuring import Setting
from server import Server, end_on_sigterm
from targets import TARGETS, Round

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "results.json"
SUITES: dict[str, ModuleType] = {
    "imports": imports,
    "single_calls": single_calls,
    "many_calls": many_calls,
    "decode": decode,
    "data_frames": data_frames,
}
WITH_SERVER = {"single_calls", "many_calls"}
WITH_TEXTS = {"decode", "data_frames"}
TIME_LIMIT = 300  # seconds for one case
SLOW = 2.5  # seconds; a case that takes longer runs in every second round only
T = TypeVar("T")


def rotated(rows: Sequence[T], by: int) -> list[T]:
    first = by % len(rows)
    return [*rows[first:], *rows[:first]]


def in_order(work: str, libraries: list[str], number: int) -> list[str]:
    """Those that a target compares first, side by side; each round begins with another one."""
    keys = [key for target in TARGETS for key in (target.key, target.beside) if key is not None]
    compared = {key.library for key in keys if key.work == work}
    groups = (
        [one for one in libraries if one in compared],
        [one for one in libraries if one not in compared],
    )
    return [one for group in groups if group for one in rotated(group, number)]


def measure(suite: ModuleType, work: str, library: str, setting: Setting) -> dict[str, Any] | None:
    """What the process of one case prints; None when it failed."""
    command = [sys.executable, str(suite.__file__), work, library, str(setting)]
    try:
        done = subprocess.run(
            command, text=True, capture_output=True, timeout=TIME_LIMIT, check=False
        )
    except subprocess.TimeoutExpired:
        print(f"{work}, {library}: no end after {TIME_LIMIT} s", file=sys.stderr)
        return None
    if done.returncode != 0:
        print(f"{work}, {library}:\n{done.stdout}{done.stderr}", file=sys.stderr)
        return None
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@dataclass
class Run:
    """All that was measured."""

    setting: Setting
    suites: list[str]
    only_work: str = ""
    rounds: list[Round] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)  # libraries that are not installed
    wrong: list[str] = field(default_factory=list)
    slow: set[tuple[str, str]] = field(default_factory=set)

    def works(self) -> list[tuple[ModuleType, str]]:
        modules = [SUITES[name] for name in self.suites]
        works = [(module, work) for module in modules for work in module.CASES]
        return [(module, work) for module, work in works if self.only_work in work]

    def run_round(self) -> None:
        number = len(self.rounds)
        works = self.works()
        found: Round = {}
        for module, work in rotated(works, number * max(1, len(works) // 3)):
            for library in in_order(work, list(module.CASES[work]), number):
                rests = number % 2 == 1 and (work, library) in self.slow
                if not rests and library not in self.skipped:
                    self._run_case(module, work, library, found)
        self.rounds.append(found)

    def _run_case(self, module: ModuleType, work: str, library: str, found: Round) -> None:
        start = time.monotonic()
        numbers = measure(module, work, library, self.setting)
        if time.monotonic() - start > SLOW:
            self.slow.add((work, library))
        if numbers is None:
            self.wrong.append(f"{work}, {library}: failed")
            return
        if "missing" in numbers:
            if numbers["missing"].startswith(names.OURS):
                raise SystemExit(f"{library} is not built: see `make build`")
            self.skipped[library] = numbers["missing"]
            print(f"{library} is skipped: no {numbers['missing']}", file=sys.stderr)
            return
        if not numbers.pop("correct"):
            self.wrong.append(f"{work}, {library}: another answer than expected")
            print(self.wrong[-1], file=sys.stderr)
        found.setdefault(work, {})[library] = numbers


def make_texts(folder: Path) -> None:
    """Made once: what the measured processes need not make, they need not hold either."""
    for count in names.SIZES:
        (folder / f"users-{count}.json").write_bytes(data.users_text(count))


@contextlib.contextmanager
def stage(suites: list[str], seconds: float) -> Iterator[Setting]:
    """Compiled floors, texts, and a server when one is needed."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmarks-"))
        url = stack.enter_context(Server()).url if WITH_SERVER & set(suites) else ""
        c_programs.compile_all(Path(folder))
        if WITH_TEXTS & set(suites):
            make_texts(Path(folder))
        yield Setting(folder, url, seconds)


def draw(rounds: list[Round], folder: Path) -> None:
    try:
        plots.draw_all(rounds, folder)
    except ModuleNotFoundError as error:
        print(f"no pictures: {error.name} is not installed", file=sys.stderr)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=SUITES, action="append", help="these suites alone")
    parser.add_argument("--work", default="", help="only works with this in their title")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=0.2, help="what each case repeats for")
    parser.add_argument("--quick", action="store_true", help="one short round: is all well?")
    parser.add_argument("--docs", action="store_true", help="write docs/performance.md as well")
    parser.add_argument("--json", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 0.1
    return options


def main() -> int:
    options = arguments()
    end_on_sigterm()
    with stage(options.only or list(SUITES), options.seconds) as setting:
        run = Run(setting, options.only or list(SUITES), options.work)
        for number in range(options.rounds):
            start = time.monotonic()
            run.run_round()
            spent = time.monotonic() - start
            print(f"round {number + 1} of {options.rounds}: {spent:.0f} s", file=sys.stderr)
    measured = {
        "machine": machine(),
        "setting": {"rounds": options.rounds, "seconds": options.seconds},
        "skipped": run.skipped,
        "wrong": run.wrong,
        "targets": report.judged(run.rounds),
        "rounds": run.rounds,
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    report.show(measured)
    draw(run.rounds, options.json.parent)
    if options.docs:
        report.write_docs(measured)
        draw(run.rounds, report.PICTURES)
    missed = [one for one in TARGETS if one.is_met(one.reached(run.rounds)) is False]
    return 1 if run.wrong or missed else 0


if __name__ == "__main__":
    sys.exit(main())
