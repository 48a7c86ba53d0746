"""Compare the records of models with their dumps, for any values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openwebui_users import ModelList, _core, frames

TABLE = {model["name"]: model for model in _core.model_table()}
NAMES = ("UserGroupIdsModel", "UserActiveResponse", "GroupModel", "ChannelListItemResponse")

TEXT = st.text(max_size=10)
NUMBERS = st.integers(-(2**70), 2**70)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | FLOATS | TEXT
ANY = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
)
KINDS = {
    "str": TEXT,
    "int": NUMBERS,
    "float": FLOATS,
    "bool": st.booleans(),
    "date": st.dates().map(str),
}


def values_of(field: dict[str, Any]) -> st.SearchStrategy[Any]:
    if field["kind"] == "model":
        values: st.SearchStrategy[Any] = of_model(field["model"])
    elif field["kind"] in ("list", "dict"):
        item = KINDS.get(field["item"], ANY)
        item = of_model(field["model"]) if field["item"] == "model" else item
        is_list = field["kind"] == "list"
        values = st.lists(item, max_size=2) if is_list else st.dictionaries(TEXT, item, max_size=2)
    else:
        values = KINDS[field["kind"]]
    return st.none() | values if field["nullable"] else values


def of_model(name: str) -> st.SearchStrategy[dict[str, Any]]:
    model = TABLE[name]
    needed = {one["alias"]: values_of(one) for one in model["fields"] if one["required"]}
    others = {one["alias"]: values_of(one) for one in model["fields"] if not one["required"]}
    known = st.fixed_dictionaries(needed, optional=others)
    if model["unknown"] != "keep":
        return known
    more = st.dictionaries(st.sampled_from(["nickname", "age", "api_key"]), ANY, max_size=3)
    return st.builds(lambda kept, fields: {**kept, **fields}, more, known)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_records_are_dumps(name: str, data: st.DataObject) -> None:
    cls = getattr(_core, name)
    models: ModelList[Any] = ModelList(
        cls.model_validate(one) for one in data.draw(st.lists(of_model(name), max_size=4))
    )
    for index in data.draw(st.sets(st.integers(0, 3))):
        if index < len(models):
            list(models[index])  # read before
    dumps = [model.model_dump() for model in models]
    records = frames.to_records(models, secrets=True)
    names = list(dict.fromkeys(key for dump in dumps for key in dump))
    assert records == [{**dict.fromkeys(names), **dump} for dump in dumps]
    without = frames.to_records(models)
    secrets = {field["name"] for field in TABLE[name]["fields"] if field["secret"]} | {"api_key"}
    assert without == [
        {key: value for key, value in record.items() if key not in secrets} for record in records
    ]


@pytest.mark.filterwarnings("ignore::openwebui_users.errors.ColumnTypeWarning")
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_engine_takes_what_a_server_can_send(name: str, data: st.DataObject) -> None:
    cls = getattr(_core, name)
    models: ModelList[Any] = ModelList(
        cls.model_validate(one) for one in data.draw(st.lists(of_model(name), max_size=4))
    )
    rows = len(models)
    texts = [field["name"] for field in TABLE[name]["fields"] if field["kind"] == "str"]
    texts = [one for one in texts if one != "api_key" and one != "oauth_sub"]
    wanted = [{one: getattr(model, one) for one in texts} for model in models]
    assert models.to_arrow().select(texts if rows else []).to_pylist() == wanted
    assert len(models.to_pandas()) == rows
    assert models.to_polars().height == rows
    if rows:
        assert models.to_polars(fields=texts).rows(named=True) == wanted
