"""Other people's names and addresses, as a real browser shows them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Listener, find_browser, look, look_at
from kernel import execute

from openwebui_users import UsersClient, admin
from openwebui_users._html import repr_html
from openwebui_users.testing import EmbeddedServer

BROWSER = find_browser() or ""
NAMES = [
    "<img src=x onerror=\"document.title='owned'\">",
    "<script>document.title='owned'</script>",
    "</td></table></div><svg onload=\"document.title='owned'\">",
    "<a href=\"javascript:document.title='owned'\">",
]
HARMFUL = ("img", "script", "svg", "a", "iframe", "link", "style", "handler")

pytestmark = pytest.mark.skipif(
    not BROWSER, reason="no browser: install chromium, or name one by OWU_BROWSER"
)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as listener:
        yield listener


@pytest.fixture
def server(listener: Listener) -> Iterator[EmbeddedServer]:
    """Its users have names that would do something, and pictures elsewhere."""
    with EmbeddedServer() as server:
        with UsersClient(server.url, server.admin_token) as client:
            url = f"{listener.url}/pixel.png"
            for number, name in enumerate(NAMES):
                user = server.add_user(name, f"user{number}@example.com")
                client.update_user_by_id(user.id, profile_image_url=url)
        yield server


@pytest.fixture
def client(server: EmbeddedServer) -> Iterator[UsersClient]:
    with UsersClient(server.url, server.admin_token) as client:
        yield client


def displays(client: UsersClient) -> dict[str, Any]:
    users = list(client.iter_users())
    desired = {
        "users": [
            *({"email": f"user{n}@example.com", "name": f"{x}!"} for n, x in enumerate(NAMES)),
            {"email": "new@example.com", "name": NAMES[0]},
        ]
    }
    ids = [user.id for user in users if user.role != "admin"]
    return {
        "model": client.get_users(order_by="email"),
        "list": users,
        "result": admin.delete_users(client, ids, backup=False, dry_run=True),
        "plan": admin.plan(client, desired),
        "drift": admin.drift(client, desired),
        "selection": admin.inactive_users(client, 0),
    }


@pytest.mark.parametrize("kind", ["model", "list", "result", "plan", "drift", "selection"])
def test_names_are_seen_as_text(
    kind: str, client: UsersClient, listener: Listener, tmp_path: Path
) -> None:
    shown = displays(client)[kind]
    html = repr_html(shown) if kind == "list" else shown._repr_html_()
    seen = look(BROWSER, html, tmp_path)
    assert seen.title == "untouched"
    assert not [name for name in HARMFUL if name in seen.elements]
    for name in NAMES:
        quoted = json.dumps(name)[1:-1] if kind in ("plan", "drift") else name
        assert quoted in seen.text
    assert listener.asked == []
    if kind in ("model", "list"):
        assert f"{listener.url}/pixel.png" in seen.text


def test_the_browser_would_tell(listener: Listener, tmp_path: Path) -> None:
    """The same names without any care do what they are meant to."""
    html = f'<p class="mathjax_ignore">{NAMES[0]}<img src="{listener.url}/pixel.png"></p>'
    seen = look(BROWSER, html, tmp_path)
    assert seen.title == "owned"
    assert seen.elements["img"] == 2 and seen.elements["handler"] == 1
    assert listener.asked == ["/pixel.png"]


def test_a_direction_ends_with_its_name(tmp_path: Path) -> None:
    """A character that turns the direction is seen, and turns nothing around it."""
    from openwebui_users import models

    users = [models.UserModel.model_construct(name="a\u202eb", email="ann@example.com")]
    seen = look(BROWSER, repr_html(users), tmp_path)
    assert "a\\u202eb" in seen.text and "\u202e" not in seen.text


def test_a_notebook_shows_names_as_text(
    server: EmbeddedServer, listener: Listener, tmp_path: Path
) -> None:
    """From a kernel through nbconvert into the browser."""
    cells = [
        "from openwebui_users import UsersClient, admin",
        f"client = UsersClient({server.url!r}, {server.admin_token!r})",
        'client.get_users(order_by="email")',
        'client.find_user("user0@example.com")',
        "admin.inactive_users(client, 0)",
        'admin.set_role(client, "pending", ["user0@example.com"])',
        'admin.plan(client, {"users": [{"email": "user1@example.com", "state": "absent"}]})',
        "client.close()",
    ]
    executed = execute(cells, tmp_path)
    seen = look_at(BROWSER, executed.with_suffix(".html"), tmp_path)
    assert seen.title != "owned"
    assert not [name for name in ("img", "svg", "iframe", "handler") if name in seen.elements]
    for name in NAMES:
        assert seen.text.count(name) >= 2
    assert listener.asked == []
