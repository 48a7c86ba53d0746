"""What a process does around a client: forks, signals, threads, the end of the interpreter."""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
import trustme
from raw_server import Connection, RawServer, echo, fault, reply_json
from sanitized import SANITIZED

from openwebui_users import (
    ClientClosedError,
    OpenWebUIError,
    ReadError,
    Retry,
    Timeout,
    UsersClient,
    errors,
)

USERS = reply_json({"users": [], "total": 0})


def run_script(
    code: str, *arguments: str, package: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own, which must end well; with another package if given."""
    environment = {**os.environ} if package is None else {**os.environ, "PYTHONPATH": str(package)}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        env=environment,
        cwd=package,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


# ---------------------------------------------------------------- forks

FORKING = """
import os, sys
from openwebui_users import UsersClient
url, ca_file, calls = sys.argv[1], sys.argv[2] or None, int(sys.argv[3])
client = UsersClient(url, "sk-x", ca_file=ca_file)
def ask(who):
    wrong = 0
    for number in range(calls):
        name = f"{who}-{number}"
        if client.get_user_info_by_id(name).id != name:
            wrong += 1
    return wrong
client.get_user_info_by_id("warm")   # a connection is kept alive
child = os.fork()
if child == 0:
    os._exit(min(ask("child"), 100))
wrong = ask("parent")
_, status = os.waitpid(child, 0)
print(wrong, os.waitstatus_to_exitcode(status), client.stats().connections_opened)
client.close()
"""


def run_fork(url: str, ca_file: str, calls: int, package: Path | None = None) -> list[int]:
    """Wrong answers in the parent, wrong answers (or failure) in the child, connections."""
    done = run_script(FORKING, url, ca_file, str(calls), package=package)
    return [int(word) for word in done.stdout.split()]


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_a_fork_gets_no_foreign_answers(secure: bool, tmp_path: Path) -> None:
    tls, ca_file = None, ""
    if secure:
        authority = trustme.CA()
        ca_file = str(tmp_path / "ca.pem")
        authority.cert_pem.write_to_path(ca_file)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(tls)
    with RawServer(echo, tls=tls) as raw:
        wrong, wrong_in_child, opened = run_fork(raw.url, ca_file, 200)
        assert (wrong, wrong_in_child) == (0, 0)
        assert opened == 1  # the parent goes on with its own
        assert raw.connections == 2
        assert len(raw.requests) == 401


LOCKED = """
import os, sys, threading
from openwebui_users import UsersClient
clients = [UsersClient(sys.argv[1], "sk-x") for _ in range(4)]
stop = False
def work():
    while not stop:
        for client in clients:
            client.api_key = "sk-y"
            client.get_users()
            client.stats()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
failed = 0
for _ in range(40):
    child = os.fork()
    if child == 0:
        for client in clients:
            client.get_users()
            client.api_key = "sk-z"
            client.close()
        os._exit(0)
    failed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
stop = True
for thread in threads:
    thread.join()
for client in clients:
    client.close()
print(failed)
"""


@pytest.mark.skipif(SANITIZED, reason="a child may find the lock of the sanitizer's memory taken")
def test_forks_while_threads_work() -> None:
    """No lock that another thread held at the fork is held for ever in the child."""
    with RawServer(USERS) as raw:
        done = run_script(LOCKED, raw.url)
    assert done.stdout == "0\n"


HANDLER = """
import os, signal, sys, threading
from openwebui_users import ReadError, UsersClient
client = UsersClient(sys.argv[1], "sk-x", timeout=5)
pid = []
signal.signal(signal.SIGUSR1, lambda *_: pid.append(os.fork()))
threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1)).start()
try:
    answer = client.update_user_info({"a": 1})
except ReadError as error:
    os._exit(7 if pid == [0] and "forked" in str(error) else 1)
print(answer, os.waitstatus_to_exitcode(os.waitpid(pid[0], 0)[1]))
client.close()
"""


def test_a_fork_within_a_call_leaves_it_to_the_parent() -> None:
    def answer(connection: Connection, request: bytes) -> None:
        time.sleep(0.6)
        reply_json({"a": 1})(connection, request)

    with RawServer(answer) as raw:
        done = run_script(HANDLER, raw.url)
        assert done.stdout == "{'a': 1} 7\n"
        assert len(raw.requests) == 1


HOOK = """
import os, sys
from openwebui_users import ReadError, UsersClient
pids = []
def hook(event):
    if not pids:
        pids.append(os.fork())
client = UsersClient(sys.argv[1], "sk-x", on_request=hook)
try:
    client.update_user_info({"a": 1})
except ReadError:
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pids[0], 0)[1]))
client.close()
"""


def test_a_fork_within_a_hook_leaves_the_call_to_the_parent() -> None:
    with RawServer(reply_json({"a": 1})) as raw:
        done = run_script(HOOK, raw.url)
        assert done.stdout == "7\n"
        assert len(raw.requests) == 1


# ---------------------------------------------------------------- Ctrl-C

INTERRUPTED = """
import json, os, random, signal, sys, threading, time
from openwebui_users import APIConnectionError, Retry, UsersClient, ServiceUnavailableError
rounds = int(sys.argv[2])
chance = random.Random(7)
client = UsersClient(sys.argv[1], "sk-x", timeout=30, retry=Retry(50, base_delay=0.4, jitter=0.5))
sent = [0.0]
def interrupt(delay):
    time.sleep(delay)
    sent[0] = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)
took, unusable = [], 0
calls = [client.get_users, client.get_all_users, lambda: client.get_user_by_id("silent")]
for number in range(rounds):
    thread = threading.Thread(target=interrupt, args=(chance.uniform(0.01, 0.25),))
    ended = 0.0
    try:
        thread.start()
        try:
            while True:
                calls[number % 3]()
        finally:
            ended = time.monotonic()
    except KeyboardInterrupt:
        took.append((ended or time.monotonic()) - sent[0])
    thread.join()
    if client.get_user_active_status_by_id("x") != {"active": True}:
        unusable += 1
client.close()
print(json.dumps({"took": took, "unusable": unusable}))
"""


def test_ctrl_c_at_random_moments(capsys: pytest.CaptureFixture[str]) -> None:
    """In a transfer, between retries, waiting for an answer."""

    def answer(connection: Connection, request: bytes) -> None:
        target = request.split(b" ")[1]
        if target.endswith(b"/silent"):
            fault("silence", seconds=2)(connection, request)
        elif target.endswith(b"/all"):
            fault("status", code=503)(connection, request)  # the next try comes in 0.4 s
        elif target.endswith(b"/active"):
            reply_json({"active": True})(connection, request)
        else:
            USERS(connection, request)

    with RawServer(answer) as raw:
        done = subprocess.run(
            [sys.executable, "-c", INTERRUPTED, raw.url, "200"],
            capture_output=True,
            text=True,
            timeout=180,
            check=True,
        )
    result = json.loads(done.stdout)
    took = sorted(result["took"])
    with capsys.disabled():
        print(
            f"\nCtrl-C at 200 moments: median {took[100] * 1000:.1f} ms, "
            f"p99 {took[197] * 1000:.1f} ms, longest {took[-1] * 1000:.1f} ms"
        )
    assert len(took) == 200
    assert result["unusable"] == 0
    assert took[197] < 1.0


def test_a_signal_handler_that_returns_disturbs_nothing() -> None:
    calls: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_: calls.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        with RawServer(fault("drip", interval=0.02, count=20)) as raw:
            with UsersClient(raw.url, "sk-x") as client:
                with pytest.raises(OpenWebUIError):
                    client.get_users()  # twenty spaces are no JSON, but all of them came
                assert client.with_raw_response.get_users().content == b" " * 20
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(calls) > 3


# ---------------------------------------------------------------- threads


def test_sixty_four_threads_and_one_client() -> None:
    """64 × 500 calls: every answer belongs to its question."""
    wrong: list[str] = []
    with RawServer(echo) as raw, UsersClient(raw.url, "sk-x") as client:

        def ask(thread: int) -> None:
            for number in range(500):
                name = f"{thread}-{number}"
                if client.get_user_info_by_id(name).id != name:
                    wrong.append(name)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert not any(thread.is_alive() for thread in threads)
        assert client.stats().requests == 64 * 500
        assert raw.connections <= 64
    assert wrong == []


def test_closing_while_another_thread_calls() -> None:
    with RawServer(fault("status", code=503)) as raw:
        client = UsersClient(raw.url, "sk-x", timeout=20, retry=Retry(10, base_delay=0.3))
        failures: list[BaseException] = []

        def call() -> None:
            try:
                client.get_users()
            except OpenWebUIError as error:
                failures.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        time.sleep(0.1)
        client.close()
        thread.join(10)
        assert not thread.is_alive()
        assert [type(one) for one in failures] == [ClientClosedError]
        assert len(raw.requests) == 1


def test_closing_before_a_retry_without_delay() -> None:
    """Whoever closes a client in a hook gets no further request out of it."""
    with RawServer(fault("status", code=503)) as raw:
        client = UsersClient(raw.url, "sk-x", retry=Retry(10, base_delay=0, jitter=0))
        with pytest.raises(ClientClosedError):
            client.with_options(on_response=lambda _: client.close()).get_users()
        assert len(raw.requests) == 1
        other = UsersClient(raw.url, "sk-x")
        with pytest.raises(ClientClosedError):
            other.with_options(on_request=lambda _: other.close()).get_users()
        assert len(raw.requests) == 1


# ---------------------------------------------------------------- life and death


def test_closed_twice_and_used_after() -> None:
    with RawServer(USERS) as raw:
        client = UsersClient(raw.url, "sk-x")
        view = client.groups
        client.get_users()
        client.close()
        client.close()
        assert client.closed
        assert view.closed
        for call in (client.get_users, view.get_groups, client.get_version, client.__enter__):
            with pytest.raises(ClientClosedError):
                call()
        with pytest.raises(ClientClosedError):
            client.request("GET", "/api/version")


def test_dropped_unclosed() -> None:
    with RawServer(USERS) as raw:
        client = UsersClient(raw.url, "sk-secret")
        client.get_users()
        with pytest.warns(ResourceWarning, match="unclosed client") as caught:
            del client
        assert "sk-secret" not in str(caught[0].message)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            UsersClient(raw.url, "sk-x")  # never used: nothing to close


def test_a_cycle_with_a_client_is_collected() -> None:
    import gc
    import weakref

    with RawServer(USERS) as raw:

        class Holder:
            client: UsersClient

        def make() -> weakref.ref[Holder]:
            holder = Holder()
            client = UsersClient(raw.url, "sk-x", on_request=lambda _: holder)
            holder.client = client
            client.get_users()
            client.close()
            return weakref.ref(holder)

        gone = make()
        gc.collect()
        assert gone() is None


ENDINGS = {
    "open": "client.get_users()",
    "in a cycle": "client.get_users(); client.me = client",
    "in a daemon thread": (
        "import threading, time\n"
        "t = threading.Thread(target=lambda: [client.get_user_by_id('silent') for _ in range(9)], "
        "daemon=True)\nt.start(); time.sleep(0.2)"
    ),
    "at exit": "import atexit\natexit.register(client.close)\nclient.get_users()",
    "used at exit": "import atexit\natexit.register(client.get_users)\nclient.get_users()",
    "in a module": "import builtins\nbuiltins.kept = client\nclient.get_users()",
    "by an exception": "client.get_users()\nraise SystemExit(0)",
    "collected in a call": (
        "import gc\ngc.set_threshold(1)\n[client.get_users() for _ in range(20)]"
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_end_of_the_interpreter(ending: str) -> None:
    code = (
        "import sys\nfrom openwebui_users import UsersClient\n"
        f"client = UsersClient(sys.argv[1], 'sk-x', timeout=3, retry=0)\n{ENDINGS[ending]}\n"
    )

    def answer(connection: Connection, request: bytes) -> None:
        silent = request.split(b" ")[1].endswith(b"/silent")
        (fault("silence", seconds=1) if silent else USERS)(connection, request)

    with RawServer(answer) as raw:
        done = subprocess.run(
            [sys.executable, "-c", code, raw.url],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")


# ---------------------------------------------------------------- pickles


def test_clients_are_pickled_with_their_options() -> None:
    timeout = Timeout(5, connect=1)
    with (
        RawServer(USERS) as raw,
        UsersClient(
            raw.url,
            "sk-x",
            timeout=timeout,
            retry=Retry(max_elapsed=9),
            extra_headers={"X-A": "b"},
            proxy="",
            trust_env=False,
            follow_redirects=True,
        ) as client,
        pickle.loads(pickle.dumps(client.with_options(max_body=1000))) as copy,
    ):
        assert copy.get_users().total == 0
        assert raw.header("x-a") == "b"
        assert raw.header("authorization") == "Bearer sk-x"
        for name in ("timeout", "retry", "proxy", "trust_env", "follow_redirects", "extra_headers"):
            assert getattr(copy, name) == getattr(client, name)
        assert copy.max_body == 1000


def failures() -> list[OpenWebUIError]:
    """Exceptions as calls raise them."""
    found: list[OpenWebUIError] = []
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("status", {"code": code, "retry_after": 200})
        for code in (400, 401, 403, 404, 409, 422, 429)
    ]
    kinds += [("status", {"code": code}) for code in (500, 503)]
    kinds += [
        (kind, {})
        for kind in ("reset", "short_body", "redirect", "web_page", "bad_utf8", "not_http", "deep")
    ]
    kinds.append(("silence", {"seconds": 0.4}))
    for kind, options in kinds:
        with (
            RawServer(fault(kind, **options)) as raw,
            UsersClient(raw.url, "sk-secret", retry=0, timeout=0.2) as client,
        ):
            try:
                client.search_users(query="hidden")
            except OpenWebUIError as error:
                found.append(error)
    with UsersClient("http://127.0.0.1:1", "sk-secret", retry=0) as client:
        try:
            client.get_users(query="hidden")
        except OpenWebUIError as error:
            found.append(error)
    return found


def test_exceptions_are_pickled_and_free_of_secrets() -> None:
    found = failures()
    assert len(found) == 18
    for error in found:
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error)
        assert str(copy) == str(error)
        assert {k: v for k, v in vars(copy).items() if k != "headers"} == {
            k: v for k, v in vars(error).items() if k != "headers"
        }
        for text in (str(error), repr(error)):
            assert "sk-secret" not in text
            assert "hidden" not in text
        assert error.method == "GET"
        assert error.url is not None
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/api/v1/users/(search)?", error.url)


def test_every_exception_class_is_pickled() -> None:
    for name in errors.__all__:
        cls = getattr(errors, name)
        if isinstance(cls, type) and issubclass(cls, OpenWebUIError):
            error = cls("text")
            copy = pickle.loads(pickle.dumps(error))
            assert (type(copy), str(copy)) == (cls, str(error))


def test_a_read_error_is_a_connection_error() -> None:
    assert issubclass(ReadError, ConnectionError)
