"""Carrying a verb out: many rows at once, on one thread, with progress, an audit trail and Ctrl-C.

What is done for one row is a flow (see `openwebui_users._flow`). Rows begin in order, so many at
once as the verb was told; none waits for another. A row ends when its flow does, and what it raises
is its error.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import warnings
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from openwebui_users._core import UsersClient
from openwebui_users._flow import LOOK, Begin, ask, check_count
from openwebui_users._sync import Calls, run_one
from openwebui_users.errors import (
    APIConnectionError,
    AuthenticationError,
    ConnectError,
    InternalServerError,
    OpenWebUIError,
)

from ._audit import Trail, route_of
from ._directory import whoami
from ._errors import Interrupted, PartialFailureError, UnknownOutcomeError
from ._results import Result, RowResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from openwebui_users._flow import Flow

    from ._audit import Audit

R = TypeVar("R", bound=Result)

CONCURRENCY = 8  # what hashing passwords on the server can use; see `concurrency` of each verb
_REPORT = 0.1  # seconds between two lines of progress at least


@dataclass(frozen=True)
class Progress:
    """How far a verb has got.

    Attributes:
        verb: name of the function.
        done, total: numbers of rows.
        last: the row that ended last; None before the first.
    """

    verb: str
    done: int
    total: int
    last: RowResult | None


class _Bar:
    """progress=True: tqdm's widget or bar where that is installed, else a line on stderr."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._bar: Any = None

    def __call__(self, progress: Progress) -> None:
        if self._bar is None:
            self._bar = self._make(progress.total)
        self._bar.update(progress.done - self._bar.n)
        if progress.done >= progress.total:
            self.close()

    def _make(self, total: int) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # in a notebook without ipywidgets: then it is text
                from tqdm.auto import tqdm  # type: ignore[import-untyped, unused-ignore]
        except ImportError:
            return _Line(self._verb, total)
        return tqdm(total=total, desc=self._verb, unit="row")

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _Line:
    """The little of tqdm that is needed, without tqdm."""

    def __init__(self, verb: str, total: int) -> None:
        self._verb = verb
        self._total = total
        self.n = 0
        self._told = 0.0

    def update(self, more: int) -> None:
        import time

        self.n += more
        now = time.monotonic()
        if self.n == self._total or now - self._told >= _REPORT:
            self._told = now
            print(f"\r{self._verb}: {self.n}/{self._total}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        print(file=sys.stderr)


@contextlib.contextmanager
def make_reporter(
    verb: str, progress: bool | Callable[[Progress], object]
) -> Iterator[Callable[[Progress], object]]:
    """What progress is told to: a bar for True, nothing for False."""
    if callable(progress):
        yield progress
    elif progress:
        bar = _Bar(verb)
        try:
            yield bar
        finally:
            bar.close()
    else:
        yield lambda _: None


class Run(Generic[R]):
    """One run of a verb.

    Args:
        result: what the verb will return; its rows are filled in here.
        client: whose calls are made.
        dry_run: change() sends nothing.
        progress: True, or a function that is called with a Progress after each row.
        concurrency: rows under way at once, at most.
        audit: see _audit.Trail.
    """

    def __init__(
        self,
        result: R,
        client: UsersClient,
        *,
        dry_run: bool = False,
        progress: bool | Callable[[Progress], object] = False,
        concurrency: int = CONCURRENCY,
        audit: Audit | None = None,
    ) -> None:
        check_client(client)
        check_count("concurrency", concurrency, 1)
        self.result = result
        self.client = client
        self.dry_run = result.dry_run = dry_run
        self._concurrency = concurrency
        self._progress = progress
        self._open = contextlib.ExitStack()
        self._interrupts = 0
        self._unreachable = 0  # rows, one after another, whose server did not answer
        self._done = self._total = 0
        self._broken: Exception | None = None
        self._audit = audit
        self._trail: Trail | None = None

    def __enter__(self) -> Run[R]:
        self._report = self._open.enter_context(make_reporter(self.result.verb, self._progress))
        facts: dict[str, Any] = {"verb": self.result.verb, "server": self.client.base_url}
        if self._audit is not None and not self.dry_run:
            me = whoami(self.client)
            facts["who"] = None if me is None else {"id": me.id, "email": me.email}
        self._trail = Trail(None if self.dry_run else self._audit, facts)
        self._open.callback(self._trail.close)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()
        if isinstance(error, KeyboardInterrupt) and not isinstance(error, Interrupted):
            self._raise_interrupted(error)

    # ------------------------------------------------------------ what flows of rows use

    def change(
        self,
        method: Callable[..., Any],
        *args: Any,
        target: str | None = None,
        before: Any = None,
        after: Any = None,
        **kwargs: Any,
    ) -> Flow:
        """One call that changes something, told to the audit trail; returns its result.

        Args:
            method, args, kwargs: the call.
            target: e-mail address or name of what is changed.
            before, after: what is changed, as dicts; secrets in them are masked.

        Returns: None in a dry run, in which nothing is sent.
        """
        if self.dry_run:
            return None
        assert self._trail is not None
        route = route_of(method, args, kwargs) if self._trail.is_kept else ""
        facts = {"target": target, "before": before, "after": after}
        number = self._trail.sent(route, **facts)
        try:
            answer = yield from ask(method, *args, **kwargs)
        except OpenWebUIError as error:
            stage = "unknown" if is_unknown(error) else "failed"
            self._trail.settled(number, stage, route=route, target=target, error=str(error))
            raise
        except GeneratorExit:  # stopped while it was under way
            self._trail.settled(number, "unknown", route=route, target=target)
            raise
        try:
            self._trail.settled(number, "done", route=route, **facts)
        except Exception as error:  # it is done all the same: the row goes on, and no other begins
            self._break(error)
        return answer

    # ------------------------------------------------------------ rows

    def add_rows(self, users: Iterable[Any]) -> Callable[[RowResult], Any]:
        """Add a row for each user to the result; returns what gives the user of a row."""
        by_id = {user.id: user for user in users}
        self.result.rows += [RowResult(email=one.email, id=one.id) for one in by_id.values()]
        return lambda row: by_id[row.id]

    def do(self, flow: Flow) -> Any:
        """Carry out one flow by itself, and raise what it raises; what it returns.

        Raises:
            PartialFailureError: it was carried out, but could not be written down.
        """
        found = run_one(self.client, flow)
        if self._broken is not None:
            raise PartialFailureError(self.result) from self._broken
        return found

    def each(
        self,
        rows: Iterable[RowResult],
        steps: Callable[[RowResult], Flow],
        total: int | None = None,
        *,
        tells: bool = True,
    ) -> None:
        """Do for each row what steps does; rows whose turn never came stay "not_run".

        Args:
            rows: those of the result, or some of them.
            steps: the flow of one row, which sets the row's status. A row's error that it sets
                before a call says what it means if that call fails; it takes it back afterwards.
            total: rows that are expected in all, for progress; None: so many as there are.
            tells: whether progress is told of these rows.

        Raises:
            Interrupted: Ctrl-C; what had begun was waited for.
            PartialFailureError: something else than a call failed: a file, or the progress's
                function; what had begun was waited for.
        """
        waiting = deque(rows)
        self._tells = tells
        self._total = self._done + len(waiting) if total is None else total
        begun: list[tuple[RowResult, Flow]] = []  # and not ended
        calls = Calls(self.client)
        try:
            with self._sigint():
                while begun or (waiting and not self.is_stopping):
                    while waiting and len(begun) < self._concurrency and not self.is_stopping:
                        row = waiting.popleft()
                        begun.append((row, steps(row)))
                        if not self._goes_on(calls, *begun[-1], None):
                            del begun[-1]
                    if begun:
                        ended = calls.wait()
                        for one in [*begun]:
                            if not self._goes_on(calls, *one, ended):
                                begun.remove(one)
        except BaseException as error:
            self._abandon(calls, begun)
            if isinstance(error, KeyboardInterrupt):
                self._raise_interrupted(error)
            raise
        finally:
            calls.stop()
        if self._interrupts:
            self._raise_interrupted(None)
        if self._broken is not None:
            raise PartialFailureError(self.result) from self._broken

    @property
    def is_stopping(self) -> bool:
        """Whether no further row is to begin."""
        return self._interrupts > 0 or self.result.stopped is not None

    def _goes_on(self, calls: Calls, row: RowResult, flow: Flow, reply: Any) -> bool:
        """Let a row's flow go on to its next wait; False: it has ended."""
        try:
            while True:
                step = flow.send(reply)
                if isinstance(step, Begin):
                    reply = calls.begin(step)
                elif step is LOOK:
                    reply = calls.look()
                else:
                    return True
        except StopIteration:
            self._unreachable = 0
        except OpenWebUIError as error:
            self._fail(row, error)
        except Exception as error:
            row.status = "failed"
            _add_reason(row, f"{type(error).__name__}: {error}")
            self._break(error)
        if not self._tells:
            return False
        self._done += 1
        try:
            self._report(Progress(self.result.verb, self._done, self._total, row))
        except Exception as error:
            self._break(error)
        return False

    def _break(self, error: Exception) -> None:
        """Begin no further row, because of a failure that is no call's."""
        self._broken = self._broken or error
        self.result.stopped = self.result.stopped or f"{type(error).__name__}: {error}"

    def _fail(self, row: RowResult, error: OpenWebUIError) -> None:
        row.status = "unknown" if is_unknown(error) else "failed"
        _add_reason(row, str(error))
        self._unreachable = self._unreachable + 1 if isinstance(error, APIConnectionError) else 0
        if isinstance(error, AuthenticationError) and self.result.stopped is None:
            self.result.stopped = "the server no longer takes the client's key or token"
        elif self._unreachable > self._concurrency and self.result.stopped is None:
            self.result.stopped = f"the server cannot be reached: {error}"

    def _abandon(self, calls: Calls, begun: list[tuple[RowResult, Flow]]) -> None:
        calls.stop()
        for row, flow in begun:
            row.status = "unknown"
            _add_reason(row, "stopped while it was under way")
            with contextlib.suppress(Exception):  # of the audit trail: the others are told too
                flow.close()

    # ------------------------------------------------------------ Ctrl-C

    @contextlib.contextmanager
    def _sigint(self) -> Iterator[None]:
        """The first Ctrl-C lets what has begun end, the second raises at once.

        Only where Ctrl-C would raise KeyboardInterrupt anyway: others' handlers stay.
        """
        if (
            threading.current_thread() is not threading.main_thread()
            or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        ):
            yield
            return

        def on_sigint(number: int, frame: Any) -> None:
            self._interrupts += 1
            if self._interrupts > 1:
                signal.default_int_handler(number, frame)

        signal.signal(signal.SIGINT, on_sigint)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _raise_interrupted(self, cause: BaseException | None) -> None:
        self.result.stopped = "interrupted"
        raise Interrupted(self.result) from cause


def _add_reason(row: RowResult, reason: str) -> None:
    row.error = reason if row.error is None else f"{row.error}: {reason}"


def is_unknown(error: OpenWebUIError) -> bool:
    """May the call have been carried out although it raised this?"""
    if isinstance(error, UnknownOutcomeError):
        return True
    return isinstance(error, APIConnectionError) and not isinstance(error, ConnectError)


def may_be_made(error: OpenWebUIError) -> bool:
    """May what a request was to make be there although it ended like this?

    Servers answer 500 too when they stumble after the work, or over another's that came first.
    """
    return is_unknown(error) or isinstance(error, InternalServerError)


def check_client(client: object) -> None:
    """Refuse what is no blocking client."""
    if not isinstance(client, UsersClient):
        raise TypeError(
            f"client must be a UsersClient, not {type(client).__name__}: the verbs of "
            "administration block; in an event loop, await asyncio.to_thread(verb, client, …)"
        )
    if client.raw:
        raise TypeError("client must not be with_raw_response: give the client itself")
