"""Objects over records: reading, keeping, editing and dumping give the same as without a record."""

from __future__ import annotations

import contextlib
import copy
import datetime
import gc
import itertools
import json
import pickle
import random
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from pydantic import TypeAdapter

from openwebui_users import (
    ChatPermissions,
    SigninForm,
    UserActiveResponse,
    UserGroupIdsListResponse,
    UserGroupIdsModel,
    UserModel,
    UserSettings,
    ValidationError,
)

ANN: dict[str, Any] = {
    "id": "u1",
    "name": "Ännchen \U0001f331",
    "email": "ann@example.com",
    "username": None,
    "role": "user",
    "bio": 'Says "hello".\n' * 3,
    "gender": None,
    "date_of_birth": "1990-04-17",
    "info": {"room": 1.5, "tags": ["a", {"b": None}]},
    "settings": {"ui": {"theme": "dark", "models": ["m"]}, "later": [1]},
    "last_active_at": 1764000000,
    "updated_at": 1763990000,
    "created_at": 1700000000,
    "group_ids": ["g1", "g2"],
}


def decoded(text: str = json.dumps(ANN)) -> UserGroupIdsModel:
    return UserGroupIdsModel.model_validate_json(text)


def built() -> UserGroupIdsModel:
    return UserGroupIdsModel.model_validate(ANN)


def everything(one: Any) -> list[Any]:
    return [
        one.model_dump(),
        one.model_dump(mode="json"),
        one.model_dump(by_alias=True, exclude_none=True),
        one.model_dump(exclude_unset=True),
        one.model_dump(exclude_defaults=True),
        one.model_dump(include={"bio": True, "settings": {"ui"}}),
        one.model_dump_json(),
        one.model_dump_json(indent=2),
        one.model_dump_json(exclude_none=True),
        one.model_dump_json(exclude_unset=True, by_alias=True),
        one.model_dump_json(exclude_defaults=True),
        one.to_json_bytes(exclude={"id"}),
        one.model_fields_set,
        repr(one),
    ]


Step = Callable[[Any], object]
STEPS: dict[str, Step] = {
    "read a text": lambda one: one.name,
    "read a null": lambda one: one.gender,
    "read a field that was not sent": lambda one: one.timezone,
    "read containers": lambda one: (one.info, one.settings.ui, one.group_ids),
    "assign a text": lambda one: setattr(one, "name", 'B"ob'),
    "assign what was null": lambda one: setattr(one, "username", "ann"),
    "assign a null": lambda one: setattr(one, "bio", None),
    "assign another type": lambda one: setattr(one, "created_at", 1.5),
    "edit in place": lambda one: one.settings.ui.update(theme="light"),
    "append": lambda one: one.group_ids.append("g3"),
    "edit a kept key": lambda one: setattr(one.settings, "later", {"x": 1}),
    "delete": lambda one: delattr(one, "date_of_birth"),
}


@pytest.mark.parametrize("names", list(itertools.permutations(STEPS, 2)), ids="; ".join)
def test_a_record_changes_nothing(names: tuple[str, str]) -> None:
    """After any two steps an object from JSON is what one from a dict is."""
    one, other = decoded(), built()
    for name in names:
        STEPS[name](one)
        STEPS[name](other)
        assert everything(one) == everything(other)
    assert one == other


def test_dumping_keeps_nothing() -> None:
    one = decoded()
    first = one.model_dump()
    first["settings"]["ui"]["theme"] = "light"
    first["group_ids"].append("g9")
    assert one.model_dump()["settings"]["ui"]["theme"] == "dark"
    assert one.to_json_bytes() == decoded().to_json_bytes()


def test_dumps_do_not_share_what_can_be_changed() -> None:
    one = decoded()
    assert one.info is not None
    dumped = one.model_dump()
    dumped["info"]["tags"].append("more")
    dumped["info"]["tags"][1]["b"] = 2
    assert one.info == ANN["info"]


@pytest.mark.parametrize("empty", ["[]", "[ ]", "[\\n]"])
def test_empty_containers_are_defaults(empty: str) -> None:
    text = json.dumps(ANN).replace('["g1", "g2"]', json.loads(f'"{empty}"'))
    fresh, read = (UserGroupIdsModel.model_validate_json(text) for _ in range(2))
    assert read.group_ids == []
    for one in (fresh, read):
        assert "group_ids" not in json.loads(one.model_dump_json(exclude_defaults=True))
        assert "group_ids" not in one.model_dump(exclude_defaults=True)


class Pair(NamedTuple):
    left: Any
    right: Any


WRAPS: dict[str, Step] = {
    "itself": lambda m: m,
    "list": lambda m: [m],
    "tuple": lambda m: (m,),
    "dict": lambda m: {"m": m},
    "dict with other keys": lambda m: {1: m, 2: [m]},
    "named tuple": lambda m: Pair(m, 1),
    "containers": lambda m: [{"m": [(m,)]}],
}


@pytest.mark.parametrize("place", ["field", "kept key"])
@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
@pytest.mark.parametrize(
    ("options", "model", "dumped"),
    [
        ({}, UserSettings(ui=None), {"ui": None}),
        ({"exclude_none": True}, UserSettings(ui=None), {}),
        ({"exclude_unset": True}, UserSettings(), {}),
        ({"exclude_defaults": True}, UserSettings(), {}),
        ({"by_alias": True}, ChatPermissions(), ChatPermissions().model_dump(by_alias=True)),
    ],
)
def test_options_hold_for_models_in_containers(
    options: dict[str, Any], model: Any, dumped: Any, wrap: Step, place: str
) -> None:
    one: Any = decoded()
    if place == "field":
        one.settings.ui = wrap(model)
    else:
        one.settings.later = wrap(model)
    key = "ui" if place == "field" else "later"
    expected = json.loads(json.dumps(wrap(dumped)))
    assert json.loads(one.model_dump_json(**options))["settings"][key] == expected
    assert json.loads(one.settings.to_json_bytes(**options))[key] == expected
    assert one.model_dump(mode="json", **options)["settings"][key] == expected


def test_kept_keys_that_are_null_are_excluded_with_none() -> None:
    text = json.dumps({**ANN, "settings": {"ui": {}, "later": None}})
    fresh, edited, read = (UserGroupIdsModel.model_validate_json(text) for _ in range(3))
    edited.name = "B"
    assert read.settings is not None
    assert read.settings.model_extra == {"later": None}
    for one in (fresh, edited, read):
        assert json.loads(one.model_dump_json(exclude_none=True))["settings"] == {"ui": {}}
        assert one.model_dump(exclude_none=True)["settings"] == {"ui": {}}


def never_initialised() -> UserModel:
    return UserModel.__new__(UserModel)


def initialised_in_vain() -> UserModel:
    one = UserModel(**ANN)
    wrong: dict[str, Any] = {"id": "u2", "email": 5}
    with pytest.raises(ValidationError):
        UserModel.__init__(one, **wrong)
    return one


@pytest.mark.parametrize("make", [never_initialised, initialised_in_vain])
@pytest.mark.parametrize(
    "options",
    [{}, {"exclude_none": True}, {"exclude_unset": True}, {"exclude_defaults": True}],
    ids=str,
)
def test_required_fields_that_have_no_value(
    make: Callable[[], UserModel], options: dict[str, Any]
) -> None:
    """They are None, whatever was asked of the object before."""
    dumped = make().model_dump(mode="json", **options)
    assert json.loads(make().model_dump_json(**options)) == dumped
    assert dumped.get("id") == (None if make is never_initialised else "u2")
    assert ("email" in dumped) == (options in ({}, {"exclude_defaults": True}))
    one: Any = make()
    assert one.email is None
    assert one == make() == copy.deepcopy(one) == pickle.loads(pickle.dumps(one))
    assert json.loads(one.model_dump_json(**options)) == dumped


def test_a_dump_that_makes_its_object_anew() -> None:
    """Code that a dump runs may let go of the record that the dump is reading."""
    one: Any = decoded()

    class Day(datetime.date):
        def isoformat(self) -> str:
            UserGroupIdsModel.__init__(one, **ANN)
            one.junk = [b"x" * size for size in range(1000, 3000, 7)]
            return "2020-01-01"

    with contextlib.suppress(ValueError):  # there is no field junk
        one.id = Day(2020, 1, 1)
        assert one.model_dump(mode="json")["email"] == ANN["email"]
    one = decoded()
    one.id = Day(2020, 1, 1)
    with contextlib.suppress(ValueError):
        one.to_json_bytes()


def test_a_dump_that_deletes_what_comes_next() -> None:
    deleted = ["gender", "bio", "timezone", "info", "settings", "oauth"]

    def deleting() -> Any:
        one: Any = decoded()

        class Day(datetime.date):
            def isoformat(self) -> str:
                for name in deleted:
                    delattr(one, name)
                return "2020-01-01"

        one.id = Day(2020, 1, 1)
        return one

    dumped = deleting().model_dump(mode="json")
    assert dumped["id"] == "2020-01-01"
    assert dumped["email"] == ANN["email"]
    assert not set(deleted) & set(dumped)
    assert json.loads(deleting().model_dump_json()) == dumped


def test_a_dump_that_makes_kept_keys_anew() -> None:
    one: Any = UserSettings()

    class Day(datetime.date):
        def isoformat(self) -> str:
            UserSettings.__init__(one)
            return "2020-01-01"

    for dump in (one.to_json_bytes, lambda: json.dumps(one.model_dump(mode="json"))):
        one.first = Day(2020, 1, 1)
        one.model_extra[2] = 3
        assert json.loads(dump()) == {"ui": {}, "first": "2020-01-01", "2": 3}


@pytest.mark.parametrize("read", [lambda one: one.model_extra, lambda one: one.model_dump()])
def test_a_collection_that_makes_an_object_anew(read: Step) -> None:
    """Making containers may run the collector, which runs code, in versions before 3.12."""
    kept = {f"k{index}": [index, {"a": "b"}] for index in range(100)}

    class Anew:
        def __init__(self, one: Any) -> None:
            self.one = one
            self.me = self

        def __del__(self) -> None:
            UserSettings.__init__(self.one)
            self.one.model_extra["anew"] = 1
            self.one.junk = [b"x" * size for size in range(1000, 3000, 7)]

    before = gc.get_threshold()
    for allocations in range(1, 40):
        one: Any = UserSettings.model_validate_json(json.dumps(kept))
        gc.collect()
        Anew(one)
        gc.set_threshold(allocations)
        try:
            read(one)
        finally:
            gc.set_threshold(*before)
        gc.collect()
        assert one.anew == 1


# ---------------------------------------------------------------- order and number of keys


def test_keys_in_any_order() -> None:
    """The reader guesses the next key from the record before: wrong guesses change nothing."""
    rng = random.Random(7)
    optional = ["username", "bio", "gender", "info", "group_ids"]
    sent = []
    for _ in range(200):
        names = list(ANN)
        rng.shuffle(names)
        dropped = set(rng.sample(optional, rng.randrange(4)))
        sent.append({name: ANN[name] for name in names if name not in dropped})
    page = UserGroupIdsListResponse.model_validate_json(json.dumps({"total": 200, "users": sent}))
    expected = [UserGroupIdsModel.model_validate(one) for one in sent]
    assert page.users == expected
    for one, other in zip(page.users, expected, strict=True):
        assert one.model_fields_set == other.model_fields_set


@pytest.mark.parametrize(
    ("values", "last"),
    [
        (["null", '"a"'], "a"),
        (['"a"', "null"], None),
        (['"a"', '"b"', '"c"'], "c"),
        (["null", "null"], None),
    ],
)
def test_the_last_of_duplicates(values: list[str], last: str | None) -> None:
    text = json.dumps(ANN)[:-1] + "".join(f', "bio": {value}' for value in values) + "}"
    one = UserGroupIdsModel.model_validate_json(text)
    assert one.bio == last
    assert one.model_dump()["bio"] == last


@pytest.mark.parametrize("count", [1, 2, 23, 24, 25, 26, 60, 300])
def test_unknown_keys_however_many(count: int) -> None:
    rng = random.Random(count)
    names = [f"k{rng.randrange(count)}" for _ in range(2 * count)]
    text = "".join(f', "{name}": {index}' for index, name in enumerate(names))
    one = UserActiveResponse.model_validate_json('{"name": "A", "is_active": true' + text + "}")
    expected = {name: index for index, name in enumerate(names)}  # the last, at the first's place
    assert list((one.model_extra or {}).items()) == list(expected.items())


# ---------------------------------------------------------------- numbers that stay as they came


NUMBERS = (
    "0.0 -0.0 1.0 100.0 1.5 1.50 0.1 -0.25 1e5 1E5 1.5e3 1e-7 0.00001 0.000012 0.000001 "
    "0.000099999 123456.125 99999999999999.9 12345678901234.5 123456789012345.6 "
    "1234567890123456.7 123456789012345680.0 9007199254740993.0 4503599627370496.5 1e15 1e16 "
    "0.1234567890123456 0.30000000000000004 5e-324 1.7976931348623157e308 2.2250738585072014e-308"
)


@pytest.mark.parametrize("text", NUMBERS.split())
def test_numbers_are_written_as_pydantic_does(text: str) -> None:
    expected = TypeAdapter(dict[str, Any]).dump_json({"ui": {"x": json.loads(text)}})
    fresh = UserSettings.model_validate_json('{"ui": {"x": ' + text + "}}")
    assert fresh.to_json_bytes() == expected
    assert fresh.ui is not None
    assert fresh.to_json_bytes() == expected  # from the float that was made meanwhile


# ---------------------------------------------------------------- texts that are made once


def test_short_texts_are_not_taken_for_each_other() -> None:
    """They are kept by their ends and length: many that are alike but in one place."""
    texts = [
        prefix + "x" * length + suffix
        for length in range(14)
        for prefix in ("", "a", "ab", "abcdefgh")
        for suffix in ("", "z", "yz", "stuvwxyz")
    ]
    keys = ["k" * 8 + f"{number:016}" + "k" * 8 for number in range(300)]
    for _ in range(2):
        text = json.dumps({"ui": {"v": texts, **dict.fromkeys(keys)}})
        ui: Any = UserSettings.model_validate_json(text).ui
        assert ui["v"] == texts
        assert list(ui) == ["v", *keys]


def secrets() -> list[str]:
    """Short secrets, each made in another way."""
    hidden = {"api_key": "key-short", "oauth": {"a": ["sub-short"]}}
    text = json.dumps({**ANN, "role": "auditor", **hidden})
    unread: Any = decoded(text)
    read: Any = decoded(text)
    kept = json.dumps({"name": "A", "is_active": True, **hidden})
    one: Any = UserActiveResponse.model_validate_json(kept)
    active: Any = UserActiveResponse.model_validate_json(kept)
    form: Any = SigninForm.model_validate({"email": "e", "password": b"pass-short"})
    signin = form.password
    form.password = b"pass-bytes"
    assert read.role is unread.role  # which is no secret
    return [
        read.api_key,
        read.oauth["a"][0],
        unread.model_dump()["api_key"],
        unread.model_dump(mode="json")["oauth"]["a"][0],
        active.model_extra["oauth"]["a"][0],
        one.model_dump()["oauth"]["a"][0],
        one.oauth["a"][0],
        signin,
        form.model_dump(mode="json")["password"],
    ]


def test_short_secrets_are_not_kept() -> None:
    """What is made once stays for as long as the process."""
    first, second = secrets(), secrets()
    assert first == second
    assert len({id(text) for text in first + second}) == len(first + second)


# ---------------------------------------------------------------- the garbage collector


class Node(UserModel):
    """A subclass, whose objects have a __dict__."""


def lead_back_by_value(one: Any) -> None:
    one.bio = [one]


def lead_back_in_place(one: Any) -> None:
    one.info["me"] = one


def lead_back_by_nested(one: Any) -> None:
    one.settings.ui["me"] = one


def lead_back_by_kept_key(one: Any) -> None:
    one.settings.later = one


def lead_back_by_private_attribute(one: Any) -> None:
    one.info["me"] = Node.model_validate_json(json.dumps(ANN))
    one.info["me"]._owner = one


@pytest.mark.parametrize("model", [UserModel, Node])
@pytest.mark.parametrize(
    "lead_back",
    [
        lead_back_by_value,
        lead_back_in_place,
        lead_back_by_nested,
        lead_back_by_kept_key,
        lead_back_by_private_attribute,
    ],
)
def test_cycles_are_collected(model: type[UserModel], lead_back: Callable[[Any], None]) -> None:
    one = model.model_validate_json(json.dumps(ANN))
    lead_back(one)
    reference = weakref.ref(one)
    del one
    gc.collect()
    assert reference() is None


def test_cycles_through_another_class_are_collected() -> None:
    one: Any = decoded()
    other: Any = type("Other", (UserGroupIdsModel,), {"__slots__": ()})
    one.__class__ = other
    other.instance = one
    reference = weakref.ref(one)
    del one, other
    gc.collect()
    assert reference() is None


def test_unread_objects_are_no_work_for_the_collector() -> None:
    one = decoded()
    assert not gc.is_tracked(one)
    assert one.name and one.created_at
    assert not gc.is_tracked(one)
    assert one.group_ids
    assert gc.is_tracked(one)


def test_a_long_chain_is_freed() -> None:
    first: Any = decoded()
    for _ in range(50_000):
        following: Any = decoded()
        following.bio = first
        first = following
    del first, following
    gc.collect()
