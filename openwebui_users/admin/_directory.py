"""Who and what is on a server: users by id and e-mail address, groups by id and name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from openwebui_users._core import Model
from openwebui_users._text import printable
from openwebui_users.errors import NotFoundError, PermissionDeniedError

from ._checks import shown
from ._errors import AdminError, Problem, RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openwebui_users._core import UsersClient
    from openwebui_users.models import GroupModel, SessionUserResponse, UserGroupIdsModel, UserModel

_SHOWN = 10  # names of groups in one message
_MOST_BYTES = 1 << 30  # of the list of all users


def whoami(client: UsersClient) -> UserModel | SessionUserResponse | None:
    """Whose key or token the client has; None where the server does not tell.

    Newer servers tell holders of API keys only through the status route, which can be switched off.
    """
    try:
        return client.auths.get_session_user()
    except PermissionDeniedError:
        pass
    try:
        return client.get_user_status()
    except (PermissionDeniedError, NotFoundError):
        return None


def all_users(client: UsersClient) -> list[Any]:
    """The list of all users, in one request: id, name, e-mail address, role."""
    most = max(client.max_body, _MOST_BYTES)
    return list(client.with_options(max_body=most).get_all_users().users)


def is_at_least(client: UsersClient, first: tuple[int, int]) -> bool:
    """Whether the server's version is this one or later; one that is no number counts as later."""
    parts = client.get_version().split(".")[:2]
    known = all(part.isdecimal() for part in parts)
    return not known or tuple(int(part) for part in parts) >= first


def reference_of(user: object) -> str | None:
    """The id or e-mail address that stands for a user: a text, a model or a dict of one."""
    if isinstance(user, str):
        return user
    for name in ("id", "email"):
        value = user.get(name) if isinstance(user, dict) else getattr(user, name, None)
        if isinstance(value, str) and value:
            return value
    return None


class Directory:
    """All users of a server, as they were when this was made.

    Args:
        client: whose server is asked.
    """

    def __init__(self, client: UsersClient) -> None:
        self._client = client
        self.users = all_users(client)
        self.by_id: dict[str, Any] = {user.id: user for user in self.users}
        self.by_email: dict[str, Any] = {user.email.lower(): user for user in self.users}
        self._protected: dict[str, str] | None = None
        self._primary: set[str] = set()
        self._me: Any = None

    def find(self, reference: str) -> Any | None:
        """The user with this id or e-mail address, in any case."""
        return self.by_id.get(reference) or self.by_email.get(reference.lower())

    def resolve(self, users: Any) -> tuple[list[Any], list[Problem]]:
        """The users that ids, addresses, models or dicts stand for, each once; what is wrong."""
        if isinstance(users, (str, dict, Model)):
            users = [users]
        found: dict[str, Any] = {}
        problems = []
        for number, one in enumerate(users, 1):
            reference = reference_of(one)
            if reference is None:
                text = f"must be an id, an e-mail address or a user, got {type(one).__name__}"
                problems.append(Problem(text, row=number))
                continue
            user = self.find(reference)
            if user is None:
                text = f"there is no user with the id or e-mail address {shown(reference)}"
                problems.append(Problem(text, row=number, is_missing=True))
            else:
                found[user.id] = user
        return list(found.values()), problems

    # ------------------------------------------------------------ whom guards protect

    @property
    def protected(self) -> dict[str, str]:
        """By id, why a user is not to be deactivated, demoted or deleted."""
        if self._protected is None:
            self._primary = {user.id for user in primary_admins(self._client)}
            found = dict.fromkeys(
                self._primary, "is the primary administrator, the one whose account was the first"
            )
            self._me = whoami(self._client)
            if self._me is not None:
                found.setdefault(self._me.id, "is the account that this client uses")
            else:
                why = (
                    "is an administrator, perhaps the account that this client uses: the server "
                    "does not tell holders of API keys who they are; use the token of a sign-in"
                )
                for user in self.users:
                    if user.role == "admin":
                        found.setdefault(user.id, why)
            self._protected = found
        return self._protected

    def is_me(self, user_id: str) -> bool:
        """Whether this is known to be the account that the client uses."""
        return bool(self.protected) and self._me is not None and self._me.id == user_id

    def is_closed_to_us(self, user: Any) -> bool:
        """Whether this is the primary administrator, and not the account that the client uses:
        servers let nobody else change it."""
        return user.id in self.protected and user.id in self._primary and not self.is_me(user.id)

    def guard(self, users: Iterable[Any], doing: str) -> None:
        """Raise RefusedError if one of them is protected."""
        for user in users:
            why = self.protected.get(user.id)
            if why is not None:
                email = printable(user.email)
                raise RefusedError(f"nothing was changed: {email} {why}, and is not {doing}")


def primary_admins(client: UsersClient) -> list[UserGroupIdsModel]:
    """Who may be the primary administrator: the account that was made first.

    Times have seconds: of several accounts of the same second those of administrators count.
    """
    page = client.get_users(order_by="created_at", direction="asc").users
    first = [user for user in page if user.created_at == page[0].created_at]
    return [user for user in first if user.role == "admin"] or first


# ---------------------------------------------------------------- groups


def listed_groups(groups: Any) -> list[Any]:
    """One group, or several of them, as a list: a name, a model or an iterable of those."""
    one = isinstance(groups, (str, Model)) or not isinstance(groups, Iterable)
    return [groups] if one else list(groups)


class Groups:
    """All groups of a server, as they were when this was made."""

    def __init__(self, groups: Iterable[GroupModel]) -> None:
        self.all = list(groups)
        self.by_id: Mapping[str, GroupModel] = {group.id: group for group in self.all}
        self.by_name: dict[str, list[GroupModel]] = {}
        for group in self.all:
            self.by_name.setdefault(group.name, []).append(group)

    def problem_with(self, reference: object) -> str | None:
        """Why this stands for no group, or None."""
        name = reference if isinstance(reference, str) else getattr(reference, "id", None)
        if not isinstance(name, str):
            return f"must be the name or id of a group, got {type(reference).__name__}"
        if name in self.by_id or len(self.by_name.get(name, ())) == 1:
            return None
        if name in self.by_name:
            ids = ", ".join(group.id for group in self.by_name[name])
            return f"several groups have the name {shown(name)}: give one of the ids {ids}"
        some = sorted(self.by_name)
        names = printable(", ".join(some[:_SHOWN])) or "none"
        if len(some) > _SHOWN:
            names += f" and {len(some) - _SHOWN} more"
        return f"there is no group with the name or id {shown(name)}; there are: {names}"

    def is_missing(self, reference: object) -> bool:
        """Whether this could stand for a group, but there is no such one."""
        name = reference if isinstance(reference, str) else getattr(reference, "id", None)
        return isinstance(name, str) and name not in self.by_id and name not in self.by_name

    def find(self, reference: object) -> GroupModel:
        """The group with this name or id, or of this model.

        Raises:
            AdminError: there is none, or there are several.
        """
        problem = self.problem_with(reference)
        if problem is not None:
            raise AdminError(problem)
        name = reference if isinstance(reference, str) else reference.id  # type: ignore[attr-defined]
        return self.by_id.get(name) or self.by_name[name][0]
