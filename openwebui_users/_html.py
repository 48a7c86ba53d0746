"""What notebooks show: models, lists of them, and the pieces that other displays are made of.

Names, addresses of images and keys are other people's input. All of it goes through `text()`: it
is escaped, cut, and characters that are not seen or that turn the direction of what is around them
stand there as escapes. There are no scripts, no style sheets, no images, and nothing is loaded.
Math is not set, as "$" is but a character of a name. Colours are those of the page, and tints of
them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from . import _core
from ._describe import epoch_to_datetime, fields_of, shown_fields
from ._text import safe_repr
from .errors import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

_MAX_TEXT = 300  # characters of one value
_MAX_CELL = 60  # the same in a list, where many stand side by side
MAX_ROWS = 30  # objects of one list
_MAX_INNER = 10  # the same inside of something else
_MAX_IN_CELL = 3  # values of one cell in a list
_MAX_COLUMNS = 40
_MAX_DEPTH = 2  # tables within tables
_MAX_PLAIN = 10_000  # characters of the text beside the table

_JOINERS = "\u200c\u200d"  # letters' own in some scripts, and what holds emoji together
_EMPTY: tuple[Any, ...] = (None, "", [], {}, ())

# tex2jax is what MathJax was before; both are told to leave names alone.
_PAGE = '<div class="tex2jax_ignore mathjax_ignore" style="overflow-x:auto">{}</div>'
_LEFT = ' style="text-align:left;vertical-align:top"'
_CELL = ' style="text-align:left;vertical-align:top;max-width:60em"'
_ONE_LINE = ' style="text-align:left;vertical-align:top;white-space:nowrap"'
_TABLE = ' style="overflow-wrap:break-word"'
# Red, green and yellow that let light and dark pages shine through.
_TINTS = {
    "+": "rgba(46,160,67,.25)",
    "-": "rgba(248,81,73,.25)",
    "~": "rgba(187,128,9,.25)",
}

_PER_SECOND = {"seconds": 1, "nanoseconds": 10**9}
_THESE_CENTURIES = range(2**25, 2**33)  # seconds since 1970: the years 1971 to 2242


# ---------------------------------------------------------------- text


def more(shown: int, total: int, noun: str = "") -> str:
    """What stands at the end of what was cut; nothing if it was not."""
    if shown >= total:
        return ""
    return f"… and {total - shown:,} more{f' {noun}' if noun else ''} of {total:,}"


def text(value: object, limit: int = _MAX_TEXT) -> str:
    """Any value as HTML that is text and nothing else."""
    whole = value if isinstance(value, str) else safe_repr(value)
    end = ""
    if len(whole) > limit:
        end = f"… <small>(of {len(whole):,} characters)</small>"
        whole = whole[:limit]
    safe = "".join(map(_character, whole)) if not _is_plain(whole) else whole
    return (safe if whole.isascii() else f"<bdi>{safe}</bdi>") + end


def _is_plain(whole: str) -> bool:
    return whole.isascii() and whole.isprintable() and not any(one in whole for one in "&<>\"'")


def _character(one: str) -> str:
    import html
    import unicodedata

    if one.isprintable() or one in _JOINERS or unicodedata.category(one) == "Zs":
        return html.escape(one)
    return f'<code dir="ltr">{ascii(one)[1:-1]}</code>'


def moment(value: object, units: Iterable[str]) -> str | None:
    """A time that is kept as a number, readable, with the number beside it; None: it is none.

    Args:
        value: anything.
        units: in which it may be; of several the one that makes it a time of these centuries.
    """
    units = list(units)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    if len(units) > 1:
        units = [unit for unit in units if value // _PER_SECOND[unit] in _THESE_CENTURIES]
    if len(units) != 1:
        return None
    try:
        found = epoch_to_datetime((value, units[0] == "nanoseconds"))
    except ValueError:
        return None
    shown = found.replace(tzinfo=None).isoformat(" ", "seconds")
    return f'<time title="{value}" style="white-space:nowrap">{shown} UTC</time>'


# ---------------------------------------------------------------- pieces


def page(*parts: str) -> str:
    """All of one display, of HTML."""
    return _PAGE.format("".join(parts))


def paragraph(content: str) -> str:
    """A line of HTML of its own; nothing for nothing."""
    return f'<p style="text-align:left;margin:.3em 0">{content}</p>' if content else ""


def tinted(sign: str, content: str) -> str:
    """HTML on the tint of "+", "-" or "~"; as it is for any other sign."""
    return (
        f'<span style="background:{_TINTS[sign]}">{content}</span>' if sign in _TINTS else content
    )


def unbroken(content: str) -> str:
    """HTML that stays in one line."""
    return f'<span style="white-space:nowrap">{content}</span>' if content else ""


def diff(lines: Iterable[tuple[str, str, str]]) -> str:
    """Lines of sign, indentation and text, which read without their colours."""
    shown = (
        indent + tinted(sign, f"{'−' if sign == '-' else sign} {text(line)}")
        for sign, indent, line in lines
    )
    style = "margin:.3em 0;text-align:left;font-family:monospace"
    return f'<pre style="{style}">{"<br>".join(shown)}</pre>'


def table(
    caption: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    after: str = "",
    *,
    style: str = _CELL,
) -> str:
    """A table with a row for each thing.

    Args:
        caption: text above it.
        head: texts above the columns.
        rows: HTML of each column; the first one is the row's title.
        after: text below it.
        style: of the cells.
    """
    titles = "".join(f"<th{_LEFT}>{text(one)}</th>" for one in head)
    body = "".join(
        f"<tr><th{_LEFT}>{first}</th>" + "".join(_cell_html(one, style) for one in cells) + "</tr>"
        for first, *cells in rows
    )
    return (
        f"<table{_TABLE}>{_caption(caption)}<thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"
        f"{paragraph(text(after) if after else '')}"
    )


def pairs(caption: str, values: Iterable[tuple[str, str]], after: str = "") -> str:
    """A table of names (texts) and what they stand for (HTML)."""
    body = "".join(
        f"<tr><th{_LEFT}>{text(name)}</th>{_cell_html(value, _CELL)}</tr>" for name, value in values
    )
    return (
        f"<table{_TABLE}>{_caption(caption)}<tbody>{body}</tbody></table>"
        f"{paragraph(text(after) if after else '')}"
    )


def _cell_html(content: str, style: str) -> str:
    """A cell; a table within it has its own cells' style."""
    return f"<td{_LEFT if '<table' in content else style}>{content}</td>"


def _caption(caption: str) -> str:
    style = "text-align:left;caption-side:top;font-weight:bold"
    return f'<caption style="{style}">{text(caption)}</caption>' if caption else ""


# ---------------------------------------------------------------- values, models, lists


def value_html(value: object, limit: int = _MAX_TEXT, depth: int = 0) -> str:
    """A value of a field: nothing for None, tables for models, others as text; cut with a count."""
    if value is None:
        return ""
    if isinstance(value, _core.Model) and depth > 0:
        return _model(value, depth)
    if isinstance(value, (list, tuple)):
        if depth > 0 and value and all(isinstance(one, _core.Model) for one in value):
            return _list(value, "", _MAX_INNER, depth)
        most = _MAX_INNER if limit > _MAX_CELL else _MAX_IN_CELL
        shown = [text(_text_of(one), limit) for one in value[:most]]
        left = more(len(shown), len(value))
        return ", ".join([*shown, left] if left else shown)
    return text(_text_of(value), limit)


def _text_of(value: object) -> str:
    return value if isinstance(value, str) else _plain_value(value)


@cache
def _times() -> dict[str, set[str]]:
    """Fields of any model that hold a time as a number, and in which units."""
    found: dict[str, set[str]] = {}
    for model in _core.model_table():
        for field in model["fields"]:
            if field["epoch"]:
                found.setdefault(field["name"], set()).add(field["epoch"])
    return found


def _units(obj: _core.Model) -> dict[str, Iterable[str]]:
    """The same for one object: keys that it keeps without knowing them count by their name."""
    own = {field["name"]: [field["epoch"]] * bool(field["epoch"]) for field in fields_of(type(obj))}
    return {**_times(), **own}


def _shown_value(value: object, units: Iterable[str], limit: int, depth: int) -> str:
    return moment(value, units) or value_html(value, limit, depth)


def _model(obj: _core.Model, depth: int = _MAX_DEPTH) -> str:
    """A table of its fields; of those without a value only the names."""
    units = _units(obj)
    values = list(shown_fields(obj))
    given = [(name, value) for name, value in values if not _is_empty(value)]
    empty = [_name(name) for name, value in values if _is_empty(value)]
    rows = [
        (_name(name), _shown_value(value, units.get(name, ()), _MAX_TEXT, depth - 1))
        for name, value in given[:_MAX_COLUMNS]
    ]
    notes = [more(len(rows), len(given), "fields")]
    if empty:
        names = ", ".join(empty[:_MAX_INNER])
        notes.append(f"without a value: {names} {more(_MAX_INNER, len(empty))}".rstrip())
    return pairs(type(obj).__name__, rows, "; ".join(filter(None, notes)))


def _is_empty(value: object) -> bool:
    return any(value is one or (type(value) is type(one) and value == one) for one in _EMPTY)


def _name(name: object) -> str:
    return name if isinstance(name, str) else safe_repr(name)


def _word(name: object) -> str:
    """A name in a text; one that somebody else chose may be anything."""
    return name if isinstance(name, str) and name.isidentifier() else safe_repr(name)


def _list(objects: Sequence[Any], caption: str, limit: int, depth: int = 1) -> str:
    """A table with a row for each object, and a column for each field that one of them has."""
    shown = objects[:limit]
    rows = [_row(one) for one in shown]
    names = list(
        dict.fromkeys(name for row in rows for name, one in row.items() if not _is_empty(one[0]))
    )
    columns = names[:_MAX_COLUMNS]
    cells = (
        [
            str(number),
            *(
                _shown_value(*row[name], _MAX_CELL, depth - 1) if name in row else ""
                for name in columns
            ),
        ]
        for number, row in enumerate(rows)
    )
    left = [more(len(rows), len(objects)), more(len(columns), len(names), "columns")]
    return table(
        caption, ["", *map(_name, columns)], cells, "; ".join(filter(None, left)), style=_ONE_LINE
    )


def _row(obj: object) -> dict[str, tuple[object, Iterable[str]]]:
    """Values of an object by name, each with the units of a time."""
    if not isinstance(obj, _core.Model):
        return {"value": (obj, ())}
    units = _units(obj)
    return {name: (value, units.get(name, ())) for name, value in shown_fields(obj)}


def list_html(objects: Sequence[Any], caption: str | None = None) -> str:
    """A table of many models, cut with a count."""
    if caption is None:
        kinds = ", ".join(dict.fromkeys(type(one).__name__ for one in objects[:MAX_ROWS]))
        caption = f"{kinds or type(objects).__name__}: {f'{len(objects):,}' if objects else 'none'}"
    if not objects:
        return paragraph(f"<b>{text(caption)}</b>")
    return _list(objects, caption, MAX_ROWS)


# ---------------------------------------------------------------- what notebooks ask


def repr_html(obj: _core.Model | list[Any]) -> str:
    """The table of a model or of a list of models, for `_repr_html_`."""
    if isinstance(obj, _core.Model):
        return page(_model(obj))
    return page(list_html(obj))


def _plain(obj: Any) -> str:
    """The text for where there is no HTML."""
    if isinstance(obj, Displayed):
        return str(obj)  # whole: of a plan nothing may be missed
    if isinstance(obj, list):
        lines = [_plain_value(one) for one in obj[:MAX_ROWS]]
        left = more(len(lines), len(obj))
        whole = f"[{f',{chr(10)} '.join([*lines, left] if left else lines)}]"
    else:
        whole = _plain_value(obj)
    if len(whole) <= _MAX_PLAIN:
        return whole
    return f"{whole[:_MAX_PLAIN]}… (of {len(whole):,} characters)"


def _plain_value(value: object) -> str:
    """repr(), with secrets masked in free-form values too: notebooks are kept and passed on."""
    try:
        return _masked_repr(value)
    except RecursionError:
        return safe_repr(value)  # which says so


def _masked_repr(value: object) -> str:
    if isinstance(value, _core.Model) and type(value).__repr__ is _core.Model.__repr__:
        fields = (f"{_word(name)}={_masked_repr(one)}" for name, one in shown_fields(value))
        return f"{type(value).__name__}({', '.join(fields)})"
    if isinstance(value, list):
        shown = [_masked_repr(one) for one in value[:MAX_ROWS]]
        left = more(len(shown), len(value))
        return f"[{', '.join([*shown, left] if left else shown)}]"
    return safe_repr(masked(value))


def repr_mimebundle(
    obj: Any, include: Collection[str] | None = None, exclude: Collection[str] | None = None
) -> dict[str, str]:
    """The text and the table of an object, for `_repr_mimebundle_`.

    There is no application/json: JupyterLab would show its tree instead of the table.

    Args:
        obj: a model, a list of models, or what is Displayed.
        include: MIME types that are wanted; None or empty: all.
        exclude: MIME types that are not.
    """

    def html() -> str:  # a subclass may have one of its own
        own = getattr(type(obj), "_repr_html_", None)
        found: str = repr_html(obj) if own is None else own(obj)
        return found

    makers: dict[str, Callable[[], str]] = {"text/plain": lambda: _plain(obj), "text/html": html}
    return {
        kind: make()
        for kind, make in makers.items()
        if (not include or kind in include) and not (exclude and kind in exclude)
    }


class Displayed:
    """Base of what notebooks show as HTML and terminals as str(). `_html_parts` is its HTML."""

    __slots__ = ()

    def _html_parts(self) -> Iterable[str]:
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return page(*self._html_parts())

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        return repr_mimebundle(self, include, exclude)
