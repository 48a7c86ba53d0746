"""Routes below /api/v1/groups and /api/v1/channels."""

from __future__ import annotations

import time
import uuid
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from .access import Admin, Data, Verified, found
from .database import Database, Row
from .users import info_row, public

router = APIRouter(prefix="/api/v1")


class GroupForm(BaseModel):
    name: str
    description: str
    permissions: dict[str, Any] | None = None
    data: dict[str, Any] | None = None
    meta: dict[str, Any] | None = None


class UserIdsForm(BaseModel):
    user_ids: list[str] | None = None


def shown(database: Database, group: Row) -> Row:
    return {**group, "member_count": len(database.members_of(group["id"]))}


@router.get("/groups/")
def get_groups(user: Verified, database: Data, share: bool | None = None) -> Any:  # noqa: ARG001
    groups = database.groups() if user["role"] == "admin" else database.groups_of(user["id"])
    return [shown(database, group) for group in groups]


@router.post("/groups/create")
def create_group(user: Admin, database: Data, form_data: GroupForm) -> Any:
    now = int(time.time())
    group = {
        "id": str(uuid.uuid4()),
        "user_id": user["id"],
        **form_data.model_dump(),
        "created_at": now,
        "updated_at": now,
    }
    database.store_group(group)
    return shown(database, group)


@router.get("/groups/id/{group_id}")
def get_group(_: Admin, database: Data, group_id: str) -> Any:
    return shown(database, found(database.group(group_id), status=404))


@router.post("/groups/id/{group_id}/update")
def update_group(_: Admin, database: Data, group_id: str, form_data: GroupForm) -> Any:
    group = found(database.group(group_id))
    group.update(form_data.model_dump(exclude_none=True), updated_at=int(time.time()))
    database.store_group(group)
    return shown(database, group)


@router.delete("/groups/id/{group_id}/delete")
def delete_group(_: Admin, database: Data, group_id: str) -> Any:
    found(database.group(group_id))
    database.delete_group(group_id)
    return True


@router.post("/groups/id/{group_id}/users/add")
def add_users(_: Admin, database: Data, group_id: str, form_data: UserIdsForm) -> Any:
    group = found(database.group(group_id))
    database.add_members(group_id, form_data.user_ids or [])
    return shown(database, group)


@router.post("/groups/id/{group_id}/users/remove")
def remove_users(_: Admin, database: Data, group_id: str, form_data: UserIdsForm) -> Any:
    group = found(database.group(group_id))
    database.remove_members(group_id, form_data.user_ids or [])
    return shown(database, group)


@router.post("/groups/id/{group_id}/users")
def get_users_in_group(_: Admin, database: Data, group_id: str) -> Any:
    members = set(database.members_of(group_id))
    users, _total = database.page_of_users(None, None, None, None, members)
    return [info_row(user) for user in users]


# ---------------------------------------------------------------- channels


@router.get("/channels/")
def get_channels(user: Verified, database: Data) -> Any:
    return [
        {key: value for key, value in channel.items() if key != "members"}
        for channel in database.channels()
        if user["role"] == "admin" or user["id"] in channel["members"]
    ]


@router.get("/channels/{channel_id}/members")
def get_members(
    _: Verified,
    database: Data,
    channel_id: str,
    query: str | None = None,
    order_by: str | None = None,
    direction: str | None = None,
    page: int | None = 1,
) -> Any:
    channel = found(database.channel(channel_id), status=404)
    members = set(channel["members"])
    users, total = database.page_of_users(query, order_by, direction, page or 1, members)
    return {"users": [{**public(user), "is_active": False} for user in users], "total": total}
