"""Off-boarding and deletion on real servers."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from real_server import RealServer

from openwebui_users import AuthenticationError, UsersClient
from openwebui_users.admin import (
    RefusedError,
    deactivate_users,
    delete_users,
    expire_users,
    inactive_users,
    reactivate_users,
)

pytestmark = pytest.mark.real_server

PEOPLE = 20
FEW = 6  # a server takes a fifth of a second for each


@pytest.fixture
def client(real_server: RealServer) -> Iterator[UsersClient]:
    with UsersClient(real_server.url, real_server.admin_token) as client:
        yield client


class Crowd:
    """Users of whom each has a session and a chat, and the group that all are in."""

    def __init__(self, client: UsersClient, count: int) -> None:
        self._client = client
        self.tag = uuid.uuid4().hex
        forms = [
            {
                "name": f"Ann {i}",
                "email": f"{self.tag}-{i}@example.com",
                "password": "secret word",
                "role": "user",
            }
            for i in range(count)
        ]
        added = list(client.map(client.auths.add_user, forms))
        self.emails = [user.email for user in added]
        self.ids = [user.id for user in added]
        self.tokens = [str(user.token) for user in added]
        group = client.groups.create_new_group(name=self.tag, description="")
        assert group is not None
        self.group_id = group.id
        client.groups.add_user_to_group(group.id, user_ids=self.ids)

    def close(self) -> None:
        self._client.groups.delete_group_by_id(self.group_id)
        list(self._client.map(self._client.delete_user_by_id, self.ids))

    def act(self, token: str, method: str, path: str, **how: Any) -> Any:
        return self._client.with_options(api_key=token).request(method, path, **how)

    def statuses(self, tokens: list[str]) -> set[int]:
        """What the server says to whoever asks who they are."""
        return {self.act(one, "GET", "/api/v1/auths/").status_code for one in tokens}

    def chats(self, token: str) -> list[str]:
        return [chat["title"] for chat in self.act(token, "GET", "/api/v1/chats/").json()]

    def sign_in(self, email: str) -> str:
        form = {"email": email, "password": "secret word"}
        guest = self._client.with_options(api_key="").auths
        return str(guest.signin(form, set_client_api_key=False).token)

    def members(self) -> int:
        return len(self._client.groups.get_users_in_group(self.group_id))


@pytest.fixture(params=[FEW])
def crowd(request: pytest.FixtureRequest, client: UsersClient) -> Iterator[Crowd]:
    crowd = Crowd(client, request.param)
    yield crowd
    crowd.close()


@pytest.mark.parametrize("crowd", [PEOPLE], indirect=True)
def test_off_boarding_of_twenty(
    client: UsersClient,
    crowd: Crowd,
    real_server: RealServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    can_revoke = real_server.has("users.revoke_user_sessions")
    for i, token in enumerate(crowd.tokens):
        chat = {"chat": {"title": f"chat {i}"}}
        assert crowd.act(token, "POST", "/api/v1/chats/new", json=chat).status_code == 200
    key = client.with_options(api_key=crowd.tokens[0]).auths.generate_api_key().api_key
    assert key is not None

    begin = time.monotonic()
    result = deactivate_users(client, crowd.emails, remove_from_groups=True)
    seconds = time.monotonic() - begin
    assert result.ok and result.counts == {"updated": PEOPLE}, str(result)
    assert all("API key" in " ".join(row.notes) for row in result.rows)
    assert {user.role for user in client.iter_users(crowd.tag)} == {"pending"}
    assert crowd.members() == 0
    assert crowd.statuses(crowd.tokens) == ({401} if can_revoke else {200})
    assert {crowd.act(one, "GET", "/api/v1/chats/").status_code for one in crowd.tokens} == {401}
    assert crowd.act(key, "GET", "/api/v1/chats/").status_code == 401

    during = crowd.sign_in(crowd.emails[1])  # a pending user may sign in, and do nothing
    again = reactivate_users(client, crowd.emails, groups=result)
    assert again.ok and again.counts == {"updated": PEOPLE}, str(again)
    assert {user.role for user in client.iter_users(crowd.tag)} == {"user"}
    assert crowd.members() == PEOPLE
    assert crowd.statuses([*crowd.tokens, during]) == ({401} if can_revoke else {200})
    told = sum("cannot revoke sessions" in " ".join(row.notes) for row in again.rows)
    assert told == (0 if can_revoke else PEOPLE)
    assert crowd.act(key, "GET", "/api/v1/chats/").status_code == 200  # as each row says
    for i, email in enumerate(crowd.emails):
        assert crowd.chats(crowd.sign_in(email)) == [f"chat {i}"]
    with capsys.disabled():
        print(f"\n{real_server.version}: {PEOPLE} users off-boarded in {seconds:.2f} s")


def test_without_the_revocation_tokens_come_back(
    client: UsersClient,
    crowd: Crowd,
    real_server: RealServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the other test would notice if the call were left out."""
    if not real_server.has("users.revoke_user_sessions"):
        pytest.skip("cannot revoke")

    def no_revoke(*_: Any) -> Any:
        yield from ()
        return True

    monkeypatch.setattr("openwebui_users.admin._offboarding.revoke", no_revoke)
    deactivate_users(client, crowd.ids)
    assert crowd.statuses(crowd.tokens) == {200}
    reactivate_users(client, crowd.ids)
    assert crowd.statuses(crowd.tokens) == {200}
    assert crowd.chats(crowd.tokens[0]) == []


def test_the_primary_administrator_is_refused(
    client: UsersClient, crowd: Crowd, real_server: RealServer
) -> None:
    client.update_user_by_id(
        crowd.ids[0],
        role="admin",
        name="Ann",
        email=crowd.emails[0],
        profile_image_url="/user.png",
    )
    other = client.with_options(api_key=crowd.tokens[0])
    for verb in (deactivate_users, lambda *a: delete_users(*a, backup=False, yes=True)):
        with pytest.raises(RefusedError, match="primary administrator"):
            verb(other, [*crowd.ids[1:], real_server.admin_email])
        with pytest.raises(RefusedError, match="the account that this client uses"):
            verb(other, crowd.ids)
    roles = {user.role for user in client.iter_users(crowd.tag) if user.id != crowd.ids[0]}
    assert roles == {"user"}


def test_expiry(client: UsersClient, crowd: Crowd, tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    days = ["2020-01-01"] * 3 + ["2099-01-01"] * 2 + [""]
    lines = [f"{email},{day}" for email, day in zip(crowd.emails, days, strict=False)]
    path.write_text("\n".join(["email,expires", *lines, "nobody@example.com,2020-01-01"]))
    assert expire_users(client, path).counts == {"updated": 3, "skipped": 1}
    assert expire_users(client, path).counts == {"unchanged": 3, "skipped": 1}
    assert expire_users(client, path, on=date(2099, 1, 2)).counts == {
        "updated": 2,
        "unchanged": 3,
        "skipped": 1,
    }


def test_who_never_signed_in(client: UsersClient, crowd: Crowd) -> None:
    time.sleep(11)  # what is active within ten seconds of the creation counts as not signed in
    crowd.act(crowd.sign_in(crowd.emails[0]), "GET", "/api/v1/auths/")

    def selected(never: bool | None) -> set[str]:
        found = inactive_users(client, 0, never_signed_in=never)
        return {user.email for user in found} & set(crowd.emails)

    deadline = time.monotonic() + 10
    while crowd.emails[0] in selected(True) and time.monotonic() < deadline:
        time.sleep(0.1)  # servers note the activity after they answer
    assert selected(True) == set(crowd.emails[1:])
    assert selected(False) == {crowd.emails[0]}
    assert selected(None) == set(crowd.emails)


def test_deletion(client: UsersClient, crowd: Crowd, tmp_path: Path) -> None:
    path = tmp_path / "backup.jsonl"
    key = client.with_options(api_key=crowd.tokens[0]).auths.generate_api_key().api_key
    dry = delete_users(client, crowd.ids, backup=path, dry_run=True)
    assert len(list(client.iter_users(crowd.tag))) == FEW
    result = delete_users(client, crowd.emails, backup=path, confirm=dry.confirmation)
    assert result.ok and result.counts == {"deleted": FEW}, str(result)
    assert list(client.iter_users(crowd.tag)) == []
    with pytest.raises(AuthenticationError):
        client.with_options(api_key=crowd.tokens[0]).auths.get_session_user()
    assert key is not None and crowd.act(key, "GET", "/api/v1/chats/").status_code == 401
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["id"] for row in rows] == crowd.ids
    assert {tuple(row["groups"]) for row in rows} == {(crowd.tag,)}
