"""The JSON reader against texts to accept and to refuse, by the grammar of RFC 8259."""

from __future__ import annotations

import json
from typing import Any

import pytest
from json_texts import ACCEPT, CHOICES, REFUSE

from openwebui_users import UserSettings, ValidationError, _core

# Python's own reader guesses UTF-16 and UTF-32, and takes encoded surrogates and NUL behind.
PYTHON_TAKES = {
    "NUL behind",
    "an encoded surrogate",
    "an encoded pair of surrogates",
    "UTF-16",
    "UTF-32",
}


def is_json(text: bytes) -> bool:
    """By the reader of free-form texts."""
    try:
        _core.json_equal(text, text)
    except ValueError:
        return False
    return True


def in_a_model(text: bytes) -> Any:
    """As the value of a free-form field, read by the reader of models."""
    return UserSettings.model_validate_json(b'{"ui": {"value": ' + text + b"}}").ui


def names(case: Any) -> str:
    return str(case[0]).replace(" ", "-")


@pytest.mark.parametrize("case", ACCEPT, ids=names)
def test_accepted(case: tuple[str, bytes]) -> None:
    _, text = case
    assert is_json(text)
    found = in_a_model(text)
    assert found == {"value": json.loads(text)}
    assert str(found["value"]) == str(json.loads(text))  # -0.0 and 0.0, 1 and 1.0 and True


@pytest.mark.parametrize("case", REFUSE, ids=names)
def test_refused(case: tuple[str, bytes]) -> None:
    name, text = case
    assert not is_json(text)
    if text.strip() and not text.startswith((b"}", b",")) and name != "closed twice":
        with pytest.raises(ValidationError):
            in_a_model(text)
    if name not in PYTHON_TAKES:  # is it the corpus that is wrong?
        with pytest.raises(ValueError, match=r"."):
            json.loads(text, parse_constant=int)


@pytest.mark.parametrize("case", CHOICES, ids=names)
def test_what_is_left_to_the_reader(case: tuple[str, bytes, bool, str]) -> None:
    _, text, accepted, _ = case
    assert is_json(text) is accepted
    if not accepted:
        with pytest.raises(ValidationError):
            in_a_model(text)
