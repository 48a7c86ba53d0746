"""What differs between a desired state and a server, for those who want no more than to know."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from openwebui_users._html import Displayed

from ._comparison import Comparison, Difference
from ._difference_text import render_differences
from ._state import read_state
from ._work import check_client

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openwebui_users._core import UsersClient


@dataclass
class Drift(Displayed):
    """Differences between a server and a desired state.

    Attributes:
        server: its base URL.
        differences: everything that is not as desired.
        notes: other differences, which only the user can change; and warnings.
    """

    server: str
    differences: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether the server matches the desired state."""
        return not self.differences

    def render(self, *, color: bool | None = None) -> str:
        """The differences as readable text.

        Args:
            color: whether to use terminal colours; None: only if stdout is a terminal and NO_COLOR
                is not set.
        """
        title = f"drift of {self.server}"
        return render_differences(title, self.differences, self.notes, color)

    def __str__(self) -> str:
        return self.render(color=False)

    def _html_parts(self) -> Iterable[str]:
        from ._displays import difference_parts

        return difference_parts(f"drift of {self.server}", self.differences, self.notes)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)

    def to_json(self) -> str:
        """The same as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2) + "\n"


def drift(client: UsersClient, desired: Any, *, format: str | None = None) -> Drift:  # noqa: A002
    """Report how a server differs from a desired state.

    Args:
        client: of an administrator.
        desired: path of a YAML, JSON or TOML file, an open file, or a dict; see plan().
        format: yaml, json or toml; None: by the file's suffix.

    Returns:
        Drift: the differences, including those that plan() would refuse to change.

    Raises:
        InvalidInputError: all problems of the desired state.
        MissingLibraryError: the library for YAML or TOML is not installed.
        ValueError: format is not one of these, or the format of the file is not known.
        OSError: the file cannot be read.
        APIStatusError, APIConnectionError: while reading the server.

    Server routes: GET /api/v1/users/all; as needed GET /api/v1/groups/, POST
    /api/v1/groups/id/{id}/users, GET /api/v1/users/default/permissions, GET
    /api/v1/users/{user_id}, GET /api/version.
    """
    check_client(client)
    found = Comparison(client, read_state(desired, format))
    return Drift(client.base_url, found.differences, found.notes)
