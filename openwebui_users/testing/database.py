"""What the embedded server stores, in SQLite: users, their tokens, groups, channels, settings."""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import threading
import time
import uuid
from typing import Any

from .versions import NEWEST, OLDEST

Row = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, email TEXT, name TEXT, role TEXT,
    created_at INTEGER, updated_at INTEGER, last_active_at INTEGER, password TEXT, api_key TEXT,
    data TEXT
);
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, user_id TEXT);
CREATE TABLE IF NOT EXISTS old_tokens (token TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS groups (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, data TEXT
);
CREATE TABLE IF NOT EXISTS members (group_id TEXT, user_id TEXT, UNIQUE (group_id, user_id));
CREATE TABLE IF NOT EXISTS channels (id TEXT PRIMARY KEY, data TEXT);
CREATE TABLE IF NOT EXISTS config (name TEXT PRIMARY KEY, value TEXT);
"""
TABLES = ("users", "tokens", "old_tokens", "groups", "members", "channels", "config")

# A user as lists of administrators show it, in the server's order.
USER_KEYS = [
    "id",
    "email",
    "username",
    "role",
    "name",
    "profile_image_url",
    "profile_banner_image_url",
    "bio",
    "gender",
    "date_of_birth",
    "timezone",
    "presence_state",
    "status_emoji",
    "status_message",
    "status_expires_at",
    "info",
    "settings",
    "oauth",
    "scim",
    "last_active_at",
    "updated_at",
    "created_at",
]
IN_COLUMNS = ("id", "email", "name", "role", "created_at", "updated_at", "last_active_at")
SORTED_BY = {"name", "email", "role", "created_at", "updated_at", "last_active_at"}
PAGE_SIZE = 30
ACTIVE_SECONDS = 180


def hash_password(password: str) -> str:
    """A salted hash that costs little: tests add hundreds of users, and guard no secrets."""
    salt = secrets.token_hex(8)
    return f"{salt}${hashlib.sha256(f'{salt}{password}'.encode()).hexdigest()}"


def password_fits(stored: str, password: str) -> bool:
    """Does the password belong to this hash?"""
    salt, _, digest = stored.partition("$")
    return digest == hashlib.sha256(f"{salt}{password}".encode()).hexdigest()


class Database:
    """One connection that the server's thread and the tests share under a lock."""

    def __init__(self, path: str | None, version: str = NEWEST) -> None:
        self.is_oldest = version == OLDEST
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            path or ":memory:", check_same_thread=False, isolation_level=None
        )
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        self._connection.close()

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of one statement."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def dump(self) -> str:
        """Everything, as SQL that `restore` takes."""
        with self._lock:
            return "\n".join(self._connection.iterdump())

    def restore(self, dump: str) -> None:
        """Replace everything by what `dump` gave."""
        with self._lock:
            drops = "".join(f"DROP TABLE {name};" for name in TABLES)
            self._connection.executescript(drops + dump)

    # ------------------------------------------------------------ config

    def config(self, name: str, default: Any) -> Any:
        rows = self.run("SELECT value FROM config WHERE name = ?", name)
        return json.loads(rows[0][0]) if rows else default

    def set_config(self, name: str, value: Any) -> None:
        self.run("REPLACE INTO config VALUES (?, ?)", name, json.dumps(value))

    # ------------------------------------------------------------ users

    def add_user(self, name: str, email: str, password: str, role: str, image: str) -> Row:
        now = int(time.time())
        keys = [key for key in USER_KEYS if not (self.is_oldest and key == "scim")]
        user = dict.fromkeys(keys) | {
            "id": str(uuid.uuid4()),
            "email": email,
            "name": name,
            "role": role,
            "profile_image_url": image,
            "created_at": now,
            "updated_at": now,
            "last_active_at": now,
        }
        columns = [user[key] for key in IN_COLUMNS]
        self.run(
            f"INSERT INTO users ({', '.join(IN_COLUMNS)}, password, data) "
            f"VALUES ({', '.join('?' * len(IN_COLUMNS))}, ?, ?)",
            *columns,
            hash_password(password),
            json.dumps(user),
        )
        return user

    def store_user(self, user: Row) -> None:
        changes = ", ".join(f"{key} = ?" for key in IN_COLUMNS)
        values = [user[key] for key in IN_COLUMNS]
        known = {key: user[key] for key in (*USER_KEYS, "variables") if key in user}
        self.run(
            f"UPDATE users SET {changes}, data = ? WHERE id = ?",
            *values,
            json.dumps(known),
            user["id"],
        )

    def users(self, where: str = "1", *values: Any) -> list[Row]:
        rows = self.run(f"SELECT data FROM users WHERE {where}", *values)
        return [json.loads(row[0]) for row in rows]

    def user(self, user_id: str) -> Row | None:
        return next(iter(self.users("id = ?", user_id)), None)

    def user_by_email(self, email: str) -> Row | None:
        return next(iter(self.users("lower(email) = lower(?)", email)), None)

    def first_user(self) -> Row | None:
        """The primary administrator."""
        return next(iter(self.users("1 ORDER BY number LIMIT 1")), None)

    def delete_user(self, user_id: str) -> None:
        self.run("DELETE FROM users WHERE id = ?", user_id)
        self.run("DELETE FROM tokens WHERE user_id = ?", user_id)
        self.run("DELETE FROM members WHERE user_id = ?", user_id)

    def page_of_users(
        self,
        query: str | None,
        order_by: str | None,
        direction: str | None,
        page: int | None,
        among: set[str] | None = None,
    ) -> tuple[list[Row], int]:
        """One page, all when page is None; and how many match. LIKE, wildcards included."""
        where, values = "1", []
        if query:
            where = "(name LIKE ? OR email LIKE ?)"
            values = [f"%{query}%"] * 2
        column = order_by if order_by in SORTED_BY else "created_at"
        way = "ASC" if direction == "asc" and order_by in SORTED_BY else "DESC"
        found = self.users(f"{where} ORDER BY {column} {way}, number {way}", *values)
        if among is not None:
            found = [user for user in found if user["id"] in among]
        start = (max(page, 1) - 1) * PAGE_SIZE if page is not None else 0
        stop = start + PAGE_SIZE if page is not None else len(found)
        return found[start:stop], len(found)

    # ------------------------------------------------------------ passwords, tokens, keys

    def check_password(self, user_id: str, password: str) -> bool:
        rows = self.run("SELECT password FROM users WHERE id = ?", user_id)
        return bool(rows) and password_fits(rows[0][0], password)

    def set_password(self, user_id: str, password: str) -> None:
        self.run("UPDATE users SET password = ? WHERE id = ?", hash_password(password), user_id)

    def new_token(self, user_id: str) -> str:
        token = f"eyJ{secrets.token_urlsafe(32)}"
        self.run("INSERT INTO tokens VALUES (?, ?)", token, user_id)
        return token

    def drop_token(self, token: str) -> None:
        self.run("INSERT OR IGNORE INTO old_tokens VALUES (?)", token)
        self.run("DELETE FROM tokens WHERE token = ?", token)

    def drop_tokens_of(self, user_id: str) -> None:
        self.run(
            "INSERT OR IGNORE INTO old_tokens SELECT token FROM tokens WHERE user_id = ?", user_id
        )
        self.run("DELETE FROM tokens WHERE user_id = ?", user_id)

    def was_token(self, token: str) -> bool:
        """Was this a token until it was revoked?"""
        return bool(self.run("SELECT 1 FROM old_tokens WHERE token = ?", token))

    def user_of(self, credential: str) -> Row | None:
        """Whose token or API key is this?"""
        if credential.startswith("sk-"):
            return next(iter(self.users("api_key = ?", credential)), None)
        where = "id = (SELECT user_id FROM tokens WHERE token = ?)"
        return next(iter(self.users(where, credential)), None)

    def api_key(self, user_id: str) -> str | None:
        rows = self.run("SELECT api_key FROM users WHERE id = ?", user_id)
        return rows[0][0] if rows else None

    def set_api_key(self, user_id: str, key: str | None) -> None:
        self.run("UPDATE users SET api_key = ? WHERE id = ?", key, user_id)

    # ------------------------------------------------------------ groups, channels

    def groups(self) -> list[Row]:
        rows = self.run("SELECT data FROM groups ORDER BY number")
        return [json.loads(row[0]) for row in rows]

    def group(self, group_id: str) -> Row | None:
        rows = self.run("SELECT data FROM groups WHERE id = ?", group_id)
        return json.loads(rows[0][0]) if rows else None

    def store_group(self, group: Row) -> None:
        text = json.dumps(group)
        self.run("INSERT OR IGNORE INTO groups (id) VALUES (?)", group["id"])
        self.run("UPDATE groups SET data = ? WHERE id = ?", text, group["id"])

    def delete_group(self, group_id: str) -> None:
        self.run("DELETE FROM groups WHERE id = ?", group_id)
        self.run("DELETE FROM members WHERE group_id = ?", group_id)

    def members_of(self, group_id: str) -> list[str]:
        rows = self.run("SELECT user_id FROM members WHERE group_id = ?", group_id)
        return [row[0] for row in rows]

    def groups_of(self, user_id: str) -> list[Row]:
        rows = self.run("SELECT group_id FROM members WHERE user_id = ?", user_id)
        mine = {row[0] for row in rows}
        return [group for group in self.groups() if group["id"] in mine]

    def add_members(self, group_id: str, user_ids: list[str]) -> None:
        for user_id in user_ids:
            if self.user(user_id) is not None:
                self.run("INSERT OR IGNORE INTO members VALUES (?, ?)", group_id, user_id)

    def remove_members(self, group_id: str, user_ids: list[str]) -> None:
        for user_id in user_ids:
            self.run("DELETE FROM members WHERE group_id = ? AND user_id = ?", group_id, user_id)

    def channels(self) -> list[Row]:
        return [json.loads(row[0]) for row in self.run("SELECT data FROM channels")]

    def channel(self, channel_id: str) -> Row | None:
        rows = self.run("SELECT data FROM channels WHERE id = ?", channel_id)
        return json.loads(rows[0][0]) if rows else None

    def store_channel(self, channel: Row) -> None:
        self.run("REPLACE INTO channels VALUES (?, ?)", channel["id"], json.dumps(channel))


def is_active(user: Row) -> bool:
    """Was the user seen in the last three minutes?"""
    seen: int = user["last_active_at"]
    return time.time() - seen < ACTIVE_SECONDS
