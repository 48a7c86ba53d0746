"""Passwords that are made here, and the file that they are handed out from."""

from __future__ import annotations

import csv
import io
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from ._files import GrowingFile

if TYPE_CHECKING:
    from types import TracebackType

# Without characters that are taken for each other; nothing that a spreadsheet runs as a formula.
_LOWER = "abcdefghijkmnpqrstuvwxyz"
_UPPER = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_DIGITS = "23456789"
_HEADER = ["email", "password"]
_LENGTH = 23  # characters of a password that is made here


def make_password() -> str:
    """A password of 23 characters, of more than 100 bits.

    It has letters in both cases, a digit and a hyphen, as servers may ask for.
    """
    while True:
        letters = "".join(secrets.choice(_LOWER + _UPPER + _DIGITS) for _ in range(20))
        password = "-".join(letters[at : at + 5] for at in range(0, 20, 5))
        if all(set(password) & set(kind) for kind in (_LOWER, _UPPER, _DIGITS)):
            return password


def _line(*cells: str) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def _is_whole(line: str) -> bool:
    """Whether a line has a password of full length, so that only its end can be missing."""
    cells = next(csv.reader([line]))
    return len(cells) == len(_HEADER) and len(cells[1]) >= _LENGTH


class PasswordFile:
    """A CSV file `email,password`, for its owner only; a line is on disk when add() returns.

    Args:
        path: the file, which may have lines of an earlier run; None: there is none, and nothing is
            kept.
        read_only: look at the file, if it is there, and change nothing.

    Attributes:
        known: passwords of earlier runs, by e-mail address in lower case; of several the last.
        added: how many this run has added.
    """

    def __init__(self, path: str | os.PathLike[str] | None, read_only: bool = False) -> None:
        self.known: dict[str, str] = {}
        self.added = 0
        self._file: GrowingFile | None = None
        if path is None or (read_only and not Path(path).exists()):
            return
        self._file = GrowingFile(
            path, "passwords_out", _line(*_HEADER), read_only=read_only, is_whole=_is_whole
        )
        rows = csv.reader(self._file.lines)
        self.known = {row[0].lower(): row[1] for row in rows if len(row) == len(_HEADER)}
        if read_only:
            self._file.close()
            self._file = None

    def add(self, email: str, password: str) -> None:
        """Keep one password."""
        self.known[email.lower()] = password
        self.added += 1
        if self._file is not None:
            self._file.append(_line(email, password))

    def __enter__(self) -> PasswordFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
