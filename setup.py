"""Builds the compiled core. Everything that is not about C stands in pyproject.toml.

Environment:
    OWU_WERROR=1            warnings are errors (our own CI; never for those who only install)
    OWU_SANITIZE=1          AddressSanitizer and UndefinedBehaviorSanitizer
    OWU_COVERAGE=1          instrumented for gcov, not optimised
    OWU_DEFINES="A=1 B"     more macros, for builds that tests make
    CC, CFLAGS, LDFLAGS     as usual; PKG_CONFIG names another pkg-config
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

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

HOW_TO_INSTALL = """\
    Debian, Ubuntu:  sudo apt-get install gcc pkg-config libcurl4-openssl-dev libcjson-dev
    Fedora:          sudo dnf install gcc pkgconf-pkg-config libcurl-devel cjson-devel
    Alpine:          sudo apk add build-base pkgconf curl-dev cjson-dev
    macOS:           brew install pkg-config curl cjson
                     (Homebrew's curl also needs
                     export PKG_CONFIG_PATH="$(brew --prefix curl)/lib/pkgconfig")"""


def switched_on(name: str) -> bool:
    return os.environ.get(name, "") not in ("", "0")


def pkg_config(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shlex.split(os.environ.get("PKG_CONFIG", "pkg-config"))
    try:
        return subprocess.run([*program, *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        raise SystemExit(
            f"openwebui_users: {program[0]} cannot be run ({error.strerror}), and without it the "
            f"libraries are not found. Install it and the libraries:\n{HOW_TO_INSTALL}"
        ) from error


def check_libraries() -> None:
    """Stop with what to install when a library is missing or too old."""
    for name, oldest in LIBRARIES:
        if pkg_config("--exists", f"{name} >= {oldest}").returncode == 0:
            continue
        found = pkg_config("--modversion", name)
        state = f"only {found.stdout.strip()} is" if found.returncode == 0 else "it is not"
        raise SystemExit(
            f"openwebui_users needs {name} {oldest} or newer with its headers; {state} installed. "
            f"Install it:\n{HOW_TO_INSTALL}"
        )


def library_flags(which: str) -> list[str]:
    names = [name for name, _ in LIBRARIES]
    return shlex.split(pkg_config(which, *names).stdout)


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
    flags = library_flags("--libs") + instrumentation()
    if sys.platform == "linux":
        # A library that is linked statically must not show its symbols either.
        flags.append("-Wl,--exclude-libs,ALL")
    return flags


def macros(version: str) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = [("OWU_VERSION", f'"{version}"')]
    for definition in shlex.split(os.environ.get("OWU_DEFINES", "")):
        name, equals, value = definition.partition("=")
        found.append((name, value if equals else None))
    return found


def files(pattern: str) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.glob(pattern))


class BuildCore(build_ext):
    """Asks pkg-config only when something is really compiled (not for an sdist)."""

    def build_extension(self, ext: Extension) -> None:
        check_libraries()
        ext.define_macros = macros(self.distribution.get_version())
        ext.extra_compile_args = compile_flags()
        ext.extra_link_args = link_flags()
        super().build_extension(ext)


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
        cmdclass={"build_ext": BuildCore},
    )
