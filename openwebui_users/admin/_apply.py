"""Carrying plans out."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openwebui_users._flow import ask
from openwebui_users.errors import (
    APIConnectionError,
    ConnectError,
    InternalServerError,
    OpenWebUIError,
)

from ._accounts import write_account
from ._checks import check_field
from ._comparison import KINDS, Comparison
from ._difference_text import changes_of, title_of
from ._errors import AdminError, Problem, RefusedError, ServerChangedError, refuse
from ._files import GrowingFile
from ._members import change_members
from ._passwords import PasswordFile, make_password
from ._personal import write_personal
from ._plan import Plan, Step, make_plan
from ._results import Result, RowResult
from ._state import ENVIRONMENT, FILE, GENERATE, State, read_state
from ._work import CONCURRENCY, Run, check_client

if TYPE_CHECKING:
    from openwebui_users._core import UsersClient
    from openwebui_users._flow import Flow
    from openwebui_users.models import GroupModel

    from ._audit import Audit
    from ._work import Progress

_SHOWN = 20  # steps in the text of an error
_DONE = {"create": "created", "delete": "deleted"}  # status by the first word of a kind


@dataclass
class ApplyResult(Result):
    """What apply() did: a row a step.

    Attributes:
        server: base URL of the server.
        notes: those of the plan.
        passwords_out: path of the file with the passwords that were made; None: none was made.
    """

    server: str = ""
    notes: list[str] = field(default_factory=list)
    passwords_out: str | None = None

    @property
    def failures(self) -> list[RowResult]:
        """Rows of which not all was done, those that others' failures left undone among them."""
        return [row for row in self.rows if row.status == "skipped" or not row.ok]

    def _lines(self) -> list[str]:
        return [*super()._lines(), *(f"note: {note}" for note in self.notes)]


def apply(
    client: UsersClient,
    plan: Plan | Any,
    *,
    max_deletions: int = 0,
    passwords_out: str | os.PathLike[str] | None = None,
    lock: str | os.PathLike[str] | None = None,
    dry_run: bool = False,
    progress: bool | Callable[[Progress], object] = False,
    concurrency: int = CONCURRENCY,
    audit: Audit | None = None,
) -> ApplyResult:
    """Carry a plan out, or make a server as desired without a look at the plan before.

    The server is read again first, and the plan made anew: only if it is the same is anything
    written. Where it has become empty, nothing is to be done, and nothing is. A step that fails
    takes with it the steps that depend on it; all others are done. To go on after a failure, make a
    new plan.

    Args:
        client: of an administrator.
        plan: what plan() returned; or a desired state, as plan() takes it.
        max_deletions: most users and groups that may be deleted.
        passwords_out: CSV file `email,password` for the passwords that are made, for new users
            whose entry has none or says generate. It is readable by its owner only, lines are added
            to it, and each is on disk before the server has the password.
        lock: file that keeps a second apply() from running at the same time. None: one for each
            server below $XDG_STATE_HOME/openwebui-users, or ~/.local/state/openwebui-users.
        dry_run: send nothing that changes anything; say what would be changed.
        progress: True for a bar, or a function that is given a Progress after each step.
        concurrency: steps under way at once.
        audit: where changes are written down: path of a JSONL file, or a function.

    Returns:
        ApplyResult: a row a step, with what was changed.

    Raises:
        InvalidInputError: all that is wrong with the desired state; a reference to a password leads
            nowhere; passwords are to be made and there is no passwords_out. Nothing was changed.
        ServerChangedError: the plan made anew is another one; it says in what. Nothing was changed.
        RefusedError: the plan is for another server, has more deletions than max_deletions, or
            touches the primary administrator or oneself. Nothing was changed.
        LockedError: another apply() is running, or passwords_out is in use.
        Interrupted: Ctrl-C; what was done is in its result.
        APIStatusError, APIConnectionError: while the server was read.

    Server routes: those of plan(); POST /api/v1/groups/create, POST
    /api/v1/groups/id/{id}/update, DELETE /api/v1/groups/id/{id}/delete, POST
    /api/v1/groups/id/{id}/users/add, POST /api/v1/groups/id/{id}/users/remove; POST
    /api/v1/auths/add, POST /api/v1/users/{user_id}/update, DELETE /api/v1/users/{user_id}; POST
    /api/v1/users/default/permissions; POST /api/v1/auths/signin after a lost answer; as the new
    user POST /api/v1/auths/update/profile, /api/v1/auths/update/timezone,
    /api/v1/users/user/settings/update and /api/v1/users/user/variables/update.
    """
    check_client(client)
    given = plan if isinstance(plan, Plan) else None
    if given is not None and given.server != client.base_url:
        raise RefusedError(
            f"nothing was changed: the plan is for {given.server}, the client is of "
            f"{client.base_url}"
        )
    state = read_state(plan if given is None else given.desired)
    result = ApplyResult("apply", server=client.base_url)
    with (
        Run(
            result,
            client,
            dry_run=dry_run,
            progress=progress,
            concurrency=concurrency,
            audit=audit,
        ) as run,
        ExitStack() as files,
    ):
        if not dry_run:
            files.enter_context(take_lock(client.base_url, lock))
        found = Comparison(client, state, with_notes=given is None)
        fresh = make_plan(client, state, found)
        result.notes = list(fresh.notes if given is None else given.notes)
        if given is not None and not fresh.is_empty:
            _check_same(given, fresh)
        _check_deletions(fresh, max_deletions)
        passwords = _resolve_passwords(fresh, client.password_limit, dry_run, passwords_out)
        makes = None in passwords.values() and not dry_run
        out = files.enter_context(PasswordFile(passwords_out if makes else None))
        if makes and passwords_out is not None:
            result.passwords_out = os.fspath(passwords_out)
        work = _Work(run, state, found, passwords, out)
        if given is not None and fresh.is_empty:
            result.rows = [_row_of(step, "unchanged") for step in given.steps]
        elif dry_run:
            result.rows = [_row_of(step, _status_of(step)) for step in fresh.steps]
            for row, step in zip(result.rows, fresh.steps, strict=True):
                row.changes = changes_of(step)
        else:
            work.carry_out(fresh.steps)
    return result


def _row_of(step: Step, status: str = "not_run") -> RowResult:
    return RowResult(email=title_of(step), id=step.id, status=status)


def _status_of(step: Step) -> str:
    return _DONE.get(step.kind.partition("_")[0], "updated")


# ---------------------------------------------------------------- before anything is written


def take_lock(server: str, path: str | os.PathLike[str] | None) -> GrowingFile:
    """The lock of a server, which is let go when it is closed, or the process ends.

    Raises:
        LockedError: another run has it.
        AdminError: there is no place for it.
    """
    if path is None:
        state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
        folder = Path(state).expanduser() / "openwebui-users"
        name = re.sub(r"\W+", "-", server.partition("://")[2])[:80]
        path = folder / f"{name}-{hashlib.sha256(server.encode()).hexdigest()[:12]}.lock"
    try:
        Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return GrowingFile(path, "lock of apply")
    except OSError as error:
        raise AdminError(
            f"nothing was changed: the lock {os.fspath(path)} cannot be made "
            f"({error.strerror}): give the path of a file that can, with lock="
        ) from error


def _check_same(given: Plan, fresh: Plan) -> None:
    old, new = ({step.key: step for step in one.steps} for one in (given, fresh))
    lines = [f"no longer to do: {title_of(old[key])}" for key in old if key not in new]
    lines += [f"also to do: {title_of(new[key])}" for key in new if key not in old]
    for key in old:
        if key in new and old[key] != new[key]:
            lines.append(f"not as it was: {title_of(old[key])}{_what_changed(old[key], new[key])}")
    if not lines:
        return
    if len(lines) > _SHOWN:
        lines[_SHOWN:] = [f"… and {len(lines) - _SHOWN} more"]
    text = "nothing was changed: the server is not as it was when the plan was made; plan again"
    raise ServerChangedError("\n  ".join([text, *lines]))


def _what_changed(old: Step, new: Step) -> str:
    if old.id != new.id:
        return ", which is another one"
    before, now = changes_of(old), changes_of(new)
    fields = [path for path in {**before, **now} if before.get(path) != now.get(path)]
    return f" ({', '.join(fields)})" if fields else ""


def _check_deletions(plan: Plan, most: int) -> None:
    if len(plan.deletions) > most:
        titles = ", ".join(title_of(step) for step in plan.deletions[:_SHOWN])
        raise RefusedError(
            f"nothing was changed: the plan deletes {len(plan.deletions)} ({titles}), and "
            f"max_deletions is {most}: give max_deletions={len(plan.deletions)} to allow that"
        )


def _resolve_passwords(
    plan: Plan, limit: int | None, dry_run: bool, passwords_out: object
) -> dict[str, str | None]:
    """The passwords of new users by e-mail address; None where one is to be made."""
    found: dict[str, str | None] = {}
    problems: list[Problem] = []
    for step in plan.steps:
        if step.kind != "create_user":
            continue
        reference = step.after["password"]
        found[step.target] = None
        if reference == GENERATE:
            continue
        try:
            password = found[step.target] = _referred(reference)
            problem = check_field("password", password, limit)
        except AdminError as error:
            problem = str(error)
        if problem is not None:
            found[step.target] = ""
            text = f"{reference} {problem}"
            problems.append(Problem(text, column="password", email=step.target))
    made = [email for email, one in found.items() if one is None]
    if made and passwords_out is None and not dry_run:
        text = (
            f"must be given: {len(made)} new users have no password in the desired state, and "
            "those that are made here are not to be lost"
        )
        problems.append(Problem(text, column="passwords_out"))
    refuse(problems)
    return found


def _referred(reference: str) -> str:
    """What a reference stands for. No error has any of it."""
    if reference.startswith(ENVIRONMENT):
        value = os.environ.get(reference.removeprefix(ENVIRONMENT))
        if value is None:
            raise AdminError("is not set in the environment")
        return value
    try:
        return Path(reference.removeprefix(FILE)).read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise AdminError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise AdminError("is not in UTF-8") from None


# ---------------------------------------------------------------- the work


@dataclass
class _Account:
    """A user as the steps need one."""

    id: str
    email: str


class _Work:
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
        self._rows = {step.key: _row_of(step) for step in steps}
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
            row.status, row.error = "skipped", f"depends on what was not done: {titles}"
            return
        yield from self._flows[step.kind](step, row)
        if row.status == "not_run":
            row.status = _status_of(step)
        if row.status == _status_of(step) and not row.changes:
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
        except (InternalServerError, APIConnectionError) as error:
            group = yield from self._made(step, error)
        self._groups[step.target] = group
        row.id = group.id

    def _made(self, step: Step, error: OpenWebUIError) -> Flow:
        """The group that the request made which ended like this."""
        if isinstance(error, ConnectError):
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
        try:
            answer = yield from self._run.change(
                self._client.auths.add_user, form, target=email, after=form
            )
        except (InternalServerError, APIConnectionError) as error:
            if isinstance(error, ConnectError):
                raise
            answer = yield from self._sign_in(email, password, error)
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

    def _sign_in(self, email: str, password: str, error: OpenWebUIError) -> Flow:
        """Was the account made by the request that ended like this? Then its password fits."""
        guest = self._client.with_options(api_key="").auths
        try:
            return (
                yield from ask(
                    guest.signin, email=email, password=password, set_client_api_key=False
                )
            )
        except OpenWebUIError:  # it was not, or that cannot be told
            raise error from None

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
            if account is not None and outcome[account.id] is None:
                reasons[email] = "the server said that it was done, but the group does not show it"
        row.changes = {email: one for email, one in changes.items() if email not in reasons}
        row.status = "failed" if len(reasons) == len(changes) else "updated"
        if reasons:
            row.error = "; ".join(f"{email}: {reason}" for email, reason in reasons.items())

    def _update_default_permissions(self, step: Step, _: RowResult) -> Flow:
        """They are stored whole: they are read right before, with names that no model knows."""
        read = self._client.with_raw_response.get_default_user_permissions
        now = (yield from ask(read)).json()
        facts: dict[str, Any] = {
            "target": step.target,
            "before": step.before,
            "after": step.after,
        }
        update = self._client.update_default_user_permissions
        yield from self._run.change(update, merged(now, step.after), **facts)

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
            removed = [one for one in unwanted if outcome[one.id] == "updated"]
            row.changes = {one.email: (True, False) for one in removed}
            row.status = "updated" if removed else "unchanged"

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
