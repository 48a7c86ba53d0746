"""An Open WebUI server for tests, in this process: `with EmbeddedServer() as server: …`.

Needs the extra "server": `pip install 'openwebui_users[server]'`. It imitates Open WebUI 0.12.4 or
0.6.42: the routes that this package calls, with real answers, status codes and traps. Only
for tests: passwords are hashed for speed, not for safety.

Example:
    ```python
    from openwebui_users import UsersClient
    from openwebui_users.testing import EmbeddedServer

    with EmbeddedServer() as server, UsersClient(server.url, server.admin_token) as client:
        assert client.get_users().total == 1
    ```
"""

from typing import TYPE_CHECKING, Any

from .faults import FAULTS

if TYPE_CHECKING:
    from .server import AddedUser, EmbeddedServer, Recorded

__all__ = ["FAULTS", "AddedUser", "EmbeddedServer", "Recorded"]


def __getattr__(name: str) -> Any:
    """What needs the extra is imported when it is asked for: `drift` needs none."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import server

    return getattr(server, name)
