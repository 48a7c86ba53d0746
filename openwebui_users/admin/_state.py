"""Desired state: what a file or a dict says about users, groups and default permissions, checked.

What is wrong with it whatever the server holds is found here. A value that a server may hold, and
that is only wrong to write, is a *doubt*: it counts where it would be written.
"""

from __future__ import annotations

import datetime
import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ._checks import check_email, check_name, check_role, check_text, shown
from ._errors import InvalidInputError, Problem, refuse
from ._formats import format_of, parse
from ._personal import PERSONAL_FIELDS, check_personal

GENERATE = "generate"  # a password that apply() makes
ENVIRONMENT, FILE = "env:", "file:"  # how references to passwords begin
_MOST_VALUES = 2_000_000  # in one desired state: aliases of YAML can make few bytes many values
_DEEPEST = 60
_DEPTH_OF_USERS_VALUES = 3  # below the whole, the list and the user

_DOUBTS = {
    "email": check_email,
    "previous_email": check_email,
    "name": check_name,
    "previous_name": check_name,
    "role": check_role,
}


# ---------------------------------------------------------------- what is read


@dataclass(frozen=True)
class Entry:
    """One user or group of the desired state.

    Attributes:
        place: where it stands, such as users[3].
        given: its keys and values, checked.
        doubts: what is wrong with values by key, should they have to be written.
    """

    place: str
    given: dict[str, Any]
    doubts: dict[str, str] = field(default_factory=dict)

    key = ""  # name of the key that identifies it

    @property
    def name(self) -> str:
        return str(self.given[self.key])

    @property
    def previous(self) -> str | None:
        return self.given.get(f"previous_{self.key}")

    @property
    def is_absent(self) -> bool:
        return self.given.get("state") == "absent"

    def problem(self, key: str | None, message: str) -> Problem:
        place = self.place if key is None else f"{self.place}.{key}"
        return Problem(message, column=place, email=self.name)


class UserEntry(Entry):
    key = "email"

    @property
    def groups(self) -> list[str] | None:
        return self.given.get("groups")

    @property
    def personal(self) -> dict[str, Any]:
        return {name: self.given[name] for name in PERSONAL_FIELDS if name in self.given}


class GroupEntry(Entry):
    key = "name"

    @property
    def members(self) -> list[str] | None:
        return self.given.get("members")


@dataclass(frozen=True)
class State:
    """A desired state.

    Attributes:
        users, groups: the entries, in order.
        default_permissions: by section and name.
    """

    users: list[UserEntry]
    groups: list[GroupEntry]
    default_permissions: dict[str, dict[str, bool]]

    def to_dict(self) -> dict[str, Any]:
        """What read_state() makes the same of."""
        whole = {
            "default_permissions": self.default_permissions,
            "groups": [entry.given for entry in self.groups],
            "users": [entry.given for entry in self.users],
        }
        return {key: value for key, value in whole.items() if value}


def read_state(source: Any, format: str | None = None) -> State:  # noqa: A002
    """Read and check a desired state.

    Args:
        source: path of a YAML, JSON or TOML file; an open file; a dict.
        format: yaml, json or toml; None: by the suffix.

    Raises:
        InvalidInputError: all that is wrong with it.
        OSError: the file cannot be read.
    """
    folder = Path.cwd()
    if isinstance(source, Mapping):
        value: Any = source
    elif isinstance(source, str) and set(source) & set("\n{"):
        text = "is a text, not a path: give the dict that it stands for, or Plan.from_json(text)"
        raise InvalidInputError([Problem(text, column="desired")])
    elif isinstance(source, (str, os.PathLike)):
        path = Path(source)
        chosen = format_of(path, format)
        value = parse(path.read_bytes(), chosen)
        folder = path.resolve().parent
    elif hasattr(source, "read"):
        value = parse(source.read(), format_of(None, format))
    else:
        raise TypeError(
            "desired must be the path of a YAML, JSON or TOML file, an open file or a dict, not "
            f"{type(source).__name__}"
        )
    reader = _Reader(folder)
    state = reader.read(value)
    problems = reader.problems
    if problems:  # there is no look at the server then: what is doubtful is told along
        for entry in (*state.users, *state.groups):
            problems += [entry.problem(key, text) for key, text in entry.doubts.items()]
    refuse(problems)
    return state


# ---------------------------------------------------------------- values


class _Wrong(Exception):
    """What is wrong with a value."""


def _text(value: Any, _: Path) -> str:
    problem = check_text(value)
    if problem is not None:
        hint = "; put it in quotes" if value is not None and not isinstance(value, str) else ""
        raise _Wrong(problem + hint)
    return str(value)


def _email(value: Any, folder: Path) -> str:
    return _text(value, folder).lower()  # as servers store it


def _description(value: Any, folder: Path) -> str:
    return value if isinstance(value, str) and not value.strip() else _text(value, folder)


def _parent(value: Any, folder: Path) -> str | None:
    return None if value in (None, "") else _text(value, folder)  # TOML has no null


def _state(value: Any, _: Path) -> str:
    if value not in ("present", "absent"):
        raise _Wrong(f"must be present or absent, got {shown(value)}")
    return str(value)


def _password(value: Any, folder: Path) -> str:
    """A reference; what may be the password itself is in no message."""
    if value == GENERATE:
        return GENERATE
    if isinstance(value, str) and value.startswith(ENVIRONMENT) and value != ENVIRONMENT:
        return value
    if isinstance(value, str) and value.startswith(FILE) and value != FILE:
        try:
            return f"{FILE}{folder / Path(value.removeprefix(FILE)).expanduser()}"
        except RuntimeError as error:  # ~ of nobody
            raise _Wrong(f"cannot be found: {error}") from None
    raise _Wrong(
        f"must be a reference, {ENVIRONMENT}NAME or {FILE}PATH, or the word {GENERATE}: a password "
        "itself has no place here"
    )


def _listed(value: Any, folder: Path, one: Callable[[Any, Path], str]) -> list[str]:
    if not isinstance(value, list):
        raise _Wrong(f"must be a list, got {type(value).__name__}")
    try:
        found = [one(item, folder) for item in value]
    except _Wrong as error:
        raise _Wrong(f"each {error}") from None
    twice = [item for item, count in Counter(found).items() if count > 1]
    if twice:
        raise _Wrong(f"has {shown(twice[0])} more than once")
    return found


def _names(value: Any, folder: Path) -> list[str]:
    return _listed(value, folder, _text)


def _emails(value: Any, folder: Path) -> list[str]:
    return _listed(value, folder, _email)


def _permissions(value: Any, _: Path) -> dict[str, dict[str, bool]]:
    form = "must be sections of permissions, each true or false, such as workspace: {prompts: true}"
    if not isinstance(value, dict):
        raise _Wrong(f"{form}; got {type(value).__name__}")
    for section, flags in value.items():
        if not isinstance(flags, dict):
            raise _Wrong(f"{form}; {section} is {type(flags).__name__}")
        for name, flag in flags.items():
            if not isinstance(flag, bool):
                raise _Wrong(f"{form}; {section}.{name} is {shown(flag)}")
    return {section: dict(flags) for section, flags in value.items() if flags}


def _personal(name: str) -> Callable[[Any, Path], Any]:
    def check(value: Any, _: Path) -> Any:
        problem = check_personal(name, value)
        if problem is not None:
            raise _Wrong(problem)
        return value

    return check


_Fields = dict[str, Callable[[Any, Path], Any]]
_USER: _Fields = {
    "email": _email,
    "previous_email": _email,
    "name": _text,
    "role": _text,
    "password": _password,
    "groups": _names,
    "state": _state,
    **{name: _personal(name) for name in PERSONAL_FIELDS},
}
_GROUP: _Fields = {
    "name": _text,
    "previous_name": _text,
    "description": _description,
    "permissions": _permissions,
    "parent": _parent,
    "members": _emails,
    "state": _state,
}
_LISTS = {"users": (UserEntry, _USER), "groups": (GroupEntry, _GROUP)}
_TOP = ("users", "groups", "default_permissions")


class _Plain:
    """Copies values as JSON has them: days as texts, keys as texts, nothing without end."""

    def __init__(self) -> None:
        self._count = 0

    def copy(self, value: Any, depth: int = 0) -> Any:
        self._count += 1
        if self._count > _MOST_VALUES or depth > _DEEPEST:
            raise _Wrong("has too many values, or is nested too deep")
        if isinstance(value, Mapping):
            return {self._key(key): self.copy(one, depth + 1) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.copy(one, depth + 1) for one in value]
        if isinstance(value, (datetime.date, datetime.time)):
            return value.isoformat()
        if isinstance(value, str):
            return str.__str__(value)  # not what a member of an enumeration calls itself
        if value is None or isinstance(value, (bool, int)):
            return value
        if isinstance(value, float) and math.isfinite(value):
            return value
        raise _Wrong(f"holds a value that JSON has not, of the type {type(value).__name__}")

    @staticmethod
    def _key(key: Any) -> str:
        if not isinstance(key, str):
            raise _Wrong(f"has the key {shown(key)}, which is no text; put it in quotes")
        return str.__str__(key)


def is_sayable(value: Any) -> bool:
    """Whether a value of one user can stand in a desired state."""
    try:
        _Plain().copy(value, _DEPTH_OF_USERS_VALUES)
    except _Wrong:
        return False
    return True


# ---------------------------------------------------------------- reading and checking


class _Reader:
    """Makes entries of values, and says what is wrong with them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.problems: list[Problem] = []

    def _note(self, place: str, message: str, email: str | None = None) -> None:
        self.problems.append(Problem(message, column=place or None, email=email))

    def read(self, value: Any) -> State:
        empty = State([], [], {})
        try:
            value = _Plain().copy({} if value is None else value)
        except _Wrong as error:
            self._note("", f"the desired state {error}")
            return empty
        if not isinstance(value, dict):
            self._note("", f"the desired state must be a mapping with the keys {', '.join(_TOP)}")
            return empty
        if "steps" in value and "desired" in value:
            self._note("", "this is a plan: read it with Plan.from_json()")
            return empty
        for key in value.keys() - set(_TOP):
            self._note(key, f"there is no such key; known are {', '.join(_TOP)}")
        lists = {key: list(self._entries(key, value.get(key))) for key in _LISTS}
        permissions = self._checked(
            "default_permissions", value.get("default_permissions") or {}, _permissions, None
        )
        state = State(lists["users"], lists["groups"], permissions or {})
        self._check_whole(state)
        return state

    def _entries(self, key: str, items: Any) -> Iterator[Any]:
        make, fields = _LISTS[key]
        if items is None:
            return
        if not isinstance(items, list):
            self._note(key, f"must be a list, got {type(items).__name__}")
            return
        for number, item in enumerate(items):
            entry = self._entry(f"{key}[{number}]", item, make, fields)
            if entry is not None:
                yield entry

    def _entry(self, place: str, item: Any, make: type[Entry], fields: _Fields) -> Entry | None:
        if not isinstance(item, dict):
            self._note(place, f"must be a mapping, got {type(item).__name__}")
            return None
        who = item.get(make.key) if isinstance(item.get(make.key), str) else None
        given: dict[str, Any] = {}
        for key, value in item.items():
            if key not in fields:
                text = f"there is no such key; known are {', '.join(fields)}"
                self._note(f"{place}.{key}", text, who)
                continue
            before = len(self.problems)
            checked = self._checked(f"{place}.{key}", value, fields[key], who)
            if len(self.problems) == before:
                given[key] = checked
        if make.key not in item:
            self._note(f"{place}.{make.key}", "is missing")
        if make.key not in given:
            return None
        doubts = {key: check(given[key]) for key, check in _DOUBTS.items() if key in given}
        entry = make(place, given, {key: text for key, text in doubts.items() if text})
        if entry.is_absent and entry.previous is not None:
            text = "cannot stand beside state: absent; name what is to be deleted as it is called"
            self.problems.append(entry.problem(f"previous_{make.key}", text))
        return entry

    def _checked(
        self, place: str, value: Any, check: Callable[[Any, Path], Any], who: str | None
    ) -> Any:
        try:
            return check(value, self._folder)
        except _Wrong as error:
            self._note(place, str(error), who)
            return None

    # ------------------------------------------------------------ entries beside each other

    def _check_whole(self, state: State) -> None:
        self._check_twice(state.users)
        self._check_twice(state.groups)
        users = {entry.name: entry for entry in state.users}
        groups = {entry.name: entry for entry in state.groups}
        former_users = {entry.previous: entry for entry in state.users if entry.previous}
        former_groups = {entry.previous: entry for entry in state.groups if entry.previous}
        for group in state.groups:
            if group.is_absent:
                continue
            for email in group.members or ():
                self._check_reference(group, "members", email, users, former_users)
                user = users.get(email)
                if user is not None and user.groups is not None and group.name not in user.groups:
                    text = f"has {email}, but {user.place}.groups has no {shown(group.name)}"
                    self.problems.append(group.problem("members", text))
            if group.given.get("parent") is not None:
                self._check_reference(group, "parent", group.given["parent"], groups, former_groups)
        for user in state.users:
            for name in (user.groups or ()) if not user.is_absent else ():
                self._check_reference(user, "groups", name, groups, former_groups)
                one = groups.get(name)
                if one is not None and one.members is not None and user.name not in one.members:
                    text = f"has {shown(name)}, but {one.place}.members has no {user.name}"
                    self.problems.append(user.problem("groups", text))

    def _check_twice(self, entries: Iterable[Entry]) -> None:
        places: dict[str, str] = {}
        for entry in entries:
            for key, name in ((entry.key, entry.name), (f"previous_{entry.key}", entry.previous)):
                if name is None:
                    continue
                if name in places:
                    text = f"is at {places[name]} already: each is to be named once"
                    self.problems.append(entry.problem(key, text))
                places.setdefault(name, f"{entry.place}.{key}")

    def _check_reference(
        self,
        entry: Entry,
        key: str,
        name: str,
        entries: Mapping[str, Entry],
        former: Mapping[str, Entry],
    ) -> None:
        other = entries.get(name)
        if other is not None and other.is_absent:
            text = f"has {shown(name)}, which is to be absent by {other.place}"
            self.problems.append(entry.problem(key, text))
        elif other is None and name in former:
            text = f"has {shown(name)}, which becomes {shown(former[name].name)}: use that name"
            self.problems.append(entry.problem(key, text))
