"""What an import has done so far, on disk, so that it can go on after it was killed.

Each line is one step of one row: "intent" before its account is made, "created" when the server has
said so, "done" when all else that the row asks for is there too.
"""

from __future__ import annotations

import json
import os
import time

from ._errors import AdminError, RefusedError
from ._files import GrowingFile

_KIND = "openwebui_users import journal"
_VERSION = 1


class Journal:
    """The journal of one import.

    Args:
        path: the file, which may have lines of an earlier run; None: nothing is kept beyond this
            run.
        server: base URL of the server; a journal of another one is refused.
    """

    def __init__(self, path: str | os.PathLike[str] | None, server: str) -> None:
        self._steps: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self.last_intent = 0.0  # time of the last one of an earlier run that led to nothing known
        self._file = None if path is None else GrowingFile(path, "journal")
        if self._file is not None:
            try:
                self._read(self._file, server)
            except BaseException:
                self._file.close()
                raise

    def _read(self, file: GrowingFile, server: str) -> None:
        lines = file.text.splitlines()
        if not lines:
            head = {"kind": _KIND, "version": _VERSION, "server": server}
            file.append(json.dumps(head))
            return
        try:
            head, *steps = [json.loads(line) for line in lines]
            if head["kind"] != _KIND or head["version"] != _VERSION:
                raise ValueError(head)
            for step in steps:
                self._take(step["step"], step["email"], step.get("id"))
        except (ValueError, KeyError, TypeError):
            raise AdminError(
                f"{file.path} (journal) is no journal of an import: give the path of a new file"
            ) from None
        if head["server"] != server:
            raise RefusedError(
                f"{file.path} (journal) is of an import into {head['server']}, not {server}"
            )
        open_ones = {email for email, step in self._steps.items() if step == "intent"}
        times = [one["time"] for one in steps if one["email"] in open_ones]
        self.last_intent = max(times, default=0.0)

    def _take(self, step: str, email: str, user_id: str | None) -> None:
        self._steps[email] = step
        if user_id is not None:
            self._ids[email] = user_id

    def step_of(self, email: str) -> str | None:
        """The last step of this address: intent, created or done; None: there was none."""
        return self._steps.get(email)

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
