"""What every measured process does: it runs one case, by name, and prints its numbers as JSON.

The garbage collector stays on with its default thresholds, as programs have it. It is run by hand
before each repetition, outside of the timing, so that no repetition pays for the one before.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

MOST_LAPS = 1000


@dataclass(frozen=True)
class Setting:
    """What the runner has made ready, and how long a case may take."""

    folder: str  # texts and compiled floors
    url: str  # of the server; "" when no case needs it
    seconds: float  # what a case repeats for

    def text(self, count: int) -> Path:
        """The list of `count` users as JSON."""
        return Path(self.folder) / f"users-{count}.json"

    def floor(self, name: str) -> str:
        return str(Path(self.folder) / name)

    def __str__(self) -> str:
        return json.dumps(asdict(self))


Numbers = dict[str, Any]  # by the names of catalogue.py, and "correct"
Case = Callable[[Setting], Numbers]
Cases = dict[str, dict[str, Case]]  # by work, then by library


class Laps(NamedTuple):
    """Medians of all repetitions, in seconds."""

    passed: float
    cpu: float  # of all threads of the process: what else the machine does is not in it
    free: float  # CPU to let go of what came out


def repeat(
    action: Callable[[Any], Any],
    seconds: float,
    prepare: Callable[[], Any] = lambda: None,
) -> Laps:
    """Do it again and again, with what `prepare` gives, which is not timed.

    What takes so long that it would not be done three times may take longer than `seconds`, but
    not five times as long.
    """
    passed: list[float] = []
    cpu: list[float] = []
    free: list[float] = []
    begin = time.perf_counter()
    while len(cpu) < MOST_LAPS:
        spent = time.perf_counter() - begin
        if cpu and spent > (seconds if len(cpu) >= 3 else 5 * seconds):
            break
        argument = prepare()
        gc.collect()
        start, start_cpu = time.perf_counter(), time.process_time()
        result = action(argument)
        end_cpu, stop = time.process_time(), time.perf_counter()
        del argument, result
        free.append(time.process_time() - end_cpu)
        passed.append(stop - start)
        cpu.append(end_cpu - start_cpu)
    return Laps(median(passed), median(cpu), median(free))


def memory_kib(name: str) -> int:
    """A line of /proc/self/status. ru_maxrss would count the process that started this one."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0


def forget_peak() -> None:
    """Let VmHWM begin anew: imports have their own peak."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def run_case(cases: Cases) -> None:
    """`<file> WORK LIBRARY SETTING`: measure that one case in this process."""
    work, library, setting = sys.argv[1:]
    numbers: Numbers
    try:
        numbers = cases[work][library](Setting(**json.loads(setting)))
    except ModuleNotFoundError as error:
        numbers = {"missing": error.name}
    print(json.dumps(numbers))
