"""What commands print: tables for people, other formats for programs.

Names are other people's input. Text that could change a terminal or run in a spreadsheet is made
harmless.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from shutil import get_terminal_size
from typing import Any

from openwebui_users._text import printable

from ._failures import CommandError

FORMATS = ("table", "json", "jsonl", "csv", "yaml", "id")
_LONGEST_CELL = 80
_GAP = "  "  # between columns
_NARROWEST = 4  # characters of a column that is wider


# ---------------------------------------------------------------- values


def plain(value: Any, secrets: bool = False) -> Any:
    """A model, or a container of models, as plain values, without fields that are secrets."""
    from openwebui_users import Model

    if isinstance(value, Model):
        dumped = value.model_dump(mode="json")
        return _without_secrets(type(value), dumped, secrets)
    if isinstance(value, Mapping):
        return {str(key): plain(one, secrets) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one, secrets) for one in value]
    return value


def _without_secrets(kind: Any, dumped: dict[str, Any], secrets: bool) -> dict[str, Any]:
    """The result of model_dump(), without the secrets of the model and of the models in it."""
    if secrets:
        return dumped
    hidden, inner = _parts_of(kind)
    found = {name: one for name, one in dumped.items() if name not in hidden}
    for name, other in inner.items():
        value = found.get(name)
        if isinstance(value, dict):
            found[name] = _without_secrets(other, value, secrets)
        elif isinstance(value, list):
            found[name] = [
                _without_secrets(other, one, secrets) if isinstance(one, dict) else one
                for one in value
            ]
    return found


@cache
def _parts_of(kind: Any) -> tuple[frozenset[str], dict[str, Any]]:
    """The names of a model's secrets, and the models in its fields."""
    from typing import get_args

    from openwebui_users import Model

    fields = kind.model_fields
    inner = {}
    for name, info in fields.items():
        annotation = info.annotation
        for one in (annotation, *get_args(annotation)):
            for two in (one, *get_args(one)):
                if isinstance(two, type) and issubclass(two, Model):
                    inner[name] = two
    return frozenset(name for name, info in fields.items() if info.secret), inner


def _units(item: Any) -> dict[str, str]:
    """The unit of each field that is a time; nothing if the item is not a model."""
    from openwebui_users import Model
    from openwebui_users._describe import fields_of

    if not isinstance(item, Model):
        return {}
    return {one["name"]: one["epoch"] for one in fields_of(type(item)) if one["epoch"] is not None}


def _as_time(value: int, unit: str) -> str:
    """A time in UTC, to the minute; the number itself if no date can hold it."""
    from openwebui_users._describe import epoch_to_datetime

    try:
        return f"{epoch_to_datetime((value, unit == 'nanoseconds')):%Y-%m-%d %H:%M}"
    except ValueError:
        return str(value)


def _in_one_cell(value: Any) -> str:
    """A value as text for people."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        text = ", ".join(value)
    elif isinstance(value, (dict, list)):
        text = json.dumps(value, ensure_ascii=False)
    else:
        text = str(value)
    if len(text) > _LONGEST_CELL:
        text = f"{text[:_LONGEST_CELL]}…"
    return printable(text)


def escaped(text: str) -> str:
    """The JSON text with escapes for characters that a terminal would not show; the same values."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text
    )


def to_json(value: Any, indent: int | None = None) -> str:
    """JSON text that is safe on a terminal, in characters that stdout has."""
    return escaped(json.dumps(value, ensure_ascii=not _takes_unicode(), indent=indent))


def _takes_unicode() -> bool:
    return (sys.stdout.encoding or "utf-8").lower().replace("_", "-") in ("utf-8", "utf8")


# ---------------------------------------------------------------- the output of one command


class Output:
    """Prints the result of a command.

    Args:
        format: one of FORMATS; None: a table on a terminal, JSON elsewhere.
        fields: names of the fields to show, in order; None: the command's own choice in a table,
            and all fields in other formats.
        secrets: whether to show fields that are secrets.
    """

    def __init__(
        self,
        format: str | None = None,  # noqa: A002
        fields: Sequence[str] | None = None,
        secrets: bool = False,
    ) -> None:
        self.format = format or ("table" if sys.stdout.isatty() else "json")
        self.fields = list(fields) if fields else None
        self._secrets = secrets
        if self.format != "table" and not sys.stdout.isatty():
            write_utf8()

    @property
    def is_for_people(self) -> bool:
        return self.format == "table"

    # ------------------------------------------------------------ many

    def rows(self, items: Iterable[Any], columns: Sequence[str] = (), *, head: Any = ()) -> None:
        """Print many things, each as soon as it arrives, if the format allows that.

        Args:
            items: models or mappings.
            columns: columns of a table.
            head: names of all fields, or the model that has them, for a CSV without any row.
        """
        if self.format == "table":
            self._table(list(items), columns)
        elif self.format == "id":
            _write_ids(map(self._plain, items))
        elif self.format == "csv":
            if isinstance(head, type):
                head = self._dumped(head)
            _write_csv(map(self._row, items), self.fields or list(head))
        else:
            writers = {"json": _write_json, "jsonl": _write_jsonl, "yaml": _write_yaml}
            writers[self.format](map(self._row, items))

    def _dumped(self, kind: Any) -> list[str]:
        """The fields of a model that are shown."""
        hidden = frozenset() if self._secrets else _parts_of(kind)[0]
        fields = kind.model_fields.items()
        return [name for name, info in fields if name not in hidden and not info.excluded]

    def _row(self, item: Any) -> dict[str, Any]:
        return self._chosen(self._plain(item))

    def _plain(self, item: Any) -> dict[str, Any]:
        found = plain(item, self._secrets)
        return found if isinstance(found, dict) else {"value": found}

    def _chosen(self, row: dict[str, Any]) -> dict[str, Any]:
        if self.fields is None:
            return row
        return {name: _at(row, name) for name in self.fields}

    def _table(self, items: list[Any], columns: Sequence[str]) -> None:
        rows = [self._plain(item) for item in items]
        if self.fields is not None:
            names = self.fields
        elif columns:
            names = [name for name in columns if any(name in row for row in rows)]
        else:
            names = list(dict.fromkeys(name for row in rows for name in row))
        if not rows:
            print("nothing", file=sys.stderr)
            return
        units = _units(items[0])
        cells = [[self._shown(_at(row, name), units.get(name)) for name in names] for row in rows]
        heads = [f"{name} (UTC)" if name in units else name for name in names]
        _print_table(heads, cells)

    @staticmethod
    def _shown(value: Any, unit: str | None) -> str:
        if unit is not None and isinstance(value, int):
            return _as_time(value, unit)
        return _in_one_cell(value)

    # ------------------------------------------------------------ one

    def one(self, item: Any, columns: Sequence[str] = ()) -> None:
        """Print one thing. A table has a line for each field that has a value."""
        row = self._row(item)
        if self.format == "json":
            print(to_json(row, indent=2))
        elif self.format == "yaml":
            print(yaml_text(row), end="")
        elif self.format != "table":
            self.rows([item])
        else:
            units = _units(item)
            names = self.fields or [name for name in columns if name in row] or list(row)
            cells = [
                [
                    f"{name} (UTC)" if name in units else name,
                    self._shown(row[name], units.get(name)),
                ]
                for name in names
                if self.fields or row[name] not in (None, "", [], {})
            ]
            _print_table([], cells)

    def text(self, text: str) -> None:
        """Print a text for people, with control characters escaped."""
        for line in text.splitlines():
            print(printable(line))


def _at(row: Mapping[str, Any], name: str) -> Any:
    """The value under a name, or under a path such as settings.ui.theme."""
    if name in row:
        return row[name]
    value: Any = row
    for part in name.split("."):
        if not isinstance(value, Mapping):
            return None
        if part not in value:
            if value is row:
                raise CommandError(_no_field(name, row))
            return None
        value = value[part]
    return value


def _no_field(name: str, row: Mapping[str, Any]) -> str:
    import difflib

    near = difflib.get_close_matches(name, list(row), n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(row)}"
    return f"--fields: there is no field {name!r}; {hint}"


# ---------------------------------------------------------------- formats


def _print_table(heads: list[str], cells: list[list[str]]) -> None:
    """Print a table at its full width. If the terminal is narrower, fold the cells."""
    from rich.cells import cell_len

    rows = [heads, *cells] if heads else cells
    if not rows:
        return
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    is_terminal = sys.stdout.isatty()
    if is_terminal and sum(widths) + len(_GAP) * (len(widths) - 1) > get_terminal_size().columns:
        _print_folded(heads, cells, widths)
        return
    lines = (
        _GAP.join(
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    )
    if heads:
        head = next(lines)
        is_bold = is_terminal and os.environ.get("TERM", "dumb") != "dumb"
        print(f"\x1b[1m{head}\x1b[0m" if is_bold else head)
    for line in lines:
        print(line)


def _print_folded(heads: list[str], cells: list[list[str]], widths: list[int]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    columns = get_terminal_size().columns
    least = [min(width, _NARROWEST) for width in widths]
    if sum(least) + len(_GAP) * len(least) > columns:  # a table would leave columns out
        _print_lines(heads, cells)
        return
    table = Table(box=None, show_header=bool(heads), pad_edge=False, padding=(0, len(_GAP), 0, 0))
    for name, width in zip(heads or ["", ""], least, strict=True):
        table.add_column(Text(name), overflow="fold", min_width=width)
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    Console(highlight=False, width=columns).print(table)


def _print_lines(heads: list[str], cells: list[list[str]]) -> None:
    """Print one line for each field. Very narrow terminals fold the lines themselves."""
    for number, row in enumerate(cells):
        if heads and number:
            print()
        for name, cell in zip(heads, row, strict=True) if heads else [row]:
            print(f"{name}: {cell}")


def _write_json(rows: Iterator[dict[str, Any]]) -> None:
    first = next(rows, None)
    if first is None:
        print("[]")
        return
    print("[\n  " + to_json(first), end="")
    for row in rows:
        print(",\n  " + to_json(row), end="")
    print("\n]")


def _write_jsonl(rows: Iterator[dict[str, Any]]) -> None:
    for row in rows:
        print(to_json(row))


def _write_ids(rows: Iterator[dict[str, Any]]) -> None:
    for row in rows:
        if "id" not in row:
            raise CommandError("--output id: what is shown here has no id")
        if row["id"] is not None:  # of an account that was not made
            print(escaped(str(row["id"])).replace("\n", "\\n"))


def _write_csv(rows: Iterator[dict[str, Any]], head: list[str]) -> None:
    from openwebui_users.admin._export import cell, quoted

    def write(cells: Iterable[Any]) -> None:
        line = ",".join(map(quoted, cells)) or '""'  # an empty line would be no row
        sys.stdout.write(f"{escaped_controls(line)}\n")

    first = next(rows, None)
    names = head if first is None else list(first)
    if names:
        write(map(cell, names))
    for row in itertools.chain([] if first is None else [first], rows):
        write(cell(row.get(name)) for name in names)


def escaped_controls(text: str) -> str:
    """On a terminal, the text with control characters escaped; otherwise the text unchanged."""
    return printable(text, keep="\n") if sys.stdout.isatty() else text


def write_utf8() -> None:
    """Let stdout take every character in any locale: output for programs is in UTF-8."""
    if isinstance(sys.stdout, io.TextIOWrapper) and not _takes_unicode():
        sys.stdout.reconfigure(encoding="utf-8")


def _write_yaml(rows: Iterator[dict[str, Any]]) -> None:
    some = False
    for row in rows:
        some = True
        print(yaml_text([row]), end="")
    if not some:
        print("[]")


def yaml_text(value: Any) -> str:
    """YAML. Texts with characters that a terminal would not show are in quotes, with escapes."""
    yaml, dumper = _yaml()
    text = yaml.dump(
        value, Dumper=dumper, allow_unicode=_takes_unicode(), sort_keys=False, width=10_000
    )
    return escaped(text)


@cache
def _yaml() -> tuple[Any, Any]:
    """The library, and a dumper that puts such texts in quotes."""
    try:
        import yaml
    except ImportError:
        from openwebui_users.errors import MissingLibraryError

        raise MissingLibraryError.of("YAML", "PyYAML", "cli") from None

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        """The safe dumper, in C if it is available."""

    def represent(dumper: Any, text: str) -> Any:
        style = None if text.isprintable() else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent)
    return yaml, Dumper
