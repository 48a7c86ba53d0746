"""TLS, HTTP/2 and proxies: which certificates are trusted, and which way requests take."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from raw_server import Connection, RawServer, fault, reply, reply_json
from variants import libcurl_features

from openwebui_users import (
    ConfigurationError,
    ConnectError,
    InsecureConnectionWarning,
    ProxyError,
    Retry,
    TLSError,
    UsersClient,
)

USERS = reply_json({"users": [], "total": 0})
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
SOON = Retry(2, base_delay=0.02)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, "SSL_CERT_FILE", "CURL_CA_BUNDLE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def server_side(authority: trustme.CA, *names: str, **options: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("127.0.0.1", "localhost")), **options).configure_cert(context)
    return context


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[RawServer]:
    with RawServer(USERS, tls=server_side(authority)) as raw:
        yield raw


# ---------------------------------------------------------------- certificates


def test_a_server_of_an_own_authority(secure: RawServer, ca_file: str) -> None:
    with UsersClient(secure.url, "sk-x", ca_file=ca_file) as client:
        assert client.get_users().total == 0
        assert client.get_users().total == 0
        assert client.stats().connections_opened == 1


def test_an_unknown_authority_is_refused_once(secure: RawServer) -> None:
    with UsersClient(secure.url, "sk-x", retry=SOON) as client:
        with pytest.raises(TLSError, match="certificate") as caught:
            client.get_users()
        assert isinstance(caught.value, ConnectError)
        assert caught.value.retries_taken == 0
        assert secure.connections == 1
        assert secure.requests == []


def test_another_host_is_refused(authority: trustme.CA, ca_file: str) -> None:
    with (
        RawServer(USERS, tls=server_side(authority, "other.example")) as raw,
        UsersClient(raw.url, "sk-x", ca_file=ca_file, retry=SOON) as client,
    ):
        with pytest.raises(TLSError):
            client.get_users()
        assert raw.connections == 1
        assert raw.requests == []


def test_an_expired_certificate_is_refused(authority: trustme.CA, ca_file: str) -> None:
    import datetime

    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    context = server_side(
        authority, "127.0.0.1", not_before=past - datetime.timedelta(9), not_after=past
    )
    with (
        RawServer(USERS, tls=context) as raw,
        UsersClient(raw.url, "sk-x", ca_file=ca_file) as client,
        pytest.raises(TLSError, match="expired"),
    ):
        client.get_users()


def test_old_tls_is_refused(authority: trustme.CA, ca_file: str) -> None:
    context = server_side(authority)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with (
        RawServer(USERS, tls=context) as raw,
        UsersClient(raw.url, "sk-x", ca_file=ca_file, retry=SOON) as client,
    ):
        with pytest.raises(TLSError):
            client.get_users()
        assert raw.connections == 1
        assert raw.requests == []


def test_a_handshake_that_breaks_is_tried_again(authority: trustme.CA, ca_file: str) -> None:
    """A server that is just stopping: no certificate is at fault."""

    def break_the_first(connection: Connection) -> bool:
        if connection.number == 0:
            connection.stream.recv(1)
            connection.close(reset=True)
        return not connection.closed

    with (
        RawServer(USERS, tls=server_side(authority), on_connect=break_the_first) as raw,
        UsersClient(raw.url, "sk-x", ca_file=ca_file, retry=SOON) as client,
    ):
        assert client.get_users().total == 0
        assert raw.connections == 2


def test_without_verification_there_is_one_warning(secure: RawServer) -> None:
    with pytest.warns(InsecureConnectionWarning) as caught:
        client = UsersClient(secure.url, "sk-x", verify=False)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with client, warnings.catch_warnings():
        warnings.simplefilter("error")
        assert client.get_users().total == 0
        assert client.groups.with_options(timeout=5).verify is False


def test_a_client_certificate(authority: trustme.CA, ca_file: str, tmp_path: Path) -> None:
    context = server_side(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    mine = authority.issue_cert("client@example.com")
    cert, key, both = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "both.pem"
    mine.cert_chain_pems[0].write_to_path(str(cert))
    mine.private_key_pem.write_to_path(str(key))
    mine.private_key_and_cert_chain_pem.write_to_path(str(both))
    with RawServer(USERS, tls=context) as raw:
        for given in (both, str(both), (cert, key), (str(cert), str(key), "unused password")):
            with UsersClient(raw.url, "sk-x", ca_file=ca_file, client_cert=given) as client:
                assert client.get_users().total == 0
        with (
            UsersClient(raw.url, "sk-x", ca_file=ca_file, retry=0) as client,
            pytest.raises(ConnectionError),
        ):
            client.get_users()


def test_a_picture_elsewhere_is_fetched_without_the_client_certificate(
    authority: trustme.CA, ca_file: str, tmp_path: Path
) -> None:
    """Another server asks for a certificate, and must not get ours."""
    asking = server_side(authority)
    asking.verify_mode = ssl.CERT_OPTIONAL
    authority.configure_trust(asking)
    both = tmp_path / "both.pem"
    mine = authority.issue_cert("client@example.com")
    mine.private_key_and_cert_chain_pem.write_to_path(str(both))
    shown: list[Any] = []

    def picture(connection: Connection, request: bytes) -> None:
        assert isinstance(connection.stream, ssl.SSLSocket)
        shown.append(connection.stream.getpeercert())
        reply(b"picture", kind="image/png")(connection, request)

    with RawServer(picture, tls=asking) as other:

        def redirect(connection: Connection, request: bytes) -> None:
            assert isinstance(connection.stream, ssl.SSLSocket)
            shown.append(connection.stream.getpeercert())
            fault("redirect", location=f"{other.url}/p.png")(connection, request)

        with (
            RawServer(redirect, tls=asking) as raw,
            UsersClient(raw.url, "sk-x", ca_file=ca_file, client_cert=both) as client,
        ):
            assert client.get_user_profile_image_by_id("u") == b"picture"
    assert shown[0]
    assert not shown[1]


def test_a_file_of_certificates_replaces_the_systems(ca_file: str) -> None:
    """Nothing else is looked at: not the folder that libcurl was built with."""
    code = (
        "import sys, openwebui_users as o\n"
        "with o.UsersClient(sys.argv[1], 'sk-x', ca_file=sys.argv[2], retry=0) as client:\n"
        "    try: client.get_users()\n"
        "    except o.TLSError: pass"
    )
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    stranger = trustme.CA()
    with RawServer(USERS, tls=server_side(stranger)) as raw:
        done = subprocess.run(
            [
                strace,
                "-f",
                "-e",
                "trace=openat,stat,newfstatat,access",
                sys.executable,
                "-c",
                code,
                raw.url,
                ca_file,
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    looked_at = [line for line in done.stderr.splitlines() if "/etc/ssl/certs" in line]
    assert looked_at == []


def test_where_certificates_are_looked_for(
    secure: RawServer, ca_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Argument, SSL_CERT_FILE, CURL_CA_BUNDLE, SSL_CERT_DIR; without trust_env the system's."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))

    def trusts(**options: Any) -> bool:
        with UsersClient(secure.url, "sk-x", retry=0, **options) as client:
            try:
                client.get_users()
            except TLSError:
                return False
            return True

    assert not trusts()
    monkeypatch.setenv("CURL_CA_BUNDLE", ca_file)
    assert trusts()
    assert not trusts(trust_env=False)
    assert not trusts(ca_file=other)
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    assert not trusts()
    assert trusts(ca_file=ca_file)
    monkeypatch.delenv("CURL_CA_BUNDLE")
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    assert trusts()
    monkeypatch.delenv("SSL_CERT_FILE")
    hashed = tmp_path / "hashed"
    hashed.mkdir()
    (hashed / "ca.pem").write_text(Path(ca_file).read_text())
    done = subprocess.run(["openssl", "rehash", str(hashed)], check=False, capture_output=True)
    if done.returncode == 0:
        monkeypatch.setenv("SSL_CERT_DIR", str(hashed))
        assert trusts()


def test_http2_where_tls_offers_it(authority: trustme.CA, ca_file: str) -> None:
    """The client offers h2 in the handshake, and speaks HTTP/1.1 with who does not take it."""
    context = server_side(authority)
    context.set_alpn_protocols(["http/1.1"])
    offered: list[Any] = []

    def note(connection: Connection, request: bytes) -> None:
        stream = connection.stream
        assert isinstance(stream, ssl.SSLSocket)
        offered.append(stream.selected_alpn_protocol())
        USERS(connection, request)

    with RawServer(note, tls=context) as raw:
        with UsersClient(raw.url, "sk-x", ca_file=ca_file) as client:
            client.get_users()
    assert offered == ["http/1.1"]
    context.set_alpn_protocols(["h2"])
    chosen: list[str | None] = []

    def look(connection: Connection) -> bool:
        stream = context.wrap_socket(connection.stream, server_side=True)
        chosen.append(stream.selected_alpn_protocol())
        connection.stream = stream
        return False

    with RawServer(USERS, on_connect=look) as raw:
        url = raw.url.replace("http:", "https:")
        with UsersClient(url, "sk-x", ca_file=ca_file, retry=0, timeout=2) as client:
            with pytest.raises(ConnectionError):
                client.get_users()
    if "HTTP2" in libcurl_features():
        assert chosen[0] == "h2"


# ---------------------------------------------------------------- proxies


def proxying(connection: Connection, request: bytes) -> None:
    """An http proxy for http: the request line holds the whole address."""
    target = request.split(b" ")[1]
    (USERS if target.startswith(b"http://") else fault("status", code=400))(connection, request)


def test_an_http_proxy() -> None:
    with RawServer(proxying) as proxy:
        with UsersClient("http://chat.example", "sk-x", proxy=proxy.url) as client:
            assert client.get_users().total == 0
        assert proxy.lines() == ["GET http://chat.example/api/v1/users/"]


def test_a_proxy_with_a_password_shows_it_nowhere() -> None:
    with RawServer(fault("status", code=407)) as proxy:
        address = proxy.url.replace("//", "//me:hidden@")
        with UsersClient("http://chat.example", "sk-x", proxy=address, retry=0) as client:
            assert "hidden" not in repr(client)
            with pytest.raises(Exception, match="407") as caught:
                client.get_users()
            assert "hidden" not in str(caught.value)
        assert (proxy.header("proxy-authorization") or "").startswith("Basic ")


def test_a_proxy_that_is_not_there() -> None:
    with UsersClient("http://chat.example", "sk-x", proxy="http://127.0.0.1:1", retry=0) as client:
        with pytest.raises(ProxyError, match="to the proxy on the way to"):
            client.get_users()
    proxy = "http://nowhere.invalid:1"
    with UsersClient("http://chat.example", "sk-x", proxy=proxy, retry=0) as client:
        with pytest.raises(ProxyError):
            client.get_users()


def test_a_tunnel_for_https(secure: RawServer, ca_file: str) -> None:
    """CONNECT, then TLS with the server itself."""
    import socket
    import threading

    asked: list[bytes] = []

    def tunnel(connection: Connection) -> bool:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.stream.recv(65536)
        asked.append(head)
        with socket.create_connection(("127.0.0.1", secure.port), timeout=20) as beyond:
            connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")

            def pump(source: socket.socket, sink: socket.socket) -> None:
                try:
                    while data := source.recv(65536):
                        sink.sendall(data)
                    sink.shutdown(socket.SHUT_WR)
                except OSError:
                    pass

            back = threading.Thread(target=pump, args=(beyond, connection.stream))
            back.start()
            pump(connection.stream, beyond)
            back.join(20)
        return False

    with RawServer(USERS, on_connect=tunnel) as proxy:
        with UsersClient(secure.url, "sk-secret", ca_file=ca_file, proxy=proxy.url) as client:
            assert client.get_users().total == 0
    assert asked[0].startswith(f"CONNECT 127.0.0.1:{secure.port} ".encode())
    assert b"sk-secret" not in asked[0]


def test_a_socks_proxy() -> None:
    """The handshake of SOCKS5 with a name, then the request through it."""
    names: list[bytes] = []

    def handshake(connection: Connection) -> bool:
        stream = connection.stream
        version, methods = stream.recv(2)
        stream.recv(methods)
        stream.sendall(bytes([version, 0]))
        head = stream.recv(5)
        names.append(stream.recv(head[4] + 2)[:-2])
        stream.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
        return True

    with RawServer(USERS, on_connect=handshake) as proxy:
        address = proxy.url.replace("http:", "socks5h:")
        with UsersClient("http://chat.example", "sk-x", proxy=address) as client:
            assert client.get_users().total == 0
        assert names == [b"chat.example"]
        assert proxy.lines() == ["GET /api/v1/users/"]


def test_proxies_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(USERS) as server, RawServer(proxying) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)

        def goes_by_proxy(**options: Any) -> bool:
            before = len(proxy.requests)
            with UsersClient(server.url, "sk-x", **options) as client:
                client.get_users()
            return len(proxy.requests) > before

        assert goes_by_proxy()
        assert not goes_by_proxy(trust_env=False)
        assert not goes_by_proxy(proxy="")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert not goes_by_proxy()
        # One that was given is for everything.
        assert goes_by_proxy(proxy=proxy.url)
        assert goes_by_proxy(proxy=proxy.url, trust_env=False)


@pytest.mark.parametrize(
    "proxy",
    [
        "http://us:p%0aw@127.0.0.1:1",
        "http://us:hidden@127.0.0.1:1:2",
        "foo://us:hidden@127.0.0.1:1",
        "http://us:p%1fhidden@127.0.0.1:1",
        "http://us:hid den@127.0.0.1:1",
    ],
)
@pytest.mark.parametrize("by_environment", [False, True])
def test_a_proxy_that_libcurl_would_leave_out(
    proxy: str, by_environment: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No request goes by another way than it was told to, and the password is not shown."""
    with RawServer(USERS) as raw:
        if by_environment:
            monkeypatch.setenv("http_proxy", proxy)
        options: dict[str, Any] = {} if by_environment else {"proxy": proxy}
        with pytest.raises(ConfigurationError) as caught:
            UsersClient(raw.url, "sk-x", **options)
        assert "hid" not in str(caught.value)
        assert raw.requests == []


def test_the_environment_may_change_during_calls() -> None:
    code = (
        "import os, sys, threading\n"
        "from openwebui_users import UsersClient\n"
        "client = UsersClient(sys.argv[1], 'sk-x')\n"
        "threads = [threading.Thread(target=lambda: [client.get_users() for _ in range(300)])\n"
        "           for _ in range(3)]\n"
        "for thread in threads: thread.start()\n"
        "number = 0\n"
        "while any(thread.is_alive() for thread in threads):\n"
        "    os.environ['V%d' % (number % 5000)] = 'x' * 50\n"
        "    number += 1\n"
        "client.close()\n"
    )
    with RawServer(USERS) as raw:
        subprocess.run([sys.executable, "-c", code, raw.url], check=True, timeout=60)


def test_netrc_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password hidden\n")
    code = "import sys, openwebui_users as o\nwith o.UsersClient(sys.argv[1]) as c: c.get_users()"
    with RawServer(USERS) as raw:
        environment = {**os.environ, "HOME": str(tmp_path)}
        environment.pop("OPENWEBUI_API_KEY", None)
        subprocess.run(
            [sys.executable, "-c", code, raw.url], env=environment, check=True, timeout=60
        )
        assert raw.header("authorization") is None


def test_unusable_tls_files_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ca_file cannot be read"):
        UsersClient("https://chat.example", "sk-x", ca_file=tmp_path / "none.pem")
