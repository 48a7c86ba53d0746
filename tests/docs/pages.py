"""The blocks of code in the pages of the docs, and how they are run.

Blocks of a page are run in their order, on one server and in one folder:

- `python`: with the names of the blocks before; a block of text that follows at once is what it
  prints.
- `console`: lines after `$ ` are run on a terminal, and what follows is what the screen shows.
- `sh`: run on a terminal; every command must succeed.
- `python` whose first line is a comment with the name of a file: that file, which others run.
- `csv`, `yaml`, `toml`, `json`: a file, whose name in `code` is the last one that the text before
  the block has, or is in a comment in its first line.

In expected output `…` stands for anything in a line, and by itself for any lines; any day is as
good as another. A block after the comment `<!-- not run: why -->` is left out.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from terminal import SEQUENCE, Terminal

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = ("csv", "yaml", "toml", "json")
RUN = ("python", "console", "sh")
#: Pages that are made from a run, by a generator which has tests of its own.
GENERATED = ("docs/cli-transcript.md",)

#: What the pages call the server and its key; and the server of `serve` there.
URLS = ("https://chat.example.com", "http://127.0.0.1:8080")
KEYS = ('"sk-…"', '"…"')
EMAIL, PASSWORD = "admin@example.com", "administrator"
SIZE = (60, 120)


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        page: its file, from the project's folder.
        line: of its first line of code.
        section: the heading of the second level that it stands below.
        language: the first word after the fence; "" if there is none.
        text: its content.
        before: the text between the block before, or that heading, and this one.
        reason: why it is not run; None: it is.
    """

    page: str
    line: int
    section: str
    language: str
    text: str
    before: str
    reason: str | None

    @property
    def is_output(self) -> bool:
        """Does it show what the block just before prints?"""
        return self.language in ("", "text") and not self.before.strip()

    @property
    def file_name(self) -> str | None:
        """Of a file: what it is called."""
        suffix = "py" if self.language == "python" else self.language
        first = re.match(rf"# ([\w-]+\.{suffix})$", self.text, re.MULTILINE)
        if self.language == "python":
            return first[1] if first else None
        names = re.findall(rf"`(?:~/)?([\w./-]+\.{self.language})`", self.before)
        return first[1] if first else names[-1] if names else None


def blocks_of(page: str) -> list[Block]:
    """All blocks of a page, named from the project's folder."""
    lines = (ROOT / page).read_text(encoding="utf-8").split("\n")
    found: list[Block] = []
    section, before, at = "", "", 0
    while at < len(lines):
        opened = re.match(r"```(\S*)", lines[at])
        if not opened:
            if lines[at].startswith("## "):
                section, before = lines[at][3:], ""
            before += lines[at] + "\n"
            at += 1
            continue
        end = lines.index("```", at + 1)
        text = "\n".join(lines[at + 1 : end])
        mark = re.search(r"<!-- not run: (.+?) -->\n$", before)
        reason = mark[1] if mark else None
        found.append(Block(page, at + 2, section, opened[1], text, before, reason))
        before, at = "", end + 1
    return found


def pages() -> list[str]:
    """Every page with blocks that are run."""
    every = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
    return [
        page
        for page in every
        if page not in GENERATED and any(one.language in RUN for one in blocks_of(page))
    ]


# ---------------------------------------------------------------- what is expected


def pattern_of(expected: str) -> re.Pattern[str]:
    """Output with `…` in it."""
    lines = [line.rstrip() for line in expected.strip("\n").split("\n")]
    parts = [
        r"(?:.*\n)*?"
        if line.strip() == "…"
        else r"[^\n]*".join(map(re.escape, line.split("…"))) + "\n"
        for line in lines
    ]
    return re.compile("".join(parts))


def check_output(expected: str, printed: str, where: str) -> None:
    """Fail unless this was printed."""
    lines = "".join(f"{line.rstrip()}\n" for line in printed.strip("\n").split("\n"))
    if not pattern_of(expected).fullmatch(lines):
        raise AssertionError(f"{where} shows\n{expected}\nbut this was printed:\n{lines}")


# ---------------------------------------------------------------- running


@dataclass
class Story:
    """A page, or a section of one, while it is run.

    Args:
        url, key: of the server.
        folder: in which it is run; also the home folder.
        environment: of commands.
        names: what Python blocks find besides what they make.
    """

    url: str
    key: str
    folder: Path
    environment: Mapping[str, str]
    names: dict[str, Any] = field(default_factory=dict)

    def real(self, text: str) -> str:
        """A text of a page, with the server that there is."""
        for url in URLS:
            text = text.replace(url, self.url)
        for key in KEYS:
            text = text.replace(key, f'"{self.key}"')
        return text

    def shown(self, text: str) -> str:
        """What was printed, or is expected, with one name for the server, the folder, any day."""
        for url in (self.url, *URLS):
            text = text.replace(url, URLS[0])
        text = re.sub(r"\b\d{4}-\d\d-\d\d\b", "2026-01-31", text)
        return text.replace(str(self.folder), "~")

    def run(self, blocks: list[Block], prepare: Callable[[], None]) -> None:
        """Run them one after another; `prepare` is called before each block of Python."""
        printed = None
        for block in blocks:
            where = f"{block.page}:{block.line}"
            if block.is_output and printed is not None:
                check_output(self.shown(block.text), printed, where)
            printed = None
            if block.reason is not None:
                continue
            if block.language == "python" and block.file_name:
                self.write(block.file_name, block.text)
            elif block.language == "python":
                prepare()
                printed = self.python(block)
            elif block.language == "console":
                self.console(block, where)
            elif block.language == "sh":
                self.script(block, where)
            elif block.language in FILES:
                assert block.file_name, f"{where}: what is this file called?"
                self.write(block.file_name, block.text)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.real(text) + "\n", encoding="utf-8")

    def python(self, block: Block) -> str:
        """Run a block of Python; what it prints."""
        # as many lines before it as in the page, so that errors say where
        source = "\n" * (block.line - 1) + self.real(block.text)
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(source, str(ROOT / block.page), "exec", flags, dont_inherit=True)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            if code.co_flags & inspect.CO_COROUTINE:
                asyncio.run(self._awaited(code))
            else:
                exec(code, self.names)
        return self.shown(output.getvalue())

    async def _awaited(self, code: Any) -> None:
        await eval(code, self.names)

    def console(self, block: Block, where: str) -> None:
        for command, expected in commands_of(block.text):
            _, screen = self.shell(command)
            check_output(self.shown(expected), self.shown(screen), f"{where}: {command}")

    def script(self, block: Block, where: str) -> None:
        code, screen = self.shell(f"set -e -o pipefail\n{block.text}")
        assert code == 0, f"{where} ended with {code}:\n{screen}"

    def shell(self, script: str) -> tuple[int, str]:
        """Run lines in a shell on a terminal; exit code and screen."""
        python = shlex.quote(sys.executable)
        programs = {"python": "", "openwebui-users": "-m openwebui_users", "pytest": "-m pytest"}
        named = [f'{name}() {{ {python} {rest} "$@"; }}' for name, rest in programs.items()]
        script = "\n".join([*named, self.real(script)])
        answers = {
            "URL of the server: ": f"{self.url}\n",
            "API key): ": f"{EMAIL}\n",
            "Password: ": f"{PASSWORD}\n",
            "[y/N]: ": "y\n",
        }
        bash = ("/bin/bash", "-c", script)
        with Terminal([], self.environment, SIZE, command=bash, cwd=self.folder) as terminal:
            code = terminal.end(answers)
            return code, SEQUENCE.sub("", terminal.screen).replace("\r\n", "\n")


def commands_of(text: str) -> Iterator[tuple[str, str]]:
    """Commands of a console, each with what the screen shows then."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        while command.endswith("\\"):
            more, _, expected = expected.partition("\n")
            command = f"{command}\n{more.removeprefix('> ')}"
        yield command, expected
