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
    """End all sessions of users. They can sign in again. API keys stay valid.

    Args:
        client: of an administrator.
        users: ids, e-mail addresses or models.
        dry_run: send nothing that changes anything; say what would be done.
        progress: True for a bar, or a function that is called with a Progress after each user.
        concurrency: number of users under way at once.
        audit: where to record changes: path of a JSONL file, or a function.

    Returns:
        Result: one row for each user: "done", or "failed" if the server cannot do it (before 0.12).

    Raises:
        InvalidInputError: one of the users does not exist; nothing was sent.
        Interrupted: Ctrl-C; its result says what was done.
        PartialFailureError: a file or the progress function failed during the run; its result says
            what was done.
        OSError: the audit file cannot be opened.
        APIStatusError, APIConnectionError: while reading the users.

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
