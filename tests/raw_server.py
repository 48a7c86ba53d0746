"""A server made of bare sockets: it sends exactly what a test wants, and records the requests."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from openwebui_users.testing import faults

LIMIT = 20.0  # seconds that any wait takes at most

Answer = Callable[["Connection", bytes], None]


class Connection:
    """One connection to a RawServer; its number counts from 0."""

    def __init__(self, stream: socket.socket, number: int) -> None:
        self.stream = stream
        self.number = number
        self.requests = 0
        self.closed = False

    def send(self, data: bytes) -> None:
        self.stream.sendall(data)

    def close(self, reset: bool = False) -> None:
        if reset:
            faults.reset_on_close(self.stream)
        self.closed = True
        with contextlib.suppress(OSError):
            self.stream.shutdown(socket.SHUT_RDWR) if not reset else None
        self.stream.close()


def reply(
    body: bytes = b"{}", *lines: str, status: str = "200 OK", kind: str = "application/json"
) -> Answer:
    """An answer with this body and these header lines."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", f"Content-Type: {kind}", *lines]
    text = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1") + body

    def answer(connection: Connection, request: bytes) -> None:  # noqa: ARG001
        connection.send(text)

    return answer


def reply_json(value: Any, *lines: str, status: str = "200 OK") -> Answer:
    return reply(json.dumps(value).encode(), *lines, status=status)


def echo(connection: Connection, request: bytes) -> None:
    """A user with the id that the path asks for: every answer says which question it belongs to."""
    user_id = request.split(b" ")[1].decode().split("/")[4]
    user = {"id": user_id, "name": "Ann", "email": "ann@example.com", "role": "user"}
    reply_json(user)(connection, request)


def fault(kind: str, **options: Any) -> Answer:
    """One of the faults of openwebui_users.testing; its "answer" is nothing here."""

    def answer(connection: Connection, request: bytes) -> None:  # noqa: ARG001
        for step in faults.script(kind, **options):
            if isinstance(step, bytes):
                connection.send(step)
            elif step == "close":
                connection.close()
            elif step == "reset":
                connection.close(reset=True)
            elif not isinstance(step, str):
                time.sleep(step)

    return answer


def in_turn(*answers: Answer) -> Answer:
    """The first request gets the first answer, and so on; the last one goes on for ever."""
    lock = threading.Lock()
    waiting = list(answers)

    def answer(connection: Connection, request: bytes) -> None:
        with lock:
            chosen = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        chosen(connection, request)

    return answer


class RawServer:
    """Answers each request with what a function does to its connection; a thread a connection.

    Args:
        answer: what is done with a request, head and body, that came whole.
        tls: the server's side of TLS; None: plain HTTP.
        family: AF_INET, AF_INET6, or AF_UNIX with address.
        on_connect: called with a new connection before it is read; False: it is not read.
    """

    def __init__(
        self,
        answer: Answer,
        *,
        tls: ssl.SSLContext | None = None,
        family: socket.AddressFamily = socket.AF_INET,
        address: Any = None,
        on_connect: Callable[[Connection], bool] | None = None,
    ) -> None:
        self._listener = socket.socket(family)
        if family == socket.AF_UNIX:
            self._listener.bind(address)
            self.url = "http://localhost"
        else:
            host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(address or (host, 0))
            self.port = int(self._listener.getsockname()[1])
            shown = f"[{host}]" if ":" in host else host
            self.url = f"{'http' if tls is None else 'https'}://{shown}:{self.port}"
        self._listener.listen(128)
        self._listener.settimeout(0.1)
        self._answer = answer
        self._tls = tls
        self._on_connect = on_connect
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self.connections = 0
        self.requests: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> RawServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self._thread.join(LIMIT)
        self._listener.close()
        with self._lock:
            for stream in self._open:
                with contextlib.suppress(OSError):
                    stream.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(LIMIT)

    def _serve(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(OSError):
                stream, _ = self._listener.accept()
                with self._lock:
                    number = self.connections
                    self.connections += 1
                    self._open.add(stream)
                thread = threading.Thread(
                    target=self._serve_one, args=(stream, number), daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def _serve_one(self, stream: socket.socket, number: int) -> None:
        stream.settimeout(LIMIT)
        connection = Connection(stream, number)
        with contextlib.suppress(OSError, ValueError):
            self._converse(connection)
        with self._lock:
            self._open.discard(stream)
        with contextlib.suppress(OSError):
            connection.stream.close()
        stream.close()

    def _converse(self, connection: Connection) -> None:
        if self._on_connect is not None and not self._on_connect(connection):
            return
        if self._tls is not None:
            connection.stream = self._tls.wrap_socket(connection.stream, server_side=True)
        while not self._stop.is_set() and not connection.closed:
            request = self._read(connection.stream)
            if request is None:
                return
            with self._lock:
                self.requests.append(request)
            connection.requests += 1
            self._answer(connection, request)

    def _read(self, stream: socket.socket) -> bytes | None:
        """One whole request; None when the connection ends before."""
        data = b""
        while b"\r\n\r\n" not in data:
            received = stream.recv(65536)
            if not received:
                return None
            data += received
        head, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        while len(body) < length:
            received = stream.recv(65536)
            if not received:
                return None
            body += received
        return head + b"\r\n\r\n" + body

    # ------------------------------------------------------------ what came

    def lines(self) -> list[str]:
        """Request lines: method and target."""
        with self._lock:
            return [one.split(b"\r\n")[0].decode().rsplit(" ", 1)[0] for one in self.requests]

    def header(self, name: str, number: int = -1) -> str | None:
        """A header of one of the requests."""
        with self._lock:
            head = self.requests[number].partition(b"\r\n\r\n")[0]
        return header_of(head.split(b"\r\n")[1:], name)


def header_of(lines: Iterable[bytes], name: str) -> str | None:
    for line in lines:
        key, _, value = line.partition(b":")
        if key.decode().lower() == name.lower():
            return value.decode("latin-1").strip()
    return None
