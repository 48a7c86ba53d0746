"""Builds the compiled core. Everything that is not about C stands in pyproject.toml.

Environment:
    OWU_WERROR=1            warnings are errors (our own CI; never for those who only install)
    OWU_SANITIZE=1          AddressSanitizer and UndefinedBehaviorSanitizer
    OWU_COVERAGE=1          instrumented for gcov, not optimised
    OWU_DEFINES="A=1 B"     more macros, for builds that tests make
    OWU_LIBRARIES=/prefix   link what scripts/build_libraries.sh has put there, statically
    CC, CFLAGS, LDFLAGS     as usual; PKG_CONFIG names another pkg-config
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import setuptools
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

# Without build isolation this may be any: older ones read no license from pyproject.toml.
if int(setuptools.__version__.partition(".")[0]) < 77:
    raise SystemExit(
        f"openwebui_users needs setuptools 77 or newer, and this is {setuptools.__version__}: "
        "pip install -U setuptools"
    )

from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.editable_wheel import editable_wheel

ROOT = Path(__file__).resolve().parent

WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wshadow",
    "-Wstrict-prototypes",
]

# pkg-config name, oldest version that will do
LIBRARIES = [("libcurl", "7.87"), ("libcjson", "1.7.15")]

# How to install what the build needs, by the manager of packages; and the package for each need.
INSTALL = {
    "Debian, Ubuntu": "sudo apt-get install",
    "Fedora": "sudo dnf install",
    "Alpine": "sudo apk add",
    "macOS": "brew install",
}
PACKAGES = {
    "compiler": ("gcc libc6-dev", "gcc", "gcc musl-dev", ""),
    "Python.h": ("python3-dev", "python3-devel", "python3-dev", "python3"),
    "pkg-config": ("pkg-config", "pkgconf-pkg-config", "pkgconf", "pkgconf"),
    "libcurl": ("libcurl4-openssl-dev", "libcurl-devel", "curl-dev", "curl"),
    "libcjson": ("libcjson-dev", "cjson-devel", "cjson-dev", "cjson"),
}
MORE = {
    "compiler": "xcode-select --install",
    "libcurl": 'then export PKG_CONFIG_PATH="$(brew --prefix curl)/lib/pkgconfig"',
}


def switched_on(name: str) -> bool:
    return os.environ.get(name, "") not in ("", "0")


def bundled() -> Path | None:
    """The prefix of static libraries, when these are to be linked."""
    prefix = os.environ.get("OWU_LIBRARIES", "")
    if prefix and not (Path(prefix) / "lib" / "pkgconfig").is_dir():
        raise SystemExit(
            f"openwebui_users: OWU_LIBRARIES is {prefix}, which holds no lib/pkgconfig. "
            f"Make it with: sh scripts/build_libraries.sh {prefix}"
        )
    return Path(prefix).resolve() if prefix else None


def run(program: list[str], *arguments: str) -> subprocess.CompletedProcess[str] | None:
    """What a program said, or None when there is no such program."""
    environment = dict(os.environ)
    prefix = bundled()
    if prefix is not None:
        found = [str(prefix / "lib" / "pkgconfig"), environment.get("PKG_CONFIG_PATH", "")]
        environment["PKG_CONFIG_PATH"] = os.pathsep.join(filter(None, found))
    try:
        return subprocess.run(
            [*program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
    except OSError:
        return None


def pkg_config(*arguments: str) -> subprocess.CompletedProcess[str] | None:
    return run(shlex.split(os.environ.get("PKG_CONFIG", "pkg-config")), *arguments)


def missing() -> dict[str, str]:
    """What the build needs and this machine lacks: what it is for PACKAGES, and in words."""
    found: dict[str, str] = {}
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    with tempfile.TemporaryDirectory() as folder:
        # gcc may be there without the headers of the C library, which it only recommends
        source = Path(folder) / "trial.c"
        source.write_text("#include <stdio.h>\n")
        tried = run(compiler, "-c", str(source), "-o", str(source.with_suffix(".o")))
    if tried is None or tried.returncode != 0:
        found["compiler"] = f"a C compiler ({compiler[0]} does not work)"
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        found["Python.h"] = f"Python.h, the headers of Python {sysconfig.get_python_version()}"
    if pkg_config("--version") is None:
        found["pkg-config"] = "pkg-config, without which libraries are not found"
    for name, oldest in LIBRARIES:
        there = pkg_config("--exists", f"{name} >= {oldest}")
        if there is not None and there.returncode == 0:
            continue
        version = pkg_config("--modversion", name)
        only = ""
        if version is not None and version.returncode == 0:
            only = f" (only {version.stdout.strip()} is there)"
        found[name] = f"{name} {oldest} or newer with its headers{only}"
    return found


def check_requirements() -> None:
    """Stop with what to install when something is missing or too old."""
    lacking = missing()
    if not lacking:
        return
    lines = ["openwebui_users cannot be built. Missing:"]
    lines += [f"    {words}" for words in lacking.values()]
    lines.append("How to install it:")
    for column, (system, command) in enumerate(INSTALL.items()):
        packages = " ".join(filter(None, (PACKAGES[need][column] for need in lacking)))
        if packages:
            lines.append(f"    {system + ':':<16}{command} {packages}")
    lines += [f"    {'macOS:':<16}{more}" for need, more in MORE.items() if need in lacking]
    raise SystemExit("\n".join(lines))


def library_flags(*which: str) -> list[str]:
    names = [name for name, _ in LIBRARIES]
    said = pkg_config(*which, *names)
    return shlex.split(said.stdout) if said is not None else []


def compile_flags() -> list[str]:
    # Python's own headers are not ours to mend: as system headers they give no warnings.
    python_headers = sysconfig.get_path("include")
    flags = ["-std=c11", "-O2", "-fvisibility=hidden", "-isystem", python_headers, *WARNINGS]
    if switched_on("OWU_WERROR"):
        flags.append("-Werror")
    flags += library_flags("--cflags")
    return flags + instrumentation() + shlex.split(os.environ.get("CFLAGS", ""))


def instrumentation() -> list[str]:
    """Flags that the compiler and the linker both need."""
    flags = []
    if switched_on("OWU_SANITIZE"):
        flags += ["-g", "-O1", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all"]
        flags += ["-fsanitize=address,undefined"]
    if switched_on("OWU_COVERAGE"):
        flags += ["-g", "-O0", "--coverage"]
    return flags


def link_flags() -> list[str]:
    static = bundled() is not None
    flags = library_flags("--static", "--libs") if static else library_flags("--libs")
    flags += instrumentation()
    # A library that is linked statically must not show its symbols either.
    if sys.platform == "darwin":
        return [*flags, "-Wl,-exported_symbol,_PyInit__core", *(["-Wl,-dead_strip"] * static)]
    return [*flags, "-Wl,--exclude-libs,ALL", *(["-Wl,--gc-sections"] * static)]


def macros(version: str) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = [("OWU_VERSION", f'"{version}"')]
    for definition in shlex.split(os.environ.get("OWU_DEFINES", "")):
        name, equals, value = definition.partition("=")
        found.append((name, value if equals else None))
    return found


def files(pattern: str) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.glob(pattern))


def newest(paths: Iterable[str | os.PathLike[str]]) -> float:
    """When the last of these files was changed; 0 without one."""
    return max((path.stat().st_mtime for path in map(Path, paths) if path.exists()), default=0.0)


def put(made: Path, path: Path) -> None:
    """Copy, whole or not at all: half an extension is a SIGBUS for who imports it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"_core.{os.getpid()}.so")
    try:
        shutil.copy2(made, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


class BuildCore(build_ext):
    """Compiles the C files that changed, or all after a change of a header or of how it is done.

    What is made bears the time at which its build began, so that a source that is edited meanwhile
    is newer.
    """

    def finalize_options(self) -> None:
        super().finalize_options()
        if self.editable_mode:
            # else it is a temporary folder, and each `pip install -e` compiles everything
            self.build_temp = f"build/temp.{self.plat_name}-{sys.implementation.cache_tag}"

    def build_extension(self, ext: Extension) -> None:
        # one build at a time: an import may compile too (scripts/rebuild_on_import.py)
        Path(self.build_temp).mkdir(parents=True, exist_ok=True)
        with Path(self.build_temp, "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.build_when_changed(ext)

    def build_when_changed(self, ext: Extension) -> None:
        """Compile and link if a source is newer than the extension, or if flags are others."""
        began = time.time()
        sources = [*ext.sources, *ext.depends]
        for source in sources:
            # one from the future would be newer than all that is made of it, for as long
            if newest([source]) > began:
                with contextlib.suppress(OSError):
                    os.utime(source, (began, began))
        how: dict[str, Any] = {
            "macros": macros(self.distribution.get_version()),
            "include_dirs": ext.include_dirs,
            "extra_postargs": compile_flags(),
        }
        path = Path(self.get_ext_fullpath(ext.name))
        made = Path(self.build_temp, path.name)
        objects: list[str] = self.compiler.object_filenames(ext.sources, output_dir=self.build_temp)
        recipe = Path(self.build_temp, "recipe")
        text = repr((self.compiler.compiler_so, how, objects, link_flags()))
        if self.force or not recipe.exists() or recipe.read_text() != text:
            for old in [made, *map(Path, objects)]:
                old.unlink(missing_ok=True)
        if newest([made]) < newest(sources):
            check_requirements()
            # It is missing while this runs: after a kill nothing is kept, since it may be half.
            recipe.unlink(missing_ok=True)
            made.unlink(missing_ok=True)
            for source, compiled in zip(ext.sources, objects, strict=True):
                if newest([compiled]) >= newest([source, *ext.depends]):
                    continue
                try:
                    self.compiler.compile([source], output_dir=self.build_temp, **how)
                except CompileError:
                    Path(compiled).unlink(missing_ok=True)
                    recipe.write_text(text)
                    raise
                os.utime(compiled, (began, began))
            self.compiler.link_shared_object(objects, str(made), extra_postargs=link_flags())
            os.utime(made, (began, began))
            recipe.write_text(text)
        put(made, path)

    def copy_extensions_to_source(self) -> None:
        """Always, and not only where the time differs: what is there may be half."""
        for ext in self.extensions:
            path = Path(self.get_ext_fullpath(ext.name))
            put(Path(self.build_lib, *ext.name.split(".")[:-1], path.name), path)


class Wheel(bdist_wheel):
    """Says in the wheel which libraries are linked into it, and under which licenses."""

    def write_wheelfile(self, wheelfile_base: str, *args: Any, **named: Any) -> None:
        super().write_wheelfile(wheelfile_base, *args, **named)
        prefix = bundled()
        if prefix is not None:
            # only here: the folder is not on the path of those who build
            sys.path.insert(0, str(ROOT / "scripts"))
            import bundled_libraries

            bundled_libraries.describe(
                prefix, Path(wheelfile_base), self.distribution.get_version()
            )


class Editable(editable_wheel):
    """Compiles the core anew, when it is imported, after a change of its sources."""

    def run(self) -> None:
        super().run()
        sys.path.insert(0, str(ROOT / "scripts"))
        import rebuild_on_import

        for wheel in Path(self.dist_dir).glob("*.editable-*.whl"):
            rebuild_on_import.add_to_wheel(wheel, ROOT)


if __name__ == "__main__":
    setup(
        ext_modules=[
            Extension(
                "openwebui_users._core",
                sources=files("csrc/core/*.c") + files("csrc/python/*.c"),
                include_dirs=["csrc/core", "csrc/python"],
                depends=[*files("csrc/*/*.h"), "setup.py"],
            )
        ],
        cmdclass={"bdist_wheel": Wheel, "build_ext": BuildCore, "editable_wheel": Editable},
    )
