"""Permissions: what everybody may do by default, what one user may do and why, and what differs."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from openwebui_users import _core
from openwebui_users._core import Model
from openwebui_users._html import Displayed
from openwebui_users._text import printable

from ._checks import shown
from ._directory import Directory
from ._errors import AdminError, Problem, refuse
from ._results import Result
from ._work import Run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from openwebui_users._core import UsersClient
    from openwebui_users._flow import Flow

    from ._audit import Audit

    Nested: TypeAlias = dict[str, dict[str, Any]]

_DEEPEST = 60  # sections within sections; servers have one within another
_ABSENT = "absent"  # how a text shows a permission that one side does not have
_RESTRICTIONS = frozenset({"chat.temporary_enforced"})  # True takes away


# ---------------------------------------------------------------- names


def dotted(permissions: Any) -> dict[str, Any]:
    """Permissions by dotted name, "workspace.models"; those that no model knows as well.

    Args:
        permissions: a model, a dict (nested, or by dotted names), anything with model_dump, or None
            for none at all.

    Raises:
        TypeError: it is something else.
        ValueError: sections stand in sections without end.
    """
    leaves = _leaves(_as_dict(permissions), "")
    return {name: value for name, value in leaves if value is not None}


def _as_dict(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if isinstance(value, EffectivePermissions):
        return value.permissions
    if isinstance(value, Mapping):
        return value
    if isinstance(value, Model):
        given = {
            info.alias or name: getattr(value, name)
            for name, info in type(value).model_fields.items()
            if name in value.model_fields_set
        }
        given = {name: one for name, one in given.items() if one is not None}  # no such section
        return {**given, **value.model_unknown, **(value.model_extra or {})}
    if hasattr(value, "model_dump"):
        dumped: Mapping[str, Any] = value.model_dump(by_alias=True)
        return dumped
    raise TypeError(f"permissions must be a model or a dict, not {type(value).__name__}")


def _leaves(value: Mapping[str, Any], place: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    if depth > _DEEPEST:
        raise ValueError(f"permissions must not be nested more than {_DEEPEST} deep")
    for key, one in value.items():
        name = f"{place}{key}"
        if isinstance(one, (Mapping, Model)):
            yield from _leaves(_as_dict(one), f"{name}.", depth + 1)
        else:
            yield name, one


def nested(permissions: Mapping[str, Any]) -> Nested:
    """The opposite of dotted()."""
    found: Nested = {}
    for name, value in permissions.items():
        *sections, last = name.split(".")
        inner: dict[str, Any] = found
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[last] = value
    return found


# ---------------------------------------------------------------- differences


class PermissionsDiff(Displayed, Mapping[str, "tuple[Any, Any]"]):
    """Differences by dotted name: (before, after); None if one side does not have the permission.

    It is a mapping, and false if nothing differs. Its text has a line for each difference.
    """

    def __init__(self, changes: Mapping[str, tuple[Any, Any]]) -> None:
        self._changes = dict(changes)

    def __getitem__(self, name: str) -> tuple[Any, Any]:
        return self._changes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._changes)

    def __len__(self) -> int:
        return len(self._changes)

    def __repr__(self) -> str:
        return f"PermissionsDiff({self._changes!r})"

    def __str__(self) -> str:
        lines = [
            f"{printable(name)}: {_word(before)} → {_word(after)}"
            for name, (before, after) in self._changes.items()
        ]
        return "\n".join(lines) or "no difference"

    def _html_parts(self) -> Iterable[str]:
        from ._displays import permissions_diff_parts

        return permissions_diff_parts(self, _word)


def _word(value: Any) -> str:
    return _ABSENT if value is None else shown(value)


def permissions_diff(before: Any, after: Any) -> PermissionsDiff:
    """The differences between two sets of permissions.

    Args:
        before, after: a model such as UserPermissions, a dict (nested, or by dotted names), a
            result of effective_permissions(), the permissions of a group, or None for no
            permissions. Unknown keys that a model carries count too.

    Returns:
        PermissionsDiff: by dotted name, (before, after).

    Raises:
        TypeError: one of them is something else.
        ValueError: one of them is nested too deep.
    """
    old, new = dotted(before), dotted(after)
    names = [*old, *(name for name in new if name not in old)]
    return PermissionsDiff(
        {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}
    )


# ---------------------------------------------------------------- presets

_SERVER_DEFAULTS = "server_defaults"
# The sections of which a preset grants everything.
_GRANTED: dict[str, Callable[[str], bool]] = {
    "none": lambda _: False,
    "all": lambda _: True,
    "chat_only": lambda section: section in ("chat", "settings"),
}
#: The names that preset() takes.
PRESETS = (*_GRANTED, _SERVER_DEFAULTS)


def preset(client: UsersClient, name: str) -> Nested:
    """All permissions that this server has, for patch_default_permissions() or a group.

    Args:
        client: of an administrator.
        name: "none": grant nothing; "all": grant everything, and enforce nothing; "chat_only":
            grant the user's own chats and settings, and nothing else; "server_defaults": what a new
            server starts with.

    Returns:
        dict: by section and name.

    Raises:
        InvalidInputError: there is no such preset.
        UnsupportedByServerError: "server_defaults" of a server before 0.10.2.
        APIStatusError, APIConnectionError: as client.get_default_user_permissions().

    Server routes: GET /api/v1/users/default/permissions; for "server_defaults" GET
    /api/v1/users/default/permissions/defaults, of servers before 0.10.2 GET /api/version.
    """
    if name not in PRESETS:
        text = f"must be one of {', '.join(PRESETS)}, got {shown(name)}{_nearest(name, PRESETS)}"
        refuse([Problem(text, column="preset")])
    if name == _SERVER_DEFAULTS:
        return nested(dotted(client.get_default_user_permission_defaults()))
    flags = dotted(client.with_raw_response.get_default_user_permissions().json())
    return nested(_preset_of(name, flags))


def _preset_of(name: str, flags: Mapping[str, Any]) -> dict[str, bool]:
    grants = _GRANTED[name]
    return {flag: grants(flag.partition(".")[0]) and flag not in _RESTRICTIONS for flag in flags}


# ---------------------------------------------------------------- defaults


def patch_default_permissions(
    client: UsersClient,
    changes: Any,
    *,
    dry_run: bool = False,
    audit: Audit | None = None,
) -> PermissionsDiff:
    """Change some of the default permissions, which apply to everybody, and keep the others.

    The server stores the permissions as a whole, silently drops names that it does not know, and
    cannot refuse a change that is based on old data. So the permissions are read, merged, written
    and read again. If somebody else changes them after the write, the error says so. If somebody
    else changes them between the first reading and the write, that change is lost.

    Args:
        client: of an administrator.
        changes: what to change: {"workspace": {"models": True}}, {"workspace.models": True}, a
            model (only the fields that were set count), or the name of a preset().
        dry_run: send nothing that changes anything; return what would be changed.
        audit: where to record changes: path of a JSONL file, or a function.

    Returns:
        PermissionsDiff: what was changed; if it is empty, nothing was written.

    Raises:
        InvalidInputError: a permission that this server does not have, or a value that is neither
            True nor False. Nothing was sent.
        AdminError: after the write, the permissions are not those that were written.
        UnsupportedByServerError: as preset().
        TypeError, ValueError: changes are not permissions, or are nested too deep.
        Interrupted: Ctrl-C; its result does not say whether the permissions were written.
        OSError: the audit file cannot be opened, or cannot be written before the change.
        APIStatusError, APIConnectionError: as client.update_default_user_permissions().

    Server routes: those of preset(); POST /api/v1/users/default/permissions; for audit GET
    /api/v1/auths/, GET /api/v1/users/user/status.
    """
    with Run(
        Result("patch_default_permissions"), client, dry_run=dry_run, concurrency=1, audit=audit
    ) as run:
        if isinstance(changes, str):
            changes = preset(client, changes)
        text = _read(client)
        before = dotted(json.loads(text))
        wanted, problems = _wanted(changes, before)
        refuse(problems)
        after = _core.json_merge(text, json.dumps(nested(wanted)))
        diff = permissions_diff(before, json.loads(after))
        if diff and not dry_run:
            run.do(_write(run, diff, after))
            now = _read(client)
            if not _core.json_equal(now, after):
                raise AdminError(
                    "the default permissions were written, but are not what was written: somebody "
                    "else changed them meanwhile, or the server did not take all. Wanted → found:\n"
                    f"{permissions_diff(json.loads(after), json.loads(now))}"
                )
    return diff


def _read(client: UsersClient) -> bytes:
    """As the server tells them, with those that no model knows."""
    return client.with_raw_response.get_default_user_permissions().content


def _write(run: Run[Any], diff: PermissionsDiff, after: bytes) -> Flow:
    yield from run.change(
        run.client.update_default_user_permissions,
        json.loads(after),
        target="default permissions",
        before={name: change[0] for name, change in diff.items()},
        after={name: change[1] for name, change in diff.items()},
    )


def _wanted(changes: Any, flags: Mapping[str, Any]) -> tuple[dict[str, bool], list[Problem]]:
    """The changes by dotted name, and what is wrong with them."""
    sections = {name.rpartition(".")[0] for name in flags}
    wanted: dict[str, bool] = {}
    problems = []
    for name, value in _leaves(_as_dict(changes), ""):
        if name in sections:
            some = next(flag for flag in flags if flag.startswith(f"{name}."))
            text = f"is a section: give a dict of its permissions, such as {{{some!r}: True}}"
        elif name not in flags:
            text = f"this server has no such permission{_nearest(name, flags)}"
        elif not isinstance(value, bool):
            text = f"must be True or False, got {shown(value)}"
        elif wanted.setdefault(name, value) != value:
            text = "is given twice, with different values"
        else:
            continue
        problems.append(Problem(text, column=name))
    return wanted, problems


def _nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about a name that there is not."""
    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


# ---------------------------------------------------------------- what one user may do


@dataclass
class EffectivePermissions(Displayed):
    """What one user may do, and what grants it.

    Attributes:
        user_id, email, role: of the user.
        permissions: by section and name, as client.get_user_permissions() of that user returns
            them.
        sources: by dotted name, what grants the permission: "default" and names of groups; empty if
            nothing does.
        notes: other remarks for the reader.
    """

    user_id: str
    email: str
    role: str
    permissions: dict[str, Any]
    sources: dict[str, list[str]]
    notes: list[str] = field(default_factory=list)

    def allows(self, name: str) -> bool:
        """Whether this permission is granted, by its dotted name.

        Raises:
            KeyError: the server has no such permission.
        """
        try:
            return bool(dotted(self)[name])
        except KeyError:
            text = f"there is no permission {name!r}{_nearest(name, dotted(self))}"
            raise KeyError(text) from None

    def __str__(self) -> str:
        flags = dotted(self)
        width = max(map(len, flags), default=0)
        lines = [f"{printable(self.email)} ({self.role})", *self.notes]
        for name, value in flags.items():
            word = ("yes" if value else "no") if isinstance(value, bool) else shown(value)
            by = ", ".join(printable(source) for source in self.sources.get(name, ()))
            lines.append(f"  {name:{width}}  {word:3}  {by}".rstrip())
        return "\n".join(lines)

    def _html_parts(self) -> Iterable[str]:
        from ._displays import effective_parts

        return effective_parts(self, dotted(self))


def effective_permissions(
    client: UsersClient, user: Any, *, include_inherited: bool = True
) -> EffectivePermissions:
    """What a user may do: the default permissions, and what each of their groups adds.

    Args:
        client: of an administrator.
        user: id, e-mail address, or a model of the user.
        include_inherited: also count the groups that contain the user's groups, as servers do.
            Servers before 0.12 have no groups within groups.

    Returns:
        EffectivePermissions: the permissions, and what grants each of them; its text is a table.

    Raises:
        InvalidInputError: there is no such user.
        APIStatusError, APIConnectionError: as the calls of the client.

    Server routes: GET /api/v1/users/default/permissions, GET /api/v1/users/{user_id}/groups;
    GET /api/v1/users/all.
    """
    found, problems = Directory(client).resolve([user])
    refuse([Problem(one.message) for one in problems])
    (account,) = found
    groups = client.get_user_groups_by_id(account.id, include_inherited=include_inherited)
    granting = [("default", dotted(json.loads(_read(client))))]
    granting += [(group.name, dotted(group.permissions)) for group in groups]
    permissions: dict[str, Any] = {}
    sources: dict[str, list[str]] = {}
    for source, flags in granting:
        for name, value in flags.items():
            permissions[name] = permissions.get(name) or value  # as the server combines them
            by = sources.setdefault(name, [])
            if value:
                by.append(source)
    return EffectivePermissions(
        account.id, account.email, account.role, nested(permissions), sources, _notes(account.role)
    )


def _notes(role: str) -> list[str]:
    if role == "admin":
        text = (
            "an administrator: servers let administrators do all of it, whatever is said here; "
            "only for making an API key older ones ask administrators for features.api_keys too"
        )
        return [text]
    if role != "user":
        return [f"the role is {printable(role)}: nothing of it may be done before it is user"]
    return []
