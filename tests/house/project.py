"""The project's files, and C without comments and string literals, for the tests in this folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

FOLDERS = (".ci", "benchmarks", "csrc", "docs", "examples", "openwebui_users", "scripts", "tests")
NOT_OURS = {"__pycache__", ".hypothesis"}
TEXT_SUFFIXES = {".c", ".cfg", ".h", ".in", ".json", ".md", ".py", ".pyi", ".sh", ".toml", ".txt"}


def project_files(*suffixes: str) -> Iterator[Path]:
    """All text files of the project, or those with these suffixes."""
    wanted = set(suffixes) or TEXT_SUFFIXES | {""}
    candidates = [path for path in ROOT.iterdir() if not path.name.startswith(".")]
    for folder in FOLDERS:
        candidates += (ROOT / folder).rglob("*")
    for path in sorted(candidates):
        if path.is_file() and path.suffix in wanted and not NOT_OURS & set(path.parts):
            yield path


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


_COMMENT_OR_TEXT = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.DOTALL | re.VERBOSE
)


def _blank(found: re.Match[str]) -> str:
    """As many lines, and something empty of the same kind, so that what is around stays apart."""
    text = found[0]
    return text[0] * 2 if text[0] in "\"'" else " " + "\n" * text.count("\n")


def code_of(source: str) -> str:
    """C without comments and without the content of texts, with the same line numbers."""
    return _COMMENT_OR_TEXT.sub(_blank, source)


def find(pattern: re.Pattern[str], text: str) -> list[tuple[int, str]]:
    """Line number and text of each match."""
    return [(text.count("\n", 0, hit.start()) + 1, hit[0]) for hit in pattern.finditer(text)]
