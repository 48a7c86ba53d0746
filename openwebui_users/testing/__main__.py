"""`python -m openwebui_users.testing`: the embedded server until Ctrl-C."""

from __future__ import annotations

import argparse
import sys

from .serving import NEWEST, VERSIONS, serve_until_interrupted


def _port(text: str) -> int:
    if not 0 <= int(text) <= 65535:
        raise ValueError
    return int(text)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m openwebui_users.testing",
        description="An imitated Open WebUI for trying things out, until Ctrl-C.",
    )
    parser.add_argument("--port", type=_port, default=8080, help="TCP port (default: 8080)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--database", help="SQLite file that keeps the data; default: memory")
    parser.add_argument("--version", choices=VERSIONS, default=NEWEST, help="what to imitate")
    given = parser.parse_args()
    try:
        serve_until_interrupted(**vars(given))
    except OSError as error:
        what = error.filename or f"{given.host}, port {given.port}"
        sys.exit(f"{what}: {error.strerror or error}")


if __name__ == "__main__":
    main()
