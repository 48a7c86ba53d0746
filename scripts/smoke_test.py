"""Check that an installed package is complete: for wheels, in an environment that also has trustme.

It makes calls over TLS with its own certificate authority, with compression, on a thread and on an
event loop.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import ssl
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme

import openwebui_users
from openwebui_users import AsyncUsersClient, TLSError, UsersClient

ANN: dict[str, str | int] = {"id": "1", "name": "Änn", "email": "ann@example.com", "role": "user"}
ANN |= dict.fromkeys(("last_active_at", "updated_at", "created_at"), 1)


class Handler(BaseHTTPRequestHandler):
    """Answers every request with one user."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Send a compressed page of users."""
        body = gzip.compress(json.dumps({"users": [ANN], "total": 1}).encode())
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Says nothing of clients that refuse its certificate."""

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


async def names(url: str, ca_file: str) -> list[str]:
    """The names of the users, asked for by two coroutines at once."""
    async with AsyncUsersClient(url, "key", ca_file=ca_file) as client:
        pages = await asyncio.gather(client.get_users(), client.get_users(page=2))
    return [user.name for page in pages for user in page.users]


def main() -> None:
    """Fails where the package is not whole."""
    print(Path(openwebui_users.__file__).parent, openwebui_users.version_info())
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"):
        os.environ.pop(name, None)
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "localhost"
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"https://localhost:{server.server_port}"

    with tempfile.TemporaryDirectory() as folder:
        ca_file = str(Path(folder) / "ca.pem")
        authority.cert_pem.write_to_path(ca_file)
        with UsersClient(url, "key", ca_file=ca_file) as client:
            assert [user.name for user in client.get_users().users] == ["Änn"]
        assert asyncio.run(names(url, ca_file)) == ["Änn", "Änn"]
        with UsersClient(url, "key") as client:
            try:
                client.get_users()
            except TLSError as error:
                print("refused, as it should be:", error)
            else:
                raise AssertionError("a certificate of nobody's was trusted")
        os.environ["SSL_CERT_FILE"] = ca_file
        with UsersClient(url, "key") as client:
            assert client.get_users().total == 1
    server.shutdown()
    print("whole, on Python", sys.version.split()[0])


if __name__ == "__main__":
    main()
