"""Plans: the steps from what a server has to what is desired."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from openwebui_users._html import Displayed

from ._accounts import guard_primary
from ._comparison import KINDS, Comparison, Difference
from ._difference_text import render_differences
from ._errors import InvalidInputError, Problem
from ._formats import parse
from ._state import State, read_state
from ._work import check_client

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openwebui_users._core import UsersClient

_KIND = "openwebui_users plan"
_VERSION = 1


@dataclass
class Step(Difference):
    """One step of a plan.

    Attributes:
        kind, target, id, before, after: as of Difference.
        needs: keys of the steps that it depends on. If one of them fails, the step is skipped. For
            members, only the users whose account could not be created are left out.
    """

    needs: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """A key that identifies the step within its plan."""
        return f"{self.kind} {self.target}"


@dataclass
class Plan(Displayed):
    """The steps that bring a server to a desired state. str(plan) is readable text.

    Attributes:
        server: base URL of the server that the plan was made for.
        steps: in the order in which they are done.
        notes: differences that only the user can change; and warnings.
        desired: the desired state as a dict.
    """

    server: str
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    desired: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.steps

    @property
    def deletions(self) -> list[Step]:
        """The steps that delete a user or a group."""
        return [step for step in self.steps if step.kind.startswith("delete_")]

    def render(self, *, color: bool | None = None) -> str:
        """The steps as readable text.

        Args:
            color: whether to use terminal colours; None: only if stdout is a terminal and NO_COLOR
                is not set.
        """
        return render_differences(f"plan for {self.server}", self.steps, self.notes, color)

    def __str__(self) -> str:
        return self.render(color=False)

    def _html_parts(self) -> Iterable[str]:
        from ._displays import difference_parts

        return difference_parts(f"plan for {self.server}", self.steps, self.notes)

    def to_json(self) -> str:
        """The plan as JSON. It contains references to passwords, but no passwords."""
        whole = {"kind": _KIND, "version": _VERSION, **asdict(self)}
        return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Plan:
        """The plan from the text of to_json().

        Raises:
            InvalidInputError: the text is not a plan, or is from another version of this package.
        """
        value = parse(text, "json")
        try:
            if (value.pop("kind"), value.pop("version")) != (_KIND, _VERSION):
                raise ValueError
            steps = [Step(**step) for step in value["steps"]]
            plan = cls(value["server"], steps, value["notes"], value["desired"])
            _check_types(plan)
        except (AttributeError, KeyError, TypeError, ValueError):
            text = "this is no plan that this version of openwebui_users can read: make it again"
            raise InvalidInputError([Problem(text)]) from None
        return plan


def _check_types(plan: Plan) -> None:
    """ValueError for a plan that no to_json() told."""
    texts = [plan.server, *plan.notes]
    for step in plan.steps:
        texts += [step.kind, step.target, *step.needs, *([] if step.id is None else [step.id])]
        if step.kind not in KINDS or not all(
            isinstance(x, dict) for x in (step.before, step.after)
        ):
            raise ValueError
    if not all(isinstance(text, str) for text in texts) or not isinstance(plan.desired, dict):
        raise ValueError


def plan(client: UsersClient, desired: Any, *, format: str | None = None) -> Plan:  # noqa: A002
    """Show what must be done to bring a server to a desired state. Nothing is changed.

    Only what the desired state names is compared. Users and groups that it does not name, and their
    fields that it leaves out, stay as they are.

    Args:
        client: of an administrator.
        desired: path of a YAML, JSON or TOML file, an open file, or a dict, with the keys users,
            groups and default_permissions.
        format: yaml, json or toml; None: by the file's suffix.

    Returns:
        Plan: for apply(). It prints as a list of differences, and can be stored as JSON.

    Raises:
        InvalidInputError: all problems of the desired state, by itself or on this server.
        RefusedError: the primary administrator or your own account would be deleted, renamed or
            given another role; or the plan changes the primary administrator and the client has
            another account's key.
        MissingLibraryError: the library for YAML or TOML is not installed.
        ValueError: format is not one of these, or the format of the file is not known.
        OSError: the file cannot be read.
        APIStatusError, APIConnectionError: while reading the server.

    Server routes: those of drift(); to guard administrators GET /api/v1/users/, GET /api/v1/auths/,
    GET /api/v1/users/user/status.
    """
    check_client(client)
    state = read_state(desired, format)
    return make_plan(client, state, Comparison(client, state))


def make_plan(client: UsersClient, state: State, found: Comparison) -> Plan:
    """The plan that is made of a comparison.

    Raises:
        RefusedError: a guard.
    """
    _guard(found)
    steps = [Step(**asdict(one)) for one in found.differences]
    _order_groups(steps, found)
    _add_needs(steps, found)
    return Plan(client.base_url, steps, found.notes, state.to_dict())


def _guard(found: Comparison) -> None:
    """Nobody locks out the primary administrator or oneself."""
    changed, demoted, deleted = [], [], []
    for one in found.differences:
        account = found.accounts.get(one.target)
        if one.kind == "delete_user":
            deleted.append(account)
        elif one.kind == "update_user":
            changed.append(account)
            if one.after.keys() & {"role", "email"}:
                demoted.append(account)
    found.directory.guard(deleted, "deleted")
    found.directory.guard(demoted, "given another role or address")
    guard_primary(found.directory, changed)


# ---------------------------------------------------------------- order


def _order_groups(steps: list[Step], found: Comparison) -> None:
    """Let groups come after those that are around them, so that none is ever within itself."""
    first = [step for step in steps if step.kind in ("create_group", "update_group")]
    first.sort(key=lambda step: (step.kind, found.depth(step.target)))
    steps[: len(first)] = first


def _add_needs(steps: list[Step], found: Comparison) -> None:
    there = {step.key for step in steps}
    moves = [step for step in steps if step.kind == "update_group" and "parent" in step.after]
    for step in steps:
        needs: list[str] = []
        parent = step.after.get("parent")
        if parent is not None:
            needs.append(f"create_group {parent}")
            if step.kind == "update_group":
                # all around it are in their place first: else it might be within itself meanwhile
                needs += [one.key for one in moves if found.is_within(step.target, one.target)]
        if step.kind == "change_members":
            needs.append(f"create_group {step.target}")
            needs += [f"create_user {email}" for email in step.after.get("added", ())]
        step.needs = [key for key in dict.fromkeys(needs) if key in there]
