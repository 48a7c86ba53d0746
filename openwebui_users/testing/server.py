"""Start and stop of the embedded server, and the record of what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

try:
    import fastapi as _fastapi  # noqa: F401 - asked here, so that the error says what to install
    import uvicorn
except ImportError as error:
    raise ImportError(
        "openwebui_users.testing needs FastAPI and uvicorn: pip install 'openwebui_users[server]'"
    ) from error

from . import faults
from .app import build_app
from .auths import SECONDS_OF_A_TOKEN
from .channels import new_channel
from .database import Database
from .permissions import Permissions, initial
from .versions import NEWEST, VERSIONS

ADMIN_EMAIL = "admin@example.com"
ADMIN_PASSWORD = "administrator"
START_LIMIT = 30.0  # seconds
STOP_LIMIT = 10.0

Receive = Callable[[], Awaitable[Any]]


@dataclass(frozen=True)
class Recorded:
    """One request that arrived, and its answer.

    Attributes:
        method: HTTP method.
        path: path as it was sent, escapes included.
        query: the part after the "?"; "" if there is none.
        status: HTTP status of the answer. If a fault replaced the answer: the status of the lost
            answer, or 0.
        body: body of the request.
    """

    method: str
    path: str
    query: str
    status: int
    body: bytes


@dataclass(frozen=True)
class AddedUser:
    """A user made by `EmbeddedServer.add_user`.

    Attributes:
        id: id on the server.
        email: e-mail address as it was given.
        token: token of a session of the user, for a client that acts as this user.
    """

    id: str
    email: str
    token: str


class _Exchange:
    """One request on its way through the application, and what is kept of it."""

    def __init__(
        self, scope: Any, receive: Receive, send: Any, keep: Callable[[Recorded], None]
    ) -> None:
        self.scope = scope
        self.source = receive
        self.path = scope["raw_path"].decode("latin-1")
        self._send = send
        self._keep = keep
        self._body = bytearray()
        self._status = 0

    def keep(self) -> None:
        """Record the request, with the status it was answered with or would have been."""
        method, query = self.scope["method"], self.scope["query_string"].decode()
        self._keep(Recorded(method, self.path, query, self._status, bytes(self._body)))

    async def receive(self) -> Any:
        message = await self.source()
        self._body.extend(message.get("body", b""))
        return message

    async def send(self, message: Any) -> None:
        await self.drop(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.keep()  # before the last byte goes out: who has the answer finds the record
        await self._send(message)

    async def drop(self, message: Any) -> None:
        """Send nothing, but take note of the status."""
        if message["type"] == "http.response.start":
            self._status = message["status"]


class _Recorder:
    """Passes requests on to the application, or to a fault, and keeps what arrived."""

    def __init__(
        self,
        app: Any,
        keep: Callable[[Recorded], None],
        fault_for: Callable[[str, str], list[faults.Step] | None],
    ) -> None:
        self._app = app
        self._keep = keep
        self._fault_for = fault_for

    async def __call__(self, scope: Any, receive: Receive, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send, self._keep)
        steps = self._fault_for(scope["method"], exchange.path)
        if steps is None:
            await self._app(scope, exchange.receive, exchange.send)
        else:
            await self._go_wrong(exchange, steps)

    async def _go_wrong(self, exchange: _Exchange, steps: list[faults.Step]) -> None:
        """Play a fault on the connection, in place of the answer or around it."""

        async def answer(goes_out: bool) -> None:
            send = exchange.send if goes_out else exchange.drop
            await self._app(exchange.scope, exchange.receive, send)

        # uvicorn's request, of whose methods receive is one, knows the connection.
        request = exchange.source.__self__  # type: ignore[attr-defined]
        if "answer" not in steps:
            while (await exchange.receive()).get("more_body"):
                pass
        if steps[-1] == "answer":
            await faults.play(steps, request.transport, answer)
            return
        with contextlib.suppress(asyncio.CancelledError):  # the server stops meanwhile
            await faults.play(steps, request.transport, answer)
        exchange.keep()
        request.disconnected = True  # so that uvicorn expects no answer of ours
        request.transport.close()


class EmbeddedServer:
    """An imitated Open WebUI on loopback, served by a thread of this process.

    Args:
        version: version of Open WebUI to imitate, 0.12.4 or 0.6.42.
        database: file of the SQLite database, which is kept afterwards; None: in memory.
        port: TCP port; 0: any free one.
        host: address to listen on.
        extra_permissions: default permissions beyond those of the imitated version, by section.

    Attributes:
        url: base URL, while the server runs.
        version: version of Open WebUI that it imitates.
        admin_email, admin_password: of the primary administrator.
        admin_token: token of a session of the primary administrator.
        api_key: an API key of the primary administrator.
    """

    url: str
    version: str
    admin_email: str
    admin_password: str
    admin_token: str
    api_key: str

    def __init__(
        self,
        *,
        version: str = NEWEST,
        database: str | Path | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
        extra_permissions: Permissions | None = None,
    ) -> None:
        if version not in VERSIONS:
            raise ValueError(f"version must be one of {', '.join(VERSIONS)}")
        self.version = version
        self.admin_email = ADMIN_EMAIL
        self.admin_password = ADMIN_PASSWORD
        self._file = None if database is None else str(database)
        self._address = (host, port)
        self._extra = extra_permissions or {}
        self._requests: list[Recorded] = []
        self._plans: list[faults.Plan] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    # ------------------------------------------------------------ life

    def __enter__(self) -> EmbeddedServer:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> EmbeddedServer:
        """Start to serve, until `stop`; returns when the server answers requests."""
        if self._thread is not None:
            raise RuntimeError("this server runs already")
        self._database = Database(self._file, self.version)
        self._prepare()
        # with the protocol named, as asyncio sends small answers at once only then
        self._socket = socket.socket(proto=socket.IPPROTO_TCP)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(self._address)
        except BaseException:
            self._socket.close()
            self._database.close()
            raise
        host, port = self._socket.getsockname()
        self.url = f"http://{host}:{port}"
        app = _Recorder(
            build_app(self._database, self.version, self._extra), self._keep, self._fault_for
        )
        config = uvicorn.Config(
            app, log_level="error", lifespan="off", access_log=False, proxy_headers=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="embedded server", daemon=True)
        self._thread.start()
        end = time.monotonic() + START_LIMIT
        while not self._server.started:
            if time.monotonic() > end or not self._thread.is_alive():
                self.stop()
                raise RuntimeError("the embedded server did not start")
            time.sleep(0.005)
        return self

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def stop(self) -> None:
        """End all connections and the thread; may be called twice."""
        if self._thread is None:
            return
        self._server.should_exit = True
        self._server.force_exit = True  # a kept-alive connection need not be waited for
        self._thread.join(STOP_LIMIT)
        self._thread = None
        self._socket.close()
        self._database.close()

    def _prepare(self) -> None:
        """The administrator, unless a database file brings one; and the state for `reset`."""
        database = self._database
        admin = database.first_user()
        if admin is None:
            admin = database.add_user(
                "Administrator", ADMIN_EMAIL, ADMIN_PASSWORD, "admin", "/user.png"
            )
            # not of the same second as the next administrator: who is the primary one shows by that
            admin["created_at"] -= 60
            database.store_user(admin)
            permissions = initial(database.is_oldest, self._extra)
            database.set_config("permissions", permissions)
        self.admin_email = admin["email"]
        self.admin_token = self._new_token(admin["id"])
        self.api_key = database.api_key(admin["id"]) or f"sk-{self.admin_token[3:]}"
        database.set_api_key(admin["id"], self.api_key)
        self._state = database.dump()

    # ------------------------------------------------------------ for tests

    def _keep(self, request: Recorded) -> None:
        with self._lock:
            self._requests.append(request)

    @property
    def requests(self) -> list[Recorded]:
        """The requests that arrived so far, in order; a copy."""
        with self._lock:
            return list(self._requests)

    def forget_requests(self) -> None:
        """Clear `requests`."""
        with self._lock:
            self._requests.clear()

    def reset(self) -> None:
        """Return to the state after the start; the administrator's token and key stay valid."""
        self._database.restore(self._state)
        self.clear_faults()
        self.forget_requests()

    def fault(
        self,
        kind: str,
        *,
        times: int = 1,
        method: str | None = None,
        path: str = "*",
        **options: Any,
    ) -> None:
        """Make coming requests fail.

        Args:
            kind: name of the fault, one of `openwebui_users.testing.FAULTS`: "drip", "reset",
                "lost", …
            times: number of requests that it affects.
            method: HTTP method of those requests; None: any.
            path: their path, as a pattern of fnmatch: "/api/v1/users/*".
            options: options of the fault, for instance seconds=2 for "slow".
        """
        with self._lock:
            self._plans.append(faults.Plan(kind, options, times, method, path))

    def clear_faults(self) -> None:
        """Forget all faults that have not happened yet."""
        with self._lock:
            self._plans.clear()

    def _fault_for(self, method: str, path: str) -> list[faults.Step] | None:
        with self._lock:
            for plan in self._plans:
                if plan.fits(method, path):
                    plan.played += 1
                    return list(faults.script(plan.kind, **plan.options))
        return None

    def add_user(
        self, name: str, email: str, password: str = "password", role: str = "user"
    ) -> AddedUser:
        """Add a user without a request."""
        user = self._database.add_user(name, email, password, role, "/user.png")
        return AddedUser(user["id"], email, self._new_token(user["id"]))

    def _new_token(self, user_id: str) -> str:
        return self._database.new_token(user_id, int(time.time()) + SECONDS_OF_A_TOKEN)

    def open_signup(self) -> None:
        """Allow sign-up, as an administrator can do; new users then wait for approval."""
        self._database.set_config("signup", True)

    def add_oauth_session(self, user_id: str, provider: str) -> str:
        """Give a user a session with an identity provider; returns its id. No route creates one."""
        return self._database.add_oauth_session(user_id, provider)

    def add_channel(self, name: str, members: list[str]) -> str:
        """Add a channel of the administrator with these users' ids as members; returns its id."""
        admin = self._database.first_user()
        maker: str = admin["id"] if admin else ""
        channel = new_channel(self._database, name, maker)
        self._database.add_channel(channel, list(dict.fromkeys([*members, maker])))
        return str(channel["id"])
