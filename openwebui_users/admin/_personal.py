"""What only users themselves may write: profile, time zone, settings, variables.

An administrator has no route for them. What has one is the token that the server returns with a new
account, once: it is used while the account is made, and ended afterwards.
"""

from __future__ import annotations

import datetime
import json
import re
from typing import TYPE_CHECKING, Any

from openwebui_users._core import Model, UserSettings
from openwebui_users._flow import ask
from openwebui_users.errors import (
    MASK,
    APIConnectionError,
    AuthenticationError,
    OpenWebUIError,
    UnsupportedByServerError,
    ValidationError,
)

from ._accounts import stored_picture
from ._checks import check_text, check_timezone, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from openwebui_users._core import UsersClient
    from openwebui_users._flow import Flow

    from ._results import RowResult
    from ._work import Run

_PROFILE = ("bio", "gender", "date_of_birth")  # fields of one form
#: What write_personal() writes.
PERSONAL_FIELDS = ("timezone", *_PROFILE, "settings", "variables")
_PENDING_MAY = frozenset({"timezone"})  # what servers take from users who wait for approval

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_VARIABLE = re.compile(r"[a-z][a-z0-9_]*")
_LONGEST_VARIABLE = 20_000  # characters
_LONGEST_VARIABLES = 100_000  # characters of all as JSON


# ---------------------------------------------------------------- checks


def check_personal(name: str, value: Any) -> str | None:
    """What is wrong with the value of one of PERSONAL_FIELDS, or None."""
    return _CHECKS[name](value)


def check_personal_role(names: Iterable[str], role: str) -> str | None:
    """Why a new user with this role cannot write these fields, or None."""
    refused = [name for name in PERSONAL_FIELDS if name in set(names) - _PENDING_MAY]
    if role == "pending" and refused:
        return (
            f"cannot be set for the role pending: servers take {', '.join(refused)} from users who "
            "are approved only; give another role, and set_role() afterwards"
        )
    return None


def _check_day(value: Any) -> str | None:
    if isinstance(value, datetime.datetime):
        return "must be a day without a time, got a datetime"
    if isinstance(value, datetime.date):
        return None
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            datetime.date.fromisoformat(value)
        except ValueError:
            pass
        else:
            return None
    return f"must be a day such as 1990-12-31, got {shown(value)}"


def _check_json(value: Any) -> str | None:
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "holds a lone surrogate, which is no character"
    except (TypeError, ValueError, RecursionError) as error:
        return f"cannot be JSON: {error}"
    return None


def _check_settings(value: Any) -> str | None:
    if isinstance(value, Model):
        value = plain(value)
    if not isinstance(value, dict):
        return f"must be a dict, got {type(value).__name__}"
    if "ui" in value and value["ui"] is None:
        return "ui must be a dict, got None"
    try:
        UserSettings.model_validate(value)
    except ValidationError as error:
        return "; ".join(
            ".".join(map(str, one["loc"])) + f": {one['msg']}" for one in error.errors()
        )
    return _check_json(value)


def _check_variables(value: Any) -> str | None:
    if not isinstance(value, dict):
        return f"must be a dict, got {type(value).__name__}"
    for name, text in value.items():
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
            return (
                "must have names of lower-case letters, digits and underscores that begin with a "
                f"letter, got {shown(name)}"
            )
        if not isinstance(text, str):
            return f"{name} must be a text, got {type(text).__name__}"
        if len(text) > _LONGEST_VARIABLE:
            return f"{name} must have at most {_LONGEST_VARIABLE} characters, has {len(text)}"
    size = len(json.dumps(value, ensure_ascii=False))
    if size > _LONGEST_VARIABLES:
        return f"must have at most {_LONGEST_VARIABLES} characters as JSON, has {size}"
    return _check_json(value)


_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "timezone": check_timezone,
    "bio": check_text,
    "gender": check_text,
    "date_of_birth": _check_day,
    "settings": _check_settings,
    "variables": _check_variables,
}


# ---------------------------------------------------------------- writing


def plain(value: Any) -> dict[str, Any]:
    """A model or a mapping as a dict with the server's names; what was not set is left out."""
    if isinstance(value, Model):
        return value.model_dump(by_alias=True, exclude_unset=True)
    return dict(value)


def write_personal(
    run: Run[Any], row: RowResult, user_client: UsersClient | None, fields: Mapping[str, Any]
) -> Flow:
    """Write what a user alone may write.

    What the server lacks becomes a note of the row; what it refuses becomes the row's error, and
    the rest is written all the same. The row's status is the caller's.

    Args:
        run: whose audit trail is told.
        row: gets changes, notes and error.
        user_client: run.client.with_options(api_key=the user's token); None in a dry run.
        fields: some of PERSONAL_FIELDS, checked before; None stands for left out.

    Returns:
        bool: whether nothing was refused.
    """
    given = {name: fields[name] for name in PERSONAL_FIELDS if fields.get(name) is not None}
    profile = [name for name in _PROFILE if name in given]
    parts: list[tuple[list[str], Callable[..., Flow]]] = [
        (["timezone"], _write_timezone),
        (profile, _write_profile),
        (["settings"], _write_settings),
        (["variables"], _write_variables),
    ]
    failed: list[str] = []
    reachable = True
    for names, write in parts:
        values = {name: given[name] for name in names if name in given}
        if not values:
            continue
        if not reachable:
            failed.append(f"{', '.join(values)}: not tried")
            continue
        try:
            if not run.dry_run:
                yield from write(run, row, user_client, values)
        except UnsupportedByServerError as error:
            row.notes.append(f"{', '.join(values)} not set: {error}")
            continue
        except OpenWebUIError as error:
            failed.append(f"{', '.join(values)}: {error}")
            reachable = not isinstance(error, APIConnectionError)
            continue
        for name, value in values.items():
            row.changes[name] = (None, shown_personal(name, value))
    if failed:
        row.error = "; ".join([*([row.error] if row.error else []), *failed])
    return not failed


def shown_personal(name: str, value: Any) -> Any:
    """A value as results and the audit trail have it: of what may hold secrets, the names alone."""
    if name in ("settings", "variables"):
        return dict.fromkeys(_paths(plain(value)), MASK)
    return str(value) if name == "date_of_birth" else value


def _paths(value: dict[str, Any]) -> list[str]:
    """The keys of settings or variables, those below ui with it."""
    return [
        *(key for key in value if not (key == "ui" and isinstance(value[key], dict))),
        *(f"ui.{key}" for key in (value["ui"] if isinstance(value.get("ui"), dict) else ())),
    ]


def _facts(row: RowResult, values: Mapping[str, Any]) -> dict[str, Any]:
    after = {name: shown_personal(name, value) for name, value in values.items()}
    return {"target": row.email, "after": after}


def _write_timezone(
    run: Run[Any], row: RowResult, client: UsersClient, values: dict[str, Any]
) -> Flow:
    yield from run.change(client.auths.update_timezone, **_facts(row, values), **values)


def _write_profile(
    run: Run[Any], row: RowResult, client: UsersClient, values: dict[str, Any]
) -> Flow:
    """The form is stored whole: what is not to change is read and sent along."""
    now = yield from ask(client.auths.get_session_user)
    kept = {name: getattr(now, name) for name in ("name", *_PROFILE)}
    form = {**kept, "profile_image_url": stored_picture(run, now), **values}
    yield from run.change(client.auths.update_profile, form, **_facts(row, values))


def _write_settings(
    run: Run[Any], row: RowResult, client: UsersClient, values: dict[str, Any]
) -> Flow:
    sent = plain(values["settings"])
    stored = yield from run.change(client.update_user_settings, sent, **_facts(row, values))
    dropped = _missing(sent, plain(stored))
    if dropped:
        row.notes.append(
            f"the server did not store {', '.join(dropped)} of the settings, for which the user "
            "has no permission"
        )


def _missing(sent: Mapping[str, Any], stored: Mapping[str, Any], place: str = "") -> list[str]:
    found: list[str] = []
    for key, value in sent.items():
        if value is None:
            continue
        if key not in stored:
            found.append(f"{place}{key}")
        elif isinstance(value, dict) and isinstance(stored[key], dict):
            found += _missing(value, stored[key], f"{place}{key}.")
    return found


def _write_variables(
    run: Run[Any], row: RowResult, client: UsersClient, values: dict[str, Any]
) -> Flow:
    yield from run.change(client.update_user_variables, values["variables"], **_facts(row, values))


# ---------------------------------------------------------------- the token


def end_token(run: Run[Any], row: RowResult, user_client: UsersClient, user_id: str) -> Flow:
    """Let the token that a new account came with be of no more use; the API key stays.

    Newer servers end all sessions of a user at an administrator's word. Older ones have signing out
    alone, which ends a token only where the server keeps ended tokens in Redis: that is looked at,
    and noted where the token goes on.
    """
    try:
        yield from run.change(run.client.revoke_user_sessions, user_id, target=row.email)
    except UnsupportedByServerError:
        if (yield from _outlives_sign_out(run, row, user_client)):
            row.notes.append(
                "this server cannot end the session that it began for the new account; the token "
                "was not kept"
            )
    except OpenWebUIError as error:
        row.notes.append(f"the session that came with the new account may go on: {error}")
    finally:
        user_client.api_key = None


def _outlives_sign_out(run: Run[Any], row: RowResult, user_client: UsersClient) -> Flow:
    sign_out = user_client.auths.sign_out
    try:
        yield from run.change(sign_out, unset_client_api_key=False, target=row.email)
        yield from ask(user_client.auths.get_session_user)
    except OpenWebUIError as error:
        return not isinstance(error, AuthenticationError)
    return True
