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


def over_bare(
    measure: Callable[[str], float], code: str, bare: str, enough: Callable[[int], bool]
) -> float:
    """The median of both, by turns: one process is bare, the next is not."""
    pairs: list[tuple[float, float]] = []
    while not enough(len(pairs)):
        pairs.append((measure(code), measure(bare)))
    return median(with_import for with_import, _ in pairs) - median(bare for _, bare in pairs)


def importing(library: str, setting: Setting) -> Numbers:
    bare = PATH.format([str(PROJECT), setting.folder]) + "pass"
    code = bare + "".join(f"; import {module}" for module in MODULES[library])
    sys.path[:0] = [str(PROJECT), setting.folder]
    for module in MODULES[library]:
        if find_spec(module) is None:
            raise ModuleNotFoundError(name=module)
    seconds(code)  # leaves its byte code behind
    end = time.perf_counter() + 2 * setting.seconds

    def enough(times: int) -> bool:
        return times >= MOST or (times >= LEAST and time.perf_counter() > end)

    return {
        names.IMPORT_MS: over_bare(seconds, code, bare, enough) * 1e3,
        names.MEMORY_MIB: over_bare(kib, code, bare, lambda n: n >= MEMORY_TIMES) / 1024,
        "correct": True,
    }


CASES: Cases = {names.IMPORT: {library: partial(importing, library) for library in MODULES}}

if __name__ == "__main__":
    run_case(CASES)
