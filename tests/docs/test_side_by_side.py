"""The table of docs/coming-from-owui-client.md: the code in it works, on both sides."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import gc
import inspect
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import owui_client  # type: ignore[import-untyped]
import pytest
from admin_server import make_group
from owui_client.models.auths import (  # type: ignore[import-untyped]
    AddUserForm,
    SigninForm,
)
from owui_client.models.groups import (  # type: ignore[import-untyped]
    GroupForm,
    UserIdsForm,
)
from owui_client.models.users import (  # type: ignore[import-untyped]
    UserPermissions,
    UserSettings,
    UserUpdateForm,
)
from pages import ROOT

from openwebui_users import UnexpectedContentTypeError, UsersClient, admin
from openwebui_users.testing import EmbeddedServer

PAGE = (ROOT / "docs" / "coming-from-owui-client.md").read_text(encoding="utf-8")
STATE = "users:\n  - email: ann@example.com\n    role: admin\n"


@contextlib.contextmanager
def unclosed_connections() -> Iterator[None]:
    """The peer leaves its connections to the garbage collector, which says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


def rows() -> list[list[str]]:
    table = PAGE.partition("<!-- table: side by side -->")[2].partition("<!-- end -->")[0]
    lines = [line for line in table.strip().split("\n") if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def code_of(cell: str) -> str | None:
    """The code of a cell, or None for "none"."""
    if cell == "none":
        return None
    found = re.match(r"`([^`]+)`", cell)
    assert found, cell
    return found[1]


async def run(cells: list[str], names: dict[str, Any], url: str, key: str) -> None:
    for cell in cells:
        source = code_of(cell)
        if source is None:
            continue
        source = source.replace("https://chat.example.com", url).replace("sk-…", key)
        code = compile(source, cell, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        value = eval(code, names)
        if code.co_flags & inspect.CO_COROUTINE:
            await value


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("side", [1, 2])
def test_cells(side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "people.csv").write_text("name,email\nFinn,finn@example.com\n")
    (tmp_path / "state.yaml").write_text(STATE)
    monkeypatch.chdir(tmp_path)
    with EmbeddedServer() as server, unclosed_connections():
        ids = {
            name: server.add_user(name.title(), f"{name}@example.com").id
            for name in ("ann", "ben", "cem")
        }
        with UsersClient(server.url, server.admin_token) as client:
            group = make_group(client, "staff")
        names: dict[str, Any] = {
            "AddUserForm": AddUserForm,
            "GroupForm": GroupForm,
            "OpenWebUI": owui_client.OpenWebUI,
            "SigninForm": SigninForm,
            "UserIdsForm": UserIdsForm,
            "UserSettings": UserSettings,
            "UserUpdateForm": UserUpdateForm,
            "UsersClient": UsersClient,
            "admin": admin,
            "asyncio": asyncio,
            "email": server.admin_email,
            "group_id": group,
            "leaving": [ids["ben"], ids["cem"]],
            "password": server.admin_password,
            "picture": "/user.png",
            "user_id": ids["ann"],
        }
        cells = [row[side] for row in rows()]
        assert len(cells) > 15
        asyncio.run(run(cells, names, server.url, server.admin_token))
        names.clear()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_is_said_of_the_peer() -> None:
    """What the page says and shows no block for."""
    with EmbeddedServer() as server, unclosed_connections():

        async def ask(url: str, user_id: str) -> Any:
            return await owui_client.OpenWebUI(url, server.admin_token).users.get_user_by_id(
                user_id
            )

        page = asyncio.run(ask(server.url, "nobody"))
        assert isinstance(page, str) and "<html" in page.lower()
        with pytest.raises(httpx.HTTPStatusError):
            asyncio.run(ask(f"{server.url}/api", "nobody"))
        server.forget_requests()
        with contextlib.suppress(ValueError):  # what comes need not be a user
            asyncio.run(ask(f"{server.url}/api", "../auths/admin/config"))
        assert server.requests[-1].path == "/api/v1/auths/admin/config"

        with UsersClient(server.url, server.admin_token, retry=0) as users:
            known = {
                (section, permission.alias or name)
                for section, field in UserPermissions.model_fields.items()
                for name, permission in field.annotation.model_fields.items()
            }
            sent = users.request("GET", "/api/v1/users/default/permissions").json()
            assert {(section, name) for section in sent for name in sent[section]} - known == {
                ("features", "encrypted_channels"),
                ("sharing", "open_chats"),
                ("workspace", "models_hidden"),
            }
            server.fault("web_page")
            with pytest.raises(UnexpectedContentTypeError, match=r"base URL|base_url"):
                users.get_users()
