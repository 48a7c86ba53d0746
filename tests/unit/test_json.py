"""JSON texts that are merged and compared in the core."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openwebui_users import _core

# what merge patches can say: null takes a member away, so no document has one
LEAVES = st.booleans() | st.integers() | st.text(max_size=5)
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=3), VALUES, max_size=4)


@given(OBJECTS, OBJECTS)
def test_a_difference_applied_gives_the_other(before: Any, after: Any) -> None:
    one, other = json.dumps(before), json.dumps(after, ensure_ascii=False).encode()
    patch = _core.json_diff(one, other)
    assert json.loads(_core.json_merge(one, patch)) == after
    assert _core.json_equal(_core.json_merge(one, patch), other)
    assert _core.json_equal(one, other) is (before == after) is (patch == b"{}")


def test_numbers_stay_as_they_stand() -> None:
    text = '{"a": 12345678901234567890123, "b": 0.10}'
    assert json.loads(_core.json_merge(text, '{"b": 1}'))["a"] == 12345678901234567890123
    assert not _core.json_equal("9007199254740993", "9007199254740992")


@pytest.mark.parametrize("function", [_core.json_merge, _core.json_diff, _core.json_equal])
def test_what_is_no_json(function: Any) -> None:
    for text in ("{", "", "[" * 300, '"' + "x" * (5 << 20) + '"', b"\xff"):
        with pytest.raises(ValueError, match=r".+"):
            function(text, "{}")
        with pytest.raises(ValueError, match=r".+"):
            function("{}", text)
    with pytest.raises(TypeError, match="JSON as str or bytes, not int"):
        function(1, "{}")
    with pytest.raises(TypeError, match="takes 2 JSON texts, 1 arguments"):
        function("{}")
    with pytest.raises(UnicodeEncodeError):
        function("\ud800", "{}")
