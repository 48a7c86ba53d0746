"""import_users: accounts for the rows of a table."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openwebui_users._flow import ask
from openwebui_users._text import printable
from openwebui_users.errors import APIStatusError, AuthenticationError, OpenWebUIError

from ._accounts import make_account, sign_in, write_account
from ._checks import check_field, shown
from ._directory import Directory, Groups
from ._errors import AdminError, refuse
from ._files import check_distinct
from ._journal import CREATED, DONE, INTENT, REFUSED, Journal
from ._members import member_ids
from ._passwords import PasswordFile, make_password
from ._people import PeopleReader, Person, read_people
from ._personal import write_personal
from ._results import Result, RowResult
from ._work import CONCURRENCY, Run, may_be_made

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from openwebui_users._core import UsersClient
    from openwebui_users._flow import Flow
    from openwebui_users.models import GroupModel

    from ._audit import Audit
    from ._work import Progress

_BEFORE = "created by an earlier run of this import"
_UNANSWERED = 5.0  # seconds that a server may still work on a request whose client was killed


@dataclass
class ImportResult(Result):
    """What import_users() did.

    Attributes:
        source: what was imported, as readable text.
        passwords_out: path of the file with the generated passwords; None: no password was
            generated.
    """

    source: str = ""
    passwords_out: str | None = None

    def _headline(self) -> str:
        source = printable(self.source)
        return super()._headline().replace(self.verb, f"import of {source}", 1)


# ---------------------------------------------------------------- the work


class _Import:
    """One import under way."""

    def __init__(
        self,
        run: Run[ImportResult],
        directory: Directory,
        journal: Journal,
        passwords: PasswordFile,
        update_passwords: bool,
    ) -> None:
        self._run = run
        self._client = run.client
        self._directory = directory
        self._journal = journal
        self._passwords = passwords
        self._update_passwords = update_passwords
        self._members: dict[str, set[str]] = {}  # ids by group, where it matters who is in

    def is_ours(self, email: str) -> bool:
        """Whether an earlier run meant to make this account, or did."""
        return self._journal.step_of(email) is not None

    # ------------------------------------------------------------ an account that is to be made

    def create(self, person: Person) -> Flow:
        row, email = person.result, person.email
        step = self._journal.step_of(email)
        row.id = self._journal.id_of(email)
        token = None
        if step in (CREATED, DONE) and row.id in self._directory.by_id:
            self._tell_created_before(row)
            if step == DONE:
                return
        else:  # or it was deleted since
            token = yield from self._add(person)
        yield from self._finish(person, token)

    @staticmethod
    def _tell_created_before(row: RowResult) -> None:
        row.status = "created"
        row.notes.append(_BEFORE)

    def _add(self, person: Person) -> Flow:
        """Make the account; returns the new user's token, where the server gives one."""
        row, email = person.result, person.email
        password = person.account.get("password") or self._passwords.known.get(email)
        if password is None:
            password = "" if self._run.dry_run else make_password()
            if password:
                self._passwords.add(email, password)
        was_meant = self.is_ours(email)
        if not self._run.dry_run:
            self._journal.add(INTENT, email)
        form = {**person.account, "password": password}
        try:
            answer, is_found = yield from make_account(self._run, form, is_resumed=was_meant)
        except APIStatusError as error:
            if not may_be_made(error):
                self._journal.add(REFUSED, email)
            raise
        if is_found and was_meant:
            row.notes.append(_BEFORE)
        row.status = "created"
        if answer is None:
            return None
        row.id = answer.id
        self._journal.add(CREATED, email, answer.id)
        return answer.token

    def _finish(self, person: Person, token: str | None) -> Flow:
        """All that a row asks for besides the account itself."""
        row = person.result
        try:
            yield from self._join_groups(person)
            if person.personal:
                yield from self._write_personal(person, token)
        except AuthenticationError:
            raise
        except OpenWebUIError as error:
            row.error = str(error)
        if row.error is not None:
            row.error = f"the account is there, but not all of its row: {row.error}"
        elif not self._run.dry_run:
            self._journal.add(DONE, person.email)

    def _write_personal(self, person: Person, token: str | None) -> Flow:
        """What only the user can change, with the user's own token."""
        row = person.result
        if self._run.dry_run:
            yield from write_personal(self._run, row, None, person.personal)
            return
        if token is None:
            password = person.account.get("password") or self._passwords.known.get(person.email)
            try:
                answer = yield from sign_in(self._client, person.email, password)
            except APIStatusError as error:  # of the new user's password, not of our key
                row.error = f"signing in as the new user failed: {error}"
                return
            token = answer.token
        if token is None:
            columns = ", ".join(person.personal)
            row.error = f"the server gave no token, without which {columns} cannot be set"
            return
        user = self._client.with_options(api_key=token)
        yield from write_personal(self._run, row, user, person.personal)

    # ------------------------------------------------------------ an account that is there

    def update(self, person: Person) -> Flow:
        row, user = person.result, person.existing
        changes = {"name": person.account["name"]}
        if person.has_role:
            changes["role"] = person.account["role"]
        if self._update_passwords and "password" in person.account:
            changes["password"] = person.account["password"]
        if "profile_image_url" in person.account:
            changes["profile_image_url"] = person.account["profile_image_url"]
            user = yield from ask(self._client.get_user_by_id, user.id)
        yield from write_account(self._run, row, user, changes)
        missing = [one for one in person.groups if user.id not in self._members[one.id]]
        if missing:
            yield from self._join_groups(person, missing)
            row.status = "updated"
        if person.personal:
            columns = ", ".join(person.personal)
            row.notes.append(f"left as they are, as only the user can change them: {columns}")

    # ------------------------------------------------------------ groups

    def read_members(self, groups: Iterable[GroupModel]) -> None:
        """Learn who is in these groups."""
        for group in groups:
            self._members[group.id] = self._run.do(member_ids(self._client, group))

    def _join_groups(self, person: Person, groups: list[GroupModel] | None = None) -> Flow:
        row = person.result
        for group in person.groups if groups is None else groups:
            yield from self._run.change(
                self._client.groups.add_user_to_group,
                group.id,
                target=group.name,
                after={"members added": [person.email]},
                user_ids=[row.id] if row.id is not None else [],
            )
            row.changes[f"member of {group.name}"] = (False, True)

    def verify_groups(self, people: Iterable[Person]) -> None:
        """Look whether everybody is in the groups that the server said they were put into."""
        expected: dict[str, list[Person]] = {}
        models: dict[str, GroupModel] = {}
        for person in people:
            if person.result.ok and person.result.status in ("created", "updated"):
                for group in person.groups:
                    expected.setdefault(group.id, []).append(person)
                    models[group.id] = group

        def steps(row: RowResult) -> Flow:
            inside = yield from member_ids(self._client, models[str(row.id)])
            row.status = "unchanged"
            for person in expected[str(row.id)]:
                if person.result.id not in inside:
                    person.result.error = (
                        f"the server said that the user was put into the group {row.email}, but "
                        "the group does not show it"
                    )

        rows = [RowResult(id=group.id, email=group.name) for group in models.values()]
        self._run.each(rows, steps, tells=False)
        for row in rows:
            if row.status != "unchanged":
                for person in expected[str(row.id)]:
                    person.result.error = f"the group {row.email} could not be checked: {row.error}"


def _check_groups(
    run: Run[ImportResult], reader: PeopleReader, people: list[Person], create_groups: bool
) -> Groups:
    """The server's groups, if a row names any; those that are missing are problems, or are made
    later."""
    names = dict.fromkeys(name for person in people for name in person.group_names)
    groups = Groups(run.client.groups.get_groups() if names else ())
    problems = {name: groups.problem_with(name) for name in names}
    for person in people:
        for name in person.group_names:
            problem = problems[name]
            if problem is not None and not (create_groups and name not in groups.by_name):
                reader.note(person.result, problem, "groups")
    return groups


def _make_groups(run: Run[ImportResult], people: list[Person], groups: Groups) -> None:
    """Make those that are missing, and give each row its own."""
    names = dict.fromkeys(name for person in people for name in person.group_names)
    missing = [RowResult(email=name) for name in names if groups.problem_with(name) is not None]

    def steps(row: RowResult) -> Flow:
        form = {"name": str(row.email), "description": ""}
        create = run.client.groups.create_new_group
        yield from run.change(create, form, target=row.email, after=form)
        row.status = "created"

    run.each(missing, steps, tells=False)
    failed = [str(row) for row in missing if row.status != "created"]
    if failed:
        raise AdminError(f"no account was made, as not all groups could be: {'; '.join(failed)}")
    if missing and not run.dry_run:
        groups = Groups(run.client.groups.get_groups())
    for person in people:
        for name in person.group_names:
            if groups.problem_with(name) is None:
                person.groups.append(groups.find(name))
            else:  # in a dry run
                person.result.changes[f"member of {name}"] = (False, True)


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {shown(value)}")


def _match_existing(
    work: _Import, reader: PeopleReader, directory: Directory, on_existing: str
) -> tuple[list[Person], list[Person]]:
    """Whose account is to be made, and whose is to be updated."""
    creating, updating = [], []
    for person in reader.people:
        person.existing = directory.by_email.get(person.email)
        row = person.result
        if row.status == "invalid":
            continue
        if person.existing is None or work.is_ours(person.email):
            creating.append(person)
        elif on_existing == "error":
            reader.note(row, "is registered already", "email")
        elif on_existing == "update":
            row.id = person.existing.id
            if person.existing.role == "admin" and directory.is_closed_to_us(person.existing):
                text = "is that of the primary administrator, whom nobody else can change"
                reader.note(row, text, "email")
                continue
            if person.has_role and person.account["role"] != person.existing.role:
                why = directory.protected.get(row.id)
                if why is not None:
                    reader.note(row, f"cannot be given: {row.email} {why}", "role")
                    continue
            updating.append(person)
        else:
            row.id = person.existing.id
            row.status, row.error = "skipped", "is registered already"
    return creating, updating


def import_users(
    client: UsersClient,
    source: Any,
    *,
    format: Literal["csv", "jsonl", "json"] | None = None,  # noqa: A002
    on_invalid: Literal["error", "skip"] = "error",
    on_existing: Literal["skip", "update", "error"] = "skip",
    default_role: str = "user",
    create_groups: bool = False,
    update_passwords: bool = False,
    ignore_columns: Iterable[str] | bool = (),
    passwords_out: str | os.PathLike[str] | None = None,
    journal: str | os.PathLike[str] | None = None,
    dry_run: bool = False,
    progress: bool | Callable[[Progress], object] = False,
    concurrency: int = CONCURRENCY,
    audit: Audit | None = None,
) -> ImportResult:
    """Create an account for each row of a table.

    All rows are checked before anything is sent. With a journal, you can finish an interrupted
    import, however it ended: call this again with the same arguments. Then every user exists once,
    and has the password that was given or written to passwords_out.

    Args:
        client: of an administrator.
        source: path of a CSV, JSONL or JSON file; an open file; an iterable of dicts or models; a
            data frame of pandas or polars. Columns, in any case and order: name, email, password,
            role, profile_image_url, groups (names, separated by ";"). Also timezone, bio, gender,
            date_of_birth, settings and variables, which are set with the new user's own token. The
            header of the server's own page, Name,Email,Password,Role, works too.
        format: csv, jsonl or json; None: by the file's suffix or content.
        on_invalid: "error": one invalid row refuses the whole import; "skip": the valid rows are
            imported.
        on_existing: what to do with a row whose e-mail address is registered. "skip": nothing.
            "update": set the row's name, role and picture, and add its groups; values that only
            users themselves can set stay as they are, with a note. "error": the row is invalid.
        default_role: role for rows without a role.
        create_groups: create groups that do not exist. False: a row that names such a group is
            invalid.
        update_passwords: with on_existing="update", also set the passwords in the rows.
        ignore_columns: names of columns to ignore; True: all unknown columns.
        passwords_out: CSV file `email,password` for the passwords that are generated for rows
            without one. Only its owner can read it. Lines are added to it, and each password is on
            disk before its account is created. If the file already has a password for an address,
            that password is used again. None: rows without a password are invalid.
        journal: path of the file in which the import records what it has done.
        dry_run: send nothing that changes anything; say what would be done.
        progress: True for a bar, or a function that is called with a Progress after each row.
        concurrency: number of number of rows under way at once. Servers spend the time on hashing
            passwords, so a number above their number of processors gains nothing.
        audit: where to record changes: path of a JSONL file, or a function.

    Returns:
        ImportResult: one row for each row of the source: created, updated, skipped, invalid,
        failed, unknown or not_run. If a part of a created row could not be done, its `error` says
        which.

    Raises:
        InvalidInputError: with on_invalid="error", all problems of all rows; also unknown columns,
            and a source that is not a table. Nothing was sent.
        ValueError: on_invalid, on_existing, default_role or format is not one of the allowed words.
        LockedError: another run uses the journal or passwords_out.
        RefusedError: the journal belongs to another server.
        AdminError: the journal or passwords_out has other contents; or a group could not be
            created.
        OSError: a file cannot be read or written.
        Interrupted: Ctrl-C; its result says what was done.
        PartialFailureError: a file or the progress function failed during the run; its result says
            what was done.
        APIStatusError, APIConnectionError: while reading users and groups.

    Server routes: POST /api/v1/auths/add, POST /api/v1/groups/id/{id}/users/add, POST
    /api/v1/groups/create; GET /api/v1/users/all, GET /api/v1/groups/, POST
    /api/v1/groups/id/{id}/users; after a lost answer POST /api/v1/auths/signin; as the new user
    POST /api/v1/auths/update/profile, POST /api/v1/auths/update/timezone, POST
    /api/v1/users/user/settings/update, POST /api/v1/users/user/variables/update, GET /api/version;
    with on_existing="update" POST /api/v1/users/{user_id}/update, for an image and of servers
    before 0.10 GET /api/v1/users/{user_id}, and to guard administrators GET /api/v1/users/; GET
    /api/v1/auths/ for a profile, and as for audit GET /api/v1/users/user/status.
    """
    _check_choice("on_invalid", on_invalid, ("error", "skip"))
    _check_choice("on_existing", on_existing, ("skip", "update", "error"))
    problem = check_field("role", default_role)
    if problem is not None:
        raise ValueError(f"default_role {problem}")
    result = ImportResult("import_users", source=_shown_source(source))
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
        check_distinct(
            {"source": source, "journal": journal, "passwords_out": passwords_out, "audit": audit}
        )
        makes = passwords_out is not None
        # who is updated needs none
        waits = makes or on_existing == "update"
        reader = PeopleReader(default_role, client.password_limit, waits)
        result.rows = reader.rows
        read_people(source, format, ignore_columns, reader)
        if on_invalid == "error":
            refuse(reader.problems)
        book = files.enter_context(Journal(journal, client.base_url, dry_run))
        passwords = files.enter_context(PasswordFile(passwords_out, dry_run))
        if not dry_run:
            _wait_for_killed(book)
        directory = Directory(client)
        work = _Import(run, directory, book, passwords, update_passwords)
        creating, updating = _match_existing(work, reader, directory, on_existing)
        _check_passwords_of_earlier_runs(book, passwords, reader, creating)
        if not makes:
            for person in creating:
                reader.check_password(person.result, person.account)
        groups = _check_groups(run, reader, creating + updating, create_groups)
        if on_invalid == "error":
            refuse(reader.problems)
        creating = [person for person in creating if person.result.status != "invalid"]
        updating = [person for person in updating if person.result.status != "invalid"]
        _make_groups(run, creating + updating, groups)
        work.read_members({one.id: one for person in updating for one in person.groups}.values())
        _carry_out(run, work, creating, updating)
        if passwords.added and passwords_out is not None:
            result.passwords_out = os.fspath(passwords_out)
    return result


def _carry_out(
    run: Run[ImportResult], work: _Import, creating: list[Person], updating: list[Person]
) -> None:
    people = {id(one.result): one for one in [*creating, *updating]}
    new = {id(one.result) for one in creating}

    def steps(row: RowResult) -> Flow:
        person = people[id(row)]
        return work.create(person) if id(row) in new else work.update(person)

    rows = [row for row in run.result.rows if id(row) in people]
    run.each(rows, steps)
    if not run.dry_run and not run.is_stopping:
        work.verify_groups(people.values())


def _wait_for_killed(journal: Journal) -> None:
    """A run that was killed may have left requests that the server works on still."""
    wait = journal.last_intent + _UNANSWERED - time.time()
    if 0 < wait <= _UNANSWERED:
        time.sleep(wait)


def _check_passwords_of_earlier_runs(
    journal: Journal, passwords: PasswordFile, reader: PeopleReader, people: list[Person]
) -> None:
    """An account that an earlier run may have made is known by its password."""
    for person in people:
        given = person.account.get("password") or passwords.known.get(person.email)
        if journal.step_of(person.email) == INTENT and person.existing and given is None:
            text = "was made by an earlier run: give the same passwords_out as then"
            reader.note(person.result, text, "password")


def _shown_source(source: Any) -> str:
    if isinstance(source, (str, os.PathLike)):
        return os.path.basename(os.fspath(source))  # noqa: PTH119
    name = getattr(source, "name", None)
    if isinstance(name, str):
        return name
    return "an open file" if hasattr(source, "read") else f"a {type(source).__name__}"
