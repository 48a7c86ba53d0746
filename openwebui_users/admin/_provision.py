"""provision_user: one account with everything that it is to have, in one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from openwebui_users._flow import ask
from openwebui_users.errors import MASK, OpenWebUIError

from ._accounts import make_account
from ._checks import check_field, shown
from ._directory import Groups, listed_groups
from ._errors import Problem, refuse
from ._files import check_distinct
from ._members import NOT_SHOWN
from ._passwords import PasswordFile, make_password
from ._permissions import dotted
from ._personal import check_personal, check_personal_role, end_token, write_personal
from ._results import Result, RowResult
from ._work import Run, is_unknown

if TYPE_CHECKING:
    import datetime
    import os

    from openwebui_users._core import UsersClient
    from openwebui_users._flow import Flow
    from openwebui_users.models import GroupModel, UserActiveResponse

    from ._audit import Audit

_CONFIG_PATH = "/api/v1/auths/admin/config"
_KEYS_FLAG = "features.api_keys"


@dataclass
class ProvisionResult(Result):
    """What provision_user() did. No text form of it contains the password or the API key.

    Attributes:
        user: the account as it is on the server afterwards; None: it was not read.
        password: the given or generated password; it is stored nowhere else.
        api_key: the new key; None: no key was created.
    """

    user: UserActiveResponse | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)
    api_key: str | None = field(default=None, repr=False)

    @property
    def row(self) -> RowResult:
        """The row of the account."""
        return self.rows[0]

    @property
    def notes(self) -> list[str]:
        """Other remarks for the reader."""
        return self.row.notes

    def _row_lines(self) -> list[str]:
        return [str(self.row)]

    def _remarks(self) -> list[str]:
        secrets = {"password": self.password, "api_key": self.api_key}
        return [f"{name}: {MASK}" for name, value in secrets.items() if value]


def provision_user(
    client: UsersClient,
    *,
    email: str,
    name: str,
    role: str = "user",
    password: str | None = None,
    passwords_out: str | os.PathLike[str] | None = None,
    groups: Iterable[Any] | str = (),
    api_key: bool = False,
    settings: Any = None,
    timezone: str | None = None,
    bio: str | None = None,
    gender: str | None = None,
    date_of_birth: datetime.date | str | None = None,
    variables: Mapping[str, str] | None = None,
    dry_run: bool = False,
    audit: Audit | None = None,
) -> ProvisionResult:
    """Create an account with its groups, API key, settings, time zone, profile and variables.

    Values that only users themselves may set are set with the token that the server returns with
    the new account, once. The token is never shown or stored. Its session is finally ended, if the
    server can do that; the API key stays valid.

    Args:
        client: of an administrator.
        email, name, role: of the account; the role is admin, user or pending.
        password: None: a password is generated; it is in the result.
        passwords_out: CSV file `email,password` to which a generated password is added. Only its
            owner can read it. The password is on disk before it is sent to the server. So the file
            also has a line for an account that could not be created.
        groups: names, ids or models of groups.
        api_key: create an API key.
        settings: dict or UserSettings.
        timezone: for example Europe/Paris.
        bio, gender, date_of_birth: of the profile.
        variables: prompt variables, by name.
        dry_run: send nothing that changes anything; check everything, and say what would be done.
        audit: where to record changes: path of a JSONL file, or a function.

    Returns:
        ProvisionResult: the account, password and API key. Its notes say what this server lacks,
        such as time zones before 0.8.12.

    Raises:
        InvalidInputError: the address is taken, a group does not exist, a value is wrong, or this
            server gives no API key to such a user. Nothing was sent.
        PartialFailureError: the account exists or may exist, but some of the rest is missing; its
            result has what was done, the password and the API key.
        Interrupted: Ctrl-C; its result has the same.
        LockedError: another run uses passwords_out.
        AdminError: passwords_out has other contents.
        OSError: passwords_out or the audit file cannot be opened.
        APIStatusError, APIConnectionError: the account was not made.

    Server routes: POST /api/v1/auths/add, POST /api/v1/groups/id/{id}/users/add, POST
    /api/v1/auths/api_key, POST /api/v1/auths/update/profile, POST /api/v1/auths/update/timezone,
    POST /api/v1/users/user/settings/update, POST /api/v1/users/user/variables/update, POST
    /api/v1/users/{user_id}/sessions/revoke; of servers before 0.12 GET /api/version, and POST
    /api/v1/auths/signout or, before 0.10.2, GET /api/v1/auths/signout; GET /api/v1/users/, GET
    /api/v1/groups/, GET /api/v1/users/{user_id}, GET /api/v1/users/{user_id}/groups; for what needs
    the new user's token GET /api/v1/auths/admin/config, for an API key GET
    /api/v1/users/default/permissions; after a lost answer POST /api/v1/auths/signin; GET
    /api/v1/auths/ for a profile, and as for audit GET /api/v1/users/user/status.
    """
    is_made = password is None
    account = {"email": email, "name": name, "role": role}
    account["password"] = make_password() if password is None else password
    check_distinct({"passwords_out": passwords_out, "audit": audit})
    given = {
        "timezone": timezone,
        "bio": bio,
        "gender": gender,
        "date_of_birth": date_of_birth,
        "settings": settings,
        "variables": variables,
    }
    personal = {key: value for key, value in given.items() if value is not None}
    row = RowResult()
    result = ProvisionResult("provision_user", [row])
    result.password = "" if dry_run else account["password"]
    with Run(result, client, dry_run=dry_run, concurrency=1, audit=audit) as run:
        problems = _check(client, account, personal)
        refuse(problems)
        account["email"] = row.email = email.lower()  # as servers store it
        wanted, problems = _check_on_server(client, account, groups)
        if api_key or personal:
            problems += _check_token(client, account, wanted, api_key)
        refuse(problems)
        maker = _Maker(run, account, personal, wanted, api_key)
        with PasswordFile(passwords_out if is_made else None, read_only=dry_run) as file:
            if is_made and not dry_run:
                file.add(account["email"], account["password"])
            run.each([row], maker.steps)
        if maker.refusal is not None:
            raise maker.refusal
    return result.raise_for_failures()


# ---------------------------------------------------------------- checks


def _check(client: UsersClient, account: dict[str, Any], personal: dict[str, Any]) -> list[Problem]:
    """What is wrong with the values."""
    checks = {
        name: check_field(name, value, client.password_limit) for name, value in account.items()
    }
    checks |= {name: check_personal(name, value) for name, value in personal.items()}
    problems = [Problem(text, column=name) for name, text in checks.items() if text is not None]
    refused = check_personal_role(personal, account["role"])
    if refused is not None:
        problems.append(Problem(refused, column="role"))
    return problems


def _check_on_server(
    client: UsersClient, account: dict[str, Any], groups: Iterable[Any] | str
) -> tuple[list[GroupModel], list[Problem]]:
    """The groups, and what does not go together with what there is."""
    problems: list[Problem] = []
    other = client.find_user(account["email"])
    if other is not None:
        problems.append(Problem(f"is taken by the user {other.id}", column="email"))
    references = listed_groups(groups)
    known = Groups(client.groups.get_groups() if references else ())
    wanted: dict[str, GroupModel] = {}
    for reference in references:
        problem = known.problem_with(reference)
        if problem is not None:
            is_missing = known.is_missing(reference)
            problems.append(Problem(problem, column="groups", is_missing=is_missing))
        else:
            group = known.find(reference)
            wanted[group.id] = group
    return list(wanted.values()), problems


def _config(client: UsersClient) -> dict[str, Any]:
    """What the server is set to, where it says so; a proxy may keep this route to itself."""
    try:
        answer = client.request("GET", _CONFIG_PATH).raise_for_status().json()
    except (OpenWebUIError, ValueError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _check_token(
    client: UsersClient, account: dict[str, Any], groups: list[GroupModel], api_key: bool
) -> list[Problem]:
    """What is known to be impossible with the token of the new account."""
    config = _config(client)
    if config.get("ENABLE_MFA"):
        text = (
            "two-step sign-in is on: the server returns no token with a new account, so neither an "
            "API key nor what only users may change can be set; leave that out"
        )
        return [Problem(text)]
    if not api_key:
        return []
    if config.get("ENABLE_API_KEYS") is False:
        return [Problem("this server is set to give nobody API keys", column="api_key")]
    if config and account["role"] != "admin" and not _may_have_key(client, groups, config):
        text = (
            f"neither the default permissions nor one of the groups grants {_KEYS_FLAG}, without "
            "which the server gives no API key"
        )
        return [Problem(text, column="api_key")]
    return []


def _may_have_key(client: UsersClient, groups: list[GroupModel], config: Mapping[str, Any]) -> bool:
    everybody = client.with_raw_response.get_default_user_permissions().json()
    if dotted(everybody).get(_KEYS_FLAG):
        return True
    known = Groups(client.groups.get_groups())
    waiting = [*(group.id for group in groups), config.get("DEFAULT_GROUP_ID")]
    seen: set[str] = set()
    while waiting:
        group = known.by_id.get(waiting.pop() or "")
        if group is not None and group.id not in seen:
            seen.add(group.id)
            if dotted(group.permissions).get(_KEYS_FLAG):
                return True
            waiting.append(getattr(group, "parent_group_id", None))
    return False


# ---------------------------------------------------------------- the work


class _Maker:
    """The steps of one account.

    Attributes:
        refusal: why the account was not made, if it is known that it was not.
    """

    def __init__(
        self,
        run: Run[ProvisionResult],
        account: dict[str, Any],
        personal: dict[str, Any],
        groups: list[GroupModel],
        api_key: bool,
    ) -> None:
        self._run = run
        self._client = run.client
        self._account = account
        self._personal = personal
        self._groups = groups
        self._api_key = api_key
        self._failed: list[str] = []
        self.refusal: OpenWebUIError | None = None

    def steps(self, row: RowResult) -> Flow:
        token = yield from self._add(row)
        row.status = "created"
        for group in self._groups:
            yield from self._join_group(row, group)
        if self._run.dry_run:
            yield from write_personal(self._run, row, None, self._personal)
            if self._api_key:
                row.changes["api_key"] = (None, MASK)
            return
        if token is not None:
            user = self._client.with_options(api_key=token)
            yield from write_personal(self._run, row, user, self._personal)
            if self._api_key:
                yield from self._make_key(row, user)
            yield from end_token(self._run, row, user, str(row.id))
        elif self._personal or self._api_key:
            what = [*self._personal, *(["api_key"] if self._api_key else [])]
            self._failed.append(
                f"the server returned no token with the account, so {', '.join(what)} could not be "
                "set"
            )
        yield from self._read(row)
        if self._failed:
            row.error = "; ".join([*([row.error] if row.error else []), *self._failed])

    def _add(self, row: RowResult) -> Flow:
        """Make the account; returns the token."""
        shown_form = {key: value for key, value in self._account.items() if key != "password"}
        row.changes = {key: (None, value) for key, value in shown_form.items()}
        try:
            answer, _ = yield from make_account(self._run, self._account)
        except OpenWebUIError as error:
            if is_unknown(error):
                row.notes.append(
                    "look with find_user() whether it was; the result has its password"
                )
            else:
                self.refusal = error
            raise
        if answer is None:
            return None
        row.id = answer.id
        return answer.token

    def _join_group(self, row: RowResult, group: GroupModel) -> Flow:
        try:
            yield from self._run.change(
                self._client.groups.add_user_to_group,
                group.id,
                target=group.name,
                after={"members added": [row.email]},
                user_ids=[str(row.id)],
            )
        except OpenWebUIError as error:
            self._failed.append(f"group {shown(group.name)}: {error}")
        else:
            row.changes[f"member of {group.name}"] = (False, True)

    def _make_key(self, row: RowResult, user: UsersClient) -> Flow:
        try:
            made = yield from self._run.change(user.auths.generate_api_key, target=row.email)
        except OpenWebUIError as error:
            self._failed.append(f"api_key: {error}")
        else:
            self._run.result.api_key = made.api_key
            row.changes["api_key"] = (None, MASK)

    def _read(self, row: RowResult) -> Flow:
        """The account as it is now; and whether it is in its groups, which servers only say."""
        try:
            self._run.result.user = yield from ask(self._client.get_user_by_id, str(row.id))
            if not self._groups:
                return
            inside = yield from ask(self._client.get_user_groups_by_id, str(row.id))
        except OpenWebUIError as error:
            row.notes.append(f"the account was not read again: {error}")
            return
        ids = {group.id for group in inside}
        for group in self._groups:
            change = f"member of {group.name}"
            if group.id not in ids and change in row.changes:
                del row.changes[change]
                self._failed.append(f"group {shown(group.name)}: {NOT_SHOWN}")
