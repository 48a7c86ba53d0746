"""The models against the peer owui-client (pydantic): same values, dumps, error types, places."""

from __future__ import annotations

import datetime
import enum
import importlib
import json
import math
from collections import Counter
from decimal import Decimal
from typing import Any

import differences
import pydantic
import pydantic_core
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import openwebui_users
from openwebui_users import ValidationError, _core

PEER_MODULES = ("users", "auths", "groups", "channels", "messages", "oauth_sessions")

TABLE = {model["name"]: model for model in _core.model_table()}


def _peer_classes() -> dict[str, type[pydantic.BaseModel]]:
    found: dict[str, type[pydantic.BaseModel]] = {}
    for name in PEER_MODULES:
        module = importlib.import_module(f"owui_client.models.{name}")
        for model in TABLE:
            peer = getattr(module, model, None)
            if isinstance(peer, type) and issubclass(peer, pydantic.BaseModel):
                found.setdefault(model, peer)
    return found


PEERS = _peer_classes()
COMPARED = sorted(set(PEERS) - set(differences.NOT_COMPARED))


class Mood(enum.Enum):
    GLAD = "glad"


class Level(enum.IntEnum):
    HIGH = 7


TEXT = st.text(max_size=20)
JSON_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
JSON_VALUES = st.recursive(
    JSON_SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
JSON_DICTS = st.dictionaries(TEXT, JSON_VALUES, max_size=4)
DATES = st.dates(min_value=datetime.date(1, 1, 1))

# Values of each kind that JSON can hold: those that fit as they are, and those that need coercion
# or are refused.
FITTING: dict[str, st.SearchStrategy[Any]] = {
    "any": JSON_VALUES,
    "str": TEXT,
    "int": st.integers(-(2**70), 2**70),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "date": DATES.map(datetime.date.isoformat),
    "dict": JSON_DICTS,
    "list": st.lists(JSON_VALUES, max_size=3),
}
DIGITS = st.from_regex(r"[ ]?[+-]?[0-9_]{1,6}(\.0{0,2})?[ ]?", fullmatch=True)
DATE_TEXTS = st.sampled_from(
    [
        "2020-01-02T00:00",
        "2020-01-02 00:00:00Z",
        "2020-01-02T00:00:00+05:30",
        "2020-01-02T00:00:01",
        "2020-1-2",
        "2020-02-30",
        "86400",
        "86401",
        "2020-01-02T00:00:00.000",
        "1577923200000",
        "nonsense",
        "",
    ]
)
NEAR: dict[str, st.SearchStrategy[Any]] = {
    "any": JSON_VALUES,
    "str": JSON_VALUES,
    "int": st.one_of(
        DIGITS, st.booleans(), st.floats(), st.sampled_from(["1e3", "0x10", "", "5.", "1_0"])
    ),
    "float": st.one_of(DIGITS, st.booleans(), st.integers(), st.sampled_from(["1e5", "x", ""])),
    "bool": st.one_of(
        st.sampled_from(["yes", "NO", "t", "F", "on", "off", "1", "0", " on", "maybe", 0, 1, 2]),
        st.sampled_from([0.0, 1.0, 0.5]),
    ),
    "date": st.one_of(
        DATE_TEXTS, st.sampled_from([0, 86400, 86401, 1577923200000, 86400.0, 0.5, True])
    ),
    "dict": JSON_VALUES,
    "list": JSON_VALUES,
}
# Python values beyond what JSON holds.
PYTHON_ONLY: dict[str, st.SearchStrategy[Any]] = {
    "any": JSON_VALUES,
    "str": st.sampled_from([b"bytes", b"\xff", bytearray(b"x"), Mood.GLAD, ("a",)]),
    "int": st.sampled_from(
        [Decimal(5), Decimal("5.5"), Decimal("1e30"), b"12", Level.HIGH, float("nan"), 2.0**63]
    ),
    "float": st.sampled_from([Decimal("1.5"), b"2.5", Level.HIGH]),
    "bool": st.sampled_from([Decimal(1), Decimal("0.5"), b"yes", Level.HIGH]),
    "date": st.sampled_from(
        [
            datetime.date(2020, 1, 2),
            datetime.datetime(2020, 1, 2),
            datetime.datetime(2020, 1, 2, 3),
            b"2020-01-02",
            Decimal(86400),
        ]
    ),
    "dict": st.sampled_from([{1: 2}, [("a", 1)], ()]),
    "list": st.sampled_from([(1, "a"), frozenset({"a"}), range(2), "ab", b"ab"]),
}


def _common_fields(name: str) -> list[dict[str, Any]]:
    peer = PEERS[name].model_fields
    return [field for field in TABLE[name]["fields"] if field["name"] in peer]


def _value(name: str, field: dict[str, Any], mode: str) -> st.SearchStrategy[Any]:
    """Values for one field of this model."""

    def of_kind(kind: str) -> st.SearchStrategy[Any]:
        if kind == "model":
            return (
                _payload(field["model"], mode)
                if mode == "valid"
                else _payloads(field["model"], mode)
            )
        if mode == "valid":
            return FITTING[kind]
        choices = [FITTING[kind], FITTING[kind], NEAR[kind]]
        if mode == "python":
            choices.append(PYTHON_ONLY[kind])
        return st.one_of(choices)

    item = field["item"]
    if field["kind"] == "list" and item not in (None, "any"):
        strategy: st.SearchStrategy[Any] = st.lists(of_kind(item), max_size=3)
    elif field["kind"] == "dict" and item not in (None, "any"):
        strategy = st.dictionaries(TEXT, of_kind(item), max_size=3)
    else:
        strategy = of_kind(field["kind"])
    other_null = field["name"] in differences.NULLABLE_HERE.get(name, set())
    if field["nullable"] and not other_null:
        strategy = st.none() | strategy
    if mode != "valid":
        strategy = st.one_of(strategy, strategy, strategy, st.none(), JSON_SCALARS)
    return strategy.filter(lambda value: value is not None) if other_null else strategy


def _payload(name: str, mode: str) -> st.SearchStrategy[dict[str, Any]]:
    """Inputs of one model. Mode "valid": all fit; "json": some do not; "python": nor JSON."""
    fields = _common_fields(name)
    must = differences.OPTIONAL_HERE.get(name, set()) | differences.OTHER_DEFAULT.get(name, set())
    required = {
        f["alias"]: _value(name, f, mode) for f in fields if f["required"] or f["name"] in must
    }
    optional = {f["alias"]: _value(name, f, mode) for f in fields if f["alias"] not in required}
    if mode == "valid":
        return st.fixed_dictionaries(required, optional=optional)
    always = {k: v for k, v in required.items() if k in must}
    sometimes = {k: v for k, v in required.items() if k not in must}
    whole = st.fixed_dictionaries(required, optional=optional)
    return st.one_of(
        whole, whole, st.fixed_dictionaries(always, optional={**sometimes, **optional})
    )


def _payloads(name: str, mode: str) -> st.SearchStrategy[dict[str, Any]]:
    """Mostly inputs that fit, so that values are compared and not only errors."""
    return st.sampled_from(["valid", "valid", mode]).flatmap(lambda chosen: _payload(name, chosen))


NESTED = [name for name in COMPARED if any(field["model"] for field in TABLE[name]["fields"])]
NAMES = st.sampled_from(COMPARED) | st.sampled_from(NESTED)
CASES = NAMES.flatmap(lambda name: st.tuples(st.just(name), _payloads(name, "python")))
JSON_CASES = NAMES.flatmap(lambda name: st.tuples(st.just(name), _payloads(name, "json")))


def _type_and_place(errors: list[Any]) -> list[tuple[str, tuple[Any, ...]]]:
    return [
        (differences.OTHER_ERROR_TYPE.get(error["type"], error["type"]), tuple(error["loc"]))
        for error in errors
    ]


def _run(validate: Any, payload: Any) -> tuple[Any, list[tuple[str, tuple[Any, ...]]] | None]:
    try:
        return validate(payload), None
    except pydantic.ValidationError as error:
        return None, _type_and_place(error.errors(include_url=False))
    except ValidationError as error:
        return None, _type_and_place(error.errors())


def _strip(ours: Any, name: str) -> Any:
    """Drop what the peer's class does not declare, at every level of a dump."""
    known = PEERS[name].model_fields
    table = {field["name"]: field for field in TABLE[name]["fields"]}
    keeps = TABLE[name]["unknown"] == "keep"
    result = {}
    for key, whole in ours.items():
        value = whole
        if key not in known and not (keeps and key not in table):
            continue
        inner = table[key]["model"] if key in table else None
        if inner is not None and inner in PEERS:
            if isinstance(value, dict):
                value = _strip(value, inner)
            elif isinstance(value, list):
                value = [_strip(item, inner) for item in value]
        result[key] = value
    return result


def _same(a: Any, b: Any) -> bool:
    """Equal, and of the same types all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    return bool(a == b)


def _adds_fields(name: str) -> bool:
    """Does this model, or one in it, declare fields that the peer's does not?"""
    if {f["name"] for f in TABLE[name]["fields"]} != set(PEERS[name].model_fields):
        return True
    if differences.OTHER_DEFAULT.get(name):
        return True
    inner = {f["model"] for f in TABLE[name]["fields"] if f["model"] is not None}
    return any(model not in PEERS or _adds_fields(model) for model in inner)


def _holds(value: Any, test: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds(v, test) for pair in value.items() for v in pair)
    if isinstance(value, list | tuple | set | frozenset):
        return any(_holds(v, test) for v in value)
    return bool(test(value))


def _not_finite(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _compare_valid(name: str, ours: Any, peers: pydantic.BaseModel) -> None:
    known = [field["name"] for field in _common_fields(name)]
    for field in TABLE[name]["fields"]:
        if field["name"] in known and field["model"] is None:
            mine, theirs = getattr(ours, field["name"]), getattr(peers, field["name"])
            assert _same(mine, theirs), (field["name"], mine, theirs)
    assert ours.model_fields_set == peers.model_fields_set
    assert _same(_strip(ours.model_dump(), name), peers.model_dump())
    choices: tuple[dict[str, Any], ...] = (
        {"exclude_unset": True},
        {"exclude_none": True},
        {"exclude_defaults": True},
        {"by_alias": True} if not _adds_fields(name) else {},
    )
    for options in choices:
        if "exclude_defaults" in options and _adds_fields(name):
            continue
        mine = ours.model_dump(**options)
        mine = mine if options.get("by_alias") else _strip(mine, name)
        assert _same(mine, peers.model_dump(**options)), options


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=CASES)
def test_python_input(case: tuple[str, dict[str, Any]], generated: Counter[str]) -> None:
    name, payload = case
    ours, our_errors = _run(getattr(openwebui_users, name).model_validate, payload)
    peers, peer_errors = _run(PEERS[name].model_validate, payload)
    _count(generated, name, peer_errors)
    assert our_errors == peer_errors
    if peer_errors is None:
        _compare_valid(name, ours, peers)


@pytest.mark.parametrize("sign", [1, -1])
def test_doubles_around_powers_of_two(sign: int) -> None:
    """Doubles lie closer below a power of two than above it: the shortest text has to know."""
    for exponent in range(-1074, 1024):
        power = sign * math.ldexp(1.0, exponent)
        values = [power, math.nextafter(power, 0), math.nextafter(power, sign * math.inf)]
        text = openwebui_users.UserSettings(ui={"a": values}).to_json()
        assert text == pydantic_core.to_json({"ui": {"a": values}}).decode()


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=JSON_CASES)
def test_json_input(case: tuple[str, dict[str, Any]], generated: Counter[str]) -> None:
    name, payload = case
    if _holds(payload, _not_finite):
        return  # no JSON: see test_json_has_no_nan
    text = json.dumps(payload)
    ours, our_errors = _run(getattr(openwebui_users, name).model_validate_json, text)
    peers, peer_errors = _run(PEERS[name].model_validate_json, text)
    _count(generated, name, peer_errors)
    assert our_errors == peer_errors
    if peer_errors is None:
        untouched = getattr(openwebui_users, name).model_validate_json(text)
        if not _adds_fields(name):
            assert untouched.model_dump_json() == peers.model_dump_json()
            assert untouched.model_dump_json(indent=2) == peers.model_dump_json(indent=2)
        _compare_valid(name, ours, peers)
        dates = [field["name"] for field in TABLE[name]["fields"] if field["kind"] == "date"]
        if all(payload.get(date) is None for date in dates):  # JSON has no dates of its own
            assert getattr(openwebui_users, name).model_validate(payload) == ours


def _count(generated: Counter[str], name: str, errors: Any) -> None:
    generated["inputs"] += 1
    generated["valid"] += errors is None
    generated["nested"] += any(field["model"] for field in TABLE[name]["fields"])


def test_enough_inputs_were_valid(generated: Counter[str]) -> None:
    """Generated inputs that are mostly refused would compare little."""
    if generated["inputs"] == 0:
        pytest.skip("the comparisons did not run in this process")
    assert generated["valid"] >= 0.4 * generated["inputs"], dict(generated)


def test_every_class_of_the_peer_that_has_our_name_is_compared() -> None:
    assert len(COMPARED) >= 30
    assert set(differences.NOT_COMPARED) <= set(PEERS)


@pytest.mark.parametrize("name", sorted(differences.OPTIONAL_HERE))
def test_listed_difference_in_required_fields_is_real(name: str) -> None:
    ours = {f["name"] for f in TABLE[name]["fields"] if f["required"]}
    theirs = {n for n, f in PEERS[name].model_fields.items() if f.is_required()}
    assert theirs - ours == differences.OPTIONAL_HERE[name]


@pytest.mark.parametrize("name", sorted(differences.NULLABLE_HERE))
def test_listed_difference_in_null_is_real(name: str) -> None:
    for field in differences.NULLABLE_HERE[name]:
        _, ours = _run(getattr(openwebui_users, name).model_validate, {field: None})
        assert (field,) not in [place for _, place in ours or []]
        with pytest.raises(pydantic.ValidationError) as caught:
            PEERS[name].model_validate({field: None})
        assert (field,) in [error["loc"] for error in caught.value.errors()]


@pytest.mark.parametrize("name", sorted(COMPARED))
def test_required_fields_and_defaults_are_the_same(name: str) -> None:
    optional_here = differences.OPTIONAL_HERE.get(name, set())
    other_default = set()
    for field in _common_fields(name):
        peer = PEERS[name].model_fields[field["name"]]
        if field["name"] in optional_here:
            continue
        assert field["required"] == peer.is_required(), field["name"]
        if not field["required"] and not _same(
            field["default"], peer.get_default(call_default_factory=True)
        ):
            other_default.add(field["name"])
    assert other_default == differences.OTHER_DEFAULT.get(name, set())


@pytest.mark.parametrize("name", sorted(COMPARED))
def test_fields_stand_in_the_order_of_the_peer(name: str) -> None:
    ours = [field["name"] for field in _common_fields(name)]
    assert ours == [n for n in PEERS[name].model_fields if n in ours]
    missing = set(PEERS[name].model_fields) - set(ours)
    assert not missing, "fields of the peer that this package lacks"


def test_json_has_no_nan() -> None:
    """pydantic reads NaN in JSON text, which is none of RFC 8259's."""
    with pytest.raises(ValidationError) as caught:
        openwebui_users.UserUsageInsights.model_validate_json('{"user_message_share": NaN}')
    assert caught.value.errors()[0]["type"] == "json_invalid"
