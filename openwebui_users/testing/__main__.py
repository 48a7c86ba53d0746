"""`python -m openwebui_users.testing`: the embedded server until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import threading

from . import EmbeddedServer
from .versions import NEWEST, VERSIONS


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m openwebui_users.testing",
        description="An imitated Open WebUI for trying things out, until Ctrl-C.",
    )
    parser.add_argument("--port", type=int, default=8080, help="TCP port (default: 8080)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--database", help="SQLite file that keeps the data; default: memory")
    parser.add_argument("--version", choices=VERSIONS, default=NEWEST, help="what to imitate")
    options = parser.parse_args()
    with EmbeddedServer(
        version=options.version, database=options.database, port=options.port, host=options.host
    ) as server:
        print(f"Open WebUI {server.version}, imitated, at {server.url}")
        print(f"  OPENWEBUI_URL={server.url}")
        print(f"  OPENWEBUI_API_KEY={server.api_key}")
        print(f"  administrator: {server.admin_email}, password: {server.admin_password}")
        print("Ctrl-C ends it.", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
