"""Notebooks that are executed by a real kernel of the interpreter that runs the tests."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RUN = Path(__file__).resolve().parent / "run_notebook.py"
LIMIT = 300  # seconds


def execute(cells: Sequence[str], folder: Path) -> Path:
    """Execute cells of code; the executed notebook, with a page in HTML beside it."""
    shown = [
        {"cell_type": "code", "id": f"cell-{number}", "metadata": {}, "outputs": []}
        | {"execution_count": None, "source": source}
        for number, source in enumerate(cells)
    ]
    notebook = {"cells": shown, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    source = folder / "source.ipynb"
    source.write_text(json.dumps(notebook))
    return execute_file(source, folder)


def execute_file(source: Path, folder: Path) -> Path:
    """The same for a notebook that is there already."""
    target = folder / f"executed-{source.name}"
    command = list(map(str, (sys.executable, RUN, source, target, target.with_suffix(".html"))))
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr[-5000:]
    return target


def outputs(notebook: Path) -> list[dict[str, Any]]:
    """All outputs of an executed notebook, in order."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [one for cell in cells for one in cell.get("outputs", ())]


def shown(notebook: Path, kind: str) -> list[str]:
    """What an executed notebook shows as this MIME type."""
    found = [one["data"][kind] for one in outputs(notebook) if kind in one.get("data", {})]
    return ["".join(one) if isinstance(one, list) else one for one in found]
