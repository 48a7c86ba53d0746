"""The floors of floors/: compiled for this machine, run, and their output read."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path
from statistics import median
from typing import Any

from measuring import Laps

SOURCES = Path(__file__).resolve().parent / "floors"
# What each is made of, and which libraries it needs.
PROGRAMS = {
    "curl_easy": (["curl_easy.c", "transfer.c", "measured.c"], ["libcurl"]),
    "curl_multi": (["curl_multi.c", "transfer.c", "measured.c"], ["libcurl"]),
    "json_floor": (["json_floor.c", "measured.c"], ["libcjson"]),
}
EXTENSION = "bare_libcurl"
STANDARD = ["-std=c11", "-O2"]


def compiler() -> list[str]:
    command = shlex.split(os.environ.get("CC") or "cc")
    for program in (command[0], "pkg-config"):
        if shutil.which(program) is None:
            raise SystemExit(f"{program} is needed and not installed: see `make build`")
    return command


def flags_of(libraries: list[str]) -> list[str]:
    command = ["pkg-config", "--cflags", "--libs", *libraries]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' and '.join(libraries)} not found:\n{done.stderr}")
    return shlex.split(done.stdout)


def compile_all(folder: Path) -> None:
    """Compile every floor into the folder."""
    command = [*compiler(), *STANDARD]
    for name, (sources, libraries) in PROGRAMS.items():
        paths = [str(SOURCES / source) for source in sources]
        output = ["-o", str(folder / name)]
        subprocess.run([*command, *paths, *output, *flags_of(libraries)], check=True)
    headers = ["-isystem", sysconfig.get_path("include")]
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    source = str(SOURCES / f"{EXTENSION}.c")
    output = ["-shared", "-fPIC", *headers, "-o", str(folder / f"{EXTENSION}{suffix}")]
    subprocess.run([*command, source, *output, *flags_of(["libcurl"])], check=True)


def result(command: list[str]) -> dict[str, Any]:
    """The JSON that a floor prints."""
    done = subprocess.run(command, text=True, capture_output=True, timeout=300, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{shlex.join(command)} failed:\n{done.stdout}{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def laps(command: list[str]) -> Laps:
    """The medians of a floor that tells each of its repetitions."""
    found = result(command)
    return Laps(median(found["passed"]), median(found["cpu"]), 0.0)
