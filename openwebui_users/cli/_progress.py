"""How far a verb is, as a bar on stderr."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openwebui_users.admin import Progress


def is_wanted() -> bool:
    """Whether stderr is a terminal that can move its cursor."""
    return sys.stderr.isatty() and os.environ.get("TERM") not in (None, "", "dumb")


class Bar:
    """A bar of rich, which a verb tells how far it is; nothing is left of it when it is closed."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        self._bars: Any = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._bars.start()
        self._task: Any = None

    def __call__(self, progress: Progress) -> None:
        if self._task is None:
            self._task = self._bars.add_task(progress.verb.replace("_", " "), total=progress.total)
        self._bars.update(self._task, completed=progress.done, total=progress.total)

    def close(self) -> None:
        self._bars.stop()
