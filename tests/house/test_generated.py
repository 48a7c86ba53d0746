"""Generated files are equal to what the generator writes now."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from project import ROOT

from openwebui_users import _core

#: A file that is generated wholly, and a page of which parts are; before what to write in it.
STALE = {"openwebui_users/_core.pyi": "", "docs/verbs.md": "<!-- end -->"}


def check_in(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "scripts/generate_reference.py", "--check"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_generated_files_are_fresh() -> None:
    done = check_in(ROOT)
    assert done.returncode == 0, f"run `make generate`:\n{done.stdout}{done.stderr}"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("docs", "openwebui_users", "scripts", "tests/contract/openapi", "tests/faults"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("admin_docs.py", "docstrings.py", "cli_commands.py"):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests")
    return tmp_path


def test_a_stale_file_is_seen(copy: Path) -> None:
    assert check_in(copy).returncode == 0
    for name, end in STALE.items():
        text = (copy / name).read_text()
        at = text.rindex(end)
        (copy / name).write_text(f"{text[:at]}\nforgotten: int\n{text[at:]}")
    done = check_in(copy)
    assert done.returncode == 1
    assert [name for name in STALE if f"stale: {name}\n" in done.stdout] == [*STALE]


def test_the_page_of_versions_counts_each_call_once() -> None:
    """A call has rows, for itself or for an argument, or is one of those that are only counted."""
    page = (ROOT / "docs/versions.md").read_text()
    with_rows = set(re.findall(r"^\| `(\w+\.\w+)`", page, re.MULTILINE))
    others = re.search(r"The other (\d+) calls", page)
    assert with_rows and others is not None
    assert len(with_rows) + int(others[1]) == len(_core.endpoint_table())


def test_the_transcript_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/generate_transcript.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"run `make transcript`:\n{done.stdout}{done.stderr}"
