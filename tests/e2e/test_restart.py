"""A real server that is killed and started again while clients read."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest
from real_server import RealServer

from openwebui_users import APIConnectionError, OpenWebUIError, Retry, UsersClient

pytestmark = pytest.mark.real_server

READS = 200


def test_a_restart_in_the_middle_of_reads(
    real_server: RealServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """With Retry(max_elapsed=90) all reads succeed; with the defaults each ends one way or another.

    The killed server takes its connections along in the middle of an answer.
    """
    done = threading.Event()
    outcomes: Counter[str] = Counter()
    unexpected: list[OpenWebUIError] = []
    longest = 0.0

    def read_with_the_defaults() -> None:
        nonlocal longest
        with UsersClient(real_server.url, real_server.admin_token, timeout=10) as client:
            while not done.is_set():
                start = time.monotonic()
                try:
                    client.get_users()
                except APIConnectionError as error:
                    outcomes[type(error).__name__] += 1
                except OpenWebUIError as error:  # has no excuse
                    unexpected.append(error)
                else:
                    outcomes["answered"] += 1
                longest = max(longest, time.monotonic() - start)
                time.sleep(0.02)

    other = threading.Thread(target=read_with_the_defaults)
    retry = Retry(max_elapsed=90)
    with UsersClient(real_server.url, real_server.admin_token, retry=retry) as client:
        other.start()
        start = time.monotonic()
        totals = set()
        for number in range(READS):
            if number == READS // 2:
                real_server.kill()
                real_server.start()
            totals.add(client.get_users().total)
        took = time.monotonic() - start
        stats = client.stats()
    done.set()
    other.join(30)
    with capsys.disabled():
        print(
            f"\n{READS} reads with a restart: {took:.1f} s, {stats.retries} retries; "
            f"with the defaults: {dict(outcomes)}, longest {longest:.1f} s"
        )
    assert len(totals) == 1
    assert stats.retries > 0
    assert not other.is_alive()
    assert unexpected == []
    assert outcomes["answered"] > 0
    assert sum(outcomes.values()) > outcomes["answered"]
    assert longest < 15
