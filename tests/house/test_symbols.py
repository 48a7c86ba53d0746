"""The extension exports only one symbol, because exported symbols could clash with others."""

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


def extension() -> Path:
    spec = importlib.util.find_spec("openwebui_users._core")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


def exported_symbols(library: Path) -> set[str]:
    nm = shutil.which("nm")
    assert nm is not None, "nm is missing: install binutils"
    listing = subprocess.run(
        [nm, "-D", "--defined-only", library], capture_output=True, text=True, check=True
    ).stdout
    return {line.split()[-1] for line in listing.splitlines()}


def test_extension_exports_its_init_function_only() -> None:
    assert exported_symbols(extension()) == {"PyInit__core"}


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


#: What the process has once, however many interpreters and threads there are; anything else that is
#: written to belongs to a module or to an object.
SHARED = {
    "clients": "under clients_lock",
    "clients_lock": "a lock",
    "n_threads": "under threads_lock",
    "threads_lock": "a lock",
    "threads_changed": "a condition",
    "at_end": "atomic",
    "last_thread": "written before at_end",
    "generation": "atomic",
    "fork_once": "once",
    "start_once": "once",
    "start_code": "written once",
    "about": "written once",
    "encodings_line": "written once",
    "fail_countdown": "atomic, for tests",
    "fail_all_later": "atomic, for tests",
    "all_getset": "written while a module is made, always the same",
    "end_of_values": "an address that nothing stands at",
    "PyDateTimeAPI": "CPython's",
    "completed": "the compiler's",
}
#: CPython takes these tables through pointers that are not const.
TABLES = ("_def", "_getset", "_members", "_methods", "_slots", "_spec", "names")


def written_to(library: Path) -> set[str]:
    """Names of the data that is not constant once the library is loaded."""
    objdump = shutil.which("objdump")
    assert objdump is not None, "objdump is missing: install binutils"
    listing = subprocess.run([objdump, "-t", library], capture_output=True, text=True, check=True)
    rows = [line.split() for line in listing.stdout.splitlines()]
    data = [row for row in rows if len(row) >= 5 and {".data", ".bss"} & set(row[2:4])]
    names = {row[-1].partition(".")[0] for row in data if row[3] != "d" and row[2] != "d"}
    return {name for name in names if name and not name.startswith("__")}


def test_no_state_is_shared_but_what_is_known() -> None:
    found = written_to(extension())
    assert {name for name in found if not name.endswith(TABLES)} - SHARED.keys() == set()
    assert found >= {"clients", "generation"}, "stripped?"
