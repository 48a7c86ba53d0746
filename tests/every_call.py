"""One working day that makes every call of the table once, on whatever server there is."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from openwebui_users import UnsupportedByServerError, UsersClient

PASSWORD = "secret word"


class EveryCall:
    """Makes the calls and keeps the answers by "resource.name"; None where a server lacks one."""

    def __init__(
        self, url: str, token: str, channel_id: str, make_client: Callable[..., Any] = UsersClient
    ) -> None:
        self._make_client = make_client
        self.answers: dict[str, Any] = {}
        self.unsupported: set[str] = set()
        self._url = url
        self._channel_id = channel_id
        with make_client(url, token) as admin:
            self._administer(admin)

    def _make(self, name: str, call: Callable[..., Any], /, *args: Any, **keywords: Any) -> Any:
        try:
            self.answers[name] = call(*args, **keywords)
        except UnsupportedByServerError:
            self.unsupported.add(name)
            return None
        return self.answers[name]

    def _users(self, client: UsersClient, name: str, /, *args: Any, **keywords: Any) -> Any:
        return self._make(f"users.{name}", getattr(client, name), *args, **keywords)

    def _auths(self, client: UsersClient, name: str, /, *args: Any, **keywords: Any) -> Any:
        return self._make(f"auths.{name}", getattr(client.auths, name), *args, **keywords)

    def _groups(self, client: UsersClient, name: str, /, *args: Any, **keywords: Any) -> Any:
        return self._make(f"groups.{name}", getattr(client.groups, name), *args, **keywords)

    def _administer(self, admin: UsersClient) -> None:
        email = f"{uuid.uuid4().hex}@example.com"
        added = self._auths(
            admin, "add_user", name="Ann", email=email, password=PASSWORD, role="user"
        )
        self._lists(admin)
        self._own(email)
        self._one_user(admin, added)
        self._group(admin, added.id)
        self._make("channels.get_channels", admin.channels.get_channels)
        self._make("channels.get_members", admin.channels.get_members, self._channel_id)
        self._users(admin, "revoke_user_sessions", added.id)
        self._users(admin, "delete_user_by_id", added.id)

    def _lists(self, admin: UsersClient) -> None:
        self._users(admin, "get_users", order_by="email", page=1)
        self._users(admin, "get_all_users")
        self._users(admin, "search_users", query="ann")
        permissions = self._users(admin, "get_default_user_permissions")
        self._users(admin, "update_default_user_permissions", permissions)
        self._users(admin, "get_default_user_permission_defaults")

    def _own(self, email: str) -> None:
        """What people do for themselves."""
        with self._make_client(self._url) as own:
            self._auths(own, "signin", email=email, password=PASSWORD)
            me = self._auths(own, "get_session_user")
            self._auths(own, "update_profile", name="Ann B", profile_image_url=me.profile_image_url)
            self._auths(own, "update_timezone", timezone="Europe/Vienna")
            for name in ("get_user_groups", "get_user_permissions", "get_user_usage"):
                self._users(own, name)
            self._users(own, "update_user_settings", {"ui": {"theme": "dark"}})
            self._users(own, "get_user_settings")
            self._users(own, "update_user_status", status_message="away")
            self._users(own, "get_user_status")
            self._users(own, "update_user_info", {"a": 1})
            self._users(own, "get_user_info")
            self._users(own, "update_user_variables", {"team": "blue"})
            self._users(own, "get_user_variables")
            self._auths(own, "generate_api_key")
            self._auths(own, "get_api_key")
            self._auths(own, "delete_api_key")
            self._auths(own, "update_password", password=PASSWORD, new_password=PASSWORD)
            own.auths.signin(email=email, password=PASSWORD)
            self._auths(own, "sign_out")

    def _one_user(self, admin: UsersClient, added: Any) -> None:
        self._users(
            admin,
            "update_user_by_id",
            added.id,
            name="Ann",
            role="user",
            email=added.email,
            profile_image_url="/user.png",
        )
        for name in (
            "get_user_by_id",
            "get_user_info_by_id",
            "get_user_profile_image_by_id",
            "get_user_active_status_by_id",
            "get_user_groups_by_id",
            "get_user_preview_by_id",
        ):
            self._users(admin, name, added.id)

    def _group(self, admin: UsersClient, user_id: str) -> None:
        group = self._groups(admin, "create_new_group", name=uuid.uuid4().hex, description="d")
        self._groups(admin, "get_groups")
        self._groups(admin, "get_group_by_id", group.id)
        self._groups(admin, "update_group_by_id", group.id, name="Staff", description="e")
        self._groups(admin, "add_user_to_group", group.id, user_ids=[user_id])
        self._groups(admin, "get_users_in_group", group.id)
        self._groups(admin, "get_group_members", group.id)
        self._groups(admin, "remove_users_from_group", group.id, user_ids=[user_id])
        self._groups(admin, "delete_group_by_id", group.id)
