"""What the server and the clients of the soak both know from the start: the users that stay."""

from __future__ import annotations

import functools
import hashlib
import json
from typing import Any

USERS = 90  # three pages of them alone
PAGE_SIZE = 30
GROUPS = 12


@functools.cache
def user(number: int) -> dict[str, Any]:
    """A user that nobody changes, with values that a careless reader would bend."""
    name = f"base{number}"
    digest = hashlib.sha256(name.encode()).hexdigest()
    return {
        "id": user_id(number),
        "name": f"Ann Ünal \U0001f600 \u0000 {digest[:6]}",
        # spread over the alphabet, so that users who come and go move the pages
        "email": f"{digest[:4]}-{name}@soak.example.com",
        "username": None,
        "role": "user",
        "profile_image_url": f"/{name}.png",
        "bio": digest * (number % 20),
        "timezone": "Europe/Vienna",
        "info": {"exact": 2**70 + number, "float": number / 7, "deep": [[[{"a": number}]]]},
        "settings": {"ui": {"theme": digest[:8], "more": {"n": number}}},
        "last_active_at": 1_700_000_000 + number,
        "updated_at": 1_700_000_000,
        "created_at": 1_600_000_000 + number,
    }


@functools.cache
def user_id(number: int) -> str:
    """The id, which is one segment of a path only when it is escaped well."""
    return f"base {number}?#%2f+ü"


@functools.cache
def numbers_by_id() -> dict[str, int]:
    return {user_id(number): number for number in range(USERS)}


def user_text(number: int) -> str:
    return json.dumps(user(number), ensure_ascii=number % 2 == 0)


def image(number: int) -> bytes:
    """A profile image: bytes that are no text."""
    return hashlib.sha256(f"image {number}".encode()).digest() * (1 + number * 30)


def members(group: int) -> list[int]:
    """Who is in a group."""
    return [number for number in range(USERS) if number % GROUPS == group]


@functools.cache
def found(query: str) -> frozenset[str]:
    """The ids of the users whose name or address has this in it."""
    text = query.lower()
    everybody = (user(number) for number in range(USERS))
    return frozenset(
        one["id"] for one in everybody if text in one["email"] or text in one["name"].lower()
    )
