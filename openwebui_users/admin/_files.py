"""Files that are whole or not there, and files that only grow."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ._errors import LockedError

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER_ONLY = 0o600


def sync_folder(path: Path) -> None:
    """Let a file that is new in a folder, or renamed there, outlast a crash."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def replacing(path: Path, new_mode: int = OWNER_ONLY, **how: Any) -> Iterator[IO[Any]]:
    """A new file in place of an old one, which is replaced at the end in one step.

    Args:
        path: the file; nothing at it changes when the block raises.
        new_mode: its permissions where there is none; those of an old one are kept.
        how: arguments of open(), its mode left out ("w", or "wb" with binary=True).
    """
    path = Path(os.path.realpath(path))  # the target of a link is replaced, not the link
    binary = how.pop("binary", False)
    try:
        mode = path.stat().st_mode & 0o777
    except FileNotFoundError:
        mode = new_mode
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "wb" if binary else "w", **how) as file:  # noqa: PTH123
            os.fchmod(descriptor, mode)
            yield file
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    sync_folder(path.parent)


@contextlib.contextmanager
def creating(path: Path, mode: int) -> Iterator[IO[str]]:
    """A new text file, which is on disk when the block ends, and removed when it raises.

    Args:
        path: the file, which must not be there.
        mode: its permissions.

    Raises:
        FileExistsError: it is there.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123
            os.fchmod(descriptor, mode)
            yield file
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    sync_folder(path.parent)


class GrowingFile:
    """A file of lines, for its owner only, in which each line is on disk when append() returns.

    It is held by one process at a time. A last line without its end was cut off by a crash and is
    removed.

    Raises:
        LockedError: another process holds it.
    """

    def __init__(self, path: str | os.PathLike[str], purpose: str) -> None:
        self.path = Path(path)
        self._descriptor = os.open(
            self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, OWNER_ONLY
        )
        try:
            self._lock(purpose)
            os.fchmod(self._descriptor, OWNER_ONLY)
            self.text = self._read_whole_lines()
            sync_folder(self.path.parent)
        except BaseException:
            os.close(self._descriptor)
            raise

    def _lock(self, purpose: str) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(
                f"{self.path} ({purpose}) is in use by another run: wait until it has ended"
            ) from None

    def _read_whole_lines(self) -> str:
        with open(self._descriptor, "rb", closefd=False) as file:
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            os.ftruncate(self._descriptor, len(whole))
            os.fsync(self._descriptor)
        return whole.decode()

    def append(self, line: str) -> None:
        """Add a line, whose end is added here."""
        data = f"{line}\n".encode()
        while data:
            data = data[os.write(self._descriptor, data) :]
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)

    def __enter__(self) -> GrowingFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
