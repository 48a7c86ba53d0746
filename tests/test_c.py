"""Compile and run the tests of the C core: one test case for each file tests/c/test_*.c.

They are linked only with the core, without Python, and run under AddressSanitizer (with its leak
check) and UndefinedBehaviorSanitizer. The compiled files are kept in build/c-tests, each under a
hash of everything that it was made from. So only changes are compiled again.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest
from fuzz.seeds import write as write_seeds

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "csrc" / "core"
TESTS = ROOT / "tests" / "c"
FUZZ = ROOT / "tests" / "fuzz"
COVERED = os.environ.get("OWU_COVERAGE") == "1"
BUILD = ROOT / "build" / ("coverage/c-tests" if COVERED else "c-tests")
KEPT_LIBRARIES = 3

SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
RACES = ["-fsanitize=thread"]
TIME_LIMIT = 300  # seconds for one test program


def _load_setup() -> ModuleType:
    """setup.py as a module: the flags of the product are the flags of its tests."""
    spec = importlib.util.spec_from_file_location("openwebui_users_setup", ROOT / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SETUP = _load_setup()
SOURCES = sorted(TESTS.glob("test_*.c"))
TARGETS = sorted(FUZZ.glob("fuzz_*.c"))


def _compiler() -> list[str]:
    return shlex.split(os.environ.get("CC", "cc"))


def _strict_flags() -> list[str]:
    return [
        "-std=c11",
        *SETUP.WARNINGS,
        "-Werror",
        '-DOWU_VERSION="0.0.0"',
        f"-I{CORE}",
        f"-I{TESTS}",
        *SETUP.library_flags("--cflags"),
    ]


def _run(command: list[str]) -> None:
    """Run a compiler; its complaints are the failure."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"{shlex.join(command)}\n{done.stdout}{done.stderr}", pytrace=False)


def _digest(flags: Iterable[str], files: Iterable[Path]) -> str:
    found = hashlib.sha256("\0".join(flags).encode())
    for path in files:
        found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]


def _compile_all(compiler: list[str], flags: list[str], sources: list[Path], folder: Path) -> None:
    commands = [
        [*compiler, *flags, "-c", str(source), "-o", str(folder / f"{source.stem}.o")]
        for source in sources
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(_run, commands))


def _check_sanitizers(compiler: list[str], sanitizers: list[str], folder: Path) -> None:
    """Say so clearly when the compiler came without the sanitizers' libraries."""
    probe = folder / "probe.c"
    probe.write_text("int main(void) { return 0; }\n")
    program = folder / "probe"
    command = [*compiler, *sanitizers, str(probe), "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        done = subprocess.run([program], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(
            f"{shlex.join(compiler)} cannot make programs with {shlex.join(sanitizers)}. Install "
            "the sanitizers' libraries (Debian: part of gcc, or libclang-rt-14-dev for clang; "
            "Fedora: libasan libubsan libtsan), or name another compiler "
            f"with CC=…\n{done.stdout}{done.stderr}",
            pytrace=False,
        )


def _forget_old_libraries() -> None:
    libraries = sorted(BUILD.glob("core-*"), key=lambda path: path.stat().st_mtime)
    for folder in libraries[:-KEPT_LIBRARIES]:
        shutil.rmtree(folder, ignore_errors=True)


class Workshop:
    """The core as a static library under the sanitizers, and programs linked with it."""

    def __init__(self, sanitizers: list[str]) -> None:
        self.compiler = _compiler()
        self.sanitizers = sanitizers
        self.flags = [*_strict_flags(), *sanitizers, "-g", "-O1", "-fno-omit-frame-pointer"]
        if COVERED:
            self.flags += ["--coverage", "-fprofile-update=atomic"]
        version = subprocess.run(
            [*self.compiler, "--version"], capture_output=True, text=True, check=True
        ).stdout
        core = sorted(CORE.glob("*.[ch]"))
        self.folder = BUILD / f"core-{_digest([version, *self.flags], core)}"
        self.library = self.folder / "libowu.a"
        if not self.library.exists():
            self._make_library()

    def _make_library(self) -> None:
        BUILD.mkdir(parents=True, exist_ok=True)
        # Made aside and moved when complete: whoever finds the library finds all of it.
        with contextlib.ExitStack() as stack:
            if COVERED:  # gcov looks for its notes where the objects were made
                unfinished = self.folder
                unfinished.mkdir()
            else:
                folder = tempfile.TemporaryDirectory(dir=BUILD, prefix="unfinished-")
                unfinished = Path(stack.enter_context(folder))
            _check_sanitizers(self.compiler, self.sanitizers, unfinished)
            _compile_all(self.compiler, self.flags, sorted(CORE.glob("*.c")), unfinished)
            objects = [str(path) for path in sorted(unfinished.glob("*.o"))]
            _run(["ar", "rcs", str(unfinished / "libowu.a"), *objects])
            self.folder.mkdir(exist_ok=True)
            (unfinished / "libowu.a").replace(self.library)
        _forget_old_libraries()

    def program(self, source: Path, *more: Path) -> Path:
        """The program of these sources, compiled unless it is there already."""
        headers = [*sorted(TESTS.glob("*.h")), *sorted(FUZZ.glob("*.h"))]
        digest = _digest((), [source, *more, *headers])
        program = self.folder / f"{source.stem}-{digest}"
        if not program.exists():
            unfinished = program.with_suffix(f".{os.getpid()}")
            inputs = [str(source), *map(str, more), str(self.library)]
            libraries = [*SETUP.library_flags("--libs"), "-lm", "-lpthread"]
            output = ["-o", str(unfinished)]
            _run([*self.compiler, *self.flags, *inputs, *libraries, *output])
            unfinished.replace(program)
        return program


@pytest.fixture(scope="module")
def workshop() -> Workshop:
    return Workshop(SANITIZERS)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_program(workshop: Workshop, source: Path) -> None:
    _run_program(workshop.program(source), source)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_memory_that_runs_out(workshop: Workshop, source: Path) -> None:
    """The n-th allocation fails, for all n, in each test; cJSON's and libcurl's are among them."""
    lines = _run_program(workshop.program(source), source, OWU_STARVE="1").splitlines()
    tests = [line for line in lines if line.startswith("test_")]
    counts = [int(line.split()[0]) for line in lines if line.endswith(" allocations")]
    assert len(counts) == 2 * (len(tests) - source.read_text().count("RUN_FED(")), lines


@pytest.mark.parametrize("target", TARGETS, ids=lambda path: path.stem)
def test_fuzz_corpus(workshop: Workshop, target: Path, tmp_path: Path) -> None:
    """What fuzzing begins with, and what it once failed on; `make fuzz` goes on from there."""
    write_seeds(tmp_path)
    inputs = sorted((tmp_path / "seeds" / target.stem.removeprefix("fuzz_")).iterdir())
    assert inputs
    _run_program(workshop.program(target, FUZZ / "driver.c"), target, *map(str, inputs))


@pytest.fixture(scope="module")
def portable_workshop() -> Workshop:
    return Workshop([*SANITIZERS, "-DOWU_PORTABLE_SCAN"])


@pytest.mark.parametrize("stem", ["test_scan", "test_reader"])
def test_without_vector_instructions(portable_workshop: Workshop, stem: str) -> None:
    """What processors without SSE2 run."""
    source = TESTS / f"{stem}.c"
    _run_program(portable_workshop.program(source), source)


@pytest.fixture(scope="module")
def race_workshop() -> Workshop:
    return Workshop(RACES)


@pytest.mark.parametrize("stem", ["test_client", "test_engine", "test_gate"])
def test_no_race(race_workshop: Workshop, stem: str) -> None:
    """Threads, under ThreadSanitizer."""
    source = TESTS / f"{stem}.c"
    _run_program(race_workshop.program(source), source)


@pytest.fixture(scope="module")
def plain_workshop() -> Workshop:
    return Workshop([])


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_valgrind(plain_workshop: Workshop, source: Path, tmp_path: Path) -> None:
    """It sees what is read before it was written, and what libraries do with our memory.

    Not in forked children, which forget the connections of their parent and so their memory.
    """
    log = tmp_path / "valgrind.txt"
    watch = ["--leak-check=full", "--show-leak-kinds=definite,indirect"]
    valgrind = ["valgrind", "-q", *watch, "--child-silent-after-fork=yes", f"--log-file={log}"]
    _run_program([*valgrind, plain_workshop.program(source)], source)
    complaints = log.read_text()
    assert complaints == ""


def _run_program(
    program: Path | list[str | Path], source: Path, *arguments: str, **more: str
) -> str:
    """What the program printed, with these variables more in its environment."""
    environment = {
        **os.environ,
        **more,
        "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TSAN_OPTIONS": "halt_on_error=1:die_after_fork=0",
    }
    done = subprocess.run(
        [*(program if isinstance(program, list) else [program]), *arguments],
        cwd=TESTS,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=TIME_LIMIT,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"{source.name} ended with {done.returncode}:\n{done.stdout}", pytrace=False)
    return done.stdout


@pytest.mark.parametrize(
    "source",
    [*sorted(CORE.glob("*.c")), *SOURCES, *sorted(FUZZ.glob("*.c"))],
    ids=lambda path: path.name,
)
def test_no_warning_of_clang(source: Path) -> None:
    """A second compiler sees other things; it only has to read the file."""
    if shutil.which("clang") is None:
        pytest.skip("clang is not installed")
    _run(["clang", *_strict_flags(), "-fsyntax-only", str(source)])
