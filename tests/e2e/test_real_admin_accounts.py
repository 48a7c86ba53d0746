"""Changing accounts on real servers; some of them need the whole form and allow few pictures."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest
from real_server import RealServer

from openwebui_users import UsersClient
from openwebui_users.admin import RefusedError, set_role, update_user

pytestmark = pytest.mark.real_server

PICTURE = "data:image/png;base64,iVBORw0KGgo="
ELSEWHERE = "https://pictures.example.com/ann.png"


class Account:
    """One user, whose picture is looked at and written in the database, past all checks."""

    def __init__(self, server: RealServer, user_id: str) -> None:
        self.id = user_id
        self._database = server.database

    @property
    def picture(self) -> str:
        with closing(sqlite3.connect(self._database, timeout=30)) as database:
            query = "SELECT profile_image_url FROM user WHERE id = ?"
            (found,) = database.execute(query, (self.id,)).fetchone()
        return str(found)

    @picture.setter
    def picture(self, url: str) -> None:
        with closing(sqlite3.connect(self._database, timeout=30)) as database, database:
            change = "UPDATE user SET profile_image_url = ? WHERE id = ?"
            database.execute(change, (url, self.id))


@pytest.fixture
def client(real_server: RealServer) -> Iterator[UsersClient]:
    with UsersClient(real_server.url, real_server.admin_token) as connected:
        yield connected


@pytest.fixture
def account(real_server: RealServer, client: UsersClient) -> Iterator[Account]:
    email = f"{uuid.uuid4().hex}@example.com"
    added = client.auths.add_user(name="Ann", email=email, password="secret word", role="user")
    yield Account(real_server, added.id)
    client.delete_user_by_id(added.id)


@pytest.mark.parametrize("picture", ["", "/user.png", PICTURE])
def test_what_is_not_changed_stays(client: UsersClient, account: Account, picture: str) -> None:
    account.picture = picture
    email = client.get_user_by_id(account.id).email
    assert update_user(client, account.id, name="Ann B").status == "updated"
    assert set_role(client, "admin", [account.id]).ok
    now = client.get_user_by_id(account.id)
    assert (now.name, now.role, now.email) == ("Ann B", "admin", email)
    assert account.picture == picture


def test_a_picture_that_the_server_refuses(
    real_server: RealServer, client: UsersClient, account: Account
) -> None:
    """Of 0.8.12, which wants the picture with each change and allows none that is elsewhere."""
    account.picture = ELSEWHERE
    if not real_server.is_like_0_8_12:
        assert update_user(client, account.id, name="Ann B").status == "updated"
        assert account.picture == ELSEWHERE
        return
    with pytest.raises(RefusedError, match="refuses the picture"):
        update_user(client, account.id, name="Ann B")
    (row,) = set_role(client, "admin", [account.id]).rows
    assert row.status == "failed" and row.error and "refuses the picture" in row.error
    now = client.get_user_by_id(account.id)
    assert (now.name, now.role, account.picture) == ("Ann", "user", ELSEWHERE)
    assert (
        update_user(client, account.id, name="Ann B", profile_image_url="/user.png").status
        == "updated"
    )
    assert client.get_user_by_id(account.id).name == "Ann B"
