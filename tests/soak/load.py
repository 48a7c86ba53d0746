"""The process whose calls and memory are checked: threads, shared clients, event loops at once.

`python -m soak.load OPTIONS` with a JSON object of `Options`. The work has rounds: all workers work
for some seconds, then all of them pause, and the memory use of the process is recorded. This is a
quiet point. Records go to a file line by line, so none is lost if the process ends, and none stays
in its memory.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import ctypes
import faulthandler
import gc
import itertools
import json
import os
import random
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from c_heap import heap_in_use

from openwebui_users import (
    AsyncUsersClient,
    ConnectError,
    RequestEvent,
    ResponseEvent,
    Retry,
    Timeout,
    UsersClient,
)

from .calls import (
    DONE,
    UNKNOWN,
    Asker,
    Call,
    WrongAnswerError,
    check_everybody,
    expect,
    is_expected,
    outcome_of,
)

ALONE, SHARING, RENEWING = 2, 5, 3  # threads
TASKS, RENEWING_TASKS = 12, 4  # tasks of each loop
KEY = "sk-admin"
PAUSE = 0.004  # seconds between two calls of a worker, at most
PAUSE_UNREACHED = 0.2  # after a call that reached no server, so that these are not most of all
PATIENCE = 60.0  # seconds that everybody has to end a round
WARM_UP = 0.25  # of the time: what is held then is what later quiet points are compared with


@dataclass
class Options:
    """What the process that watches says to this one."""

    url: str
    log: str
    seed: str
    seconds: float
    round_seconds: float
    sabotage: str = ""


class Log:
    """Facts for the process that watches, each written at once."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, kind: str, *facts: object) -> None:
        """One line, whole even when several threads write."""
        os.write(self._file, (json.dumps([kind, *facts]) + "\n").encode())


class Totals:
    """What all workers have done; counts of each would be more and more objects."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: collections.Counter[str] = collections.Counter()
        self._errors: collections.Counter[str] = collections.Counter()
        self._late = 0.0
        self._clients = self._events = 0

    def call(self, method: str) -> None:
        with self._lock:
            self._calls[method] += 1

    def error(self, error: BaseException) -> None:
        with self._lock:
            self._errors[type(error).__name__] += 1

    def event(self) -> None:
        with self._lock:
            self._events += 1

    def client(self) -> int:
        """The number of a new client."""
        with self._lock:
            self._clients += 1
            return self._clients

    def took(self, began: float, limit: float) -> None:
        """A call that may take so long has ended."""
        with self._lock:
            self._late = max(self._late, time.monotonic() - began - limit)

    def summary(self) -> dict[str, Any]:
        with self._lock:
            return {
                "calls": self._calls,
                "errors": self._errors,
                "late": self._late,
                "clients": self._clients,
                "events": self._events,
            }


class Tally:
    """Looks at what one worker is answered, and takes note of what goes wrong."""

    def __init__(self, log: Log, totals: Totals) -> None:
        self.totals = totals
        self._log = log
        self._is_unreached = False

    def answered(self, call: Call, answer: Any) -> None:
        """It was answered: is it the right answer?"""
        self.totals.call(call.method)
        if call.mark is not None:
            self._end(call, DONE, "")
        try:
            call.check(answer)
        except WrongAnswerError as error:
            self._log.write("wrong", f"{call.method}: {error}")
        except Exception as error:
            self._log.write("wrong", f"{call.method}: looking at the answer: {error!r}")

    def failed(self, call: Call, error: BaseException, may_be_closed: bool = False) -> None:
        """It raised: may it?"""
        self.totals.call(call.method)
        self.raised(call.method, error, may_be_closed)
        if call.mark is not None:
            self._end(call, outcome_of(error), type(error).__name__)

    def raised(self, method: str, error: BaseException, may_be_closed: bool = False) -> None:
        """The same of what is more than a call."""
        self.totals.error(error)
        self._is_unreached = isinstance(error, ConnectError)
        stopped = isinstance(error, (asyncio.CancelledError, asyncio.TimeoutError))
        if isinstance(error, WrongAnswerError):
            self._log.write("wrong", f"{method}: {error}")
        elif not stopped and not is_expected(error, may_be_closed):
            self._log.write("unexpected", f"{method}: {error!r}"[:1000])

    def given_up(self, call: Call) -> None:
        """It was begun, and nobody knows what became of it."""
        self.totals.call(call.method)
        if call.mark is not None:
            self._end(call, UNKNOWN, "given up")

    def pause(self, chance: random.Random) -> float:
        """Seconds until the next call."""
        longest = PAUSE_UNREACHED if self._is_unreached else PAUSE
        self._is_unreached = False
        return chance.random() * longest

    def _end(self, call: Call, outcome: str, error: str) -> None:
        self._log.write("write", call.mark, outcome, error)
        call.ended(outcome)


class Rounds:
    """Lets all workers work, and pause together."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._number = 0
        self._paused = 0
        self._is_running = False

    def running(self) -> bool:
        """Does the round go on?"""
        return self._is_running

    def wait(self, number: int) -> int:
        """For the round after this one; its number. Threads that wait for ever are daemons."""
        with self._condition:
            self._paused += 1
            self._condition.notify_all()
            self._condition.wait_for(lambda: self._number > number)
            return self._number

    def begin(self, running: bool = True) -> None:
        with self._condition:
            self._is_running = running
            self._number += 1
            self._paused = 0
            self._condition.notify_all()

    def pause(self, workers: int) -> bool:
        """Let everybody end what they do; False: somebody hangs."""
        self._is_running = False
        with self._condition:
            return self._condition.wait_for(lambda: self._paused == workers, PATIENCE)


class Holder:
    """A client of several threads or tasks, which any of them may replace."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self.client = make()

    def replace(self) -> Any:
        """A new one for everybody; the old one is the caller's to close."""
        old, self.client = self.client, self._make()
        return old


class Load:
    """All workers of the process."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.log = Log(options.log)
        self.rounds = Rounds()
        self.totals = Totals()
        self._kept: list[Any] = []
        self.connect()

    def connect(self) -> None:
        self.shared = self.client(max_connections=4)
        self.renewed = Holder(lambda: self.client(max_connections=3))
        self.aio = self.client(AsyncUsersClient, max_connections=8)

    def close(self) -> None:
        """Close all clients that live longer than a round."""
        self.shared.close()
        self.renewed.client.close()
        asyncio.run(self.aio.close())

    def client(self, cls: Any = UsersClient, **options: Any) -> Any:
        chance = random.Random(f"{self.options.seed} client {self.totals.client()}")
        doubles = self.options.sabotage == "doubled"
        retry = Retry(
            chance.randint(1, 4), base_delay=0.02, max_delay=0.3, retry_writes=doubles, jitter=0.5
        )
        total = chance.choice([1.0, 2.0, 3.0])
        timeout = Timeout(total, connect=1, pool=chance.choice([None, 0.5]))
        return cls(self.options.url, KEY, timeout=timeout, retry=retry, **options)

    def worker(self, name: str) -> tuple[Asker, Tally, random.Random]:
        chance = random.Random(f"{self.options.seed} {name}")
        return Asker(name, chance), Tally(self.log, self.totals), chance

    def options_of(self, client: Any, chance: random.Random) -> tuple[Any, float]:
        """The client or a copy of it with other options, and the time that a call may take."""
        kind = chance.randrange(12)
        if kind == 0:
            return client.with_options(timeout=0.3), 0.3
        if kind == 1:
            return client.with_options(retry=None), 3.0
        if kind == 2:
            return client.with_options(retry=Retry(max_elapsed=3, base_delay=0.05)), 3.0
        if kind == 3:
            return client.with_options(extra_headers={"X-Soak": "1"}), 3.0
        if kind == 4:
            return client.with_options(on_request=self._hear, on_response=self._hear), 3.0
        if kind == 5:
            return client.with_options(api_key=lambda: KEY), 3.0
        return client, 3.0

    def _hear(self, event: RequestEvent | ResponseEvent) -> None:
        """A hook, which is called from whatever thread or loop makes the call."""
        self.totals.event()
        if not 1 <= event.attempt <= 200 or not event.route.startswith("/api/v1/"):
            self.log.write("wrong", f"told of {event!r}")

    # ------------------------------------------------------------ threads

    def start(self) -> int:
        """Begin all workers; how many there are, each waiting for its round."""
        bodies: list[tuple[str, Callable[[str], Callable[[], None]]]] = []
        bodies += [(f"alone{n}", self._alone) for n in range(ALONE)]
        bodies += [(f"sharing{n}", self._sharing) for n in range(SHARING)]
        bodies += [(f"renewing{n}", self._renewing) for n in range(RENEWING)]
        bodies += [("map", self._mapping), ("iter", self._iterating)]
        bodies += [("loop", self._loop), ("loops", self._loops)]
        for name, body in bodies:
            threading.Thread(target=self._run, args=(body(name),), name=name, daemon=True).start()
        return len(bodies)

    def _run(self, work: Callable[[], None]) -> None:
        number = 0
        try:
            while True:
                number = self.rounds.wait(number)
                work()
        except BaseException as error:
            self.log.write("unexpected", f"{threading.current_thread().name}: {error!r}")
            raise

    def _calls(self, name: str) -> Callable[[Callable[[], Any], bool], None]:
        """A function that makes one call of a worker after another until the round ends."""
        asker, tally, chance = self.worker(name)

        def work(client_now: Callable[[], Any], may_be_closed: bool) -> None:
            while self.rounds.running():
                self.one_call(asker, tally, chance, client_now(), may_be_closed)
                time.sleep(tally.pause(chance))

        return work

    def one_call(
        self, asker: Asker, tally: Tally, chance: random.Random, client: Any, may_be_closed: bool
    ) -> None:
        call = asker.next()
        client, limit = self.options_of(client, chance)
        began = time.monotonic()
        try:
            answer = call.bound(client)(**call.arguments)
        except Exception as error:
            tally.failed(call, error, may_be_closed)
        else:
            tally.answered(call, answer)
            if self.options.sabotage == "memory":
                self._kept.append([answer, bytes(4000)])
        tally.totals.took(began, limit)

    def _alone(self, name: str) -> Callable[[], None]:
        """A client of its own in each round, closed and made anew now and then."""
        asker, tally, chance = self.worker(name)

        def work() -> None:
            while self.rounds.running():
                client = self.client()
                for _ in range(chance.randint(1, 200)):
                    if not self.rounds.running():
                        break
                    self.one_call(asker, tally, chance, client, False)
                    time.sleep(tally.pause(chance))
                if self.options.sabotage == "descriptors":
                    self._kept.append(client)
                else:
                    client.close()

        return work

    def _sharing(self, name: str) -> Callable[[], None]:
        calls = self._calls(name)
        return lambda: calls(lambda: self.shared, False)

    def _renewing(self, name: str) -> Callable[[], None]:
        """A client that any of its threads closes under the calls of the others."""
        calls = self._calls(name)
        chance = random.Random(f"{self.options.seed} {name} renews")

        def client_now() -> Any:
            if chance.random() < 0.01:
                self.renewed.replace().close()
            return self.renewed.client

        return lambda: calls(client_now, True)

    # ------------------------------------------------------------ many calls by one

    def _mapping(self, name: str) -> Callable[[], None]:
        asker, tally, chance = self.worker(name)

        def work() -> None:
            while self.rounds.running():
                self.one_map(asker, tally, chance)
                time.sleep(tally.pause(chance))

        return work

    def one_map(self, asker: Asker, tally: Tally, chance: random.Random) -> None:
        """Some calls at once, all of them or until one fails or it is enough."""
        batch = asker.batch(chance.randint(1, 40))
        taken: collections.deque[Call] = collections.deque()
        enough = chance.choice([None, None, chance.randint(1, 20)])
        client = self.shared
        results = client.map(
            batch[0].bound(client),
            taking(batch, taken),
            concurrency=chance.randint(1, 12),
            return_exceptions=chance.random() < 0.7,
        )
        try:
            for result in itertools.islice(results, enough):
                sort_result(tally, taken.popleft(), result)
        except Exception as error:
            tally.failed(taken.popleft(), error)
        finally:
            results.close()
        while taken:
            tally.given_up(taken.popleft())

    def _iterating(self, name: str) -> Callable[[], None]:
        _, tally, chance = self.worker(name)

        def work() -> None:
            while self.rounds.running():
                self.one_listing(tally, chance)
                time.sleep(tally.pause(chance))

        return work

    def one_listing(self, tally: Tally, chance: random.Random) -> None:
        kind = chance.choice(["iter_users", "iter_pages", "iter_search", "find_user", "break"])
        client, prefetch = self.shared, chance.randint(1, 3)
        tally.totals.call(kind)
        try:
            if kind == "find_user":
                expect_found(chance, client.find_user)
            elif kind == "iter_pages":
                pages = client.iter_pages(prefetch=prefetch)
                check_everybody([user for page in pages for user in page.users])
            elif kind == "break":
                users = client.iter_users(prefetch=prefetch)
                list(itertools.islice(users, chance.randint(0, 40)))
                users.close()
            else:
                check_everybody(getattr(client, kind)(prefetch=prefetch))
        except Exception as error:
            tally.raised(kind, error)

    # ------------------------------------------------------------ event loops

    def _loop(self, name: str) -> Callable[[], None]:
        """One loop for the whole run."""
        loop = asyncio.new_event_loop()
        workers = [self.worker(f"{name}{n}") for n in range(TASKS)]
        lister = self.worker(f"{name}-iter")

        async def work() -> None:
            tasks = [self._task(*worker, lambda: self.aio, False) for worker in workers]
            await asyncio.gather(*tasks, self._listing_task(*lister))

        return lambda: loop.run_until_complete(work())

    def _loops(self, name: str) -> Callable[[], None]:
        """A loop for each round, on uvloop where there is one, and some clients of its own."""
        workers = [self.worker(f"{name}{n}") for n in range(TASKS)]
        renewing = [self.worker(f"{name}-renewing{n}") for n in range(RENEWING_TASKS)]

        async def work() -> None:
            holder = Holder(lambda: self.client(AsyncUsersClient, max_connections=3))
            tasks = [self._task(*worker, lambda: self.aio, False) for worker in workers]
            tasks += [self._task(*worker, lambda: holder.client, True) for worker in renewing]
            await asyncio.gather(*tasks, self._renew(holder))
            await holder.client.close()

        return lambda: run_in_new_loop(work)

    async def _renew(self, holder: Holder) -> None:
        while self.rounds.running():
            await asyncio.sleep(0.5)
            await holder.replace().close()

    async def _task(
        self,
        asker: Asker,
        tally: Tally,
        chance: random.Random,
        client_now: Callable[[], Any],
        may_be_closed: bool,
    ) -> None:
        while self.rounds.running():
            call = asker.next()
            client, limit = self.options_of(client_now(), chance)
            began = time.monotonic()
            try:
                answer = await stopping_some(call.bound(client)(**call.arguments), chance)
            except (Exception, asyncio.CancelledError) as error:
                tally.failed(call, error, may_be_closed)
            else:
                tally.answered(call, answer)
            tally.totals.took(began, limit)
            await asyncio.sleep(tally.pause(chance))

    async def _listing_task(self, asker: Asker, tally: Tally, chance: random.Random) -> None:
        while self.rounds.running():
            await asyncio.sleep(tally.pause(chance))
            if chance.random() < 0.5:
                await self._map_task(asker, tally, chance)
                continue
            kind = chance.choice(["iter_users", "iter_search", "break"])
            tally.totals.call(kind)
            method = getattr(self.aio, "iter_users" if kind == "break" else kind)
            try:
                async with contextlib.aclosing(method(prefetch=2)) as users:
                    if kind == "break":
                        await anext(users)
                    else:
                        check_everybody([user async for user in users])
            except Exception as error:
                tally.raised(kind, error)

    async def _map_task(self, asker: Asker, tally: Tally, chance: random.Random) -> None:
        batch = asker.batch(chance.randint(1, 40))
        taken: collections.deque[Call] = collections.deque()
        enough = chance.choice([1000, chance.randint(1, 20)])
        results = self.aio.map(
            batch[0].bound(self.aio),
            taking(batch, taken),
            concurrency=chance.randint(1, 12),
            return_exceptions=chance.random() < 0.7,
        )
        try:
            async with contextlib.aclosing(results):
                async for result in results:
                    sort_result(tally, taken.popleft(), result)
                    enough -= 1
                    if enough == 0:
                        break
        except Exception as error:
            tally.failed(taken.popleft(), error)
        while taken:
            tally.given_up(taken.popleft())


def taking(batch: list[Call], taken: collections.deque[Call]) -> Iterator[dict[str, Any]]:
    """The arguments of calls, each noted when it is taken."""
    for call in batch:
        taken.append(call)
        yield call.arguments


def sort_result(tally: Tally, call: Call, result: Any) -> None:
    if isinstance(result, Exception):
        tally.failed(call, result)
    else:
        tally.answered(call, result)


def expect_found(chance: random.Random, find: Callable[[str], Any]) -> None:
    from . import world

    wanted = world.user(chance.randrange(world.USERS))
    user = find(wanted["email"].upper())
    expect("found by address", None if user is None else user.id, wanted["id"])
    expect("nobody", find("nobody@soak.example.com"), None)


async def stopping_some(coroutine: Any, chance: random.Random) -> Any:
    """Wait for a call, or stop it before in one of the ways there are."""
    way = chance.randrange(12)
    if way == 0:
        return await asyncio.wait_for(coroutine, chance.random() * 0.05)
    if way == 1:
        task = asyncio.ensure_future(coroutine)
        await asyncio.sleep(chance.choice([0, chance.random() * 0.02]))
        task.cancel()
        return await task
    return await coroutine


def run_in_new_loop(work: Callable[[], Any]) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(work())
        return
    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(work())
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


# ---------------------------------------------------------------- what the process holds


def held() -> dict[str, int]:
    """What the process holds, after everything free was given back."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    status = Path("/proc/self/status").read_text()
    (memory,) = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")]
    return {
        "memory": int(memory),
        "heap": heap_in_use() // 1024,
        "blocks": sys.getallocatedblocks(),
        "descriptors": entries("/proc/self/fd") - 1,  # without that of the listing
        "threads": entries("/proc/self/task"),
    }


def entries(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


class Main:
    """The rounds, one after another, and what is held after each."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._load = Load(options)
        self._stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: self._stop.set())

    def run(self) -> None:
        """Until the time is up, or whoever watches says or is gone."""
        options, load = self._options, self._load
        self._workers = load.start()
        self._pause()
        self._close()
        load.connect()
        begin = time.monotonic()
        end = begin + options.seconds
        warm = False
        while not self._stop.is_set() and time.monotonic() < end:
            load.rounds.begin()
            self._wait(min(options.round_seconds, end - time.monotonic()))
            self._pause()
            load.log.write("quiet", time.monotonic() - begin, held())
            load.log.write("summary", load.totals.summary())
            if not warm and time.monotonic() - begin > options.seconds * WARM_UP:
                warm = True
                self._close()
                load.connect()
        self._close()
        load.log.write("end")

    def _pause(self) -> None:
        if not self._load.rounds.pause(self._workers):
            self._load.log.write("unexpected", "a call hangs")
            faulthandler.dump_traceback(all_threads=True)
            os._exit(3)

    def _close(self) -> None:
        self._load.close()
        self._load.rounds.begin(running=False)  # loops learn that their clients were closed
        self._pause()
        self._load.log.write("closed", held())

    def _wait(self, seconds: float) -> None:
        """For the end of a round. Nothing is ever written to standard input: its end is news."""
        end = time.monotonic() + seconds
        while not self._stop.is_set() and time.monotonic() < end:
            if select.select([sys.stdin], [], [], 0.1)[0]:
                self._stop.set()


if __name__ == "__main__":
    faulthandler.enable()
    Main(Options(**json.loads(sys.argv[1]))).run()
