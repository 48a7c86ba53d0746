"""Allowed dependencies: layers of the C code, imports of the package; sizes of files."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import ROOT, code_of, find, project_files, shown

from openwebui_users import admin

CORE = ROOT / "csrc" / "core"
WRAPPER = ROOT / "csrc" / "python"
PACKAGE = ROOT / "openwebui_users"

# ---------------------------------------------------------------- C: includes

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)

C_LIBRARY = {
    "assert",
    "ctype",
    "errno",
    "float",
    "inttypes",
    "limits",
    "locale",
    "math",
    "setjmp",
    "signal",
    "stdalign",
    "stdarg",
    "stdatomic",
    "stdbool",
    "stddef",
    "stdint",
    "stdio",
    "stdlib",
    "string",
    "threads",
    "time",
}
POSIX = {
    "fcntl",
    "poll",
    "pthread",
    "strings",
    "sys/socket",
    "sys/stat",
    "sys/time",
    "sys/types",
    "unistd",
}
LINUX = {"sys/eventfd", "sys/mman"}
STANDARD_HEADERS = {f"{name}.h" for name in C_LIBRARY | POSIX | LINUX} | {"xlocale.h"}
PYTHON_HEADERS = {"Python.h", "datetime.h", "structmember.h"}
WRAPPER_HEADERS = {"owu.h", "pyowu.h"}
# The one file that knows each library (or what a processor can do), and how its names begin.
ONLY_IN = {"cjson/": "json.c", "curl/": "http.c", "emmintrin.h": "scan.c"}


def refused_includes(layer: str, file: str, source: str, core_headers: set[str]) -> list[str]:
    """What this file of a layer ("core" or "python") must not include."""
    refused = []
    for mark, name in INCLUDE.findall(source):
        if layer == "core":
            owner = next((ONLY_IN[start] for start in ONLY_IN if name.startswith(start)), None)
            system = name in STANDARD_HEADERS or owner == file
            allowed = system if mark == "<" else name in core_headers
        else:
            system = name in STANDARD_HEADERS | PYTHON_HEADERS
            allowed = system if mark == "<" else name in WRAPPER_HEADERS
        if not allowed:
            refused.append(f"csrc/{layer}/{file} must not include {name}")
    return refused


@pytest.mark.parametrize("folder", [CORE, WRAPPER], ids=lambda path: path.name)
def test_includes(folder: Path) -> None:
    core_headers = {path.name for path in CORE.glob("*.h")}
    sources = sorted(folder.glob("*.[ch]"))
    assert sources
    refused = []
    for path in sources:
        refused += refused_includes(folder.name, path.name, path.read_text(), core_headers)
    assert not refused, "\n".join(refused)


@pytest.mark.parametrize(
    ("layer", "file", "include", "allowed"),
    [
        ("core", "json.c", "<cjson/cJSON.h>", True),
        ("core", "reader.c", "<cjson/cJSON.h>", False),
        ("core", "http.c", "<curl/curl.h>", True),
        ("core", "client.c", "<curl/curl.h>", False),
        ("core", "json.c", "<curl/curl.h>", False),
        ("core", "model.c", "<Python.h>", False),
        ("core", "model.c", '"Python.h"', False),
        ("core", "model.c", '"../python/pyowu.h"', False),
        ("core", "model.c", '"internal.h"', True),
        ("core", "model.c", "<string.h>", True),
        ("python", "py_model.c", '"owu.h"', True),
        ("python", "py_model.c", '"pyowu.h"', True),
        ("python", "py_model.c", "<datetime.h>", True),
        ("python", "py_model.c", '"internal.h"', False),
        ("python", "py_model.c", '"../core/internal.h"', False),
        ("python", "py_model.c", "<curl/curl.h>", False),
    ],
)
def test_rule_of_includes(layer: str, file: str, include: str, allowed: bool) -> None:
    source = f"/* a file */\n#  include {include}\n"
    refused = refused_includes(layer, file, source, {"owu.h", "internal.h"})
    assert (refused == []) is allowed


# ---------------------------------------------------------------- C: names of the libraries

LIBRARY_NAMES = {
    "json.c": re.compile(r"\bcJSON\w*"),
    "http.c": re.compile(r"\b(?:curl_|CURL)\w*"),
}


def foreign_names(file: str, source: str) -> list[str]:
    """Names of a library outside of the one file that knows it."""
    return [
        f"{file}:{line}: {name} belongs to {owner}"
        for owner, pattern in LIBRARY_NAMES.items()
        if file != owner
        for line, name in find(pattern, code_of(source))
    ]


def test_names_of_libraries() -> None:
    found = []
    for path in [*CORE.glob("*.[ch]"), *WRAPPER.glob("*.[ch]")]:
        found += foreign_names(path.name, path.read_text())
    assert not found, "\n".join(found)


def test_rule_of_names() -> None:
    source = '/* curl_easy_init */ const char *a = "cJSON";\nint b = curl_easy_init();\ncJSON *c;\n'
    assert foreign_names("model.c", source) == [
        "model.c:3: cJSON belongs to json.c",
        "model.c:2: curl_easy_init belongs to http.c",
    ]
    assert foreign_names("http.c", source) == ["http.c:3: cJSON belongs to json.c"]


# ---------------------------------------------------------------- C: tables hold no logic

TABLES = ("schema.c", "endpoints.c")
CONTROL_FLOW = re.compile(r"\b(?:if|for|while|switch|do|goto|return)\b|\?")
DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(?:if|ifdef|ifndef|elif|else|endif|error)\b.*", re.MULTILINE)


def logic_in(source: str) -> list[tuple[int, str]]:
    return find(CONTROL_FLOW, DIRECTIVE.sub("", code_of(source)))


@pytest.mark.parametrize("name", TABLES)
def test_tables_hold_no_logic(name: str) -> None:
    found = logic_in((CORE / name).read_text())
    assert not found, f"csrc/core/{name} holds logic: {found}"


def test_rule_of_tables() -> None:
    row = 'FIELD("if", "for whom; while?") /* if */\n#if defined(X)\n#endif\n'
    assert logic_in(row) == []
    assert logic_in(row + "int f(int a) { if (a) { return 1; } }") == [(4, "if"), (4, "return")]
    assert logic_in("int b = a ? 1 : 2;") == [(1, "?")]


# ---------------------------------------------------------------- C: logic names no model

MODEL_NAME = re.compile(r'\bMODEL\(\s*\w+\s*,\s*"(\w+)"')
TEXT = re.compile(r'"((?:\\.|[^"\\\n])*)"')


def named_models(source: str, models: set[str]) -> list[str]:
    """Models that a file names, in its texts."""
    return sorted(models & set(TEXT.findall(source)))


def test_logic_names_no_model() -> None:
    models = set(MODEL_NAME.findall((CORE / "schema.c").read_text()))
    assert "UserModel" in models
    found = {
        shown(path): named
        for path in [*CORE.glob("*.c"), *WRAPPER.glob("*.c")]
        if path.name not in TABLES and (named := named_models(path.read_text(), models))
    }
    assert not found


def test_rule_of_models() -> None:
    source = 'find("UserModel"); say("a UserModel");'
    assert named_models(source, {"UserModel", "GroupModel"}) == ["UserModel"]


# ---------------------------------------------------------------- Python: imports

# Of functions that only run where that package is there, or is asked for.
OPTIONAL_IMPORTS = {
    "openwebui_users/_describe.py": {"pydantic_core"},
    # of extras, or used where they are there
    "openwebui_users/_engines.py": {"numpy", "pandas", "polars", "pyarrow"},
    "openwebui_users/admin/_export.py": {"pyarrow"},
    "openwebui_users/admin/_formats.py": {"tomli", "tomli_w", "tomllib", "yaml"},
    "openwebui_users/admin/_work.py": {"tqdm"},
    "openwebui_users/plot.py": {"matplotlib"},
}
# Of the extra [cli], which the command line is for; one of its commands is the embedded server.
COMMAND_LINE = "openwebui_users/cli/"
COMMAND_LINE_IMPORTS = {"keyring", "rich", "tomli", "tomllib", "tomlkit", "typer", "yaml"}
SERVES = "openwebui_users/cli/_serve.py"


def _is_type_checking(node: ast.stmt) -> bool:
    if not isinstance(node, ast.If):
        return False
    return ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def imported_modules(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of each import that is ever executed; relative ones begin with a dot."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield node.lineno, module
            if node.level and not node.module:  # from . import testing
                yield from ((node.lineno, module + alias.name) for alias in node.names)
        elif isinstance(node, ast.stmt) and _is_type_checking(node):
            assert isinstance(node, ast.If)
            for other in node.orelse:
                yield from imported_modules(ast.Module([other], []))
        else:
            yield from imported_modules(node)


def refused_imports(file: str, source: str) -> list[str]:
    """Imports of the base package that are neither the standard library nor the package itself."""
    refused = []
    optional = OPTIONAL_IMPORTS.get(file, set())
    if file.startswith(COMMAND_LINE):
        optional = COMMAND_LINE_IMPORTS
    for line, name in imported_modules(ast.parse(source)):
        top = name.split(".")[0]
        own = top in ("", "openwebui_users")
        testing = own and "testing" in name.split(".")
        known = own or top in sys.stdlib_module_names or top in optional
        if (testing and file != SERVES) or not known:
            refused.append(f"{file}:{line}: must not import {name}")
    return refused


def test_imports() -> None:
    refused = []
    for path in project_files(".py"):
        if PACKAGE in path.parents and PACKAGE / "testing" not in path.parents:
            refused += refused_imports(shown(path), path.read_text())
    assert not refused, "\n".join(refused)


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        ("import json", True),
        ("from collections.abc import Mapping", True),
        ("from . import _core", True),
        ("from .errors import ApiError", True),
        ("import openwebui_users._core", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pydantic", True),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    import pydantic", False),
        ("import httpx", False),
        ("def f() -> None:\n    import httpx", False),
        ("from . import testing", False),
        ("from .testing import EmbeddedServer", False),
        ("from openwebui_users.testing import EmbeddedServer", False),
    ],
)
def test_rule_of_imports(source: str, allowed: bool) -> None:
    assert (refused_imports("openwebui_users/admin.py", source) == []) is allowed


def test_the_clients_know_nothing_of_the_verbs() -> None:
    """What administrators do is built on the clients, and costs nothing who does not use it."""
    for path in PACKAGE.glob("*.py"):
        names = [name for _, name in imported_modules(ast.parse(path.read_text()))]
        assert not [name for name in names if "admin" in name.split(".")], path


def test_package_needs_nothing_installed() -> None:
    """Imported by an interpreter that sees no site-packages at all."""
    code = "import openwebui_users.admin, openwebui_users.errors"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# ---------------------------------------------------------------- files

LONG, TOO_LONG = 1000, 1200  # lines
GENERATED = {"_core.pyi"}
EMPTY_NAMES = {"common", "helper", "helpers", "misc", "util", "utils"}


def empty_words(path: Path) -> set[str]:
    """Words in a file's or a folder's name that say nothing about what is in it."""
    return EMPTY_NAMES & {word for part in path.parts for word in re.split(r"[_.-]", part.lower())}


def test_sizes(request: pytest.FixtureRequest) -> None:
    sizes = {
        shown(path): len(path.read_text().splitlines())
        for path in project_files(".c", ".h", ".py", ".pyi", ".sh")
        if path.name not in GENERATED
    }
    long = {name: size for name, size in sizes.items() if size > LONG}
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if long and reporter is not None:
        reporter.write_line(f"\nfiles over {LONG} lines: {long}")
    too_long = {name: size for name, size in long.items() if size > TOO_LONG}
    assert not too_long, f"over {TOO_LONG} lines, so with more than one reason to change"


def test_names_of_files() -> None:
    found = [shown(path) for path in project_files() if empty_words(path.relative_to(ROOT))]
    assert not found


def test_rule_of_names_of_files() -> None:
    assert empty_words(Path("csrc/core/json_utils.c")) == {"utils"}
    assert empty_words(Path("tests/helpers/server.py")) == {"helpers"}
    assert empty_words(Path("csrc/core/json.c")) == set()


# ---------------------------------------------------------------- verbs that are imported when used


def test_names_are_where_checkers_of_types_see_them() -> None:
    """The table by which names are imported says the same as the imports beside it."""
    tree = ast.parse(Path(str(admin.__file__)).read_text())
    imports = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module
        for alias in node.names
    }
    assert imports == admin._MODULES
    assert sorted({*imports, "fleet"}) == sorted(admin.__all__)
    assert set(admin.__all__) <= set(dir(admin))
    for name in admin.__all__:
        assert getattr(admin, name) is not None
    with pytest.raises(AttributeError, match="no_such_verb"):
        _ = admin.no_such_verb
