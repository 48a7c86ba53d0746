"""Descriptions of model classes and methods: fields, signatures, JSON Schema, documentation."""

from __future__ import annotations

import dataclasses
import datetime
import gc
import inspect
import json
import pickle
import subprocess
import sys
import weakref
from typing import Any

import pytest

import openwebui_users
from openwebui_users import _core, _describe, models

MODELS = {row["name"]: row for row in _core.model_table()}
ENDPOINTS = {(row["resource"], row["name"]): row for row in _core.endpoint_table()}
CLASSES = [getattr(models, name) for name in MODELS]


def minimal(cls: type[_core.Model]) -> dict[str, Any]:
    """The least input that makes an instance."""
    samples = {"str": "x", "int": 1, "float": 1.5, "bool": True, "date": "2020-01-02"}
    values: dict[str, Any] = {}
    for name, info in cls.model_fields.items():
        if info.required and info.kind == "model":
            values[name] = minimal(info.annotation)
        elif info.required:
            values[name] = {"list": [], "dict": {}}.get(info.kind, samples.get(info.kind))
    return values


# ---------------------------------------------------------------- tables


def test_tables_are_fresh_and_complete() -> None:
    first, second = _core.model_table(), _core.model_table()
    assert first == second
    assert first is not second
    assert first[0] is not second[0]
    for row in first:
        assert set(row) == {"name", "base", "unknown", "doc", "page", "fields"}
        assert row["page"] is None or row["page"] in {field["name"] for field in row["fields"]}
        assert row["unknown"] in ("carry", "keep")
        for field in row["fields"]:
            assert field["kind"] in _describe_kinds()
            assert (field["item"] is None) == (field["kind"] not in ("list", "dict"))
            if field["kind"] == "model" or field["item"] == "model":
                assert field["model"] in MODELS
            assert field["epoch"] in (None, "seconds", "nanoseconds")
            assert field["doc"].endswith((".", "?"))


def _describe_kinds() -> set[str]:
    return {"any", "str", "int", "float", "bool", "date", "dict", "list", "model"}


def test_every_call_of_the_table_is_described() -> None:
    for row in _core.endpoint_table():
        assert row["method"] in ("GET", "POST", "DELETE")
        assert row["path"].startswith("/")
        assert row["doc"]
        for param in row["params"]:
            assert param["place"] in ("path", "query", "body", "client")
            assert ("{" + param["name"] + "}" in row["path"]) == (param["place"] == "path")


def test_keyword_names_have_an_underscore() -> None:
    (field,) = [f for f in MODELS["ChatPermissions"]["fields"] if f["alias"] == "import"]
    assert field["name"] == "import_"


# ---------------------------------------------------------------- fields


@pytest.mark.parametrize("cls", CLASSES)
def test_fields_are_those_of_the_table(cls: type[_core.Model]) -> None:
    rows = MODELS[cls.__name__]["fields"]
    assert list(cls.model_fields) == [row["name"] for row in rows]
    for row in rows:
        info = cls.model_fields[row["name"]]
        assert info.is_required() is row["required"]
        assert info.description == row["doc"]
        assert info.description in repr(info)


@pytest.mark.parametrize("cls", CLASSES)
def test_defaults_are_those_of_instances(cls: type[_core.Model]) -> None:
    obj = cls.model_validate(minimal(cls))
    for name, info in cls.model_fields.items():
        if not info.required:
            assert getattr(obj, name) == info.get_default(), name


def test_defaults_are_fresh() -> None:
    info = models.UserSettings.model_fields["ui"]
    info.get_default()["theme"] = "dark"
    assert info.get_default() == {}
    assert models.UserSettings().ui == {}


def test_a_required_field_has_no_default() -> None:
    info = models.UserModel.model_fields["id"]
    assert info.is_required()
    assert info.get_default() is _describe.Undefined
    assert pickle.loads(pickle.dumps(_describe.Undefined)) is _describe.Undefined


def test_annotations_are_real_types() -> None:
    fields = models.UserModel.model_fields
    assert fields["id"].annotation is str
    assert fields["date_of_birth"].annotation == datetime.date | None
    assert fields["settings"].annotation == models.UserSettings | None
    assert fields["info"].annotation == dict[str, Any] | None
    users = models.UserGroupIdsListResponse.model_fields["users"]
    assert users.annotation == list[models.UserGroupIdsModel]


def test_changing_the_dict_of_fields_changes_nothing() -> None:
    models.UserModel.model_fields.clear()
    assert "id" in models.UserModel.model_fields


def test_fields_of_an_instance_of_a_subclass_and_of_the_base() -> None:
    class Person(models.UserModel):
        pass

    assert list(Person.model_fields) == list(models.UserModel.model_fields)
    assert models.Model.model_fields == {}


def test_descriptions_do_not_keep_a_class_alive() -> None:
    class Person(models.UserModel):
        pass

    assert Person.model_fields
    assert inspect.signature(Person).parameters
    assert Person.__dataclass_fields__
    reference = weakref.ref(Person)
    del Person
    gc.collect()
    assert reference() is None


# ---------------------------------------------------------------- signatures


@pytest.mark.parametrize("cls", CLASSES)
def test_signature_takes_what_the_class_takes(cls: type[_core.Model]) -> None:
    signature = inspect.signature(cls)
    bound = signature.bind(**minimal(cls))
    assert cls(*bound.args, **bound.kwargs) == cls.model_validate(minimal(cls))
    for parameter in signature.parameters.values():
        assert parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_KEYWORD)


def test_signature_shows_aliases_and_kept_keys() -> None:
    assert "import_" in inspect.signature(models.ChatPermissions).parameters
    extra = inspect.signature(models.UserSettings).parameters["extra"]
    assert extra.kind is extra.VAR_KEYWORD
    assert "extra" not in inspect.signature(models.UserModel).parameters


def test_signature_of_a_subclass_with_its_own_constructor() -> None:
    class Named(models.UserSettings):
        def __init__(self, theme: str) -> None:
            super().__init__(ui={"theme": theme})

    assert str(inspect.signature(Named)) == "(theme: 'str') -> 'None'"


@pytest.mark.parametrize("key", ENDPOINTS, ids=".".join)
def test_methods_have_signatures_of_the_table(key: tuple[str, str]) -> None:
    row = ENDPOINTS[key]
    parameters = inspect.signature(_method(*key)).parameters
    assert list(parameters)[: 1 + len(row["params"])] == [
        "self",
        *(param["name"] for param in row["params"]),
    ]
    for param in row["params"]:
        shown = parameters[param["name"]]
        is_form = param["place"] == "body" and param["kind"] == "model"
        assert (shown.default is shown.empty) == (param["required"] and not is_form)


def _method(resource: str, name: str) -> Any:
    return getattr(getattr(openwebui_users, f"{resource.title()}Client"), name)


def test_a_form_can_be_given_by_its_fields() -> None:
    signature = inspect.signature(openwebui_users.UsersClient.update_user_by_id)
    signature.bind("self", "id", role="user")
    with pytest.raises(TypeError):
        signature.bind("self", "id", rolle="user")


@pytest.mark.parametrize("key", ENDPOINTS, ids=".".join)
def test_methods_are_documented(key: tuple[str, str]) -> None:
    doc, row = inspect.getdoc(_method(*key)), ENDPOINTS[key]
    assert doc is not None
    assert row["path"] in doc
    for param in row["params"]:
        assert param["name"] in doc


# ---------------------------------------------------------------- dataclass view


@pytest.mark.parametrize("cls", CLASSES)
def test_dataclass_fields(cls: type[_core.Model]) -> None:
    infos = {n: i for n, i in cls.model_fields.items() if not i.excluded}
    assert [field.name for field in dataclasses.fields(cls)] == list(infos)
    shown = dataclasses.asdict(cls.model_validate(minimal(cls)))
    assert set(shown) == set(infos)


def test_asdict_shows_what_model_dump_shows() -> None:
    user = models.UserModel.model_validate(
        {**minimal(models.UserModel), "settings": {"ui": {"theme": "dark"}}, "variables": {"a": 1}}
    )
    assert dataclasses.asdict(user) == user.model_dump()
    with pytest.raises(
        (ValueError, TypeError), match="init=False"
    ):  # it would turn unset fields into null
        dataclasses.replace(user, name="Other")


# ---------------------------------------------------------------- JSON Schema


@pytest.mark.parametrize("cls", CLASSES)
def test_json_schema_is_valid_and_accepts_dumps(cls: type[_core.Model]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = cls.model_json_schema()
    json.dumps(schema)
    validator = jsonschema.Draft202012Validator
    validator.check_schema(schema)
    dump = cls.model_validate(minimal(cls)).model_dump(mode="json", by_alias=True)
    validator(schema).validate(dump)


def test_json_schema_is_the_callers_to_change() -> None:
    schema = models.UserSettings.model_json_schema()
    schema["properties"]["ui"]["default"]["theme"] = "dark"
    assert models.UserSettings.model_json_schema()["properties"]["ui"]["default"] == {}


def test_json_schema_of_a_subclass_has_its_own_title() -> None:
    class Person(models.UserModel):
        """Somebody."""

    schema = Person.model_json_schema()
    assert (schema["title"], schema["description"]) == ("Person", "Somebody.")


# ---------------------------------------------------------------- displays


def user(**values: Any) -> models.UserModel:
    return models.UserModel.model_validate({**minimal(models.UserModel), **values})


def test_html_is_escaped() -> None:
    html = user(name="<script>alert(1)</script>\0")._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "\0" not in html


def test_html_masks_secrets_also_in_lists() -> None:
    secret = "sk-0123456789abcdef"
    assert secret not in user(api_key=secret)._repr_html_()
    page = models.UserGroupIdsListResponse.model_validate(
        {"users": [{**minimal(models.UserGroupIdsModel), "api_key": secret}], "total": 1}
    )
    html = page._repr_html_()
    assert secret not in html
    assert "**********" in html


def test_html_cuts_long_values_and_long_lists() -> None:
    assert len(user(name="x" * 100_000)._repr_html_()) < 10_000
    row = minimal(models.UserGroupIdsModel)
    page = models.UserGroupIdsListResponse.model_validate({"users": [row] * 1000, "total": 1000})
    assert "… and 990 more of 1,000" in page._repr_html_()


def test_html_shows_an_object_without_all_its_values() -> None:
    obj = models.UserModel.model_construct(name="n")
    assert "<td" in obj._repr_html_()


def test_rich_repr_masks_secrets_and_shows_kept_keys() -> None:
    pairs = dict(user(api_key="sk-secret").__rich_repr__())
    assert pairs["api_key"] == "**********"
    assert dict(models.UserSettings(theme="dark").__rich_repr__())["theme"] == "dark"
    rich = pytest.importorskip("rich.pretty")
    assert "sk-secret" not in rich.pretty_repr(user(api_key="sk-secret"))


def test_pprint_shows_long_objects() -> None:
    import pprint

    assert "sk-secret" not in pprint.pformat(user(api_key="sk-secret", bio="x" * 200))


# ---------------------------------------------------------------- import


def test_import_is_light() -> None:
    """Nothing that listing users does not need: no typing, no dataclasses, no inspect."""
    code = (
        "import sys; before = set(sys.modules); import openwebui_users;"
        "print(*sorted(set(sys.modules) - before))"
    )
    result = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(_package_root())},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(result.stdout.split())
    heavy = {"typing", "dataclasses", "inspect", "re", "json", "asyncio", "datetime", "enum"}
    assert not loaded & heavy, loaded
    assert not {name for name in loaded if name.endswith(("._describe", ".errors"))}


def _package_root() -> str:
    from pathlib import Path

    return str(Path(openwebui_users.__file__).parent.parent)


def test_public_names() -> None:
    for name in openwebui_users.__all__:
        assert getattr(openwebui_users, name) is not None
    assert set(openwebui_users.__all__) <= set(dir(openwebui_users))
    assert "UserNotFoundError" in openwebui_users.__all__
    assert openwebui_users.UserModel is models.UserModel is _core.UserModel
    namespace: dict[str, Any] = {}
    exec("from openwebui_users import *", namespace)
    assert set(openwebui_users.__all__) <= set(namespace)
    with pytest.raises(AttributeError):
        getattr(openwebui_users, "UserModle")  # noqa: B009 - as a type checker sees it too
