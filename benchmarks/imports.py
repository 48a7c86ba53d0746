"""What `import` costs: whole processes that import something, beside one that imports nothing.

`python benchmarks/imports.py WORK LIBRARY SETTING` measures one case; run.py runs them all.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import c_programs
import catalogue as names
from measuring import Cases, Numbers, Setting, run_case

PROJECT = Path(__file__).resolve().parent.parent
# Where modules are found in every process alike: an editable install has a finder of its own,
# which would be counted as ours.
PATH = "import sys; sys.path[:0] = {!r}; "
TELL_MEMORY = (
    "; print([line.split()[1] for line in open('/proc/self/status') if 'VmRSS' in line][0])"
)
MEMORY_TIMES = 1  # it hardly varies, and there are several rounds
LEAST, MOST = 3, 40
LEAST_OF_OURS = 15  # what a target is judged by, as a difference of two that are alike
# What a program imports that makes the same calls.
MODULES = {
    names.BARE_LIBCURL: (c_programs.EXTENSION,),
    names.OURS: ("openwebui_users",),
    names.MSGSPEC: ("msgspec",),
    names.PYCURL: ("pycurl", "msgspec"),
    names.AIOHTTP: ("aiohttp", "msgspec"),
    names.HTTPX: ("httpx", "pydantic"),
    names.REQUESTS: ("requests", "pydantic"),
    names.NIQUESTS: ("niquests", "pydantic"),
    names.OWUI: ("owui_client",),
}


def command(code: str) -> list[str]:
    return [sys.executable, "-I", "-c", code]


def seconds(code: str) -> float:
    """From before the process is there until it has ended."""
    start = time.perf_counter()
    process = os.posix_spawn(sys.executable, command(code), os.environ)
    status = os.waitpid(process, 0)[1]
    passed = time.perf_counter() - start
    if status != 0:
        raise SystemExit(f"{code!r} failed")
    return passed


def kib(code: str) -> int:
    done = subprocess.run(command(code + TELL_MEMORY), capture_output=True, text=True, check=True)
    return int(done.stdout)


def by_turns(
    measure: Callable[[str], float], codes: list[str], enough: Callable[[int], bool]
) -> list[tuple[float, ...]]:
    """One process of each code after the other, again and again: what is slow for a while, because
    the machine is, is slow for all of them."""
    turns: list[tuple[float, ...]] = []
    while not enough(len(turns)):
        turns.append(tuple(measure(code) for code in codes))
    return turns


def importing(library: str, setting: Setting) -> Numbers:
    bare = PATH.format([str(PROJECT), setting.folder]) + "pass"
    code, floor = (
        bare + "".join(f"; import {module}" for module in MODULES[name])
        for name in (library, names.BARE_LIBCURL)
    )
    sys.path[:0] = [str(PROJECT), setting.folder]
    for module in MODULES[library]:
        if find_spec(module) is None:
            raise ModuleNotFoundError(name=module)
    seconds(code)  # leaves its byte code behind
    end = time.perf_counter() + 2 * setting.seconds

    least = LEAST_OF_OURS if library == names.OURS else LEAST

    def enough(times: int) -> bool:
        return times >= MOST or (times >= least and time.perf_counter() > end)

    turns = by_turns(seconds, [code, bare, floor], enough)
    memory = by_turns(kib, [code, bare], lambda times: times >= MEMORY_TIMES)
    return {
        names.IMPORT_MS: median(one - nothing for one, nothing, _ in turns) * 1e3,
        names.ABOVE_MS: median(one - floored for one, _, floored in turns) * 1e3,
        names.MEMORY_MIB: median(one - nothing for one, nothing in memory) / 1024,
        "correct": True,
    }


CASES: Cases = {names.IMPORT: {library: partial(importing, library) for library in MODULES}}

if __name__ == "__main__":
    run_case(CASES)
