"""10,000 reads of a user, begun at once, on loopback: this package, its peers, and the floor.

    python benchmarks/concurrent_reads.py

nginx answers every call with the same user, by the id that was asked for, so that only the clients
differ and no answer can be taken for another. Each client runs in a
process of its own, in turn, several rounds long; what is told are medians. The floor is
`curl_multi.c`: what the calls cost in C over libcurl without anything made of the answers.

Prints a table in Markdown and writes all that was measured as JSON. The exit status is 1 when an
answer was wrong or a target was missed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import asdict, dataclass, field
from importlib import import_module, metadata
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any

from server import ONE, Server, end_on_sigterm, nginx_version

HERE = Path(__file__).resolve().parent
KEY = "sk-key"
FLOOR = "curl_multi (C)"
OURS = "openwebui_users"
AIOHTTP = "aiohttp + msgspec"
OWUI = "owui-client"

# ---------------------------------------------------------------- what is measured, in its process


def memory_kib(name: str) -> int:
    """A line of /proc/self/status. ru_maxrss would count the process that started this one."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0


def forget_peak() -> None:
    """Let VmHWM begin anew: imports have their own peak."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)  # all threads of the process
    return usage.ru_utime + usage.ru_stime


class Measured:
    """Time, CPU time and memory of what is done while the `with` lasts."""

    result: dict[str, Any]

    def __enter__(self) -> Measured:
        gc.collect()
        forget_peak()
        self._memory = memory_kib("VmRSS")
        self._cpu = cpu_seconds()
        self._start = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.result = {
            "seconds": time.perf_counter() - self._start,
            "cpu_seconds": cpu_seconds() - self._cpu,
            "memory_kib": memory_kib("VmHWM") - self._memory,
        }


def count_correct(users: Iterable[Any], ids: list[str]) -> int:
    """How many are the user that was asked for; measured as well: some decode what is read only."""
    email = ONE["email"]
    pairs = zip(users, ids, strict=True)
    return sum(user.id == user_id and user.email == email for user, user_id in pairs)


def ids_of(calls: int) -> list[str]:
    return [str(uuid.UUID(int=number)) for number in range(calls)]


async def gather_all(read: Callable[[str], Coroutine[Any, Any, Any]], calls: int) -> dict[str, Any]:
    """All calls at once, as the library at hand makes them, after one that opens a connection."""
    ids = ids_of(calls)
    await read(ids[0])
    with Measured() as measured:
        correct = count_correct(await asyncio.gather(*(read(user_id) for user_id in ids)), ids)
    return {**measured.result, "correct": correct}


async def read_ours(url: str, calls: int, connections: int) -> dict[str, Any]:
    from openwebui_users import AsyncUsersClient

    async with AsyncUsersClient(url, KEY, max_connections=connections) as client:
        return await gather_all(client.get_user_by_id, calls)


def read_ours_by_map(url: str, calls: int, connections: int) -> dict[str, Any]:
    from openwebui_users import UsersClient

    ids = ids_of(calls)
    with UsersClient(url, KEY, max_connections=connections) as client:
        client.get_user_by_id(ids[0])
        with Measured() as measured:
            users = client.map(client.get_user_by_id, ids, concurrency=connections)
            correct = count_correct(users, ids)
    return {**measured.result, "correct": correct}


def user_struct(msgspec: Any) -> Any:
    """The answer as a typed Struct of msgspec, with all that a user has."""
    text = str | None
    fields = [
        *((name, str) for name in ("id", "name", "email", "role")),
        *((name, int) for name in ("last_active_at", "updated_at", "created_at")),
        ("is_active", bool),
        ("groups", list[dict[str, Any]]),
        *((name, text, None) for name in ("username", "profile_image_url", "bio", "gender")),
        *((name, text, None) for name in ("profile_banner_image_url", "date_of_birth", "timezone")),
        *((name, text, None) for name in ("presence_state", "status_emoji", "status_message")),
        ("status_expires_at", int | None, None),
        *((name, dict[str, Any] | None, None) for name in ("info", "settings", "oauth", "scim")),
    ]
    assert {name for name, *_ in fields} == set(ONE)
    return msgspec.defstruct("User", fields)


async def read_aiohttp(url: str, calls: int, connections: int) -> dict[str, Any]:
    # imported by name: whoever checks the types of this file need not have them
    aiohttp, msgspec = import_module("aiohttp"), import_module("msgspec")
    decode = msgspec.json.Decoder(user_struct(msgspec)).decode
    headers = {"Authorization": f"Bearer {KEY}"}
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(url, connector=connector, headers=headers) as session:

        async def read(user_id: str) -> Any:
            async with session.get(f"/api/v1/users/{user_id}") as response:
                response.raise_for_status()
                return decode(await response.read())

        return await gather_all(read, calls)


async def read_owui(url: str, calls: int, _connections: int) -> dict[str, Any]:
    # It has no number of connections to set: httpx's own is 100, of which 20 are kept.
    client = import_module("owui_client.client").OpenWebUI(f"{url}/api", KEY)
    return await gather_all(client.users.get_user_by_id, calls)


def by_asyncio(read: Callable[[str, int, int], Coroutine[Any, Any, dict[str, Any]]]) -> Any:
    return lambda *arguments: asyncio.run(read(*arguments))


def by_uvloop(read: Callable[[str, int, int], Coroutine[Any, Any, dict[str, Any]]]) -> Any:
    return lambda *arguments: import_module("uvloop").run(read(*arguments))


CASES: dict[str, Callable[[str, int, int], dict[str, Any]]] = {
    OURS: by_asyncio(read_ours),
    f"{OURS}, uvloop": by_uvloop(read_ours),
    f"{OURS}, map": read_ours_by_map,
    AIOHTTP: by_asyncio(read_aiohttp),
    f"{AIOHTTP}, uvloop": by_uvloop(read_aiohttp),
    OWUI: by_asyncio(read_owui),
}


def run_case(name: str, url: str, calls: int, connections: int) -> None:
    """Measure one client in this process."""
    try:
        result = CASES[name](url, calls, connections)
    except ImportError as error:
        result = {"missing": str(error)}
    print(json.dumps(result))


# ---------------------------------------------------------------- the rounds


@dataclass
class Result:
    """What one client did: medians of its rounds."""

    name: str
    calls: int
    correct: bool
    calls_per_second: float
    cpu_us_per_call: float
    memory_mib: float
    rounds: list[dict[str, Any]]


@dataclass
class Target:
    what: str
    least: bool  # is `limit` the least that will do, or the most?
    limit: float
    reached: float | None = None  # None: was not measured

    @property
    def met(self) -> bool | None:
        if self.reached is None:
            return None
        return self.reached >= self.limit if self.least else self.reached <= self.limit

    def __str__(self) -> str:
        verdict = {None: "not measured", True: "met", False: "MISSED"}[self.met]
        number = "" if self.reached is None else f"{self.reached:.2f}, "
        bound = "at least" if self.least else "at most"
        return f"{self.what}: {number}{bound} {self.limit:g} wanted: {verdict}"


def compile_floor(folder: Path) -> Path:
    compiler = os.environ.get("CC") or "cc"
    if shutil.which(compiler) is None or shutil.which("pkg-config") is None:
        raise SystemExit("a C compiler and pkg-config are needed: see `make build`")
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "libcurl"], check=True, text=True, capture_output=True
    ).stdout.split()
    program = folder / "curl_multi"
    source = str(HERE / "curl_multi.c")
    subprocess.run([compiler, "-std=c11", "-O2", source, "-o", str(program), *flags], check=True)
    return program


def measure(command: list[str]) -> dict[str, Any]:
    """What a process that measures prints."""
    done = subprocess.run(command, text=True, capture_output=True, timeout=600, check=False)
    try:
        result: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise SystemExit(f"{command} failed:\n{done.stdout}{done.stderr}") from None
    return result


@dataclass
class Benchmark:
    url: str
    floor: Path
    calls: int
    few_calls: int
    connections: int
    rounds: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def calls_of(self, name: str) -> int:
        return self.few_calls if name == OWUI else self.calls

    def command(self, name: str) -> list[str]:
        numbers = [str(self.calls_of(name)), str(self.connections)]
        if name == FLOOR:
            return [str(self.floor), f"{self.url}/api/v1/users/{ids_of(1)[0]}", *numbers]
        return [sys.executable, __file__, "--case", name, self.url, *numbers]

    def run_round(self, number: int) -> None:
        """Every client once; each round begins with another one."""
        names = [FLOOR, *CASES]
        first = number % len(names)
        for name in names[first:] + names[:first]:
            if name in self.missing:
                continue
            result = measure(self.command(name))
            if "missing" in result:
                self.missing[name] = result["missing"]
                print(f"{name} is skipped: {result['missing']}", file=sys.stderr)
            else:
                self.rounds.setdefault(name, []).append(result)

    def result(self, name: str) -> Result:
        rounds = self.rounds[name]
        calls = self.calls_of(name)
        return Result(
            name=name,
            calls=calls,
            correct=all(one["correct"] == calls for one in rounds),
            calls_per_second=median(calls / one["seconds"] for one in rounds),
            cpu_us_per_call=median(one["cpu_seconds"] / calls * 1e6 for one in rounds),
            memory_mib=median(one["memory_kib"] / 1024 for one in rounds),
            rounds=rounds,
        )

    def results(self) -> list[Result]:
        return [self.result(name) for name in [FLOOR, *CASES] if name in self.rounds]


# ---------------------------------------------------------------- the report


def targets(results: list[Result]) -> list[Target]:
    """What is promised, of the asynchronous client on the loop of the standard library."""
    by_name = {result.name: result for result in results}
    floor, ours, owui, aiohttp = (by_name.get(name) for name in (FLOOR, OURS, OWUI, AIOHTTP))
    cpu = Target("CPU a call, times the floor's", least=False, limit=2.5)
    over_owui = Target("throughput, times owui-client's", least=True, limit=25)
    over_aiohttp = Target("throughput, times that of aiohttp + msgspec", least=True, limit=3)
    if ours is not None:
        if floor is not None:
            cpu.reached = ours.cpu_us_per_call / floor.cpu_us_per_call
        if owui is not None:
            over_owui.reached = ours.calls_per_second / owui.calls_per_second
        if aiohttp is not None:
            over_aiohttp.reached = ours.calls_per_second / aiohttp.calls_per_second
    return [cpu, over_owui, over_aiohttp]


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def machine(libcurl: str) -> dict[str, Any]:
    """What the numbers depend on."""
    installed = {one.name: one.version for one in metadata.distributions()}
    peers = ("uvloop", "aiohttp", "msgspec", "owui-client", "httpx")
    versions = {"nginx": nginx_version(), "libcurl": libcurl}
    versions |= {name: installed[name] for name in peers if name in installed}
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "cpu": cpu_model(),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": versions,
    }


def print_report(results: list[Result], facts: dict[str, Any], goals: list[Target]) -> None:
    floor = results[0]
    print("| client | calls/s | of the floor | CPU a call | of the floor | memory | correct |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
    for one in results:
        print(
            f"| {one.name} | {one.calls_per_second:,.0f} "
            f"| {one.calls_per_second / floor.calls_per_second:.3f} "
            f"| {one.cpu_us_per_call:.1f} µs "
            f"| {one.cpu_us_per_call / floor.cpu_us_per_call:.2f} "
            f"| {one.memory_mib:.1f} MiB "
            f"| {f'all {one.calls:,}' if one.correct else 'NO'} |"
        )
    print()
    for goal in goals:
        print(f"- {goal}")
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    print(
        f"\n{facts['cpus']} CPUs ({facts['cpu']}), {facts['system']}, {facts['python']}, {versions}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument(
        "--few-calls", type=int, default=500, help=f"calls of {OWUI}, which is slow"
    )
    # What aiohttp, httpx and this package open at most when nobody says otherwise.
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=HERE / "results" / "concurrent_reads.json")
    parser.add_argument("--case", nargs=4, help=argparse.SUPPRESS)  # in a process of its own
    options = parser.parse_args()
    if options.case:
        name, url, calls, connections = options.case
        run_case(name, url, int(calls), int(connections))
        return 0

    end_on_sigterm()
    with tempfile.TemporaryDirectory(prefix="floor-") as folder, Server() as server:
        benchmark = Benchmark(
            url=server.url,
            floor=compile_floor(Path(folder)),
            calls=options.calls,
            few_calls=options.few_calls,
            connections=options.connections,
        )
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
            benchmark.run_round(number)
    results = benchmark.results()
    goals = targets(results)
    facts = machine(results[0].rounds[0]["libcurl"])
    print_report(results, facts, goals)
    report = {
        "connections": options.connections,
        "machine": facts,
        "results": [asdict(result) for result in results],
        "skipped": benchmark.missing,
        "targets": [{**asdict(goal), "met": goal.met} for goal in goals],
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0 if all(r.correct for r in results) and all(g.met is not False for g in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
