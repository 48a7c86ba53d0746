"""A desired state beside what a server has. Drift and plans are made of what this finds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from ._checks import shown
from ._directory import Directory, Groups, is_at_least
from ._errors import Problem, refuse
from ._personal import check_personal_role, plain, shown_personal
from ._state import GENERATE, GroupEntry, State, UserEntry
from ._work import CONCURRENCY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from openwebui_users._core import UsersClient
    from openwebui_users.models import GroupModel

E = TypeVar("E", UserEntry, GroupEntry)

#: What can be done, in the order in which it is: who and what others refer to comes first, what
#: cannot be taken back last.
KINDS = (
    "create_group",
    "update_group",
    "create_user",
    "update_user",
    "change_members",
    "update_default_permissions",
    "delete_group",
    "delete_user",
)
DEFAULT_PERMISSIONS = "default permissions"  # target of the one that has no name
_FIRST_WITH_PARENTS = (0, 12)  # version whose groups can be within groups
_ROLE = "user"  # of new users without one
_SHOWN = 5  # users in one note


@dataclass
class Difference:
    """One difference between a server and the desired state.

    Attributes:
        kind: "create_user", "update_user", "delete_user", "create_group", "update_group",
            "delete_group", "change_members" or "update_default_permissions".
        target: desired e-mail address of the user, or desired name of the group.
        id: the server's id; None: there is none yet.
        before, after: what changes, by field. For members: the users that are "added" and
            "removed". For passwords: the references. For settings and variables: the names.
    """

    kind: str
    target: str
    id: str | None = None
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


@dataclass
class Wish:
    """Who is to be in a group, by e-mail address.

    Attributes:
        inside: who is to be in it.
        outside: who is not; None: everybody else.
    """

    inside: set[str]
    outside: set[str] | None

    def refuses(self, email: str) -> bool:
        return email not in self.inside and (self.outside is None or email in self.outside)


class Comparison:
    """A desired state beside what a server has, read when this is made.

    Args:
        client: whose server is read.
        state: what is desired.
        with_notes: read also what only leads to notes.

    Attributes:
        differences: in the order of KINDS.
        notes: see Drift.
        accounts: for each user of the state the account on the server, or None.
        groups: for each group that the state names the group on the server, or None.
        wishes: for each group whose members the state says something about.
        directory: all users of the server.

    Raises:
        InvalidInputError: all problems of the desired state on this server.
    """

    def __init__(self, client: UsersClient, state: State, *, with_notes: bool = True) -> None:
        self._client = client
        self._state = state
        self._problems: list[Problem] = []
        self.differences: list[Difference] = []
        self.notes: list[str] = []
        self.directory = Directory(client)
        self._same_address = Counter(user.email.lower() for user in self.directory.users)
        names_groups = bool(state.groups) or any(user.groups for user in state.users)
        self._all_groups = Groups(client.groups.get_groups() if names_groups else ())
        self._entries = {entry.name: entry for entry in state.groups}
        self._around: dict[str, str | None] = {}
        self._permissions = self._read_permissions()
        self.accounts = {entry.name: self._match(entry, self._account) for entry in state.users}
        self.groups = {entry.name: self._match(entry, self._server_group) for entry in state.groups}
        self.wishes = self._make_wishes()

        self._compare_groups()
        self._compare_users()
        self._compare_default_permissions()
        refuse(self._problems)
        self._compare_members()
        self.differences.sort(key=lambda one: KINDS.index(one.kind))
        self._note_deletions()
        if with_notes:
            self._note_personal()

    def _read_permissions(self) -> dict[str, Any]:
        """The default permissions as the server has them, with names that models do not know."""
        state = self._state
        if state.default_permissions or any("permissions" in one.given for one in state.groups):
            raw = self._client.with_raw_response.get_default_user_permissions()
            found: dict[str, Any] = raw.json()
            return found
        return {}

    def _doubt(self, entry: UserEntry | GroupEntry, keys: Iterable[str]) -> None:
        """These values would be written: what is wrong with them counts."""
        self._problems += [entry.problem(k, entry.doubts[k]) for k in keys if k in entry.doubts]

    def _match(self, entry: E, look: Callable[[E, str, str], Any | None]) -> Any | None:
        """What an entry is about, under its name or the previous one, or None."""
        here = look(entry, entry.key, entry.name)
        previous = f"previous_{entry.key}"
        before = look(entry, previous, entry.previous) if entry.previous else None
        if here is not None and before is None:  # a name that is none cannot be found
            self._doubt(entry, [previous])
        if here is not None and before is not None:
            text = f"{entry.previous} is on the server beside {entry.name}: delete one of them"
            self._problems.append(entry.problem(previous, text))
        return before if here is None else here

    # ------------------------------------------------------------ users

    def _account(self, entry: UserEntry, key: str, email: str) -> Any | None:
        if self._same_address[email] > 1:
            text = "several accounts have this address in different cases: rename all but one"
            self._problems.append(entry.problem(key, text))
        return self.directory.by_email.get(email)

    def _compare_users(self) -> None:
        for entry in self._state.users:
            account = self.accounts[entry.name]
            if entry.is_absent:
                if account is None:  # who is absent already, or not found
                    self._doubt(entry, [entry.key])
                else:
                    before = {"name": account.name, "role": account.role}
                    self._add("delete_user", entry.name, account.id, before, {})
            elif account is None:
                self._compare_new_user(entry)
            else:
                self._compare_user(entry, account)

    def _compare_new_user(self, entry: UserEntry) -> None:
        given = entry.given
        self._doubt(entry, entry.doubts)
        if "name" not in given:
            text = "is missing: it is needed to create the user, whom the server does not have"
            self._problems.append(entry.problem("name", text))
            return
        role = given.get("role", _ROLE)
        problem = check_personal_role(entry.personal, role)
        if problem is not None:
            self._problems.append(entry.problem(None, problem))
        after = {
            "name": given["name"],
            "role": role,
            "password": given.get("password", GENERATE),
            **{key: shown_personal(key, value) for key, value in entry.personal.items()},
        }
        self._add("create_user", entry.name, None, {}, after)

    def _compare_user(self, entry: UserEntry, account: Any) -> None:
        now = {"email": account.email.lower(), "name": account.name, "role": account.role}
        after = {
            key: entry.given[key]
            for key in now
            if key in entry.given and entry.given[key] != now[key]
        }
        self._doubt(entry, after)
        if after:
            before = {key: now[key] for key in after}
            self._add("update_user", entry.name, account.id, before, after)
        if after.get("role") == "pending":
            self.notes.append(
                f"{entry.name}: the role pending leaves sessions and the API key as they are"
            )

    # ------------------------------------------------------------ groups

    def _server_group(
        self, entry: UserEntry | GroupEntry, key: str, name: str
    ) -> GroupModel | None:
        """The one group of this name on the server, or None."""
        found = self._all_groups.by_name.get(name, [])
        if len(found) > 1:
            text = f"there are {len(found)} groups of the name {shown(name)}: rename all but one"
            self._problems.append(entry.problem(key, text))
        return found[0] if found else None

    def _referred(self, entry: UserEntry | GroupEntry, key: str, name: str) -> GroupModel | None:
        """The group that an entry refers to; None: it is still to be made, or is missing."""
        if name not in self._entries and name not in self.groups:
            self.groups[name] = self._server_group(entry, key, name)
        found = self.groups.get(name)
        if found is None and name not in self._entries:
            text = f"there is no group of the name {shown(name)}, here or on the server"
            self._problems.append(entry.problem(key, text))
        return found

    def _compare_groups(self) -> None:
        for entry in self._state.groups:
            group = self.groups[entry.name]
            if entry.is_absent:
                if group is None:
                    self._doubt(entry, [entry.key])
                else:
                    before = {"description": group.description}
                    self._add("delete_group", entry.name, group.id, before, {})
                continue
            parents = self._compare_parent(entry, group)
            if group is None:
                self._doubt(entry, entry.doubts)
                self._check_permissions(entry, {})
                keys = ("description", "permissions")
                after = {key: entry.given[key] for key in keys if entry.given.get(key)}
                after.update({key: one for key, (_, one) in parents.items() if one is not None})
                self._add("create_group", entry.name, None, {}, after)
            else:
                self._compare_group(entry, group, parents)
        self._check_cycles()

    def _compare_group(
        self, entry: GroupEntry, group: GroupModel, changes: dict[str, tuple[Any, Any]]
    ) -> None:
        for key, now in (("name", group.name), ("description", group.description)):
            if key in entry.given and entry.given[key] != now:
                changes[key] = (now, entry.given[key])
        permissions = group.permissions or {}
        self._check_permissions(entry, permissions)
        before, after = changed_flags(permissions, entry.given.get("permissions", {}))
        if after:
            changes["permissions"] = (before, after)
        self._doubt(entry, changes)
        if changes:
            self._add(
                "update_group",
                entry.name,
                group.id,
                {key: one for key, (one, _) in changes.items()},
                {key: one for key, (_, one) in changes.items()},
            )

    def _check_permissions(self, entry: GroupEntry, has: dict[str, Any]) -> None:
        """Servers store any name in a group; what they do not know has no effect."""
        for section, flags in entry.given.get("permissions", {}).items():
            for name in flags:
                if name not in self._permissions.get(section, {}) and name not in (
                    has.get(section) or {}
                ):
                    text = f"this server has no permission {section}.{name}"
                    self._problems.append(entry.problem("permissions", text))

    def _compare_parent(
        self, entry: GroupEntry, group: GroupModel | None
    ) -> dict[str, tuple[Any, Any]]:
        """The name of the group around this one, before and after, if it changes."""
        if "parent" not in entry.given:
            return {}
        parent = entry.given["parent"]
        found = None if parent is None else self._referred(entry, "parent", parent)
        if parent is not None and not has_parents(self._client):
            first = ".".join(map(str, _FIRST_WITH_PARENTS))
            text = f"this server has no groups within groups: that needs Open WebUI {first}"
            self._problems.append(entry.problem("parent", text))
        now = None if group is None else group.parent_group_id
        if now == (None if found is None else found.id) and (found is None) == (parent is None):
            return {}
        around = None if now is None else self._all_groups.by_id.get(now)
        return {"parent": (None if around is None else around.name, parent)}

    def _check_cycles(self) -> None:
        """No group may be within itself, once all is as desired."""
        moved = [one for one in self._state.groups if "parent" in one.given and not one.is_absent]
        self._around = {group.id: group.parent_group_id for group in self._all_groups.all}
        for entry in moved:
            parent = entry.given["parent"]
            self._around[self._key(entry.name)] = None if parent is None else self._key(parent)
        for entry in moved:
            if self._key(entry.name) in self._groups_around(entry.name):
                text = f"{shown(entry.given['parent'])} is within this group, or is the group"
                self._problems.append(entry.problem("parent", text))

    def _key(self, name: str) -> str:
        group = self.groups.get(name)
        return name if group is None else group.id

    def _groups_around(self, name: str) -> list[str]:
        """Those that a group will be in, from the inside out; each once."""
        found: list[str] = []
        at = self._around.get(self._key(name))
        while at is not None and at not in found:
            found.append(at)
            at = self._around.get(at)
        return found

    def is_within(self, name: str, around: str) -> bool:
        """Whether a group will be in another, or in one that is."""
        return self._key(around) in self._groups_around(name)

    def depth(self, name: str) -> int:
        """In how many groups a group will be."""
        return len(self._groups_around(name))

    # ------------------------------------------------------------ members

    def _make_wishes(self) -> dict[str, Wish]:
        wishes: dict[str, Wish] = {}
        users = [one for one in self._state.users if one.groups is not None and not one.is_absent]
        listed = {entry.name: set(entry.groups or ()) for entry in users}
        for entry in self._state.groups:
            if entry.is_absent:
                continue
            if entry.members is not None:
                self._check_members(entry)
                wishes[entry.name] = Wish(set(entry.members), None)
            elif users:
                inside = {email for email, names in listed.items() if entry.name in names}
                wishes[entry.name] = Wish(inside, listed.keys() - inside)
        for user in users:
            for name in user.groups or ():
                self._referred(user, "groups", name)
                if name not in self._entries:  # not of the state: it may get members, no more
                    wishes.setdefault(name, Wish(set(), set())).inside.add(user.name)
        return wishes

    def _check_members(self, entry: GroupEntry) -> None:
        for email in entry.members or ():
            if email not in self.accounts and email not in self.directory.by_email:
                text = f"there is no user with the address {shown(email)}, here or on the server"
                self._problems.append(entry.problem("members", text))

    def _compare_members(self) -> None:
        names = {account.id: email for email, account in self.accounts.items() if account}
        gone = {entry.name for entry in self._state.users if entry.is_absent}
        there = [name for name in self.wishes if self.groups.get(name) is not None]
        ids = [group.id for name in there if (group := self.groups[name]) is not None]
        read = self._client.map(
            self._client.groups.get_users_in_group, ids, concurrency=CONCURRENCY
        )
        members = dict(zip(there, read, strict=True))
        for name, wish in self.wishes.items():
            group = self.groups.get(name)
            now = {names.get(one.id, one.email.lower()) for one in members.get(name, ())}
            removed = now - wish.inside if wish.outside is None else now & wish.outside
            after = {"added": sorted(wish.inside - now), "removed": sorted(removed - gone)}
            after = {key: emails for key, emails in after.items() if emails}
            if after:
                self._add("change_members", name, None if group is None else group.id, {}, after)

    # ------------------------------------------------------------ default permissions

    def _compare_default_permissions(self) -> None:
        desired = self._state.default_permissions
        for section, flags in desired.items():
            for name in flags:
                if name not in self._permissions.get(section, {}):
                    text = "this server has no such permission"
                    self._problems.append(
                        Problem(text, column=f"default_permissions.{section}.{name}")
                    )
        before, after = changed_flags(self._permissions, desired)
        if after:
            self._add("update_default_permissions", DEFAULT_PERMISSIONS, None, before, after)

    # ------------------------------------------------------------ notes

    def _note_deletions(self) -> None:
        kinds = {one.kind for one in self.differences}
        if "delete_user" in kinds:
            self.notes.append("deleting a user deletes the user's chats as well")
        gone = {one.id: one.target for one in self.differences if one.kind == "delete_group"}
        for group in self._all_groups.all:
            if group.parent_group_id in gone and group.id not in gone:
                self.notes.append(
                    f"the group {group.name} moves up when {gone[group.parent_group_id]}, which "
                    "it is in, is deleted"
                )

    def _note_personal(self) -> None:
        """What is not as desired and only the user can change; what no route shows is left out."""
        about = [
            (entry, account.id)
            for entry in self._state.users
            if (account := self.accounts[entry.name]) is not None
            and entry.personal.keys() - {"variables"}
            and not entry.is_absent
        ]
        read = self._client.map(
            self._client.get_user_by_id,
            [user_id for _, user_id in about],
            concurrency=CONCURRENCY,
            return_exceptions=True,
        )
        differing: dict[str, list[str]] = {}
        for (entry, _), user in zip(about, read, strict=True):
            if isinstance(user, Exception):
                continue
            personal = entry.personal.items()
            fields = [key for key, one in personal if not has_personal(user, key, one)]
            if fields:
                differing.setdefault(", ".join(fields), []).append(entry.name)
        for names, emails in differing.items():
            whom = ", ".join(emails[:_SHOWN])
            if len(emails) > _SHOWN:
                whom += f" and {len(emails) - _SHOWN} more"
            self.notes.append(
                f"not as desired, and only the users can change it: {names} of {whom}"
            )

    def _add(
        self,
        kind: str,
        target: str,
        server_id: str | None,
        before: dict[str, Any],
        after: dict[str, Any],
    ) -> None:
        self.differences.append(Difference(kind, target, server_id, before, after))


# ---------------------------------------------------------------- values


def has_parents(client: UsersClient) -> bool:
    """Whether groups of this server can be within groups."""
    return is_at_least(client, _FIRST_WITH_PARENTS)


def changed_flags(
    has: dict[str, Any], desired: dict[str, dict[str, bool]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Permissions that are not as desired, as they are and as they are to be."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for section, flags in desired.items():
        now = has.get(section) or {}
        changed = {name: flag for name, flag in flags.items() if now.get(name) is not flag}
        if changed:
            before[section] = {name: now.get(name) for name in changed}
            after[section] = changed
    return before, after


def has_personal(user: Any, key: str, desired: Any) -> bool:
    """Whether a user has this value, as far as the server shows it."""
    if key == "variables":
        return True
    now = getattr(user, key)
    if key != "settings":
        return str(now) == str(desired)
    found = {} if now is None else plain(now)
    return all(
        _has_settings(found.get(name) or {}, one) if name == "ui" else found.get(name) == one
        for name, one in desired.items()
    )


def _has_settings(has: Any, desired: dict[str, Any]) -> bool:
    return all(dict(has).get(name) == one for name, one in desired.items())
