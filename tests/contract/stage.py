"""What the cases need of a server besides its routes, for the embedded server and for real ones."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
import time
import uuid
from typing import Protocol

from cryptography.fernet import Fernet
from real_server import RealServer

from openwebui_users.testing import EmbeddedServer


class Stage(Protocol):
    """A server with an administrator, and ways to bring it into a state no route brings it into."""

    url: str
    version: str
    admin_token: str
    admin_email: str
    admin_password: str

    def open_signup(self) -> None:
        """Let people sign up; they wait for approval."""

    def add_channel(self, name: str, member_ids: list[str]) -> str:
        """A channel of the administrator with these members; its id."""

    def add_oauth_session(self, user_id: str) -> str:
        """A session of the user with an identity provider; its id."""


class EmbeddedStage:
    """The embedded server."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server
        self.url, self.version = server.url, server.version
        self.admin_token = server.admin_token
        self.admin_email, self.admin_password = server.admin_email, server.admin_password

    def open_signup(self) -> None:
        self._server.open_signup()

    def add_channel(self, name: str, member_ids: list[str]) -> str:
        return self._server.add_channel(name, member_ids)

    def add_oauth_session(self, user_id: str) -> str:
        return self._server.add_oauth_session(user_id, "oidc")


class RealStage:
    """A real server: its routes for administrators, and its database."""

    def __init__(self, server: RealServer) -> None:
        self._server = server
        self.url, self.version = server.url, server.version
        self.admin_token = server.admin_token
        self.admin_email, self.admin_password = server.admin_email, server.admin_password

    def open_signup(self) -> None:
        config = self._server.call("GET", "/auths/admin/config")
        self._server.call("POST", "/auths/admin/config", {**config, "ENABLE_SIGNUP": True})

    def add_channel(self, name: str, member_ids: list[str]) -> str:
        form = {"name": name, "type": "group", "user_ids": member_ids}
        channel: str = self._server.call("POST", "/channels/create", form)["id"]
        return channel

    def add_oauth_session(self, user_id: str) -> str:
        """Only a sign-in with a provider makes one, so it is written into the database."""
        session_id, now = str(uuid.uuid4()), int(time.time())
        token = _encrypted('{"access_token": "a"}', self._server.secret_key)
        row = (session_id, user_id, "oidc", token, now + 3600, now, now)
        database = sqlite3.connect(self._server.database, timeout=30)
        try:
            with database:
                database.execute("INSERT INTO oauth_session VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        finally:
            database.close()
        return session_id


def _encrypted(text: str, key: str) -> str:
    """As the server encrypts: Fernet under the hash of its secret key."""
    fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))
    return fernet.encrypt(text.encode()).decode()
