"""Columns as records and as data frames of pandas, polars and Arrow.

A column has a kind, which says what its values should be. One whose values do not all fit it gets a
wider kind, with a warning, rather than another value: see `_settled`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

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
_INT64 = (-(2**63), 2**63 - 1)
_RANGES = {
    "integer": _INT64,
    "seconds": (-62_135_596_800, 253_402_300_799),
    "nanoseconds": (-(2**63) + 1, 2**63 - 1),  # the smallest is "not a time" in numpy
}
_EXACT = 2**53  # up to this every integer is a floating-point number
# Of exact types, made of a value of a subclass of theirs, such as a member of an Enum.
_PLAIN: dict[type, Callable[[Any], Any]] = {
    str: lambda text: str.__getitem__(text, slice(None)),
    int: int.__pos__,
    float: float.__pos__,
}


@dataclass
class Column:
    """The values of one field.

    Attributes:
        name: of the field.
        kind: a key of KINDS.
        values: one of each row; None: there is none.
        as_json: gives the same values as texts in JSON.
    """

    name: str
    kind: str
    values: list[Any]
    as_json: Callable[[], list[str | None]]

    @property
    def has_null(self) -> bool:
        """Whether some row has no value."""
        return None in self.values

    def given(self) -> list[Any]:
        """The values that there are."""
        return [value for value in self.values if value is not None]


# ---------------------------------------------------------------- kinds that all values fit


def _in_range(kind: str, values: list[Any]) -> bool:
    low, high = _RANGES[kind]
    return not values or (low <= min(values) and max(values) <= high)


def _only(types: set[type], *wanted: type) -> bool:
    return all(issubclass(one, wanted) and one is not bool for one in types)


def _are_texts(types: set[type], values: list[Any]) -> bool:
    return types <= {list} and set(map(type, chain.from_iterable(values))) <= {str}


def _fits(kind: str, types: set[type], values: list[Any]) -> bool:
    """Whether these values, of these types, are of a kind."""
    if kind in ("text", "category"):
        return _only(types, str)
    if kind in _RANGES:
        return _only(types, int) and _in_range(kind, values)
    if kind == "float":
        return types <= {float} or (
            _only(types, int, float)
            and all(isinstance(one, float) or abs(one) <= _EXACT for one in values)
        )
    if kind == "boolean":
        return types <= {bool}
    if kind == "date":
        from datetime import date

        return types <= {date}
    return kind == "nested" or (kind == "texts" and _are_texts(types, values))


def _settled(column: Column) -> Column:
    """The column with a kind that all values fit.

    What does not fit is never changed or left out: times that no calendar has become integers, and
    whatever does not fit otherwise (larger integers, values of other types) is taken as it is.
    """
    types = set(map(type, column.values)) - {type(None)}
    values = column.given() if types else []
    if column.kind == "inferred":
        guesses = ("text", "boolean", "integer", "float", "nested")
        fitting = [kind for kind in guesses if types and _fits(kind, types, values)]
        return Column(column.name, (*fitting, "empty")[0], column.values, column.as_json)
    kind = column.kind
    if not _fits(kind, types, values):
        later = ("integer", "nested") if kind in ("seconds", "nanoseconds") else ("nested",)
        kind = next(one for one in later if _fits(one, types, values))
        became = "integers" if kind == "integer" else "taken as they are"
        warnings.warn(
            f"{column.name}: not all values are {KINDS[column.kind]}, so they are {became}",
            ColumnTypeWarning,
            stacklevel=5,
        )
    plain = next((plain for plain in _PLAIN if types == {plain}), None)
    wanted = next((plain for plain in _PLAIN if _only(types, plain)), None)
    if plain is None and wanted is not None and kind not in ("nested", "texts"):
        convert = _PLAIN[wanted]
        made = [None if one is None else convert(one) for one in column.values]
        return Column(column.name, kind, made, column.as_json)
    return Column(column.name, kind, column.values, column.as_json)


def _as_one_type(column: Column) -> Column:
    """The column for an engine whose columns have one type, and whose texts are in Unicode."""
    settled = _settled(column)
    if settled.kind == "nested":
        return Column(column.name, "text", column.as_json(), column.as_json)
    if settled.kind in ("text", "category", "texts"):
        given = settled.given()
        texts = chain.from_iterable(given) if settled.kind == "texts" else given
        try:
            "".join(texts).encode()
        except UnicodeEncodeError:
            raise _lone_surrogate(settled) from None
    return settled


def _lone_surrogate(column: Column) -> SerializationError:
    for row, value in enumerate(column.values):
        try:
            "".join(value or ()).encode()
        except UnicodeEncodeError:
            break
    return SerializationError(
        f"row {row}, {column.name}: a lone surrogate, which is no text in Unicode",
        (row, column.name),
    )


# ---------------------------------------------------------------- engines


def records_of(columns: list[Column]) -> list[dict[str, Any]]:
    """A dict for each row."""
    names = [column.name for column in columns]
    rows = zip(*(column.values for column in columns), strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


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
    for column in map(_as_one_type, columns):
        array = pa.array(column.values, types[column.kind])
        arrays.append(array.dictionary_encode() if column.kind == "category" else array)
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
        "texts": pl.List(pl.String),
        "empty": pl.Null,
    }
    frame = []
    for column in map(_as_one_type, columns):
        series = pl.Series(column.name, column.values, types[column.kind])
        if column.kind == "category":
            series = series.cast(pl.Categorical)
        elif column.kind == "seconds":
            series = (series * 1_000_000).cast(pl.Datetime("us", "UTC"))
        elif column.kind == "nanoseconds":
            series = series.cast(pl.Datetime("ns", "UTC"))
        frame.append(series)
    return pl.DataFrame(frame)


def pandas_of(columns: list[Column]) -> pd.DataFrame:
    """A data frame of pandas."""
    try:
        import pandas as pd
    except ImportError:
        raise MissingLibraryError.of("to_pandas()", "pandas", "pandas") from None

    rows = len(columns[0].values) if columns else 0
    data = {column.name: _pandas_array(_settled(column)) for column in columns}
    return pd.DataFrame(data, index=pd.RangeIndex(rows), copy=False)


def _pandas_array(column: Column) -> Any:
    import numpy as np
    import pandas as pd

    values = column.values
    if column.kind == "text":
        try:
            return pd.array(values, dtype=pd.StringDtype())
        except UnicodeEncodeError:  # a lone surrogate, which Arrow cannot hold
            return pd.array(values, dtype=pd.StringDtype("python"))
    if column.kind == "category":
        categories = sorted(set(column.given()))
        return pd.Categorical(values, categories=pd.Index(categories, dtype=object))
    types: dict[str, Any] = {
        "integer": (np.int64, pd.arrays.IntegerArray),
        "float": (np.float64, pd.arrays.FloatingArray),
        "boolean": (np.bool_, pd.arrays.BooleanArray),
        "seconds": (np.int64, "datetime64[s]"),
        "nanoseconds": (np.int64, "datetime64[ns]"),
    }
    if column.kind not in types:
        return pd.Series(values, dtype=object)
    dtype, made = types[column.kind]
    mask = np.zeros(len(values), np.bool_)
    if column.has_null:
        mask = np.fromiter((value is None for value in values), np.bool_, len(values))
        values = [0 if value is None else value for value in values]
    array = np.array(values, dtype)
    if not isinstance(made, str):
        return made(array, mask)
    moments = array.view(made)
    moments[mask] = np.datetime64("NaT")
    return pd.Series(moments).dt.tz_localize("UTC")
