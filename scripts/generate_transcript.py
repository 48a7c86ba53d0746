"""Write docs/cli-transcript.md: a session of the command line, recorded on a real terminal.

    python scripts/generate_transcript.py            write the page
    python scripts/generate_transcript.py --check    fail when it is not up to date

Every command is run on a pseudo-terminal against the embedded server. Values that differ in each
run (ids, ports, times, keys, passwords) are replaced.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests"))

from terminal import SEQUENCE, Terminal  # noqa: E402

from openwebui_users.testing import EmbeddedServer  # noqa: E402

PAGE = ROOT / "docs" / "cli-transcript.md"
PROMPT = "$ "
SIZE = (40, 120)

PEOPLE = """name,email,role,groups
Ben Okafor,ben@example.com,user,staff
Cem Aydin,cem@example.com,pending,
Dora =1+1,dora@example.com,user,staff
"""
BAD = """name,email,role
Eve,eve@example,user
Finn,finn@example.com,boss
"""
STATE = """groups:
  - name: staff
    description: Everybody who works here
users:
  - email: ann@example.com
    role: admin
    groups: [staff]
  - email: cem@example.com
    state: absent
default_permissions:
  workspace: {models: true}
"""
FILES = {"people.csv": PEOPLE, "bad.csv": BAD, "state.yaml": STATE}

#: Headings, texts, and commands: a line, and what is typed when a text is on the screen.
STORY: list[tuple[str, str, list[tuple[str, list[tuple[str, str]]]]]] = [
    (
        "Sign in once",
        "The key goes into a file for its owner only; later commands find it by themselves.",
        [
            (
                "openwebui-users login",
                [
                    ("URL of the server: ", "{url}\n"),
                    ("API key): ", "admin@example.com\n"),
                    ("Password: ", "administrator\n"),
                ],
            ),
            ("openwebui-users whoami", []),
        ],
    ),
    (
        "People",
        "",
        [
            ("openwebui-users list", []),
            ("openwebui-users list --role user --output id | cat", []),
            ("openwebui-users get ann@example.com --fields email,role --output json", []),
            ("openwebui-users get nobody@example.com; echo exit code $?", []),
        ],
    ),
    (
        "Many at once",
        "All rows are checked before anything is sent; then it says what would be done, and asks.",
        [
            ("cat people.csv", []),
            ("openwebui-users import bad.csv --passwords-out passwords.csv -v", []),
            (
                "openwebui-users import people.csv --create-groups --passwords-out passwords.csv",
                [("[y/N]: ", "y\n")],
            ),
            ("openwebui-users import people.csv --passwords-out passwords.csv", []),
            ("openwebui-users export --fields name,email,groups", []),
        ],
    ),
    (
        "Desired state",
        "",
        [
            ("cat state.yaml", []),
            ("openwebui-users plan state.yaml --detailed-exitcode; echo exit code $?", []),
            ("openwebui-users apply state.yaml --max-deletions 1", [("[y/N]: ", "y\n")]),
            ("openwebui-users plan state.yaml --detailed-exitcode; echo exit code $?", []),
        ],
    ),
    (
        "Groups and permissions",
        "",
        [
            ("openwebui-users groups list", []),
            ("openwebui-users groups members add staff dora@example.com ann@example.com", []),
            # sorted, as an import that works on several rows at once puts them there in any order
            (
                "openwebui-users groups members list staff --fields name,email --output jsonl|sort",
                [],
            ),
            ("openwebui-users permissions set workspace.prompts=true chat.delete=false", []),
            (
                "openwebui-users permissions show ann@example.com --output csv | grep workspace.m",
                [],
            ),
        ],
    ),
    (
        "Who leaves",
        "",
        [
            ("openwebui-users deactivate ben@example.com --dry-run", []),
            ("openwebui-users deactivate ben@example.com", []),
            ("openwebui-users delete ben@example.com --no-backup", [("[y/N]: ", "n\n")]),
            ("openwebui-users delete admin@example.com --yes", []),
        ],
    ),
]

REPLACED = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
     "0b5e8c1a-7d1f-4c7e-9a52-3f0e6d2b8c41"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "https://chat.example.com"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d"), "2026-01-31 09:00"),
]  # fmt: skip


def shown(screen: str, home: str) -> str:
    """A screen as the page has it."""
    text = SEQUENCE.sub("", screen).replace("\r\n", "\n").replace(home, "~")
    for pattern, instead in REPLACED:
        text = pattern.sub(instead, text)
    return "\n".join(line.rstrip() for line in text.split("\n")).rstrip("\n")


def play(line: str, keys: list[tuple[str, str]], environment: dict[str, str]) -> str:
    """Run one line in a shell on a terminal; the screen."""
    program = f"{shlex.quote(sys.executable)} -m openwebui_users"
    script = f'openwebui-users() {{ {program} "$@"; }}; {line}'
    home = environment["HOME"]
    shell = ("/bin/bash", "-c", script)
    with Terminal([], environment, SIZE, command=shell, cwd=home) as terminal:
        for awaited, typed in keys:
            terminal.wait_for(awaited)
            terminal.type(typed.format(url=environment["STORY_URL"]))
        terminal.end()
        return shown(terminal.screen, home)


def page() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# The command line at work"
    yield ""
    yield "Made by `make transcript` from a run on a terminal against the embedded server."
    yield "What commands there are is [on another page](cli.md)."
    with tempfile.TemporaryDirectory() as home, EmbeddedServer() as server:
        server.add_user("Ann Lee", "ann@example.com")
        for name, text in FILES.items():
            Path(home, name).write_text(text, encoding="utf-8")
        environment = {
            **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
            "HOME": home,
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "STORY_URL": server.url,
        }
        for title, text, commands in STORY:
            yield from ("", f"## {title}", "")
            if text:
                yield from (text, "")
            yield "```console"
            for number, (line, keys) in enumerate(commands):
                if number:
                    yield ""
                yield f"{PROMPT}{line}"
                screen = play(line, keys, environment)
                if screen:
                    yield screen
            yield "```"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail when stale")
    options = parser.parse_args(arguments)
    new, old = page(), PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    if new == old:
        return 0
    print(f"{'stale' if options.check else 'written'}: {PAGE.relative_to(ROOT)}")
    if options.check:
        print("\n".join(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="")))
        return 1
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
