"""The progress of a verb, as a bar on stderr."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openwebui_users.admin import Progress


_QUICK = 0.25  # seconds of work for which no bar is shown


class Bar:
    """A progress bar of rich. A verb calls it with its progress. close() removes the bar."""

    def __init__(self) -> None:
        # a terminal that can move its cursor
        self._is_wanted = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._began = time.monotonic()
        self._bars: Any = None
        self._task: Any = None

    def __call__(self, progress: Progress) -> None:
        if self._bars is None:
            if not self._is_wanted or time.monotonic() - self._began < _QUICK:
                return
            self._bars = self._begin()
            self._task = self._bars.add_task(progress.verb.replace("_", " "), total=progress.total)
        self._bars.update(self._task, completed=progress.done, total=progress.total)

    @staticmethod
    def _begin() -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        bars.start()
        return bars

    def close(self) -> None:
        if self._bars is not None:
            self._bars.stop()
