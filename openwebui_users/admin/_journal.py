"""What an import has done so far, on disk, so that it can go on after it was killed.

Each line is one step of one row: "intent" before its account is made, "created" when the server has
said so, "done" when all else that the row asks for is there too; "refused" when it has said no.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from ._errors import AdminError, RefusedError
from ._files import GrowingFile

_KIND = "openwebui_users import journal"
_VERSION = 1

INTENT, CREATED, DONE = "intent", "created", "done"
REFUSED = "refused"  # after an intent that the server said no to: there is no account of ours


def _is_head(line: str) -> bool:
    try:
        head = json.loads(line)
        return bool(head["kind"] == _KIND and head["version"] == _VERSION and head["server"])
    except (ValueError, KeyError, TypeError):
        return False


class Journal:
    """The journal of one import.

    Args:
        path: the file, which may have lines of an earlier run; None: nothing is kept beyond this
            run.
        server: base URL of the server; a journal of another one is refused.
        read_only: look at the file, if it is there, and change nothing.
    """

    def __init__(
        self, path: str | os.PathLike[str] | None, server: str, read_only: bool = False
    ) -> None:
        self._steps: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self.last_intent = 0.0  # time of the last one of an earlier run that led to nothing known
        self._file: GrowingFile | None = None
        if path is None or (read_only and not Path(path).exists()):
            return
        head = json.dumps({"kind": _KIND, "version": _VERSION, "server": server})
        self._file = GrowingFile(path, "journal", head, _is_head, read_only)
        try:
            self._read(self._file, server)
        except BaseException:
            self._file.close()
            raise
        if read_only:
            self._file.close()
            self._file = None

    def _read(self, file: GrowingFile, server: str) -> None:
        if file.first is None:
            return
        of = json.loads(file.first)["server"]
        if of != server:
            raise RefusedError(f"{file.path} (journal) is of an import into {of}, not {server}")
        try:
            steps = [json.loads(line) for line in file.lines]
            for step in steps:
                self._take(step["step"], step["email"], step.get("id"))
            times = [one["time"] for one in steps if self._steps[one["email"]] == INTENT]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise AdminError(
                f"{file.path} (journal) is damaged: look at who is on the server, and give the "
                "path of a new file"
            ) from None
        self.last_intent = max(times, default=0.0)

    def _take(self, step: str, email: str, user_id: str | None) -> None:
        self._steps[email] = step
        if user_id is not None:
            self._ids[email] = user_id

    def step_of(self, email: str) -> str | None:
        """The last step of this address; None: there was none, or it was refused."""
        step = self._steps.get(email)
        return None if step == REFUSED else step

    def id_of(self, email: str) -> str | None:
        """The id of the account, when it was created."""
        return self._ids.get(email)

    def add(self, step: str, email: str, user_id: str | None = None) -> None:
        """Write a step down; it is on disk when this returns."""
        self._take(step, email, user_id)
        if self._file is not None:
            line = {"step": step, "email": email, "id": user_id, "time": time.time()}
            self._file.append(json.dumps({k: v for k, v in line.items() if v is not None}))

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
