"""Everything that the extension does, as operations that can be repeated: for sweeps and for leaks.

The name of an operation is "Type.attribute" or the name of a function, then a colon and what is
special about it. The result of an operation is compared with its result in a normal run. So an
operation returns values that can be compared, or an exception that is expected.
"""

from __future__ import annotations

import copy
import datetime
import decimal
import enum
import importlib
import json
import pickle
import sys
import threading
import types
import uuid
from collections import UserDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from samples import MODELS, sample

# Much of what is done here is wrong on purpose, so its types are nobody's matter.
package: Any = importlib.import_module("openwebui_users")
_core: Any = importlib.import_module("openwebui_users._core")
ModelList: Any = package.ModelList
UserListResponse: Any = package.UserListResponse
UserModelResponse: Any = package.UserModelResponse
UserSettings: Any = package.UserSettings
UserStatus: Any = package.UserStatus


NO_PYTHON = (3, 12)  # see crashes_python() in sweep.py
ERRORS_ARE_PYTHON = sys.version_info < NO_PYTHON  # else see stand_in() there


@dataclass(frozen=True)
class Operation:
    """One thing to do."""

    name: str
    run: Callable[..., object]
    python: bool = (
        False  # runs functions that are written in Python, of this package or Python's own
    )

    @property
    def subject(self) -> str:
        """Type and attribute, or the function."""
        return self.name.partition(":")[0]


Operations = Iterator[Operation]


def caught(
    kind: type[BaseException] | tuple[type[BaseException], ...], action: Callable[..., object]
) -> BaseException:
    """The exception of an action that is meant to fail."""
    try:
        action()
    except kind as error:
        return error.with_traceback(None)
    raise AssertionError("nothing was raised")


class Colour(enum.Enum):
    """For fields that are texts."""

    RED = "röt"


class Number(enum.Enum):
    ONE = 1


class OwnUser(UserModelResponse):  # type: ignore[misc]
    """A class of a user's own, with a __dict__ beside its fields."""


# ---------------------------------------------------------------- models

USER: dict[str, Any] = sample("UserModelResponse")
USER_TEXT = json.dumps(USER)
STATUS_TEXT = json.dumps(sample("UserStatus"))
SETTINGS_TEXT = json.dumps(sample("UserSettings"))
PAGE_TEXT = json.dumps({"users": [sample("UserModelResponse") for _ in range(3)], "total": 3})


def read() -> Any:
    """A new model over a record, whose values were not read."""
    return UserModelResponse.model_validate_json(USER_TEXT)


def made() -> Any:
    """A new model that holds values."""
    return UserModelResponse.model_validate(USER)


def own() -> Any:
    user = OwnUser.model_validate_json(USER_TEXT)
    user._note = ["ä"]
    return user


def carrying() -> Any:
    """A model that carries unknown keys."""
    return UserStatus.model_validate_json(STATUS_TEXT)


def settings() -> Any:
    """A model that keeps unknown keys."""
    return UserSettings.model_validate_json(SETTINGS_TEXT)


def assigned() -> Any:
    """A model with values of many kinds, as scripts assign them."""
    user = read()
    user.info = {
        "när": datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc),
        "day": datetime.date(2024, 1, 2),
        "hour": datetime.time(3, 4),
        "enum": Colour.RED,
        "decimal": decimal.Decimal("1.50"),
        "uuid": uuid.UUID(int=5),
        "bytes": b"abc",
        "set": {1},
        "tuple": (1, 2.5),
        "large": 10**30,
        "model": settings(),
        "list": [None, True, "ü"],
    }
    return user


FILTERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "aliases": {"by_alias": True},
    "unset": {"exclude_unset": True},
    "defaults": {"exclude_defaults": True},
    "none": {"exclude_none": True},
    "include": {"include": {"id": True, "settings": {"ui": {"schlüssel"}}, "info": ...}},
    "exclude": {
        "exclude": {"settings": {"ui": {"schlüssel": {0, -1}, "__all__": True}}, "id": True}
    },
    "names": {"include": {"id", "info"}, "exclude": {"info"}},
}


def _dumps() -> Operations:
    for source in (read, made, assigned, settings, own):
        for name, how in FILTERS.items():
            if source is assigned and name == "plain":
                yield Operation("Model.model_dump: assigned", lambda: assigned().model_dump(), True)
            for method in ("model_dump", "model_dump_json", "to_json_bytes"):
                yield _dump(source, method, f"{source.__name__} {name}", how)
            yield _dump(
                source, "model_dump", f"{source.__name__} {name} json", {**how, "mode": "json"}
            )
    for method in ("to_dict", "to_json"):
        yield _dump(read, method, "read", {})
    for method in ("model_dump_json", "to_json", "to_json_bytes"):
        yield _dump(read, method, "indent", {"indent": 2})


def _dump(source: Callable[..., Any], method: str, what: str, how: dict[str, Any]) -> Operation:
    def run() -> object:
        return getattr(source(), method)(**how)

    return Operation(f"Model.{method}: {what}", run, python=source is assigned)


def _making() -> Operations:
    cls = UserModelResponse
    yield Operation("Model.__new__", lambda: cls.__new__(cls).model_fields_set)
    yield Operation("Model.__init__", lambda: cls(**USER))
    yield Operation("Model.__init__: twice", lambda: made().__init__(**USER))
    for name in ("model_validate", "from_dict"):
        method = getattr(cls, name)
        yield Operation(f"Model.{name}", lambda method=method: method(USER))
    yield Operation(
        "Model.model_validate: mapping", lambda: cls.model_validate(UserDict(USER)), True
    )
    yield Operation("Model.model_validate: nested mapping", _nested_mapping, True)
    yield Operation(
        "Model.model_validate: attributes",
        lambda: cls.model_validate(types.SimpleNamespace(**USER), from_attributes=True),
    )
    yield Operation("Model.model_validate: own class", lambda: OwnUser.model_validate(USER))
    for name in ("model_validate_json", "from_json"):
        method = getattr(cls, name)
        for kind, text in (
            ("str", USER_TEXT),
            ("bytes", USER_TEXT.encode()),
            ("bytearray", bytearray(USER_TEXT.encode())),
            ("not ASCII", json.dumps(USER, ensure_ascii=False)),
        ):
            # a text keeps its UTF-8 once it was made: every time a new one
            yield Operation(
                f"Model.{name}: {kind}",
                lambda method=method, text=text: method(_again(text)),
            )
    yield Operation("Model.model_construct", lambda: cls.model_construct({"id"}, **USER))
    yield Operation(
        "Model.model_construct: name", lambda: cls.model_construct(_fields_set={"id"}, id=1)
    )
    for name, value in _coerced().items():
        yield Operation(
            f"Model.model_validate: {name}",
            lambda value=value: cls.model_validate({**USER, **value}),
            python=True,
        )


def _again(text: Any) -> Any:
    """A new one, but of bytearray, which has no UTF-8: CPython complains when it can make none."""
    return text if isinstance(text, bytearray) else text[:1] + text[1:]


def _nested_mapping() -> object:
    data = {**USER, "settings": UserDict(USER["settings"]), "info": UserDict({"ä": 1})}
    return UserModelResponse.model_validate(data)


class Indexed:
    def __index__(self) -> int:
        return 5


def _coerced() -> dict[str, dict[str, Any]]:
    """Values that become those of their fields."""
    return {
        "Enum": {"name": Colour.RED, "last_active_at": Number.ONE},
        "Decimal": {"last_active_at": decimal.Decimal(12345678901234567891)},
        "integral float": {"last_active_at": 5.0},
        "__index__": {"last_active_at": Indexed()},
        "bytes": {"name": "Zoë".encode(), "last_active_at": b"12"},
        "bytearray": {"name": bytearray("Zoë".encode())},
        "digits": {"last_active_at": "123456789012345678901234567890"},
        "datetime": {"date_of_birth": datetime.datetime(2024, 5, 6)},
        "date": {"date_of_birth": "2024-05-06"},
        "large": {"last_active_at": 10**40},
    }


def _reading() -> Operations:
    cls = UserModelResponse
    yield Operation("Model.__getattribute__", lambda: read().settings)
    yield Operation("Model.__getattribute__: kept", lambda: settings().größe)
    yield Operation("Model.__getattribute__: kept container", lambda: settings().nested)
    yield Operation(
        "Model.__getattribute__: none", partial(caught, AttributeError, lambda: read().nö)
    )
    yield Operation("Model.__setattr__", lambda: setattr(read(), "name", ["ä"]))
    yield Operation("Model.__setattr__: kept", lambda: setattr(settings(), "größe", 2))
    yield Operation(
        "Model.__setattr__: none", partial(caught, ValueError, lambda: setattr(carrying(), "nö", 1))
    )
    yield Operation("Model.__setattr__: private", lambda: own()._note)
    yield Operation("Model.__delattr__", lambda: delattr(read(), "name"))
    yield Operation("Model.__delattr__: kept", lambda: delattr(settings(), "größe"))
    yield Operation(
        "Model.__delattr__: none",
        partial(caught, AttributeError, lambda: delattr(settings(), "nö")),
    )
    for source in (read, made, settings, carrying):
        for name in ("model_fields_set", "model_extra", "model_unknown"):
            yield Operation(
                f"Model.{name}: {source.__name__}",
                lambda source=source, name=name: getattr(source(), name),
            )
        for name in ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"):
            yield Operation(
                f"Model.{name}: {source.__name__}",
                lambda source=source, name=name: getattr(source(), name)(source()),
            )
        for name in ("__repr__", "__str__", "__iter__"):
            yield Operation(
                f"Model.{name}: {source.__name__}",
                lambda source=source, name=name: _listed(getattr(source(), name)()),
            )
    yield Operation("Model.__hash__", partial(caught, TypeError, lambda: hash(made())))
    yield Operation("Model.__get_pydantic_core_schema__", lambda: type(_schema(cls)), python=True)
    wrong = partial(caught, ValueError, partial(cls.__get_pydantic_json_schema__, 1))
    yield Operation("Model.__get_pydantic_json_schema__", wrong, python=True)
    for name in ("_repr_html_", "_repr_mimebundle_", "__rich_repr__"):
        yield Operation(
            f"Model.{name}",
            lambda name=name: _kinds(getattr(read(), name)()),
            python=name == "__rich_repr__",
        )


def _schema(cls: Any) -> object:
    return cls.__get_pydantic_core_schema__(cls, None)


def _kinds(value: object) -> object:
    return value if isinstance(value, (str, list)) else type(value).__name__


def _listed(value: Any) -> object:
    return value if isinstance(value, str) else list(value)


def _copying() -> Operations:
    for source in (read, made, settings, carrying, own):
        what = source.__name__
        for name in ("copy", "__copy__", "model_copy"):
            yield Operation(
                f"Model.{name}: {what}",
                lambda source=source, name=name: _with_dict(getattr(source(), name)()),
            )
        yield Operation(
            f"Model.__deepcopy__: {what}",
            lambda source=source: _with_dict(copy.deepcopy(source())),
            True,
        )
        for protocol in (2, 5):
            yield Operation(
                f"Model._restore: {what} {protocol}",
                lambda source=source, protocol=protocol: _with_dict(
                    pickle.loads(pickle.dumps(source(), protocol))
                ),
                python=True,  # and leaks by itself
            )
        yield Operation(f"Model._restore: {what}", lambda source=source: _restored(source()))
        for name, arguments in (("__reduce__", ()), ("__reduce_ex__", (4,))):
            yield Operation(
                f"Model.{name}: {what}",
                lambda source=source, name=name, arguments=arguments: getattr(source(), name)(
                    *arguments
                )[1],
            )
    yield Operation("Model.model_copy: deep", lambda: read().model_copy(deep=True), python=True)
    yield Operation(
        "Model.model_copy: update", lambda: read().model_copy(update={"name": 1, "ñ": 2})
    )
    yield Operation("Model.__replace__", lambda: read().__replace__(name="ä", ñ=1))
    yield Operation("Model.__setstate__", lambda: _with_dict(_with_state()))


def _restored(model: Any) -> object:
    """As pickle does it."""
    restore, arguments, state = model.__reduce__()
    copied = restore(*arguments)
    copied.__setstate__(state)
    return _with_dict(copied)


def _with_state() -> Any:
    user = OwnUser.model_validate_json(USER_TEXT)
    user.__setstate__({"ä": 1})
    return user


def _with_dict(value: Any) -> object:
    return value, getattr(value, "__dict__", None)


def _describing() -> Operations:
    cls = UserModelResponse
    for name in ("model_fields", "__signature__", "__dataclass_fields__", "__dataclass_params__"):
        yield Operation(
            "ClassAttribute.__get__: " + name, lambda name=name: getattr(cls, name), True
        )
    attribute = vars(_core.Model)["model_fields"]
    kind = type(attribute)
    yield Operation("ClassAttribute.__new__", lambda: type(kind("model_fields")))
    yield Operation("Model.model_json_schema", cls.model_json_schema, python=True)
    yield Operation("Model.__init_subclass__", _subclass, python=True)
    with_arguments = partial(type, "Own", (UserModelResponse,), {}, wrong=1)
    yield Operation(
        "Model.__init_subclass__: arguments", partial(caught, TypeError, with_arguments)
    )


def _subclass() -> object:
    return type("Own", (UserModelResponse,), {"method": _kinds}).__name__


def models() -> Operations:
    """What one model can do."""
    yield from _making()
    yield from _reading()
    yield from _dumps()
    yield from _copying()
    yield from _describing()


# ---------------------------------------------------------------- each class of the table


def classes() -> Operations:
    """The life of an instance, and every attribute, of every class of the table."""
    for name in MODELS:
        cls = getattr(package, name)
        data = sample(name)
        text = json.dumps(data)
        yield Operation(f"{name}: made", lambda cls=cls, data=data: _life(cls.model_validate(data)))
        yield Operation(
            f"{name}: read", lambda cls=cls, text=text: _life(cls.model_validate_json(text))
        )
        names = [
            one for one, what in vars(cls).items() if isinstance(what, types.GetSetDescriptorType)
        ]
        if names:
            yield Operation(
                f"{name}: attributes",
                lambda cls=cls, text=text, names=names: _attributes(
                    cls.model_validate_json(text), names
                ),
                python=True,  # moments are made in Python
            )


def _life(model: Any) -> object:
    return (
        model.model_dump_json(),
        model.model_dump(),
        model == model.copy(),
        repr(model),
        _restored(model),
    )


def _attributes(model: Any, names: list[str]) -> object:
    """Each is read, and those of fields are set and deleted."""
    found = []
    for name in names:  # no comprehension, which is a function to CPython
        found.append(getattr(model, name))  # noqa: PERF401
    fields = type(model).__match_args__
    for name in names:
        if name in fields:
            setattr(model, name, None)
            delattr(model, name)
    return found


# ---------------------------------------------------------------- lists of models, functions


def page() -> Any:
    return UserListResponse.model_validate_json(PAGE_TEXT)


def lists() -> Operations:
    yield Operation("ModelList.__init__", lambda: ModelList(page().users))
    yield Operation("ModelList.__init__: iterator", lambda: ModelList(iter([1, 2])))
    yield Operation(
        "ModelList.__init__: keywords",
        partial(caught, TypeError, lambda: ModelList(a=1)),
    )
    yield Operation("ModelList.__getitem__", lambda: page().users[0])
    yield Operation("ModelList.__getitem__: slice", lambda: page().users[:2])
    yield Operation(
        "ModelList.__getitem__: none", partial(caught, IndexError, lambda: page().users[9])
    )
    yield Operation("ModelList.__add__", lambda: page().users + page().users)
    yield Operation(
        "ModelList.__add__: wrong", partial(caught, TypeError, lambda: page().users + 1)
    )
    yield Operation("ModelList.__mul__", lambda: page().users * 2)
    yield Operation("ModelList.__rmul__", lambda: 2 * page().users)
    yield Operation("ModelList.copy", lambda: ModelList.copy(page().users))
    yield Operation("ModelList.__reduce_ex__", lambda: page().users.__reduce_ex__(4)[1][0])
    yield Operation("ModelList._restore", lambda: pickle.loads(pickle.dumps(page().users)), True)
    yield Operation("ModelList._restore: wrong", partial(caught, TypeError, ModelList._restore))
    yield Operation("ModelList._restore: copy", lambda: copy.copy(page().users), True)
    for name in ("_repr_html_", "_repr_mimebundle_", "to_records"):
        yield Operation(
            f"ModelList.{name}",
            lambda name=name: _kinds(getattr(page().users, name)()),
            python=name == "to_records",
        )
    function = vars(ModelList)["to_records"]
    yield Operation("PackageFunction.__get__", lambda: function.__get__(None, ModelList))
    yield Operation("PackageFunction.__doc__", lambda: function.__doc__)


def functions() -> Operations:
    names = ("id", "settings", "info", "ключ", "größe", "last_active_at")
    for name in ("model_table", "endpoint_table", "option_table", "core_defaults", "version_info"):
        yield Operation(name, getattr(_core, name))
    a, b = '{"ä": [1, 2], "b": {"c": 1, "d": null}}', '{"ä": [1, 3], "b": {"c": 2}, "é": 1}'
    for name in ("json_merge", "json_diff", "json_equal"):
        function = getattr(_core, name)
        yield Operation(name, lambda function=function: function(a[:1] + a[1:], b.encode()))
        yield Operation(
            f"{name}: not ASCII", lambda function=function: function(a[:1] + a[1:], b[:1] + b[1:])
        )
        yield Operation(
            f"{name}: no JSON",
            partial(caught, ValueError, lambda function=function: function("{", b)),
        )
        yield Operation(
            f"{name}: types", partial(caught, TypeError, lambda function=function: function(1, b))
        )
    sources: tuple[Callable[..., Any], ...] = (
        lambda: page().users,
        lambda: [read(), settings(), settings().model_copy(update={"ключ": 1})],
        lambda: [made(), settings().model_copy(update={"ключ": [1]})],
    )
    for number, source in enumerate(sources):
        yield Operation(f"columns_of: {number}", lambda source=source: _core.columns_of(source()))
        yield Operation(
            f"columns_of: {number} names",
            lambda source=source: _core.columns_of(source(), {"größe", "id"}),
        )
        for as_json in (False, True):
            yield Operation(
                f"columns: {number} {as_json}",
                lambda source=source, as_json=as_json: _core.columns(source(), names, as_json),
            )
    yield Operation("columns_of: wrong", partial(caught, TypeError, lambda: _core.columns_of([1])))
    yield Operation(
        "columns: wrong", partial(caught, TypeError, lambda: _core.columns([1], (), False))
    )
    yield Operation("records", lambda: _core.records(("ä", "b"), ([1, 2], ["x", None])))
    yield Operation(
        "records: wrong", partial(caught, ValueError, lambda: _core.records(("ä", "b"), ([1], [])))
    )
    values: list[Any] = [
        None,
        "ä",
        1,
        2.5,
        True,
        datetime.date(2024, 1, 2),
        ["x"],
        {},
        "\ud800",
        10**30,
    ]
    yield Operation("column_facts", lambda: _core.column_facts(values))
    yield Operation(
        "column_facts: wrong", partial(caught, TypeError, lambda: _core.column_facts(1))
    )


# ---------------------------------------------------------------- errors without a server


def _wrong_user(**wrong: Any) -> dict[str, Any]:
    return {**USER, **wrong}


def faults() -> Operations:
    """Everything that a model refuses."""
    from openwebui_users.errors import SerializationError, ValidationError

    cls = UserModelResponse
    locks: dict[str, Any] = dict.fromkeys(USER, _LOCK)
    odd_keys: dict[Any, Any] = {**USER, 1: 2, "settings": {1: 2}}
    wrong: dict[str, Callable[..., object]] = {
        "missing": cls,
        "many": lambda: cls(**locks),
        "nested": lambda: cls.model_validate(_wrong_user(settings={"ui": 1}, info=5)),
        "texts": lambda: cls.model_validate(_wrong_user(last_active_at="ä", date_of_birth="x")),
        "surrogate": lambda: cls.model_validate(_wrong_user(name=b"\xff", last_active_at="\ud800")),
        "digits": lambda: cls.model_validate(_wrong_user(last_active_at="1" * 5000)),
        "keys": lambda: cls.model_validate(odd_keys),
        "model": lambda: cls.model_validate(1),
        "strict": lambda: cls.model_validate(_wrong_user(last_active_at=1.0), strict=True),
        "password": lambda: package.SigninForm(email="a", password=5),
        "no JSON": lambda: cls.model_validate_json('{"id": "ä", '),
        "JSON missing": lambda: cls.model_validate_json('{"id": ["ä", {"a": 1}], "settings": 1}'),
        "JSON surrogate": lambda: cls.model_validate_json("\ud800"),
        "JSON list": lambda: UserListResponse.model_validate_json(
            '{"users": [{}, 1], "total": "x"}'
        ),
    }
    for name, action in wrong.items():
        yield Operation(
            f"ValidationError: {name}",
            lambda action=action: caught(ValidationError, action),
            python=ERRORS_ARE_PYTHON,
        )
    unwritable: dict[str, Any] = {
        "type": object(),
        "nan": float("nan"),
        "surrogate": {"\ud800": 1},
        "bytes": b"\xff",
        "key": {(1,): 1},
        "twice": {1: 2, "1": 3},
        "digits": 10**5000,
    }
    for name, value in unwritable.items():
        for method in ("model_dump_json", "to_json_bytes"):
            yield Operation(
                f"SerializationError: {name} {method}",
                lambda value=value, method=method: caught(
                    SerializationError, getattr(_with_info(value), method)
                ),
                python=ERRORS_ARE_PYTHON,
            )
    cycle: list[Any] = []
    cycle.append(cycle)
    yield Operation(
        "SerializationError: cycle",
        lambda: caught(SerializationError, _with_info(cycle).model_dump_json),
        python=ERRORS_ARE_PYTHON,
    )
    for name, arguments in (
        ("mode", {"mode": 1}),
        ("include", {"include": 5}),
        ("exclude", {"exclude": 5}),
        ("unknown", {"größe": 1}),
    ):
        yield Operation(
            f"TypeError: model_dump {name}",
            partial(caught, TypeError, lambda arguments=arguments: read().model_dump(**arguments)),
        )
    yield Operation(
        "ValueError: indent", partial(caught, ValueError, lambda: read().model_dump_json(indent=99))
    )
    yield Operation("TypeError: positional", partial(caught, TypeError, lambda: cls(1)))
    yield Operation("TypeError: base", partial(caught, TypeError, _core.Model))
    yield Operation(
        "TypeError: JSON input", partial(caught, TypeError, lambda: cls.model_validate_json(1))
    )
    yield Operation("TypeError: _restore", partial(caught, TypeError, lambda: cls._restore(1)))
    yield Operation(
        "ValueError: _restore",
        partial(caught, ValueError, lambda: cls._restore(9, None, None, None)),
    )
    yield Operation(
        "ValueError: pickle",
        partial(caught, ValueError, lambda: cls._restore(1, None, 2, 3)),
    )
    yield Operation(
        "TypeError: no pickle", partial(caught, TypeError, lambda: pickle.dumps(_with_info(_LOCK)))
    )


_LOCK = threading.Lock()


def _with_info(value: Any) -> Any:
    user = read()
    user.info = value
    return user
