"""The behaviour that the peer's tests of users expect, on a real server, with either package.

If you have scripts and tests for owui-client's asynchronous client, you can switch by changing
imports. Everything below the import block is written once, with calls that both packages accept,
and runs with both. With the peer, it shows that the suite is true to the peer. With this package,
it shows that this package fits.

Where the packages differ, `Api` says how, for each of them. `forgets` is an error of the peer, so
the suite fails on the day when it is fixed. `out_of_bounds` is something that this package does
better.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import inspect
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import Any, ParamSpec

import pytest
from cryptography.fernet import Fernet
from real_server import RealServer

pytestmark = pytest.mark.real_server

VERSION = "0.12.4"  # the server that owui-client 11 is written for
PAGE = 30  # users on one page
PASSWORD, NEW_PASSWORD = "secret word", "another secret word"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PNG = b"\x89PNG\r\n\x1a\n"

P = ParamSpec("P")


# ---------------------------------------------------------------- imports: all that differs


@dataclass(frozen=True)
class Api:
    """What a script imports of a package. Classes are Any: there is one suite, not two types."""

    client: Any
    status_error: Any
    users: Any
    auths: Any
    groups: Any
    oauth_sessions: Any
    # Closing is the only call that is not the same: the peer has no way to close, which would be
    # a ResourceWarning here, so it is done by what its client holds.
    close: Callable[[Any], Coroutine[Any, Any, None]]
    # Default permissions that are lost when what was read is written back.
    forgets: frozenset[tuple[str, str]]
    # What a number outside of its bounds raises, and what the message says.
    out_of_bounds: tuple[type[Exception], str]


def import_openwebui_users() -> Api:
    from openwebui_users import APIStatusError, AsyncUsersClient, models

    return Api(
        client=AsyncUsersClient,
        status_error=APIStatusError,
        users=models,
        auths=models,
        groups=models,
        oauth_sessions=models,
        close=lambda client: client.close(),
        forgets=frozenset(),
        out_of_bounds=(ValueError, r"argument 'days' must be from 7 to 732"),  # nothing is sent
    )


def import_owui_client() -> Api:
    from httpx import HTTPStatusError
    from owui_client import OpenWebUI  # type: ignore[import-untyped]
    from owui_client.models import (  # type: ignore[import-untyped]
        auths,
        groups,
        oauth_sessions,
        users,
    )

    return Api(
        client=OpenWebUI,
        status_error=HTTPStatusError,
        users=users,
        auths=auths,
        groups=groups,
        oauth_sessions=oauth_sessions,
        close=lambda client: client._client.aclose(),
        # Its models lack these fields and drop what they do not know; the server then stores its
        # own default for what is missing.
        forgets=frozenset(
            {
                ("workspace", "models_hidden"),
                ("sharing", "open_chats"),
                ("features", "encrypted_channels"),
            }
        ),
        out_of_bounds=(HTTPStatusError, r"\b422\b"),  # it lets the server refuse
    )


PACKAGES = {"openwebui_users": import_openwebui_users, "owui_client": import_owui_client}


# ---------------------------------------------------------------- stage


@pytest.fixture(params=list(PACKAGES))
def api(request: pytest.FixtureRequest) -> Api:
    return PACKAGES[request.param]()


@pytest.fixture(scope="session")
def server(real_server: RealServer) -> RealServer:
    if real_server.version != VERSION:
        pytest.skip(f"the peer is written for {VERSION}")
    return real_server


def in_a_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A test that is a coroutine, in an event loop of its own."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


@asynccontextmanager
async def connected(api: Api, server: RealServer, token: str | None = None) -> AsyncIterator[Any]:
    """A fresh client: the peer's does not outlive its event loop."""
    client = api.client(f"{server.url}/api", token or server.admin_token)
    try:
        yield client
    finally:
        await api.close(client)


@dataclass(frozen=True)
class Person:
    id: str
    name: str
    email: str
    token: str


def tag() -> str:
    """A word that nobody else on the server has in a name or an e-mail address."""
    return uuid.uuid4().hex


def add_person(server: RealServer, name: str, email: str) -> Person:
    form = {"name": name, "email": email, "password": PASSWORD, "role": "user"}
    added = server.call("POST", "/auths/add", form)
    return Person(added["id"], name, email, added["token"])


def delete_person(server: RealServer, person_id: str) -> None:
    server.call("DELETE", f"/users/{person_id}")  # true as well when there is no such user


@pytest.fixture
def ann(server: RealServer) -> Iterator[Person]:
    person = add_person(server, "Ann", f"ann.{tag()}@example.com")
    yield person
    delete_person(server, person.id)


@pytest.fixture
def bob(server: RealServer) -> Iterator[Person]:
    person = add_person(server, "Bob", f"bob.{tag()}@example.com")
    yield person
    delete_person(server, person.id)


@pytest.fixture
def group_of_ann(server: RealServer, ann: Person) -> Iterator[str]:
    """The id of a group whose one member is Ann and which may use prompts."""
    form = {
        "name": f"Group {tag()}",
        "description": "Those who write prompts",
        "permissions": {"workspace": {"prompts": True}},
    }
    group_id: str = server.call("POST", "/groups/create", form)["id"]
    server.call("POST", f"/groups/id/{group_id}/users/add", {"user_ids": [ann.id]})
    yield group_id
    server.call("DELETE", f"/groups/id/{group_id}/delete")


@pytest.fixture(scope="module")
def crowd(server: RealServer) -> Iterator[tuple[str, list[str]]]:
    """A word that one more than a page of people have in common, and their addresses in order."""
    word = tag()
    people = [
        add_person(server, f"Ann {number:02}", f"ann.{number:02}.{word}@example.com")
        for number in range(PAGE + 1)
    ]
    yield word, [person.email for person in people]
    for person in people:
        delete_person(server, person.id)


Permissions = dict[str, dict[str, bool]]


@pytest.fixture
def default_permissions(server: RealServer) -> Iterator[Permissions]:
    """The default permissions as the server has them, which it gets back at the end."""
    path = "/users/default/permissions"
    before = server.call("GET", path)
    yield before
    server.call("POST", path, before)


# ---------------------------------------------------------------- clients


def test_a_client_is_made_before_its_loop(api: Api, server: RealServer) -> None:
    """As a fixture makes it that is no coroutine."""
    client = api.client(f"{server.url}/api", server.admin_token)

    async def total() -> int:
        try:
            page = await client.users.get_users(page=1)
        finally:
            await api.close(client)
        assert isinstance(page, api.users.UserGroupIdsListResponse)
        return int(page.total)

    assert asyncio.run(total()) >= 1


@in_a_loop
async def test_signing_in_is_for_all_calls_of_a_client(
    api: Api, server: RealServer, ann: Person
) -> None:
    form = api.auths.SigninForm(email=ann.email, password=PASSWORD)
    async with connected(api, server) as client:
        await client.auths.signin(form)
        assert (await client.users.get_user_status()).id == ann.id
        await client.auths.sign_out()
        with pytest.raises(api.status_error, match="401"):
            await client.users.get_user_status()


# ---------------------------------------------------------------- lists


@in_a_loop
async def test_get_users(api: Api, server: RealServer, ann: Person) -> None:
    async with connected(api, server) as client:
        # The newest come first, so Ann is on the first page whoever else there is.
        page = await client.users.get_users(order_by="created_at", direction="desc", page=1)
        assert isinstance(page, api.users.UserGroupIdsListResponse)
        assert page.total >= 2
        assert 2 <= len(page.users) <= PAGE
        (row,) = [user for user in page.users if user.id == ann.id]
        assert isinstance(row, api.users.UserGroupIdsModel)
        assert isinstance(row, api.users.UserModel)
        assert (row.name, row.email, row.role) == ("Ann", ann.email, "user")
        assert row.group_ids == []
        assert row.created_at <= time.time() + 60

        admins = await client.users.get_users(query=server.admin_email)
        assert [(user.email, user.role) for user in admins.users] == [(server.admin_email, "admin")]


@in_a_loop
async def test_get_users_names_their_groups(
    api: Api, server: RealServer, ann: Person, group_of_ann: str
) -> None:
    async with connected(api, server) as client:
        (row,) = (await client.users.get_users(ann.email)).users
        assert row.group_ids == [group_of_ann]


@in_a_loop
async def test_get_users_page_by_page(
    api: Api, server: RealServer, crowd: tuple[str, list[str]]
) -> None:
    word, emails = crowd
    async with connected(api, server) as client:
        pages = [
            await client.users.get_users(query=word, order_by="email", direction="asc", page=number)
            for number in (1, 2, 3)
        ]
        assert [[user.email for user in page.users] for page in pages] == [
            emails[:PAGE],
            emails[PAGE:],
            [],
        ]
        assert [page.total for page in pages] == [len(emails)] * 3
        # By position too, and without a page it is the first.
        first = await client.users.get_users(word, "email", "asc")
        assert [user.email for user in first.users] == emails[:PAGE]
        backwards = await client.users.get_users(word, "email", "desc", 1)
        assert [user.email for user in backwards.users] == emails[::-1][:PAGE]


@in_a_loop
async def test_get_users_finds_nobody(api: Api, server: RealServer) -> None:
    async with connected(api, server) as client:
        page = await client.users.get_users(query=tag())
        assert (page.users, page.total) == ([], 0)


@in_a_loop
async def test_get_all_users(api: Api, server: RealServer, crowd: tuple[str, list[str]]) -> None:
    """More than a page at once, and less of each user than get_users() tells."""
    async with connected(api, server) as client:
        everybody = await client.users.get_all_users()
        assert isinstance(everybody, api.users.UserInfoListResponse)
        assert everybody.total == len(everybody.users) > PAGE
        assert {*crowd[1], server.admin_email} <= {user.email for user in everybody.users}
        for user in everybody.users:
            assert isinstance(user, api.users.UserInfoResponse)
            assert user.id and user.name and user.role
            assert not hasattr(user, "created_at")


@in_a_loop
async def test_search_users(api: Api, server: RealServer, ann: Person) -> None:
    word = ann.email.split("@")[0]
    async with connected(api, server) as client:
        for query in (ann.email, word, word.upper()):
            found = await client.users.search_users(query=query)
            assert isinstance(found, api.users.UserIdNameListResponse)
            assert found.total == 1
            assert [(user.id, user.name) for user in found.users] == [(ann.id, "Ann")]
        by_name = await client.users.search_users("Admin")
        assert by_name.total >= 1
        assert "Admin" in [user.name for user in by_name.users]
        nobody = await client.users.search_users(query=tag())
        assert (nobody.users, nobody.total) == ([], 0)
        unfiltered = await client.users.search_users()
        assert unfiltered.total >= 2


@in_a_loop
async def test_search_users_gives_one_page(
    api: Api, server: RealServer, crowd: tuple[str, list[str]]
) -> None:
    async with connected(api, server) as client:
        found = await client.users.search_users(query=crowd[0])
        assert (len(found.users), found.total) == (PAGE, PAGE + 1)


@in_a_loop
async def test_anybody_may_search_but_not_list(api: Api, server: RealServer, ann: Person) -> None:
    async with connected(api, server, ann.token) as client:
        found = await client.users.search_users(query=ann.email)
        assert [user.id for user in found.users] == [ann.id]
        for call in (client.users.get_users, client.users.get_all_users):
            with pytest.raises(api.status_error, match="401"):
                await call()


@in_a_loop
async def test_a_wrong_key_is_refused(api: Api, server: RealServer) -> None:
    async with connected(api, server, "sk-wrong") as client:
        with pytest.raises(api.status_error, match="401"):
            await client.users.get_users()


# ---------------------------------------------------------------- permissions


@in_a_loop
async def test_get_user_permissions(api: Api, server: RealServer, ann: Person, bob: Person) -> None:
    async with connected(api, server, bob.token) as client:
        permissions = await client.users.get_user_permissions()
        assert isinstance(permissions, dict)
        assert {"workspace", "sharing", "chat", "features"} <= set(permissions)
        assert isinstance(permissions["workspace"]["prompts"], bool)
    async with connected(api, server, ann.token) as client:
        assert await client.users.get_user_permissions() == permissions


@in_a_loop
async def test_a_group_adds_permissions(
    api: Api, server: RealServer, ann: Person, bob: Person, group_of_ann: str
) -> None:
    assert group_of_ann
    for person, allowed in ((ann, True), (bob, False)):
        async with connected(api, server, person.token) as client:
            permissions = await client.users.get_user_permissions()
            assert permissions["workspace"]["prompts"] is allowed


@in_a_loop
async def test_default_permissions(
    api: Api, server: RealServer, bob: Person, default_permissions: Permissions
) -> None:
    before = default_permissions["features"]["web_search"]
    async with connected(api, server) as client:
        permissions = await client.users.get_default_user_permissions()
        assert isinstance(permissions, api.users.UserPermissions)
        assert isinstance(permissions.workspace, api.users.WorkspacePermissions)
        assert isinstance(permissions.sharing, api.users.SharingPermissions)
        assert isinstance(permissions.chat, api.users.ChatPermissions)
        assert isinstance(permissions.features, api.users.FeaturesPermissions)
        assert isinstance(permissions.settings, api.users.SettingsPermissions)
        assert permissions.features.web_search is before
        assert permissions.chat.import_ is default_permissions["chat"]["import"]

        permissions.features.web_search = not before
        permissions.chat.import_ = not permissions.chat.import_
        updated = await client.users.update_default_user_permissions(permissions)
        assert isinstance(updated, api.users.UserPermissions)
        assert updated.features.web_search is not before
        again = await client.users.get_default_user_permissions()
        assert again.features.web_search is not before
        assert again.chat.import_ is not default_permissions["chat"]["import"]
        assert again == updated
    async with connected(api, server, bob.token) as client:
        own = await client.users.get_user_permissions()
        assert own["features"]["web_search"] is not before


@in_a_loop
async def test_default_permissions_change_only_where_they_were_changed(
    api: Api, server: RealServer, default_permissions: Permissions
) -> None:
    path = "/users/default/permissions"
    before = {section: dict(values) for section, values in default_permissions.items()}
    for section, name in import_owui_client().forgets:
        before[section][name] = not before[section][name]
    server.call("POST", path, before)
    async with connected(api, server) as client:
        permissions = await client.users.get_default_user_permissions()
        permissions.workspace.prompts = not permissions.workspace.prompts
        await client.users.update_default_user_permissions(permissions=permissions)
    after = server.call("GET", path)
    changed = {
        (section, name)
        for section, values in before.items()
        for name, value in values.items()
        if after[section][name] is not value
    }
    assert changed == {("workspace", "prompts")} | api.forgets


@in_a_loop
async def test_the_defaults_of_the_defaults_stay(
    api: Api, server: RealServer, default_permissions: Permissions
) -> None:
    assert default_permissions
    async with connected(api, server) as client:
        before = await client.users.get_default_user_permission_defaults()
        assert isinstance(before, api.users.UserPermissions)
        # Later additions, one of them under the name that Python needs.
        for value in (
            before.workspace.skills_import,
            before.workspace.skills_export,
            before.chat.import_,
            before.features.webhooks,
        ):
            assert isinstance(value, bool)
        permissions = await client.users.get_default_user_permissions()
        permissions.chat.delete = not permissions.chat.delete
        await client.users.update_default_user_permissions(permissions)
        assert await client.users.get_default_user_permission_defaults() == before


@in_a_loop
async def test_default_permissions_are_the_administrators(
    api: Api, server: RealServer, ann: Person
) -> None:
    async with connected(api, server) as client:
        permissions = await client.users.get_default_user_permissions()
    async with connected(api, server, ann.token) as client:
        with pytest.raises(api.status_error, match="401"):
            await client.users.get_default_user_permissions()
        with pytest.raises(api.status_error, match="401"):
            await client.users.get_default_user_permission_defaults()
        with pytest.raises(api.status_error, match="401"):
            await client.users.update_default_user_permissions(permissions)


# ---------------------------------------------------------------- one's own


@in_a_loop
async def test_settings(api: Api, server: RealServer, ann: Person) -> None:
    async with connected(api, server, ann.token) as client:
        settings = await client.users.get_user_settings() or api.users.UserSettings(ui={})
        assert isinstance(settings, api.users.UserSettings)
        if settings.ui is None:
            settings.ui = {}
        assert settings.ui.get("theme") is None
        settings.ui["theme"] = "dark"
        settings.ui["models"] = ["one", "two"]
        updated = await client.users.update_user_settings(settings)
        assert isinstance(updated, api.users.UserSettings)
        assert updated.ui["theme"] == "dark"
        again = await client.users.get_user_settings()
        assert (again.ui["theme"], again.ui["models"]) == ("dark", ["one", "two"])

        # Keys below ui are merged by the server.
        await client.users.update_user_settings(api.users.UserSettings(ui={"theme": "light"}))
        again = await client.users.get_user_settings()
        assert (again.ui["theme"], again.ui["models"]) == ("light", ["one", "two"])


@in_a_loop
async def test_settings_take_further_keys(api: Api, server: RealServer, ann: Person) -> None:
    async with connected(api, server, ann.token) as client:
        form = api.users.UserSettings(ui={"theme": "dark"}, colours={"sky": "blue"})
        updated = await client.users.update_user_settings(settings=form)
        assert updated.colours == {"sky": "blue"}
        again = await client.users.get_user_settings()
        assert again.colours == {"sky": "blue"}
        assert again.model_dump()["colours"] == {"sky": "blue"}


@in_a_loop
async def test_settings_are_ones_own(
    api: Api, server: RealServer, ann: Person, bob: Person
) -> None:
    async with connected(api, server, ann.token) as client:
        await client.users.update_user_settings(api.users.UserSettings(ui={"theme": "dark"}))
    async with connected(api, server, bob.token) as client:
        settings = await client.users.get_user_settings()
        assert settings is None or "theme" not in (settings.ui or {})


@in_a_loop
async def test_status(api: Api, server: RealServer, ann: Person) -> None:
    async with connected(api, server, ann.token) as client:
        before = await client.users.get_user_status()
        assert isinstance(before, api.users.UserModel)
        assert (before.id, before.status_emoji, before.status_message) == (ann.id, None, None)

        ends = int(time.time()) + 3600
        updated = await client.users.update_user_status(
            api.users.UserStatus(
                status_emoji="🦆", status_message="At the pond", status_expires_at=ends
            )
        )
        assert isinstance(updated, api.users.UserModel)
        after = await client.users.get_user_status()
        for user in (updated, after):
            assert (user.status_emoji, user.status_message) == ("🦆", "At the pond")
            assert user.status_expires_at == ends

        # What a form leaves out stays, and an empty text clears.
        await client.users.update_user_status(status=api.users.UserStatus(status_message=""))
        after = await client.users.get_user_status()
        assert (after.status_emoji, after.status_message) == ("🦆", "")


@in_a_loop
async def test_info(api: Api, server: RealServer, ann: Person) -> None:
    async with connected(api, server, ann.token) as client:
        assert not await client.users.get_user_info()
        first = {"location": "Berlin", "languages": ["de", "en"], "age": None}
        assert await client.users.update_user_info(first) == first
        assert await client.users.get_user_info() == first
        # Others stay, and what is there already is replaced.
        both = {**first, "location": "Rome", "floor": 3}
        assert await client.users.update_user_info({"location": "Rome", "floor": 3}) == both
        assert await client.users.get_user_info() == both
        assert await client.users.update_user_info(info={}) == both


@in_a_loop
async def test_variables(api: Api, server: RealServer, ann: Person) -> None:
    async with connected(api, server, ann.token) as client:
        before = await client.users.get_user_variables()
        assert isinstance(before, api.users.UserVariablesResponse)
        assert before.variables == {}
        updated = await client.users.update_user_variables({"tone": "dry", "city": "Rome"})
        assert isinstance(updated, api.users.UserVariablesResponse)
        assert updated.variables == {"tone": "dry", "city": "Rome"}
        # Replaced, not merged.
        await client.users.update_user_variables(variables={"city": "Berlin"})
        assert (await client.users.get_user_variables()).variables == {"city": "Berlin"}
        with pytest.raises(api.status_error, match="400"):
            await client.users.update_user_variables({"Not A Name": "x"})
        assert (await client.users.get_user_variables()).variables == {"city": "Berlin"}


@in_a_loop
async def test_usage(api: Api, server: RealServer, ann: Person) -> None:
    now = int(time.time())
    async with connected(api, server, ann.token) as client:
        usage = await client.users.get_user_usage()
        assert isinstance(usage, api.users.UserUsageResponse)
        assert (usage.totals.messages, usage.totals.total_chats) == (0, 0)
        assert (usage.top_models, usage.top_tools) == ([], [])
        assert {(day.messages, day.chats, day.tokens) for day in usage.heatmap} == {(0, 0, 0)}
        assert usage.insights.most_used_model is None
        month = await client.users.get_user_usage(days=30)
        assert (month.period.days, len(month.heatmap)) == (30, 30)
        assert (await client.users.get_user_usage(30, None, now)).period.end_date == now
        period = (await client.users.get_user_usage(start_date=now - 86400, end_date=now)).period
        assert (period.start_date, period.end_date, period.days) == (now - 86400, now, 2)
        refused, text = api.out_of_bounds
        for days in (6, 733):
            with pytest.raises(refused, match=text):
                await client.users.get_user_usage(days=days)
        with pytest.raises(api.status_error, match="400"):
            await client.users.get_user_usage(start_date=now, end_date=now - 1)


@in_a_loop
async def test_own_groups(api: Api, server: RealServer, bob: Person, group_of_ann: str) -> None:
    async with connected(api, server, bob.token) as client:
        assert await client.users.get_user_groups() == []
    server.call("POST", f"/groups/id/{group_of_ann}/users/add", {"user_ids": [bob.id]})
    async with connected(api, server, bob.token) as client:
        groups = await client.users.get_user_groups()
        assert isinstance(groups, list)
        assert [group.id for group in groups] == [group_of_ann]
        assert isinstance(groups[0], api.groups.GroupModel)
        assert groups[0].description == "Those who write prompts"
        assert groups[0].permissions["workspace"]["prompts"] is True


# ---------------------------------------------------------------- one user


@in_a_loop
async def test_a_user_from_beginning_to_end(api: Api, server: RealServer) -> None:
    email = f"ann.{tag()}@example.com"
    async with connected(api, server) as client:
        added = await client.auths.add_user(
            api.auths.AddUserForm(name="Ann", email=email, password=PASSWORD, role="user")
        )
        assert added.id and added.token
        assert (added.name, added.email, added.role) == ("Ann", email, "user")
        user = await client.users.get_user_by_id(added.id)
        assert isinstance(user, api.users.UserActiveResponse)
        assert user.name == "Ann"
        assert isinstance(user.is_active, bool)
        assert user.groups == []
        # Further keys of the answer are attributes as well.
        assert (user.id, user.email, user.role) == (added.id, email, "user")

        form = api.users.UserUpdateForm(
            role="user", name="Ann B", email=email, profile_image_url=user.profile_image_url
        )
        updated = await client.users.update_user_by_id(added.id, form)
        assert isinstance(updated, api.users.UserModel)
        assert (updated.id, updated.name, updated.email) == (added.id, "Ann B", email)
        assert (await client.users.get_user_by_id(added.id)).name == "Ann B"

        assert await client.users.delete_user_by_id(added.id) is True
        with pytest.raises(api.status_error, match="400"):
            await client.users.get_user_by_id(added.id)
        assert (await client.users.get_users(query=email)).total == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("role", "pending"),
        ("role", "admin"),
        ("name", "Ann Örsted 🦆"),
        ("email", "ann.{word}@example.com"),
        ("profile_image_url", "data:image/png;base64," + base64.b64encode(PIXEL).decode()),
    ],
)
@in_a_loop
async def test_update_user_by_id(
    api: Api, server: RealServer, ann: Person, field: str, value: str
) -> None:
    value = value.format(word=tag())
    form = {"role": "user", "name": "Ann", "email": ann.email, "profile_image_url": "/user.png"}
    form[field] = value
    async with connected(api, server) as client:
        updated = await client.users.update_user_by_id(ann.id, api.users.UserUpdateForm(**form))
        assert {name: getattr(updated, name) for name in form} == form
        (row,) = (await client.users.get_users(query=form["email"])).users
        assert {name: getattr(row, name) for name in form} == form
        # A form without a password leaves it as it is.
        session = await client.auths.signin(
            api.auths.SigninForm(email=form["email"], password=PASSWORD)
        )
        assert session.id == ann.id


@in_a_loop
async def test_update_the_password(api: Api, server: RealServer, ann: Person) -> None:
    form = api.users.UserUpdateForm(
        role="user",
        name="Ann",
        email=ann.email,
        profile_image_url="/user.png",
        password=NEW_PASSWORD,
    )
    old = api.auths.SigninForm(email=ann.email, password=PASSWORD)
    new = api.auths.SigninForm(email=ann.email, password=NEW_PASSWORD)
    async with connected(api, server) as client:
        await client.users.update_user_by_id(user_id=ann.id, form_data=form)
        with pytest.raises(api.status_error, match="400"):
            await client.auths.signin(old, set_client_api_key=False)
        session = await client.auths.signin(new, set_client_api_key=False)
        assert session.id == ann.id
        # The client is still the administrator's.
        assert (await client.users.get_user_by_id(ann.id)).name == "Ann"


@in_a_loop
async def test_update_to_an_address_that_is_taken(
    api: Api, server: RealServer, ann: Person, bob: Person
) -> None:
    form = api.users.UserUpdateForm(
        role="user", name="Bob", email=ann.email, profile_image_url="/user.png"
    )
    async with connected(api, server) as client:
        with pytest.raises(api.status_error, match="400"):
            await client.users.update_user_by_id(bob.id, form)
        assert (await client.users.get_user_by_id(bob.id)).email == bob.email


@in_a_loop
async def test_groups_of_a_user(
    api: Api, server: RealServer, ann: Person, bob: Person, group_of_ann: str
) -> None:
    async with connected(api, server) as client:
        (group,) = await client.users.get_user_groups_by_id(ann.id)
        assert isinstance(group, api.groups.GroupModel)
        assert group.id == group_of_ann
        assert await client.users.get_user_groups_by_id(user_id=bob.id) == []

        await client.groups.add_user_to_group(
            group_of_ann, api.groups.UserIdsForm(user_ids=[bob.id])
        )
        assert [g.id for g in await client.users.get_user_groups_by_id(bob.id)] == [group_of_ann]
        await client.groups.remove_users_from_group(
            group_of_ann, api.groups.UserIdsForm(user_ids=[bob.id])
        )
        assert await client.users.get_user_groups_by_id(bob.id) == []
        assert (await client.users.get_user_by_id(bob.id)).groups == []


@in_a_loop
async def test_active_status(api: Api, server: RealServer, ann: Person) -> None:
    async with connected(api, server) as client:
        active = await client.users.get_user_active_status_by_id(ann.id)
        assert isinstance(active, dict)
        assert list(active) == ["active"]
        assert active["active"] is (await client.users.get_user_by_id(ann.id)).is_active
        assert await client.users.get_user_active_status_by_id(user_id="nobody") == {
            "active": False
        }


@in_a_loop
async def test_profile_image(api: Api, server: RealServer, ann: Person) -> None:
    async with connected(api, server) as client:
        # Who has none has the server's.
        image = await client.users.get_user_profile_image_by_id(ann.id)
        assert isinstance(image, bytes)
        assert image.startswith(PNG) and image != PIXEL
        form = api.users.UserUpdateForm(
            role="user",
            name="Ann",
            email=ann.email,
            profile_image_url="data:image/png;base64," + base64.b64encode(PIXEL).decode(),
        )
        await client.users.update_user_by_id(ann.id, form)
        assert await client.users.get_user_profile_image_by_id(user_id=ann.id) == PIXEL


@in_a_loop
async def test_preview(api: Api, server: RealServer, ann: Person, group_of_ann: str) -> None:
    async with connected(api, server) as client:
        preview = await client.users.get_user_preview_by_id(ann.id)
        assert isinstance(preview, api.users.UserPreview)
        assert (preview.user.id, preview.user.name) == (ann.id, "Ann")
        assert [group.id for group in preview.groups] == [group_of_ann]
        for resources in (preview.models, preview.knowledge, preview.tools):
            assert isinstance(resources, api.users.ResourcePreviewList)
            assert len(resources.items) <= resources.total


@in_a_loop
async def test_preview_of_oneself(api: Api, server: RealServer) -> None:
    async with connected(api, server) as client:
        me = await client.auths.get_session_user()
        assert (me.email, me.role) == (server.admin_email, "admin")
        preview = await client.users.get_user_preview_by_id(user_id=me.id)
        assert (preview.user.id, preview.user.name) == (me.id, me.name)


def store_oauth_session(server: RealServer, user_id: str, token: str) -> str:
    """What a sign-in at a provider leaves behind: tests have no provider to sign in at."""
    key = base64.urlsafe_b64encode(hashlib.sha256(server.secret_key.encode()).digest())
    stored = Fernet(key).encrypt(f'{{"access_token": "{token}"}}'.encode()).decode()
    row = (tag(), user_id, "example", stored, 4_000_000_000, 1_700_000_000, 1_700_000_001)
    with closing(sqlite3.connect(server.database, timeout=30)) as database, database:
        database.execute(
            "INSERT INTO oauth_session"
            " (id, user_id, provider, token, expires_at, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            row,
        )
    return row[0]


@in_a_loop
async def test_oauth_sessions(api: Api, server: RealServer, ann: Person) -> None:
    async with connected(api, server) as client:
        # Who has none is an error to the server.
        with pytest.raises(api.status_error, match="400"):
            await client.users.get_user_oauth_sessions_by_id(ann.id)
        session_id = store_oauth_session(server, ann.id, "a token")
        (session,) = await client.users.get_user_oauth_sessions_by_id(user_id=ann.id)
        assert isinstance(session, api.oauth_sessions.OAuthSessionModel)
        assert (session.id, session.user_id, session.provider) == (session_id, ann.id, "example")
        assert session.token == {"access_token": "a token"}
        assert session.expires_at == 4_000_000_000


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "method",
    [
        "get_user_by_id",
        "get_user_profile_image_by_id",
        "get_user_oauth_sessions_by_id",
        "get_user_preview_by_id",
    ],
)
@in_a_loop
async def test_nobody_is_an_error(api: Api, server: RealServer, method: str) -> None:
    async with connected(api, server) as client:
        with pytest.raises(api.status_error, match=r"400|404"):
            await getattr(client.users, method)(f"nobody-{tag()}")


@in_a_loop
async def test_update_of_nobody_is_an_error(api: Api, server: RealServer) -> None:
    form = api.users.UserUpdateForm(
        role="user", name="Ann", email=f"ann.{tag()}@example.com", profile_image_url="/user.png"
    )
    async with connected(api, server) as client:
        with pytest.raises(api.status_error, match="400"):
            await client.users.update_user_by_id(f"nobody-{tag()}", form)


@in_a_loop
async def test_the_first_administrator_stays(api: Api, server: RealServer) -> None:
    async with connected(api, server) as client:
        (admin,) = (await client.users.get_users(query=server.admin_email)).users
        with pytest.raises(api.status_error, match="403"):
            await client.users.delete_user_by_id(admin.id)
        form = api.users.UserUpdateForm(
            role="user",
            name=admin.name,
            email=admin.email,
            profile_image_url=admin.profile_image_url,
        )
        with pytest.raises(api.status_error, match="403"):
            await client.users.update_user_by_id(admin.id, form)
        assert (await client.users.get_user_by_id(admin.id)).role == "admin"


@in_a_loop
async def test_users_cannot_change_others(
    api: Api, server: RealServer, ann: Person, bob: Person
) -> None:
    form = api.users.UserUpdateForm(
        role="admin", name="Bob", email=bob.email, profile_image_url="/user.png"
    )
    async with connected(api, server, ann.token) as client:
        with pytest.raises(api.status_error, match="401"):
            await client.users.update_user_by_id(bob.id, form)
        with pytest.raises(api.status_error, match="401"):
            await client.users.delete_user_by_id(bob.id)
    async with connected(api, server) as client:
        assert (await client.users.get_user_by_id(bob.id)).role == "user"


# ---------------------------------------------------------------- signatures


def test_every_method_of_the_peer_can_be_called_alike() -> None:
    """The same names, and the peer's parameters first, in the peer's order."""
    from owui_client.routers.users import UsersClient  # type: ignore[import-untyped]

    ours = import_openwebui_users().client
    methods = {name: method for name, method in vars(UsersClient).items() if name[0] != "_"}
    assert len(methods) >= 23
    for name, method in methods.items():
        assert inspect.iscoroutinefunction(method)
        theirs = list(inspect.signature(method).parameters)
        mine = list(inspect.signature(getattr(ours, name)).parameters)
        assert mine[: len(theirs)] == theirs, name
