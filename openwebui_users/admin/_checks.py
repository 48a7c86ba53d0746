"""What servers store without looking at it, and must not be given: checked before it is sent.

Each function returns what is wrong with a value, or None. No text repeats a password.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from openwebui_users._text import safe_repr

ROLES = ("admin", "user", "pending")
PASSWORD_LIMIT = 72  # bytes: what bcrypt takes

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# What nobody sees, or what lets a text read as another; joiners are letters' own in some scripts.
_UNSEEN = re.compile(r"[\u200b\u200e\u200f\u061c\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
# As the server's own check, and no space, comma or second @ besides.
_EMAIL = re.compile(r"[^@\s,;<>\"]+@(?:[^@\s,;<>\"]+\.[^@\s,;<>\".]+|localhost)")


def shown(value: Any) -> str:
    """A value in a message, cut."""
    text = safe_repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def check_text(value: Any) -> str | None:
    """A text that can be sent, and is not empty."""
    if not isinstance(value, str):
        return f"must be a text, got {type(value).__name__}"
    if not value.strip():
        return "must not be empty"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "holds a lone surrogate, which is no character"
    return None


def check_name(value: Any) -> str | None:
    """The name of a user or of a group."""
    problem = check_text(value)
    if problem is None and (_CONTROL.search(value) or _UNSEEN.search(value)):
        text = "must not hold control characters, line ends or characters that are not seen"
        return f"{text}, got {ascii(value)[:60]}"
    return problem


def check_email(value: Any) -> str | None:
    problem = check_text(value)
    if problem is None and not value.isprintable():
        return f"must hold no characters that are not seen, got {ascii(value)[:60]}"
    if problem is None and not _EMAIL.fullmatch(value):
        return f"must be an e-mail address such as ann@example.com, got {shown(value)}"
    return problem


def check_role(value: Any) -> str | None:
    if value in ROLES and isinstance(value, str):
        return None
    return f"must be one of {', '.join(ROLES)}, got {shown(value)}"


def check_password(value: Any, limit: int | None = PASSWORD_LIMIT) -> str | None:
    """limit: most bytes that the server takes; None: it is not checked."""
    problem = check_text(value)
    if problem is None and limit is not None and len(value.encode()) > limit:
        return f"must have at most {limit} bytes in UTF-8, has {len(value.encode())}"
    return problem


@cache
def _timezones() -> frozenset[str]:
    import zoneinfo

    return frozenset(zoneinfo.available_timezones())


def check_timezone(value: Any) -> str | None:
    problem = check_text(value)
    if problem is not None:
        return problem
    known = _timezones()
    if known and value not in known:  # where there is no list of them, the server's word counts
        return f"must be a time zone such as Europe/Paris, got {shown(value)}"
    return None


_CHECKS = {
    "name": check_name,
    "email": check_email,
    "role": check_role,
    "timezone": check_timezone,
    "profile_image_url": check_text,
}


def check_field(name: str, value: Any, limit: int | None = PASSWORD_LIMIT) -> str | None:
    """What is wrong with the value of a field of this name; limit: as of check_password()."""
    if name == "password":
        return check_password(value, limit)
    return _CHECKS[name](value)
