"""Routes below /api/v1/groups and /api/v1/channels."""

from __future__ import annotations

import time
import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from .access import Admin, Data, Verified, found
from .database import Database, Row
from .users import STATUS_KEYS, info_row, public

router = APIRouter(prefix="/api/v1")


NO_GROUP = "Group not found."
# What the server stores of its own accord: members may share with the group.
SHARED = {"config": {"share": "members"}}


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
        "parent_group_id": None,
        **form_data.model_dump(),
        "data": form_data.data if database.is_oldest else {**SHARED, **(form_data.data or {})},
        "created_at": now,
        "updated_at": now,
    }
    if database.is_oldest:
        del group["parent_group_id"]
    database.store_group(group)
    return shown(database, group)


@router.get("/groups/id/{group_id}")
def get_group(_: Admin, database: Data, group_id: str) -> Any:
    status = 401 if database.is_oldest else 404
    return shown(database, found(database.group(group_id), status=status))


@router.post("/groups/id/{group_id}/update")
def update_group(_: Admin, database: Data, group_id: str, form_data: GroupForm) -> Any:
    group = found(database.group(group_id), NO_GROUP, 404)
    group.update(form_data.model_dump(exclude_none=True), updated_at=int(time.time()))
    database.store_group(group)
    return shown(database, group)


@router.delete("/groups/id/{group_id}/delete")
def delete_group(_: Admin, database: Data, group_id: str) -> Any:
    found(database.group(group_id), NO_GROUP, 404)
    database.delete_group(group_id)
    return True


@router.post("/groups/id/{group_id}/users/add")
def add_users(_: Admin, database: Data, group_id: str, form_data: UserIdsForm) -> Any:
    group = found(database.group(group_id), NO_GROUP, 404)
    database.add_members(group_id, form_data.user_ids or [])
    return shown(database, group)


@router.post("/groups/id/{group_id}/users/remove")
def remove_users(_: Admin, database: Data, group_id: str, form_data: UserIdsForm) -> Any:
    group = found(database.group(group_id), NO_GROUP, 404)
    database.remove_members(group_id, form_data.user_ids or [])
    return shown(database, group)


@router.post("/groups/id/{group_id}/users")
def get_users_in_group(_: Admin, database: Data, group_id: str) -> Any:
    members = set(database.members_of(group_id))
    users, _total = database.page_of_users(None, None, None, None, members)
    return [info_row(user) for user in users]


@router.get("/groups/id/{group_id}/members")
def get_group_members(
    _: Admin,
    database: Data,
    group_id: str,
    membership: Literal["direct", "inherited", "effective"] = "effective",
    query: str = "",
    page: Annotated[int, Query(ge=1)] = 1,
) -> Any:
    """Groups have no parents here, so all members are direct ones."""
    found(database.group(group_id), NO_GROUP, 404)
    members = set(database.members_of(group_id))
    among = set() if membership == "inherited" else members
    users, total = database.page_of_users(query, "name", "asc", page, among)
    unsaid = dict.fromkeys((*STATUS_KEYS, "bio", "last_active_at", "timezone"))
    kind = {"membership_type": "direct", "via_group_ids": []}
    return {
        "items": [{**info_row(user), **unsaid, **kind} for user in users],
        "total": total,
        "counts": {"direct": len(members), "inherited": 0, "effective": len(members)},
    }


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
