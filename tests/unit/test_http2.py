"""Many calls over one connection, where the server offers HTTP/2."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypercorn.asyncio import serve
from hypercorn.config import Config

from openwebui_users import AsyncUsersClient, UsersClient

USER = {"name": "Ann", "email": "ann@example.com", "role": "user"}


class Http2Server:
    """Answers with the id that was asked for; knows the version of each request."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1")
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
        chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
        (folder / "cert.pem").write_bytes(chain)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._config = Config()
        self._config.bind = [f"127.0.0.1:{port}"]
        self._config.certfile = str(folder / "cert.pem")
        self._config.keyfile = str(folder / "key.pem")
        self._config.accesslog = self._config.errorlog = None
        self.url = f"https://127.0.0.1:{port}"
        self.versions: list[str] = []
        self.now = self.most = 0
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run)

    async def _app(self, scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        self.versions.append(scope["http_version"])
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.02)
        body = json.dumps({**USER, "id": scope["path"].split("/")[4]}).encode()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        self.now -= 1

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(
            serve(self._app, self._config, shutdown_trigger=self._stop.wait)
        )
        self._loop.close()

    def __enter__(self) -> Http2Server:
        self._thread.start()
        for _ in range(500):
            with socket.socket() as probe:
                host, _, port = self.url.removeprefix("https://").partition(":")
                if probe.connect_ex((host, int(port))) == 0:
                    return self
            threading.Event().wait(0.01)
        raise AssertionError("the server does not start")

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Http2Server]:
    with Http2Server(tmp_path) as running:
        yield running


def test_many_calls_share_a_connection(server: Http2Server) -> None:
    names = [f"u{i}" for i in range(60)]

    async def main() -> None:
        async with AsyncUsersClient(server.url, "sk-x", ca_file=server.ca_file) as client:
            await client.get_user_info_by_id("first")  # now it is known what the server speaks
            users = await asyncio.gather(*(client.get_user_info_by_id(name) for name in names))
            assert [user.id for user in users] == names
            tasks = [asyncio.ensure_future(client.get_user_info_by_id(name)) for name in names]
            await asyncio.sleep(0.01)
            for task in tasks[::2]:  # one stream is stopped, the others go on
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            kept = [user.id for user in outcomes if not isinstance(user, BaseException)]
            assert kept == names[1::2]
            assert client.stats().connections_opened == 2  # that of the first, and this

    asyncio.run(main())
    assert set(server.versions) == {"2"}
    assert server.most > 20


def test_max_connections_bounds_what_is_under_way(server: Http2Server) -> None:
    options: dict[str, Any] = {"ca_file": server.ca_file, "max_connections": 5}
    with UsersClient(server.url, "sk-x", **options) as client:
        list(client.map(client.get_user_info_by_id, ["first"]))
        users = client.map(client.get_user_info_by_id, [f"u{i}" for i in range(40)])
        assert [user.id for user in users] == [f"u{i}" for i in range(40)]
        assert client.stats().connections_opened == 2
        assert client.get_user_info_by_id("one").id == "one"
    assert set(server.versions) == {"2"}
    assert server.most <= 5
