"""Every example of every page works, and prints what the page says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pages
import pytest
from admin_server import make_group
from given import GIVEN, Given

from openwebui_users import AuthsClient, ChannelsClient, GroupsClient, UsersClient
from openwebui_users.testing import EmbeddedServer

# The peer, which one page uses, leaves connections to the collector, which may come at any time.
# Clients of our own must be closed all the same.
pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed <socket:ResourceWarning", "ignore:unclosed transport:ResourceWarning"
)

CLIENTS = (AuthsClient, ChannelsClient, GroupsClient, UsersClient)
#: Pages whose sections are independent of each other: each begins anew.
BY_SECTION = ("docs/recipes.md",)
#: Blocks that may be left out at most.
LEFT_OUT = 12


def stories() -> Iterator[Any]:
    """Pages, and sections of those that are run section by section."""
    for page in pages.pages():
        if page in BY_SECTION:
            for section in dict.fromkeys(one.section for one in pages.blocks_of(page)):
                yield page, section
        else:
            yield page, ""


@pytest.fixture(scope="module")
def running() -> Iterator[EmbeddedServer]:
    with EmbeddedServer() as server:
        yield server


def people_of(server: EmbeddedServer, client: UsersClient, given: Given) -> dict[str, str]:
    """Put people and groups on the server; ids by addresses."""
    ids = {email: server.add_user(name, email).id for email, name in given.people.items()}
    for name, members in given.groups.items():
        group = make_group(client, name)
        if members:
            client.groups.add_user_to_group(group, user_ids=[ids[one] for one in members])
    return ids


class Names(dict[str, Any]):
    """What Python blocks find: `users` and `client` are clients that are open."""

    def open_clients(self, server: EmbeddedServer) -> None:
        self.close_clients("users", "client")
        self["users"] = self["client"] = UsersClient(server.url, server.admin_token)

    def close_clients(self, *names: str) -> None:
        """Those of these names, or all."""
        for name in names or self:
            one = self.get(name)
            if isinstance(one, CLIENTS):
                one.close()


@pytest.mark.parametrize(("page", "section"), [*stories()])
def test_examples(
    page: str,
    section: str,
    running: EmbeddedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running.reset()
    given = GIVEN.get(page, Given())
    names = Names(__name__="__main__")
    with UsersClient(running.url, running.admin_token) as client:
        names.update(given.names(running, client, people_of(running, client, given)))
    for name in list(os.environ):
        if name.startswith(("OPENWEBUI_", "XDG_", "NO_COLOR")):
            monkeypatch.delenv(name)
    changes = {"HOME": str(tmp_path), "LANG": "C.UTF-8", "TERM": "dumb", **given.environment}
    if given.is_signed_in:
        changes |= {"OPENWEBUI_URL": running.url, "OPENWEBUI_API_KEY": running.admin_token}
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    story = pages.Story(running.url, running.admin_token, tmp_path, dict(os.environ), names)
    for name, text in given.files.items():
        story.write(name, text)

    def prepare() -> None:
        if given.has_clients:
            names.open_clients(running)

    try:
        story.run([one for one in pages.blocks_of(page) if section in ("", one.section)], prepare)
    finally:
        names.close_clients()


def test_few_blocks_are_left_out() -> None:
    blocks = [one for page in pages.pages() for one in pages.blocks_of(page)]
    left_out = [f"{one.page}:{one.line}: {one.reason}" for one in blocks if one.reason]
    assert len(left_out) <= LEFT_OUT, "\n".join(left_out)


def test_most_pages_have_examples() -> None:
    """A rule over no block at all would always pass."""
    assert {"README.md", "docs/quickstart.md", "docs/recipes.md", "docs/plan.md"} <= {
        *pages.pages()
    }


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        ("a\nb", "a\nb\n"),
        ("a …\nb", "a 1 2\nb\n"),
        ("a\n  …\nd", "a\nb\nc\nd\n"),
        ("a\n…", "a\n"),
        ("", ""),
    ],
)
def test_what_was_expected(expected: str, printed: str) -> None:
    pages.check_output(expected, printed, "here")


@pytest.mark.parametrize(
    ("expected", "printed"), [("a", "a\nb\n"), ("a …", "a\n1"), ("a", ""), ("a\nb", "a\n\nb")]
)
def test_what_was_not_expected(expected: str, printed: str) -> None:
    with pytest.raises(AssertionError, match=r"^here shows\n"):
        pages.check_output(expected, printed, "here")
