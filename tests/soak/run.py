"""The main process: it starts the others, kills the server, compares the records and judges."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sanitized import SANITIZED

from . import growth, server
from .ledger import Ledger
from .load import WARM_UP, Options

TESTS = Path(__file__).resolve().parents[1]
START_LIMIT = 20.0  # seconds
END_LIMIT = 90.0  # seconds that the calls may take to end
UP = (3.0, 12.0)  # seconds between two restarts
DOWN = (0.0, 1.0)
FROZEN = (0.2, 1.2)
MOST_SHOWN = 20  # faults of a kind
MOST_LATE = 10.0  # seconds that a call may take beyond its time on a busy machine

# By itself glibc raises the thresholds with the largest block that was freed, and keeps small ones
# that are free for each thread: both grow for a long time, and are no growth.
ENVIRONMENT = {
    "PYTHONWARNINGS": "default::ResourceWarning",
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}


class Server:
    """The process of the server, which always has the same port."""

    def __init__(self, folder: Path, seed: str, lie: str) -> None:
        # Bound and never listening: connecting is refused while the server is away, and nobody else
        # gets the port, not even as the source of a connection to it.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self.port: int = self._reserved.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = folder / "server.db"
        server.make(self.database)
        self._output = (folder / "server.txt").open("wb")
        self._seed = seed
        self._lie = lie
        self._starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.stop()
        self._starts += 1
        arguments = [str(self.port), str(self.database), f"{self._seed}/{self._starts}", self._lie]
        self._process = begin("soak.server", arguments, self._output)
        end = time.monotonic() + START_LIMIT
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            time.sleep(0.01)
        raise RuntimeError("the server of the soak did not start")

    def freeze(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on, if it was frozen."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def stop(self, number: int = signal.SIGKILL) -> None:
        if self._process is not None:
            end_process(self._process, number)
            self._process = None

    def close(self) -> None:
        self.stop()
        self._output.close()
        self._reserved.close()


def begin(module: str, arguments: list[str], output: Any, **variables: str) -> Any:
    """A process in a session of its own, so that Ctrl-C reaches this one alone.

    It ends by itself when its input does: with this process at the latest.
    """
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=TESTS,  # of which -m makes the first folder of imports
        env={**os.environ, **variables},
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def end_process(process: subprocess.Popen[bytes], number: int) -> None:
    """Signal it, wait for it, and make sure."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
    if process.stdin is not None:
        process.stdin.close()


class Restarts:
    """Lets the server go and come back at random moments, without ever waiting."""

    def __init__(self, running: Server, chance: random.Random) -> None:
        self._server = running
        self._chance = chance
        self.counts: collections.Counter[str] = collections.Counter()
        self._kind = ""
        self._next = time.monotonic() + chance.uniform(*UP)

    def look(self) -> None:
        """Do what is due."""
        if time.monotonic() < self._next:
            return
        if self._kind:
            self._finish()
            self._next = time.monotonic() + self._chance.uniform(*UP)
            return
        self._kind = self._chance.choice(["killed", "killed", "ended", "frozen"])
        self.counts[self._kind] += 1
        if self._kind == "frozen":
            self._server.freeze()
        else:
            self._server.stop(signal.SIGKILL if self._kind == "killed" else signal.SIGTERM)
        bounds = FROZEN if self._kind == "frozen" else DOWN
        self._next = time.monotonic() + self._chance.uniform(*bounds)

    def _finish(self) -> None:
        """The server is there again."""
        if self._kind == "frozen":
            self._server.resume()
        else:
            self._server.start()
        self._kind = ""


class Books:
    """What both processes have noted, read as it grows."""

    def __init__(self, log: Path, database: Path) -> None:
        self.ledger = Ledger()
        self.wrong: list[str] = []
        self.unexpected: list[str] = []
        self.points: list[growth.Point] = []
        self.closed: list[growth.Point] = []
        self.summary: dict[str, Any] = {"calls": {}, "errors": {}}
        self.summary.update(late=0.0, clients=0, events=0)
        self.has_ended = False
        self._log = log
        self._database = database
        self._at = self._row = 0
        self._rest = b""

    def read(self) -> None:
        """What is new. The callers' side first: of what they were told the server must know."""
        for line in self._lines():
            kind, *facts = json.loads(line)
            if kind == "write":
                self.ledger.told(*facts)
            elif kind == "quiet":
                self.points.append(growth.Point(seconds=facts[0], **facts[1]))
            elif kind == "closed":
                self.closed.append(growth.Point(seconds=0, **facts[0]))
            elif kind == "summary":
                self.summary = facts[0]
            elif kind == "end":
                self.has_ended = True
            else:
                getattr(self, kind).append(facts[0])
        for number, mark in self._query("SELECT number, mark FROM ledger WHERE number > ?"):
            self._row = number
            self.ledger.carried_out(mark)

    def has_fault(self) -> bool:
        return bool(self.wrong or self.unexpected or self.ledger.faults(is_over=False))

    def _lines(self) -> Iterator[bytes]:
        if not self._log.exists():
            return
        with self._log.open("rb") as file:
            file.seek(self._at)
            data = file.read()
        self._at += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        yield from lines

    def _query(self, statement: str) -> list[Any]:
        with contextlib.closing(sqlite3.connect(self._database, timeout=10)) as database:
            return database.execute(statement + " ORDER BY 1", (self._row,)).fetchall()

    def server_faults(self) -> dict[str, int]:
        with contextlib.closing(sqlite3.connect(self._database, timeout=10)) as database:
            return dict(database.execute("SELECT kind, count FROM faults").fetchall())


class Soak:
    """One run.

    Args:
        seconds: how long.
        seed: of everything that is left to chance; what threads and networks make of it differs.
        sabotage: something that is done wrong on purpose, so that the run must fail: "memory",
            "descriptors", "doubled" (by the clients), "answer" or "lost" (by the server).
    """

    def __init__(self, seconds: float, seed: str, sabotage: str = "") -> None:
        self.seconds = seconds
        self.seed = seed
        self.is_interrupted = False
        self.faults: list[str] = []
        self._sabotage = sabotage
        self._round = max(0.5, min(5.0, seconds / 16))

    def run(self) -> Soak:
        """Run it to its end, or to Ctrl-C; what was wrong is in `faults` then."""
        with tempfile.TemporaryDirectory(prefix="soak") as name:
            folder = Path(name)
            running = Server(folder, self.seed, self._sabotage)
            try:
                self._run(folder, running)
            finally:
                running.close()
        return self

    def _run(self, folder: Path, running: Server) -> None:
        log = folder / "log"
        self.books = books = Books(log, running.database)
        self._restarts = Restarts(running, random.Random(f"{self.seed} restarts"))
        running.start()
        options = Options(
            running.url, str(log), self.seed, self.seconds, self._round, self._sabotage
        )
        with (folder / "load.txt").open("wb") as output:
            load = begin("soak.load", [json.dumps(asdict(options))], output, **ENVIRONMENT)
            try:
                self._watch(load)
            except KeyboardInterrupt:
                self.is_interrupted = True
                running.resume()
                end_process(load, signal.SIGTERM)
            finally:
                end_process(load, signal.SIGKILL)
        running.resume()
        running.stop(signal.SIGTERM)
        books.read()
        self._played = books.server_faults()
        self._judge(load.returncode, folder)

    def _watch(self, load: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + self.seconds + END_LIMIT
        looked = 0.0
        while load.poll() is None:
            self._restarts.look()
            if time.monotonic() > looked + 1:
                looked = time.monotonic()
                self.books.read()
                if self.books.has_fault():
                    return  # more of it would say nothing new
            if time.monotonic() > end:
                self.faults.append("the calls did not end in time")
                load.send_signal(signal.SIGABRT)  # so that faulthandler says where they are
                load.wait(10)
            time.sleep(0.02)

    # ------------------------------------------------------------ judgement

    def _judge(self, code: int, folder: Path) -> None:
        books = self.books
        ended = books.has_ended
        for name, texts in (("wrong answer", books.wrong), ("unexpected", books.unexpected)):
            self.faults += [f"{name}: {text}" for text in texts[:MOST_SHOWN]]
        self.faults += books.ledger.faults(is_over=ended)[:MOST_SHOWN]
        if books.summary["late"] > MOST_LATE:
            self.faults.append(f"a call took {books.summary['late']:.1f} s longer than it may")
        if ended and not self.is_interrupted:
            warm = [point for point in books.points if point.seconds > self.seconds * WARM_UP]
            self.faults += growth.faults(warm, books.closed, not SANITIZED)
        if not ended and not self.faults and not self.is_interrupted:
            self.faults.append(f"the process of the calls ended with code {code}")
        for name in ("load.txt", "server.txt"):
            text = (folder / name).read_text(errors="replace").strip()
            if text:
                self.faults.append(f"said by {name.removesuffix('.txt')}: {text[-4000:]}")

    def report(self) -> str:
        """What was done and found, for people."""
        books = self.books
        summary, outcomes = books.summary, books.ledger.outcomes
        took = books.points[-1].seconds if books.points else 0.0
        count = sum(summary["calls"].values())
        lines = [
            f"soak of {took:.0f} s, seed {self.seed}: {count} calls, {summary['clients']} clients",
            f"  calls: {_counts(summary['calls'])}",
            f"  faults played: {_counts(self._played)}",
            f"  restarts: {_counts(self._restarts.counts)}",
            f"  errors: {_counts(summary['errors'])}",
            f"  writes: {_counts(outcomes)}; of the unknown {books.ledger.unknown_and_done} done",
            f"  writes that failed: {_counts(books.ledger.by_error)}",
            f"  events told to hooks: {summary['events']}",
            f"  longest overrun of a call's time: {max(summary['late'], 0):.2f} s",
            *self._held(),
        ]
        lines += [f"  FAULT: {text}" for text in self.faults] or ["  no fault"]
        return "\n".join(lines)

    def _held(self) -> list[str]:
        warm = [one for one in self.books.points if one.seconds > self.seconds * WARM_UP]
        if not warm:
            return []
        lines = []
        for measure in growth.MEASURES:
            went = growth.trend(warm, measure.name)
            closed = ", ".join(str(getattr(point, measure.name)) for point in self.books.closed)
            unit = f" {measure.unit}" if measure.unit else ""
            lines.append(
                f"  {measure.name}: {went.first:g} to {went.last:g}{unit} at {len(warm)} quiet "
                f"points, {went.slope:+.1f}{unit} a minute; with all clients closed: {closed}"
            )
        return lines


def _counts(counts: dict[str, int]) -> str:
    rows = sorted(counts.items(), key=lambda row: -row[1])
    return ", ".join(f"{name} {count}" for name, count in rows) or "none"
