"""Routes below /api/v1/users."""

from __future__ import annotations

import base64
import datetime
import re
import time
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException, Query, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict

from .access import ACTION_PROHIBITED, NOT_FOUND, PROHIBITED, Admin, Data, Verified, found
from .database import Database, Row, is_active
from .permissions import Permissions, as_stored, with_extra

router = APIRouter(prefix="/api/v1/users")

VARIABLE_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
STATUS_KEYS = ("status_emoji", "status_message", "status_expires_at")
INFO_KEYS = (*STATUS_KEYS, "id", "name", "email", "role", "bio", "last_active_at", "timezone")
# One grey pixel: the picture of who has none.
DEFAULT_IMAGE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)


class PermissionsForm(BaseModel):
    workspace: dict[str, bool]
    sharing: dict[str, bool]
    access_grants: dict[str, bool]
    chat: dict[str, bool]
    features: dict[str, bool]
    settings: dict[str, bool]


class OldestPermissionsForm(BaseModel):
    workspace: dict[str, bool]
    sharing: dict[str, bool]
    chat: dict[str, bool]
    features: dict[str, bool]


class SettingsForm(BaseModel):
    model_config = ConfigDict(extra="allow")

    ui: dict[str, Any] | None = {}


class StatusForm(BaseModel):
    status_emoji: str | None = None
    status_message: str | None = None
    status_expires_at: int | None = None


class VariablesForm(BaseModel):
    variables: dict[str, str]


class UpdateForm(BaseModel):
    role: str | None = None
    name: str | None = None
    email: str | None = None
    profile_image_url: str | None = None
    password: str | None = None


def public(user: Row) -> Row:
    """A user without what no route shows."""
    return {key: value for key, value in user.items() if key != "variables"}


def info_row(user: Row, groups: list[Row] | None = None, active: bool = False) -> Row:
    """A user as /all and /search show them."""
    return {**{key: user[key] for key in INFO_KEYS}, "groups": groups or [], "is_active": active}


def group_rows(database: Database, user_id: str) -> list[Row]:
    return [{"id": group["id"], "name": group["name"]} for group in database.groups_of(user_id)]


# ---------------------------------------------------------------- lists


@router.get("/")
def get_users(
    _: Admin,
    database: Data,
    query: str | None = None,
    order_by: str | None = None,
    direction: str | None = None,
    page: int | None = 1,
) -> Any:
    users, total = database.page_of_users(query, order_by, direction, page or 1)
    rows = [
        {**public(user), "group_ids": [group["id"] for group in database.groups_of(user["id"])]}
        for user in users
    ]
    return {"users": rows, "total": total}


@router.get("/all")
def get_all_users(_: Admin, database: Data) -> Any:
    users, total = database.page_of_users(None, None, None, None)
    return {"users": [info_row(user) for user in users], "total": total}


@router.get("/search")
def search_users(
    _: Verified,
    database: Data,
    query: str | None = None,
    order_by: str | None = None,
    direction: str | None = None,
    page: int | None = 1,
) -> Any:
    users, total = database.page_of_users(query, order_by, direction, page or 1)
    return {"users": [info_row(user) for user in users], "total": total}


@router.get("/groups")
def get_user_groups(user: Verified, database: Data) -> Any:
    return database.groups_of(user["id"])


# ---------------------------------------------------------------- permissions


def stored_permissions(database: Database) -> Permissions:
    extra: Permissions = database.config("extra_permissions", {})
    stored: Permissions = database.config("permissions", with_extra(extra, database.is_oldest))
    return stored


@router.get("/permissions")
def get_user_permissions(user: Verified, database: Data) -> Any:
    merged = stored_permissions(database)
    for group in database.groups_of(user["id"]):
        for section, flags in (group["permissions"] or {}).items():
            for name, value in flags.items():
                granted = merged.setdefault(section, {})
                granted[name] = granted.get(name, False) or value
    return merged


@router.get("/default/permissions")
def get_default_permissions(_: Admin, database: Data) -> Any:
    return stored_permissions(database)


@router.post("/default/permissions")
def update_oldest_permissions(_: Admin, database: Data, form_data: OldestPermissionsForm) -> Any:
    return store_permissions(database, form_data.model_dump())


@router.post("/default/permissions")
def update_default_permissions(_: Admin, database: Data, form_data: PermissionsForm) -> Any:
    return store_permissions(database, form_data.model_dump())


def store_permissions(database: Database, form: Permissions) -> Permissions:
    extra: Permissions = database.config("extra_permissions", {})
    stored = as_stored(with_extra(extra, database.is_oldest), form, extra)
    database.set_config("permissions", stored)
    return stored


@router.get("/default/permissions/defaults")
def get_default_permission_defaults(_: Admin, database: Data) -> Any:
    return with_extra(database.config("extra_permissions", {}), database.is_oldest)


# ---------------------------------------------------------------- one's own


@router.get("/user/settings")
def get_settings(user: Verified, raw: bool = False) -> Any:  # noqa: ARG001 - no defaults here
    return user["settings"]


@router.post("/user/settings/update")
def update_settings(user: Verified, database: Data, form_data: SettingsForm) -> Any:
    settings = user["settings"] or {}
    changes = form_data.model_dump(exclude_unset=True)
    if database.is_oldest:
        pass  # keys are replaced whole there
    elif changes.get("ui", {}) is None:
        del changes["ui"]  # null keeps what is stored
    elif "ui" in changes:
        ui = {**(settings.get("ui") or {}), **changes["ui"]}
        changes["ui"] = {key: value for key, value in ui.items() if value is not None}
    user["settings"] = {**settings, **changes}
    database.store_user(user)
    return {"ui": {}, **user["settings"]}


@router.get("/user/status")
def get_status(user: Verified) -> Any:
    return public(user)


@router.post("/user/status/update")
def update_status(user: Verified, database: Data, form_data: StatusForm) -> Any:
    user.update(form_data.model_dump(exclude_none=True))
    database.store_user(user)
    return public(user)


@router.get("/user/info")
def get_info(user: Verified) -> Any:
    return user["info"]


@router.post("/user/info/update")
def update_info(
    user: Verified, database: Data, form_data: Annotated[dict[str, Any], Body()]
) -> Any:
    user["info"] = {**(user["info"] or {}), **form_data}
    database.store_user(user)
    return user["info"]


@router.get("/user/variables")
def get_variables(user: Verified) -> Any:
    return {"variables": user.get("variables") or {}}


@router.post("/user/variables/update")
def update_variables(user: Verified, database: Data, form_data: VariablesForm) -> Any:
    for name in form_data.variables:
        if not VARIABLE_NAME.fullmatch(name):
            raise HTTPException(400, f"Invalid user variable key: {name}")
    user["variables"] = form_data.variables
    database.store_user(user)
    return {"variables": form_data.variables}


TOTALS = (
    "lifetime_tokens input_tokens output_tokens peak_daily_tokens longest_chat_seconds "
    "current_streak longest_streak total_chats active_days models_used messages user_messages "
    "assistant_messages"
)


@router.get("/usage")
def get_usage(
    _: Verified,
    days: Annotated[int | None, Query(ge=7, le=732)] = None,
    start_date: int | None = None,
    end_date: int | None = None,
) -> Any:
    """Nobody chats here: a period of zeros."""
    end = end_date or int(time.time())
    start = end - ((days or 730) - 1) * 86400 if start_date is None else start_date
    if start > end:
        raise HTTPException(400, "start_date must be before end_date")
    count = (end - start) // 86400 + 1
    last = datetime.datetime.fromtimestamp(end, datetime.timezone.utc).date()
    dates = [last - datetime.timedelta(days=back) for back in range(count - 1, -1, -1)]
    mondays = sorted({date - datetime.timedelta(days=date.weekday()) for date in dates})

    def heatmap(of: list[datetime.date]) -> list[Row]:
        nothing = {"messages": 0, "chats": 0, "tokens": 0, "models": {}}
        return [{"date": date.isoformat(), **nothing} for date in of]

    return {
        "totals": dict.fromkeys(TOTALS.split(), 0),
        "heatmap": heatmap(dates),
        "weekly_heatmap": heatmap(mondays),
        "cumulative_heatmap": heatmap(dates),
        "insights": {},
        "top_models": [],
        "top_tools": [],
        "period": {"start_date": start, "end_date": end, "days": count},
    }


# ---------------------------------------------------------------- one user


@router.get("/{user_id}")
def get_user_by_id(asking: Verified, database: Data, user_id: str) -> Any:
    if asking["role"] != "admin" and not database.is_oldest:
        raise HTTPException(401, PROHIBITED)
    user = found(database.user(user_id))
    return {
        **public(user),
        "groups": group_rows(database, user_id),
        "is_active": is_active(user),
    }


@router.get("/{user_id}/info")
def get_user_info_by_id(_: Verified, database: Data, user_id: str) -> Any:
    user = found(database.user(user_id))
    return info_row(user, group_rows(database, user_id), is_active(user))


@router.get("/{user_id}/oauth/sessions")
def get_oauth_sessions(_: Admin, user_id: str) -> Any:  # noqa: ARG001 - nobody has any
    raise HTTPException(400, NOT_FOUND)


@router.get("/{user_id}/profile/image")
def get_profile_image(_: Verified, database: Data, user_id: str) -> Response:
    user = found(database.user(user_id))
    url: str = user["profile_image_url"] or ""
    if url.startswith("http"):
        return Response(status_code=302, headers={"Location": url})
    head, comma, data = url.partition(",")
    if comma and head.startswith("data:image/"):
        media_type = head.removeprefix("data:").partition(";")[0]
        return Response(base64.b64decode(data), media_type=media_type)
    return Response(DEFAULT_IMAGE, media_type="image/png")


@router.get("/{user_id}/active")
def get_active(_: Verified, database: Data, user_id: str) -> Any:
    user = database.user(user_id)
    return {"active": user is not None and is_active(user)}


@router.get("/{user_id}/groups")
def get_groups_of_user(_: Admin, database: Data, user_id: str) -> Any:
    return database.groups_of(user_id)


@router.get("/{user_id}/preview")
def get_preview(_: Admin, database: Data, user_id: str) -> Any:
    user = found(database.user(user_id), status=404)
    nothing: Row = {"items": [], "total": 0}
    return {
        "user": {"id": user["id"], "name": user["name"]},
        "groups": group_rows(database, user_id),
        "models": nothing,
        "knowledge": nothing,
        "tools": nothing,
    }


@router.post("/{user_id}/sessions/revoke")
def revoke_sessions(_: Admin, database: Data, user_id: str) -> Any:
    found(database.user(user_id), "User not found.", 404)
    database.drop_tokens_of(user_id)
    return True


def refuse_primary(database: Database, asking: Row, user_id: str) -> None:
    """Nobody but the primary administrator changes the primary administrator."""
    first = database.first_user()
    if first is not None and first["id"] == user_id and asking["id"] != user_id:
        raise primary_refusal(database)


def primary_refusal(database: Database) -> HTTPException:
    """The oldest server stumbles over its own refusal."""
    if database.is_oldest:
        return HTTPException(500, "Could not verify primary admin status.")
    return HTTPException(403, ACTION_PROHIBITED)


@router.post("/{user_id}/update")
def update_user(asking: Admin, database: Data, user_id: str, form_data: UpdateForm) -> Any:
    require_whole_form(database, form_data)
    refuse_primary(database, asking, user_id)
    first = database.first_user()
    if first is not None and first["id"] == user_id and form_data.role not in (None, "admin"):
        raise primary_refusal(database)
    user = found(database.user(user_id))
    changes = form_data.model_dump(exclude_none=True)
    password = changes.pop("password", None)
    email = changes.get("email", user["email"]).lower()
    taken = database.user_by_email(email)
    if taken is not None and taken["id"] != user_id:
        raise HTTPException(
            400,
            "Uh-oh! This email is already registered. Sign in with your existing account or "
            "choose another email to start anew.",
        )
    if password:
        check_password_length(database, password)
        database.set_password(user_id, password)
    user.update(changes, email=email)
    database.store_user(user)
    return public(user)


def require_whole_form(database: Database, form_data: UpdateForm) -> None:
    """Partial updates came later than the oldest server."""
    if not database.is_oldest:
        return
    body = form_data.model_dump(exclude_unset=True)
    needed = ("role", "name", "email", "profile_image_url")
    faults = [
        {"type": "missing", "loc": ("body", name), "msg": "Field required", "input": body}
        for name in needed
        if name not in body
    ]
    if faults:
        raise RequestValidationError(faults)


def check_password_length(database: Database, password: str) -> None:
    if len(password.encode("utf-8", "surrogatepass")) > 72:
        if database.is_oldest:
            raise HTTPException(500, "Internal Server Error")
        raise HTTPException(
            400,
            "Uh-oh! The password you entered is too long. Please make sure your password is less "
            "than 72 bytes long.",
        )


@router.delete("/{user_id}")
def delete_user(asking: Admin, database: Data, user_id: str) -> Any:
    refuse_primary(database, asking, user_id)
    if asking["id"] == user_id:
        first = database.first_user()
        primary = first is not None and first["id"] == user_id
        raise primary_refusal(database) if primary else HTTPException(403, ACTION_PROHIBITED)
    database.delete_user(user_id)
    return True
