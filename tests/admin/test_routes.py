"""The routes that docstrings of the verbs name are those that the verbs call.

conftest.py checks after each test of this folder that the docstring names each call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from admin_docs import named_routes
from admin_server import make_group

from openwebui_users import UsersClient, admin
from openwebui_users.testing import EmbeddedServer

if TYPE_CHECKING:
    from conftest import Calls

Lines = list[dict[str, Any]]
ANN, BEN, CEM = "ann@example.com", "ben@example.com", "cem@example.com"
# What no test here can make happen: only servers between 0.10.2 and 0.12, of which the embedded one
# imitates none, are signed out of by POST.
NOT_HERE = {"provision_user": {"POST /api/v1/auths/signout"}}
NEW: dict[str, Any] = {"email": "new@example.com", "name": "New", "variables": {"team": "blue"}}


def provision(client: UsersClient, audit: Any) -> Any:
    return admin.provision_user(client, email="eve@example.com", name="Eve", audit=audit)


def expire(client: UsersClient, audit: Any) -> Any:
    return admin.expire_users(client, {CEM: "2020-01-01"}, audit=audit)


def delete(client: UsersClient, audit: Any) -> Any:
    return admin.delete_users(client, [CEM], backup=False, yes=True, audit=audit)


def apply_state(client: UsersClient, audit: Any) -> Any:
    state = {"users": [{**NEW, "password": "env:OF_NEW"}, {"email": BEN, "role": "admin"}]}
    return admin.apply(client, state, audit=audit)


def import_rows(client: UsersClient, audit: Any) -> Any:
    rows: Lines = [{"email": BEN, "name": "Ben", "role": "admin"}, NEW]
    rows = [{**row, "password": "password"} for row in rows]
    return admin.import_users(client, rows, on_existing="update", audit=audit)


VERBS: list[Callable[[UsersClient, Any], Any]] = [
    lambda client, audit: admin.update_user(client, ANN, role="admin", audit=audit),
    lambda client, audit: admin.set_role(client, "admin", [ANN], audit=audit),
    lambda client, audit: admin.reset_passwords(client, {ANN: "password-2"}, audit=audit),
    lambda client, audit: admin.revoke_sessions(client, [BEN], audit=audit),
    lambda client, audit: admin.add_to_group(client, "staff", [CEM], audit=audit),
    lambda client, audit: admin.remove_from_group(client, "staff", [BEN], audit=audit),
    lambda client, audit: admin.set_group_members(client, "staff", [ANN], audit=audit),
    lambda client, audit: admin.patch_default_permissions(
        client, {"chat.delete": False}, audit=audit
    ),
    lambda client, audit: admin.deactivate_users(client, [ANN], audit=audit),
    lambda client, audit: admin.reactivate_users(client, ["old@example.com"], audit=audit),
    provision,
    expire,
    delete,
    apply_state,
    import_rows,
]


@pytest.mark.parametrize("verb", VERBS)
def test_the_audit_says_whose_api_key_it_is(
    verb: Callable[[UsersClient, Any], Any],
    server: EmbeddedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The route that tells it to a session does not to an API key: there is another one."""
    monkeypatch.setenv("OF_NEW", "password")
    for name, email in (("Ann", ANN), ("Ben", BEN), ("Cem", CEM)):
        server.add_user(name, email)
    server.add_user("Old", "old@example.com", role="pending")
    lines: Lines = []
    with UsersClient(server.url, server.api_key, retry=0) as client:
        make_group(client, "staff")
        admin.add_to_group(client, "staff", [BEN])
        server.forget_requests()
        verb(client, lines.append)
    assert lines and {line["who"]["email"] for line in lines} == {server.admin_email}
    assert {"/api/v1/auths/", "/api/v1/users/user/status"} <= {one.path for one in server.requests}


def test_what_an_api_key_may_read(server: EmbeddedServer) -> None:
    server.add_user("Ann", ANN)
    state = {"users": [{"email": server.admin_email, "role": "user"}]}
    with UsersClient(server.url, server.api_key, retry=0) as client:
        assert [user.email for user in admin.inactive_users(client, 0)] == [ANN]
        with pytest.raises(admin.RefusedError, match="the primary administrator"):
            admin.plan(client, state)


def test_accounts_of_any_version(any_server: EmbeddedServer, any_client: UsersClient) -> None:
    """Of older servers an account is read before it is changed."""
    ann = any_server.add_user("Ann", ANN)
    rows = [
        {"email": ANN, "name": "Ann Lee", "password": "password"},
        {"email": BEN, "name": "Ben", "password": "password", "timezone": "Europe/Paris"},
    ]
    assert admin.import_users(any_client, rows, on_existing="update").ok
    assert admin.reset_passwords(any_client, {ANN: "password-2"}, revoke_sessions=False).ok
    assert any_client.get_user_by_id(ann.id).name == "Ann Lee"
    again = any_client.auths.signin(email=ANN, password="password-2", set_client_api_key=False)
    assert again.token is not None


def test_desired_state_with_a_parent(any_server: EmbeddedServer, any_client: UsersClient) -> None:
    """Whether groups can be within groups is a question of the server's version."""
    state = {"groups": [{"name": "all"}, {"name": "staff", "parent": "all"}]}
    if any_server.version == "0.6.42":
        with pytest.raises(admin.InvalidInputError, match=r"0\.12"):
            admin.drift(any_client, state)
    else:
        assert len(admin.drift(any_client, state).differences) == 2


def test_every_named_route_is_called(request: pytest.FixtureRequest, calls: Calls) -> None:
    """This one is run after all others; without them it can say nothing."""
    if calls.is_partial or request.session.testsfailed:
        pytest.skip("not all tests of the verbs were run, or some failed")
    told = []
    for name, routes in calls.routes.items():
        never = named_routes(name) - routes
        assert NOT_HERE.get(name, set()) <= never
        told += [f"{name}: {route}" for route in sorted(never - NOT_HERE.get(name, set()))]
    assert not told, 'named under "Server routes", but never called:\n' + "\n".join(told)
