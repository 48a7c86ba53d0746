"""Reading tables: numbers of rows, names of columns, and what is wrong."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped, unused-ignore]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openwebui_users import AddUserForm
from openwebui_users.admin import InvalidInputError, Problem
from openwebui_users.admin._rows import FORMULA, defused, read_rows, undefused

ANN = {"name": "Ann", "email": "ann@example.com"}


def rows(text: str | bytes, **how: Any) -> list[tuple[int, dict[str, Any]]]:
    return list(read_rows(io.StringIO(text) if isinstance(text, str) else io.BytesIO(text), **how))


@pytest.mark.parametrize(
    "text",
    [
        "Name,Email\nAnn,ann@example.com\n",
        "\ufeffName;Email\r\nAnn;ann@example.com\r\n",
        "NAME\temail\nAnn\tann@example.com",
        '"name"|"Email"\n"Ann"|"ann@example.com"\n',
        "sep=;\nname;email\nAnn;ann@example.com\n",
        "sep=\t\r\nname\temail\r\nAnn\tann@example.com\r\n",
        '[{"Name": "Ann", "email": "ann@example.com", "bio": null}]',
        '{"users": [{"Name": "Ann", "email": "ann@example.com"}]}',
        '{"name": "Ann", "email": "ann@example.com"}\n\n',
    ],
)
def test_the_same_table_in_many_forms(text: str) -> None:
    ((_, cells),) = rows(text)
    assert cells == ANN
    ((_, cells),) = rows(text.encode())
    assert cells == ANN


def test_utf_16_as_excel_saves_unicode_text() -> None:
    ((number, cells),) = rows("name\temail\r\nÄnn\tann@example.com\r\n".encode("utf-16"))
    assert (number, cells["name"]) == (2, "Änn")


def test_rows_are_counted_as_a_spreadsheet_does() -> None:
    found = rows('name,bio\n"Ann","two\nlines"\n\n,\nBen,\n')
    assert found == [(2, {"name": "Ann", "bio": "two\nlines"}), (5, {"name": "Ben"})]
    assert rows('{"a": 1}\n\n{"a": 2}\n') == [(1, {"a": 1}), (3, {"a": 2})]


def test_names_of_columns_in_any_spelling() -> None:
    ((_, cells),) = rows("  Date of Birth ,time-zone\n2000-01-01,UTC\n")
    assert cells == {"date_of_birth": "2000-01-01", "time_zone": "UTC"}


def test_iterables_and_data_frames(tmp_path: Path) -> None:
    form = AddUserForm(name="Ann", email="ann@example.com", password="p")
    found = list(read_rows([dict(ANN), form, {**ANN, "bio": None, "x": float("nan")}]))
    assert [number for number, _ in found] == [1, 2, 3]
    assert found[0][1] == found[2][1] == ANN
    assert found[1][1] == {**ANN, "password": "p"}
    frame = pd.DataFrame([{**ANN, "born": pd.NaT}, {**ANN, "born": pd.Timestamp("2020-01-01")}])
    first, second = read_rows(frame)
    assert first[1] == ANN and second[1]["born"].year == 2020
    frame.columns = pd.Index(["name", "name", "born"])
    with pytest.raises(InvalidInputError, match="two columns of this name"):
        list(read_rows(frame))
    path = tmp_path / "people.csv"
    path.write_text("name,email\nAnn,ann@example.com\n")
    assert list(read_rows(path)) == list(read_rows(str(path))) == [(2, ANN)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("name,Name\n", "row 1 column name: there are two columns of this name"),
        ('name\n"Ann" x\n', "row 2: is not CSV"),
        ('name\n"Ann', "row 2: is not CSV"),
        (b"name\nAnn\nB\xe9n\n", "row 3: the file is not in UTF-8"),
        ("[1, 2", "the file is not JSON"),
        ('"text"', "must hold a list of objects"),
        ('{"a": 1, "b": 2}', "must hold a list of objects"),
    ],
)
def test_what_is_no_table(text: str | bytes, message: str) -> None:
    how = {"format": "json"} if text in ('"text"', '{"a": 1, "b": 2}') else {}
    with pytest.raises(InvalidInputError, match=message):
        rows(text, **how)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a,b\n1,2,3\n4,5\n", Problem("has 3 cells, but the header has 2: is a quote missing?", 2)),
        ("a,\n1,2\n4,\n", Problem("a cell is in a column without a name", 2)),
        ('{"a": 1}\n{"a"}\n', None),
        ('[{"a": 1}, 7]', Problem("must be an object with a value for each column, got int", 2)),
        ('{"a": 1}\n' + "[" * 100_000 + "\n", None),
    ],
)
def test_a_bad_row_is_told_and_left_out(text: str, problem: Problem | None) -> None:
    told: list[Problem] = []
    assert len(rows(text, on_problem=told.append)) == 1
    assert len(told) == 1 and (problem is None or told == [problem])
    with pytest.raises(InvalidInputError):
        rows(text)


def test_sources_that_are_none() -> None:
    for source in ({"name": "Ann"}, 7, None):
        with pytest.raises(TypeError, match="source must be"):
            read_rows(source)
    with pytest.raises(ValueError, match="format must be one of"):
        read_rows([], format="xlsx")


def test_cells_of_any_size() -> None:
    ((_, cells),) = rows("name,image\nAnn," + "x" * 300_000 + "\n")
    assert len(cells["image"]) == 300_000


@given(st.text(alphabet="='+-@\t\ra\" ,\n;0＝"))
def test_defused_cells_come_back(text: str) -> None:
    assert undefused(defused(text)) == text
    assert not defused(text) or defused(text)[0] not in FORMULA
