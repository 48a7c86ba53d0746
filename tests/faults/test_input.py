"""Hostile or wrong input of scripts: refused before anything is sent, without showing a secret."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from raw_server import RawServer, reply_json

from openwebui_users import ConfigurationError, OpenWebUIError, UsersClient

URL = "http://127.0.0.1:1"
USERS = reply_json({"users": [], "total": 0})


def visible(code: int) -> bool:
    return 0x20 < code < 0x7F


@pytest.mark.parametrize("code", range(256))
def test_every_byte_in_a_key(code: int) -> None:
    key = f"sk-secret{chr(code)}tail"
    if visible(code):
        with UsersClient(URL, key) as client:
            assert client.api_key == key
        return
    with pytest.raises(ConfigurationError) as caught:
        UsersClient(URL, key)
    assert "secret" not in str(caught.value)
    with UsersClient(URL, "sk-x") as client, pytest.raises(ConfigurationError) as caught:
        client.api_key = key
    assert "secret" not in str(caught.value)
    with UsersClient(URL, lambda: key) as client, pytest.raises(ConfigurationError) as caught:
        client.get_users()
    assert "secret" not in str(caught.value)
    assert client.stats().requests == 0


@pytest.mark.parametrize("code", range(256))
def test_every_byte_in_a_header(code: int) -> None:
    value = f"a{chr(code)}b"
    with RawServer(USERS) as raw:
        if visible(code) or code in (0x20, 0x09):
            with UsersClient(raw.url, "sk-x", extra_headers={"X-A": value}) as client:
                client.get_users()
            assert raw.header("x-a") == value
            return
        with pytest.raises(ConfigurationError) as caught:
            UsersClient(raw.url, "sk-x", extra_headers={"X-A": value})
        assert value not in str(caught.value)
        assert raw.requests == []


@pytest.mark.parametrize("code", range(256))
def test_every_byte_in_a_user_agent(code: int) -> None:
    agent = f"a{chr(code)}b"
    if visible(code) or code in (0x20, 0x09):
        UsersClient(URL, "sk-x", user_agent=agent).close()
        return
    with pytest.raises(ConfigurationError):
        UsersClient(URL, "sk-x", user_agent=agent)


@pytest.mark.parametrize("code", [*range(0x20), 0x7F, 0x80, 0xFF])
def test_controls_in_a_proxy(code: int) -> None:
    with pytest.raises(ConfigurationError) as caught:
        UsersClient(URL, "sk-x", proxy=f"http://user:secret@proxy{chr(code)}:1")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["ftp://p:1", "p", "http://", "://", "file:///x"])
def test_a_proxy_that_is_none(proxy: str) -> None:
    with pytest.raises(ConfigurationError, match="proxy"):
        UsersClient(URL, "sk-x", proxy=proxy)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("timeout", "5", TypeError),
        ("timeout", True, TypeError),
        ("timeout", 0, ConfigurationError),
        ("timeout", -1, ConfigurationError),
        ("timeout", float("nan"), ConfigurationError),
        ("retry", "2", TypeError),
        ("retry", -1, ConfigurationError),
        ("retry", True, TypeError),
        ("max_body", 0, ConfigurationError),
        ("max_body", None, TypeError),
        ("max_body", 2**80, ConfigurationError),
        ("password_limit", 0, ConfigurationError),
        ("extra_headers", ["a"], TypeError),
        ("extra_headers", {"Authorization": "x"}, ConfigurationError),
        ("extra_headers", {"a b": "x"}, ConfigurationError),
        ("follow_redirects", 1, TypeError),
        ("verify", "no", TypeError),
        ("ca_file", 1, TypeError),
        ("ca_file", "/nowhere/ca.pem", ConfigurationError),
        ("client_cert", "/nowhere/cert.pem", ConfigurationError),
        ("client_cert", ("a",), TypeError),
        ("trust_env", None, TypeError),
        ("on_request", 1, TypeError),
        ("unix_socket", 1, TypeError),
        ("unix_socket", "a\0b", ConfigurationError),
        ("nothing", 1, TypeError),
    ],
)
def test_options_that_do_not_fit(name: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="max_retries" if value == -1 and name == "retry" else name):
        UsersClient(URL, "sk-x", **{name: value})


def test_parts_of_the_connections_stay_as_they_are() -> None:
    with UsersClient(URL, "sk-x") as client:
        for name in ("proxy", "verify", "ca_file", "trust_env", "unix_socket", "user_agent"):
            with pytest.raises(TypeError, match=f"cannot change '{name}'"):
                client.with_options(**{name: None})  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="unexpected keyword argument 'time_out'"):
            client.with_options(time_out=1)  # type: ignore[call-arg]


def test_sixty_four_extra_headers() -> None:
    headers = {f"X-{number}": str(number) for number in range(64)}
    with RawServer(USERS) as raw, UsersClient(raw.url, "sk-x", extra_headers=headers) as client:
        client.get_users()
        assert raw.header("x-63") == "63"
    with pytest.raises(ConfigurationError, match="64"):
        UsersClient(URL, "sk-x", extra_headers={**headers, "X-64": "64"})


@pytest.mark.parametrize("path", ["/sub", "/sub/", "/sub/api", "/sub/api/v1/", ""])
def test_base_urls(path: str) -> None:
    with RawServer(USERS) as raw, UsersClient(raw.url + path, "sk-x") as client:
        client.get_users()
        assert raw.lines() == [f"GET {'/sub' if path else ''}/api/v1/users/"]


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_an_ipv6_base_url() -> None:
    try:
        server = RawServer(USERS, family=socket.AF_INET6)
    except OSError as error:
        pytest.skip(f"no IPv6 on loopback: {error}")
    with server as raw, UsersClient(raw.url, "sk-x") as client:
        assert "[::1]" in client.base_url
        client.get_users()
        assert raw.header("host") == f"[::1]:{raw.port}"


def test_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with (
        RawServer(USERS, family=socket.AF_UNIX, address=str(path)),
        UsersClient("http://chat.example", "sk-x", unix_socket=path) as client,
    ):
        assert client.get_users().total == 0
        assert client.unix_socket == str(path)


def test_a_key_that_is_called_for() -> None:
    keys = iter(["sk-one", "sk-two", ""])
    with RawServer(USERS) as raw, UsersClient(raw.url, lambda: next(keys)) as client:
        sent = []
        for _ in range(3):
            client.get_users()
            sent.append(raw.header("authorization"))
        assert sent == ["Bearer sk-one", "Bearer sk-two", None]
        assert "sk-" not in repr(client)
        with pytest.raises(StopIteration):
            client.with_options(timeout=5).groups.get_groups()
        client.api_key = "sk-three"
        client.get_users()
        assert raw.header("authorization") == "Bearer sk-three"
        with pytest.raises(TypeError):
            client.api_key = 3  # type: ignore[assignment]


def test_a_key_that_was_called_for_is_masked() -> None:
    answer = reply_json({"detail": "bad key sk-secret"}, status="401 Unauthorized")
    with RawServer(answer) as raw, UsersClient(raw.url, lambda: "sk-secret") as client:
        with pytest.raises(OpenWebUIError) as caught:
            client.get_users()
        assert "sk-secret" not in str(caught.value)
        with pytest.raises(OpenWebUIError) as caught:
            client.with_raw_response.get_users().raise_for_status()
        assert "sk-secret" not in str(caught.value)
