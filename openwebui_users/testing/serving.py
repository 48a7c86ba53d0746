"""The embedded server in the foreground, until Ctrl-C."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from .server import EmbeddedServer
from .versions import NEWEST, VERSIONS

__all__ = ["NEWEST", "VERSIONS", "serve_until_interrupted"]


def serve_until_interrupted(
    *,
    port: int,
    host: str,
    database: str | Path | None = None,
    version: str | None = None,
) -> None:
    """Serve, and say how it is reached; arguments as of EmbeddedServer."""
    with EmbeddedServer(
        version=version or NEWEST, database=database, port=port, host=host
    ) as server:
        print(f"Open WebUI {server.version}, imitated, at {server.url}")
        print(f"  OPENWEBUI_URL={server.url}")
        print(f"  OPENWEBUI_API_KEY={server.api_key}")
        print(f"  administrator: {server.admin_email}, password: {server.admin_password}")
        print("Ctrl-C ends it.", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
