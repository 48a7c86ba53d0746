"""Functions that have a safe replacement, and notes that belong in an issue."""

from __future__ import annotations

import re

import pytest
from project import ROOT, code_of, find, project_files, shown


def _call_of(names: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{names})\b(?=\s*\()")


# Everywhere in C, tests included: pattern, what to do instead.
BANNED_IN_C = {
    _call_of("strcpy|strcat|stpcpy"): "copy a known length",
    _call_of("v?sprintf"): "use snprintf",
    _call_of("strtok"): "walk the text by pointer and end",
    _call_of("ato[ifl]|atoll"): "they cannot report an error",
    _call_of("gets"): "it has no limit",
    _call_of("alloca"): "the stack has no limit to check",
}
# In the product only.
BANNED_IN_PRODUCT = {
    # Any case of letters finds a key with it; cJSON_GetObjectItemCaseSensitive is another name.
    _call_of("cJSON_GetObjectItem"): "use cJSON_GetObjectItemCaseSensitive",
    re.compile(r"\bcJSON_Parse\w*"): "it is lenient and writes a global: use the reader",
    re.compile(r"\bPyGILState_Ensure\b"): "no thread of the core calls Python",
    re.compile(r"\bcurl_global_cleanup\b"): "others in the process may use libcurl",
}
# In the core outside of base.c: all memory goes through owu_malloc, so that tests can make it fail.
BANNED_IN_CORE = {
    _call_of("[mc]alloc|realloc|free|strn?dup"): "use owu_malloc, owu_realloc, owu_free",
}
NOTE = re.compile(r"\b(?:T[O]DO|F[I]XME|X[X]X)\b")


def banned_calls(file: str, source: str) -> list[str]:
    """What this C file, named from the project's folder, must not use."""
    rules = dict(BANNED_IN_C)
    if file.startswith("csrc/"):
        rules |= BANNED_IN_PRODUCT
    if file.startswith("csrc/core/") and file != "csrc/core/base.c":
        rules |= BANNED_IN_CORE
    code = code_of(source)
    return [
        f"{file}:{line}: {name}: {instead}"
        for pattern, instead in rules.items()
        for line, name in find(pattern, code)
    ]


def test_banned_functions() -> None:
    found = []
    for path in project_files(".c", ".h"):
        found += banned_calls(shown(path), path.read_text())
    assert not found, "\n".join(found)


def test_unfinished_notes() -> None:
    found = [
        f"{shown(path)}:{line}: {note}"
        for path in project_files()
        for line, note in find(NOTE, path.read_text())
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "call",
    [
        "strcpy(a, b)",
        "strcat (a, b)",
        "sprintf(a, b)",
        "vsprintf(a, b, c)",
        "strtok(a, b)",
        "atoi(a)",
        "gets(a)",
        'cJSON_GetObjectItem(a, "b")',
        "cJSON_Parse(a)",
        "cJSON_ParseWithLength(a, 1)",
        "PyGILState_Ensure()",
        "curl_global_cleanup()",
        "malloc(1)",
        "free(a)",
    ],
)
def test_rule_of_functions(call: str) -> None:
    name = re.split(r"[ (]", call)[0]
    (found,) = banned_calls("csrc/core/json.c", f"int f(void) {{\n    {call};\n}}\n")
    assert found.startswith(f"csrc/core/json.c:2: {name}: ")


@pytest.mark.parametrize(
    ("file", "call"),
    [
        ("csrc/core/json.c", 'cJSON_GetObjectItemCaseSensitive(a, "b")'),
        ("csrc/core/json.c", "snprintf(a, 1, b)"),
        ("csrc/core/json.c", "/* strcpy(a, b) */"),
        ("csrc/core/json.c", 'say("strcpy(a, b)")'),
        ("csrc/core/json.c", "owu_free(a)"),
        ("csrc/core/base.c", "free(a)"),
        ("csrc/python/py_model.c", "PyMem_Free(a)"),
        ("tests/c/test_json.c", "cJSON_Parse(a)"),
    ],
)
def test_rule_of_functions_allows(file: str, call: str) -> None:
    assert banned_calls(file, f"int f(void) {{\n    {call};\n}}\n") == []


@pytest.mark.parametrize("word", ["TO" + "DO", "FIX" + "ME", "XX" + "X"])
def test_rule_of_notes(word: str) -> None:
    assert find(NOTE, f"a\n/* {word}: later */") == [(2, word)]
    assert find(NOTE, f"the {word}S and {word.lower()}") == []


def test_files_are_found() -> None:
    """A rule over no file at all would always pass."""
    names = {shown(path) for path in project_files()}
    assert {"csrc/core/owu.h", "setup.py", "Makefile", ".ci/run", shown(ROOT / "setup.py")} <= names
