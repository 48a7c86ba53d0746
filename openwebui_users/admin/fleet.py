"""Run one function on many servers, on threads or on an executor of your own."""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent import futures
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from openwebui_users._core import UsersClient
from openwebui_users._flow import check_count

from ._checks import shown
from ._errors import AdminError, Interrupted, PartialFailureError, Problem, refuse
from ._results import Result, RowResult
from ._work import Progress, check_client, make_reporter

if TYPE_CHECKING:
    Server: TypeAlias = UsersClient | str | Mapping[str, Any]

__all__ = ["FleetResult", "ServerRow", "run"]

CONCURRENCY = 8


@dataclass
class ServerRow(RowResult):
    """The outcome for one server.

    Attributes:
        status: "done", "failed", "unknown" (its end was not awaited) or "not_run".
        error: what went wrong: the text of the exception, or the first line of a result that is not
            completely done.
        result: what the function returned.
        exception: what the function raised.
    """

    result: Any = field(default=None, repr=False)
    exception: BaseException | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The server's name."""
        return str(self.email)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(vars(self))
        if self.exception is not None:
            state["exception"] = _portable(self.exception)
        return state


@dataclass
class FleetResult(Result):
    """The outcome for each server, in the given order.

    Attributes:
        rows: one ServerRow for each server, even if it could not be reached.
    """

    def __getitem__(self, name: str) -> ServerRow:
        """The row of one server.

        Raises:
            KeyError: there is no server of this name.
        """
        for row in self.rows:
            if isinstance(row, ServerRow) and row.name == name:
                return row
        raise KeyError(name)

    @property
    def results(self) -> dict[str, Any]:
        """What the function returned, by server; servers where it did not return are left out."""
        return {
            row.name: row.result
            for row in self.rows
            if isinstance(row, ServerRow) and row.status == "done"
        }


# ---------------------------------------------------------------- what runs elsewhere


class _Task:
    """The function and one client, on their way to wherever they run.

    A client that was unpickled there is closed there; one that is the caller's own is not.
    """

    def __init__(self, client: UsersClient, function: Callable[[UsersClient], Any]) -> None:
        self._client = client
        self._function = function
        self._is_copy = False

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_is_copy": True}

    def carry_out(self) -> _Outcome:
        try:
            return _Outcome(result=self._function(self._client))
        except Exception as error:
            return _Outcome(exception=_portable(error) if self._is_copy else error)
        finally:
            if self._is_copy:
                self._client.close()


@dataclass
class _Outcome:
    """What came of it; an exception as a value, as one that cannot be made again at the other end
    would break a pool of processes."""

    result: Any = None
    exception: BaseException | None = None


def _portable(error: BaseException) -> BaseException:
    """The exception, or one that says the same where it cannot be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return AdminError(f"{type(error).__name__}: {error}")
    return error


def _carry_out(task: _Task) -> _Outcome:
    return task.carry_out()


# ---------------------------------------------------------------- servers


def _named(servers: Mapping[str, Server] | Iterable[UsersClient]) -> dict[str, Server]:
    if isinstance(servers, Mapping):
        wrong = [name for name in servers if not isinstance(name, str)]
        refuse([Problem(f"names of servers must be texts, got {shown(name)}") for name in wrong])
        return dict(servers)
    if isinstance(servers, (str, UsersClient)):
        raise TypeError(
            "servers must be a mapping of names, or a list of clients, not "
            f"{type(servers).__name__}"
        )
    named: dict[str, Server] = {}
    problems = []
    for number, client in enumerate(servers, 1):
        check_client(client)
        if client.base_url in named:
            text = f"{client.base_url} is given twice: give a mapping with a name for each"
            problems.append(Problem(text, row=number))
        named[client.base_url] = client
    refuse(problems)
    return named


def _clients(named: Mapping[str, Server]) -> tuple[dict[str, UsersClient], list[UsersClient]]:
    """A client for each server, and those among them that are made here."""
    clients: dict[str, UsersClient] = {}
    made: list[UsersClient] = []
    problems = []
    for name, server in named.items():
        if isinstance(server, (str, Mapping)):
            options = {"base_url": server} if isinstance(server, str) else dict(server)
            # never the key in the environment: that of one server is not for all of them
            try:
                clients[name] = UsersClient(**{"api_key": "", **options})
            except (TypeError, ValueError) as error:
                problems.append(Problem(str(error), column=name))
            else:
                made.append(clients[name])
        else:
            check_client(server)
            clients[name] = server
    if problems:
        _close(made)
    refuse(problems)
    return clients, made


def _close(clients: Iterable[UsersClient]) -> None:
    for client in clients:
        client.close()


# ---------------------------------------------------------------- the run


class _Fleet:
    """One run: what waits, what is under way, and the rows."""

    def __init__(
        self,
        result: FleetResult,
        executor: futures.Executor,
        tasks: Mapping[str, _Task],
        concurrency: int,
        report: Callable[[Progress], object],
    ) -> None:
        self._result = result
        self._executor = executor
        self._concurrency = concurrency
        self._report = report
        self._waiting = deque(tasks.items())
        self._running: dict[futures.Future[_Outcome], str] = {}
        self._done = 0

    def work(self, end: float | None) -> None:
        """Until all has ended, or the clock says so."""
        while self._waiting or self._running:
            while self._waiting and len(self._running) < self._concurrency:
                name, task = self._waiting.popleft()
                self._running[self._executor.submit(_carry_out, task)] = name
            left = None if end is None else max(0.0, end - time.monotonic())
            ended, _ = futures.wait(self._running, left, futures.FIRST_COMPLETED)
            for future in ended:
                self._settle(future)
            if not ended:
                self._result.stopped = "it took too long"
                return

    def _settle(self, future: futures.Future[_Outcome]) -> None:
        row = self._result[self._running.pop(future)]
        if future.cancelled():  # by whoever else has the executor
            outcome = _Outcome(exception=futures.CancelledError("the executor cancelled it"))
        elif (error := future.exception()) is not None:
            outcome = _Outcome(exception=error)  # it broke, or something cannot be pickled
        else:
            outcome = future.result()
        row.result, row.exception = outcome.result, outcome.exception
        if row.exception is not None:
            row.status = "failed"
            row.error = str(row.exception) or type(row.exception).__name__
        else:
            row.status = "done"
            if isinstance(row.result, (Result, RowResult)) and not row.result.ok:
                row.error = str(row.result).partition("\n")[0]
        self._done += 1
        self._report(Progress(self._result.verb, self._done, len(self._result.rows), row))

    def abandon(self) -> None:
        """Wait no longer. What has ended meanwhile is told all the same."""
        # whose word that a task has not begun can be relied on
        known = (futures.ThreadPoolExecutor, futures.ProcessPoolExecutor)
        for future, name in list(self._running.items()):
            if future.done() and not future.cancelled():
                self._settle(future)
            elif not (future.cancel() and isinstance(self._executor, known)):
                row = self._result[name]
                row.status = "unknown"
                row.error = "it was not waited for, and may go on"


def run(
    servers: Mapping[str, Server] | Iterable[UsersClient],
    function: Callable[[UsersClient], Any],
    executor: futures.Executor | None = None,
    *,
    concurrency: int = CONCURRENCY,
    timeout: float | None = None,
    progress: bool | Callable[[Progress], object] = False,
) -> FleetResult:
    """Call a function with the client of each of many servers, several at once.

    If a server is down or the function raises, the result has a row for it, and the others
    continue.

    Args:
        servers: a dict by name of clients, URLs, or dicts of arguments of UsersClient, from which
            clients are created. Or a list of clients, which are named by their URLs.
            OPENWEBUI_API_KEY is not used: the key of one server must not go to all of them.
        function: called with the client; use functools.partial for further arguments. For an
            executor with other processes, the function and what it returns must be picklable.
        executor: any concurrent.futures.Executor, which is not shut down here: a
            ProcessPoolExecutor, or Dask's Client.get_executor(). Clients are pickled to other
            processes, with their keys, and closed there. None: threads of this process.
        concurrency: number of servers under way at once.
        timeout: seconds for all servers together; None: no limit except those of the clients.
        progress: True for a bar, or a function that is called with a Progress after each server.

    Returns:
        FleetResult: one row for each server, in the given order.

    Raises:
        TypeError: something is not a blocking client.
        InvalidInputError: arguments do not make a valid client, or two clients have the same URL.
            The function was not called.
        Interrupted: Ctrl-C; its result has the outcome for each server. Calls under way are not
            awaited here, but threads of this process must end before it does.
        PartialFailureError: the progress function or the executor failed; its result has the
            outcome for each server.
    """
    check_count("concurrency", concurrency, 1)
    clients, made = _clients(_named(servers))
    result = FleetResult("fleet.run", [ServerRow(email=name) for name in clients])
    tasks = {name: _Task(client, function) for name, client in clients.items()}
    end = None if timeout is None else time.monotonic() + timeout
    pool = futures.ThreadPoolExecutor(concurrency) if executor is None else None
    chosen = executor if pool is None else pool
    assert chosen is not None
    try:
        with make_reporter(result.verb, progress) as report:
            fleet = _Fleet(result, chosen, tasks, concurrency, report)
            try:
                fleet.work(end)
            except KeyboardInterrupt as interrupt:
                result.stopped = "interrupted"
                raise Interrupted(result) from interrupt
            except Exception as error:  # of the progress's function
                result.stopped = f"{type(error).__name__}: {error}"
                raise PartialFailureError(result) from error
            finally:
                fleet.abandon()
    finally:
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
        _close(made)
    return result
