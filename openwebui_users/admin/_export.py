"""export_users: everybody into a file, page by page."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timezone
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from openwebui_users import _core
from openwebui_users._text import printable
from openwebui_users.models import UserGroupIdsModel

from ._checks import shown
from ._directory import Groups
from ._errors import Interrupted, InvalidInputError, MissingLibraryError, Problem
from ._files import OWNER_ONLY, replacing
from ._results import Result
from ._rows import defused
from ._work import Progress, check_client, make_reporter

if TYPE_CHECKING:
    from typing import Literal

    from openwebui_users._core import UsersClient

FORMATS = ("csv", "jsonl", "json", "parquet")
GROUPS = "groups"  # names, beside the ids that the server sends
_SEPARATOR = "; "
_BATCH = 1000  # rows of one group of a Parquet file


@dataclass
class ExportResult(Result):
    """What export_users() wrote.

    Attributes:
        target: path of the file, or the object that was written to.
        fields: columns, in their order.
        count: number of users.
    """

    target: str = ""
    fields: tuple[str, ...] = ()
    count: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """{"exported": number of users}."""
        return {"exported": self.count}

    def _headline(self) -> str:
        wrote = "would write" if self.dry_run else "read" if self.stopped else "wrote"
        to = "for" if self.stopped else "to"
        return f"{self.verb}: {wrote} {self.count} users {to} {printable(self.target)}"


# ---------------------------------------------------------------- columns


def _epochs() -> dict[str, str]:
    """Fields that hold a time as a number, and its unit."""
    return {
        field["name"]: field["epoch"]
        for model in _core.model_table()
        if model["name"] == UserGroupIdsModel.__name__
        for field in model["fields"]
        if field["epoch"]
    }


def _columns(fields: Iterable[str] | None, include_secrets: bool) -> tuple[str, ...]:
    known = UserGroupIdsModel.model_fields
    names = [*known, GROUPS]
    if fields is None:
        return tuple(
            name for name in names if include_secrets or name == GROUPS or not known[name].secret
        )
    chosen = tuple(fields)
    problems = [
        Problem("is given twice", column=str(name)) for name in names if chosen.count(name) > 1
    ]
    if not chosen:
        problems.append(Problem("must name at least one", column="fields"))
    for name in chosen:
        if name not in names:
            text = f"there is no such field; known are {', '.join(names)}"
            problems.append(Problem(text, column=str(name)))
        elif name != GROUPS and known[name].secret and not include_secrets:
            problems.append(Problem("is a secret: give include_secrets=True", column=name))
    if problems:
        raise InvalidInputError(problems)
    return chosen


class _Rows:
    """Users as dicts of the values of the columns, as JSON has them.

    Args:
        fields: the columns.
        unknown: add what the server sent and this package does not know.
        names: of groups, by id.
    """

    def __init__(self, fields: tuple[str, ...], unknown: bool, names: dict[str, str]) -> None:
        self._fields = fields
        self._known = {name for name in fields if name != GROUPS}
        self._unknown = unknown
        self._names = names

    def __call__(self, user: UserGroupIdsModel) -> dict[str, Any]:
        dumped = user.model_dump(mode="json", include=self._known)
        row = {name: dumped.get(name) for name in self._fields}
        if GROUPS in row:
            row[GROUPS] = [self._names.get(one, one) for one in user.group_ids or ()]
        if self._unknown:
            for name, value in user.model_unknown.items():
                row.setdefault(name, value)
        return row


# ---------------------------------------------------------------- formats


def quoted(cell: Any) -> str:
    """A cell, in quotes wherever some spreadsheet might see several in it."""
    text = "" if cell is None else str(cell)
    if text.strip() == text and not set(text) & set(',;\t|"\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'


def cell(value: Any) -> Any:
    """A value in CSV."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return defused(value)
    if isinstance(value, (dict, list)):
        texts = isinstance(value, list) and all(isinstance(one, str) for one in value)
        if texts and not any(set(one) & set(";|,\n[") for one in value):
            return defused(_SEPARATOR.join(value))
        return json.dumps(value, ensure_ascii=False)
    return value


def _write_csv(file: IO[str], fields: tuple[str, ...], rows: Iterator[dict[str, Any]]) -> None:
    file.write(",".join(fields) + "\n")
    for row in rows:
        file.write(",".join(quoted(cell(row[name])) for name in fields) + "\n")


def _write_jsonl(file: IO[str], fields: tuple[str, ...], rows: Iterator[dict[str, Any]]) -> None:  # noqa: ARG001
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_json(file: IO[str], fields: tuple[str, ...], rows: Iterator[dict[str, Any]]) -> None:  # noqa: ARG001
    before = "[\n"
    for row in rows:
        file.write(before + json.dumps(row, ensure_ascii=False))
        before = ",\n"
    file.write("[]\n" if before == "[\n" else "\n]\n")


def _write_parquet(
    file: IO[bytes], fields: tuple[str, ...], rows: Iterator[dict[str, Any]]
) -> None:
    import pyarrow as pa  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from pyarrow import parquet  # type: ignore[import-not-found, import-untyped, unused-ignore]

    epochs = _epochs()
    kinds = {
        "int": pa.int64(),
        "float": pa.float64(),
        "bool": pa.bool_(),
        "date": pa.date32(),
        "time": pa.timestamp("us", tz="UTC"),
        "list": pa.list_(pa.string()),
    }
    known = UserGroupIdsModel.model_fields

    def kind_of(name: str) -> str:
        if name in epochs:
            return "time"
        return "list" if name == GROUPS else str(known[name].kind)

    def converted(kind: str, value: Any, name: str) -> Any:
        if value is None or kind in ("int", "float", "bool", "list", "str"):
            return value
        if kind == "time":
            scale = {"seconds": 1, "nanoseconds": 10**9}[epochs[name]]
            return datetime.fromtimestamp(value / scale, timezone.utc)
        if kind == "date":
            return date.fromisoformat(value)
        return json.dumps(value, ensure_ascii=False)

    schema = pa.schema([(name, kinds.get(kind_of(name), pa.string())) for name in fields])
    with parquet.ParquetWriter(file, schema) as writer:
        while batch := list(islice(rows, _BATCH)):
            columns = {
                name: [converted(kind_of(name), row[name], name) for row in batch]
                for name in fields
            }
            writer.write_table(pa.table(columns, schema=schema))


_WRITERS: dict[str, Callable[[IO[Any], tuple[str, ...], Iterator[dict[str, Any]]], None]] = {
    "csv": _write_csv,
    "jsonl": _write_jsonl,
    "json": _write_json,
    "parquet": _write_parquet,
}


# ---------------------------------------------------------------- the verb


def _format_of(target: Any, format: str | None) -> str:  # noqa: A002
    if format is None and isinstance(target, (str, os.PathLike)):
        suffix = Path(target).suffix.lower().lstrip(".")
        format = {"ndjson": "jsonl", "tsv": None}.get(suffix, suffix)  # noqa: A001
    if format not in FORMATS:
        raise ValueError(
            f"format must be one of {', '.join(FORMATS)}, got {shown(format)}; a path with one of "
            "these suffixes says it as well"
        )
    if format == "parquet" and importlib.util.find_spec("pyarrow") is None:
        raise MissingLibraryError.of("Parquet", "pyarrow", "parquet")
    return format


@contextlib.contextmanager
def _opened(target: Any, format: str, encoding: str) -> Iterator[IO[Any]]:  # noqa: A002
    """The file to write to: an open one as it is, a path as a new file in its place."""
    if hasattr(target, "write"):
        yield target
        return
    how: dict[str, Any] = {"binary": True}
    if format != "parquet":
        how = {"encoding": encoding, "newline": ""}
    with replacing(Path(target), new_mode=OWNER_ONLY, **how) as file:
        yield file


def export_users(
    client: UsersClient,
    target: Any,
    *,
    format: Literal["csv", "jsonl", "json", "parquet"] | None = None,  # noqa: A002
    fields: Iterable[str] | None = None,
    query: str | None = None,
    include_secrets: bool = False,
    encoding: str = "utf-8",
    dry_run: bool = False,
    progress: bool | Callable[[Progress], object] = False,
) -> ExportResult:
    """Write all users to a file, page by page, so that memory does not grow with their number.

    A file is replaced in one step. Until the last user is written, the old file stays. If anything
    fails, nothing changes.

    Args:
        client: of an administrator.
        target: path, or an open file (of bytes for Parquet). Only its owner can read a new file.
        format: csv, jsonl, json or parquet (the extra `parquet`); None: by the path's suffix.
        fields: names of columns: fields of UserGroupIdsModel, and "groups" for the names of the
            user's groups. None: all fields that are not secrets; in JSON also keys that this
            package does not know.
        query: part of a name or an e-mail address; None: all users.
        include_secrets: allow fields with secrets, which older servers send.
        encoding: encoding of CSV and JSON. Excel reads CSV correctly with "utf-8-sig".
        dry_run: read all users, and write nothing.
        progress: True for a bar, or a function that is called with a Progress after each page.

    In CSV, a text that a spreadsheet would run as a formula gets a quote in front, which
    import_users() removes again. Lists of names are separated by "; "; other lists and objects are
    JSON.

    Returns:
        ExportResult: its `count` is the number of users.

    Raises:
        InvalidInputError: a field is unknown, or is a secret.
        ValueError: format is not one of these, or the format of the path is not known.
        MissingLibraryError: pyarrow is not installed.
        OSError: the file cannot be written.
        Interrupted: Ctrl-C; the old file is unchanged.
        APIStatusError, APIConnectionError: as client.iter_users().

    Server routes: GET /api/v1/users/, GET /api/v1/users/all, GET /api/v1/groups/.
    """
    check_client(client)
    chosen = _format_of(target, format)
    if isinstance(target, (str, os.PathLike)) and Path(target).is_dir():
        raise IsADirectoryError(errno.EISDIR, "target must be a file", os.fspath(target))
    columns = _columns(fields, include_secrets)
    named = os.fspath(target) if isinstance(target, (str, os.PathLike)) else type(target).__name__
    result = ExportResult("export_users", dry_run=dry_run, target=str(named), fields=columns)
    names: dict[str, str] = {}
    if GROUPS in columns:
        names = {one.id: one.name for one in Groups(client.groups.get_groups()).all}
    unknown = fields is None and chosen in ("json", "jsonl")
    row_of = _Rows(columns, unknown, names)

    def rows(report: Callable[[Progress], object]) -> Iterator[dict[str, Any]]:
        for page in client.iter_pages(query):
            for user in page.users:
                result.count += 1
                yield row_of(user)
            report(Progress(result.verb, result.count, max(page.total, result.count), None))

    try:
        with make_reporter(result.verb, progress) as report:
            if dry_run:
                for _ in rows(report):
                    pass
            else:
                with _opened(target, chosen, encoding) as file:
                    _WRITERS[chosen](file, columns, rows(report))
    except KeyboardInterrupt as error:
        is_open = hasattr(target, "write")
        result.stopped = f"interrupted: {'not all was' if is_open else 'nothing was'} written"
        raise Interrupted(result) from error
    return result
