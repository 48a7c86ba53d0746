"""ModelList: it is a list in every way, and its methods make records and data frames."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import sys
import weakref
from typing import Any

import pytest

import openwebui_users
from openwebui_users import ModelList, UserGroupIdsListResponse, UserIdNameResponse, _core
from openwebui_users.admin import Selection
from openwebui_users.models import UserIdNameListResponse


def people(count: int) -> ModelList[UserIdNameResponse]:
    users = [{"id": str(number), "name": f"Person {number}"} for number in range(count)]
    return UserIdNameListResponse.model_validate_json(
        json.dumps({"users": users, "total": count})
    ).users


def test_what_is_read_as_a_list_of_models_is_one() -> None:
    assert type(people(2)) is ModelList and type(people(0)) is ModelList
    given = UserIdNameListResponse(users=[{"id": "1", "name": "a"}], total=1)
    assert type(given.users) is ModelList
    channel = openwebui_users.ChannelModel.model_validate_json(
        b'{"id": "1", "user_id": "1", "name": "a", "created_at": 1, "updated_at": 1}'
    )
    assert type(channel.access_grants) is ModelList  # by default


def test_other_lists_are_plain() -> None:
    text = b'{"users": [], "total": 0, "unknown": [1]}'
    assert type(UserGroupIdsListResponse.model_validate_json(text).model_unknown["unknown"]) is list
    active = openwebui_users.ActiveUsersResponse.model_validate_json(b'{"user_ids": ["1"]}')
    assert type(active.user_ids) is list


def test_it_is_a_list() -> None:
    ours, plain = people(5), list(people(5))
    assert ours == plain and plain == ours
    assert repr(ours) == repr(plain) and str(ours) == str(plain)
    assert ours[1] == plain[1] and ours[-1] == plain[-1] and len(ours) == 5
    assert list(reversed(ours)) == plain[::-1] and ours.index(plain[3]) == 3
    with pytest.raises(IndexError):
        ours[5]
    with pytest.raises(TypeError):
        hash(ours)
    with pytest.raises(TypeError):
        ours["id"]  # type: ignore[call-overload]
    match ours:
        case [first, *rest]:
            assert first == plain[0] and rest == plain[1:]
        case _:
            pytest.fail("no sequence")
    ours.append(plain[0])
    del ours[0]
    ours += plain[:1]
    ours.sort(key=lambda user: user.id)
    assert len(ours) == 6 and type(ours) is ModelList
    ours.clear()
    assert ours == [] and not ours


def test_what_is_made_of_it_is_one() -> None:
    ours = people(5)
    slices, copies = (ours[1:3], ours[::-2]), (ours.copy(), copy.copy(ours))
    made = (*slices, *copies, ours + people(1), ours * 2, 2 * ours)
    assert [type(one) for one in made] == [ModelList] * len(made)
    assert [len(one) for one in made] == [2, 3, 5, 5, 6, 10, 10]
    assert made[0][0] is ours[1] and made[2] is not ours
    assert type([*ours]) is list and type(list(ours)) is list
    with pytest.raises(TypeError):
        ours + 1  # type: ignore[operator]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles(protocol: int) -> None:
    ours = people(3)
    again = pickle.loads(pickle.dumps(ours, protocol))
    assert type(again) is ModelList and again == ours


def test_deep_copies() -> None:
    ours = people(3)
    again = copy.deepcopy(ours)
    assert type(again) is ModelList and again == ours and again[0] is not ours[0]
    page = UserIdNameListResponse(users=ours, total=3)
    assert type(copy.deepcopy(page).users) is ModelList
    assert type(pickle.loads(pickle.dumps(page)).users) is ModelList


def columns(users: ModelList[Any]) -> list[str]:
    return list(users.to_arrow().column_names)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_empty_lists_keep_their_class(protocol: int) -> None:
    page = UserIdNameListResponse(users=[], total=0)
    known = columns(page.users)
    assert "name" in known
    again = pickle.loads(pickle.dumps(page.users, protocol))
    assert again == [] and type(again) is ModelList and columns(again) == known
    copies = (page.users.copy(), copy.copy(page.users), copy.deepcopy(page.users))
    pages = (copy.copy(page), copy.deepcopy(page), page.model_copy(deep=True))
    more = (pickle.loads(pickle.dumps(page, protocol)), pickle.loads(pickle.dumps(pages[1])))
    for users in (*copies, *(one.users for one in (*pages, *more))):
        assert type(users) is ModelList and columns(users) == known
    selection = Selection(page.users, "a title", ["a note"])
    for one in (copy.copy(selection), copy.deepcopy(selection)):
        assert type(one) is Selection and one.notes == ["a note"] and columns(one) == known
    dumped = pickle.dumps(selection, protocol)
    one = pickle.loads(dumped)
    assert type(one) is Selection and one.title == "a title" and columns(one) == known


def test_lists_without_a_class_are_pickled_without() -> None:
    assert columns(pickle.loads(pickle.dumps(ModelList()))) == []
    assert b"_restore" not in pickle.dumps(ModelList())
    assert b"_restore" in pickle.dumps(people(0))


def test_pickles_of_earlier_versions() -> None:
    old = b"\x80\x02copenwebui_users\nModelList\nq\x00)\x81q\x01."
    assert pickle.loads(old) == [] and type(pickle.loads(old)) is ModelList


def test_pickles_of_a_model_that_is_not_known() -> None:
    again = ModelList._restore("LaterModel", ModelList, ())  # type: ignore[attr-defined]
    assert type(again) is ModelList and columns(again) == []
    assert ModelList._restore("LaterModel", list, ()) == []  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        ModelList._restore("UserModel", ModelList, [])  # type: ignore[attr-defined]


class _Reduced(ModelList[Any]):
    """Says itself how it is pickled."""

    def __init__(self, users: Any, title: str) -> None:
        super().__init__(users)
        self.title = title

    def __reduce__(self) -> Any:
        return _Reduced, (list(self), self.title)


def test_subclasses_that_say_how_they_are_pickled() -> None:
    ours = _Reduced(people(2), "a title")
    for again in (copy.copy(ours), copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert type(again) is _Reduced and again == ours and again.title == "a title"
    empty = pickle.loads(pickle.dumps(_Reduced(people(0), "")))
    assert columns(empty) == columns(people(0))


def test_a_list_that_holds_itself_is_copied() -> None:
    ours: Any = people(1)
    ours.append(ours)
    for again in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert type(again) is ModelList and again[1] is again and again[0] == ours[0]


def test_dumps_hold_plain_lists() -> None:
    page = UserIdNameListResponse(users=list(people(2)), total=2)
    other = UserIdNameListResponse(users=people(2), total=2)
    assert page == other
    dumped = other.model_dump()
    assert dumped == page.model_dump() and type(dumped["users"]) is list
    assert type(other.model_dump(exclude={"users": {0}})["users"]) is list
    assert other.model_dump_json() == page.model_dump_json()


def test_one_can_be_made_of_anything() -> None:
    users = people(3)
    assert ModelList(iter(users)) == users and ModelList() == []
    with pytest.raises(TypeError):
        ModelList(1)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        ModelList(users=users)  # type: ignore[call-overload]


def test_subclasses() -> None:
    users = people(3)
    selection = Selection(users, "a title", ["a note"])
    assert selection == users and type(selection[1:]) is ModelList
    assert selection.to_records() == users.to_records()
    again = copy.copy(selection)
    assert type(again) is Selection and again.title == "a title"


def test_it_knows_its_generic_form() -> None:
    assert str(ModelList[UserIdNameResponse]).startswith("openwebui_users.ModelList[")
    assert openwebui_users.ModelList is _core.ModelList
    assert ModelList.__module__ == "openwebui_users"


class _Marked(ModelList[Any]):
    """Can be watched, as a list of C cannot."""


def test_cycles_are_collected() -> None:
    def make() -> weakref.ref[Any]:
        inner: ModelList[Any] = ModelList(people(1))
        outer = _Marked([inner])
        inner.append(outer)
        return weakref.ref(outer)

    watched = make()
    gc.collect()
    assert watched() is None


def test_lists_go_with_their_models() -> None:
    before = sys.getrefcount(ModelList)
    for _ in range(1000):
        people(1)[:].copy()
    gc.collect()
    assert sys.getrefcount(ModelList) <= before + 2


def test_a_long_chain_of_lists_goes_without_recursion() -> None:
    chain: ModelList[Any] = ModelList()
    for _ in range(200_000):
        chain = ModelList([chain])
    del chain


def test_pages_have_the_methods_of_lists() -> None:
    pages = [row["name"] for row in _core.model_table() if row["page"]]
    assert "UserListResponse" in pages and "GroupMembersResponse" in pages
    assert "ChannelModel" not in pages and "UserPreview" not in pages
    for row in _core.model_table():
        has = hasattr(getattr(_core, row["name"]), "to_records")
        assert has is (row["name"] in pages), row["name"]
    page = UserIdNameListResponse(users=people(2), total=2)
    assert page.to_records() == people(2).to_records()
