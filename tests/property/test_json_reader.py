"""The JSON reader against Python's, on answers of real servers with a few bytes changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from openwebui_users import UserSettings, ValidationError

RECORDED = sorted((Path(__file__).parent.parent / "contract" / "recorded").glob("*.json"))
LONGEST = 3000  # bytes of a text
TOKENS = [
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b":", b",", b" ", b"\n", b"\x00", b"\x1f", b"\x7f"),
    *(b"-", b"+", b".", b"e", b"E", b"0", b"00", b"1e9", b"-0", b"0.5", b"1e400", b"9" * 25),
    *(b"null", b"true", b"false", b"NaN", b"Infinity", b'""', b"{}", b"[]", b'"id":1,'),
    *(
        b"\\u0000",
        b"\\ud83d",
        b"\\ude00",
        b"\\u00",
        b"\\/",
        b"\\x",
        b"\xc3\xa4",
        b"\xff",
        b"\xed\xa0\x80",
    ),
]


def _answers() -> list[bytes]:
    """Parts of recorded answers, as texts of different shapes."""
    found: dict[Any, bytes] = {}
    for path in RECORDED:
        waiting: list[Any] = [json.loads(path.read_text())]
        while waiting:
            value = waiting.pop()
            if isinstance(value, (dict, list)) and value:
                text = json.dumps(value, ensure_ascii=False, indent=len(found) % 3 or None).encode()
                shape = (type(value), tuple(value) if isinstance(value, dict) else len(value))
                if len(text) < LONGEST:
                    found.setdefault(shape, text)
                waiting += value.values() if isinstance(value, dict) else value
    return list(found.values())


ANSWERS = _answers()
MUTATION = st.tuples(
    st.sampled_from(["put", "replace", "cut", "double", "end"]),
    st.integers(0, LONGEST),
    st.integers(1, 12),
    st.sampled_from(TOKENS),
)


def mutated(text: bytes, mutations: list[tuple[str, int, int, bytes]]) -> bytes:
    """The text with these changes, one after the other."""
    for kind, place, length, token in mutations:
        at = place % (len(text) + 1)
        head, part, tail = text[:at], text[at : at + length], text[at + length :]
        text = {
            "put": head + token + part + tail,
            "replace": head + token + tail,
            "cut": head + tail,
            "double": head + part + part + tail,
            "end": head or token,
        }[kind]
    return text


def by_python(text: bytes) -> Any:
    """The value; ValueError where the text is none, by rules as strict as ours."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    decoded = text.decode("utf-8")  # strictly
    if decoded.startswith("\ufeff"):
        raise ValueError("a byte order mark")
    value = json.loads(decoded, parse_constant=refuse)
    json.dumps(value, ensure_ascii=False).encode()  # no half of a pair of surrogates
    return value


def by_us(text: bytes) -> Any:
    """The value, as that of a free-form field."""
    found: Any = UserSettings.model_validate_json(b'{"ui": {"value": ' + text + b"\n}}").ui
    return found["value"]


seen = {"taken": 0, "refused": 0}


@settings(max_examples=3000, deadline=None)
@given(st.sampled_from(ANSWERS), st.lists(MUTATION, min_size=0, max_size=3))
def test_the_same_as_python(answer: bytes, mutations: list[tuple[str, int, int, bytes]]) -> None:
    text = mutated(answer, mutations)
    # what ends the object around it would be another text
    try:
        expected = by_python(text)
    except ValueError:
        seen["refused"] += 1
        try:
            by_python(b'{"ui": {"value": ' + text + b"\n}}")
        except ValueError:
            pass
        else:
            return
        try:
            found = by_us(text)
        except ValidationError:
            return
        raise AssertionError(f"taken as {found!r}: {text!r}") from None
    seen["taken"] += 1
    found = by_us(text)
    # repr tells 1 from 1.0 and True, 0.0 from -0.0, and the order of keys
    assert repr(found) == repr(expected)


def test_inputs_of_both_kinds_were_tried() -> None:
    assert seen["taken"] > 300 and seen["refused"] > 300, seen
