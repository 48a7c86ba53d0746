"""The build: errors name what to install, an editable installation follows its sources, and a wheel
lists its contents."""

from __future__ import annotations

import hashlib
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
import check_wheel
import pytest
import rebuild_on_import
from project import ROOT

MANAGERS = ("sudo apt-get install", "sudo dnf install", "sudo apk add", "brew install")


def run(
    command: list[str], limit: float, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command in the project, with these variables more."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=limit,
    )


def build(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Build the extension out of the way, in an environment of its own."""
    command = [sys.executable, "setup.py", "-q", "build", "--build-base", str(folder / "build")]
    return run(command, 300, environment)


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


def test_an_old_setuptools_is_named() -> None:
    script = (
        "import runpy, setuptools\nsetuptools.__version__ = '65.5.0'\nrunpy.run_path('setup.py')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "needs setuptools 77 or newer, and this is 65.5.0" in done.stderr
    assert "Traceback" not in done.stderr


# ---------------------------------------------------------------- what is compiled, and when


class Small:
    """The build with two small C files, on a compiler that writes down what it compiles."""

    A, B, HEADER = "csrc/core/a.c", "csrc/python/b.c", "csrc/core/a.h"

    def __init__(self, root: Path, also: str = "") -> None:
        self.root, self.log = root, root / "compiled"
        for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, root)
        for name, text in {
            self.A: "int a(void);\nint a(void) { return 1; }\n",
            self.B: "#include <Python.h>\nPyMODINIT_FUNC PyInit__core(void) { return NULL; }\n",
            self.HEADER: "",
            "openwebui_users/__init__.py": "",
        }.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        script = f'echo "$*" >>"{self.log}"\n{also}\nexec cc "$@"'
        self.compiler = program(root, "compiler", script)

    @property
    def core(self) -> Path:
        (core,) = (self.root / "openwebui_users").glob("_core*")
        return core

    def build(self, **environment: str) -> list[str]:
        """Build in place; which of the sources were compiled."""
        self.log.write_text("")
        subprocess.run(
            [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
            cwd=self.root,
            env={**os.environ, "CC": self.compiler, "OWU_LIBRARIES": "", **environment},
            check=True,
            capture_output=True,
            timeout=300,
        )
        return re.findall(r"csrc/\S+\.c\b", self.log.read_text())


def test_what_changed_is_compiled_and_no_more(tmp_path: Path) -> None:
    small = Small(tmp_path)
    assert small.build() == [small.A, small.B]
    assert small.build() == []
    (tmp_path / small.B).touch()
    assert small.build() == [small.B]
    (tmp_path / small.HEADER).touch()
    assert small.build() == [small.A, small.B]
    assert small.build(OWU_DEFINES="MORE=1") == [small.A, small.B]
    assert small.build(OWU_DEFINES="MORE=1") == []


def test_what_compiled_is_kept_when_something_does_not(tmp_path: Path) -> None:
    small = Small(tmp_path)
    text = (tmp_path / small.B).read_text()
    (tmp_path / small.B).write_text("#error no")
    with pytest.raises(subprocess.CalledProcessError):
        small.build()
    (tmp_path / small.B).write_text(text)
    assert small.build() == [small.B]


def test_an_edit_while_it_compiles_is_not_lost(tmp_path: Path) -> None:
    edit = 'case "$*" in *csrc/python/b.c*) [ -e edited ] || touch edited csrc/core/a.c ;; esac'
    small = Small(tmp_path, edit)
    assert small.build() == [small.A, small.B]
    assert small.core.stat().st_mtime < (tmp_path / small.A).stat().st_mtime
    assert small.build() == [small.A]
    assert small.build() == []


def test_half_an_extension_is_made_whole(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.build()
    whole = small.core.read_bytes()
    os.truncate(small.core, 1000)
    assert small.build() == []
    assert small.core.read_bytes() == whole


def test_after_a_kill_no_object_is_kept(tmp_path: Path) -> None:
    kill = (
        'case "$*" in *csrc/python/b.c*) [ -e killed ] || { touch killed; kill -9 $PPID; } ;; esac'
    )
    small = Small(tmp_path, kill)
    with pytest.raises(subprocess.CalledProcessError):
        small.build()
    assert small.build() == [small.A, small.B]


def test_a_source_from_the_future_is_compiled_once(tmp_path: Path) -> None:
    small = Small(tmp_path)
    age(tmp_path / small.A, -3600)
    assert small.build() == [small.A, small.B]
    assert small.build() == []
    (tmp_path / small.A).touch()
    assert small.build() == [small.A]


# ---------------------------------------------------------------- an editable installation


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout in small: sources, and a core that is newer."""
    monkeypatch.delenv("OWU_NO_REBUILD", raising=False)
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


def test_a_tree_of_somebody_else_is_used_as_it_is(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = next((checkout / "openwebui_users").glob("_core*"))
    age(core, 100)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.warns(RuntimeWarning, match="openwebui_users cannot be written"):
        look_for_core(checkout)
    core.unlink()
    with pytest.raises(ImportError, match=r"no core for this Python, and .* cannot be written"):
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
    monkeypatch.setenv("OWU_NO_REBUILD", "0")
    look_for_core(checkout)
    assert len(builds(checkout)) == 2


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


def pack(source: Path, command: str, *options: str, **environment: str) -> Path:
    """What setup.py makes of a copy of the sources, beside them."""
    subprocess.run(
        [sys.executable, "setup.py", "-q", command, "-d", str(source.parent), *options],
        cwd=source,
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        timeout=300,
    )
    suffix = {"sdist": "*.tar.gz", "bdist_wheel": "*.whl"}[command]
    return next(source.parent.glob(suffix))


def test_the_wheel_holds_that(tmp_path: Path, libraries: list[bundled_libraries.Library]) -> None:
    """With a prefix that only says what it holds, since nothing is compiled here."""
    source, prefix = tmp_path / "source", tmp_path / "prefix"
    ignored = shutil.ignore_patterns("__pycache__", "*.so")
    for folder in ("csrc", "openwebui_users", "scripts"):
        shutil.copytree(ROOT / folder, source / folder, ignore=ignored)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    (prefix / "lib" / "pkgconfig").mkdir(parents=True)
    for library in libraries:
        folder_of_one = prefix / "share" / "licenses" / library.name
        folder_of_one.mkdir(parents=True)
        (folder_of_one / library.license_file).touch()
    shutil.copy(ROOT / "scripts" / "libraries.txt", prefix / "share")
    wheel = pack(source, "bdist_wheel", "--skip-build", OWU_LIBRARIES=str(prefix))
    with zipfile.ZipFile(wheel) as archive:
        kept = {name.partition(".dist-info/")[2] for name in archive.namelist()}
    assert {"sboms/bundled.cdx.json", "licenses/LICENSE"} <= kept
    assert {f"licenses/bundled/{one.name}/{one.license_file}" for one in libraries} <= kept


# What lies about where people work, and what an earlier sdist may have held.
STRAY = """
.env .DS_Store docs/.DS_Store tests/.env examples/passwords.csv csrc/core/url.gcda csrc/core/url.o
docs/notebooks/.ipynb_checkpoints/tour-checkpoint.ipynb tests/.hypothesis/unicode_data/15/a.json
tests/unit/.pytest_cache/v/cache/nodeids.json tests/fuzz/corpus/json/.DS_Store tests/.test_c.py.swp
openwebui_users/__pycache__/a.pyc openwebui_users/_core.so benchmarks/results/a.py README.md~
"""


def test_the_sdist_holds_the_project_and_no_more(tmp_path: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\0")
    ours = {name for name in listed if (ROOT / name).is_file()}
    if "setup.py" not in ours:
        pytest.skip("this is no clone")
    source = tmp_path / "source"
    for name in ours | set(STRAY.split()):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        if name in ours:
            shutil.copy(ROOT / name, source / name)
        else:
            (source / name).write_text("stray")
    remembered = source / "openwebui_users.egg-info" / "SOURCES.txt"
    remembered.parent.mkdir()
    remembered.write_text("\n".join(STRAY.split()))

    with tarfile.open(pack(source, "sdist")) as sdist:
        held = {member.name.partition("/")[2] for member in sdist if member.isfile()}
    made = {"PKG-INFO", "setup.cfg", "openwebui_users.egg-info/SOURCES.txt"}
    assert held - made == ours


def shell(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(["sh", script, *arguments], 60, environment)


def test_a_source_with_another_checksum_is_not_built(tmp_path: Path) -> None:
    table = (ROOT / "scripts" / "libraries.txt").read_text()
    for library in bundled_libraries.read_table(ROOT / "scripts" / "libraries.txt"):
        (tmp_path / f"{library.name}-{library.version}.tar.gz").write_text("something else")
        assert library.sha256 in table
    done = shell("scripts/build_libraries.sh", str(tmp_path / "prefix"), OWU_TARBALLS=str(tmp_path))
    assert done.returncode == 1
    assert "has the SHA-256" in done.stderr and "cjson" in done.stderr


def test_what_auditwheel_did_not_list_is_named() -> None:
    paths = ("/usr/lib64/libcurl.so.4.8.0", "/lib/libldap-2.5.so.0.1.8")
    parts = [{"bom-ref": f"x#{hashlib.sha256(path.encode()).hexdigest()}"} for path in paths]
    copied = [
        "x.libs/libcurl-02fbea31.so.4.8.0",
        "x.libs/libcom_err-5a1b2c3d.so.2.1",
        "x.libs/libldap-2-062bb940.5.so.0.1.8",
    ]
    assert check_wheel.unlisted(copied, parts) == ["libcom_err.so.2.1"]


def test_an_installation_is_tried_whatever_the_proxy(tmp_path: Path) -> None:
    proxy = "http://127.0.0.1:9"
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "smoke_test.py")],
        cwd=tmp_path,
        env={**os.environ, "HTTPS_PROXY": proxy, "https_proxy": proxy, "ALL_PROXY": proxy},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "whole" in done.stdout


def test_a_prefix_that_make_cannot_do_with_is_refused(tmp_path: Path) -> None:
    done = shell("scripts/build_libraries.sh", str(tmp_path / "a prefix"))
    assert done.returncode == 3  # `make wheel` takes the system's libraries then
    assert "has white space" in done.stderr


@pytest.mark.parametrize(
    "call",
    [
        "build_wheel.sh python sytem",
        "build_wheel.sh",
        "fuzz.sh python 0",
        "fuzz.sh python -5",
        "fuzz.sh python abc",
        "fuzz.sh python 60 nonsense",
    ],
)
def test_scripts_refuse_what_they_do_not_know(call: str) -> None:
    name, *arguments = call.split()
    done = shell(f"scripts/{name}", *arguments)
    assert done.returncode == 2
    assert "usage:" in done.stderr


# ---------------------------------------------------------------- make


def planned(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What make would do."""
    shutil.copy(ROOT / "Makefile", folder)
    environment = {
        name: text for name, text in os.environ.items() if name not in ("PYTHON", "VENV")
    }
    environment.pop("MAKEFLAGS", None)
    return subprocess.run(
        ["make", "-n", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not there")


@needs_make
@pytest.mark.parametrize("venv", ["", "/tmp/a folder/venv"])
def test_a_venv_is_one_word(tmp_path: Path, venv: str) -> None:
    done = planned(tmp_path, "clean", f"VENV={venv}")
    assert done.returncode != 0
    assert "one word" in done.stderr and "rm" not in done.stdout


@needs_make
def test_clean_removes_no_folder_that_is_no_venv(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert "mine" not in planned(tmp_path, "clean", "VENV=mine").stdout
    (tmp_path / "mine" / "pyvenv.cfg").touch()
    assert "mine" in planned(tmp_path, "clean", "VENV=mine").stdout


@needs_make
def test_a_venv_is_made_anew_for_another_folder_or_python(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "install_requirements.sh").touch()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "venv").mkdir()
    stamp = tmp_path / "venv" / ".made"

    def anew(*arguments: str) -> bool:
        (tmp_path / "venv" / ".installed").touch()
        return " -m venv --clear venv" in planned(tmp_path, "build", "VENV=venv", *arguments).stdout

    stamp.write_text(f"python3.11 {tmp_path.resolve()}\n")
    assert not anew()
    assert not anew("PYTHON=python3.11")
    assert anew("PYTHON=python3.12")
    stamp.write_text("python3.11 /where/it/was\n")
    assert anew()
