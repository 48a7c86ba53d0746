"""revoke_sessions: signing users out everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._accounts import revoke
from ._directory import Directory
from ._errors import refuse
from ._results import Result, RowResult
from ._work import CONCURRENCY, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from openwebui_users._core import UsersClient
    from openwebui_users._flow import Flow

    from ._audit import Audit
    from ._work import Progress


def revoke_sessions(
    client: UsersClient,
    users: Iterable[Any],
    *,
    dry_run: bool = False,
    progress: bool | Callable[[Progress], object] = False,
    concurrency: int = CONCURRENCY,
    audit: Audit | None = None,
) -> Result:
    """End all sessions of users, who can sign in again. API keys go on.

    Args:
        client: of an administrator.
        users: ids, e-mail addresses or models.
        dry_run: send nothing that changes anything; say what would be done.
        progress: True for a bar, or a function that is given a Progress after each user.
        concurrency: users under way at once.
        audit: where changes are written down: path of a JSONL file, or a function.

    Returns:
        Result: a row a user: "done", or "failed" where the server cannot (before 0.12).

    Raises:
        InvalidInputError: one of the users is none; nothing was sent.
        Interrupted: Ctrl-C; what was done is in its result.
        PartialFailureError: a file, or the progress's function, failed meanwhile; what was done is
            in its result.
        OSError: the file of audit cannot be opened.
        APIStatusError, APIConnectionError: while the users were read.

    Server routes: POST /api/v1/users/{user_id}/sessions/revoke; GET /api/v1/users/all, of servers
    that cannot GET /api/version; as for audit GET /api/v1/auths/, GET /api/v1/users/user/status.
    """
    with Run(
        Result("revoke_sessions"),
        client,
        dry_run=dry_run,
        progress=progress,
        concurrency=concurrency,
        audit=audit,
    ) as run:
        found, problems = Directory(client).resolve(users)
        refuse(problems)
        by_row = run.add_rows(found)

        def steps(row: RowResult) -> Flow:
            could = yield from revoke(run, row, by_row(row))
            row.status = "done" if could else "failed"
            if not could:
                row.error = row.notes.pop()

        run.each(run.result.rows, steps)
    return run.result
