"""A random administrator: it changes a server step by step, and a model of the server here too.

This is a Hypothesis state machine. Tests run it on the embedded server and on real servers. The
model knows only what the documentation of the package promises.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from openwebui_users import EmailTakenError, UserNotFoundError, UsersClient, admin

ROLES = ["user", "pending", "admin"]
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12
).filter(str.strip)
SETTINGS = st.dictionaries(
    st.sampled_from(["theme", "models", "landingPageMode"]),
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.lists(st.integers(), max_size=2),
    max_size=3,
)

_numbers = itertools.count(1)


@dataclass
class Person:
    """What is known of one account."""

    id: str
    email: str
    name: str
    role: str
    password: str
    token: str | None


@dataclass
class Group:
    """What is known of one group."""

    id: str
    name: str
    members: set[str] = field(default_factory=set)


class Administrator(RuleBasedStateMachine):
    """Rules are what an administrator does; the invariant is that server and model agree."""

    client: UsersClient
    can_revoke = True

    people = Bundle("people")
    groups = Bundle("groups")

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, Person] = {}
        self.known_groups: dict[str, Group] = {}
        self.deleted: set[str] = set()

    @initialize()
    def begin(self) -> None:
        self.others = {user.id for user in self.client.iter_users()}
        self.other_groups = {group.id for group in self.client.groups.get_groups()}

    def teardown(self) -> None:
        for person in self.known.values():
            self.client.delete_user_by_id(person.id)
        for group in self.known_groups.values():
            self.client.groups.delete_group_by_id(group.id)

    # ------------------------------------------------------------ accounts

    @rule(target=people, name=NAMES, role=st.sampled_from(ROLES))
    def add_user(self, name: str, role: str) -> Any:
        email, password = f"p{next(_numbers)}@stateful.example.com", f"password {name}"
        if len(password.encode()) > 72:
            return multiple()
        made = self.client.auths.add_user(email=email, name=name, role=role, password=password)
        person = Person(made.id, email, name, role, password, made.token)
        self.known[made.id] = person
        return person

    @rule(target=people, name=NAMES, count=st.integers(1, 4))
    def import_users(self, name: str, count: int) -> Any:
        rows = [
            {"email": f"p{next(_numbers)}@stateful.example.com", "name": name, "password": "secret"}
            for _ in range(count)
        ]
        result = admin.import_users(self.client, rows)
        assert result.counts == {"created": count}
        made = []
        for row, one in zip(result.rows, rows, strict=True):
            assert row.id is not None
            person = Person(row.id, one["email"], name, "user", "secret", None)
            self.known[person.id] = person
            made.append(person)
        return multiple(*made)

    @rule(person=people)
    def add_taken(self, person: Person) -> None:
        if person.id in self.known:
            with pytest.raises(EmailTakenError):
                self.client.auths.add_user(
                    email=person.email.upper(), name="x", role="user", password="x"
                )

    @rule(person=people, name=NAMES)
    def rename(self, person: Person, name: str) -> None:
        if person.id in self.known:
            admin.update_user(self.client, person.email, name=name)
            person.name = name

    @rule(person=people)
    def move(self, person: Person) -> None:
        if person.id in self.known:
            email = f"p{next(_numbers)}@stateful.example.com"
            admin.update_user(self.client, person.id, email=email.upper())
            person.email = email

    @rule(person=people, role=st.sampled_from(ROLES))
    def set_role(self, person: Person, role: str) -> None:
        if person.id in self.known:
            result = admin.set_role(self.client, role, [person.id])
            assert result.counts == {"unchanged" if person.role == role else "updated": 1}
            person.role = role

    @rule(person=people)
    def deactivate(self, person: Person) -> None:
        if person.id in self.known:
            assert admin.deactivate_users(self.client, [person.email]).ok
            person.role = "pending"
            if self.can_revoke:
                person.token = None

    @rule(person=people)
    def reactivate(self, person: Person) -> None:
        if person.id in self.known:
            assert admin.reactivate_users(self.client, [person.id]).ok
            if person.role == "pending":
                person.role = "user"
                if self.can_revoke:
                    person.token = None

    @rule(person=people)
    def reset_password(self, person: Person) -> None:
        if person.id in self.known:
            person.password = f"new {next(_numbers)}"
            assert admin.reset_passwords(self.client, {person.email: person.password}).ok
            if self.can_revoke:
                person.token = None

    @rule(person=people)
    def sign_in(self, person: Person) -> None:
        if person.id in self.known:
            guest = self.client.with_options(api_key="").auths
            found = guest.signin(
                email=person.email, password=person.password, set_client_api_key=False
            )
            assert found.id == person.id
            person.token = found.token

    @rule(person=people)
    def delete(self, person: Person) -> None:
        if person.id in self.known:
            assert admin.delete_users(self.client, [person.id], backup=False, yes=True).ok
            del self.known[person.id]
            self.deleted.add(person.id)
            for group in self.known_groups.values():
                group.members.discard(person.id)
        else:
            with pytest.raises(UserNotFoundError):
                self.client.get_user_by_id(person.id)

    # ------------------------------------------------------------ what the user does

    @rule(person=people, changes=SETTINGS)
    def set_settings(self, person: Person, changes: dict[str, Any]) -> None:
        if person.id in self.known and person.token is not None and person.role == "user":
            user = self.client.with_options(api_key=person.token)
            user.update_user_settings({"ui": changes})
            found = self.client.get_user_by_id(person.id).settings or {}
            ui = found.get("ui") or {}
            for name, value in changes.items():
                assert ui.get(name) == value

    # ------------------------------------------------------------ groups

    @rule(target=groups)
    def add_group(self) -> Any:
        name = f"stateful {next(_numbers)}"
        made = self.client.groups.create_new_group(name=name, description="")
        assert made is not None
        group = Group(made.id, name)
        self.known_groups[made.id] = group
        return group

    @rule(group=groups, some=st.lists(people, max_size=4))
    def set_members(self, group: Group, some: list[Person]) -> None:
        if group.id in self.known_groups:
            ids = {one.id for one in some} & self.known.keys()
            assert admin.set_group_members(self.client, group.name, sorted(ids)).ok
            group.members = ids

    @rule(group=groups, person=people)
    def add_member(self, group: Group, person: Person) -> None:
        if group.id in self.known_groups and person.id in self.known:
            result = admin.add_to_group(self.client, group.name, [person.email])
            assert result.counts == {"unchanged" if person.id in group.members else "updated": 1}
            group.members.add(person.id)

    @rule(group=groups, person=people)
    def remove_member(self, group: Group, person: Person) -> None:
        if group.id in self.known_groups and person.id in self.known:
            assert admin.remove_from_group(self.client, group.id, [person.id]).ok
            group.members.discard(person.id)

    @rule(group=groups)
    def delete_group(self, group: Group) -> None:
        if group.id in self.known_groups:
            self.client.groups.delete_group_by_id(group.id)
            del self.known_groups[group.id]

    # ------------------------------------------------------------ desired state

    @rule(some=st.lists(people, min_size=1, max_size=3, unique_by=lambda one: one.id), name=NAMES)
    def apply(self, some: list[Person], name: str) -> None:
        some = [one for one in some if one.id in self.known and one.role != "admin"]
        desired = {"users": [{"email": one.email, "name": name, "role": "user"} for one in some]}
        assert admin.apply(self.client, desired).ok
        assert admin.plan(self.client, desired).is_empty
        for one in some:
            one.name, one.role = name, "user"

    # ------------------------------------------------------------ what must hold

    @invariant()
    def everybody_is_as_the_model_says(self) -> None:
        if not hasattr(self, "others"):
            return
        found = {user.id: user for user in self.client.iter_users()}
        assert found.keys() - self.others == self.known.keys()
        for person in self.known.values():
            user = found[person.id]
            assert (user.email, user.name, user.role) == (person.email, person.name, person.role)
            groups = {one.id for one in self.known_groups.values() if person.id in one.members}
            assert set(user.group_ids or ()) - self.other_groups == groups

    @invariant()
    def sessions_are_as_the_model_says(self) -> None:
        person = next(reversed(self.known.values()), None)
        if person is not None and person.token is not None and person.role != "pending":
            user = self.client.with_options(api_key=person.token)
            assert user.auths.get_session_user().id == person.id


def run(client: UsersClient, examples: int, steps: int) -> None:
    """Let it work on the server of a client, so many times, each time so many steps at most."""

    class Machine(Administrator):
        """Of this client."""

    Machine.client = client
    Machine.can_revoke = client.get_version() != "0.6.42"
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
