"""Rows of a table, whatever it is kept in: CSV, JSONL, JSON, iterables, data frames."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from openwebui_users._core import Model

from ._errors import InvalidInputError, Problem, refuse

FORMATS = ("csv", "jsonl", "json")
_BY_SUFFIX = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
}
_DELIMITERS = ",;\t|"
#: First characters of a cell that spreadsheets take for a formula, in full width too.
FORMULA = "=+-@\t\r\n＝＋－＠"

Row = tuple[int, dict[str, Any]]  # its number, and its cells by the column's name


def _raise(problem: Problem) -> None:
    raise InvalidInputError([problem])


def read_rows(
    source: Any,
    *,
    format: str | None = None,  # noqa: A002
    on_problem: Callable[[Problem], object] = _raise,
) -> Iterator[Row]:
    """The rows of a table, with their numbers.

    Args:
        source: path of a file; an open file; an iterable of dicts or models; a data frame of
            pandas or polars.
        format: csv, jsonl or json; None: by the file's suffix, else by its first character.
        on_problem: is given what is wrong with one row, which is left out. Without it that is
            raised; what is wrong with the whole is always.

    Returns:
        Iterator: number and cells of each row. Numbers count as a spreadsheet or an editor does:
        in CSV the header is row 1; in JSONL they are lines; elsewhere the first row is 1. Names of
        columns are in lower case with "_" for spaces and hyphens. In CSV all cells are texts; empty
        ones, and null elsewhere, are left out.

    Raises:
        InvalidInputError: the source is no table.
        OSError: the file cannot be read.
    """
    if format is not None and format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")
    if isinstance(source, str) and "\n" in source:
        text = "is a text, not a path: give io.StringIO(text)"
        raise InvalidInputError([Problem(text, column="source")])
    if isinstance(source, (str, os.PathLike)):
        data = Path(source).read_bytes()
        suffix = Path(source).suffix.lower()
        return _rows_of_data(data, format or _BY_SUFFIX.get(suffix), on_problem)
    if hasattr(source, "read"):
        data = source.read()
        data = data.encode() if isinstance(data, str) else data
        return _rows_of_data(data, format, on_problem)
    if hasattr(source, "iter_rows") and hasattr(source, "columns"):  # polars
        return _rows_of_items(source.iter_rows(named=True), on_problem)
    if hasattr(source, "to_dict") and hasattr(source, "columns"):  # pandas
        twice = [str(name) for name in source.columns[source.columns.duplicated()]]
        refuse([Problem("there are two columns of this name", column=name) for name in twice])
        return _rows_of_items(source.to_dict("records"), on_problem)
    if isinstance(source, Mapping) or not isinstance(source, Iterable):
        raise TypeError(
            "source must be a path, an open file, an iterable of dicts or models, or a data frame, "
            f"not {type(source).__name__}"
        )
    return _rows_of_items(source, on_problem)


def column_name(name: object) -> str:
    """The name by which a column is known: " E-Mail " is e_mail."""
    return "_".join(str(name).strip().lower().replace("-", " ").replace("_", " ").split())


# ---------------------------------------------------------------- values


def _is_absent(value: object) -> bool:
    """None, or what data frames have in its place."""
    if value is None or value == "":
        return True
    if isinstance(value, float):
        return value != value
    return type(value).__name__ in ("NAType", "NaTType")


class _RowError(Exception):
    """What is wrong with one row."""

    def __init__(self, message: str, column: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.column = column


def _cells_of(item: object) -> dict[str, Any]:
    """The values of a dict or a model by the names of their columns."""
    row: Mapping[Any, Any]
    if isinstance(item, Model):
        row = {**item.model_dump(exclude_unset=True), **(item.model_extra or {})}
    elif isinstance(item, Mapping):
        row = item
    else:
        text = f"must be an object with a value for each column, got {type(item).__name__}"
        raise _RowError(text)
    cells: dict[str, Any] = {}
    for key, value in row.items():
        name = column_name(key)
        if name in cells:
            raise _RowError("there are two columns of this name", name)
        cells[name] = value
    return {name: value for name, value in cells.items() if not _is_absent(value)}


def _each(
    items: Iterable[tuple[int, Any]],
    cells_of: Callable[[Any], dict[str, Any]],
    on_problem: Callable[[Problem], object],
) -> Iterator[Row]:
    """The rows that can be read; of the others on_problem is told."""
    for number, item in items:
        try:
            cells = cells_of(item)
        except _RowError as error:  # noqa: PERF203
            on_problem(Problem(error.message, number, error.column))
        else:
            yield number, cells


def _rows_of_items(items: Iterable[Any], on_problem: Callable[[Problem], object]) -> Iterator[Row]:
    return _each(enumerate(items, 1), _cells_of, on_problem)


# ---------------------------------------------------------------- files


def _text_of(data: bytes) -> str:
    """Text in UTF-8, or in what its byte order mark says."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        text = "the file is not in UTF-8: save it as “CSV UTF-8”, or convert it"
        raise InvalidInputError([Problem(text, line)]) from None


def _rows_of_data(
    data: bytes,
    format: str | None,  # noqa: A002
    on_problem: Callable[[Problem], object],
) -> Iterator[Row]:
    text = _text_of(data)
    if format is None:
        format = _guessed_format(text)  # noqa: A001
    if format == "csv":
        return _rows_of_csv(text, on_problem)
    if format == "json":
        return _rows_of_json(text, on_problem)
    lines = ((n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip())
    return _each(lines, lambda line: _cells_of(_parsed(line)), on_problem)


def _guessed_format(text: str) -> str:
    """What a text of no known suffix is."""
    first = text.lstrip()[:1]
    if first != "{":
        return "json" if first == "[" else "csv"
    try:
        _list_of(_parsed(text))
    except _RowError:
        return "jsonl"
    return "json"


def _list_of(value: Any) -> list[Any]:
    """A list, or the one list of an object such as {"users": [...]}."""
    if isinstance(value, dict):
        lists = [one for one in value.values() if isinstance(one, list)]
        value = lists[0] if len(lists) == len(value) == 1 else value
    if not isinstance(value, list):
        raise _RowError("must hold a list of objects")
    return value


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise _RowError(f"is not JSON: {error}") from None
    except RecursionError:
        raise _RowError("is nested too deep") from None


def _rows_of_json(text: str, on_problem: Callable[[Problem], object]) -> Iterator[Row]:
    try:
        items = _list_of(_parsed(text))
    except _RowError as error:
        raise InvalidInputError([Problem(f"the file {error.message}")]) from None
    return _rows_of_items(items, on_problem)


# ---------------------------------------------------------------- CSV


def _delimiter(text: str) -> tuple[str, str]:
    """What separates cells, and the text without a line that only says so."""
    first, _, rest = text.partition("\n")
    if first.lower().startswith("sep=") and len(first.rstrip("\r")) == 5:  # as Excel writes it
        return first[4], rest
    quoted, counts = False, dict.fromkeys(_DELIMITERS, 0)
    for character in text:
        if character == '"':
            quoted = not quoted
        elif not quoted:
            if character in "\r\n":
                break
            if character in counts:
                counts[character] += 1
    return max(_DELIMITERS, key=lambda one: counts[one]), text


def _header(cells: list[str], number: int) -> list[str]:
    names = [column_name(cell) for cell in cells]
    problems = [
        Problem("there are two columns of this name", number, name)
        for name in dict.fromkeys(names)
        if name and names.count(name) > 1
    ]
    refuse(problems)
    return names


def _cells_of_line(cells: list[str], header: list[str]) -> dict[str, Any]:
    if len(cells) > len(header) and any(cells[len(header) :]):
        raise _RowError(
            f"has {len(cells)} cells, but the header has {len(header)}: is a quote missing?"
        )
    found = {}
    for name, cell in zip(header, cells, strict=False):
        if not cell:
            continue
        if not name:
            raise _RowError("a cell is in a column without a name")
        found[name] = undefused(cell) if name != "password" else cell
    return found


def _rows_of_csv(text: str, on_problem: Callable[[Problem], object]) -> Iterator[Row]:
    delimiter, rest = _delimiter(text)
    offset = text.count("\n") - rest.count("\n")
    reader = csv.reader(io.StringIO(rest, newline=""), delimiter=delimiter, strict=True)
    limit = csv.field_size_limit(max(len(rest), 1))  # others' readers keep theirs
    try:
        found = [(n, one) for n, one in _numbered(reader, offset) if any(c.strip() for c in one)]
    finally:
        csv.field_size_limit(limit)
    if not found:
        raise InvalidInputError([Problem("the file is empty: it needs a header line")])
    lines = iter(found)
    number, cells = next(lines)
    header = _header(cells, number)
    return _each(lines, lambda one: _cells_of_line(one, header), on_problem)


def _numbered(reader: Iterator[list[str]], number: int) -> Iterator[tuple[int, list[str]]]:
    """Lines of a CSV file with their numbers."""
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:  # where the next row begins is not known any more
            raise InvalidInputError([Problem(f"is not CSV: {error}", number)]) from None
        yield number, cells


def defused(cell: str) -> str:
    """A text that no spreadsheet runs as a formula: a quote before what could be one."""
    risky = cell[:1] in FORMULA + "'" if cell else False
    return f"'{cell}" if risky and (cell[0] != "'" or cell[1:2] in FORMULA + "'") else cell


def undefused(cell: str) -> str:
    """The text that defused() was given."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] and cell[1:2] in FORMULA + "'" else cell
