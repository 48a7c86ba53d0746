"""Routes below /api/v1/groups."""

from __future__ import annotations

import time
import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import AfterValidator, BaseModel

from .access import NOT_FOUND, Admin, Body, Data, Verified, found, validated
from .database import Database, Row
from .users import STATUS_KEYS, info_row

router = APIRouter(prefix="/api/v1/groups")

NO_GROUP = "Group not found."


class OldestGroupForm(BaseModel):
    name: str
    description: str
    permissions: dict[str, Any] | None = None
    data: dict[str, Any] | None = None


def check_config(data: dict[str, Any] | None) -> dict[str, Any] | None:
    """The data of a group, whose one key with a meaning holds an object."""
    if data is not None and not isinstance(data.get("config", {}), dict):
        raise ValueError("Group config must be an object.")
    return data


class GroupForm(OldestGroupForm):
    parent_group_id: str | None = None
    data: Annotated[dict[str, Any] | None, AfterValidator(check_config)] = None


class UserIdsForm(BaseModel):
    user_ids: list[str] | None = None


def shown(database: Database, group: Row) -> Row:
    return {**group, "member_count": len(database.members_of(group["id"]))}


def group_to_change(database: Database, group_id: str, doing: str) -> Row:
    """The group; the oldest server stumbles over its own refusal."""
    group: Row | None = database.group(group_id)
    if group is not None:
        return group
    if database.is_oldest:
        raise HTTPException(400, f"[ERROR: 400: [ERROR: Error {doing}]]")
    raise HTTPException(404, NO_GROUP)


def store_changed(database: Database, group: Row) -> Row:
    group["updated_at"] = int(time.time())
    database.store_group(group)
    return shown(database, group)


# ---------------------------------------------------------------- groups within groups


def check_parent(database: Database, group_id: str | None, parent_id: str | None) -> None:
    """Refuse a parent that does not exist, or is the group or within it."""
    if parent_id is None:
        return
    if not parent_id:
        raise HTTPException(400, "Parent group must be a group ID or null.")
    if database.group(parent_id) is None:
        raise HTTPException(404, "Parent group not found.")
    if group_id in database.with_parents({parent_id}, database.groups()):
        raise HTTPException(400, "A group cannot be its own parent or a descendant of itself.")


def groups_within(database: Database, group_id: str) -> list[str]:
    """This group and all that are within it."""
    groups = database.groups()
    return [
        group["id"] for group in groups if group_id in database.with_parents({group["id"]}, groups)
    ]


# ---------------------------------------------------------------- routes


def can_share(group: Row, share: bool, is_newest: bool) -> bool:
    """Is this one of the groups that can, or cannot, be shared with by a member?"""
    setting = ((group["data"] or {}).get("config") or {}).get("share")
    words = [None, "true", "1", "members"] if is_newest else [None, "true", "1"]
    shares = (None if setting is None else str(setting).lower()) in words
    return shares if share else str(setting).lower() == "false"


@router.get("/")
def get_groups(user: Verified, database: Data, share: bool | None = None) -> Any:
    is_admin = user["role"] == "admin"
    groups = database.groups() if is_admin else database.groups_of(user["id"], inherited=True)
    if share is not None and (database.is_oldest or not is_admin):
        groups = [one for one in groups if can_share(one, share, not database.is_oldest)]
    return [shown(database, group) for group in groups]


@router.post("/create")
def create_group(user: Admin, database: Data, body: Body) -> Any:
    form_data = validated(OldestGroupForm if database.is_oldest else GroupForm, body)
    now = int(time.time())
    form = form_data.model_dump()
    if isinstance(form_data, GroupForm):
        check_parent(database, None, form_data.parent_group_id)
        data = form["data"] or {}
        form["data"] = {**data, "config": {"share": "members", **data.get("config", {})}}
    group = {
        "id": str(uuid.uuid4()),
        "user_id": user["id"],
        **form,
        "meta": None,
        "created_at": now,
        "updated_at": now,
    }
    database.store_group(group)
    return shown(database, group)


@router.get("/id/{group_id}")
def get_group(_: Admin, database: Data, group_id: str) -> Any:
    status = 401 if database.is_oldest else 404
    return shown(database, found(database.group(group_id), NOT_FOUND, status))


@router.post("/id/{group_id}/update")
def update_group(_: Admin, database: Data, group_id: str, body: Body) -> Any:
    form_data = validated(OldestGroupForm if database.is_oldest else GroupForm, body)
    group = group_to_change(database, group_id, "updating group")
    changes = form_data.model_dump(exclude_none=True)
    if isinstance(form_data, GroupForm):
        if "parent_group_id" in form_data.model_fields_set:
            check_parent(database, group_id, form_data.parent_group_id)
            changes["parent_group_id"] = form_data.parent_group_id
        if form_data.data is not None:
            old, new = group["data"] or {}, form_data.data
            config = {**(old.get("config") or {}), **(new.get("config") or {})}
            changes["data"] = {**old, **new, "config": config}
    group.update(changes)
    return store_changed(database, group)


@router.delete("/id/{group_id}/delete")
def delete_group(_: Admin, database: Data, group_id: str) -> Any:
    """Groups within it move up to its parent."""
    group = database.group(group_id)
    if group is None and database.is_oldest:
        return True
    parent = found(group, NO_GROUP, 404).get("parent_group_id")
    for child in database.groups():
        if child.get("parent_group_id") == group_id:
            child["parent_group_id"] = parent
            store_changed(database, child)
    database.delete_group(group_id)
    return True


@router.post("/id/{group_id}/users/add")
def add_users(_: Admin, database: Data, group_id: str, form_data: UserIdsForm) -> Any:
    group = group_to_change(database, group_id, "adding users to group")
    database.add_members(group_id, form_data.user_ids or [])
    return store_changed(database, group)


@router.post("/id/{group_id}/users/remove")
def remove_users(_: Admin, database: Data, group_id: str, form_data: UserIdsForm) -> Any:
    group = group_to_change(database, group_id, "removing users from group")
    database.remove_members(group_id, form_data.user_ids or [])
    return store_changed(database, group)


@router.post("/id/{group_id}/users")
def get_users_in_group(_: Admin, database: Data, group_id: str) -> Any:
    members = set(database.members_of(group_id))
    users, _total = database.page_of_users(None, None, None, None, members)
    return [info_row(database, user) for user in users]


@router.get("/id/{group_id}/members")
def get_group_members(
    _: Admin,
    database: Data,
    group_id: str,
    membership: Literal["direct", "inherited", "effective"] = "effective",
    query: str = "",
    page: Annotated[int, Query(ge=1)] = 1,
) -> Any:
    """Members of the group and of all groups within it."""
    found(database.group(group_id), NO_GROUP, 404)
    direct = set(database.members_of(group_id))
    through: dict[str, list[str]] = {}
    for inner in groups_within(database, group_id):
        for user_id in database.members_of(inner):
            through.setdefault(user_id, []).append(inner)
    among = {
        "direct": direct,
        "inherited": set(through) - direct,
        "effective": set(through),
    }
    users, total = database.page_of_users(query, "name", "asc", page, among[membership])
    unsaid = dict.fromkeys((*STATUS_KEYS, "bio", "last_active_at", "timezone"))
    return {
        "items": [
            {
                **info_row(database, user),
                **unsaid,
                "membership_type": "direct" if user["id"] in direct else "inherited",
                "via_group_ids": sorted(one for one in through[user["id"]] if one != group_id),
            }
            for user in users
        ],
        "total": total,
        "counts": {kind: len(ids) for kind, ids in among.items()},
    }
