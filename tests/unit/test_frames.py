"""Records and data frames of models: columns, types, values, and values that do not fit."""

from __future__ import annotations

import enum
import gc
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped, unused-ignore]
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pytest
from sanitized import SANITIZED

from openwebui_users import ModelList, _core, frames
from openwebui_users.admin import Result, RowResult
from openwebui_users.errors import (
    ColumnTypeWarning,
    MissingLibraryError,
    OpenWebUIError,
    SerializationError,
)
from openwebui_users.models import (
    ChannelModel,
    UserActiveResponse,
    UserGroupIdsListResponse,
    UserGroupIdsModel,
    UserIdNameResponse,
    UserModel,
    UserUsageHeatmapEntry,
)

ROOT = Path(__file__).resolve().parent.parent.parent
CREATED = 1_700_000_000
MOMENT = datetime.fromtimestamp(CREATED, timezone.utc)

ENGINES = ("pandas", "polars", "arrow")


def raw(**changes: Any) -> dict[str, Any]:
    """A user as an older server sends it: without most fields."""
    plain = {"id": "1", "name": "Ann", "email": "ann@example.com", "role": "user"}
    times = {"last_active_at": CREATED, "updated_at": CREATED, "created_at": CREATED}
    return {**plain, **times, **changes}


FULL = raw(
    date_of_birth="1990-02-03",
    status_expires_at=CREATED,
    info={"a": [1, {"b": None}], "n": 12345678901234567890123},
    settings={"ui": {"theme": "dark"}, "more": 1},
    api_key="sk-secret",
    oauth={"oidc": {"sub": "secret"}},
    variables={"hidden": "secret"},
    group_ids=["g1", "g2"],
    bio="Grüße\n🌱",
)


def page(*users: dict[str, Any]) -> UserGroupIdsListResponse:
    text = json.dumps({"users": users, "total": len(users)})
    return UserGroupIdsListResponse.model_validate_json(text)


def users(*rows: dict[str, Any]) -> ModelList[UserGroupIdsModel]:
    return page(*rows).users


def column(engine: str, models: Any, name: str) -> list[Any]:
    """The values of one column as Python has them; None for null."""
    if engine == "pandas":
        series = frames.to_pandas(models)[name]
        return [
            one if isinstance(one, (list, dict)) or not pd.isna(one) else None for one in series
        ]
    if engine == "polars":
        return list(frames.to_polars(models)[name].to_list())
    return list(frames.to_arrow(models)[name].to_pylist())


# ---------------------------------------------------------------- types


def test_types_of_pandas() -> None:
    frame = users(FULL, raw()).to_pandas()
    types = {name: str(dtype) for name, dtype in frame.dtypes.items()}
    assert types["id"] == types["bio"] == "string" and types["role"] == "category"
    assert types["created_at"] == types["status_expires_at"] == "datetime64[s, UTC]"
    assert {types[name] for name in ("info", "settings", "group_ids", "date_of_birth")} == {
        "object"
    }
    entries = ModelList([UserUsageHeatmapEntry(date="2026-01-01", chats=1, messages=2)])
    assert {str(one) for one in entries.to_pandas().dtypes} >= {"Int64"}
    channel = ChannelModel(id="1", user_id="1", name="a", created_at=1, updated_at=1)
    types = {name: str(dtype) for name, dtype in ModelList([channel]).to_pandas().dtypes.items()}
    assert types["created_at"] == "datetime64[ns, UTC]" and types["is_private"] == "boolean"


def test_types_of_polars() -> None:
    schema = users(FULL, raw()).to_polars().schema
    assert schema["id"] == schema["bio"] == schema["info"] == schema["settings"] == pl.String
    assert schema["role"] == pl.Categorical and schema["date_of_birth"] == pl.Date
    assert schema["created_at"] == pl.Datetime("us", "UTC")
    assert schema["group_ids"] == pl.List(pl.String)
    channel = ChannelModel(id="1", user_id="1", name="a", created_at=1, updated_at=1)
    schema = ModelList([channel]).to_polars().schema
    assert schema["created_at"] == pl.Datetime("ns", "UTC") and schema["is_private"] == pl.Boolean


def test_types_of_arrow() -> None:
    schema = users(FULL, raw()).to_arrow().schema
    assert schema.field("id").type == schema.field("info").type == pa.string()
    assert schema.field("role").type == pa.dictionary(pa.int32(), pa.string())
    assert schema.field("created_at").type == pa.timestamp("s", tz="UTC")
    assert schema.field("date_of_birth").type == pa.date32()
    assert schema.field("group_ids").type == pa.list_(pa.string())
    channel = ChannelModel(id="1", user_id="1", name="a", created_at=1, updated_at=1)
    assert ModelList([channel]).to_arrow().schema.field("created_at").type == pa.timestamp(
        "ns", tz="UTC"
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_values(engine: str) -> None:
    models = users(FULL, raw(id="2"), raw(id="3", role="guest"))
    assert column(engine, models, "id") == ["1", "2", "3"]
    assert column(engine, models, "bio") == ["Grüße\n🌱", None, None]
    assert column(engine, models, "role") == ["user", "user", "guest"]
    assert column(engine, models, "created_at") == [MOMENT] * 3
    assert column(engine, models, "status_expires_at") == [MOMENT, None, None]
    assert column(engine, models, "date_of_birth") == [date(1990, 2, 3), None, None]
    assert column(engine, models, "group_ids") == [["g1", "g2"], [], []]
    info, settings = column(engine, models, "info"), column(engine, models, "settings")
    if engine != "pandas":
        info = [None if one is None else json.loads(one) for one in info]
        settings = [None if one is None else json.loads(one) for one in settings]
    assert info == [FULL["info"], None, None]
    assert settings == [FULL["settings"], None, None]


def test_json_is_that_of_dumps() -> None:
    models = users(FULL)
    [text] = column("arrow", models, "info")
    dumped = models[0].model_dump_json(include={"info"})
    assert dumped == f'{{"info":{text}}}'


@pytest.mark.parametrize("engine", ENGINES)
def test_values_that_were_set(engine: str) -> None:
    class Role(str, enum.Enum):
        ADMIN = "admin"

    models = users(FULL, raw())
    models[0].role = Role.ADMIN
    models[0].name = "Bo"
    assert models[1].info is None
    models[1].info = {"x": 1}
    del models[1].bio
    del models[0].bio
    assert column(engine, models, "role") == ["admin", "user"]
    assert column(engine, models, "name") == ["Bo", "Ann"]
    assert column(engine, models, "bio") == [None, None]
    info = column(engine, models, "info")[1]
    assert info in ({"x": 1}, '{"x":1}')


# ---------------------------------------------------------------- records


def test_records_are_dumps() -> None:
    models = users(FULL, raw())
    hidden = {"api_key", "oauth", "oauth_sub"}
    assert models.to_records() == [user.model_dump(exclude=hidden) for user in models]
    assert models.to_records(secrets=True) == [user.model_dump() for user in models]
    models = users(FULL)
    first, again = models.to_records(), models.to_records()
    assert first[0]["info"] is not again[0]["info"]  # the reader's own


def test_of_any_iterable_and_of_pages() -> None:
    whole = page(FULL, raw())
    records = whole.users.to_records()
    assert frames.to_records(iter(whole.users)) == frames.to_records(whole) == records
    assert whole.to_records() == frames.to_records(tuple(whole.users)) == records
    assert whole.to_pandas().shape == (2, len(records[0])) and whole.to_arrow().num_rows == 2
    assert whole.to_polars().height == 2


async def _nobody() -> Any:
    yield None


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (UserIdNameResponse(id="1", name="a"), "not one UserIdNameResponse"),
        ([1], "item 0 must be a model, not int"),
        (1, "must be an iterable of models, not int"),
        (_nobody(), "async_generator: collect what it gives first"),
    ],
)
def test_what_is_no_list_of_models(source: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        frames.to_records(source)


def test_fields_choose_and_order() -> None:
    models = users(FULL, raw())
    assert [*models.to_records(fields=["email", "id"])[0]] == ["email", "id"]
    assert [*models.to_pandas(fields=("role", "id")).columns] == ["role", "id"]
    assert models.to_polars(fields=iter(["role", "id"])).columns == ["role", "id"]
    assert models.to_arrow(fields=["id"]).column_names == ["id"]


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (["emial"], ValueError, "no field 'emial'; did you mean 'email'?"),
        (["id", "id"], ValueError, "'id' twice"),
        (["variables"], ValueError, "'variables' is never part of a dump"),
        (["api_key"], ValueError, "'api_key' is a secret: give secrets=True"),
        ([], ValueError, "at least one"),
        ("email", TypeError, "not str"),
        ([1], ValueError, "no field 1"),
    ],
)
def test_fields_that_are_none(fields: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message.replace("?", r"\?")):
        users(FULL).to_records(fields=fields)


@pytest.mark.parametrize("engine", ENGINES)
def test_secrets_are_left_out_unless_asked_for(engine: str) -> None:
    method = getattr(frames, f"to_{engine}")
    shown = method(users(FULL))
    names = shown.column_names if engine == "arrow" else [*shown.columns]
    assert not {"api_key", "oauth", "oauth_sub", "variables"} & set(names)
    assert "secret" not in str(shown if engine != "arrow" else shown.to_pylist())
    assert "sk-secret" in str(method(users(FULL), fields=["api_key"], secrets=True))


# ---------------------------------------------------------------- classes


@pytest.mark.parametrize("engine", ENGINES)
def test_no_models(engine: str) -> None:
    method = getattr(frames, f"to_{engine}")
    known = method(users())
    names = known.column_names if engine == "arrow" else [*known.columns]
    assert "email" in names and "group_ids" in names  # by the class that a page declares
    some = method(users(FULL))
    if engine == "pandas":
        assert len(known) == 0 and list(map(str, known.dtypes)) == list(map(str, some.dtypes))
    else:
        assert known.schema == some.schema
    assert len(method(users(FULL)[1:]).columns) == len(names)
    assert len(method([]).columns) == 0
    named = method(ModelList(), fields=["email"])
    assert len(named.columns) == 1 and len(named) == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_models_of_several_classes(engine: str) -> None:
    models = [users(FULL)[0], UserIdNameResponse(id="2", name="Bo")]
    assert column(engine, models, "name") == ["Ann", "Bo"]
    assert column(engine, models, "email") == ["ann@example.com", None]
    assert column(engine, models, "created_at") == [MOMENT, None]
    records = frames.to_records(models)
    assert records[0].keys() == records[1].keys()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_field_that_two_classes_count_differently_stays_a_number(engine: str) -> None:
    channel = ChannelModel(id="1", user_id="1", name="a", created_at=5, updated_at=1)
    models = [users(FULL)[0], channel]
    assert column(engine, models, "created_at") == [CREATED, 5]


ACTIVE = b"""[{"name": "Ann", "is_active": true, "text": "a", "number": 1, "part": 1.5,
    "yes": true, "mixed": 1, "list": ["a"], "nothing": null, "api_key": "sk-secret", "large": 1},
    {"name": "Bo", "is_active": false, "part": 2, "mixed": "a", "list": [], "last": "b",
    "large": 123456789012345678901234567890, "number": null}]"""


def active() -> ModelList[UserActiveResponse]:
    return ModelList(
        UserActiveResponse.model_validate_json(json.dumps(one)) for one in json.loads(ACTIVE)
    )


@pytest.mark.parametrize("was_read", [False, True])
@pytest.mark.parametrize("engine", ENGINES)
def test_kept_keys_are_columns(engine: str, was_read: bool) -> None:
    models = active()
    if was_read:
        assert all(model.model_extra for model in models)
    assert column(engine, models, "text") == ["a", None]
    assert column(engine, models, "number") == [1, None]
    assert column(engine, models, "part") == [1.5, 2.0]
    assert column(engine, models, "yes") == [True, None]
    assert column(engine, models, "nothing") == [None, None]
    assert column(engine, models, "last") == [None, "b"]
    plain = engine == "pandas"
    large = 123456789012345678901234567890
    assert column(engine, models, "mixed") == ([1, "a"] if plain else ["1", '"a"'])
    assert column(engine, models, "list") == ([["a"], []] if plain else ['["a"]', "[]"])
    assert column(engine, models, "large") == ([1, large] if plain else ["1", str(large)])
    with pytest.raises(ValueError, match="'api_key' is a secret"):
        models.to_records(fields=["api_key"])
    assert models.to_records(secrets=True)[0]["api_key"] == "sk-secret"
    assert "sk-secret" not in str(models.to_records())


def test_keys_without_end_are_refused() -> None:
    many = [
        UserActiveResponse.model_validate({"name": "a", "is_active": True, f"key{number}": 1})
        for number in range(1001)
    ]
    with pytest.raises(ValueError, match="more than 1000 different unknown keys"):
        frames.to_records(many)
    assert len(frames.to_records(many[1:])) == 1000
    assert frames.to_records(many, fields=["name"])[:1] == [{"name": "a"}]
    chosen = frames.to_records(many, fields=["key1000", "name"])
    assert chosen[0] == {"key1000": None, "name": "a"} and chosen[-1]["key1000"] == 1
    with pytest.raises(ValueError, match="no field 'key1001'"):
        frames.to_records(many, fields=["key1001"])


def test_a_kept_key_that_is_no_text_is_in_nobodys_way() -> None:
    models = active()
    models[0].model_extra[1] = 2  # type: ignore[index]
    with pytest.raises(TypeError, match="a key in model_extra must be str"):
        models.to_records()
    assert models.to_records(fields=["text"])[0] == {"text": "a"}


def test_carried_keys_are_none() -> None:
    assert "later" not in users({**FULL, "later": 1}).to_records()[0]


# ---------------------------------------------------------------- what does not fit


@pytest.mark.parametrize("moment", [2**40, -(2**60), 2**63 - 1, -(2**63)])
@pytest.mark.parametrize("engine", ENGINES)
def test_moments_of_no_calendar_stay_numbers(engine: str, moment: int) -> None:
    models = users(raw(created_at=moment), raw())
    with pytest.warns(ColumnTypeWarning, match="created_at: not all values are moments"):
        assert column(engine, models, "created_at") == [moment, CREATED]
    with pytest.warns(ColumnTypeWarning) as warned:
        frame = getattr(frames, f"to_{engine}")(models)
    assert warned[0].filename == __file__
    wanted = {"pandas": "Int64", "polars": "Int64", "arrow": "int64"}[engine]
    types = (
        frame.schema.field("created_at").type if engine == "arrow" else frame["created_at"].dtype
    )
    assert str(types) == wanted


@pytest.mark.parametrize("moment", [-62_135_596_800, 253_402_300_799, 0, -1])
@pytest.mark.parametrize("engine", ENGINES)
def test_moments_of_the_calendar(engine: str, moment: int) -> None:
    models = users(raw(created_at=moment))
    assert column(engine, models, "created_at") == [models[0].created]


@pytest.mark.parametrize("engine", ENGINES)
def test_integers_of_more_than_64_bits(engine: str) -> None:
    large = 2**63
    models = users(raw(created_at=large), raw())
    with pytest.warns(ColumnTypeWarning, match="taken as they are"):
        found = column(engine, models, "created_at")
    assert found == ([large, CREATED] if engine == "pandas" else [str(large), str(CREATED)])
    assert models.to_records()[0]["created_at"] == large


@pytest.mark.parametrize("engine", ENGINES)
def test_values_of_another_type(engine: str) -> None:
    models = users(raw(), raw())
    models[0].name = 5  # type: ignore[assignment]
    models[0].group_ids = [1]  # type: ignore[list-item]
    plain = engine == "pandas"
    with pytest.warns(ColumnTypeWarning):
        assert column(engine, models, "name") == ([5, "Ann"] if plain else ["5", '"Ann"'])
    with pytest.warns(ColumnTypeWarning):
        assert column(engine, models, "group_ids") == ([[1], []] if plain else ["[1]", "[]"])


@pytest.mark.parametrize("engine", ENGINES)
def test_values_that_json_cannot_hold(engine: str) -> None:
    models = users(raw(), raw())
    models[1].name = object()  # type: ignore[assignment]
    if engine == "pandas":
        with pytest.warns(ColumnTypeWarning):
            assert column(engine, models, "name")[1] is models[1].name
        return
    with pytest.warns(ColumnTypeWarning), pytest.raises(SerializationError) as caught:
        column(engine, models, "name")
    assert caught.value.loc == (1, "name")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("text", ["a\0b", "\0", "", '"\\\n\u2028', "🌱" * 1000, "NaN", "null"])
def test_hostile_texts(engine: str, text: str) -> None:
    models = users(raw(name=text, role=text, group_ids=[text], info={text: text}))
    assert column(engine, models, "name") == [text]
    assert column(engine, models, "role") == [text]
    assert column(engine, models, "group_ids") == [[text]]
    assert column(engine, models, "info") in ([{text: text}], [f"{{{q(text)}:{q(text)}}}"])


def q(text: str) -> str:
    return UserIdNameResponse(id=text, name="").model_dump_json(include={"id"})[6:-1]


@pytest.mark.parametrize("place", ["name", "role", "group_ids", "info"])
@pytest.mark.parametrize("engine", ENGINES)
def test_lone_surrogates(engine: str, place: str) -> None:
    models = users(raw(), raw())
    value: Any = {"group_ids": ["\ud800"], "info": {"a": "\ud800"}}.get(place, "\ud800")
    setattr(models[1], place, value)
    if engine == "pandas":
        assert column(engine, models, place)[1] == value
        return
    with pytest.raises(SerializationError) as caught:
        column(engine, models, place)
    assert caught.value.loc[:2] == (1, place)


@pytest.mark.parametrize("engine", ENGINES)
def test_not_a_number_is_no_null(engine: str) -> None:
    models = active()
    models[0].model_extra["part"] = float("nan")  # type: ignore[index]
    frame = getattr(frames, f"to_{engine}")(models)
    if engine == "pandas":
        assert str(frame["part"].dtype) == "Float64"
        assert frame["part"].array._mask.tolist() == [False, False]
    else:
        part = frame["part"]
        assert part.null_count() == 0 if engine == "polars" else part.null_count == 0
        assert str(part.to_pylist()[0] if engine == "arrow" else part[0]) == "nan"


# ---------------------------------------------------------------- reading leaves nothing behind


def test_models_hold_nothing_more_afterwards() -> None:
    models = users(*(raw(id=str(number), info={"a": number}) for number in range(10)))
    sizes = [sys.getsizeof(one) for one in models]
    before = pickled(models)
    for engine in ("records", *ENGINES):
        getattr(models, f"to_{engine}")()
    assert pickled(models) == before and sizes == [sys.getsizeof(one) for one in models]


def pickled(models: ModelList[Any]) -> list[Any]:
    """How each would be pickled: one that holds no value, as the JSON of its record."""
    reduced = [model.__reduce__()[1][1] for model in models]
    assert all(isinstance(json, bytes) for json in reduced)
    return reduced


def test_memory_does_not_grow() -> None:
    code = f"""if True:
        import gc, json
        from openwebui_users.models import UserGroupIdsListResponse
        def held():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * 4
        row = {FULL!r}
        text = json.dumps({{"users": [row] * 20000, "total": 20000}})
        models = UserGroupIdsListResponse.model_validate_json(text).users
        models[:100].to_records()
        models.to_records(); gc.collect()
        before = held()
        for _ in range(3):
            models.to_records(); gc.collect()
        print(held() - before)
    """
    if not sys.platform.startswith("linux") or SANITIZED:
        pytest.skip("reads /proc, where the sanitizer shows what was freed")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 10_000  # KiB; values that are kept would be 40 MB


class _Watching(str):
    """A key that notes whether the garbage collector is on, and turns it off, when it is hashed."""

    __slots__ = ("seen",)
    seen: list[bool]

    def __hash__(self) -> int:
        if hasattr(self, "seen"):
            self.seen.append(gc.isenabled())
            gc.disable()
        return str.__hash__(self)


class _OtherDict(dict[Any, Any]):
    """Whose keys are hashed when it is dumped."""


def watching(text: str) -> _Watching:
    key = _Watching(text)
    key.seen = []
    return key


@pytest.fixture
def collector() -> Iterator[None]:
    assert gc.isenabled()
    yield
    gc.enable()


@pytest.mark.usefixtures("collector")
def test_the_collector_is_left_as_it_is() -> None:
    models = users(FULL, raw())
    models.to_records()
    assert gc.isenabled()
    with pytest.raises(TypeError):
        _core.columns([1], ("id",), False)  # type: ignore[call-overload]
    assert gc.isenabled()
    gc.disable()
    models.to_records()
    assert not gc.isenabled()


@pytest.mark.usefixtures("collector")
def test_who_turns_the_collector_off_meanwhile_finds_it_off() -> None:
    key = _Watching("a")
    models = users(FULL, raw(), raw())
    models[1].info = _OtherDict({key: 1})
    key.seen = []
    assert models.to_records(fields=["info"])[1] == {"info": {"a": 1}}
    assert key.seen[0] is True and not gc.isenabled()
    for name in (watching("name"), watching("unknown")):
        gc.enable()
        _core.columns(active(), (name,), False)
        assert name.seen[0] is True and not gc.isenabled()
    name = watching("name")
    gc.enable()
    _core.records((name,), ([1],))
    assert name.seen[0] is True and not gc.isenabled()


@pytest.mark.usefixtures("collector")
def test_the_collector_is_on_while_models_come() -> None:
    def coming() -> Iterator[UserGroupIdsModel]:
        assert gc.isenabled()
        gc.disable()
        yield from users(raw())

    assert _core.columns(coming(), ("id",), False) == [["1"]]
    assert not gc.isenabled()


# ---------------------------------------------------------------- the core's own functions


def test_arguments_of_the_core() -> None:
    core: Any = _core
    wrong: list[list[Any]] = [[], [[], [], False], [[], (1,), False], [[1], (), False]]
    for arguments in wrong:
        with pytest.raises(TypeError):
            core.columns(*arguments)
    wrong = [[(), []], [("a",), (1,)], [("a",), ()], [("a", "b"), ([1], [])]]
    for arguments in wrong:
        with pytest.raises((TypeError, ValueError)):
            core.records(*arguments)
    with pytest.raises(TypeError):
        core.column_facts(())
    with pytest.raises(TypeError):
        core.columns_of(1)
    for arguments in ([], [[], None, None], [[], ["name"]]):
        with pytest.raises(TypeError):
            core.columns_of(*arguments)
    assert core.columns([], (), False) == [] and core.records((), ()) == []


def test_any_truth_value_chooses_json() -> None:
    core: Any = _core
    models = users(raw(info={"a": 1}))
    assert core.columns(models, ("info",), 1) == core.columns(models, ("info",), True)
    assert core.columns(models, ("info",), True) == [['{"a":1}']]
    assert core.columns(models, ("info",), 0) == core.columns(models, ("info",), False)

    class Undecided:
        def __bool__(self) -> bool:
            raise LookupError("no answer")

    with pytest.raises(LookupError, match="no answer"):
        core.columns(models, ("info",), Undecided())


# ---------------------------------------------------------------- libraries


def test_importing_the_package_imports_none_of_it() -> None:
    code = (
        "import openwebui_users, sys; "
        "print([one for one in sys.modules if one.endswith(('frames', '_engines', 'pandas'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("engine", "library"), [("pandas", "pandas"), ("polars", "polars"), ("arrow", "pyarrow")]
)
def test_a_library_that_is_missing(
    engine: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingLibraryError, match=rf"pip install 'openwebui_users\[{engine}\]'"):
        getattr(users(FULL), f"to_{engine}")()
    assert issubclass(MissingLibraryError, ImportError)
    assert issubclass(MissingLibraryError, OpenWebUIError)


# ---------------------------------------------------------------- results of verbs


def test_results() -> None:
    rows = [
        RowResult(2, "ann@example.com", "1", "updated", changes={"name": ("a", "\ud800")}),
        RowResult(None, "bo@example.com", None, "failed", "no", notes=["a note"]),
    ]
    result = Result("update_user", rows)
    names = ["row", "email", "id", "status", "error", "changes", "notes"]
    assert [*result.to_records()[0]] == names
    assert result.to_records() == result.to_dict()["rows"]
    frame = result.to_pandas()
    assert [*frame.columns] == names and str(frame["status"].dtype) == "category"
    assert str(frame["row"].dtype) == "Int64" and frame["notes"][1] == ["a note"]
    assert result.to_polars()["changes"].to_list() == [r'{"name": ["a", "\ud800"]}', "{}"]
    assert result.to_arrow()["row"].to_pylist() == [2, None]
    assert [*Result("nothing").to_pandas().columns] == names


@pytest.mark.parametrize("value", [object(), float("nan"), {("a", "b"): 1}])
@pytest.mark.parametrize("engine", ["polars", "arrow"])
def test_changes_that_json_cannot_hold(engine: str, value: Any) -> None:
    rows = [RowResult(2, "ann@example.com"), RowResult(3, changes={"name": (None, value)})]
    result = Result("update_user", rows)
    with pytest.raises(SerializationError, match="row 1, changes: ") as caught:
        getattr(result, f"to_{engine}")()
    assert caught.value.loc == (1, "changes")
    assert result.to_pandas()["changes"][1] == rows[1].changes


@pytest.mark.parametrize(
    ("engine", "library"), [("pandas", "pandas"), ("polars", "polars"), ("arrow", "pyarrow")]
)
def test_results_without_the_library(
    engine: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingLibraryError, match=rf"pip install 'openwebui_users\[{engine}\]'"):
        getattr(Result("nothing"), f"to_{engine}")()


def test_plain_users_have_no_more_columns_than_their_class() -> None:
    model = UserModel.model_validate(FULL)
    assert set(frames.to_records([model], secrets=True)[0]) == set(model.model_dump())
