"""What the verbs of administration return."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from openwebui_users._engines import Column, arrow_of, pandas_of, polars_of, records_of
from openwebui_users._html import Displayed
from openwebui_users._text import printable
from openwebui_users.errors import SerializationError

from ._errors import PartialFailureError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd  # type: ignore[import-not-found, import-untyped, unused-ignore]
    import polars as pl
    import pyarrow as pa  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from typing_extensions import Self

#: What can become of a row, in the order in which results count them.
STATUSES = (
    "created",
    "updated",
    "deleted",
    "done",  # of a server: the function has returned
    "unchanged",
    "skipped",  # left alone on purpose; error says why
    "invalid",  # refused before anything was sent
    "failed",  # not done, or not wholly; error says what
    "unknown",  # the answer did not come: it may have been done
    "not_run",  # its turn never came
)
BAD = ("invalid", "failed", "unknown", "not_run")
_SHOWN = 20  # rows in the text of a result


@dataclass
class RowResult(Displayed):
    """The outcome of one row, which is one user unless the verb says otherwise.

    Attributes:
        row: its number, counted as in the source (a CSV file by lines, with the header as the
            first); None: the source has no rows.
        email: the user's e-mail address. For other things, the name of the group or server; for
            apply(), what the step is about.
        id: the server's id, if it is known.
        status: one of "created", "updated", "deleted", "done" (of a server), "unchanged",
            "skipped", "invalid", "failed", "unknown" (the answer did not come) and "not_run".
        error: what went wrong, or why the row was skipped; None: no error.
        changes: what was changed, by field: (before, after). Secrets are masked.
        notes: other remarks for the reader.
    """

    row: int | None = None
    email: str | None = None
    id: str | None = None
    status: str = "not_run"
    error: str | None = None
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything that was requested for this row is done."""
        return self.status not in BAD and (self.error is None or self.status == "skipped")

    def __str__(self) -> str:
        place = [] if self.row is None else [f"row {self.row}"]
        place += [printable(self.email or self.id or "?")]
        text = f"{' '.join(place)}: {self.status.replace('_', ' ')}"
        if self.changes:
            text += " (" + ", ".join(shown_change(*item) for item in self.changes.items()) + ")"
        if self.error:
            text += f": {printable(self.error)}"
        return "; ".join([text, *map(printable, self.notes)])

    def _html_parts(self) -> Iterable[str]:
        from ._displays import row_parts

        return row_parts(self)


# Columns of rows, and of which kind they are.
_COLUMNS = {
    "row": "integer",
    "email": "text",
    "id": "text",
    "status": "category",
    "error": "text",
    "changes": "nested",
    "notes": "texts",
}


def _json(value: Any, row: int, name: str) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:  # nothing that a verb writes
        raise SerializationError(f"row {row}, {name}: {error}", (row, name)) from None
    return text.encode("utf-8", "backslashreplace").decode()  # a lone surrogate, as JSON escapes it


def _columns(rows: list[RowResult]) -> list[Column]:
    """Rows by their columns, of which none is a secret."""

    def column(name: str, kind: str) -> Column:
        def plain() -> list[Any]:
            return [getattr(row, name) for row in rows]

        def as_json() -> list[str | None]:
            return [
                None if value is None else _json(value, row, name)
                for row, value in enumerate(plain())
            ]

        return Column(name, kind, len(rows), plain, as_json)

    return [column(name, kind) for name, kind in _COLUMNS.items()]


def shown_change(name: str, change: tuple[Any, Any]) -> str:
    """name: before → after."""
    return printable(f"{name}: {change[0]!r} → {change[1]!r}")


@dataclass
class Result(Displayed):
    """What a verb did.

    Attributes:
        verb: name of the function.
        rows: the outcome of each row, in the given order.
        dry_run: True: nothing was sent that changes anything, and the rows say what would have been
            done.
        stopped: why the verb stopped before its end; None: it ran to its end.
    """

    verb: str
    rows: list[RowResult] = field(default_factory=list)
    dry_run: bool = False
    stopped: str | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows by status, without statuses that no row has."""
        counted = Counter(row.status for row in self.rows)
        return {status: counted[status] for status in STATUSES if status in counted}

    @property
    def failures(self) -> list[RowResult]:
        """Rows that are not completely done."""
        return [row for row in self.rows if not row.ok]

    @property
    def ok(self) -> bool:
        """Whether everything was done."""
        return self.stopped is None and not self.failures

    def raise_for_failures(self) -> Self:
        """Return the result itself.

        Raises:
            PartialFailureError: not everything was done.
        """
        if not self.ok:
            raise PartialFailureError(self)
        return self

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        plain = {one.name: getattr(self, one.name) for one in fields(self) if one.repr}
        plain["rows"] = [
            {one.name: getattr(row, one.name) for one in fields(row) if one.repr}
            for row in self.rows
        ]
        return {**plain, "counts": self.counts, "ok": self.ok}

    def to_records(self) -> list[dict[str, Any]]:
        """The rows as dicts.

        Returns:
            list[dict[str, Any]]: a dict for each row, all with the same keys; it shares the row's
                `changes` and `notes`.
        """
        return records_of(_columns(self.rows))

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a data frame of pandas (the extra `pandas`).

        Returns:
            pandas.DataFrame: one row for each row; see docs/frames.md for the types of columns.

        Raises:
            MissingLibraryError: pandas is not installed.
        """
        return pandas_of(_columns(self.rows))

    def to_polars(self) -> pl.DataFrame:
        """The rows as a data frame of polars (the extra `polars`); changes are JSON text.

        Returns:
            polars.DataFrame: one row for each row; see docs/frames.md for the types of columns.

        Raises:
            MissingLibraryError: polars is not installed.
            SerializationError: a text is not valid Unicode, or somebody put a value into changes
                that JSON cannot represent.
        """
        return polars_of(_columns(self.rows))

    def to_arrow(self) -> pa.Table:
        """The rows as a table of Arrow (the extra `arrow`); changes are JSON text.

        Returns:
            pyarrow.Table: one row for each row; see docs/frames.md for the types of columns.

        Raises:
            MissingLibraryError: pyarrow is not installed.
            SerializationError: a text is not valid Unicode, or somebody put a value into changes
                that JSON cannot represent.
        """
        return arrow_of(_columns(self.rows))

    def _headline(self) -> str:
        counts = ", ".join(
            f"{count} {name.replace('_', ' ')}" for name, count in self.counts.items()
        )
        title = f"{self.verb} (dry run)" if self.dry_run else self.verb
        return f"{title}: {counts or 'nothing to do'}"

    def _row_lines(self) -> list[str]:
        """The rows that the text tells."""
        told = self.failures or [row for row in self.rows if row.notes or row.error]
        lines = [str(row) for row in told[:_SHOWN]]
        if len(told) > _SHOWN:
            lines.append(f"… and {len(told) - _SHOWN} more")
        return lines

    def _remarks(self) -> list[str]:
        """What is said below the rows."""
        return []

    def __str__(self) -> str:
        stopped = [f"stopped: {self.stopped}"] if self.stopped else []
        return "\n  ".join([self._headline(), *stopped, *self._row_lines(), *self._remarks()])

    def _html_parts(self) -> Iterable[str]:
        from ._displays import result_parts

        return result_parts(self, self._headline(), self._remarks())
