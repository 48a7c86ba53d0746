"""What is built and how: errors name what to install, an editable install follows its sources, and
a wheel says what is in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import bundled_libraries
import pytest
import rebuild_on_import
from project import ROOT

MANAGERS = ("sudo apt-get install", "sudo dnf install", "sudo apk add", "brew install")


def build(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Build the extension out of the way, in an environment of its own."""
    command = [sys.executable, "setup.py", "-q", "build", "--build-base", str(folder / "build")]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def lines_of_managers(text: str) -> list[set[str]]:
    """The packages that a message names for apt, dnf, apk and brew."""
    found = []
    for manager in MANAGERS:
        hit = re.search(re.escape(manager) + r" (.*)", text)
        found.append(set(hit[1].split()) if hit else set())
    return found


def program(folder: Path, name: str, script: str) -> str:
    """A program of a few lines of shell."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_missing_libraries_are_named_for_each_manager(tmp_path: Path) -> None:
    done = build(tmp_path, PKG_CONFIG_LIBDIR=str(tmp_path), PKG_CONFIG_PATH="", OWU_LIBRARIES="")
    assert done.returncode != 0
    assert "libcurl 7.87 or newer" in done.stderr and "libcjson 1.7.15 or newer" in done.stderr
    assert lines_of_managers(done.stderr) == [
        {"libcurl4-openssl-dev", "libcjson-dev"},
        {"libcurl-devel", "cjson-devel"},
        {"curl-dev", "cjson-dev"},
        {"curl", "cjson"},
    ]
    assert "brew --prefix curl" in done.stderr


def test_an_old_library_is_named_with_its_version(tmp_path: Path) -> None:
    description = "Name: x\nDescription: x\nVersion: {}\nLibs:\n"
    (tmp_path / "libcurl.pc").write_text(description.format("7.68.0"))
    (tmp_path / "libcjson.pc").write_text(description.format("1.7.15"))
    done = build(tmp_path, PKG_CONFIG_LIBDIR=str(tmp_path), PKG_CONFIG_PATH="", OWU_LIBRARIES="")
    assert done.returncode != 0
    assert "libcurl 7.87 or newer with its headers (only 7.68.0 is there)" in done.stderr
    assert lines_of_managers(done.stderr)[0] == {"libcurl4-openssl-dev"}


def test_pkg_config_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = build(tmp_path, PKG_CONFIG=str(tmp_path / "none"))
    assert done.returncode != 0
    apt, dnf, apk, brew = lines_of_managers(done.stderr)
    assert "pkg-config" in apt and "pkgconf-pkg-config" in dnf
    assert "pkgconf" in apk and "pkgconf" in brew


@pytest.mark.parametrize("script", ["exit 127", None], ids=["broken", "absent"])
def test_a_compiler_that_does_not_work_is_named(tmp_path: Path, script: str | None) -> None:
    compiler = program(tmp_path, "cc", script) if script else str(tmp_path / "none")
    done = build(tmp_path, CC=compiler)
    assert done.returncode != 0
    assert f"a C compiler ({compiler} does not work)" in done.stderr
    apt, dnf, apk, brew = lines_of_managers(done.stderr)
    assert (apt, dnf, apk, brew) == ({"gcc", "libc6-dev"}, {"gcc"}, {"gcc", "musl-dev"}, set())
    assert "xcode-select --install" in done.stderr


def test_headers_of_python_that_are_missing_are_named() -> None:
    script = (
        "import runpy, sysconfig\n"
        "sysconfig.get_path = lambda *a, **k: '/nowhere'\n"
        "runpy.run_path('setup.py')['check_requirements']()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "Python.h" in done.stderr
    apt, dnf, apk, brew = lines_of_managers(done.stderr)
    assert (apt, dnf, apk, brew) == (
        {"python3-dev"},
        {"python3-devel"},
        {"python3-dev"},
        {"python3"},
    )


def test_a_prefix_without_libraries_is_refused(tmp_path: Path) -> None:
    done = build(tmp_path, OWU_LIBRARIES=str(tmp_path / "none"))
    assert done.returncode != 0
    assert "scripts/build_libraries.sh" in done.stderr


def test_what_make_installs_is_what_errors_name() -> None:
    script = (ROOT / "scripts" / "install_requirements.sh").read_text()
    named = subprocess.run(
        [
            sys.executable,
            "-c",
            "import json, runpy; print(json.dumps(runpy.run_path('setup.py')['PACKAGES']))",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    known = set(re.findall(r"[\w.+-]+", script)) | {"python3-dev"}  # whose name is made there
    for packages in json.loads(named.stdout).values():
        for names in packages:
            assert set(names.split()) - {"pkgconf"} <= known


# ---------------------------------------------------------------- an editable installation


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in small: sources, and a core that is newer."""
    root = tmp_path / "checkout"
    for folder in ("csrc/core", "csrc/python", "openwebui_users"):
        (root / folder).mkdir(parents=True)
    (root / "csrc" / "core" / "a.c").write_text("")
    (root / "setup.py").write_text(
        "import glob, pathlib, sys, sysconfig\n"
        "if 'no' in pathlib.Path('csrc/core/a.c').read_text(): sys.exit('a.c:1: error: no')\n"
        "suffix = sysconfig.get_config_var('EXT_SUFFIX')\n"
        "pathlib.Path('openwebui_users/_core' + suffix).write_text('anew')\n"
        "with open('built', 'a') as file: print(*sys.argv[1:], file=file)\n"
    )
    subprocess.run([sys.executable, "setup.py", "first"], cwd=root, check=True)
    return root


def look_for_core(root: Path) -> None:
    finder = rebuild_on_import.Finder(str(root))
    finder.find_spec("openwebui_users._core", [str(root / "openwebui_users")])


def age(path: Path, seconds: int) -> None:
    """Make a file older or, below zero, newer."""
    when = path.stat().st_mtime - seconds
    os.utime(path, (when, when))


def builds(root: Path) -> list[str]:
    return (root / "built").read_text().splitlines()


def test_nothing_is_built_when_nothing_changed(checkout: Path) -> None:
    look_for_core(checkout)
    assert builds(checkout) == ["first"]


def test_a_changed_source_is_compiled_when_the_core_is_imported(checkout: Path) -> None:
    age(next((checkout / "openwebui_users").glob("_core*")), 100)
    age(checkout / "setup.py", 200)
    look_for_core(checkout)
    assert builds(checkout) == ["first", "-q build_ext --inplace"]
    look_for_core(checkout)
    assert len(builds(checkout)) == 2


def test_a_core_that_is_missing_is_compiled(checkout: Path) -> None:
    next((checkout / "openwebui_users").glob("_core*")).unlink()
    look_for_core(checkout)
    assert len(builds(checkout)) == 2


def test_sources_that_do_not_compile_say_so(checkout: Path) -> None:
    age(next((checkout / "openwebui_users").glob("_core*")), 100)
    (checkout / "csrc" / "core" / "a.c").write_text("no")
    with pytest.raises(ImportError, match=r"a\.c:1: error: no"):
        look_for_core(checkout)


def test_without_setuptools_a_warning_says_that_the_core_is_old(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(next((checkout / "openwebui_users").glob("_core*")), 100)
    monkeypatch.setattr("importlib.metadata.version", lambda _: "65.5.0")
    with pytest.warns(RuntimeWarning, match="pip install -e"):
        look_for_core(checkout)
    assert len(builds(checkout)) == 1


def test_other_copies_and_other_modules_are_left_alone(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(next((checkout / "openwebui_users").glob("_core*")), 100)
    finder = rebuild_on_import.Finder(str(checkout))
    finder.find_spec("openwebui_users._core", ["/elsewhere/openwebui_users"])
    finder.find_spec("openwebui_users.models", [str(checkout / "openwebui_users")])
    monkeypatch.setenv("OWU_NO_REBUILD", "1")
    look_for_core(checkout)
    assert len(builds(checkout)) == 1


def test_an_editable_wheel_holds_what_compiles_anew_and_others_do_not(tmp_path: Path) -> None:
    wheel = tmp_path / "x-0.editable-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("x.dist-info/RECORD", "x.dist-info/RECORD,,\n")
    rebuild_on_import.add_to_wheel(wheel, tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        record = archive.read("x.dist-info/RECORD").decode().splitlines()
    assert names == [
        "_openwebui_users_rebuild.py",
        "_openwebui_users_rebuild.pth",
        "x.dist-info/RECORD",
    ]
    assert [line.partition(",")[0] for line in record] == names


# ---------------------------------------------------------------- what wheels hold of others


@pytest.fixture
def libraries() -> list[bundled_libraries.Library]:
    return bundled_libraries.read_table(ROOT / "scripts" / "libraries.txt")


def test_the_table_of_libraries(libraries: list[bundled_libraries.Library]) -> None:
    assert {library.name for library in libraries} == {"cjson", "curl", "nghttp2", "openssl"}
    for library in libraries:
        assert re.fullmatch(r"[0-9a-f]{64}", library.sha256)
        assert library.address.startswith("https://") and library.version in library.address
        assert bundled_libraries.LISTED_AS[library.name]


def test_a_wheel_says_what_is_linked_into_it(
    tmp_path: Path, libraries: list[bundled_libraries.Library]
) -> None:
    prefix, info = tmp_path / "prefix", tmp_path / "x.dist-info"
    for library in libraries:
        folder = prefix / "share" / "licenses" / library.name
        folder.mkdir(parents=True)
        (folder / library.license_file).write_text(f"license of {library.name}")
    shutil.copy(ROOT / "scripts" / "libraries.txt", prefix / "share")
    bundled_libraries.describe(prefix, info, "1.2.3")

    bill = json.loads((info / "sboms" / "bundled.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["purl"] == "pkg:pypi/openwebui-users@1.2.3"
    parts = {part["name"]: part for part in bill["components"]}
    for library in libraries:
        part = parts[library.name]
        assert part["version"] == library.version
        assert part["licenses"] == [{"license": {"id": library.license}}]
        source = part["externalReferences"][0]
        assert source["url"] == library.address
        assert source["hashes"] == [{"alg": "SHA-256", "content": library.sha256}]
        text = info / "licenses" / "bundled" / library.name / library.license_file
        assert text.read_text() == f"license of {library.name}"
    references = {bill["metadata"]["component"]["bom-ref"]} | {
        part["bom-ref"] for part in parts.values()
    }
    assert {entry["ref"] for entry in bill["dependencies"]} == references
    assert all(set(entry["dependsOn"]) <= references for entry in bill["dependencies"])


def test_the_wheel_holds_that_and_the_sdist_all_that_it_takes_to_build(
    tmp_path: Path, libraries: list[bundled_libraries.Library]
) -> None:
    """With a prefix that only says what it holds, since nothing is compiled here."""
    source, prefix = tmp_path / "source", tmp_path / "prefix"
    ignored = shutil.ignore_patterns(
        "__pycache__", "*.so", "*.egg-info", "build", "dist", "results", ".*"
    )
    shutil.copytree(ROOT, source, ignore=ignored)
    (prefix / "lib" / "pkgconfig").mkdir(parents=True)
    for library in libraries:
        folder = prefix / "share" / "licenses" / library.name
        folder.mkdir(parents=True)
        (folder / library.license_file).touch()
    shutil.copy(ROOT / "scripts" / "libraries.txt", prefix / "share")
    for command in (["sdist", "-d", str(tmp_path)], ["bdist_wheel", "-d", str(tmp_path)]):
        skip = ["--skip-build"] if command[0] == "bdist_wheel" else []
        subprocess.run(
            [sys.executable, "setup.py", "-q", *command, *skip],
            cwd=source,
            env={**os.environ, "OWU_LIBRARIES": str(prefix)},
            check=True,
            capture_output=True,
            timeout=300,
        )

    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        kept = {name.partition(".dist-info/")[2] for name in archive.namelist()}
    assert {"sboms/bundled.cdx.json", "licenses/LICENSE"} <= kept
    assert {f"licenses/bundled/{one.name}/{one.license_file}" for one in libraries} <= kept

    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as sdist:
        held = {name.partition("/")[2] for name in sdist.getnames()}
    for part in ("benchmarks", "csrc", "docs", "examples", "openwebui_users", "scripts", "tests"):
        files = {path.relative_to(source).as_posix() for path in (source / part).rglob("*.*")}
        files = {name for name in files if (source / name).is_file() and name[-4:] != ".pyc"}
        assert files - held == set()
    assert {"LICENSE", "Makefile", "README.md", "pyproject.toml", "setup.py"} <= held


def test_a_source_with_another_checksum_is_not_built(tmp_path: Path) -> None:
    table = (ROOT / "scripts" / "libraries.txt").read_text()
    for library in bundled_libraries.read_table(ROOT / "scripts" / "libraries.txt"):
        (tmp_path / f"{library.name}-{library.version}.tar.gz").write_text("something else")
        assert library.sha256 in table
    done = subprocess.run(
        ["sh", "scripts/build_libraries.sh", str(tmp_path / "prefix")],
        cwd=ROOT,
        env={**os.environ, "OWU_TARBALLS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "has the SHA-256" in done.stderr and "cjson" in done.stderr
