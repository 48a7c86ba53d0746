"""What the fuzz targets begin with, made from what the project has: JSON texts by the grammar,
answers of real servers as they were recorded, and a few of each other kind.

    python tests/fuzz/seeds.py FOLDER
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))

from json_texts import ACCEPT, CHOICES, REFUSE  # noqa: E402

from openwebui_users import _core  # noqa: E402

_MOST = 60_000  # bytes of one seed

_URLS = [
    b"\x00https://chat.example.com/sub/api/v1/",
    b"\x00http://[::1]:8080/api",
    b"\x00http://user:password@host/",
    b"\x01abc-DEF_123.~",
    b"\x01..",
    b"\x01%2e%2e",
    "\x01ä/😀?#".encode(),
    b"\x02a b&c=d+e%20",
    b"\x03Bearer sk-abc",
    b"\x03a\r\nb: c",
    b"\x04/api/v1/users/?page=2",
    b"\x04/api/../x",
]
_RETRY_AFTER = [
    b"120",
    b"0",
    b"-1",
    b"1.5",
    b"99999999999999999999",
    b"Sun, 06 Nov 1994 08:49:37 GMT",
    b"Sunday, 06-Nov-94 08:49:37 GMT",
    b"Sun Nov  6 08:49:37 1994",
    b"Fri, 31 Dec 9999 23:59:59 GMT",
    b"Wed, 29 Feb 2023 00:00:00 GMT",
]
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_BODY = b'{"users": [], "total": 0}'
_RESPONSES = [
    _HEAD + b"Content-Length: 25\r\n\r\n" + _BODY,
    _HEAD + b"Transfer-Encoding: chunked\r\n\r\n19\r\n" + _BODY + b"\r\n0\r\n\r\n",
    _HEAD + b"\r\n" + _BODY,
    b"HTTP/1.1 100 Continue\r\n\r\n" + _HEAD + b"Content-Length: 25\r\n\r\n" + _BODY,
    b'HTTP/1.1 401 x\r\nContent-Type: application/json\r\n\r\n{"detail": "no"}',
    b"HTTP/1.1 503 x\r\nRetry-After: 5\r\n\r\n",
    b"HTTP/1.1 307 x\r\nLocation: //elsewhere/\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>",
    b"HTTP/1.0 200 OK\r\nX: a\r\n b\r\n\r\n{}",
    b"ICY 200 OK\r\n\r\n",
]


def _recorded() -> Iterator[tuple[str, object]]:
    """Bodies that real servers answered with."""
    for path in sorted((TESTS / "contract" / "recorded").glob("*.json")):
        waiting: list[object] = [json.loads(path.read_text())]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                if isinstance(value.get("answer"), (dict, list)):
                    yield path.stem, value["answer"]
                waiting += value.values()
            elif isinstance(value, list):
                waiting += value


def _models() -> Iterator[bytes]:
    """Each model with values for all its fields, and recorded answers as those that fit them."""
    names = [table["name"] for table in _core.model_table()]
    examples = {"str": "a", "int": 1, "float": 1.5, "bool": True, "date": "2000-02-29", "any": None}
    for number, table in enumerate(_core.model_table()):
        whole = {
            field["alias"]: examples.get(field["kind"], [] if field["kind"] == "list" else {})
            for field in table["fields"]
        }
        for way in (b"\x00", b"\x01"):
            yield bytes([number]) + way + json.dumps(whole).encode()
    user, users = names.index("UserModel"), names.index("UserListResponse")
    seen = set()
    for _, answer in _recorded():
        text = json.dumps(answer).encode()
        shape = tuple(sorted(answer)) if isinstance(answer, dict) else ()
        if shape not in seen and len(text) < _MOST:
            seen.add(shape)
            yield bytes([users if "total" in shape else user, 0]) + text


def seeds() -> Iterator[tuple[str, bytes]]:
    """Targets and inputs."""
    texts = [text for _, text in (*ACCEPT, *REFUSE)] + [text for _, text, _, _ in CHOICES]
    yield from (("json", text) for text in texts if len(text) < _MOST)
    yield from (("models", text) for text in _models())
    yield from (("url", text) for text in _URLS)
    yield from (("retry_after", text) for text in _RETRY_AFTER)
    yield from (("response", text) for text in _RESPONSES)
    yield from (("write", bytes(range(start, start + 64))) for start in range(0, 192, 16))


def write(folder: Path) -> None:
    """Write them into folder/seeds/TARGET, and beside them what once failed."""
    for path in sorted((TESTS / "fuzz" / "corpus").glob("*/*")):
        copy = folder / "seeds" / path.parent.name / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    for target, text in seeds():
        path = folder / "seeds" / target / hashlib.sha256(text).hexdigest()[:16]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
