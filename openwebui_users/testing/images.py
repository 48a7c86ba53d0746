"""Profile images: which URLs may be stored, and what the picture of a user is."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Response
from pydantic import AfterValidator

# One grey pixel: the picture of who has none.
DEFAULT_IMAGE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)
OWN_PATHS = ("", "/user.png", "/favicon.png", "/static/favicon.png")
OWN_ROUTE = re.compile(r"/api/v1/users/[^/?#]+/profile/image")
DATA = re.compile(r"data:image/(png|jpeg|gif|webp);base64,", re.IGNORECASE)
NOT_SAFE = (
    "Invalid profile image URL: must be a known internal path, an HTTP(S) URL with a host, or a "
    "data:image URI (png/jpeg/gif/webp)."
)
NO_HOST = "Invalid profile image URL: HTTP(S) URLs must include a host."


def check_image_url(url: str) -> str:
    """The URL, or a ValueError with the words of the newest version; the oldest takes any."""
    if url in OWN_PATHS or OWN_ROUTE.fullmatch(url) or DATA.match(url):
        return url
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError(NOT_SAFE)
    if not parts.hostname:
        raise ValueError(NO_HOST)
    return url


def check_any_image_url(url: Any) -> Any:
    """`check_image_url` of what may be no text at all."""
    if url is None:
        return None
    if not isinstance(url, str):
        raise ValueError("Invalid image URL.")
    return check_image_url(url)


ImageUrl = Annotated[str, AfterValidator(check_image_url)]


def picture(url: str | None, oldest: bool) -> Response:
    """What the route of a profile image answers for a user with this URL."""
    url = url or ""
    if url.startswith("http"):
        return Response(status_code=302, headers={"Location": url})
    head, comma, data = url.partition(",")
    if comma and head.startswith("data:image"):
        media_type = head.partition(";")[0].removeprefix("data:").lower()
        if oldest:
            media_type = "image/png"
        elif not DATA.match(url):
            media_type = ""
        try:
            content = base64.b64decode(data)
        except binascii.Error:
            media_type = ""
        if media_type:
            return Response(content, media_type=media_type)
    return Response(DEFAULT_IMAGE, media_type="image/png")
