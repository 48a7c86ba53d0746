"""The extension shows the dynamic linker one symbol: what it exports could clash with others."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads ELF files")


def exported_symbols(library: Path) -> set[str]:
    nm = shutil.which("nm")
    assert nm is not None, "nm is missing: install binutils"
    listing = subprocess.run(
        [nm, "-D", "--defined-only", library], capture_output=True, text=True, check=True
    ).stdout
    return {line.split()[-1] for line in listing.splitlines()}


def test_extension_exports_its_init_function_only() -> None:
    spec = importlib.util.find_spec("openwebui_users._core")
    assert spec is not None
    assert spec.origin is not None
    assert exported_symbols(Path(spec.origin)) == {"PyInit__core"}


def test_an_exported_function_is_seen(tmp_path: Path) -> None:
    source = tmp_path / "leaky.c"
    source.write_text(
        "int owu_leaked(void) { return 1; }\n"
        '__attribute__((visibility("hidden"))) int owu_hidden(void) { return 2; }\n'
    )
    library = tmp_path / "leaky.so"
    compiler = shlex.split(os.environ.get("CC", "cc"))
    subprocess.run([*compiler, "-shared", "-fPIC", source, "-o", library], check=True)
    assert exported_symbols(library) == {"owu_leaked"}
