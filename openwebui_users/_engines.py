"""Columns as records and as data frames of pandas, polars and Arrow.

A column has a kind, which says what its values should be. One whose values do not all fit it gets a
wider kind, with a warning, rather than another value: see `_settled`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import _core
from .errors import ColumnTypeWarning, MissingLibraryError, SerializationError

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-not-found, import-untyped, unused-ignore]
    import polars as pl
    import pyarrow as pa  # type: ignore[import-not-found, import-untyped, unused-ignore]

#: Kinds, and what their values are in words.
KINDS = {
    "text": "texts",
    "category": "texts",
    "integer": "integers of 64 bits",
    "float": "floating-point numbers",
    "boolean": "true or false",
    "date": "days",
    "seconds": "moments of the years 1 to 9999",
    "nanoseconds": "moments in nanoseconds of 64 bits",
    "texts": "lists of texts",
    "nested": "anything",  # as they are; in JSON where columns have one type
    "inferred": "anything",  # a kind that all values fit is looked for
    "empty": "nothing",
}
_INT64_MIN = -(2**63)
# Of the years 1 to 9999; in nanoseconds all but the smallest, which is "not a time" in numpy.
_RANGES = {
    "seconds": (-62_135_596_800, 253_402_300_799),
    "nanoseconds": (_INT64_MIN + 1, 2**63 - 1),
}
_EXACT = 2**53  # up to this every integer is a floating-point number
# What a value of a subclass (a member of an Enum, for instance) is by itself.
_PLAIN: dict[str, Callable[[Any], Any]] = {
    "text": lambda text: str.__getitem__(text, slice(None)),
    "category": lambda text: str.__getitem__(text, slice(None)),
    "integer": int.__pos__,
    "seconds": int.__pos__,
    "nanoseconds": int.__pos__,
    "float": float,
}


@dataclass
class Column:
    """The values of one field.

    Attributes:
        name: of the field.
        kind: a key of KINDS.
        rows: how many values there are.
        plain: gives them as records have them; None: there is none.
        as_json: gives the same as texts in JSON.
    """

    name: str
    kind: str
    rows: int
    plain: Callable[[], list[Any]]
    as_json: Callable[[], list[str | None]]


@dataclass
class Settled:
    """A column with a kind that all its values fit.

    Attributes:
        kind: a key of KINDS, not "inferred".
        values: as they are, None where there is none; numbers of moments.
        has_null: whether there is a None.
        surrogate: the first row with a text that is none in Unicode; -1: none.
    """

    kind: str
    values: list[Any]
    has_null: bool
    surrogate: int


# ---------------------------------------------------------------- kinds that all values fit


def _fits(kind: str, holds: set[str], low: int, high: int) -> bool:
    """Whether values are of a kind: what they are, and the range of their integers."""
    if kind in _RANGES:
        first, last = _RANGES[kind]
        return holds <= {"integer"} and (not holds or (first <= low and high <= last))
    if kind == "float":
        return holds <= {"float"} or (
            holds <= {"float", "integer"} and low >= -_EXACT and high <= _EXACT
        )
    return kind == "nested" or holds <= {"text" if kind == "category" else kind}


def _settled(column: Column) -> Settled:
    """The column with a kind that all values fit.

    What does not fit is never changed or left out: times that no calendar has become integers, and
    whatever does not fit otherwise (larger integers, values of other types) is taken as it is.
    """
    values = column.plain()
    kinds, low, high, surrogate = _core.column_facts(values)
    holds = kinds - {"null", "subclass"}
    kind = column.kind
    if kind == "inferred":
        guesses = ("text", "boolean", "integer", "float", "nested")
        kind = next((one for one in guesses if _fits(one, holds, low, high)), "nested")
        kind = kind if holds else "empty"
    elif not _fits(kind, holds, low, high):
        later = ("integer", "nested") if kind in _RANGES else ("nested",)
        kind = next(one for one in later if _fits(one, holds, low, high))
        became = "integers" if kind == "integer" else "taken as they are"
        warnings.warn(
            f"{column.name}: not all values are {KINDS[column.kind]}, so they are {became}",
            ColumnTypeWarning,
            stacklevel=5,  # whoever called to_pandas(), to_polars() or to_arrow()
        )
    if kind in _PLAIN and ("subclass" in kinds or (kind == "float" and "integer" in holds)):
        plain = _PLAIN[kind]
        values = [None if one is None else plain(one) for one in values]
    return Settled(kind, values, "null" in kinds, surrogate)


def _as_one_type(column: Column) -> Settled:
    """The column for an engine whose columns have one type, and whose texts are in Unicode."""
    settled = None if column.kind == "nested" else _settled(column)
    if settled is None or settled.kind == "nested":
        return Settled("text", column.as_json(), True, -1)
    if settled.surrogate >= 0:
        raise SerializationError(
            f"row {settled.surrogate}, {column.name}: a lone surrogate, which no text has",
            (settled.surrogate, column.name),
        )
    return settled


# ---------------------------------------------------------------- engines


def records_of(columns: list[Column]) -> list[dict[str, Any]]:
    """A dict for each row."""
    names = tuple(column.name for column in columns)
    return _core.records(names, tuple(column.plain() for column in columns))


def arrow_of(columns: list[Column]) -> pa.Table:
    """A table of Arrow."""
    try:
        import pyarrow as pa
    except ImportError:
        raise MissingLibraryError.of("to_arrow()", "pyarrow", "arrow") from None

    types = {
        "text": pa.string(),
        "category": pa.string(),
        "integer": pa.int64(),
        "float": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "seconds": pa.timestamp("s", tz="UTC"),
        "nanoseconds": pa.timestamp("ns", tz="UTC"),
        "texts": pa.list_(pa.string()),
        "empty": pa.null(),
    }
    arrays = []
    for column in columns:
        settled = _as_one_type(column)
        array = pa.array(settled.values, types[settled.kind])
        arrays.append(array.dictionary_encode() if settled.kind == "category" else array)
    return pa.table(arrays, names=[column.name for column in columns])


def polars_of(columns: list[Column]) -> pl.DataFrame:
    """A data frame of polars."""
    try:
        import polars as pl
    except ImportError:
        raise MissingLibraryError.of("to_polars()", "polars", "polars") from None

    types: dict[str, Any] = {
        "text": pl.String,
        "category": pl.String,
        "integer": pl.Int64,
        "float": pl.Float64,
        "boolean": pl.Boolean,
        "date": pl.Date,
        "seconds": pl.Int64,
        "nanoseconds": pl.Int64,
        "empty": pl.Null,
    }
    frame = []
    for column in columns:
        settled = _as_one_type(column)
        if settled.kind == "texts":  # quicker than from lists by far
            series = pl.Series(column.name, column.as_json(), pl.String)
            frame.append(series.str.json_decode(pl.List(pl.String)))
            continue
        series = pl.Series(column.name, settled.values, types[settled.kind])
        if settled.kind == "category":
            series = series.cast(pl.Categorical)
        elif settled.kind == "seconds":
            series = (series * 1_000_000).cast(pl.Datetime("us", "UTC"))
        elif settled.kind == "nanoseconds":
            series = series.cast(pl.Datetime("ns", "UTC"))
        frame.append(series)
    return pl.DataFrame(frame)


def pandas_of(columns: list[Column]) -> pd.DataFrame:
    """A data frame of pandas."""
    try:
        import pandas as pd
    except ImportError:
        raise MissingLibraryError.of("to_pandas()", "pandas", "pandas") from None

    rows = columns[0].rows if columns else 0
    data = {}
    for column in columns:
        data[column.name] = _pandas_array(column)
    return pd.DataFrame(data, index=pd.RangeIndex(rows), copy=False)


def _pandas_array(column: Column) -> Any:
    import numpy as np
    import pandas as pd

    settled = _settled(column)
    kind, values = settled.kind, settled.values
    if kind == "text":
        # Arrow cannot hold lone surrogates
        storage = "python" if settled.surrogate >= 0 else None
        return pd.array(values, dtype=pd.StringDtype(storage))
    if kind == "category":
        categories = sorted(set(values) - {None})
        codes = {category: code for code, category in enumerate(categories)}
        index = pd.Index(categories, dtype=object)
        placed = np.fromiter((codes.get(value, -1) for value in values), np.int64, len(values))
        return pd.Categorical.from_codes(placed, categories=index)
    types: dict[str, Any] = {
        "integer": (np.int64, pd.arrays.IntegerArray),
        "float": (np.float64, pd.arrays.FloatingArray),
        "boolean": (np.bool_, pd.arrays.BooleanArray),
        "seconds": (np.int64, "datetime64[s]"),
        "nanoseconds": (np.int64, "datetime64[ns]"),
    }
    if kind not in types:
        return pd.Series(values, dtype=object)
    dtype, made = types[kind]
    mask = np.zeros(len(values), np.bool_)
    if settled.has_null:
        mask = np.fromiter((value is None for value in values), np.bool_, len(values))
        values = [0 if value is None else value for value in values]
    array = np.array(values, dtype)
    if not isinstance(made, str):
        return made(array, mask)
    array[mask] = _INT64_MIN  # as numpy writes "not a time"
    return pd.Series(array.view(made)).dt.tz_localize("UTC")
