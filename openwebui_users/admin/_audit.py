"""The audit trail: each change to a server as lines of JSON, which are only ever added.

A change has two lines with the same number: one before it is sent (stage "sent") and one when it is
known what became of it (stage "done", "failed" or "unknown"). A change whose second line is missing
was under way when the process ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import uuid
from datetime import datetime, timezone
from functools import cache
from typing import TYPE_CHECKING, Any

from openwebui_users import _core
from openwebui_users.errors import masked

from ._files import OWNER_ONLY

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Audit: TypeAlias = str | os.PathLike[str] | Callable[[dict[str, Any]], object]


@cache
def _endpoints() -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["resource"], row["name"]): row for row in _core.endpoint_table()}


def route_of(method: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """HTTP method and path of a call of the table, its arguments filled in."""
    owner = method.__qualname__.partition(".")[0]
    resource = owner.removesuffix("WithRawResponse").removesuffix("Client").lower()
    row = _endpoints()[resource, method.__name__]
    names = [one["name"] for one in row["params"] if one["place"] == "path"]
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    path = re.sub(r"\{(\w+)\}", lambda found: str(given.get(found[1], found[0])), row["path"])
    return f"{row['method']} {path}"


class Trail:
    """Where the changes of one run of a verb are told.

    Args:
        audit: path of a file that lines are added to, made for its owner only where it is new; or a
            function that is given each line as a dict; None: nothing is kept.
        facts: what each line says besides.
    """

    def __init__(self, audit: Audit | None, facts: dict[str, Any]) -> None:
        self._facts = facts
        self._run = uuid.uuid4().hex
        self._count = 0
        self._sink: Callable[[dict[str, Any]], object] | None = None
        self._descriptor: int | None = None
        self._begin = b""
        if callable(audit):
            self._sink = audit
        elif audit is not None:
            flags = os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            try:
                self._descriptor = os.open(audit, os.O_RDWR | flags, OWNER_ONLY)
            except OSError:  # a pipe, or a file that may not be read
                self._descriptor = os.open(audit, os.O_WRONLY | flags, OWNER_ONLY)
            self._begin = b"\n" if self._ends_in_a_line(self._descriptor) else b""
            self._sink = self._write

    @staticmethod
    def _ends_in_a_line(descriptor: int) -> bool:
        """Whether the file ends in a line that a crash has cut off."""
        with contextlib.suppress(OSError):
            size = os.fstat(descriptor).st_size
            return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        return False

    @property
    def is_kept(self) -> bool:
        return self._sink is not None

    def _write(self, line: dict[str, Any]) -> None:
        assert self._descriptor is not None
        text = json.dumps(line, ensure_ascii=False, default=str)
        data = self._begin + text.encode("utf-8", "replace") + b"\n"
        self._begin = b""
        while data:  # in one piece, so that lines of several processes do not mix
            data = data[os.write(self._descriptor, data) :]

    def _tell(self, number: int, stage: str, **facts: Any) -> None:
        if self._sink is not None:
            now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
            about = {"time": now, "change": f"{self._run}-{number}", "stage": stage}
            self._sink(masked({**about, **self._facts, **facts}))

    def sent(self, route: str, **facts: Any) -> int:
        """A change is about to be sent; returns its number."""
        self._count += 1
        self._tell(self._count, "sent", route=route, **facts)
        return self._count

    def settled(self, number: int, stage: str, **facts: Any) -> None:
        """It is known what became of it, or known that this is not known."""
        self._tell(number, stage, **facts)

    def close(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):  # pipes and devices; what was done stays done
                os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None
