"""deactivate_users and reactivate_users: access taken away and given back, chats kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ._accounts import revoke, write_account
from ._checks import check_role, shown
from ._directory import Directory, Groups, listed_groups
from ._errors import Problem, refuse
from ._members import change_members
from ._results import Result, RowResult
from ._work import CONCURRENCY, Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from openwebui_users._core import UsersClient
    from openwebui_users._flow import Flow
    from openwebui_users.models import GroupModel

    from ._audit import Audit
    from ._work import Progress

GROUPS = "groups"  # under which name a row tells the change of them
_KEY_AFTER_DEACTIVATION = (
    "an API key, if the user had one, cannot be removed by an administrator, and works again on "
    "reactivation"
)
_KEY_AFTER_REACTIVATION = (
    "an API key, if the user had one, works again: an administrator cannot remove it"
)
_OLD_SESSIONS = "sessions that began before work again"


# ---------------------------------------------------------------- groups, one request each


class _Memberships:
    """Groups that users are put into, or taken out of, once their roles are done.

    A group is changed with one request for all of its users, and looked at once afterwards.

    Args:
        run: whose client sends it.
        groups: all groups of the server.
        adds: users are put into groups; else they are taken out.
    """

    def __init__(self, run: Run[Any], groups: Groups, *, adds: bool) -> None:
        self._run = run
        self._groups = groups
        self._adds = adds
        self._before: dict[str, list[GroupModel]] = {}  # by the user's id
        self._open: dict[str, dict[str, GroupModel]] = {}  # by the ids of user and group
        self._users: dict[str, Any] = {}
        self._why: list[RowResult] = []

    def read(self, users: list[Any]) -> None:
        """Read in which groups these users are."""
        method = self._run.client.get_user_groups_by_id
        lists = self._run.client.map(method, [user.id for user in users])
        for user, groups in zip(users, lists, strict=True):
            self._users[user.id] = user
            self._before[user.id] = list(groups)
            if not self._adds:
                self.plan(user, groups)

    def plan(self, user: Any, groups: Iterable[GroupModel]) -> None:
        """These groups are to be changed for a user."""
        inside = {group.id for group in self._before[user.id]}
        wanted = {group.id: group for group in groups if (group.id in inside) != self._adds}
        self._open[user.id] = wanted

    @property
    def count(self) -> int:
        """How many groups are to be changed."""
        return len({group_id for groups in self._open.values() for group_id in groups})

    def change(self, rows: list[RowResult], total: int) -> None:
        """Carry it out for those rows of which all else is done."""
        by_group: dict[str, list[RowResult]] = {}
        for row in rows:
            for group_id in self._open.get(row.id or "", ()) if row.ok else ():
                by_group.setdefault(group_id, []).append(row)
        self._why = [
            RowResult(email=self._groups.by_id[group_id].name, id=group_id)
            for group_id in by_group
            if group_id in self._groups.by_id
        ]

        def steps(whole: RowResult) -> Flow:
            group = self._groups.by_id[whole.id or ""]
            members = by_group[group.id]
            users = [self._users[row.id or ""] for row in members]
            add, remove = (users, []) if self._adds else ([], users)
            outcome = yield from change_members(self._run, group, add, remove)
            whole.status = "updated"
            for row in members:
                status, reason = outcome[row.id or ""]
                if status in ("updated", "unchanged"):
                    self._settle(row, group)
                else:
                    whole.error = reason

        self._run.each(self._why, steps, total)

    def _settle(self, row: RowResult, group: GroupModel) -> None:
        """One group of one row is as it should be."""
        user_id = row.id or ""
        del self._open[user_id][group.id]
        before = self._before[user_id]
        names = row.changes.get(GROUPS, (None, self.labels(before)))[1]
        label = self.label(group)
        after = [*names, label] if self._adds else [name for name in names if name != label]
        row.changes[GROUPS] = (self.labels(before), after)
        if row.status == "unchanged":
            row.status = "updated"

    def tell(self, rows: list[RowResult]) -> None:
        """Say in each row what was to be done and is not."""
        reasons = [f"{row.email}: {row.error}" for row in self._why if row.error]
        for row in rows:
            left = self._open.get(row.id or "")
            if left and row.ok:
                names = ", ".join(self.labels(left.values()))
                row.status = "failed"
                row.error = f"the role is done, but the user is {self._state} {names}"
                row.error = "; ".join([row.error, *reasons])

    @property
    def _state(self) -> str:
        return "not yet in the groups" if self._adds else "still in the groups"

    def label(self, group: GroupModel) -> str:
        """What stands for a group: its name, or its id where several have the name."""
        is_unique = len(self._groups.by_name.get(group.name, ())) == 1
        return group.name if is_unique else group.id

    def labels(self, groups: Iterable[GroupModel]) -> list[str]:
        return [self.label(group) for group in groups]


# ---------------------------------------------------------------- deactivation


def deactivate_rows(
    run: Run[Any], users: list[Any], rows: list[RowResult], *, remove_from_groups: bool
) -> None:
    """Deactivate users, and fill in their rows.

    Args:
        run: whose client sends it.
        users: with id, e-mail address and role; checked, and guarded.
        rows: a row for each of them, with the same id.
        remove_from_groups: take them out of all their groups.
    """
    by_id = {user.id: user for user in users}
    groups = Groups(run.client.groups.get_groups() if remove_from_groups and users else ())
    memberships = _Memberships(run, groups, adds=False)
    if remove_from_groups:
        memberships.read(users)

    def steps(row: RowResult) -> Flow:
        user = by_id[row.id]
        row.notes.append(_KEY_AFTER_DEACTIVATION)
        yield from write_account(run, row, user, {"role": "pending"})
        # The role comes first: a session that began after the others were revoked would live on.
        row.error = "the role is pending, but sessions are alive, as they could not be revoked"
        revoked = yield from revoke(run, row, user)
        row.error = None
        if revoked and row.status == "unchanged":
            row.notes.insert(0, "was pending already; sessions were revoked")

    total = len(rows) + memberships.count
    try:
        run.each(rows, steps, total)
        memberships.change(rows, total)
    finally:
        memberships.tell(rows)


def deactivate_users(
    client: UsersClient,
    users: Iterable[Any],
    *,
    remove_from_groups: bool = False,
    dry_run: bool = False,
    progress: bool | Callable[[Progress], object] = False,
    concurrency: int = CONCURRENCY,
    audit: Audit | None = None,
) -> Result:
    """Remove users' access, and keep their accounts, chats and files.

    The role becomes pending, and all sessions are revoked. The role alone is not enough: some
    routes would still answer a session that began before, and the session would work in full when
    the role is restored. Sessions of users who are pending already are revoked too.

    An administrator cannot remove an API key. The server refuses the key while the role is pending,
    and accepts it again when the user is reactivated; each row says so.

    Args:
        client: of an administrator.
        users: ids, e-mail addresses or models.
        remove_from_groups: also remove them from all their groups. The names are in `changes` of
            the rows: pass the result to reactivate_users() to restore them.
        dry_run: send nothing that changes anything; say what would be changed.
        progress: True for a bar, or a function that is called with a Progress after each user and
            group.
        concurrency: number of users under way at once.
        audit: where to record changes: path of a JSONL file, or a function.

    Returns:
        Result: one row for each user. If the role was changed but sessions could not be revoked,
        the row is "failed", and says so. Servers before 0.12 cannot revoke sessions: a note says
        so.

    Raises:
        InvalidInputError: one of the users does not exist; nothing was sent.
        RefusedError: the primary administrator or your own account is among them; nothing was sent.
        Interrupted: Ctrl-C; its result says what was done.
        PartialFailureError: a file or the progress function failed during the run; its result says
            what was done.
        OSError: the audit file cannot be opened.
        APIStatusError, APIConnectionError: while reading users and groups; nothing was changed.

    Server routes: POST /api/v1/users/{user_id}/update, POST
    /api/v1/users/{user_id}/sessions/revoke; GET /api/v1/users/all, GET /api/version, of servers
    before 0.10 GET /api/v1/users/{user_id}; with remove_from_groups GET /api/v1/groups/, GET
    /api/v1/users/{user_id}/groups, POST /api/v1/groups/id/{id}/users, POST
    /api/v1/groups/id/{id}/users/remove; to guard administrators GET /api/v1/users/, and as for
    audit GET /api/v1/auths/, GET /api/v1/users/user/status.
    """
    with Run(
        Result("deactivate_users"),
        client,
        dry_run=dry_run,
        progress=progress,
        concurrency=concurrency,
        audit=audit,
    ) as run:
        directory = Directory(client)
        found, problems = directory.resolve(users)
        refuse(problems)
        directory.guard(found, "deactivated")
        run.add_rows(found)
        deactivate_rows(run, found, run.result.rows, remove_from_groups=remove_from_groups)
    return run.result


# ---------------------------------------------------------------- reactivation


def reactivate_users(
    client: UsersClient,
    users: Iterable[Any],
    *,
    role: str = "user",
    groups: Iterable[Any] | Mapping[str, Iterable[Any]] | Result = (),
    dry_run: bool = False,
    progress: bool | Callable[[Progress], object] = False,
    concurrency: int = CONCURRENCY,
    audit: Audit | None = None,
) -> Result:
    """Restore users' access.

    Sessions are revoked before the role is restored: somebody may have set the role to pending by
    hand, or the user may have signed in since, and old sessions would work again. Users who are not
    deactivated keep their role and their sessions.

    Args:
        client: of an administrator.
        users: ids, e-mail addresses or models.
        role: user or admin.
        groups: names, ids or models of groups to which all users are added; or a dict that maps
            each id or e-mail address to groups; or the result of deactivate_users(), to restore the
            groups from which it removed the users.
        dry_run: send nothing that changes anything; say what would be changed.
        progress: True for a bar, or a function that is called with a Progress after each user and
            group.
        concurrency: number of users under way at once.
        audit: where to record changes: path of a JSONL file, or a function.

    Returns:
        Result: one row for each user: "unchanged" if the user already has the role, "skipped" if
        the user is not deactivated and has another role. If sessions could not be revoked, the row
        is "failed", and the role is unchanged. Servers before 0.12 cannot revoke sessions: a note
        says so.

    Raises:
        InvalidInputError: the role, a user or a group is wrong; nothing was sent.
        Interrupted: Ctrl-C; its result says what was done.
        PartialFailureError: a file or the progress function failed during the run; its result says
            what was done.
        OSError: the audit file cannot be opened.
        APIStatusError, APIConnectionError: while reading users and groups; nothing was changed.

    Server routes: POST /api/v1/users/{user_id}/sessions/revoke, POST
    /api/v1/users/{user_id}/update; GET /api/v1/users/all, GET /api/version, of servers before 0.10
    GET /api/v1/users/{user_id}; with groups GET /api/v1/groups/, GET
    /api/v1/users/{user_id}/groups, POST /api/v1/groups/id/{id}/users, POST
    /api/v1/groups/id/{id}/users/add; for audit GET /api/v1/auths/, GET /api/v1/users/user/status.
    """
    with Run(
        Result("reactivate_users"),
        client,
        dry_run=dry_run,
        progress=progress,
        concurrency=concurrency,
        audit=audit,
    ) as run:
        directory = Directory(client)
        found, problems = directory.resolve(users)
        problem = check_role(role)
        if problem is None and role == "pending":
            problem = "must be user or admin: pending is the role of those without access"
        if problem is not None:
            problems.insert(0, Problem(problem, column="role"))
        wanted, unknown = _groups_of_each(groups, directory, found)
        problems += unknown
        all_groups = Groups(client.groups.get_groups() if any(wanted.values()) else ())
        problems += _problems_of_groups(all_groups, directory, wanted)
        refuse(problems)
        run.add_rows(found)
        _reactivate_rows(run, found, role, all_groups, wanted)
    return run.result


def _groups_of_each(
    groups: Any, directory: Directory, users: list[Any]
) -> tuple[dict[str, list[Any]], list[Problem]]:
    """The groups that each user is to be put into, by the user's id; and what is wrong."""
    problems = []
    named: dict[str, list[Any]] = {}
    if isinstance(groups, Result):
        for row in groups.rows:
            before, after = row.changes.get(GROUPS, ((), ()))
            named[row.id or ""] = [name for name in before if name not in after]
    elif isinstance(groups, Mapping):
        for reference, some in groups.items():
            user = directory.find(reference) if isinstance(reference, str) else None
            if user is None:
                text = f"there is no user with the id or e-mail address {shown(reference)}"
                problems.append(Problem(text, column="groups"))
            else:
                named[user.id] = listed_groups(some)
    else:
        named = dict.fromkeys((user.id for user in users), listed_groups(groups))
    return {user.id: named.get(user.id, []) for user in users}, problems


def _problems_of_groups(
    all_groups: Groups, directory: Directory, wanted: dict[str, list[Any]]
) -> list[Problem]:
    problems = []
    told = set()
    for user_id, groups in wanted.items():
        for group in groups:
            problem = all_groups.problem_with(group)
            if problem is not None and problem not in told:
                told.add(problem)
                email = directory.by_id[user_id].email
                is_missing = all_groups.is_missing(group)
                problems.append(
                    Problem(problem, column="groups", email=email, is_missing=is_missing)
                )
    return problems


def _reactivate_rows(
    run: Run[Any],
    users: list[Any],
    role: str,
    groups: Groups,
    wanted: dict[str, list[Any]],
) -> None:
    by_id = {user.id: user for user in users}
    rows = run.result.rows
    memberships = _Memberships(run, groups, adds=True)
    moving = [
        user for user in users if wanted[user.id] and not (_has_access(user) and user.role != role)
    ]
    memberships.read(moving)
    for user in moving:
        memberships.plan(user, [groups.find(one) for one in wanted[user.id]])

    def steps(row: RowResult) -> Flow:
        user = by_id[row.id or ""]
        if _has_access(user):
            row.status = "unchanged" if user.role == role else "skipped"
            if row.status == "skipped":
                row.error = f"is not deactivated, and has the role {shown(user.role)}"
            return
        row.error = "nothing was changed, as sessions could not be revoked"
        revoked = yield from revoke(run, row, user)
        row.error = None
        row.notes += (
            [_KEY_AFTER_REACTIVATION] if revoked else [_OLD_SESSIONS, _KEY_AFTER_REACTIVATION]
        )
        yield from write_account(run, row, user, {"role": role})

    total = len(rows) + memberships.count
    try:
        run.each(rows, steps, total)
        memberships.change(rows, total)
    finally:
        memberships.tell(rows)


def _has_access(user: Any) -> bool:
    """A role that servers do not know locks out just as pending does."""
    return user.role in ("admin", "user")
