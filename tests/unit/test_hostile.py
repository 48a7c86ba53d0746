"""Values that run code, report wrong facts or have no end: no crash, no loss, no secret shown."""

from __future__ import annotations

import copy
import decimal
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from raw_server import RawServer, in_turn, reply, reply_json

from openwebui_users import (
    GroupForm,
    GroupsClient,
    ResponseDecodeError,
    SerializationError,
    SigninForm,
    UserActiveResponse,
    UserIdsForm,
    UserModel,
    UsersClient,
    UserSettings,
    UserStatus,
    UserUpdateForm,
    ValidationError,
)

NOWHERE = "http://127.0.0.1:1"


# ---------------------------------------------------------------- classes


def test_one_object_cannot_be_two_models() -> None:
    with pytest.raises(TypeError, match="cannot be both"):
        type("X", (UserIdsForm, UserModel), {})
    assert issubclass(type("Y", (UserModel,), {"shout": lambda self: self.name}), UserModel)


def test_another_class_put_under_an_object() -> None:
    form = UserIdsForm(user_ids=["a"])
    form.__class__ = UserModel  # type: ignore[assignment]
    for name in UserModel.model_fields:
        with pytest.raises(TypeError, match="made as a UserIdsForm"):
            getattr(form, name)
        with pytest.raises(TypeError, match="made as a UserIdsForm"):
            setattr(form, name, "v")


def test_fields_declared_in_a_subclass_are_refused() -> None:
    with pytest.raises(TypeError, match="cannot declare fields"):
        exec("class Mine(UserModel):\n    team: str = ''", {"UserModel": UserModel})
    namespace: dict[str, Any] = {"UserModel": UserModel}
    exec(
        "from typing import ClassVar\n"
        "class Mine(UserModel):\n    team: ClassVar[str] = 'blue'\n    _own: int = 1",
        namespace,
    )
    assert namespace["Mine"].team == "blue"


# ---------------------------------------------------------------- secrets


def test_kept_keys_that_are_secrets_are_masked() -> None:
    user = UserActiveResponse(
        name="x",
        is_active=True,
        oauth={"g": "hidden"},
        api_key="hidden",
        token="hidden",
        password="hidden",
    )
    settings = UserSettings(token="hidden")
    for one in (user, settings):
        for text in (repr(one), str(one), one._repr_html_(), repr(list(one.__rich_repr__()))):
            assert "hidden" not in text
        assert "hidden" in one.model_dump_json()


@pytest.mark.parametrize(
    "given",
    [
        '{"email":"a","password":"hidden"}',
        [("email", "a"), ("password", "hidden")],
        {"email": "a", "pasword": "hidden"},
        b"hidden",
        ["hidden"],
    ],
)
def test_a_form_in_the_wrong_shape_is_not_shown(given: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        SigninForm.model_validate(given)
    assert "hidden" not in str(caught.value)
    assert "hidden" not in caught.value.json()


def test_a_short_key_mangles_no_message() -> None:
    answer = reply_json({"detail": "The user is not there"}, status="404 Not Found")
    with RawServer(answer) as raw, UsersClient(raw.url, "user") as client:
        with pytest.raises(Exception, match=r"api/v1/users/5: 404 The user is not there"):
            client.get_user_by_id("5")


def test_a_token_that_cannot_be_sent() -> None:
    answer = {
        "token": "bad\nkey",
        "token_type": "Bearer",
        "id": "1",
        "email": "e",
        "name": "n",
        "role": "user",
        "profile_image_url": "",
    }
    with RawServer(reply_json(answer)) as raw, UsersClient(raw.url) as client:
        with pytest.raises(ResponseDecodeError, match="token") as caught:
            client.auths.signin(email="e", password="p")
        assert caught.value.url is not None
        assert "bad" not in str(caught.value)
        assert client.api_key is None


# ---------------------------------------------------------------- code that runs meanwhile


def test_a_value_replaced_while_it_is_checked() -> None:
    form = UserStatus()

    class Replacing:
        def __float__(self) -> float:
            form.status_expires_at = None
            raise TypeError

    form.status_expires_at = Replacing()  # type: ignore[assignment]
    with UsersClient(NOWHERE, "k") as client, pytest.raises(ValidationError):
        client.update_user_status(form)
    group = GroupForm(name="a", description="b")

    class Mapping:
        def __getattr__(self, name: str) -> Any:
            group.permissions = None
            raise AttributeError(name)

        def __getitem__(self, key: Any) -> int:
            return 1

        def __len__(self) -> int:
            return 1

    group.permissions = Mapping()  # type: ignore[assignment]
    with GroupsClient(NOWHERE, "k") as groups, pytest.raises(ValidationError):
        groups.create_new_group(group)


def test_a_copy_that_makes_its_original_anew() -> None:
    model: Any = UserUpdateForm()

    class Copied:
        def __deepcopy__(self, memo: Any) -> int:
            UserUpdateForm.__init__(model)
            return 1

    model.role = Copied()
    assert copy.deepcopy(model).role == 1


def test_a_copy_of_a_model_within_itself() -> None:
    model: Any = UserSettings(ui={})
    model.ui["me"] = model
    twin = copy.deepcopy(model)
    assert twin.ui["me"] is twin


def test_a_key_that_empties_its_dict_when_hashed() -> None:
    armed = False
    model = UserSettings(a=1)
    assert model.model_extra is not None

    class Key:
        def __hash__(self) -> int:
            if armed and model.model_extra:
                model.model_extra.clear()
            return 5

    model.model_extra[Key()] = 1  # type: ignore[index]
    armed = True
    assert len(model.model_fields_set) >= 1


def test_a_name_that_makes_its_object_anew_when_hashed() -> None:
    one: Any = UserSettings()
    others: list[dict[str, str]] = []

    class Name(str):
        __slots__ = ()

        def __hash__(self) -> int:
            UserSettings.__init__(one)
            others.append({"a": "of another"})  # where the kept keys were, if nobody holds them
            return hash("a")

    assert getattr(one, Name("a"), None) is None
    setattr(one, Name("a"), 1)
    with pytest.raises(AttributeError):
        delattr(one, Name("a"))
    assert others == [{"a": "of another"}] * len(others)


def test_a_comparison_that_makes_its_objects_anew() -> None:
    one: Any = UserSettings()
    other: Any = UserSettings()
    shown: list[Any] = []

    class Equal:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, value: object) -> bool:
            UserSettings.__init__(one)
            UserSettings.__init__(other)
            shown.append([{"b": 2}, {"b": 1}])  # where the kept keys were, if nobody holds them
            return True

    one.a, other.a = Equal(), 1
    one.b, other.b = "one", "other"
    assert one != other


def test_a_kept_key_that_is_no_text() -> None:
    class Key:
        def __repr__(self) -> str:
            raise LookupError

    model: Any = UserSettings(ui={})
    model.model_extra.update({1: "a", b"b": None, (): 2})
    shown = ["ui={}", "1='a'", "b'b'=None", "()=2"]
    assert repr(model) == f"UserSettings({', '.join(shown)})"
    assert str(model) == " ".join(shown)
    assert "<th" in model._repr_html_()
    assert model.__rich_repr__() == [("ui", {}), (1, "a"), (b"b", None), ((), 2)]
    model.model_extra[Key()] = 1
    with pytest.raises(LookupError):
        repr(model)


def test_a_pickle_keeps_keys_that_are_no_text() -> None:
    kept: Any = UserSettings(ui={})
    kept.model_extra[1] = "a"
    assert pickle.loads(pickle.dumps(kept)) == kept
    carried: Any = UserUpdateForm(role="user")
    carried.model_unknown[1] = "a"
    assert pickle.loads(pickle.dumps(carried)).model_unknown == {1: "a"}


def test_a_filter_that_changes_while_it_is_used() -> None:
    exclude: dict[str, Any] = {}

    class Items(list[Any]):
        def __iter__(self) -> Any:
            exclude.clear()
            return iter([{"k": 1}, {"k": 2}])

    model = UserSettings(ui={"a": Items([1])})
    for _ in range(50):
        exclude.update({"ui": {"a": {0: {"k": {"z": True}}, 1: {"j": True}}}})
        assert model.model_dump(exclude=exclude)["ui"]


def test_a_field_that_is_read_while_it_is_deleted() -> None:
    model = UserUpdateForm()
    seen: list[Any] = []

    class Reading:
        def __del__(self) -> None:
            seen.append(hasattr(model, "role"))

    model.role = Reading()  # type: ignore[assignment]
    del model.role
    assert seen == [False]
    assert not hasattr(model, "role")


def test_a_dict_that_says_another_thing_than_it_holds() -> None:
    class Lying(dict[str, Any]):
        def __iter__(self) -> Any:
            return iter(["lie"])

        def keys(self) -> Any:
            return ["lie"]

        def __getitem__(self, key: str) -> str:
            return "lie"

    one: Any = UserSettings(ui={})
    one.ui["a"] = Lying(true=1)
    one.later = Lying(true=1)
    expected = {"ui": {"a": {"true": 1}}, "later": {"true": 1}}
    assert one.model_dump() == expected
    assert one.model_dump(mode="json", exclude={"none"}) == expected
    assert json.loads(one.model_dump_json()) == expected


def test_a_truth_that_raises() -> None:
    class Undecided:
        def __bool__(self) -> bool:
            raise LookupError

    undecided: Any = Undecided()
    calls: list[Callable[[], object]] = [
        lambda: UserSettings.model_validate_json("{}", strict=undecided),
        lambda: UserSettings.model_validate({}, strict=undecided),
        lambda: UserSettings.model_validate({}, from_attributes=undecided),
    ]
    for call in calls:
        with pytest.raises(LookupError):
            call()


def test_a_state_for_a_class_without_attributes() -> None:
    with pytest.raises(TypeError, match="no attributes besides"):
        UserSettings().__setstate__({"a": 1})  # type: ignore[attr-defined]


# ---------------------------------------------------------------- without end

CYCLE = """
import threading
threading.stack_size(256 * 1024)
from openwebui_users import SerializationError, UserSettings
def work():
    model = UserSettings()
    model.me = model
    for dump in (model.model_dump, model.model_dump_json):
        try:
            dump()
        except SerializationError as error:
            print("refused", len(error.loc) > 100)
        except RecursionError:  # since Python 3.14, where the stack ends before the depth does
            print("refused", True)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def test_a_model_within_itself_on_a_small_stack() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CYCLE], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "refused True\n" * 2


def test_a_model_within_itself_is_not_sent() -> None:
    first: Any = UserSettings()
    second: Any = UserSettings()
    first.me = first
    second.me = {"x": second}
    with UsersClient(NOWHERE, "k") as client:
        for model in (first, second):
            with pytest.raises(SerializationError, match="containing itself"):
                client.update_user_settings(model)


@pytest.mark.parametrize("value", [decimal.Decimal("1e9999999"), decimal.Decimal("1e5000")])
def test_a_number_too_long(value: Any) -> None:
    with pytest.raises(ValidationError):
        UserStatus(status_expires_at=value)


def test_integers_of_many_digits_are_read() -> None:
    for digits in ("1" + "0" * 5000, "-" + "7" * 12345, "9" * 4001, "1" + "0" * 8000):
        model = UserStatus.model_validate_json(f'{{"status_expires_at":{digits}}}')
        value = model.status_expires_at
        assert value is not None
        expected, rest = 0, digits.lstrip("-")
        for start in range(0, len(rest), 1000):
            part = rest[start : start + 1000]
            expected = expected * 10 ** len(part) + int(part)
        assert value == (-expected if digits.startswith("-") else expected)
    model = UserStatus.model_validate_json('{"status_expires_at":1' + "0" * 200_000 + "}")
    with pytest.raises(ValueError, match="200001 digits"):
        _ = model.status_expires_at
    assert len(model.to_json()) > 200_000


EXHAUSTED = """
import sys
from openwebui_users import UserModel, UserSettings, UserStatus
class Exhausted:
    def find_spec(self, name, path=None, target=None):
        if name == "datetime":
            raise MemoryError
assert "datetime" not in sys.modules
sys.meta_path.insert(0, Exhausted())
day = UserModel.model_validate_json(sys.argv[1])
settings = UserSettings()
settings.ui = {"a": b""}
for use in (lambda: day.date_of_birth, lambda: UserStatus(status_emoji=()), settings.to_json):
    try:
        use()
    except MemoryError:
        print("MemoryError")
"""


def test_memory_that_runs_out_while_dates_are_imported() -> None:
    user = {"id": "a", "email": "b", "name": "c", "date_of_birth": "1990-04-17"}
    times = {"last_active_at": 1, "updated_at": 1, "created_at": 1}
    done = subprocess.run(
        [sys.executable, "-c", EXHAUSTED, json.dumps(user | times)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "MemoryError\n" * 3


# ---------------------------------------------------------------- bodies


@pytest.mark.parametrize("keys", [{1: 2, "1": 3}, {None: 4, "None": 2}, {True: 1, "true": 2}])
def test_two_keys_that_read_the_same(keys: dict[Any, Any]) -> None:
    with UsersClient(NOWHERE, "k") as client:
        with pytest.raises(SerializationError, match="read the same"):
            client.update_user_info(keys)
        with pytest.raises(SerializationError, match="read the same"):
            client.update_user_settings(UserSettings(ui=keys))


def test_a_carried_key_overrides_no_field() -> None:
    form = UserUpdateForm(role="user")
    form.model_unknown["role"] = "admin"
    assert pickle.loads(pickle.dumps(form)).role == "user"
    with UsersClient(NOWHERE, "k") as client, pytest.raises(SerializationError, match="name of a"):
        client.update_user_by_id("u", form)


def test_free_form_text_goes_back_as_it_came() -> None:
    """Byte by byte, where nobody read it; only the server's own spelling is changed by reading."""
    stored = b'{"ui":{"a" : 1E2,"b":"\\u00e9","n":1000000000000000000000000000000}}'
    answers = [reply(stored), reply_json({"ui": {}})]
    with RawServer(in_turn(*answers)) as raw, UsersClient(raw.url, "k") as client:
        settings = client.get_user_settings()
        assert settings is not None
        client.update_user_settings(settings)
        body = raw.requests[1].partition(b"\r\n\r\n")[2]
        assert body == stored
        assert settings.ui == json.loads(stored)["ui"]


def test_headers_that_would_be_sent_twice() -> None:
    for headers in ({"Content-Type": "x"}, {"accept": "x"}, {"X-a": "1", "x-A": "2"}, {"X": "  "}):
        with pytest.raises(ValueError, match="header"):
            UsersClient(NOWHERE, "k", extra_headers=headers)


@pytest.mark.parametrize("page", [0, -5])
def test_pages_are_counted_from_one(page: int) -> None:
    with UsersClient(NOWHERE, "k") as client, pytest.raises(ValueError, match="page"):
        client.get_users(page=page)


# ---------------------------------------------------------------- what others chose

IN_A_CYCLE_WITH_ITS_CLASS = """
from openwebui_users import UserModel
class User(UserModel):
    cache = {}
user = User.model_construct(id="x")
User.cache["x"] = user
user.settings = {"self": user}
"""


def test_an_instance_that_outlives_the_data_of_its_class() -> None:
    """At the end of the interpreter the collector clears both, in no order."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", IN_A_CYCLE_WITH_ITS_CLASS],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_keys_that_somebody_chose_change_no_terminal() -> None:
    keys = {"\x1b]0;title\x07": 1, "x=1), UserModel(role='admin'": 2, "\u202e": {"\x9b2J": 3}}
    settings = UserSettings.model_validate(keys)
    for text in (repr(settings), str(settings), settings._repr_mimebundle_()["text/plain"]):
        assert text.isprintable() and "'x=1)" not in text and '"x=1), UserModel' in text
    settings.ui = {"\x1b[31m": {"": float("nan")}}  # type: ignore[assignment]
    with pytest.raises(SerializationError) as caught:
        settings.model_dump_json()
    assert str(caught.value).isprintable() and r"\x1b[31m" in str(caught.value)


def test_secrets_by_other_names_are_masked_where_they_are_kept() -> None:
    ui = {"directConnections": {"OPENAI_API_KEYS": ["sk-REAL"]}, "tools": [{"accessToken": "REAL"}]}
    shown = UserSettings.model_validate({"ui": ui})._repr_mimebundle_()
    assert "REAL" not in shown["text/plain"] + shown["text/html"]
    flags = {"features": {"api_keys": True}, "max_tokens": 5}  # of which none is a secret
    shown = UserSettings.model_validate({"ui": flags})._repr_mimebundle_()
    assert "'api_keys': True" in shown["text/plain"] and "'max_tokens': 5" in shown["text/plain"]


def test_settings_as_deep_as_servers_store_them() -> None:
    """Real servers answer with 250 levels, and fail themselves at 400."""
    depth = 400
    text = '{"a":' * depth + "1" + "}" * depth
    settings = UserSettings.model_validate_json('{"ui":' + text + "}")
    assert settings.model_dump_json(exclude_unset=True) == '{"ui":' + text + "}"
    value: Any = settings.ui
    for _ in range(depth):
        value = value["a"]
    assert value == 1
    assert json.loads(settings.model_dump_json())["ui"] == settings.ui
