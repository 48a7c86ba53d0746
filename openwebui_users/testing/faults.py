"""Answers that go wrong on purpose: what a network, a proxy or a broken server may do.

A fault is a script: bytes to send, pauses, and how the connection ends. `EmbeddedServer.fault`
plays them in place of an answer; any server that has a socket can.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

Step = bytes | float | Literal["close", "reset", "answer"]
"""Bytes are sent, a number is a pause in seconds, "close" and "reset" end the connection, and
"answer" lets the application do what was asked: its answer goes out if it is the last step, and is
lost if not."""
Script = Iterator[Step]

JSON_BODY = b'{"users": [], "total": 0}'


def _head(status: str = "200 OK", **headers: object) -> bytes:
    lines = [f"HTTP/1.1 {status}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _whole(
    body: bytes, status: str = "200 OK", kind: str = "application/json", **headers: object
) -> bytes:
    """An answer after which the connection ends, and says so: the embedded server closes it."""
    return (
        _head(status, Content_Type=kind, Content_Length=len(body), Connection="close", **headers)
        + body
    )


@functools.cache
def _zipped_spaces(size: int) -> bytes:
    """So many spaces, as gzip; never all of them in memory."""
    compress = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    block = b" " * 1_000_000
    parts = [compress.compress(block) for _ in range(size // len(block))]
    return b"".join([*parts, compress.compress(b" " * (size % len(block))), compress.flush()])


# ---------------------------------------------------------------- the faults


def close() -> Script:
    """Close the connection before the status line."""
    yield "close"


def reset() -> Script:
    """Reset the connection before the status line."""
    yield "reset"


def lost() -> Script:
    """Do what the request asks, then reset the connection: the answer is lost."""
    yield "answer"
    yield "reset"


def slow(seconds: float = 1.0) -> Script:
    """Answer correctly, but late."""
    yield seconds
    yield "answer"


def silence(seconds: float = 30.0) -> Script:
    """Take the request and say nothing, then close."""
    yield seconds
    yield "close"


def reset_body() -> Script:
    """Reset the connection in the middle of the body."""
    yield _head(Content_Type="application/json", Content_Length=len(JSON_BODY)) + JSON_BODY[:10]
    yield 0.05
    yield "reset"


def short_body() -> Script:
    """Close the connection before the body has as many bytes as Content-Length says."""
    yield _head(Content_Type="application/json", Content_Length=len(JSON_BODY) + 5) + JSON_BODY
    yield "close"


def cut_chunks() -> Script:
    """Close a chunked answer before its last chunk; what came is valid JSON by itself."""
    yield _head(Content_Type="application/json", Transfer_Encoding="chunked")
    yield f"{len(JSON_BODY):x}\r\n".encode() + JSON_BODY + b"\r\n"
    yield "close"


def drip(interval: float = 0.1, count: int = 300) -> Script:
    """Send one byte of the body per interval."""
    yield _head(Content_Type="application/json", Content_Length=count)
    for _ in range(count):
        yield interval
        yield b" "


def drip_head(interval: float = 0.1, count: int = 300) -> Script:
    """Send one byte of the headers per interval."""
    yield b"HTTP/1.1 200 OK\r\nX-Slow: "
    for _ in range(count):
        yield interval
        yield b"x"


def status(code: int = 503, retry_after: str | float | None = None, html: bool = False) -> Script:
    """Answer with this status, like the server or, with html, like a proxy in front of it."""
    headers: dict[str, Any] = {} if retry_after is None else {"Retry-After": retry_after}
    if html:
        page = f"<html><body><h1>{code}</h1></body></html>".encode()
        yield _whole(page, f"{code} Fault", "text/html", **headers)
    else:
        yield _whole(json.dumps({"detail": "fault"}).encode(), f"{code} Fault", **headers)


def redirect(location: str = "/elsewhere", code: int = 302) -> Script:
    """Redirect the client."""
    yield _whole(b"", f"{code} Found", Location=location)


def web_page() -> Script:
    """Answer 200 with a web page, like the sign-in page of a proxy."""
    yield _whole(b"<!doctype html><title>Sign in</title>", kind="text/html; charset=utf-8")


def bomb(size: int = 200_000_000) -> Script:
    """Answer with a few bytes that decompress to this size."""
    yield _whole(_zipped_spaces(size), Content_Encoding="gzip")


def deep(levels: int = 100_000) -> Script:
    """Answer with arrays nested to this depth."""
    yield _whole(b"[" * levels + b"]" * levels)


def bad_utf8() -> Script:
    """Answer with JSON that is not UTF-8."""
    yield _whole(b'{"users": "\xff", "total": 0}')


def bad_status_line() -> Script:
    """Answer with an invalid status line."""
    yield b"HTTP/1.1 two hundred\r\n\r\n"
    yield "close"


def not_http() -> Script:
    """Answer without any headers, as HTTP/0.9 did."""
    yield JSON_BODY
    yield "close"


def huge_header(size: int = 1_000_000) -> Script:
    """Answer with one header of this size in bytes."""
    yield _whole(JSON_BODY, X_Huge="x" * size)


FAULTS: dict[str, Callable[..., Script]] = {
    function.__name__: function
    for function in (
        close,
        reset,
        lost,
        slow,
        silence,
        reset_body,
        short_body,
        cut_chunks,
        drip,
        drip_head,
        status,
        redirect,
        web_page,
        bomb,
        deep,
        bad_utf8,
        bad_status_line,
        not_http,
        huge_header,
    )
}
"""Every fault by its name."""


def script(kind: str, **options: Any) -> Script:
    """The steps of a fault; ValueError for a name that there is not."""
    if kind not in FAULTS:
        raise ValueError(f"there is no fault {kind!r}; there are {', '.join(sorted(FAULTS))}")
    return FAULTS[kind](**options)


# ---------------------------------------------------------------- when, and how they are played


@dataclass
class Plan:
    """A fault that waits for requests."""

    kind: str
    options: dict[str, Any]
    times: int
    method: str | None
    path: str
    played: int = field(default=0)

    def __post_init__(self) -> None:
        script(self.kind)  # refuses an unknown name
        inspect.signature(FAULTS[self.kind]).bind(**self.options)

    def fits(self, method: str, path: str) -> bool:
        """Is this a request that goes wrong, and are there any left?"""
        return (
            self.played < self.times
            and self.method in (None, method)
            and fnmatchcase(path, self.path)
        )


def reset_on_close(connection: socket.socket) -> None:
    """Let the closing of this socket be a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def play(
    steps: list[Step], transport: asyncio.Transport, answer: Callable[[bool], Any]
) -> None:
    """Play a script on a connection.

    Args:
        steps: the script.
        transport: of the connection.
        answer: coroutine function that lets the application answer; True: the answer goes out.
    """
    for number, step in enumerate(steps):
        if transport.is_closing():
            return
        if isinstance(step, bytes):
            transport.write(step)
        elif step == "answer":
            await answer(number == len(steps) - 1)
        elif isinstance(step, str):
            if step == "reset":
                reset_on_close(transport.get_extra_info("socket"))
                transport.abort()
            else:
                transport.close()
        else:
            await asyncio.sleep(step)
