"""Files that are whole or not there, and files that only grow."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ._errors import AdminError, InvalidInputError, LockedError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from typing_extensions import Self

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
    if path.exists() and not path.is_file():  # a device or a pipe is written to, not replaced
        with path.open("wb" if binary else "w", **how) as file:
            yield file
        return
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

    It is held by one process at a time. A last line without its end was cut off by a crash, and is
    removed unless it is whole. Nothing of a file that is not ours is changed.

    Args:
        path: the file.
        purpose: what it is for, in messages.
        head: its first line, which a new one begins with; "": what it holds does not matter.
        is_head: whether a first line is one that such a file has.
        is_whole: whether a last line without its end has all but that, as editors may leave it.
        read_only: only look at it, whoever holds it.

    Attributes:
        lines: the lines that were there, without the head.
        first: the head that was there; None: the file is new.

    Raises:
        LockedError: another process holds it.
        AdminError: it has other contents.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        purpose: str,
        head: str = "",
        is_head: Callable[[str], bool] | None = None,
        read_only: bool = False,
        is_whole: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.path = Path(path)
        self.purpose = purpose
        self.first: str | None = None
        self.lines: list[str] = []
        flags = os.O_RDONLY if read_only else os.O_RDWR | os.O_CREAT | os.O_APPEND
        flags |= os.O_CLOEXEC | os.O_NONBLOCK
        self._descriptor = os.open(self.path, flags, OWNER_ONLY)
        self._is_broken = self._lacks_end = False
        try:
            if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                raise AdminError(f"{self.path} ({purpose}) must be a regular file")
            if not read_only:
                self._lock()
            size = self._read(head, is_head or head.__eq__, is_whole)
            if not read_only:
                self._begin(head, size)
        except BaseException:
            os.close(self._descriptor)
            raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(
                f"{self.path} ({self.purpose}) is in use by another run: wait until it has ended"
            ) from None

    def _read(
        self, head: str, is_head: Callable[[str], bool], is_whole: Callable[[str], bool]
    ) -> int:
        """Take the lines that are there; returns the size of those that are whole."""
        with open(self._descriptor, "rb", closefd=False) as file:
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        try:
            lines = whole.decode().split("\n")[:-1]
        except UnicodeDecodeError:
            raise self.refusal() from None
        if not head:
            return len(data)
        # a crash can leave less than the first line, down to nothing
        is_ours = is_head(lines[0]) if lines else head.encode().startswith(data)
        if not is_ours:
            raise self.refusal()
        if not lines:
            return 0
        self.first, *self.lines = lines
        rest = data[len(whole) :].decode(errors="replace")
        if rest and is_whole(rest):
            self.lines.append(rest)
            self._lacks_end = True
            return len(data)
        return len(whole)

    def _begin(self, head: str, size: int) -> None:
        """Remove what a crash has left behind the lines, and write the first one."""
        if size < os.fstat(self._descriptor).st_size:
            os.ftruncate(self._descriptor, size)
        if self._lacks_end:
            self.append("")
        if head and self.first is None:
            self.append(head)
        os.fchmod(self._descriptor, OWNER_ONLY)
        sync_folder(self.path.parent)

    def refusal(self) -> AdminError:
        """What is raised for a file that is another."""
        return AdminError(
            f"{self.path} ({self.purpose}) is another file, and was not changed: give the path of "
            "a new one"
        )

    def append(self, line: str) -> None:
        """Add a line, whose end is added here; all of it, or nothing."""
        if self._is_broken:
            raise OSError(errno.EIO, "an earlier line could not be written", str(self.path))
        data = f"{line}\n".encode()
        size = os.fstat(self._descriptor).st_size
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
            os.fsync(self._descriptor)
        except OSError:
            self._is_broken = True
            os.ftruncate(self._descriptor, size)
            self._is_broken = False
            raise

    def close(self) -> None:
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def check_distinct(paths: Mapping[str, Any]) -> None:
    """Refuse one file under two of these names; what is no path is left out."""
    seen: dict[str, str] = {}
    for name, path in paths.items():
        if isinstance(path, (str, os.PathLike)):
            real = os.path.realpath(path)
            if real in seen:
                raise InvalidInputError([Problem(f"is the same file as {seen[real]}", column=name)])
            seen[real] = name
