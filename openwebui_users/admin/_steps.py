"""Carrying the steps of a plan out, and the result that says what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from openwebui_users._flow import ask
from openwebui_users._text import printable
from openwebui_users.errors import OpenWebUIError

from ._accounts import make_account, write_account
from ._comparison import KINDS, Comparison
from ._difference_text import changes_of, title_of
from ._members import change_members
from ._passwords import PasswordFile, make_password
from ._personal import write_personal
from ._results import Result, RowResult
from ._state import State
from ._work import Run, may_be_made

if TYPE_CHECKING:
    from openwebui_users._flow import Flow
    from openwebui_users.models import GroupModel

    from ._plan import Step

_DONE = {"create": "created", "delete": "deleted"}  # status by the first word of a kind


@dataclass
class ApplyResult(Result):
    """What apply() did: one row for each step.

    Attributes:
        server: base URL of the server.
        notes: the notes of the plan.
        passwords_out: path of the file with the generated passwords; None: no password was
            generated.
    """

    server: str = ""
    notes: list[str] = field(default_factory=list)
    passwords_out: str | None = None

    def _remarks(self) -> list[str]:
        return [f"note: {printable(note)}" for note in self.notes]


def row_of(step: Step, status: str = "not_run") -> RowResult:
    return RowResult(email=title_of(step), id=step.id, status=status)


def status_of(step: Step) -> str:
    return _DONE.get(step.kind.partition("_")[0], "updated")


@dataclass
class _Account:
    """A user as the steps need one."""

    id: str
    email: str


class Steps:
    """The steps of one plan under way."""

    def __init__(
        self,
        run: Run[ApplyResult],
        state: State,
        found: Comparison,
        passwords: dict[str, str | None],
        out: PasswordFile,
    ) -> None:
        self._run = run
        self._client = run.client
        self._found = found
        self._users = {entry.name: entry for entry in state.users}
        self._passwords = passwords
        self._out = out
        self._total = 0
        self._created: dict[str, _Account] = {}
        self._groups = dict(found.groups)
        self._steps: dict[str, Step] = {}
        self._rows: dict[str, RowResult] = {}
        self._flows: dict[str, Callable[[Step, RowResult], Flow]] = {
            kind: getattr(self, f"_{kind}") for kind in KINDS
        }

    def carry_out(self, steps: list[Step]) -> None:
        self._steps = {step.key: step for step in steps}
        self._rows = {step.key: row_of(step) for step in steps}
        self._run.result.rows = list(self._rows.values())
        new = {step.target for step in steps if step.kind == "create_user"}
        self._total = len(steps) + len(self._groups_to_settle(new))
        for _, some in groupby(steps, key=lambda step: step.kind):
            for batch in _batches(list(some)):
                self._do(batch)
        self._settle_members()

    def _do(self, steps: Iterable[Step]) -> None:
        by_row = {id(self._rows[step.key]): step for step in steps}
        rows = [self._rows[step.key] for step in by_row.values()]
        self._run.each(rows, lambda row: self._step(by_row[id(row)], row), self._total)

    def _step(self, step: Step, row: RowResult) -> Flow:
        missing = [key for key in step.needs if self._is_missing(key)]
        if step.kind == "change_members":  # who is not there is left out
            missing = [key for key in missing if not key.startswith("create_user")]
        if missing:
            titles = ", ".join(title_of(self._steps[key]) for key in missing)
            row.error = f"depends on what was not done: {titles}"
            return
        yield from self._flows[step.kind](step, row)
        if row.status == "not_run":
            row.status = status_of(step)
        if row.status == status_of(step) and not row.changes:
            row.changes = changes_of(step)

    def _is_missing(self, key: str) -> bool:
        return self._rows[key].status not in ("created", "updated", "unchanged")

    # ------------------------------------------------------------ groups

    def _parent_id(self, name: str | None) -> str | None:
        group = None if name is None else self._groups[name]
        return None if group is None else group.id

    def _create_group(self, step: Step, row: RowResult) -> Flow:
        form = {"name": step.target, "description": "", **step.after}
        if "parent" in form:
            form["parent_group_id"] = self._parent_id(form.pop("parent"))
        create = self._client.groups.create_new_group
        try:
            group = yield from self._run.change(create, form, target=step.target, after=form)
        except OpenWebUIError as error:
            group = yield from self._made(step, error)
        self._groups[step.target] = group
        row.id = group.id

    def _made(self, step: Step, error: OpenWebUIError) -> Flow:
        """The group that the request made which ended like this."""
        if not may_be_made(error):
            raise error
        try:
            groups = yield from ask(self._client.groups.get_groups)
        except OpenWebUIError:
            raise error from None
        for group in groups:
            if group.name == step.target:
                return group
        raise error

    def _update_group(self, step: Step, _: RowResult) -> Flow:
        """The form has all permissions and is stored whole: the group is read right before."""
        assert step.id is not None
        now: GroupModel = yield from ask(self._client.groups.get_group_by_id, step.id)
        after = dict(step.after)
        form: dict[str, Any] = {"name": now.name, "description": now.description}
        if "permissions" in after:
            form["permissions"] = merged(now.permissions or {}, after.pop("permissions"))
        if "parent" in after:
            form["parent_group_id"] = self._parent_id(after.pop("parent"))
        form.update(after)
        update = self._client.groups.update_group_by_id
        facts: dict[str, Any] = {
            "target": step.target,
            "before": step.before,
            "after": step.after,
        }
        yield from self._run.change(update, step.id, form, **facts)

    def _delete_group(self, step: Step, _: RowResult) -> Flow:
        delete = self._client.groups.delete_group_by_id
        yield from self._run.change(delete, step.id, target=step.target, before=step.before)

    # ------------------------------------------------------------ users

    def _create_user(self, step: Step, row: RowResult) -> Flow:
        email = step.target
        password = self._passwords[email]
        if password is None:
            password = self._out.known.get(email) or make_password()
            self._out.add(email, password)
        form = {"email": email, "password": password}
        form.update({key: step.after[key] for key in ("name", "role")})
        answer, _ = yield from make_account(self._run, form)
        row.id = answer.id
        self._created[email] = _Account(answer.id, email)
        row.changes = {key: (None, step.after[key]) for key in ("name", "role", "password")}
        personal = self._users[email].personal
        if not personal:
            return
        row.status = "created"
        if answer.token is None:
            row.error = f"the server gave no token, so {', '.join(personal)} could not be set"
            return
        user = self._client.with_options(api_key=answer.token)
        yield from write_personal(self._run, row, user, personal)

    def _update_user(self, step: Step, row: RowResult) -> Flow:
        account = self._found.accounts[step.target]
        yield from write_account(self._run, row, account, step.after)

    def _delete_user(self, step: Step, _: RowResult) -> Flow:
        delete = self._client.delete_user_by_id
        yield from self._run.change(delete, step.id, target=step.target, before=step.before)

    # ------------------------------------------------------------ members

    def _account(self, email: str) -> Any | None:
        """The account that has this address, or is to have it."""
        found = self._found.accounts.get(email) or self._found.directory.by_email.get(email)
        return self._created.get(email) or found

    def _change_members(self, step: Step, row: RowResult) -> Flow:
        group = self._groups[step.target]
        assert group is not None
        changes = changes_of(step)
        accounts = {email: self._account(email) for email in changes}
        add = [one for email, one in accounts.items() if one is not None and changes[email][1]]
        remove = [one for email, one in accounts.items() if one is not None and changes[email][0]]
        outcome = yield from change_members(self._run, group, add, remove)
        reasons = {email: "could not be created" for email, one in accounts.items() if one is None}
        for email, account in accounts.items():
            reason = None if account is None else outcome[account.id][1]
            if reason is not None:
                reasons[email] = reason
        row.changes = {email: one for email, one in changes.items() if email not in reasons}
        row.status = "failed" if len(reasons) == len(changes) else "updated"
        if reasons:
            row.error = "; ".join(f"{email}: {reason}" for email, reason in reasons.items())

    def _update_default_permissions(self, step: Step, row: RowResult) -> Flow:
        """They are stored whole: they are read right before, with names that no model knows.

        And right after: who writes at the same time overwrites.
        """
        read = self._client.with_raw_response.get_default_user_permissions
        now = (yield from ask(read)).json()
        facts: dict[str, Any] = {
            "target": step.target,
            "before": step.before,
            "after": step.after,
        }
        update = self._client.update_default_user_permissions
        yield from self._run.change(update, merged(now, step.after), **facts)
        now = (yield from ask(read)).json()
        if merged(now, step.after) != now:
            row.error = "after the write they are not what was written: somebody else changed them"

    def _groups_to_settle(self, new: Iterable[str]) -> dict[str, list[str]]:
        """By name of a group, which of the new users the desired state does not have in it."""
        new = list(new)
        found = {
            name: [email for email in new if wish.refuses(email)]
            for name, wish in self._found.wishes.items()
        }
        return {name: emails for name, emails in found.items() if emails}

    def _settle_members(self) -> None:
        """Take new users out of groups that the desired state does not have them in.

        Servers can be set to put each new user into a group of their choice.
        """
        rows: dict[int, tuple[RowResult, GroupModel, list[_Account]]] = {}
        for name, emails in self._groups_to_settle(self._created).items():
            group = self._groups.get(name)
            if group is not None:
                row = RowResult(email=f"members of group {name}", id=group.id)
                rows[id(row)] = (row, group, [self._created[email] for email in emails])

        def steps(row: RowResult) -> Flow:
            _, group, unwanted = rows[id(row)]
            outcome = yield from change_members(self._run, group, [], unwanted)
            removed = [one for one in unwanted if outcome[one.id][0] == "updated"]
            row.changes = {one.email: (True, False) for one in removed}
            reasons = [reason for one in unwanted if (reason := outcome[one.id][1]) is not None]
            row.status = "failed" if reasons else "updated" if removed else "unchanged"
            row.error = "; ".join(dict.fromkeys(reasons)) or None

        done = self._run.result.rows
        self._run.result.rows = [*done, *(row for row, _, _ in rows.values())]
        self._run.each([row for row, _, _ in rows.values()], steps, self._total)
        shown = [row for row, _, _ in rows.values() if row.status != "unchanged"]
        self._run.result.rows = [*done, *shown]


def _batches(steps: list[Step]) -> Iterator[list[Step]]:
    """Steps of one kind in parts of which none depends on another of its own."""
    batch: list[Step] = []
    for step in steps:
        if {one.key for one in batch} & set(step.needs):
            yield batch
            batch = []
        batch.append(step)
    yield batch


def merged(has: dict[str, Any], changes: dict[str, dict[str, bool]]) -> dict[str, Any]:
    """Permissions with some of them changed."""
    return {
        **has,
        **{section: {**(has.get(section) or {}), **flags} for section, flags in changes.items()},
    }
