"""Routes below /api/v1/users."""

from __future__ import annotations

import datetime
import json
import re
import time
from typing import Annotated, Any

import fastapi
from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict

from .access import (
    ACTION_PROHIBITED,
    PROHIBITED,
    TAKEN,
    TOO_LONG,
    Admin,
    Body,
    Collapse,
    Data,
    Permitted,
    Verified,
    found,
    is_too_long,
    validated,
)
from .database import Database, Row, is_active
from .images import check_any_image_url, picture
from .permissions import Permissions, has_permission, of_user

router = APIRouter(prefix="/api/v1/users")

VARIABLE_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
LONGEST_VARIABLE = 20_000  # characters
LONGEST_VARIABLES = 100_000  # characters of all as JSON
STATUS_KEYS = ("status_emoji", "status_message", "status_expires_at")
INFO_KEYS = (*STATUS_KEYS, "id", "name", "email", "role", "bio", "last_active_at", "timezone")
OLDEST_INFO_KEYS = (*STATUS_KEYS, "id", "name", "email", "role")


class SettingsForm(BaseModel):
    model_config = ConfigDict(extra="allow")

    ui: dict[str, Any] | None = {}


class StatusForm(BaseModel):
    status_emoji: str | None = None
    status_message: str | None = None
    status_expires_at: int | None = None


class VariablesForm(BaseModel):
    variables: dict[str, Any] = {}


class UpdateForm(BaseModel):
    role: str | None = None
    name: str | None = None
    email: str | None = None
    profile_image_url: Annotated[str | None, BeforeValidator(check_any_image_url)] = None
    password: str | None = None


class OldestUpdateForm(UpdateForm):
    """Partial updates came later."""

    role: str
    name: str
    email: str
    profile_image_url: str


def public(user: Row) -> Row:
    """A user without what no route shows."""
    return {key: value for key, value in user.items() if key != "variables"}


def info_row(
    database: Database, user: Row, groups: list[Row] | None = None, active: bool = False
) -> Row:
    """A user as others may see them."""
    if database.is_oldest:
        return {key: user[key] for key in OLDEST_INFO_KEYS}
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
    return {"users": [info_row(database, user) for user in users], "total": total}


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
    return {"users": [info_row(database, user) for user in users], "total": total}


@router.get("/groups")
def get_user_groups(user: Verified, database: Data, include_inherited: bool = False) -> Any:
    return groups_shown(database, user["id"], include_inherited)


def groups_shown(database: Database, user_id: str, include_inherited: bool) -> list[Row]:
    direct = database.groups_of(user_id)
    if database.is_oldest or not include_inherited:
        return direct
    ids = {group["id"] for group in direct}
    return [
        {**group, "membership_type": "direct" if group["id"] in ids else "inherited"}
        for group in database.groups_of(user_id, inherited=True)
    ]


# ---------------------------------------------------------------- permissions


@router.get("/permissions")
def get_user_permissions(user: Verified, database: Data) -> Any:
    return of_user(database, user["id"])


@router.get("/default/permissions")
def get_default_permissions(_: Admin, database: Data) -> Any:
    return database.config("permissions", {})


@router.post("/default/permissions")
def update_default_permissions(_: Admin, database: Data, permitted: Permitted, body: Body) -> Any:
    stored: Permissions = validated(permitted.form, body).model_dump()
    database.set_config("permissions", stored)
    return stored


@router.get("/default/permissions/defaults")
def get_default_permission_defaults(_: Admin, permitted: Permitted) -> Any:
    return permitted.initial


# ---------------------------------------------------------------- one's own


@router.get("/user/settings")
def get_settings(user: Verified, raw: bool = False) -> Any:  # noqa: ARG001 - no defaults here
    return user["settings"]


@router.post("/user/settings/update")
def update_settings(user: Verified, database: Data, form_data: SettingsForm) -> Any:
    settings = user["settings"] or {}
    if database.is_oldest:
        changes = form_data.model_dump()
        if user["role"] != "admin":
            if changes["ui"] is None:
                raise Collapse
            without_tool_servers(database, user, changes["ui"])
    else:
        changes = form_data.model_dump(exclude_unset=True)
        if user["role"] != "admin":
            drop_unpermitted(database, user, changes)
        patch = changes.pop("ui", None)
        if patch is not None:
            ui = {**(settings.get("ui") or {}), **patch}
            changes["ui"] = {key: value for key, value in ui.items() if value is not None}
    user["settings"] = {**settings, **changes}
    database.store_user(user)
    return {"ui": {}, **user["settings"]}


def without_tool_servers(database: Database, user: Row, ui: Row) -> None:
    if not has_permission(database, user["id"], "features", "direct_tool_servers"):
        ui.pop("toolServers", None)


def drop_unpermitted(database: Database, user: Row, changes: Row) -> None:
    """Leave out what a user has no permission to set, without a word."""
    ui = changes.get("ui")
    if ui is not None:
        without_tool_servers(database, user, ui)
        controls = ("controls", "system_prompt")
        if not all(has_permission(database, user["id"], "chat", name) for name in controls):
            ui.pop("system", None)
    if not has_permission(database, user["id"], "features", "webhooks"):
        changes.pop("notifications", None)
        if ui is not None and isinstance(ui.get("notifications"), dict):
            ui["notifications"].pop("webhook_url", None)


@router.get("/user/status")
def get_status(user: Verified) -> Any:
    return public(user)


@router.post("/user/status/update")
def update_status(user: Verified, database: Data, form_data: StatusForm) -> Any:
    changes = form_data.model_dump(exclude_none=True)
    if database.is_oldest and not changes:
        return None
    user.update(changes)
    database.store_user(user)
    return public(user)


@router.get("/user/info")
def get_info(user: Verified) -> Any:
    return user["info"]


@router.post("/user/info/update")
def update_info(
    user: Verified, database: Data, form_data: Annotated[dict[str, Any], fastapi.Body()]
) -> Any:
    user["info"] = {**(user["info"] or {}), **form_data}
    database.store_user(user)
    return user["info"]


@router.get("/user/variables")
def get_variables(user: Verified) -> Any:
    return {"variables": user.get("variables") or {}}


@router.post("/user/variables/update")
def update_variables(user: Verified, database: Data, form_data: VariablesForm) -> Any:
    if len(json.dumps(form_data.variables, ensure_ascii=False)) > LONGEST_VARIABLES:
        raise HTTPException(400, "User variables are too large.")
    variables = {name: variable(name, value) for name, value in form_data.variables.items()}
    user["variables"] = variables
    database.store_user(user)
    return {"variables": variables}


def variable(name: str, value: Any) -> str:
    """The value as it is stored, or the refusal."""
    if not VARIABLE_NAME.match(name):
        raise HTTPException(400, f"Invalid user variable key: {name}")
    if not isinstance(value, str):
        raise HTTPException(400, f"User variable must be a string: {name}")
    stored = value.replace("\r\n", "\n")
    if len(stored) > LONGEST_VARIABLE:
        raise HTTPException(400, f"User variable is too long: {name}")
    return stored


TOTALS = (
    "lifetime_tokens input_tokens output_tokens peak_daily_tokens longest_chat_seconds "
    "current_streak longest_streak total_chats active_days models_used messages user_messages "
    "assistant_messages"
)


INSIGHTS = (
    "average_tokens_per_chat average_messages_per_active_day user_message_share "
    "assistant_message_share"
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
    first, last = date_of(start), date_of(end)
    dates = [first + datetime.timedelta(days=day) for day in range((last - first).days + 1)]
    mondays = sorted({date - datetime.timedelta(days=date.weekday()) for date in dates})

    def heatmap(of: list[datetime.date]) -> list[Row]:
        nothing = {"messages": 0, "chats": 0, "tokens": 0, "models": {}}
        return [{"date": date.isoformat(), **nothing} for date in of]

    return {
        "totals": dict.fromkeys(TOTALS.split(), 0),
        "heatmap": heatmap(dates),
        "weekly_heatmap": heatmap(mondays),
        "cumulative_heatmap": heatmap(dates),
        "insights": {"most_used_model": None, **dict.fromkeys(INSIGHTS.split(), 0.0)},
        "top_models": [],
        "top_tools": [],
        "period": {"start_date": start, "end_date": end, "days": (end - start) // 86400 + 1},
    }


def date_of(seconds: int) -> datetime.date:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).date()


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
    return info_row(database, user, group_rows(database, user_id), is_active(user))


@router.get("/{user_id}/oauth/sessions")
def get_oauth_sessions(_: Admin, database: Data, user_id: str) -> Any:
    return found(database.oauth_sessions_of(user_id) or None)


@router.get("/{user_id}/profile/image")
def get_profile_image(_: Verified, database: Data, user_id: str) -> Response:
    user = found(database.user(user_id))
    return picture(user["profile_image_url"], database.is_oldest)


@router.get("/{user_id}/active")
def get_active(_: Verified, database: Data, user_id: str) -> Any:
    user = database.user(user_id)
    return {"active": user is not None and is_active(user)}


@router.get("/{user_id}/groups")
def get_groups_of_user(
    _: Admin, database: Data, user_id: str, include_inherited: bool = False
) -> Any:
    return groups_shown(database, user_id, include_inherited)


@router.get("/{user_id}/preview")
def get_preview(_: Admin, database: Data, user_id: str) -> Any:
    user = found(database.user(user_id), status=404)
    nothing: Row = {"items": [], "total": 0}
    groups = database.groups_of(user_id, inherited=True)
    return {
        "user": {"id": user["id"], "name": user["name"]},
        "groups": [{"id": group["id"], "name": group["name"]} for group in groups],
        "models": nothing,
        "knowledge": nothing,
        "tools": nothing,
    }


def is_primary(database: Database, user_id: str) -> bool:
    """Is this the first user, the primary administrator?"""
    first = database.first_user()
    return first is not None and first["id"] == user_id


def primary_refusal(database: Database) -> HTTPException:
    """The oldest server stumbles over its own refusal."""
    if database.is_oldest:
        return HTTPException(500, "Could not verify primary admin status.")
    return HTTPException(403, ACTION_PROHIBITED)


@router.post("/{user_id}/sessions/revoke")
def revoke_sessions(asking: Admin, database: Data, user_id: str) -> Any:
    found(database.user(user_id), "User not found.", 404)
    if is_primary(database, user_id) and asking["id"] != user_id:
        raise primary_refusal(database)
    database.revoke_tokens_of(user_id)
    return True


@router.post("/{user_id}/update")
def update_user(asking: Admin, database: Data, user_id: str, body: Body) -> Any:
    form_data = validated(OldestUpdateForm if database.is_oldest else UpdateForm, body)
    if is_primary(database, user_id) and (
        asking["id"] != user_id or form_data.role not in (None, "admin")
    ):
        raise primary_refusal(database)
    user = found(database.user(user_id))
    changes = form_data.model_dump(exclude_none=True)
    password = changes.pop("password", None)
    email = changes.get("email", user["email"]).lower()
    taken = database.user_by_email(email)
    if taken is not None and taken["id"] != user_id:
        raise HTTPException(400, TAKEN)
    if password:
        change_password(database, user_id, password)
    user.update(changes, email=email)
    database.store_user(user)
    return public(found(database.user(user_id)))


def change_password(database: Database, user_id: str, password: str) -> None:
    if is_too_long(password):
        raise HTTPException(400, TOO_LONG)
    database.set_password(user_id, password)
    if not database.is_oldest:
        database.revoke_tokens_of(user_id)


@router.delete("/{user_id}")
def delete_user(asking: Admin, database: Data, user_id: str) -> Any:
    if is_primary(database, user_id):
        raise primary_refusal(database)
    if asking["id"] == user_id:
        raise HTTPException(403, ACTION_PROHIBITED)
    database.delete_user(user_id)
    return True
