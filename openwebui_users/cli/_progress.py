"""How far a verb is, as a bar on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openwebui_users.admin import Progress


class Bar:
    """A bar of rich, which a verb tells how far it is; gone when the command ends."""

    def __enter__(self) -> Bar:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as Left

        self._bars: Any = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            Left(),
            console=Console(stderr=True),
            transient=True,
        )
        self._bars.start()
        self._task: Any = None
        return self

    def __call__(self, progress: Progress) -> None:
        if self._task is None:
            self._task = self._bars.add_task(progress.verb.replace("_", " "), total=progress.total)
        self._bars.update(self._task, completed=progress.done, total=progress.total)

    def __exit__(self, *_: object) -> None:
        self._bars.stop()
