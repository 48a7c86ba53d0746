"""Routes below /api/v1/channels: as much as tells who their members are."""

from __future__ import annotations

import time
import uuid
from typing import Any

from fastapi import APIRouter, HTTPException

from .access import Data, Verified, found
from .database import Database, Row, is_active
from .users import public

router = APIRouter(prefix="/api/v1/channels")

NOBODYS_BUSINESS = "Something went wrong :/"
# What the newest version tells of a member; the oldest tells everything.
MEMBER_KEYS = [
    "id",
    "email",
    "name",
    "role",
    "profile_image_url",
    "presence_state",
    "status_emoji",
    "status_message",
    "status_expires_at",
]


def new_channel(database: Database, name: str, user_id: str) -> Row:
    """A channel of a group of people, made by this user."""
    now = time.time_ns()
    rest = ["updated_by", "archived_at", "archived_by", "deleted_at", "deleted_by"]
    access: Row = {"access_control": None}
    if not database.is_oldest:
        access = {"access_grants": [], "is_channel_muted": False}
    return {
        "id": str(uuid.uuid4()),
        "user_id": user_id,
        "type": "group",
        "name": name,
        **dict.fromkeys(("description", "is_private", "data", "meta")),
        **access,
        "created_at": now,
        "updated_at": now,
        **dict.fromkeys(rest),
    }


@router.get("/")
def get_channels(user: Verified, database: Data) -> Any:
    unread = {"user_ids": None, "users": None, "last_message_at": None, "unread_count": 0}
    return [
        {**channel, **unread}
        for channel in database.channels()
        if user["id"] in database.members_of_channel(channel["id"])
    ]


@router.get("/{channel_id}/members")
def get_members(
    user: Verified,
    database: Data,
    channel_id: str,
    query: str | None = None,
    order_by: str | None = None,
    direction: str | None = None,
    page: int | None = 1,
) -> Any:
    found(database.channel(channel_id), status=404)
    members = database.members_of_channel(channel_id)
    if user["id"] not in members:
        raise HTTPException(403, NOBODYS_BUSINESS)
    if database.is_oldest:
        order_by = direction = None
    users, total = database.page_of_users(query, order_by, direction, page or 1, members)
    return {"users": [member(database, one) for one in users], "total": total}


def member(database: Database, user: Row) -> Row:
    shown = public(user) if database.is_oldest else {key: user[key] for key in MEMBER_KEYS}
    return {**shown, "is_active": is_active(user)}
