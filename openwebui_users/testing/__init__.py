"""An Open WebUI server for tests, in this process: `with EmbeddedServer() as server: …`.

Needs the extra "server": `pip install 'openwebui-users[server]'`. It imitates Open WebUI 0.12.4 or
0.6.42: the routes that this package calls, with real answers, status codes and traps. Only
for tests: passwords are hashed for speed, not for safety.

Example:
    ```python
    from openwebui_users import UsersClient
    from openwebui_users.testing import EmbeddedServer

    with EmbeddedServer() as server, UsersClient(server.url, server.admin_token) as users:
        assert users.get_users().total == 1
    ```
"""

try:
    import fastapi as _fastapi  # noqa: F401 - asked here, so that the error says what to install
    import uvicorn as _uvicorn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "openwebui_users.testing needs FastAPI and uvicorn: pip install 'openwebui-users[server]'"
    ) from error

from .faults import FAULTS
from .server import AddedUser, EmbeddedServer, Recorded

__all__ = ["FAULTS", "AddedUser", "EmbeddedServer", "Recorded"]
