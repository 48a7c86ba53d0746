"""The state of a server in the form of a desired state."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._checks import check_email, check_name, check_role
from ._comparison import has_parents
from ._directory import Directory, Groups
from ._errors import AdminError
from ._files import replacing
from ._formats import format_of, write
from ._personal import PERSONAL_FIELDS, check_personal, plain
from ._state import is_sayable
from ._work import CONCURRENCY, check_client

if TYPE_CHECKING:
    from openwebui_users._core import UsersClient
    from openwebui_users.models import GroupModel, UserModel


def snapshot(
    client: UsersClient,
    target: str | os.PathLike[str] | None = None,
    *,
    format: str | None = None,  # noqa: A002
    personal: bool = False,
) -> dict[str, Any]:
    """Write the state of a server in the form that plan() and apply() take.

    A plan made from it for the same server is empty. It leaves out what such a file cannot express:
    users and groups without a usable address or name, invalid roles, and permissions that the
    server does not know, which have no effect. Passwords cannot be read.

    Args:
        client: of an administrator.
        target: path of a file, which is replaced in one step; only its owner can read a new file.
            None: nothing is written.
        format: yaml, json or toml; None: by the file's suffix.
        personal: also include time zones, profiles and settings of users, which apply() sets only
            for new users. Settings may contain secrets.

    Returns:
        dict: the state, with the keys default_permissions, groups and users. Group membership is
        listed with the users.

    Raises:
        AdminError: several groups have the same name, or several accounts have the same address; or
            the format cannot express the state.
        MissingLibraryError: the library for YAML or TOML is not installed.
        ValueError: format is not one of these, or the format of the file is not known.
        OSError: the file cannot be written.
        APIStatusError, APIConnectionError: while reading the server.

    Server routes: GET /api/v1/users/all, GET /api/v1/groups/, POST /api/v1/groups/id/{id}/users,
    GET /api/v1/users/default/permissions, GET /api/version; with personal=True GET /api/v1/users/.
    """
    check_client(client)
    chosen = None if target is None else format_of(target, format)
    directory = Directory(client)
    groups = Groups(client.groups.get_groups())
    named = [one for one in groups.all if check_name(one.name) is None]
    users = [one for one in directory.users if check_email(one.email) is None]
    _refuse_twice("groups", [one.name for one in named])
    _refuse_twice("accounts", [one.email.lower() for one in users])
    defaults = client.with_raw_response.get_default_user_permissions().json()
    parents = has_parents(client)
    state = {
        "default_permissions": defaults,
        "groups": [_group(one, groups, defaults, parents) for one in _sorted(named, "name")],
        "users": [_user(one) for one in _sorted(users, "email")],
    }
    by_email = {one["email"]: one for one in state["users"]}
    members = client.map(
        client.groups.get_users_in_group, [one.id for one in named], concurrency=CONCURRENCY
    )
    for group, found in zip(named, members, strict=True):
        for member in found:
            if member.email.lower() in by_email:
                by_email[member.email.lower()]["groups"].append(group.name)
    for one in by_email.values():
        one["groups"].sort()
    if personal:
        for user in client.iter_users():
            if user.email.lower() in by_email:
                by_email[user.email.lower()].update(_personal(user))
    if target is not None and chosen is not None:
        text = write(state, chosen)
        with replacing(Path(target), encoding="utf-8", newline="") as file:
            file.write(text)
    return state


def _sorted(items: list[Any], name: str) -> list[Any]:
    return sorted(items, key=lambda one: str(getattr(one, name)))


def _refuse_twice(what: str, names: list[str]) -> None:
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise AdminError(
            f"several {what} are called {', '.join(twice)}, and a desired state can name only one: "
            "rename the others"
        )


def _group(
    group: GroupModel, groups: Groups, defaults: dict[str, Any], parents: bool
) -> dict[str, Any]:
    found: dict[str, Any] = {"name": group.name, "description": group.description}
    around = groups.by_id.get(group.parent_group_id or "")
    if parents:
        found["parent"] = "" if around is None else around.name  # TOML has no null
    permissions = {
        section: {
            name: flag
            for name, flag in flags.items()
            if name in defaults.get(section, {}) and isinstance(flag, bool)
        }
        for section, flags in (group.permissions or {}).items()
        if isinstance(flags, dict)
    }
    permissions = {section: flags for section, flags in permissions.items() if flags}
    return {**found, "permissions": permissions} if permissions else found


def _user(user: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"email": user.email.lower()}
    for key, check in (("name", check_name), ("role", check_role)):
        if check(getattr(user, key)) is None:
            found[key] = getattr(user, key)
    return {**found, "groups": []}


def _personal(user: UserModel) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in PERSONAL_FIELDS:
        value = getattr(user, name)
        if name == "settings" and value is not None:
            value = plain(value)
        elif name == "date_of_birth" and value is not None:
            value = value.isoformat()
        if (
            value and check_personal(name, value) is None and is_sayable(value)
        ):  # else no file could say it
            found[name] = value
    return found
