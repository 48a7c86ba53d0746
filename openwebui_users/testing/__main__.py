"""`python -m openwebui_users.testing`: the embedded server until Ctrl-C."""

from __future__ import annotations

import argparse

from .serving import NEWEST, VERSIONS, serve_until_interrupted


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m openwebui_users.testing",
        description="An imitated Open WebUI for trying things out, until Ctrl-C.",
    )
    parser.add_argument("--port", type=int, default=8080, help="TCP port (default: 8080)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--database", help="SQLite file that keeps the data; default: memory")
    parser.add_argument("--version", choices=VERSIONS, default=NEWEST, help="what to imitate")
    serve_until_interrupted(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
