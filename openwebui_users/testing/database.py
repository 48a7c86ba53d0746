"""What the embedded server stores, in SQLite: users, their tokens, groups, channels, settings."""

from __future__ import annotations

import errno
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
CREATE TABLE IF NOT EXISTS tokens (
    token TEXT PRIMARY KEY, user_id TEXT, expires_at INTEGER, revoked INTEGER DEFAULT 0
);
CREATE TABLE IF NOT EXISTS oauth_sessions (id TEXT PRIMARY KEY, user_id TEXT, data TEXT);
CREATE TABLE IF NOT EXISTS groups (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, data TEXT
);
CREATE TABLE IF NOT EXISTS members (group_id TEXT, user_id TEXT, UNIQUE (group_id, user_id));
CREATE TABLE IF NOT EXISTS channels (id TEXT PRIMARY KEY, data TEXT);
CREATE TABLE IF NOT EXISTS channel_members (
    channel_id TEXT, user_id TEXT, UNIQUE (channel_id, user_id)
);
CREATE TABLE IF NOT EXISTS config (name TEXT PRIMARY KEY, value TEXT);
"""
TABLES = (
    "users",
    "tokens",
    "oauth_sessions",
    "groups",
    "members",
    "channels",
    "channel_members",
    "config",
)

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
        #: When somebody tried to sign in, by e-mail address: kept as long as the process lives.
        self.sign_ins: dict[str, list[float]] = {}
        self._lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(
                path or ":memory:", check_same_thread=False, isolation_level=None
            )
            self._connection.executescript(SCHEMA)
        except sqlite3.Error as error:
            raise OSError(errno.EIO, f"cannot be used as a database: {error}", path) from None

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
            self.sign_ins.clear()

    # ------------------------------------------------------------ config

    def config(self, name: str, default: Any) -> Any:
        rows = self.run("SELECT value FROM config WHERE name = ?", name)
        return json.loads(rows[0][0]) if rows else default

    def set_config(self, name: str, value: Any) -> None:
        self.run("REPLACE INTO config VALUES (?, ?)", name, json.dumps(value))

    # ------------------------------------------------------------ users

    def add_user(self, name: str, email: str, password: str, role: str, image: str | None) -> Row:
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
        rows = self.run(f"SELECT data, last_active_at FROM users WHERE {where}", *values)
        users = [{**json.loads(data), "last_active_at": seen} for data, seen in rows]
        for user in users:
            if not (user["profile_image_url"] or self.is_oldest):
                user["profile_image_url"] = f"/api/v1/users/{user['id']}/profile/image"
        return users

    def user(self, user_id: str) -> Row | None:
        return next(iter(self.users("id = ?", user_id)), None)

    def user_by_email(self, email: str) -> Row | None:
        return next(iter(self.users("lower(email) = lower(?)", email)), None)

    def first_user(self) -> Row | None:
        """The primary administrator."""
        return next(iter(self.users("1 ORDER BY number LIMIT 1")), None)

    def delete_user(self, user_id: str) -> None:
        """Their tokens stay known: they are told from those that never were any."""
        self.run("DELETE FROM users WHERE id = ?", user_id)
        self.run("DELETE FROM members WHERE user_id = ?", user_id)
        self.run("DELETE FROM channel_members WHERE user_id = ?", user_id)

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
        order = "number"
        if order_by in SORTED_BY:
            order = f"{order_by} {'ASC' if direction == 'asc' else 'DESC'}, number"
        elif not query:
            order = "created_at DESC, number"
        if among is not None:
            where += " AND id IN (SELECT value FROM json_each(?))"
            values.append(json.dumps(list(among)))
        ((total,),) = self.run(f"SELECT count(*) FROM users WHERE {where}", *values)
        if page is None:
            return self.users(f"{where} ORDER BY {order}", *values), total
        where += f" ORDER BY {order} LIMIT {PAGE_SIZE} OFFSET ?"
        return self.users(where, *values, (max(page, 1) - 1) * PAGE_SIZE), total

    # ------------------------------------------------------------ passwords, tokens, keys

    def check_password(self, user_id: str, password: str) -> bool:
        rows = self.run("SELECT password FROM users WHERE id = ?", user_id)
        return bool(rows) and password_fits(rows[0][0], password)

    def set_password(self, user_id: str, password: str) -> None:
        self.run("UPDATE users SET password = ? WHERE id = ?", hash_password(password), user_id)

    def new_token(self, user_id: str, expires_at: int | None) -> str:
        token = f"eyJ{secrets.token_urlsafe(32)}"
        statement = "INSERT INTO tokens (token, user_id, expires_at) VALUES (?, ?, ?)"
        self.run(statement, token, user_id, expires_at)
        return token

    def token(self, token: str) -> Row | None:
        """Whose this token is or was, when it expires, whether it was revoked."""
        statement = "SELECT user_id, expires_at, revoked FROM tokens WHERE token = ?"
        rows = self.run(statement, token)
        return (
            dict(zip(("user_id", "expires_at", "revoked"), rows[0], strict=True)) if rows else None
        )

    def revoke_tokens_of(self, user_id: str) -> None:
        self.run("UPDATE tokens SET revoked = 1 WHERE user_id = ?", user_id)

    def touch(self, user_id: str) -> None:
        """Note that the user is there."""
        self.run("UPDATE users SET last_active_at = ? WHERE id = ?", int(time.time()), user_id)

    def user_by_api_key(self, key: str) -> Row | None:
        return next(iter(self.users("api_key = ?", key)), None)

    def api_key(self, user_id: str) -> str | None:
        rows = self.run("SELECT api_key FROM users WHERE id = ?", user_id)
        return rows[0][0] if rows else None

    def set_api_key(self, user_id: str, key: str | None) -> None:
        self.run("UPDATE users SET api_key = ? WHERE id = ?", key, user_id)

    def add_oauth_session(self, user_id: str, provider: str) -> str:
        now = int(time.time())
        session = {
            "id": str(uuid.uuid4()),
            "user_id": user_id,
            "provider": provider,
            "token": {"access_token": "a"},
            "expires_at": now + 3600,
            "created_at": now,
            "updated_at": now,
        }
        statement = "INSERT INTO oauth_sessions VALUES (?, ?, ?)"
        self.run(statement, session["id"], user_id, json.dumps(session))
        return str(session["id"])

    def oauth_sessions_of(self, user_id: str) -> list[Row]:
        rows = self.run("SELECT data FROM oauth_sessions WHERE user_id = ?", user_id)
        return [json.loads(row[0]) for row in rows]

    # ------------------------------------------------------------ groups

    def groups(self) -> list[Row]:
        """The groups, last changed first."""
        rows = self.run("SELECT data FROM groups ORDER BY number")
        groups = [json.loads(row[0]) for row in rows]
        return sorted(groups, key=lambda group: -int(group["updated_at"]))

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

    def groups_of(self, user_id: str, inherited: bool = False) -> list[Row]:
        """The groups of a user; with inherited also those that these are within."""
        rows = self.run("SELECT group_id FROM members WHERE user_id = ?", user_id)
        theirs = {row[0] for row in rows}
        groups = self.groups()
        if inherited:
            theirs = self.with_parents(theirs, groups)
        return [group for group in groups if group["id"] in theirs]

    def with_parents(self, group_ids: set[str], groups: list[Row]) -> set[str]:
        """These groups and all that they are within."""
        parents = {group["id"]: group.get("parent_group_id") for group in groups}
        reached = set(group_ids)
        waiting = list(group_ids)
        while waiting:
            parent = parents.get(waiting.pop())
            if parent is not None and parent not in reached:
                reached.add(parent)
                waiting.append(parent)
        return reached

    def add_members(self, group_id: str, user_ids: list[str]) -> None:
        for user_id in user_ids:
            if self.user(user_id) is not None:
                self.run("INSERT OR IGNORE INTO members VALUES (?, ?)", group_id, user_id)

    def remove_members(self, group_id: str, user_ids: list[str]) -> None:
        for user_id in user_ids:
            self.run("DELETE FROM members WHERE group_id = ? AND user_id = ?", group_id, user_id)

    # ------------------------------------------------------------ channels

    def channels(self) -> list[Row]:
        return [json.loads(row[0]) for row in self.run("SELECT data FROM channels")]

    def channel(self, channel_id: str) -> Row | None:
        rows = self.run("SELECT data FROM channels WHERE id = ?", channel_id)
        return json.loads(rows[0][0]) if rows else None

    def add_channel(self, channel: Row, member_ids: list[str]) -> None:
        self.run("INSERT INTO channels VALUES (?, ?)", channel["id"], json.dumps(channel))
        for user_id in member_ids:
            statement = "INSERT OR IGNORE INTO channel_members VALUES (?, ?)"
            self.run(statement, channel["id"], user_id)

    def members_of_channel(self, channel_id: str) -> set[str]:
        statement = "SELECT user_id FROM channel_members WHERE channel_id = ?"
        return {row[0] for row in self.run(statement, channel_id)}


def is_active(user: Row) -> bool:
    """Was the user seen in the last three minutes?"""
    seen: int = user["last_active_at"]
    return time.time() - seen < ACTIVE_SECONDS
