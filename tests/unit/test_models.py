"""The surface of the model classes: construction, dumps, copies, mutation, unknown keys."""

# Much here is done on purpose that the types forbid.
# mypy: disable-error-code="attr-defined, comparison-overlap, typeddict-unknown-key, unused-ignore"
# mypy: no-warn-unreachable

from __future__ import annotations

import copy
import datetime
import gc
import inspect
import json
import pickle
import weakref
from typing import Any

import pytest

import openwebui_users
from openwebui_users import (
    ChannelModel,
    ChatPermissions,
    Model,
    SessionUserResponse,
    SigninForm,
    UpdateProfileForm,
    UserActiveResponse,
    UserGroupIdsListResponse,
    UserGroupIdsModel,
    UserIdNameListResponse,
    UserIdsForm,
    UserInfoListResponse,
    UserModel,
    UserModelResponse,
    UserPermissions,
    UserSettings,
    UserUpdateForm,
    UserUsageHeatmapEntry,
    ValidationError,
    WorkspacePermissions,
    _core,
)
from openwebui_users.errors import SerializationError

MASK = "**********"


def user(**changes: Any) -> dict[str, Any]:
    return {
        "id": "u1",
        "name": "Ann",
        "email": "ann@example.com",
        "role": "user",
        "last_active_at": 1,
        "updated_at": 2,
        "created_at": 3,
        **changes,
    }


ALL = [getattr(openwebui_users, model["name"]) for model in _core.model_table()]


# ------------------------------------------------------------------------------- construction


def test_construction_takes_keywords_only() -> None:
    with pytest.raises(TypeError, match="keyword"):
        SigninForm("ann@example.com", "secret")  # type: ignore[misc]


def test_all_errors_are_collected_in_field_order() -> None:
    with pytest.raises(ValidationError) as caught:
        UserModel.model_validate(user(name=5, bio=[], created_at="x", email=None))
    places = [(e["type"], e["loc"]) for e in caught.value.errors()]
    assert places == [
        ("string_type", ("name",)),
        ("string_type", ("email",)),
        ("string_type", ("bio",)),
        ("int_parsing", ("created_at",)),
    ]
    assert caught.value.error_count() == 4
    assert caught.value.title == "UserModel"


def test_errors_of_json_come_in_field_order_whatever_the_order_of_the_text() -> None:
    text = json.dumps({"total": "x", "users": [5, {"email": 1, "id": 2}]})
    with pytest.raises(ValidationError) as caught:
        UserInfoListResponse.model_validate_json(text)
    assert [(e["type"], e["loc"]) for e in caught.value.errors()] == [
        ("model_type", ("users", 0)),
        ("string_type", ("users", 1, "id")),
        ("missing", ("users", 1, "name")),
        ("string_type", ("users", 1, "email")),
        ("missing", ("users", 1, "role")),
        ("int_parsing", ("total",)),
    ]
    assert caught.value.errors()[0]["input"] == 5


def test_a_later_duplicate_key_overrides_an_earlier_fault() -> None:
    text = '{"id": 1, "name": "n", "id": "a"}'
    assert openwebui_users.UserIdNameResponse.model_validate_json(text).id == "a"


@pytest.mark.parametrize(
    "text",
    ["", "{", "nul", '{"a":1}x', '{"id":01}', '\ufeff{"id":"a"}', '{"id":"\\ud800"}', "[" * 300],
)
def test_text_that_is_not_json_is_one_error(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        UserModel.model_validate_json(text)
    (error,) = caught.value.errors()
    assert error["type"] == "json_invalid"
    assert error["loc"] == ()
    assert "line 1 column" in error["msg"]


def test_model_validate_returns_an_instance_as_it_is() -> None:
    one = UserGroupIdsModel.model_validate(user())
    assert UserModel.model_validate(one) is one
    with pytest.raises(ValidationError):
        UserGroupIdsModel.model_validate(UserModel.model_validate(user()))


def test_from_attributes() -> None:
    class Row:
        def __init__(self) -> None:
            self.__dict__.update(user())

    assert UserModel.model_validate(Row(), from_attributes=True).name == "Ann"
    with pytest.raises(ValidationError):
        UserModel.model_validate(Row())


def test_strict() -> None:
    assert UserModel.model_validate(user(created_at="3")).created_at == 3
    with pytest.raises(ValidationError):
        UserModel.model_validate(user(created_at="3"), strict=True)
    with pytest.raises(ValidationError):
        UserModel.model_validate_json(json.dumps(user(created_at="3")), strict=True)


def test_model_construct_checks_nothing() -> None:
    form = UserUpdateForm.model_construct(name=5)
    assert form.name == 5
    assert form.model_fields_set == {"name"}
    bare = UserModel.model_construct(name="n")
    with pytest.raises(AttributeError):
        _ = bare.id
    assert "id" not in bare.model_dump()


def test_forgiving_variables() -> None:
    assert UserModel.model_validate(user(variables=None)).variables == {}
    assert UserModel.model_validate_json(json.dumps(user(variables="x"))).variables == {}
    assert "variables" not in UserModel.model_validate(user(variables={"a": 1})).model_dump()


# ------------------------------------------------------------------------------- exactness


@pytest.mark.parametrize("number", [2**53 + 1, -(2**63), 2**64, 10**30, -(10**40)])
def test_integers_of_any_size_survive(number: int) -> None:
    text = json.dumps(user(created_at=number, info={"n": number}))
    read = UserModel.model_validate_json(text)
    assert json.loads(read.model_dump_json())["info"] == {"n": number}
    assert read.created_at == number
    assert read.info == {"n": number}
    assert UserModel.model_validate_json(read.model_dump_json()) == read


@pytest.mark.parametrize("bio", ["a\0b", "\U0001f600", 'quo"te\\', "\u2028", "\x1f", "é" * 9])
def test_any_text_survives(bio: str) -> None:
    for ascii_only in (True, False):
        text = json.dumps(user(bio=bio), ensure_ascii=ascii_only)
        read = UserModel.model_validate_json(text)
        assert json.loads(read.model_dump_json())["bio"] == bio
        assert read.bio == bio


def test_free_form_text_is_normalised_in_dumps() -> None:
    text = '{"ui": {"a" : 1E2, "b": "\\u00e9\\/", "a": [1,  2]}, "k": -0}'
    assert UserSettings.model_validate_json(text).model_dump_json() == (
        '{"ui":{"a":[1,2],"b":"é/"},"k":0}'
    )


# ------------------------------------------------------------------------------- dumps


def test_dump_options() -> None:
    settings = UserSettings.model_validate({"ui": {"a": 1}, "kept": None})
    one = UserModel.model_validate(user(settings=settings, date_of_birth="2001-02-03"))
    assert one.model_dump()["date_of_birth"] == datetime.date(2001, 2, 3)
    assert one.model_dump(mode="json")["date_of_birth"] == "2001-02-03"
    assert one.model_dump(include={"id", "settings"}, exclude_none=True) == {
        "id": "u1",
        "settings": {"ui": {"a": 1}},
    }
    assert one.model_dump(exclude_unset=True) == {
        **user(),
        "date_of_birth": datetime.date(2001, 2, 3),
        "settings": {"ui": {"a": 1}, "kept": None},
    }
    assert one.model_dump(include={"settings": {"ui": {"b"}}}) == {"settings": {"ui": {}}}
    with pytest.raises(ValueError, match="mode"):
        one.model_dump(mode="yaml")  # type: ignore[arg-type]


def test_nested_filters() -> None:
    page = UserGroupIdsListResponse.model_validate({"users": [user(), user(id="u2")], "total": 2})
    assert page.model_dump(include={"users": {0: {"id"}}}) == {"users": [{"id": "u1"}]}
    assert page.model_dump(include={"users": {"__all__": {"id"}}}) == {
        "users": [{"id": "u1"}, {"id": "u2"}]
    }
    assert page.model_dump(include={"users": {-1: {"id"}}}) == {"users": [{"id": "u2"}]}
    left = page.model_dump(exclude={"users": {0: True}})["users"]
    assert [row["id"] for row in left] == ["u2"]


def test_dumps_are_fresh() -> None:
    one = UserModel.model_validate(user(info={"a": [1]}))
    one.model_dump()["info"]["a"].append(2)
    assert one.info == {"a": [1]}


def test_plain_names_do_the_same() -> None:
    one = UserModel.from_dict(user())
    assert one == UserModel.from_json(one.to_json())
    assert one.to_dict() == one.model_dump()
    assert one.to_json() == one.model_dump_json()
    assert one.to_json_bytes() == one.model_dump_json().encode()


def test_alias() -> None:
    for given in ({"import": False}, {"import_": False}):
        one = ChatPermissions.model_validate(given)
        assert one.import_ is False
        assert one.model_dump(by_alias=True)["import"] is False
        assert one.model_dump()["import_"] is False
        assert ChatPermissions.model_validate_json(json.dumps(given)).import_ is False
    with pytest.raises(ValidationError) as caught:
        ChatPermissions.model_validate({"import": "x"})
    assert caught.value.errors()[0]["loc"] == ("import",)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", object(), {1j: 1}])
def test_what_json_cannot_hold_is_refused_with_its_place(value: Any) -> None:
    one = UserModel.model_validate(user(info={"deep": [0, value]}))
    with pytest.raises(SerializationError) as caught:
        one.model_dump_json()
    assert "deep" in str(caught.value) or caught.value.loc[:1] == ("info",)


def test_a_cycle_is_refused() -> None:
    loop: dict[str, Any] = {}
    loop["self"] = loop
    one = UserModel.model_validate(user(info=loop))
    with pytest.raises((SerializationError, RecursionError)):
        one.model_dump_json()


# ------------------------------------------------------------------------------- unknown keys


def test_carried_keys() -> None:
    one = WorkspacePermissions.model_validate({"models": True, "holograms": True})
    assert one.model_unknown == {"holograms": True}
    assert one.model_extra is None
    assert "holograms" not in one.model_dump()
    assert "holograms" not in repr(one)
    with pytest.raises(AttributeError):
        _ = one.holograms  # type: ignore[attr-defined]
    assert one == WorkspacePermissions(models=True)
    for other in (one.copy(), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert other.model_unknown == {"holograms": True}


def test_kept_keys() -> None:
    one = UserModelResponse.model_validate_json(json.dumps(user(shoe_size=[44])))
    assert one.shoe_size == [44]
    assert one.model_extra == {"shoe_size": [44]}
    assert one.model_unknown == {}
    assert one.model_dump()["shoe_size"] == [44]
    assert "shoe_size" in one.model_fields_set
    assert one != UserModelResponse.model_validate(user())
    one.shoe_size.append(45)
    assert one.model_dump()["shoe_size"] == [44, 45]
    one.hat = "red"
    del one.shoe_size
    assert one.model_extra == {"hat": "red"}


# ------------------------------------------------------------------------------- mutation


def test_assignment_is_not_checked_and_marks_the_field_as_set() -> None:
    form = UserUpdateForm()
    form.name = 5  # type: ignore[assignment]
    assert form.model_fields_set == {"name"}
    with pytest.raises(ValueError, match='"UserUpdateForm" object has no field "nickname"'):
        form.nickname = "x"  # type: ignore[attr-defined]
    del form.name
    assert form.model_fields_set == set()
    with pytest.raises(AttributeError):
        _ = form.name


def test_nested_edits_are_dumped() -> None:
    one = UserModel.model_validate_json(json.dumps(user(settings={"ui": {"theme": "light"}})))
    assert one.settings is not None and one.settings.ui is not None
    one.settings.ui["theme"] = "dark"
    assert json.loads(one.model_dump_json())["settings"] == {"ui": {"theme": "dark"}}


def test_aliasing() -> None:
    ids = ["a"]
    form = UserIdsForm(user_ids=ids)
    ids.append("b")
    assert form.user_ids == ["a"]
    assert UserSettings().ui is not UserSettings().ui
    settings = UserSettings()
    assert UserModel.model_validate(user(settings=settings)).settings is settings


def test_copies() -> None:
    one = UserModel.model_validate_json(json.dumps(user(info={"a": [1]}, settings={"ui": {}})))
    shallow, deep = copy.copy(one), copy.deepcopy(one)
    assert shallow == one == deep
    assert shallow.info is one.info
    assert deep.info is not one.info
    changed = one.model_copy(update={"name": "Bo", "unheard": 1})
    assert changed.name == "Bo"
    assert one.name == "Ann"
    assert changed.model_unknown == {"unheard": 1}
    assert one.__replace__(name="Cy").name == "Cy"
    assert changed.model_fields_set >= one.model_fields_set


def test_a_copy_of_a_shared_object_is_made_once() -> None:
    settings = UserSettings()
    pair = [
        UserModel.model_validate(user(settings=settings)),
        UserModel.model_validate(user(settings=settings)),
    ]
    first, second = copy.deepcopy(pair)
    assert first.settings is second.settings
    assert first.settings is not settings


class Employee(UserModel):
    """A Python subclass with methods and attributes of its own."""

    @property
    def initials(self) -> str:
        return self.name[:1]


def test_subclassing() -> None:
    one = Employee.model_validate_json(json.dumps(user()))
    assert one.initials == "A"
    assert isinstance(one, Employee)
    one._note = "private"  # type: ignore[attr-defined]
    for other in (pickle.loads(pickle.dumps(one)), copy.copy(one), copy.deepcopy(one)):
        assert type(other) is Employee
        assert other == one
        assert other._note == "private"


def test_pickle_of_an_object_that_was_read_and_changed() -> None:
    page = UserGroupIdsListResponse.model_validate_json(
        json.dumps({"users": [user(info={"a": 1}, extra=1)], "total": 1})
    )
    untouched = pickle.loads(pickle.dumps(page))
    assert page.users[0].info is not None
    page.users[0].info["when"] = datetime.date(2020, 1, 1)
    page.users[0].name = 5  # type: ignore[assignment]
    again = pickle.loads(pickle.dumps(page))
    assert again == page
    assert again.users[0].model_unknown == {"extra": 1}
    assert untouched.users[0].model_unknown == {"extra": 1}
    assert untouched.users[0].name == "Ann"


# ------------------------------------------------------------------------------- the rest


def test_equality_hash_iteration() -> None:
    one, same = UserModel.model_validate(user()), UserModel.model_validate_json(json.dumps(user()))
    assert one == same
    assert one != UserGroupIdsModel.model_validate(user())
    assert one != user()
    with pytest.raises(TypeError):
        hash(one)
    assert dict(one)["email"] == "ann@example.com"
    with pytest.raises(TypeError):
        len(one)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "secret"),
    [
        (SigninForm(email="a@example.com", password="hunter2"), "hunter2"),
        (UserModel.model_validate(user(api_key="sk-hunter2")), "sk-hunter2"),
        (UserUpdateForm(password="hunter2"), "hunter2"),
        (UserModel.model_validate(user(oauth={"google": {"sub": "hunter2"}})), "hunter2"),
    ],
)
def test_secrets_are_masked(model: Model, secret: str) -> None:
    for text in (repr(model), str(model), f"{model}", model._repr_html_()):
        assert secret not in text
        assert MASK in text
    assert secret in model.model_dump_json()


def test_secrets_are_masked_in_errors() -> None:
    for wrong in (["hunter2"], {"hunter2": 1}, b"hunter2\xff"):
        with pytest.raises(ValidationError) as caught:
            SigninForm(email="a@example.com", password=wrong)  # type: ignore[arg-type]
        assert "hunter2" not in str(caught.value)
        assert "hunter2" not in repr(caught.value.errors())
    with pytest.raises(ValidationError) as caught:
        SigninForm.model_validate_json('{"email": "a@example.com", "password": ["hunter2"]}')
    assert "hunter2" not in str(caught.value)


def test_datetimes_beside_epoch_fields() -> None:
    one = UserModel.model_validate(user(last_active_at=1_700_000_000))
    assert one.last_active == datetime.datetime(
        2023, 11, 14, 22, 13, 20, tzinfo=datetime.timezone.utc
    )
    assert one.created is not None and one.created.tzinfo is not None
    assert one.status_expires is None
    with pytest.raises(AttributeError):
        one.created = None  # type: ignore[misc]
    channel = ChannelModel(
        id="c", user_id="u", name="n", created_at=1_700_000_000_000_000_000, updated_at=1
    )
    assert channel.created == one.last_active


def test_search_answers_are_both_list_types() -> None:
    page = UserInfoListResponse.model_validate({"users": [user()], "total": 1})
    assert isinstance(page, UserIdNameListResponse)
    assert page.users[0].email == "ann@example.com"


def test_pattern_matching() -> None:
    match UserActiveResponse(name="Ann", is_active=True):
        case UserActiveResponse(name=name, is_active=True):
            assert name == "Ann"
        case _:
            pytest.fail("did not match")


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_every_class(cls: type[Model]) -> None:
    assert issubclass(cls, Model)
    assert cls.__module__ == "openwebui_users.models"
    assert cls.__doc__
    assert vars(cls)["__match_args__"] == tuple(cls.model_fields)
    assert list(inspect.signature(cls).parameters)[: len(cls.model_fields)]
    assert all(field.description for field in cls.model_fields.values())
    assert cls.model_json_schema()["title"] == cls.__name__
    empty = cls.model_construct()
    assert pickle.loads(pickle.dumps(empty)) == empty
    assert cls.model_validate(empty) is empty


def test_unions_over_versions() -> None:
    """What 0.6.42 sends without the newer sections is read, and written back without them."""
    sections: dict[str, Any] = {"workspace": {}, "sharing": {}, "chat": {}, "features": {}}
    one = UserPermissions.model_validate(sections)
    assert set(one.model_dump(exclude_unset=True)) == set(sections)
    assert one.sharing.public_tools is False
    assert one.sharing.public_notes is False


def test_weak_references_and_collection() -> None:
    one = UserModel.model_validate(user(info={}))
    assert one.info is not None
    one.info["me"] = one
    ref = weakref.ref(one)
    del one
    gc.collect()
    assert ref() is None


def test_profile_form_requires_what_the_server_requires() -> None:
    with pytest.raises(ValidationError) as caught:
        UpdateProfileForm()  # type: ignore[call-arg]
    assert [e["loc"] for e in caught.value.errors()] == [("profile_image_url",), ("name",)]


def test_typed_dictionaries() -> None:
    entry = UserUsageHeatmapEntry.model_validate_json('{"date": "d", "models": {"m": "5"}}')
    assert entry.models == {"m": 5}
    with pytest.raises(ValidationError) as caught:
        UserUsageHeatmapEntry.model_validate({"date": "d", "models": {"m": "x"}})
    assert caught.value.errors()[0]["loc"] == ("models", "m")


def test_session_user_holds_its_token() -> None:
    read = SessionUserResponse.model_validate_json(
        json.dumps({**user(), "token": "t", "token_type": "Bearer", "profile_image_url": "/u.png"})
    )
    assert read.token == "t"
    assert "'t'" not in repr(read)
