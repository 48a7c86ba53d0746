"""Changing accounts: name, e-mail address, role, password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from openwebui_users._flow import ask
from openwebui_users._text import printable
from openwebui_users.errors import (
    APIStatusError,
    EmailTakenError,
    OpenWebUIError,
    UnprocessableEntityError,
    UnsupportedByServerError,
)

from . import _passwords
from ._checks import check_field
from ._directory import Directory, is_at_least
from ._errors import Problem, RefusedError, UnknownOutcomeError, refuse
from ._results import Result, RowResult
from ._work import CONCURRENCY, Run, may_be_made

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from openwebui_users._core import UsersClient
    from openwebui_users._flow import Flow

    from ._audit import Audit
    from ._work import Progress

_FORM = ("role", "name", "email", "profile_image_url")  # what older servers want whole
_FIRST_PARTIAL = (0, 10)  # version whose update takes some of them


# ---------------------------------------------------------------- one account


def takes_partial_updates(run: Run[Any]) -> bool:
    """Whether this server's update leaves alone what is not sent."""
    return is_at_least(run.client, _FIRST_PARTIAL)


def write_account(run: Run[Any], row: RowResult, user: Any, changes: Mapping[str, Any]) -> Flow:
    """Change fields of one account, and of the row that tells it.

    Args:
        run: whose client sends it.
        row: gets its status and changes.
        user: id, name, e-mail address and role as they are.
        changes: fields of the update's form, already checked.
    """
    before = {name: getattr(user, name, None) for name in changes if name != "password"}
    changes = {
        name: value
        for name, value in changes.items()
        if name == "password" or value != before[name]
    }
    row.id = user.id
    if not changes:
        row.status = "unchanged"
        return
    facts = {"target": user.email, "before": {n: before.get(n) for n in changes}, "after": changes}
    update = run.client.update_user_by_id
    form: dict[str, Any] = dict(changes)
    if not takes_partial_updates(run):
        form = yield from _whole_form(run, user, changes)
    try:
        yield from run.change(update, user.id, **facts, **form)
    except UnprocessableEntityError as error:
        if len(form) >= len(_FORM):
            _explain(error, changes)
            raise
        form = yield from _whole_form(run, user, changes)
        yield from run.change(update, user.id, **facts, **form)
    row.status = "updated"
    for name, value in changes.items():
        row.changes[name] = ("…", "…") if name == "password" else (before[name], value)


def _whole_form(run: Run[Any], user: Any, changes: Mapping[str, Any]) -> Flow:
    """The changes, and what else the form must hold, as it is on the server now."""
    now = yield from ask(run.client.get_user_by_id, user.id)
    kept = {name: getattr(now, name) for name in _FORM}
    return {**kept, "profile_image_url": stored_picture(run, now), **changes}


def _explain(error: UnprocessableEntityError, changes: Mapping[str, Any]) -> None:
    """Raise what says more than this refusal, if it is of a picture that was not to change."""
    fields = [one["loc"][-1] for one in error.errors()]
    if fields == ["profile_image_url"] and "profile_image_url" not in changes:
        raise RefusedError(
            "nothing was changed: this server takes an account whole only, and refuses the picture "
            "that this one has; update_user() with profile_image_url /user.png takes that away, "
            f"and the user can set another. {error}"
        ) from error


def stored_picture(run: Run[Any], user: Any) -> str:
    """The picture of an account as an update takes it, so that it stays the same.

    Of a user without one some servers before 0.10 show the path below which they serve a
    substitute, and refuse that path in an update.
    """
    picture: str = user.profile_image_url
    is_substitute = picture == f"/api/v1/users/{user.id}/profile/image"
    return "" if is_substitute and not takes_partial_updates(run) else picture


def check_changes(changes: Mapping[str, Any], limit: int | None) -> list[Problem]:
    """What is wrong with changes to an account."""
    problems = []
    for name, value in changes.items():
        if name not in (*_FORM, "password"):
            known = ", ".join((*_FORM, "password"))
            problems.append(Problem(f"no such field of an account; there are {known}", column=name))
            continue
        problem = check_field(name, value, limit)
        if problem is not None:
            problems.append(Problem(problem, column=name))
    return problems


# ---------------------------------------------------------------- verbs


def update_user(
    client: UsersClient,
    user: Any,
    *,
    dry_run: bool = False,
    audit: Audit | None = None,
    **changes: Any,
) -> RowResult:
    """Change some fields of one account, and leave the others as they are.

    Servers before 0.10 require the whole form. On those, the account is read first, and its values
    fill in the rest.

    Args:
        client: of an administrator.
        user: id, e-mail address, or a model of the user.
        dry_run: send nothing that changes anything; say what would be changed.
        audit: where to record changes: path of a JSONL file, or a function.
        **changes: name, email, role (admin, user or pending), password, profile_image_url.

    Returns:
        RowResult: `status` is "updated" or "unchanged"; `changes` holds (before, after) by field.

    Raises:
        InvalidInputError: the user does not exist; a field is unknown or its value is wrong; or
            another user has the e-mail address. Nothing was sent.
        RefusedError: the change would take the role from the primary administrator or from your own
            account; or it concerns the primary administrator and the client has another account's
            key; or the server requires the whole form and refuses the account's picture (0.8.12
            refuses pictures from other addresses).
        Interrupted: Ctrl-C; its result says what was done.
        OSError: the audit file cannot be opened, or cannot be written before the change.
        APIStatusError, APIConnectionError: as client.update_user_by_id().

    Server routes: POST /api/v1/users/{user_id}/update; GET /api/v1/users/all, GET /api/version; for
    a name or an image, and of servers before 0.10, GET /api/v1/users/{user_id}; to guard
    administrators GET /api/v1/users/, and as for audit GET /api/v1/auths/, GET
    /api/v1/users/user/status.
    """
    result = Result("update_user")
    with Run(result, client, dry_run=dry_run, concurrency=1, audit=audit) as run:
        directory = Directory(client)
        found, problems = directory.resolve([user])
        problems = [Problem(one.message) for one in problems]
        problems += check_changes(changes, client.password_limit)
        refuse(problems)
        (account,) = found
        changes = {**changes}
        if "email" in changes:
            changes["email"] = changes["email"].lower()  # as servers store it
            other = directory.by_email.get(changes["email"])
            if other is not None and other.id != account.id:
                refuse([Problem(f"is taken by the user {other.id}", column="email")])
        if changes.get("role", account.role) != account.role:
            directory.guard([account], "given another role")
        if account.role == "admin" and changes:
            guard_primary(directory, [account])
        row = RowResult(email=account.email, id=account.id, status="unknown")
        result.rows = [row]
        if "profile_image_url" in changes or "name" in changes:
            account = client.get_user_by_id(account.id)
        run.do(write_account(run, row, account, changes))
    return row


def set_role(
    client: UsersClient,
    role: str,
    users: Iterable[Any],
    *,
    dry_run: bool = False,
    progress: bool | Callable[[Progress], object] = False,
    concurrency: int = CONCURRENCY,
    audit: Audit | None = None,
) -> Result:
    """Give users a role.

    The server itself stores any text as a role, and locks out a user whose role it does not know.
    So this function checks the role before it sends anything. To remove access, use
    deactivate_users(), which also revokes sessions.

    Args:
        client: of an administrator.
        role: admin, user or pending.
        users: ids, e-mail addresses or models.
        dry_run: send nothing that changes anything; say what would be changed.
        progress: True for a bar, or a function that is called with a Progress after each user.
        concurrency: number of users under way at once.
        audit: where to record changes: path of a JSONL file, or a function.

    Returns:
        Result: one row for each user.

    Raises:
        InvalidInputError: the role is wrong, or one of the users does not exist; nothing was sent.
        RefusedError: the primary administrator or your own account is among them.
        Interrupted: Ctrl-C; its result says what was done.
        PartialFailureError: a file or the progress function failed during the run; its result says
            what was done.
        OSError: the audit file cannot be opened.
        APIStatusError, APIConnectionError: while reading users; nothing was changed.

    Server routes: POST /api/v1/users/{user_id}/update; GET /api/v1/users/all, GET /api/version, of
    servers before 0.10 GET /api/v1/users/{user_id}; to guard administrators GET /api/v1/users/, and
    as for audit GET /api/v1/auths/, GET /api/v1/users/user/status.
    """
    with Run(
        Result("set_role"),
        client,
        dry_run=dry_run,
        progress=progress,
        concurrency=concurrency,
        audit=audit,
    ) as run:
        directory = Directory(client)
        found, problems = directory.resolve(users)
        problem = check_field("role", role)
        if problem is not None:
            problems.insert(0, Problem(problem, column="role"))
        refuse(problems)
        changing = [user for user in found if user.role != role]
        directory.guard(changing, "given another role")
        by_row = run.add_rows(found)
        run.each(run.result.rows, lambda row: write_account(run, row, by_row(row), {"role": role}))
    return run.result


def reset_passwords(
    client: UsersClient,
    users: Iterable[Any] | Mapping[str, str],
    *,
    passwords_out: str | os.PathLike[str] | None = None,
    revoke_sessions: bool = True,
    dry_run: bool = False,
    progress: bool | Callable[[Progress], object] = False,
    concurrency: int = CONCURRENCY,
    audit: Audit | None = None,
) -> Result:
    """Give users new passwords, and end the sessions that began with the old ones.

    Args:
        client: of an administrator.
        users: ids, e-mail addresses or models, to generate passwords; or a dict that maps each id
            or address to its password.
        passwords_out: CSV file `email,password` to which generated passwords are added. Only its
            owner can read it. Each password is on disk before it is sent to the server. So the file
            also has a line for a user whose password could not be set.
        revoke_sessions: end the sessions of each user after the change. Servers before 0.12 cannot.
        dry_run, progress, concurrency, audit: as of set_role().

    Returns:
        Result: one row for each user.

    Raises:
        InvalidInputError: a user or a password is wrong; or passwords must be generated and there
            is no passwords_out. Nothing was sent.
        RefusedError: the primary administrator is among them, and the client has another account's
            key.
        LockedError: another run uses passwords_out.
        AdminError: passwords_out has other contents.
        OSError: passwords_out or the audit file cannot be opened.
        Interrupted: Ctrl-C; its result says what was done.
        PartialFailureError: a file or the progress function failed during the run; its result says
            what was done.
        APIStatusError, APIConnectionError: while reading users; nothing was changed.

    Server routes: POST /api/v1/users/{user_id}/update, POST
    /api/v1/users/{user_id}/sessions/revoke; GET /api/v1/users/all, GET /api/version, of servers
    before 0.10 GET /api/v1/users/{user_id}; to guard the primary administrator GET /api/v1/users/,
    and as for audit GET /api/v1/auths/, GET /api/v1/users/user/status.
    """
    is_given = isinstance(users, Mapping)
    given: dict[str, str] = dict(users) if isinstance(users, Mapping) else {}
    with Run(
        Result("reset_passwords"),
        client,
        dry_run=dry_run,
        progress=progress,
        concurrency=concurrency,
        audit=audit,
    ) as run:
        directory = Directory(client)
        found, problems = directory.resolve(list(given) if is_given else users)
        new: dict[str, str] = {}
        for reference, password in given.items():
            problem = check_field("password", password, client.password_limit)
            user = directory.find(reference)
            if problem is not None:
                problems.append(Problem(problem, column="password", email=reference))
            elif user is not None and user.id in new:
                text = "stands for a user whose password is given already"
                problems.append(Problem(text, column="users", email=reference))
            elif user is not None:
                new[user.id] = password
        if not is_given and passwords_out is None and found:
            text = "must be given, so that passwords that are made here are not lost"
            problems.append(Problem(text, column="passwords_out"))
        refuse(problems)
        guard_primary(directory, found)
        by_row = run.add_rows(found)
        with _passwords.PasswordFile(None if dry_run or is_given else passwords_out) as file:

            def steps(row: RowResult) -> Flow:
                user = by_row(row)
                password = new.get(user.id)
                if password is None:
                    password = _passwords.make_password()
                    file.add(user.email, password)
                yield from write_account(run, row, user, {"password": password})
                if revoke_sessions:
                    yield from revoke(run, row, user)

            run.each(run.result.rows, steps)
    return run.result


def guard_primary(directory: Directory, users: Iterable[Any]) -> None:
    """Nobody but the primary administrator can change that account."""
    for user in users:
        if directory.is_closed_to_us(user):
            raise RefusedError(
                f"nothing was changed: {printable(user.email)} is the primary administrator: only "
                "that account itself can change it"
            )


def make_account(run: Run[Any], form: Mapping[str, Any], is_resumed: bool = False) -> Flow:
    """Make an account.

    Where the answer is lost, signing in shows whether the account was made: its password fits then.

    Args:
        form: as add_user() takes it.
        is_resumed: an earlier run may have made it, so a taken address may be ours.

    Returns:
        The answer (None in a dry run), with the new user's token where the server gives one; and
        whether the account was found rather than made.

    Raises:
        UnknownOutcomeError: signing in did not tell.
        OpenWebUIError: what making it raised.
    """
    email = form["email"]
    try:
        answer = yield from run.change(run.client.auths.add_user, form, target=email, after=form)
    except OpenWebUIError as error:
        may_be_ours = is_resumed if isinstance(error, EmailTakenError) else may_be_made(error)
        if not may_be_ours:
            raise
        try:
            answer = yield from sign_in(run.client, email, form["password"])
        except OpenWebUIError as refusal:
            if isinstance(refusal, APIStatusError) and refusal.status_code in (400, 401):
                raise error from None
            raise UnknownOutcomeError(
                f"it is not known whether the account was made: {error}; signing in to see failed "
                f"too: {refusal}"
            ) from refusal
        return answer, True
    return answer, False


def sign_in(client: UsersClient, email: str, password: str | None) -> Flow:
    """Sign in as somebody else, whose token the client does not take over; the server's answer."""
    guest = client.with_options(api_key="").auths
    return (yield from ask(guest.signin, email=email, password=password, set_client_api_key=False))


def revoke(run: Run[Any], row: RowResult, user: Any) -> Flow:
    """End all sessions of a user; a note where the server cannot. Returns whether it could."""
    try:
        yield from run.change(run.client.revoke_user_sessions, user.id, target=user.email)
    except UnsupportedByServerError:
        row.notes.append(
            "this server cannot revoke sessions: whoever is signed in stays so until the session's "
            "end"
        )
        return False
    return True
