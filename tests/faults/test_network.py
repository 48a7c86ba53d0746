"""Faults of a network, a proxy or a broken server, and how a client handles them."""

from __future__ import annotations

import contextlib
import gzip
import http
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from raw_server import Answer, Connection, RawServer, fault, in_turn, reply, reply_json
from sanitized import measures
from variants import libcurl_features

from openwebui_users import (
    APIConnectionError,
    APITimeoutError,
    ConnectError,
    ConnectTimeout,
    DNSError,
    IncompleteReadError,
    InternalServerError,
    OpenWebUIError,
    PermissionDeniedError,
    ProtocolError,
    ProxyError,
    RateLimitError,
    ReadError,
    ReadTimeout,
    RedirectError,
    ResponseDecodeError,
    ResponseTooLargeError,
    Retry,
    ServiceUnavailableError,
    Timeout,
    UnexpectedContentTypeError,
    UsersClient,
    _core,
)

KEY = "sk-secret"
USERS = reply_json({"users": [], "total": 0})
SOON = Retry(2, base_delay=0.02)
# A deadline is kept to a tenth of a second here; a busy machine gets more.
SLACK = 1.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


# ---------------------------------------------------------------- no connection


def test_refused() -> None:
    with UsersClient(f"http://127.0.0.1:{free_port()}", KEY, retry=SOON) as client:
        for call in (client.get_users, lambda: client.update_user_info({"a": 1})):
            with pytest.raises(ConnectError) as caught:
                call()
            assert caught.value.retries_taken == 2
            assert caught.value.errno is not None
            assert isinstance(caught.value, ConnectionError)
        assert client.stats().requests == 0
        assert client.stats().retries == 4


def test_refused_at_first_then_there() -> None:
    """Nothing was sent, so what changes something is repeated too."""
    port = free_port()
    with UsersClient(f"http://127.0.0.1:{port}", KEY, retry=Retry(20, base_delay=0.05)) as client:
        answers: list[Any] = []
        thread = threading.Thread(target=lambda: answers.append(client.update_user_info({"a": 1})))
        thread.start()
        time.sleep(0.2)
        with RawServer(reply_json({"a": 1}), address=("127.0.0.1", port)) as raw:
            thread.join(20)
            assert answers == [{"a": 1}]
            assert raw.lines() == ["POST /api/v1/users/user/info/update"]


def test_a_name_that_is_none() -> None:
    with UsersClient("http://nowhere.invalid", KEY, retry=SOON) as client:
        with pytest.raises(DNSError) as caught:
            client.get_users()
        assert caught.value.retries_taken == 2


RESOLVER = """
#define _GNU_SOURCE
#include <netdb.h>
#include <unistd.h>
int getaddrinfo(const char *n, const char *s, const struct addrinfo *h, struct addrinfo **r) {
    (void)n; (void)s; (void)h; (void)r;
    sleep(4);
    return EAI_FAIL;
}
"""

HANGING = """
import os, signal, sys, threading, time
from openwebui_users import UsersClient, APITimeoutError
start = time.monotonic()
with UsersClient("http://slow.example", "sk-x", timeout=0.5) as client:
    try:
        client.get_users()
    except APITimeoutError as error:
        print("timeout", time.monotonic() - start)
    start = time.monotonic()
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        client.with_options(timeout=20).get_users()
    except KeyboardInterrupt:
        print("interrupt", time.monotonic() - start - 0.3)
    start = time.monotonic()
print("close", time.monotonic() - start)
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a resolver is put in place by LD_PRELOAD")
def test_a_resolver_that_hangs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, library = tmp_path / "resolver.c", tmp_path / "resolver.so"
    source.write_text(RESOLVER)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True, timeout=60)
    done = subprocess.run(
        [sys.executable, "-c", HANGING],
        env={"LD_PRELOAD": str(library), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    took = {name: float(value) for name, value in map(str.split, done.stdout.splitlines())}
    with capsys.disabled():
        print(f"\nresolver that hangs for 4 s: {took}")
    assert 0.4 < took["timeout"] < 0.6 + SLACK
    assert took["interrupt"] < 1.0
    assert took["close"] < 1.0


@contextlib.contextmanager
def black_hole() -> Iterator[socket.socket]:
    """A listener whose queue is full: a connection waits until somebody accepts."""
    with socket.socket() as listener, contextlib.ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fill_queue(listener, waiting)
        yield listener


def fill_queue(listener: socket.socket, waiting: contextlib.ExitStack) -> None:
    for _ in range(4):
        one = waiting.enter_context(socket.socket())
        one.setblocking(False)
        one.connect_ex(listener.getsockname())


def test_a_black_hole() -> None:
    timeout = Timeout(20, connect=0.3)
    with black_hole() as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        start = time.monotonic()
        with UsersClient(url, KEY, timeout=timeout, retry=0) as client:
            with pytest.raises(ConnectTimeout) as caught:
                client.get_users()
        assert 0.2 < time.monotonic() - start < 0.3 + SLACK
        assert isinstance(caught.value, (APITimeoutError, TimeoutError))


def test_a_client_outlives_many_attempts_to_connect() -> None:
    """Attempts that were given up leave nothing behind that the next one trips over."""
    timeout = Timeout(5, connect=0.03)
    stop = threading.Event()

    def answer(listener: socket.socket) -> None:
        listener.settimeout(0.1)
        while not stop.is_set():
            with contextlib.suppress(OSError):
                stream, _ = listener.accept()
                with stream:
                    stream.settimeout(0.05)
                    if stream.recv(4096):
                        body = b'{"version": "0.12.4"}'
                        stream.sendall(
                            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
                        )

    with black_hole() as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with UsersClient(url, KEY, timeout=timeout, retry=0) as client:
            for _ in range(20):
                with pytest.raises(ConnectTimeout):
                    client.get_version()
            thread = threading.Thread(target=answer, args=(listener,))
            thread.start()
            try:
                for _ in range(100):
                    with contextlib.suppress(ConnectTimeout):  # while the queue is still full
                        assert client.get_version() == "0.12.4"
                        break
                else:
                    pytest.fail("no connection any more")
            finally:
                stop.set()
                thread.join()


# ---------------------------------------------------------------- no answer, or half of one


@pytest.mark.parametrize("kind", ["close", "reset"])
def test_no_status_line(kind: str) -> None:
    with RawServer(fault(kind)) as raw, UsersClient(raw.url, KEY, retry=SOON) as client:
        with pytest.raises(ReadError) as caught:
            client.get_users()
        assert caught.value.retries_taken == 2
        assert len(raw.requests) == 3
        with pytest.raises(ReadError) as caught:
            client.update_user_info({"a": 1})
        assert caught.value.retries_taken == 0
        assert len(raw.requests) == 4


@pytest.mark.parametrize("kind", ["close", "reset"])
def test_no_status_line_then_an_answer(kind: str) -> None:
    with (
        RawServer(in_turn(fault(kind), USERS)) as raw,
        UsersClient(raw.url, KEY, retry=SOON) as client,
    ):
        assert client.get_users().total == 0
        assert len(raw.requests) == 2


def die_after_one(connection: Connection, request: bytes) -> None:
    """The first request of a connection is answered, the second read and dropped."""
    if connection.requests == 1:
        (USERS if b"GET" in request.split(b" ")[0] else reply_json({"a": 1}))(connection, request)
    else:
        connection.close()


def test_a_kept_connection_that_dies_is_replaced_once_for_reads() -> None:
    with RawServer(die_after_one) as raw, UsersClient(raw.url, KEY, retry=0) as client:
        client.get_users()
        client.get_users()
        assert raw.connections == 2
        assert len(raw.requests) == 3


def test_a_kept_connection_that_dies_is_not_replaced_for_writes() -> None:
    with RawServer(die_after_one) as raw, UsersClient(raw.url, KEY) as client:
        client.get_users()
        with pytest.raises(ReadError):
            client.update_user_info({"a": 1})
        assert [line for line in raw.lines() if line.startswith("POST")] == [
            "POST /api/v1/users/user/info/update"
        ]


def refuse_after_one(listener: socket.socket, hang: bool) -> None:
    """Answer one request, read a second one, and let nobody connect any more, or for ever."""
    stream, _ = listener.accept()
    with stream, contextlib.ExitStack() as waiting:
        stream.settimeout(20)
        body = b"{}"
        stream.recv(65536)
        stream.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n" + body
        )
        stream.recv(65536)
        if hang:
            fill_queue(listener, waiting)
        else:
            listener.close()
        stream.close()
        time.sleep(0.5 if hang else 0)


@pytest.mark.parametrize("hang", [False, True])
def test_a_kept_connection_that_dies_with_its_server(hang: bool) -> None:
    """libcurl connects anew by itself, in vain: the request was sent all the same."""
    for call in (UsersClient.get_user_settings, lambda one: one.update_user_info({"a": 1})):
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
            thread = threading.Thread(target=refuse_after_one, args=(listener, hang))
            thread.start()
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            timeout = Timeout(20, connect=0.2)
            with UsersClient(url, KEY, retry=0, timeout=timeout) as client:
                client.update_user_info({"a": 1})
                with pytest.raises(ReadTimeout if hang else ReadError) as caught:
                    call(client)
                assert "within 20 s" not in str(caught.value)
                assert client.stats().requests == 2
            thread.join(20)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("size", [17, 30, 42, 45, len(HEAD) - 3, len(HEAD) - 1])
def test_half_a_head(size: int) -> None:
    """libcurl takes it for an answer, of which the body is empty."""

    def break_off(connection: Connection, request: bytes) -> None:  # noqa: ARG001
        connection.send(HEAD[:size])
        connection.close()

    with RawServer(in_turn(break_off, reply(b"", kind="image/png"))) as raw:
        with UsersClient(raw.url, KEY, retry=0) as client:
            with pytest.raises(IncompleteReadError) as caught:
                client.get_user_profile_image_by_id("a")
            assert (caught.value.received, caught.value.expected) == (0, None)
            assert client.get_user_profile_image_by_id("a") == b""
    with RawServer(in_turn(break_off, reply(b"", kind="image/png"))) as raw:
        with UsersClient(raw.url, KEY, retry=SOON) as client:
            assert client.get_user_profile_image_by_id("a") == b""
    with RawServer(break_off) as raw, UsersClient(raw.url, KEY, retry=SOON) as client:
        with pytest.raises(IncompleteReadError):
            client.delete_user_by_id("a")
        assert len(raw.requests) == 1


@pytest.mark.parametrize(
    ("kind", "received", "expected"),
    [("reset_body", 10, 25), ("short_body", 25, 30), ("cut_chunks", 25, None)],
)
def test_half_a_body(kind: str, received: int, expected: int | None) -> None:
    with RawServer(fault(kind)) as raw, UsersClient(raw.url, KEY, retry=SOON) as client:
        with pytest.raises(IncompleteReadError) as caught:
            client.get_users()
        assert (caught.value.received, caught.value.expected) == (received, expected)
        assert len(raw.requests) == 3
        with pytest.raises(IncompleteReadError):
            client.update_user_info({"a": 1})
        assert len(raw.requests) == 4
    with (
        RawServer(in_turn(fault(kind), USERS)) as raw,
        UsersClient(raw.url, KEY, retry=SOON) as client,
    ):
        assert client.get_users().total == 0


@pytest.mark.parametrize("kind", ["drip", "drip_head", "silence"])
def test_a_deadline_covers_everything(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"seconds": 5} if kind == "silence" else {"count": 60}
    with RawServer(fault(kind, **options)) as raw, UsersClient(raw.url, KEY, timeout=0.5) as client:
        start = time.monotonic()
        with pytest.raises(ReadTimeout) as caught:
            client.get_users()
        took = time.monotonic() - start
        with capsys.disabled():
            print(f"\n{kind}, timeout 0.5 s: {took:.3f} s")
        assert 0.4 < took < 0.6 + SLACK
        assert isinstance(caught.value, TimeoutError)
        assert caught.value.retries_taken == 0


def test_a_deadline_covers_retries() -> None:
    retry = Retry(100, base_delay=0.2, max_delay=0.2, jitter=0)
    answer = fault("status", code=503)
    with RawServer(answer) as raw, UsersClient(raw.url, KEY, timeout=0.7, retry=retry) as client:
        start = time.monotonic()
        with pytest.raises(ServiceUnavailableError) as caught:
            client.get_users()
        assert time.monotonic() - start < 0.7 + SLACK
        assert 1 <= caught.value.retries_taken <= 3


def test_max_elapsed_outlasts_the_timeout() -> None:
    """Each attempt has the timeout, the call as a whole has max_elapsed."""
    silent = fault("silence", seconds=2)
    retry = Retry(max_elapsed=60, base_delay=0.02, max_delay=0.05)
    with (
        RawServer(in_turn(silent, silent, USERS)) as raw,
        UsersClient(raw.url, KEY, timeout=1, retry=retry) as client,
    ):
        assert client.get_users().total == 0
        assert len(raw.requests) == 3


# ---------------------------------------------------------------- statuses


@pytest.mark.parametrize("code", [408, 429, 502, 503, 504])
def test_a_status_that_passes(code: int) -> None:
    with (
        RawServer(in_turn(fault("status", code=code), USERS)) as raw,
        UsersClient(raw.url, KEY, retry=SOON) as client,
    ):
        assert client.get_users().total == 0
        assert len(raw.requests) == 2


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 409, 422, 500, 501])
def test_a_status_that_stays(code: int) -> None:
    with (
        RawServer(fault("status", code=code)) as raw,
        UsersClient(raw.url, KEY, retry=SOON) as client,
    ):
        with pytest.raises(Exception, match=str(code)):
            client.get_all_users()
        assert len(raw.requests) == 1


@pytest.mark.parametrize("code", [408, 502, 503, 504])
def test_a_write_is_not_repeated_for_a_status(code: int) -> None:
    with (
        RawServer(fault("status", code=code)) as raw,
        UsersClient(raw.url, KEY, retry=SOON) as client,
    ):
        with pytest.raises(Exception, match=str(code)):
            client.update_user_info({"a": 1})
        assert len(raw.requests) == 1
        with pytest.raises(Exception, match=str(code)):
            client.with_options(
                retry=Retry(2, base_delay=0.02, retry_writes=True)
            ).update_user_info({"a": 1})
        assert len(raw.requests) == 4


def test_a_write_is_repeated_after_429() -> None:
    with (
        RawServer(in_turn(fault("status", code=429), reply_json({"a": 1}))) as raw,
        UsersClient(raw.url, KEY, retry=SOON) as client,
    ):
        assert client.update_user_info({"a": 1}) == {"a": 1}
        assert len(raw.requests) == 2


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_waited_for(code: int, as_date: bool) -> None:
    # Dates are whole seconds: two from now are between one and two.
    value = formatdate(time.time() + 2, usegmt=True) if as_date else "1"
    with (
        RawServer(in_turn(fault("status", code=code, retry_after=value), USERS)) as raw,
        UsersClient(raw.url, KEY, retry=Retry(2, base_delay=0.02, jitter=0)) as client,
    ):
        start = time.monotonic()
        assert client.get_users().total == 0
        took = time.monotonic() - start
        assert 0.9 <= took < 2.5 + SLACK
        assert len(raw.requests) == 2


def test_a_date_is_read_by_the_clock_of_the_server() -> None:
    """The server's clock is a day late: what counts is the time between its own two dates."""
    yesterday = time.time() - 86400
    late = reply(
        b"{}",
        f"Date: {formatdate(yesterday, usegmt=True)}",
        f"Retry-After: {formatdate(yesterday + 1, usegmt=True)}",
        status="503 Fault",
    )
    with (
        RawServer(in_turn(late, USERS)) as raw,
        UsersClient(raw.url, KEY, retry=Retry(1, jitter=0)) as client,
    ):
        start = time.monotonic()
        assert client.get_users().total == 0
        assert 0.95 <= time.monotonic() - start < 1 + SLACK
        assert len(raw.requests) == 2


@pytest.mark.parametrize("value", ["121", "a date", "9" * 400])
def test_a_long_retry_after_is_raised_at_once(value: str) -> None:
    if value == "a date":
        value = formatdate(time.time() + 1000, usegmt=True)
    answer = fault("status", code=429, retry_after=value)
    with RawServer(answer) as raw, UsersClient(raw.url, KEY, timeout=None) as client:
        with pytest.raises(RateLimitError) as caught:
            client.get_users()
        assert caught.value.retry_after is not None
        assert caught.value.retry_after >= 121
        assert len(raw.requests) == 1


@pytest.mark.parametrize("value", ["soon", "-1", "Wed, 99 Foo 2026 99:99:99 GMT", "1;2"])
def test_a_retry_after_that_says_nothing(value: str) -> None:
    answer = fault("status", code=503, retry_after=value)
    with RawServer(answer) as raw, UsersClient(raw.url, KEY, retry=SOON) as client:
        with pytest.raises(ServiceUnavailableError) as caught:
            client.get_users()
        assert caught.value.retry_after is None
        assert len(raw.requests) == 3


def test_a_retry_after_beyond_the_deadline_is_not_waited_for() -> None:
    answer = fault("status", code=503, retry_after=30)
    with RawServer(answer) as raw, UsersClient(raw.url, KEY, timeout=2) as client:
        start = time.monotonic()
        with pytest.raises(ServiceUnavailableError) as caught:
            client.get_users()
        assert time.monotonic() - start < 1
        assert caught.value.retry_after == 30
        assert len(raw.requests) == 1


def test_many_threads_do_not_storm_a_server_that_is_down() -> None:
    """64 threads with two retries each would be 192 requests."""
    with (
        RawServer(fault("status", code=503)) as raw,
        UsersClient(raw.url, KEY, retry=SOON) as client,
    ):

        def call() -> None:
            with pytest.raises(ServiceUnavailableError):
                client.get_users()

        start = time.monotonic()
        threads = [threading.Thread(target=call) for _ in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        # As many retries as a client has at hand, and what each second adds.
        added = 4 * (time.monotonic() - start) + 1
        assert 64 + 32 <= len(raw.requests) <= 64 + 32 + added


# ---------------------------------------------------------------- redirects


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(code: int) -> None:
    with RawServer(fault("redirect", code=code)) as raw, UsersClient(raw.url, KEY) as client:
        for call in (client.get_users, lambda: client.update_user_info({"a": 1})):
            with pytest.raises(RedirectError) as caught:
                call()
            assert caught.value.location == "/elsewhere"
        assert len(raw.requests) == 2


def test_redirects_within_the_origin_are_followed_when_asked_for() -> None:
    def answer(connection: Connection, request: bytes) -> None:
        target = request.split(b" ")[1].decode()
        if target == "/moved?x=1":
            USERS(connection, request)
        else:
            location = f"{raw.url}/moved?x=1" if target == "/second" else "/second"
            fault("redirect", location=location)(connection, request)

    with RawServer(answer) as raw, UsersClient(raw.url, KEY, follow_redirects=True) as client:
        assert client.get_users().total == 0
        assert raw.lines() == ["GET /api/v1/users/", "GET /second", "GET /moved?x=1"]
        assert raw.header("authorization") == f"Bearer {KEY}"
        with pytest.raises(RedirectError):
            client.update_user_info({"a": 1})
        assert raw.lines()[3:] == ["POST /api/v1/users/user/info/update"]


def test_a_loop_of_redirects_ends() -> None:
    with (
        RawServer(fault("redirect", location="/again")) as raw,
        UsersClient(raw.url, KEY, follow_redirects=True) as client,
    ):
        with pytest.raises(RedirectError, match="more than 5"):
            client.get_users()
        assert len(raw.requests) == 6


@pytest.mark.parametrize(
    "location",
    [
        "http://localhost:{port}/x",
        "http://127.0.0.1:1/x",
        "//127.0.0.1:1/x",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "http://user:pw@127.0.0.1:{port}/x",
        "javascript:alert(1)",
    ],
)
def test_no_credential_leaves_the_origin(location: str) -> None:
    with RawServer(USERS) as other:
        place = location.format(port=other.port)
        with (
            RawServer(fault("redirect", location=place)) as raw,
            UsersClient(raw.url, KEY, follow_redirects=True) as client,
        ):
            with pytest.raises(RedirectError):
                client.get_users()
            assert len(raw.requests) == 1
            assert other.requests == []


def test_a_picture_elsewhere_is_fetched_without_credentials() -> None:
    with RawServer(reply(b"picture", kind="image/png")) as other:
        place = other.url.replace("127.0.0.1", "localhost") + "/p.png"
        with (
            RawServer(fault("redirect", location=place)) as raw,
            UsersClient(raw.url, KEY, extra_headers={"X-Key": "k"}) as client,
        ):
            assert client.get_user_profile_image_by_id("u") == b"picture"
            raw_answer = client.with_raw_response.get_user_profile_image_by_id("u")
            assert raw_answer.parse() == b"picture"
        assert other.header("authorization") is None
        assert other.header("x-key") is None
        assert other.lines() == ["GET /p.png", "GET /p.png"]


def test_a_picture_is_redirected_once() -> None:
    with (
        RawServer(fault("redirect", location="/again")) as raw,
        UsersClient(raw.url, KEY) as client,
    ):
        with pytest.raises(RedirectError):
            client.get_user_profile_image_by_id("u")
        assert len(raw.requests) == 2


# ---------------------------------------------------------------- bodies


# Not ru_maxrss: that counts what the process that started this one held before.
BOMB = """
import sys
from openwebui_users import ResponseTooLargeError, UsersClient
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024
with UsersClient(sys.argv[1], "sk-x", retry=0) as client:
    client.get_users()
    before = peak()
    try:
        client.get_users()
    except ResponseTooLargeError as error:
        print(peak() - before, error.limit)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@measures
def test_a_gzip_bomb(capsys: pytest.CaptureFixture[str]) -> None:
    """200 MB in 0.2 MB: an error, and less than 100 MB of memory."""
    with RawServer(in_turn(USERS, fault("bomb"))) as raw:
        done = subprocess.run(
            [sys.executable, "-c", BOMB, raw.url],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    growth, limit = map(int, done.stdout.split())
    with capsys.disabled():
        print(f"\ngzip bomb of 200 MB: memory grew by {growth / 1e6:.1f} MB")
    assert limit == 64 << 20
    assert growth < 100_000_000


def test_the_cap_counts_decompressed_bytes() -> None:
    body = b'{"users": [], "total": 0}' + b" " * 100_000
    answer = reply(gzip.compress(body), "Content-Encoding: gzip")
    with RawServer(answer) as raw, UsersClient(raw.url, KEY) as client:
        assert client.with_options(max_body=len(body)).get_users().total == 0
        with pytest.raises(ResponseTooLargeError) as caught:
            client.with_options(max_body=len(body) - 1).get_users()
        assert caught.value.limit == len(body) - 1
        assert caught.value.body == body[: 64 << 10]
        assert len(raw.requests) == 2


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_compression_is_asked_for_as_libcurl_has_it(encoding: str) -> None:
    with RawServer(USERS) as raw, UsersClient(raw.url, KEY) as client:
        client.get_users()
        offered = (raw.header("accept-encoding") or "").split(", ")
    wanted = {"br": "brotli", "zstd": "zstd"}.get(encoding, "libz")
    if encoding in ("gzip", "deflate") or wanted in libcurl_features():
        assert encoding in offered


DEEP = """
import sys, threading
from openwebui_users import ResponseDecodeError, UsersClient, UserSettings, _core
threading.stack_size(256 * 1024)
def call():
    with UsersClient(sys.argv[1], "sk-x") as client:
        try:
            client.get_users()
        except ResponseDecodeError as error:
            print("refused", error.column)
    text = '{"a":' * 498 + "1" + "}" * 498  # what is taken is also handled
    settings = UserSettings.model_validate_json('{"ui":' + text + "}")
    settings.ui
    print(len(settings.model_dump_json()), len(_core.json_merge(text, text)), len(repr(settings)))
thread = threading.Thread(target=call)
thread.start()
thread.join()
"""


def test_deep_json_on_a_small_stack() -> None:
    with RawServer(fault("deep")) as raw:
        done = subprocess.run(
            [sys.executable, "-c", DEEP, raw.url],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    refused, taken = done.stdout.splitlines()
    assert refused == "refused 501"
    assert min(map(int, taken.split())) > 498 * 6


def test_invalid_utf8() -> None:
    with RawServer(fault("bad_utf8")) as raw, UsersClient(raw.url, KEY) as client:
        with pytest.raises(ResponseDecodeError) as caught:
            client.get_users()
        assert caught.value.offset == 11


def test_a_web_page_with_200() -> None:
    with RawServer(fault("web_page")) as raw, UsersClient(raw.url, KEY) as client:
        with pytest.raises(UnexpectedContentTypeError) as caught:
            client.get_users()
        assert raw.url in str(caught.value)
        assert "sign-in page" in str(caught.value)


def test_the_page_of_a_proxy_with_502() -> None:
    answer = fault("status", code=502, html=True)
    with RawServer(answer) as raw, UsersClient(raw.url, KEY, retry=0) as client:
        with pytest.raises(InternalServerError) as caught:
            client.get_users()
        assert caught.value.status_code == http.HTTPStatus.BAD_GATEWAY
        assert caught.value.body.startswith(b"<html>")


@pytest.mark.parametrize("kind", ["bad_status_line", "not_http", "huge_header"])
def test_what_is_not_http(kind: str) -> None:
    with RawServer(fault(kind)) as raw, UsersClient(raw.url, KEY) as client:
        with pytest.raises(ProtocolError):
            client.get_users()
        assert len(raw.requests) == 1


def with_lines(*lines: str) -> Answer:
    """An empty page under these header lines, which stand as they are."""
    body = b'{"users": [], "total": 0}'
    head = [
        "HTTP/1.1 200 OK",
        *lines,
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    text = ("\r\n".join(head) + "\r\n\r\n").encode() + body

    def answer(connection: Connection, request: bytes) -> None:  # noqa: ARG001
        connection.send(text)

    return answer


def test_folded_header_lines() -> None:
    """One continues the line before. Where there is none, libcurl before 8.1.1 follows a pointer to
    memory of the answer before: tests/fuzz/corpus/response has it under AddressSanitizer."""
    with (
        RawServer(
            in_turn(USERS, with_lines(" X: y"), with_lines("X-Long: one", "  and: more"))
        ) as raw,
        UsersClient(raw.url, KEY, retry=0) as client,
    ):
        assert client.get_users().total == 0
        with pytest.raises(ProtocolError):
            client.get_users()
        answer = client.with_raw_response.get_users()
        assert answer.headers["x-long"] == "one and: more"
        assert "and" not in answer.headers


def test_many_headers() -> None:
    lines = [f"X-{number}: {number}" for number in range(300)]
    answer = reply(b'{"users": [], "total": 0}', *lines)
    with (
        RawServer(answer) as raw,
        UsersClient(raw.url, KEY) as client,
        pytest.raises(ProtocolError),
    ):
        client.get_users()


# ---------------------------------------------------------------- nothing is done twice


def arguments_of(row: dict[str, Any]) -> dict[str, Any]:
    """Something for every required parameter of a call."""
    samples = {"str": "x", "int": 7, "float": 1.5, "bool": True, "dict": {}, "list": []}
    found: dict[str, Any] = {}
    for param in row["params"]:
        if not param["required"]:
            continue
        if param["kind"] == "model":
            fields = {one["name"]: one for one in MODELS[param["model"]]["fields"]}
            found[param["name"]] = {
                name: sample_of(field) for name, field in fields.items() if field["required"]
            }
        else:
            found[param["name"]] = samples.get(param["kind"], {"a": 1})
    return found


def sample_of(field: dict[str, Any]) -> Any:
    if field["kind"] == "model":
        fields = MODELS[field["model"]]["fields"]
        return {one["name"]: sample_of(one) for one in fields if one["required"]}
    return {"str": "x", "int": 1, "float": 1.0, "bool": True, "list": [], "dict": {}}[field["kind"]]


MODELS = {row["name"]: row for row in _core.model_table()}
ROWS = _core.endpoint_table()


def breaking(kind: str) -> Iterator[Any]:
    """The version is told, so that only the call itself breaks."""

    def answer(connection: Connection, request: bytes) -> None:
        if b" /api/version " in request:
            reply_json({"version": "0.12.4"})(connection, request)
        else:
            fault(kind)(connection, request)

    return answer  # type: ignore[return-value]


@pytest.mark.parametrize("kind", ["reset", "close", "reset_body", "status"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['resource']}.{row['name']}")
def test_only_reads_are_repeated(row: dict[str, Any], kind: str) -> None:
    """Every call of the table, against a server that reads the request and breaks."""
    with (
        RawServer(breaking(kind)) as raw,  # type: ignore[arg-type]
        UsersClient(raw.url, KEY, retry=Retry(1, base_delay=0.001)) as client,
    ):
        method = getattr(getattr(client, row["resource"]), row["name"])
        with pytest.raises((APIConnectionError, ServiceUnavailableError)):
            method(**arguments_of(row))
        times = len([line for line in raw.lines() if "/api/version" not in line])
    assert times == (2 if row["repeatable"] else 1)


def test_reads_of_the_table_are_gets() -> None:
    assert {row["method"] for row in ROWS if row["repeatable"]} <= {"GET", "POST"}
    changing_gets = [
        row["name"] for row in ROWS if row["method"] == "GET" and not row["repeatable"]
    ]
    assert changing_gets == []
    # The one GET that changes something is an old server's.
    assert [row["name"] for row in ROWS if row["older_method"] == "GET"] == ["sign_out"]


def test_an_old_sign_out_is_not_repeated() -> None:
    def answer(connection: Connection, request: bytes) -> None:
        if b" /api/version " in request:
            reply_json({"version": "0.6.42"})(connection, request)
        else:
            fault("reset")(connection, request)

    with RawServer(answer) as raw, UsersClient(raw.url, KEY, retry=SOON) as client:
        with pytest.raises(ReadError) as caught:
            client.auths.sign_out()
        assert caught.value.method == "GET"
        with pytest.raises(ReadError):
            client.request("GET", "/api/v1/auths/signout")
        assert raw.lines().count("GET /api/v1/auths/signout") == 2


# ---------------------------------------------------------------- what a hostile server tries


def test_an_answer_nobody_asked_for() -> None:
    """It is not taken for the answer to the next call."""

    def answer(connection: Connection, request: bytes) -> None:
        if connection.number == 0:
            reply(b"true")(connection, request)
            time.sleep(0.1)
            reply(b"true")(connection, request)
        else:
            fault("status", code=403)(connection, request)

    with RawServer(answer) as raw, UsersClient(raw.url, KEY, retry=0) as client:
        assert client.delete_user_by_id("a") is True
        time.sleep(0.4)
        with pytest.raises(PermissionDeniedError):
            client.delete_user_by_id("b")
        assert raw.connections == 2


@pytest.mark.parametrize("interrupt", [False, True])
def test_a_proxy_that_answers_without_end(interrupt: bool) -> None:
    def flood(connection: Connection, request: bytes) -> None:  # noqa: ARG001
        connection.send(b"HTTP/1.1 407 x\r\nContent-Length: 99999999999\r\n\r\n")
        end = time.monotonic() + 8
        while time.monotonic() < end:
            connection.send(b"x" * 65536)

    timeout = 20 if interrupt else 0.4
    with (
        RawServer(flood) as proxy,
        UsersClient(
            "https://127.0.0.1:1", KEY, proxy=proxy.url, timeout=timeout, retry=0
        ) as client,
    ):
        start = time.monotonic()
        with pytest.raises(APIConnectionError) as caught:
            client.get_users()
        assert time.monotonic() - start < 1 + SLACK
        assert isinstance(caught.value, ProxyError if interrupt else APITimeoutError)


@pytest.mark.parametrize(("code", "times"), [(407, 1), (403, 1), (502, 3)])
def test_a_proxy_that_refuses(code: int, times: int) -> None:
    with (
        RawServer(fault("status", code=code)) as proxy,
        UsersClient("https://127.0.0.1:1", KEY, proxy=proxy.url, retry=SOON) as client,
    ):
        with pytest.raises(ProxyError, match=str(code)):
            client.delete_user_by_id("x")
        assert len(proxy.requests) == times


def test_a_content_type_in_capitals() -> None:
    with (
        RawServer(reply(b'{"users": [], "total": 0}', kind="Application/JSON")) as raw,
        UsersClient(raw.url, KEY) as client,
    ):
        assert client.get_users().total == 0
    with RawServer(reply(b"x", kind="Text/HTML")) as raw, UsersClient(raw.url, KEY) as client:
        with pytest.raises(UnexpectedContentTypeError, match="web page"):
            client.get_users()


def test_a_trailer_that_looks_like_a_status_line() -> None:
    def answer(connection: Connection, request: bytes) -> None:  # noqa: ARG001
        connection.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
            b'\r\n19\r\n{"users": [], "total": 0}\r\n0\r\n'
            b"HTTP/1: 1\r\nContent-Type: text/html\r\n\r\n"
        )

    with RawServer(answer) as raw, UsersClient(raw.url, KEY) as client:
        assert client.get_users().total == 0


def test_what_a_server_repeats_of_the_key_is_shown_nowhere() -> None:
    key = "sk-SECRETSECRETSECRET"
    answers = [
        reply(b"x", kind="x" * 45 + key),
        reply(b"", "Location: /" + "a" * 108 + key, status="302 Found"),
        reply(b"", f"Location: http://user:{key}@other/", status="302 Found"),
        reply_json({"detail": "bad " + key}, status="400 x"),
    ]
    for answer in answers:
        with RawServer(answer) as raw, UsersClient(raw.url, key, retry=0) as client:
            with pytest.raises(OpenWebUIError) as caught:
                client.get_users()
            for text in (str(caught.value), repr(caught.value)):
                assert "SECRET" not in text
            response = client.with_raw_response.get_users()
            client.api_key = "sk-other"
            with pytest.raises(OpenWebUIError) as caught:
                response.parse()
            assert "SECRET" not in str(caught.value)


def test_retries_are_counted_over_redirects() -> None:
    busy, elsewhere = fault("status", code=503), fault("redirect", location="/again")
    with (
        RawServer(in_turn(busy, elsewhere, busy, elsewhere, busy)) as raw,
        UsersClient(raw.url, KEY, retry=Retry(2, base_delay=0.01), follow_redirects=True) as client,
    ):
        with pytest.raises(ServiceUnavailableError) as caught:
            client.get_users()
        assert caught.value.retries_taken == 2
        assert client.stats().retries == 2
        assert len(raw.requests) == 5


def test_time_in_a_hook_counts() -> None:
    with (
        RawServer(reply(b"true")) as raw,
        UsersClient(raw.url, KEY, timeout=0.2, on_request=lambda _: time.sleep(0.4)) as client,
    ):
        with pytest.raises(ReadTimeout):
            client.delete_user_by_id("x")
        assert raw.requests == []
