"""Run sweep.py and find_leaks.py, each in a separate process, so that nothing disturbs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from held import ENVIRONMENT

HERE = Path(__file__).resolve().parent


def run_script(name: str, *arguments: str, package: Path | None = None) -> list[dict[str, Any]]:
    """The lines of JSON that a script of this folder prints; it must end well."""
    path = [str(HERE.parent), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        **ENVIRONMENT,
        "PYTHONPATH": os.pathsep.join(one for one in [str(package or ""), *path] if one),
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(HERE / name), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, (lines[-1:], done.stderr[-3000:])
    return [json.loads(line) for line in lines if line.startswith("{")]
