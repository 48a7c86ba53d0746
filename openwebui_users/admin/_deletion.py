"""delete_users: a backup, a confirmation, and a look whether they are gone."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openwebui_users._text import printable
from openwebui_users.errors import OpenWebUIError

from ._directory import Directory, Groups, all_users
from ._errors import Problem, RefusedError, refuse
from ._files import OWNER_ONLY, creating
from ._results import Result, RowResult
from ._work import CONCURRENCY, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from openwebui_users._core import UsersClient
    from openwebui_users._flow import Flow

    from ._audit import Audit
    from ._work import Progress

_PAGE = 30  # users of one page


@dataclass(frozen=True)
class Confirmation:
    """Names exactly which users of which server may be deleted.

    Attributes:
        server: its base URL.
        user_ids: the server's ids of the users.
    """

    server: str
    user_ids: frozenset[str]

    def __str__(self) -> str:
        return f"deletion of {len(self.user_ids)} users of {self.server}"

    def problem_with(self, other: Confirmation) -> str | None:
        """Why this does not confirm what the other confirmation names, or None."""
        if self.server != other.server:
            return f"the confirmation is for {self.server}, not for {other.server}"
        if self.user_ids != other.user_ids:
            more, fewer = other.user_ids - self.user_ids, self.user_ids - other.user_ids
            return (
                f"the confirmation is for other users: {len(more)} of those to be deleted are not "
                f"in it, and {len(fewer)} in it are not to be deleted"
            )
        return None


@dataclass
class DeletionResult(Result):
    """What delete_users() did.

    Attributes:
        server: base URL of the server.
        backup: path of the backup that was written before; None: there is no backup.
    """

    server: str = ""
    backup: str | None = None

    @property
    def confirmation(self) -> Confirmation | None:
        """The confirmation for what this dry run shows; None: this was not a dry run."""
        if not self.dry_run:
            return None
        return Confirmation(self.server, frozenset(row.id for row in self.rows if row.id))

    def _remarks(self) -> list[str]:
        if self.dry_run and self.rows:
            return ["chats, files and keys are deleted with the users"]
        if self.backup is not None:
            return [f"backup of the accounts: {printable(self.backup)}"]
        return []


def delete_users(
    client: UsersClient,
    users: Iterable[Any],
    *,
    backup: str | os.PathLike[str] | bool,
    yes: bool = False,
    confirm: Confirmation | Callable[[DeletionResult], bool] | None = None,
    dry_run: bool = False,
    progress: bool | Callable[[Progress], object] = False,
    concurrency: int = CONCURRENCY,
    audit: Audit | None = None,
) -> DeletionResult:
    """Delete users for good, with their chats. To keep those, use deactivate_users().

    You must confirm the deletion in one of three ways: with the `confirmation` of a dry run, which
    is refused for another server or other users; with a function that is called with the result of
    a dry run; or with yes=True.

    Args:
        client: of an administrator.
        users: ids, e-mail addresses or models.
        backup: path of a new file; an existing file is refused. Before the first user is deleted,
            the file has one line of JSON for each user, with everything that an administrator can
            read of the account, and the names of the groups. Only its owner can read it. It does
            not contain chats or passwords. False: make no backup.
        yes: True: confirm the deletion.
        confirm: `confirmation` of a dry run's result; or a function that is called with such a
            result, and returns True to continue.
        dry_run: send nothing that changes anything, and write no file; say which users would be
            deleted.
        progress: True for a bar, or a function that is called with a Progress after each user.
        concurrency: number of users under way at once.
        audit: where to record changes: path of a JSONL file, or a function.

    Returns:
        DeletionResult: one row for each user. Servers answer that a user was deleted even if there
        was none, so the list of all users is read at the end. A user who is still in it is
        "failed". A user who is not in it is "deleted", even if the answer to the deletion did not
        come.

    Raises:
        InvalidInputError: one of the users does not exist; or the backup file exists already or has
            no folder. Nothing was sent.
        RefusedError: the deletion is not confirmed; or the primary administrator or your own
            account is among the users. Nothing was sent.
        OSError: the backup cannot be written, or the audit file cannot be opened; no user was
            deleted.
        Interrupted: Ctrl-C; its result says what was done, according to the server's answers.
        PartialFailureError: a file or the progress function failed during the run; its result says
            what was done.
        APIStatusError, APIConnectionError: while reading users and groups; no user was deleted.

    Server routes: DELETE /api/v1/users/{user_id}; GET /api/v1/users/all; for the backup GET
    /api/v1/groups/, and as to guard administrators GET /api/v1/users/; for the same and for audit
    GET /api/v1/auths/, GET /api/v1/users/user/status.
    """
    result = DeletionResult("delete_users")
    with Run(
        result,
        client,
        dry_run=dry_run,
        progress=progress,
        concurrency=concurrency,
        audit=audit,
    ) as run:
        result.server = client.base_url
        directory = Directory(client)
        found, problems = directory.resolve(users)
        problems += _problems_of_backup(backup)
        refuse(problems)
        directory.guard(found, "deleted")
        preview = DeletionResult(
            result.verb,
            [RowResult(email=user.email, id=user.id, status="deleted") for user in found],
            dry_run=True,
            server=result.server,
        )
        for row, user in zip(preview.rows, found, strict=True):
            row.notes.append(f"{printable(user.name)}, {printable(user.role)}")
        if dry_run:
            return preview
        _check_confirmation(preview, yes, confirm)
        by_row = run.add_rows(found)
        if found and not isinstance(backup, bool):
            result.backup = os.fspath(backup)
            _write_backup(client, directory, found, Path(backup))

        def steps(row: RowResult) -> Flow:
            user = by_row(row)
            before = {"name": user.name, "role": user.role}
            yield from run.change(
                client.delete_user_by_id, user.id, target=user.email, before=before
            )
            row.status = "deleted"

        run.each(result.rows, steps)
        _verify(client, result)
    return result


def _check_confirmation(preview: DeletionResult, yes: bool, confirm: Any) -> None:
    """Raise RefusedError unless this is confirmed; nobody to delete needs no word."""
    asked = preview.confirmation
    if yes is True or not preview.rows or asked is None:
        return
    if isinstance(confirm, Confirmation):
        problem = confirm.problem_with(asked)
    elif callable(confirm):
        problem = None if confirm(preview) is True else "it was not confirmed"
    else:
        problem = (
            f"the {asked} is to be confirmed: give confirm= with the `confirmation` of a dry run, "
            "or yes=True"
        )
    if problem is not None:
        raise RefusedError(f"nothing was deleted: {problem}")


# ---------------------------------------------------------------- the backup


def _problems_of_backup(backup: object) -> list[Problem]:
    """What is wrong with the place of the backup; it is looked at again when it is written."""
    if backup is False:
        return []
    if isinstance(backup, bool) or not isinstance(backup, (str, os.PathLike)):
        text = f"must be the path of a new file, or False, got {type(backup).__name__}"
        return [Problem(text, column="backup")]
    path = Path(backup)
    if os.path.lexists(path):
        return [Problem(f"there is {path} already: name a new file", column="backup")]
    if not path.parent.is_dir():
        return [Problem(f"there is no folder {path.parent}", column="backup")]
    return []


def _write_backup(client: UsersClient, directory: Directory, users: list[Any], path: Path) -> None:
    """A file with a line for each user, on disk when this returns."""
    names = {
        one_id: group.name for one_id, group in Groups(client.groups.get_groups()).by_id.items()
    }
    rows = {row.id: row for row in _full_rows(client, directory, users)}
    gone = [user.email for user in users if user.id not in rows]
    refuse([Problem("is no longer on the server", email=email) for email in gone])
    with creating(path, OWNER_ONLY) as file:
        for user in users:
            row = rows[user.id]
            facts = {**row.model_unknown, **row.model_dump(mode="json")}
            facts["groups"] = [names.get(group_id, group_id) for group_id in row.group_ids]
            file.write(json.dumps(facts, ensure_ascii=False) + "\n")


def _full_rows(client: UsersClient, directory: Directory, users: list[Any]) -> list[Any]:
    """These users in full: one by one, or all pages where that takes fewer requests."""
    if len(users) * _PAGE < len(directory.users):
        rows = [client.find_user(user.email) for user in users]
        return [row for row in rows if row is not None]
    wanted = {user.id for user in users}
    return [row for row in client.iter_users() if row.id in wanted]


# ---------------------------------------------------------------- afterwards


def _verify(client: UsersClient, result: DeletionResult) -> None:
    """Look whether those who are said to be deleted are gone."""
    doubtful = [row for row in result.rows if row.status in ("deleted", "unknown")]
    if not doubtful:
        return
    try:
        left = {user.id for user in all_users(client)}
    except OpenWebUIError as error:
        if result.stopped is None:
            result.stopped = f"it could not be seen whether they are gone: {error}"
        return
    for row in doubtful:
        if row.id not in left and row.status == "unknown":
            row.status, row.error = "deleted", None
            row.notes.append("the answer did not come, but the user is gone")
        elif row.id in left and row.status == "deleted":
            row.status = "failed"
            row.error = "the server said that it was done, but the user is still there"
