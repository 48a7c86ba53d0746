"""Where the time goes: this package's cases under perf, as tables and flame graphs.

    python benchmarks/profiling.py [--docs]

Needs perf, and leave to use it (as root, or with kernel.perf_event_paranoid at 2 or lower).
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import catalogue as names
import decode
import flame
import report
import run
import single_calls
from measuring import Setting

HOW_TO_INSTALL = "apt-get install -y linux-perf (Debian), linux-tools-generic (Ubuntu)"
SECONDS = 2.0
FREQUENCY = 2999  # samples a second; no divisor of what programs do
SHOWN = 14  # functions of a table


@dataclass(frozen=True)
class Profile:
    stem: str  # of the picture's name
    suite: ModuleType
    work: str


# Only works that prepare nothing between repetitions: it could not be told from what is timed.
PROFILES = (
    Profile("decode", decode, names.DECODE_1000),
    Profile("read", decode, names.READ),
    Profile("dict", decode, names.DECODE_DUMP),
    Profile("call", single_calls, names.ONE_CALL),
)

# `address function (file)`, as `perf script` writes a frame
FRAME = re.compile(r"^\s+[0-9a-f]+ (?P<name>.+?)(?:\+0x[0-9a-f]+)? \((?P<file>.*)\)$")
# The case begins above this frame; a stack without it is start or end of the process.
BEGIN = "partial_vectorcall"
# What a case does outside of its timing.
UNTIMED = {"gc_collect"}


def find_perf() -> str:
    program = shutil.which("perf")
    if program is None:
        raise SystemExit(f"perf is not installed: no profile. Install it:\n    {HOW_TO_INSTALL}")
    return program


def place_of(file: str) -> str:
    """Whose code it is, in one word."""
    name = Path(file).name
    if file in ("[kernel.kallsyms]", "[vdso]") or name.endswith(".ko"):
        return "kernel"
    for start, place in (
        ("_core", "_core"),
        ("libcurl", "libcurl"),
        ("libpython", "python"),
        ("python", "python"),
        ("libc.", "libc"),
        ("ld-", "libc"),
    ):
        if name.startswith(start):
            return place
    return "" if file == "[unknown]" else name.partition(".")[0]


def frames_of(sample: str) -> Iterator[flame.Frame]:
    """Root first."""
    for line in reversed(sample.splitlines()):
        found = FRAME.match(line)
        if found is not None:
            yield found["name"], place_of(found["file"])


def fold(script: str) -> flame.Stacks:
    """The stacks of the case alone, from what `perf script` writes."""
    stacks: Counter[tuple[flame.Frame, ...]] = Counter()
    for sample in script.split("\n\n"):
        stack = list(frames_of(sample))
        functions = [name for name, _ in stack]
        if BEGIN in functions and not UNTIMED & set(functions):
            stacks[tuple(stack[functions.index(BEGIN) + 1 :])] += 1
    return stacks


def record(profile: Profile, setting: Setting) -> flame.Stacks:
    output = str(Path(setting.folder) / "perf.data")
    command = [find_perf(), "record", "-q", "-o", output, "-F", str(FREQUENCY)]
    command += ["--call-graph", "dwarf,16384", "--"]
    command += [sys.executable, str(profile.suite.__file__), profile.work, names.OURS, str(setting)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"perf cannot record:\n{done.stderr}")
    command = [find_perf(), "script", "-i", output, "--no-inline", "-F", "comm,ip,sym,dso"]
    return fold(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def shares(stacks: flame.Stacks) -> str:
    """Two tables: whose time it is, and which functions' own."""
    total = sum(stacks.values())
    places: Counter[str] = Counter()
    functions: Counter[flame.Frame] = Counter()
    for stack, samples in stacks.items():
        places[stack[-1][1]] += samples
        functions[stack[-1]] += samples
    whose = ", ".join(
        f"{place or 'unknown'} {samples / total:.0%}"
        for place, samples in places.most_common()
        if samples / total >= 0.01
    )
    rows = [
        f"| `{name}` | {place} | {samples / total:.1%} |"
        for (name, place), samples in functions.most_common(SHOWN)
    ]
    table = ["| function | of | own share |", "| --- | --- | ---: |", *rows]
    return "\n".join([f"By place: {whose}.", "", *table])


def picture(profile: Profile) -> str:
    return f"flame-{profile.stem}.svg"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--docs", action="store_true", help="write docs/performance.md as well")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    find_perf()
    folder = report.PICTURES if options.docs else run.RESULTS.parent
    folder.mkdir(parents=True, exist_ok=True)
    told = []
    suites = [name for name, suite in run.SUITES.items() if suite in {p.suite for p in PROFILES}]
    with run.stage(suites, options.seconds) as setting:
        for profile in PROFILES:
            stacks = record(profile, setting)
            title = f"{names.OURS}: {profile.work}"
            (folder / picture(profile)).write_text(flame.draw(stacks, title), encoding="utf-8")
            parts = [f"### {profile.work[0].upper()}{profile.work[1:]}"]
            parts += [f"![flame graph](performance/{picture(profile)})", shares(stacks)]
            told.append("\n\n".join(parts))
    print("\n\n".join(told))
    if options.docs:
        report.fill({"profiles": "\n\n".join(told)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
