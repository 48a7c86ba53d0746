"""Carrying plans out."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openwebui_users._flow import check_count
from openwebui_users._text import printable

from ._checks import check_field
from ._comparison import Comparison
from ._difference_text import changes_of, title_of
from ._errors import AdminError, Problem, RefusedError, ServerChangedError, refuse
from ._files import GrowingFile
from ._passwords import PasswordFile
from ._plan import Plan, Step, make_plan
from ._state import ENVIRONMENT, FILE, GENERATE, State, read_state
from ._steps import ApplyResult, Steps, row_of, status_of
from ._work import CONCURRENCY, Run, check_client

if TYPE_CHECKING:
    from openwebui_users._core import UsersClient

    from ._audit import Audit
    from ._work import Progress

_SHOWN = 20  # steps in the text of an error


def apply(
    client: UsersClient,
    plan: Plan | Any,
    *,
    format: str | None = None,  # noqa: A002
    max_deletions: int = 0,
    passwords_out: str | os.PathLike[str] | None = None,
    lock: str | os.PathLike[str] | None = None,
    dry_run: bool = False,
    progress: bool | Callable[[Progress], object] = False,
    concurrency: int = CONCURRENCY,
    audit: Audit | None = None,
) -> ApplyResult:
    """Apply a plan, or bring a server to a desired state without showing the plan first.

    This function first reads the server and makes the plan again, and writes only if the plan is
    the same. If the new plan is empty, nothing is left to do, and nothing is done. If a step fails,
    the steps that depend on it are not done; all others are. To continue after a failure, make a
    new plan.

    Args:
        client: of an administrator.
        plan: a Plan, as plan() returns it; or a desired state, as plan() takes it.
        format: format of a desired state: yaml, json or toml; None: by the suffix.
        max_deletions: maximum number of users and groups that may be deleted; a dry run shows all
            of them.
        passwords_out: CSV file `email,password` for generated passwords: those of new users whose
            entry has no password or says generate. Only its owner can read it. Lines are added to
            it, and each password is on disk before it is sent to the server.
        lock: file that prevents a second apply() from running at the same time. None: one file for
            each server, under $XDG_STATE_HOME/openwebui-users or ~/.local/state/openwebui-users.
        dry_run: send nothing that changes anything; say what would be changed.
        progress: True for a bar, or a function that is called with a Progress after each step.
        concurrency: number of steps under way at once.
        audit: where to record changes: path of a JSONL file, or a function.

    Returns:
        ApplyResult: one row for each step, with what was changed.

    Raises:
        InvalidInputError: all problems of the desired state; a reference to a password leads
            nowhere; or passwords must be generated and there is no passwords_out. Nothing was
            changed.
        ServerChangedError: the new plan differs from the given one; the error says how. Nothing was
            changed.
        RefusedError: the plan is for another server, has more deletions than max_deletions,
            concerns the primary administrator or your own account, or has a step about something
            that its desired state does not name. Nothing was changed.
        LockedError: another apply() is running, or passwords_out is in use.
        AdminError: lock cannot be created or is not a regular file, or passwords_out has other
            contents. Nothing was changed.
        MissingLibraryError: the library for YAML or TOML is not installed.
        ValueError: format is not one of these, or the format of the file is not known.
        OSError: a file cannot be read or written.
        Interrupted: Ctrl-C; its result says what was done.
        PartialFailureError: a file or the progress function failed during the run; its result says
            what was done.
        APIStatusError, APIConnectionError: while reading the server.

    Server routes: those of plan(); POST /api/v1/groups/create, POST
    /api/v1/groups/id/{id}/update, GET /api/v1/groups/id/{id}, DELETE
    /api/v1/groups/id/{id}/delete, POST /api/v1/groups/id/{id}/users/add, POST
    /api/v1/groups/id/{id}/users/remove; POST /api/v1/auths/add, POST
    /api/v1/users/{user_id}/update, DELETE /api/v1/users/{user_id}; POST
    /api/v1/users/default/permissions; after a lost answer POST /api/v1/auths/signin; as the new
    user POST /api/v1/auths/update/profile, POST /api/v1/auths/update/timezone, POST
    /api/v1/users/user/settings/update, POST /api/v1/users/user/variables/update.
    """
    check_client(client)
    check_count("max_deletions", max_deletions, 0)
    given = plan if isinstance(plan, Plan) else None
    if given is not None and given.server != client.base_url:
        raise RefusedError(
            f"nothing was changed: the plan is for {given.server}, the client is of "
            f"{client.base_url}"
        )
    state = read_state(plan, format) if given is None else read_state(given.desired)
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
        if given is not None:
            _check_named(given, state)
            if not fresh.is_empty:
                _check_same(given, fresh)
        if not dry_run:
            _check_deletions(fresh, max_deletions)
        passwords = _resolve_passwords(fresh, client.password_limit, dry_run, passwords_out)
        makes = None in passwords.values() and not dry_run
        out = files.enter_context(PasswordFile(passwords_out if makes else None))
        if makes and passwords_out is not None:
            result.passwords_out = os.fspath(passwords_out)
        work = Steps(run, state, found, passwords, out)
        if given is not None and fresh.is_empty:
            result.rows = [row_of(step, "unchanged") for step in given.steps]
        elif dry_run:
            result.rows = [row_of(step, status_of(step)) for step in fresh.steps]
            for row, step in zip(result.rows, fresh.steps, strict=True):
                row.changes = changes_of(step)
        else:
            work.carry_out(fresh.steps)
    return result


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
    except OSError as error:  # also NUL in a path, and what is no UTF-8
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


def _check_named(plan: Plan, state: State) -> None:
    """Refuse a plan whose steps are about what its desired state does not name."""
    users = {entry.name for entry in state.users}
    groups = {entry.name for entry in state.groups}
    for step in plan.steps:
        named = users if step.kind.endswith("_user") else groups
        if step.kind.endswith(("_user", "_group")) and step.target not in named:
            raise RefusedError(
                f"nothing was changed: the plan has the step {printable(title_of(step))}, and its "
                "desired state does not name that: make the plan again"
            )


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
        try:
            value = os.environ.get(reference.removeprefix(ENVIRONMENT))
        except ValueError:  # no name that an environment can have
            value = None
        if value is None:
            raise AdminError("is not set in the environment")
        return value
    try:
        return Path(reference.removeprefix(FILE)).read_text("utf-8-sig").rstrip("\r\n")
    except OSError as error:
        raise AdminError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise AdminError("is not in UTF-8") from None
    except ValueError:
        raise AdminError("cannot be read: it is no path") from None
