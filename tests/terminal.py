"""The command line as people use it: in a separate process, also on a pseudo-terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

LIMIT = 60.0  # seconds for whatever is waited for
COMMAND = (sys.executable, "-m", "openwebui_users")
# Makes the terminal that of the process, so that Ctrl-C reaches it, and becomes the command.
_LAUNCH = (
    "import fcntl, os, sys, termios\n"
    "os.setsid()\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execv(sys.argv[1], sys.argv[1:])\n"
)
#: What programs say to terminals: colours, moves of the cursor and the like.
SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A command on a terminal.

    Args:
        arguments: of the command line.
        environment: of the process, all of it.
        size: lines and columns.
        command: what is run.

    Attributes:
        screen: all that was written to the terminal so far.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        size: tuple[int, int] = (50, 200),
        command: Sequence[str] = COMMAND,
        cwd: str | os.PathLike[str] | None = None,
    ) -> None:
        self.screen = ""
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _LAUNCH, *command, *arguments],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=dict(environment),
                cwd=cwd,
            )
        finally:
            os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._master)

    def _read(self, limit: float) -> bool:
        """Take what is there within a time; False: the end."""
        if not select.select([self._master], [], [], limit)[0]:
            raise TimeoutError(f"nothing came for {limit:.0f} s; so far: {self.screen!r}")
        try:
            data = os.read(self._master, 65536)
        except OSError:  # EIO: nobody has the terminal any more
            return False
        self.screen += data.decode(errors="surrogateescape")
        return bool(data)

    def wait_for(self, text: str) -> None:
        """Read until a text is on the screen."""
        end = time.monotonic() + LIMIT
        while text not in self.screen:
            if not self._read(max(end - time.monotonic(), 0)):
                raise EOFError(f"the command ended without {text!r}: {self.screen!r}")

    def type(self, text: str) -> None:
        """Type at the keyboard; "\\x03" is Ctrl-C."""
        os.write(self._master, text.encode())

    def end(self, answers: Mapping[str, str] | None = None) -> int:
        """Read to the end; the exit code.

        Args:
            answers: what is typed, by the text that the screen ends with then.
        """
        end, answered = time.monotonic() + LIMIT, 0
        with contextlib.suppress(EOFError):
            while self._read(max(end - time.monotonic(), 0)):
                for asked, typed in (answers or {}).items():
                    if len(self.screen) > answered and self.screen.endswith(asked):
                        self.type(typed)
                        answered = len(self.screen)
        return self._process.wait(LIMIT)

    @property
    def text(self) -> str:
        """What was written, without what only the terminal understands."""
        return SEQUENCE.sub("", self.screen).replace("\r\n", "\n")


def on_terminal(*arguments: str, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a command to its end; exit code and screen."""
    with Terminal(arguments, environment) as terminal:
        return terminal.end(), terminal.screen


# ---------------------------------------------------------------- without a terminal

Environment = dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


#: Runs a command in this process: arguments, standard input, changes of the environment.
Run = Callable[..., Outcome]
#: Runs a command in a process of its own, called alike.
Process = Callable[..., Outcome]
#: Begins a command on a terminal: arguments, size, changes of the environment.
Begin = Callable[..., Terminal]


def run_process(
    *arguments: str,
    environment: Mapping[str, str],
    input: str = "",  # noqa: A002
    cwd: str | os.PathLike[str] | None = None,
) -> Outcome:
    """Run a command in a process of its own, whose three streams are pipes."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        env=dict(environment),
        input=input.encode(),
        capture_output=True,
        timeout=LIMIT,
        check=False,
        cwd=cwd,
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())
