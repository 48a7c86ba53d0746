"""A server whose answers the client chooses: a header of each request says which answer it gets."""

from __future__ import annotations

import base64
import json
from typing import Any

from raw_server import Connection, RawServer, fault, header_of, reply

HEADER = "X-Answer"


def ordered(body: str | bytes = "{}", **how: Any) -> dict[str, str]:
    """Header that orders this answer: status and kind as reply() has them, or a fault by name."""
    text = body.encode() if isinstance(body, str) else body
    order = {"body": base64.b64encode(text).decode(), **how}
    return {HEADER: base64.b64encode(json.dumps(order).encode()).decode()}


def answer(connection: Connection, request: bytes) -> None:
    """What was ordered; else the body that came, or an empty page of users."""
    head, _, sent = request.partition(b"\r\n\r\n")
    order_text = header_of(head.split(b"\r\n")[1:], HEADER)
    if order_text is None:
        reply(sent or b'{"users": [], "total": 0, "version": "0.12.4"}')(connection, request)
        return
    order = json.loads(base64.b64decode(order_text))
    body = base64.b64decode(order.pop("body"))
    if "fault" in order:
        fault(order.pop("fault"), **order)(connection, request)
        return
    lines = order.pop("lines", [])
    reply(body, *lines, **order)(connection, request)


def server() -> RawServer:
    return RawServer(answer)
