"""Builds of the extension with one deliberate difference, for tests that need one to compare with.

A variant is made from a copy of the sources. The product itself has no switch for tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Edit:
    """Replace a text that occurs exactly once in a source file."""

    path: str
    old: str
    new: str

    def apply(self, folder: Path) -> None:
        """Make the edit below a folder with copies of the sources."""
        path = folder / self.path
        text = path.read_text()
        if text.count(self.old) != 1:
            raise AssertionError(f"{self.path} holds {text.count(self.old)} of: {self.old}")
        path.write_text(text.replace(self.old, self.new))


# A permission that the server knows and the table does not; and unknown keys that are not sent.
WITHOUT_FIELD = Edit("csrc/core/schema.c", 'FLAG("models_hidden"', 'FLAG("models_not_hidden"')
NOT_CARRYING = Edit(
    "csrc/python/py_body.c",
    "static int body_extra(Body *b, ModelObject *self, const Path *path) {",
    "static int body_extra(Body *b, ModelObject *self, const Path *path) {\n    return 0;",
)


def build_variant(folder: Path, edits: tuple[Edit, ...]) -> Path:
    """Build the package with these edits below folder.

    Returns:
        The folder to put on PYTHONPATH: it holds an `openwebui_users` package.
    """
    source = folder / "source"
    for name in ("csrc", "openwebui_users"):
        shutil.copytree(
            ROOT / name, source / name, ignore=shutil.ignore_patterns("*.so", "__pycache__")
        )
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for edit in edits:
        edit.apply(source)
    environment = {**os.environ, "CFLAGS": "-O0"}
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
        cwd=source,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return source


def run_in_variant(package: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a Python script with the variant's package first on the path."""
    environment = {**os.environ, "PYTHONPATH": str(package)}
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=environment,
        cwd=package,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def libcurl_features() -> set[str]:
    """What the libcurl of this package can do; nothing where pkg-config knows another one."""

    def ask(question: str) -> str:
        command = ["pkg-config", question, "libcurl"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    from openwebui_users import version_info

    if ask("--modversion") != version_info()["libcurl"]:
        return set()
    return set(ask("--variable=supported_features").split())
