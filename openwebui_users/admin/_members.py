"""Who is in which group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openwebui_users._flow import ask
from openwebui_users.errors import OpenWebUIError

from ._directory import Directory, Groups
from ._errors import Problem, refuse
from ._results import Result, RowResult
from ._work import Run, is_unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from openwebui_users._core import UsersClient
    from openwebui_users._flow import Flow
    from openwebui_users.models import GroupModel

    from ._audit import Audit

#: What is said of a server that answers 200 to what it has not done.
NOT_SHOWN = "the server said that it was done, but the group does not show it"
_AT_ONCE = 200  # users of one request


def member_ids(client: UsersClient, group: GroupModel) -> Flow:
    """Ids of all who are in the group itself."""
    members = yield from ask(client.groups.get_users_in_group, group.id)
    return {user.id for user in members}


def change_members(
    run: Run[Any], group: GroupModel, add: Iterable[Any], remove: Iterable[Any]
) -> Flow:
    """Put users into a group, take others out of it, and look whether it is so.

    Servers ignore ids that they do not know, and older ones drop a whole request for one user who
    is in the group already: only who is missing is sent, and the group is read again afterwards.

    Args:
        run: whose client sends it.
        group: the group.
        add, remove: users, with id and e-mail address.

    Returns:
        dict[str, tuple[str, str | None]]: for each id the status, "updated", "unchanged", "failed"
        or "unknown", and why it is one of the last two.

    Raises:
        OpenWebUIError: nothing is known of the group.
    """
    client = run.client
    before = yield from member_ids(client, group)
    adding = {user.id: user for user in add if user.id not in before}
    removing = {user.id: user for user in remove if user.id in before}
    outcome: dict[str, tuple[str, str | None]] = {
        user.id: ("unchanged", None) for user in (*add, *remove)
    }
    if not adding and not removing:
        return outcome
    failure: OpenWebUIError | None = None
    try:
        yield from _send(run, group, client.groups.add_user_to_group, adding, "members added")
        yield from _send(
            run, group, client.groups.remove_users_from_group, removing, "members removed"
        )
    except OpenWebUIError as error:
        failure = error
    if run.dry_run:
        after = (before | set(adding)) - set(removing)
    else:
        try:
            after = yield from member_ids(client, group)
        except OpenWebUIError as error:
            raise failure or error from None
    for user_id in (*adding, *removing):
        if (user_id in after) == (user_id in adding):
            outcome[user_id] = ("updated", None)
        elif failure is None:
            outcome[user_id] = ("failed", NOT_SHOWN)
        else:
            outcome[user_id] = ("unknown" if is_unknown(failure) else "failed", str(failure))
    return outcome


def _send(
    run: Run[Any], group: GroupModel, method: Callable[..., Any], users: dict[str, Any], what: str
) -> Flow:
    ids = list(users)
    for at in range(0, len(ids), _AT_ONCE):
        some = ids[at : at + _AT_ONCE]
        emails = [users[user_id].email for user_id in some]
        yield from run.change(
            method, group.id, target=group.name, after={what: emails}, user_ids=some
        )


# ---------------------------------------------------------------- verbs


def _set_members(
    verb: str,
    client: UsersClient,
    group: Any,
    users: Iterable[Any],
    *,
    adds: bool,
    exact: bool = False,
    dry_run: bool,
    audit: Audit | None,
) -> Result:
    """What the three verbs share.

    Args:
        adds: users are put into the group; False: they are taken out.
        exact: all others are taken out.
    """
    result = Result(verb)
    with Run(result, client, dry_run=dry_run, audit=audit) as run:
        directory = Directory(client)
        found, problems = directory.resolve(users)
        groups = Groups(client.groups.get_groups())
        problem = groups.problem_with(group)
        if problem is not None:
            problems.insert(
                0, Problem(problem, column="group", is_missing=groups.is_missing(group))
            )
        refuse(problems)
        model = groups.find(group)
        adding, removing = (found, []) if adds else ([], found)
        if exact:
            now = run.do(member_ids(client, model)) - {user.id for user in found}
            others = [directory.by_id[one] for one in now if one in directory.by_id]
            removing = sorted(others, key=lambda user: str(user.email))
        by_row = run.add_rows([*adding, *removing])
        gone = {user.id for user in removing}

        def steps(whole: RowResult) -> Flow:
            outcome = yield from change_members(run, model, adding, removing)
            whole.status = "updated"
            for row in result.rows:
                row.status, row.error = outcome[by_row(row).id]
                if row.status == "updated":
                    inside = by_row(row).id not in gone
                    row.changes[f"member of {model.name}"] = (not inside, inside)

        whole = RowResult(email=model.name, id=model.id)
        try:
            run.each([whole], steps)
        finally:  # also when it is interrupted
            if whole.status != "updated":
                for row in result.rows:
                    row.status, row.error = whole.status, whole.error
    return result


def set_group_members(
    client: UsersClient,
    group: Any,
    users: Iterable[Any],
    *,
    dry_run: bool = False,
    audit: Audit | None = None,
) -> Result:
    """Make exactly these users the members of a group; others are removed from it.

    Args:
        client: of an administrator.
        group: name, id, or a model of the group.
        users: ids, e-mail addresses or models. An empty list empties the group.
        dry_run: send nothing that changes anything; say what would be changed.
        audit: where to record changes: path of a JSONL file, or a function.

    Returns:
        Result: one row for each user who should be in the group, and for each user who is removed.
        The group is read again to check the server's answer.

    Raises:
        InvalidInputError: the group or a user does not exist, or several groups have this name;
            nothing was sent.
        Interrupted: Ctrl-C; its result says what was done.
        PartialFailureError: the audit file failed during the run; its result says what was done.
        OSError: the audit file cannot be opened.
        APIStatusError, APIConnectionError: while reading the users and groups.

    Server routes: POST /api/v1/groups/id/{id}/users/add, POST /api/v1/groups/id/{id}/users/remove,
    POST /api/v1/groups/id/{id}/users; GET /api/v1/groups/, GET /api/v1/users/all; for audit GET
    /api/v1/auths/, GET /api/v1/users/user/status.
    """
    return _set_members(
        "set_group_members",
        client,
        group,
        users,
        adds=True,
        exact=True,
        dry_run=dry_run,
        audit=audit,
    )


def add_to_group(
    client: UsersClient,
    group: Any,
    users: Iterable[Any],
    *,
    dry_run: bool = False,
    audit: Audit | None = None,
) -> Result:
    """Add users to a group, and keep its other members.

    Args:
        client, group, dry_run, audit: as of set_group_members().
        users: ids, e-mail addresses or models.

    Returns:
        Result: one row for each user, "unchanged" if the user already was in the group.

    Raises:
        InvalidInputError, Interrupted, PartialFailureError, OSError, APIStatusError,
        APIConnectionError: as set_group_members().

    Server routes: POST /api/v1/groups/id/{id}/users/add, POST /api/v1/groups/id/{id}/users; GET
    /api/v1/groups/, GET /api/v1/users/all; for audit GET /api/v1/auths/, GET
    /api/v1/users/user/status.
    """
    return _set_members(
        "add_to_group", client, group, users, adds=True, dry_run=dry_run, audit=audit
    )


def remove_from_group(
    client: UsersClient,
    group: Any,
    users: Iterable[Any],
    *,
    dry_run: bool = False,
    audit: Audit | None = None,
) -> Result:
    """Remove users from a group.

    Args:
        client, group, dry_run, audit: as of set_group_members().
        users: ids, e-mail addresses or models.

    Returns:
        Result: one row for each user, "unchanged" if the user was not in the group.

    Raises:
        InvalidInputError, Interrupted, PartialFailureError, OSError, APIStatusError,
        APIConnectionError: as set_group_members().

    Server routes: POST /api/v1/groups/id/{id}/users/remove, POST /api/v1/groups/id/{id}/users; GET
    /api/v1/groups/, GET /api/v1/users/all; for audit GET /api/v1/auths/, GET
    /api/v1/users/user/status.
    """
    return _set_members(
        "remove_from_group", client, group, users, adds=False, dry_run=dry_run, audit=audit
    )
