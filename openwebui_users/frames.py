"""Convert many models to records and to data frames.

The functions of this module are also methods: of ModelList, the class of all lists of models that
come from a server, and of pages such as UserListResponse.

The table of models determines the columns and their types; see docs/frames.md. Values are read
directly from the records of the models, so the models do not grow in memory.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from . import _core
from ._describe import models_by_name
from ._engines import Column, arrow_of, pandas_of, polars_of, records_of
from .errors import secret_names

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-not-found, import-untyped, unused-ignore]
    import polars as pl
    import pyarrow as pa  # type: ignore[import-not-found, import-untyped, unused-ignore]

__all__ = ["to_arrow", "to_pandas", "to_polars", "to_records"]

_KINDS = {"str": "text", "int": "integer", "float": "float", "bool": "boolean", "date": "date"}


def _kind_of(field: dict[str, Any]) -> str:
    """The kind of column that a field of the table makes."""
    if field["epoch"]:
        return str(field["epoch"])
    if field["category"]:
        return "category"
    if field["kind"] == "list" and field["item"] == "str":
        return "texts"
    return _KINDS.get(field["kind"], "nested")


def _models_of(source: Any) -> _core.ModelList[Any]:
    """The models that were given, as a list of our own."""
    if isinstance(source, _core.Model):
        (name,), _ = _core.columns_of([source], frozenset())
        page = models_by_name()[name]["page"]
        if page is None:
            raise TypeError(
                f"models must be many models, not one {type(source).__name__}: give [model]"
            )
        source = getattr(source, page)
    if not isinstance(source, Iterable):
        more = ": collect what it gives first" if hasattr(source, "__aiter__") else ""
        raise TypeError(f"models must be an iterable of models, not {type(source).__name__}{more}")
    return _core.ModelList(source)


class _Known:
    """Columns that models of some classes can have.

    Args:
        classes: names of the classes, in the order of their columns.
        kept: unknown keys that the models keep; with `fields` those of them that it names.
    """

    def __init__(self, classes: list[str], kept: list[str]) -> None:
        rows = [models_by_name()[name] for name in classes]
        self.kinds: dict[str, str] = {}
        self.secrets: set[str] = set(secret_names().intersection(kept))
        self.excluded: set[str] = set()
        self.any_name = not rows
        for field in (field for row in rows for field in row["fields"]):
            name, kind = field["name"], _kind_of(field)
            if field["excluded"]:
                self.excluded.add(name)
            elif self.kinds.setdefault(name, kind) != kind:  # two classes mean two things by it
                self.kinds[name] = "inferred"
            if field["secret"]:
                self.secrets.add(name)
        for name in kept:
            self.kinds.setdefault(name, "inferred")

    def chosen(self, names: tuple[str, ...] | None, secrets: bool) -> tuple[str, ...]:
        """Names of the columns that were asked for; None: all."""
        if names is None:
            return tuple(name for name in self.kinds if secrets or name not in self.secrets)
        for name in names:
            self._check(name, secrets)
            if names.count(name) > 1:
                raise ValueError(f"fields names {name!r} twice")
        return names

    def _check(self, name: str, secrets: bool) -> None:
        if name in self.kinds:
            if name in self.secrets and not secrets:
                raise ValueError(f"{name!r} is a secret: give secrets=True")
        elif name in self.excluded:
            raise ValueError(f"{name!r} is never part of a dump, nor of a column")
        elif not self.any_name or not isinstance(name, str):
            near = difflib.get_close_matches(str(name), list(self.kinds), n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"these models have no field {name!r}{meant}")


def _asked(fields: Iterable[str] | None) -> tuple[str, ...] | None:
    """The names in fields; None: all are wanted."""
    if fields is None:
        return None
    if isinstance(fields, str):
        raise TypeError("fields must be an iterable of names, not str")
    names = tuple(fields)
    if not names:
        raise ValueError("fields must name at least one")
    return names


def _columns(source: Any, fields: Iterable[str] | None, secrets: bool) -> list[Column]:
    models = _models_of(source)
    asked = _asked(fields)
    known = _Known(*_core.columns_of(models, None if asked is None else frozenset(asked)))
    names = known.chosen(asked, secrets)
    nested = [name for name in names if known.kinds.get(name) == "nested"]
    flat = tuple(name for name in names if name not in nested)
    # those that every engine wants, in one pass
    made = dict(zip(flat, _core.columns(models, flat, False), strict=True))

    def plain(name: str) -> list[Any]:
        return made[name] if name in made else _core.columns(models, (name,), False)[0]

    def as_json(name: str) -> list[str | None]:
        return _core.columns(models, (name,), True)[0]

    return [
        Column(
            name,
            known.kinds.get(name, "inferred"),
            len(models),
            partial(plain, name),
            partial(as_json, name),
        )
        for name in names
    ]


def to_records(
    models: Any, /, *, fields: Iterable[str] | None = None, secrets: bool = False
) -> list[dict[str, Any]]:
    """A dict for each model, all with the same keys; values as in model_dump().

    Args:
        models: an iterable of models, or a page of them.
        fields: names of fields, in the order of the keys; None: all fields that are not secrets.
        secrets: also include fields with secrets.

    Returns:
        list[dict[str, Any]]: the dicts; a value is None if the model has no such field.

    Raises:
        ValueError: a name is unknown, or names a secret.
    """
    return records_of(_columns(models, fields, secrets))


def to_pandas(
    models: Any, /, *, fields: Iterable[str] | None = None, secrets: bool = False
) -> pd.DataFrame:
    """A data frame of pandas, with a row for each model and columns of the fields' types.

    Args:
        models: an iterable of models, or a page of them.
        fields: names of columns, in their order; None: all fields that are not secrets.
        secrets: also include fields with secrets.

    Returns:
        pandas.DataFrame: see docs/frames.md for the types of columns.

    Raises:
        MissingLibraryError: pandas is not installed.
        ValueError: a name is unknown, or names a secret.
    """
    return pandas_of(_columns(models, fields, secrets))


def to_polars(
    models: Any, /, *, fields: Iterable[str] | None = None, secrets: bool = False
) -> pl.DataFrame:
    """A data frame of polars, with a row for each model and columns of the fields' types.

    Args:
        models: an iterable of models, or a page of them.
        fields: names of columns, in their order; None: all fields that are not secrets.
        secrets: also include fields with secrets.

    Returns:
        polars.DataFrame: see docs/frames.md for the types of columns.

    Raises:
        MissingLibraryError: polars is not installed.
        ValueError: a name is unknown, or names a secret.
        SerializationError: a text is not valid Unicode, or a value cannot be represented in JSON.
    """
    return polars_of(_columns(models, fields, secrets))


def to_arrow(
    models: Any, /, *, fields: Iterable[str] | None = None, secrets: bool = False
) -> pa.Table:
    """A table of Arrow, with a row for each model and columns of the fields' types.

    Args:
        models: an iterable of models, or a page of them.
        fields: names of columns, in their order; None: all fields that are not secrets.
        secrets: also include fields with secrets.

    Returns:
        pyarrow.Table: see docs/frames.md for the types of columns.

    Raises:
        MissingLibraryError: pyarrow is not installed.
        ValueError: a name is unknown, or names a secret.
        SerializationError: a text is not valid Unicode, or a value cannot be represented in JSON.
    """
    return arrow_of(_columns(models, fields, secrets))
