"""Decoding a list of users, reading them and writing them again; memory, growth and threads.

`python benchmarks/decode.py WORK LIBRARY SETTING` measures one case; run.py runs them all.
"""

from __future__ import annotations

import datetime
import gc
import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from operator import attrgetter, itemgetter
from typing import Any

import c_programs
import catalogue as names
import data
import fields
from measuring import Case, Cases, Laps, Numbers, Setting, memory_kib, repeat, run_case

Action = Callable[[Any], Any]
SMALL, LARGE, HUGE = names.SIZES
TURN = 0.02  # seconds that threads decode for, before others have their turn


@dataclass(frozen=True)
class Codec:
    """One library's way to do each thing."""

    decode: Action  # bytes to an answer
    users: Action  # of an answer
    to_json: Action
    to_dict: Action
    as_dict: Action  # a user as a dict that compares with what data.py makes, untimed


def ours() -> Codec:
    answer = import_module("openwebui_users.models").UserGroupIdsListResponse
    return Codec(
        decode=answer.model_validate_json,
        users=attrgetter("users"),
        to_json=answer.to_json_bytes,
        to_dict=answer.model_dump,
        as_dict=lambda user: user.model_dump(mode="json"),
    )


def msgspec() -> Codec:
    module = import_module("msgspec")
    # dates stay dates, as in the dumps of the others
    return Codec(
        decode=module.json.Decoder(fields.page_class(fields.make_struct)).decode,
        users=attrgetter("users"),
        to_json=module.json.Encoder().encode,
        to_dict=lambda answer: module.to_builtins(answer, builtin_types=(datetime.date,)),
        as_dict=module.to_builtins,
    )


def pydantic() -> Codec:
    model = fields.page_class(fields.make_model)
    return Codec(
        decode=model.model_validate_json,
        users=attrgetter("users"),
        to_json=model.model_dump_json,
        to_dict=model.model_dump,
        as_dict=lambda user: user.model_dump(mode="json"),
    )


def json_pydantic() -> Codec:
    validate = fields.page_class(fields.make_model).model_validate
    return replace(pydantic(), decode=lambda text: validate(json.loads(text)))


def untyped(loads: Action, dumps: Action) -> Codec:
    """JSON as dicts, without a class: what others are built on, not what users would be."""
    return Codec(
        decode=loads,
        users=itemgetter("users"),
        to_json=dumps,
        to_dict=lambda a: a,
        as_dict=lambda u: u,
    )


def orjson() -> Codec:
    module = import_module("orjson")
    return untyped(module.loads, module.dumps)


CODECS: dict[str, Callable[[], Codec]] = {
    names.OURS: ours,
    names.MSGSPEC: msgspec,
    names.PYDANTIC: pydantic,
    names.JSON_PYDANTIC: json_pydantic,
    names.ORJSON: orjson,
    names.JSON: lambda: untyped(json.loads, data.compact),
}
TYPED = (names.OURS, names.MSGSPEC, names.PYDANTIC)


def are_correct(users: list[Any], count: int, as_dict: Action = lambda user: user) -> bool:
    """All are there, and a hundred of them are what data.py made, whatever else they have."""
    picked = range(0, count, max(1, count // 100))
    return len(users) == count and all(
        as_dict(users[index]).items() >= data.user(index).items() for index in picked
    )


def is_correct(codec: Codec, answer: Any, count: int) -> bool:
    return are_correct(codec.users(answer), count, codec.as_dict)


def with_text(user: dict[str, Any]) -> dict[str, Any]:
    """A dumped user with the day of birth as data.py has it."""
    day = user["date_of_birth"]
    return {**user, "date_of_birth": day.isoformat() if isinstance(day, datetime.date) else day}


def us_per_user(laps: Laps, count: int) -> float:
    return laps.cpu / count * 1e6


# ---------------------------------------------------------------- cases


def to_users(codec: Codec, after: Action) -> Action:
    """Decode until the list of users is in hand, and do with it what comes `after`.

    The answer alone may have made no user yet.
    """

    def action(text: bytes) -> Any:
        answer = codec.decode(text)
        after(codec.users(answer))
        return answer

    return action


def nothing(_users: list[Any]) -> None:
    pass


def peek(users: list[Any]) -> None:
    read = attrgetter("id", "email")
    for user in users:
        read(user)


def decode(library: str, count: int, after: Action, setting: Setting) -> Numbers:
    codec = CODECS[library]()
    text = setting.text(count).read_bytes()
    action = to_users(codec, after)
    action(setting.text(SMALL).read_bytes())
    laps = repeat(lambda _: action(text), setting.seconds)
    gc.disable()
    off = repeat(lambda _: action(text), setting.seconds / 2)
    return {
        names.US_PER_USER: us_per_user(laps, count),
        names.US_PER_USER_GC_OFF: us_per_user(off, count),
        names.US_TO_FREE: laps.free / count * 1e6,
        "correct": is_correct(codec, action(text), count),
    }


def dump_json(library: str, before: Action, setting: Setting) -> Numbers:
    """Write users that were decoded just before; each repetition has its own."""
    codec = CODECS[library]()
    text = setting.text(SMALL).read_bytes()
    decoded = to_users(codec, before)
    written = json.loads(codec.to_json(decoded(text)))
    laps = repeat(codec.to_json, setting.seconds, lambda: decoded(text))
    return {
        names.US_PER_USER: us_per_user(laps, SMALL),
        "correct": written["total"] == SMALL and are_correct(written["users"], SMALL),
    }


def dump(library: str, setting: Setting) -> Numbers:
    """A dict of users that were decoded and read just before; each repetition has its own."""
    codec = CODECS[library]()
    text = setting.text(SMALL).read_bytes()
    decoded = to_users(codec, fields.read_every_field)
    made = codec.to_dict(decoded(text))
    laps = repeat(codec.to_dict, setting.seconds, lambda: decoded(text))
    return {
        names.US_PER_USER: us_per_user(laps, SMALL),
        "correct": made["total"] == SMALL and are_correct(made["users"], SMALL, with_text),
    }


def decode_and_dump(library: str, setting: Setting) -> Numbers:
    codec = CODECS[library]()
    text = setting.text(SMALL).read_bytes()

    def action(_: None) -> Any:
        return codec.to_dict(codec.decode(text))

    made = action(None)
    return {
        names.US_PER_USER: us_per_user(repeat(action, setting.seconds), SMALL),
        "correct": made["total"] == SMALL and are_correct(made["users"], SMALL, with_text),
    }


def memory(library: str, after: Action, setting: Setting) -> Numbers:
    """What the process holds more than before, with the answer and the list of its users alive."""
    codec = CODECS[library]()
    text = setting.text(LARGE).read_bytes()
    warm = codec.users(codec.decode(data.users_text(1)))
    after(warm)
    del warm
    gc.collect()
    before = memory_kib("VmRSS")
    answer = codec.decode(text)
    after(codec.users(answer))
    gc.collect()
    held = memory_kib("VmRSS") - before
    return {
        names.BYTES_PER_USER: held * 1024 / LARGE,
        "correct": is_correct(codec, answer, LARGE),
    }


def times_one_thread(action: Callable[[], Any], budget: float) -> float:
    """Throughput of two threads over that of one, which take turns.

    The quickest turns of both are compared: with as many threads as a small machine has processors,
    the others tell what else was running.
    """

    def repeatedly(times: int) -> None:
        for _ in range(times):
            action()

    def seconds(threads: int, times: int) -> float:
        running = [threading.Thread(target=repeatedly, args=(times,)) for _ in range(threads)]
        gc.collect()
        start = time.perf_counter()
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        return time.perf_counter() - start

    once = seconds(1, 3) / 3
    times = max(1, round(TURN / once))
    turns: list[tuple[float, float]] = []
    end = time.perf_counter() + budget
    while time.perf_counter() < end or len(turns) < 3:
        turns.append((seconds(1, times), seconds(2, times)))
    return 2 * min(alone for alone, _ in turns) / min(together for _, together in turns)


def threads(library: str, setting: Setting) -> Numbers:
    codec = CODECS[library]()
    text = setting.text(SMALL).read_bytes()
    action = to_users(codec, nothing)
    return {
        names.TIMES_ONE_THREAD: times_one_thread(lambda: action(text), 2 * setting.seconds),
        "correct": is_correct(codec, action(text), SMALL),
    }


def threads_without_lock(setting: Setting) -> Numbers:
    """What the machine gives to two threads that never wait for the interpreter."""
    text = setting.text(SMALL).read_bytes()
    budget = 2 * setting.seconds
    ratio = times_one_thread(lambda: hashlib.sha256(text), budget)
    return {names.TIMES_ONE_THREAD: ratio, "correct": True}


def in_c(what: str, count: int, setting: Setting) -> Numbers:
    """A floor: the text and nothing but the text."""
    program, text = setting.floor("json_floor"), str(setting.text(count))
    laps = c_programs.laps([program, what, text, str(setting.seconds)])
    return {names.US_PER_USER: us_per_user(laps, count), "correct": True}


def by_library(
    libraries: tuple[str, ...], case: Callable[..., Numbers], *arguments: Any
) -> dict[str, Case]:
    return {library: partial(case, library, *arguments) for library in libraries}


def decode_alone(libraries: tuple[str, ...], count: int) -> dict[str, Case]:
    return {
        **by_library(libraries, decode, count, nothing),
        names.CJSON: partial(in_c, "parse", count),
        names.COPY: partial(in_c, "copy", count),
    }


CASES: Cases = {
    names.DECODE_1000: decode_alone(tuple(CODECS), SMALL),
    names.DECODE_10000: decode_alone(tuple(CODECS), LARGE),
    names.DECODE_100000: decode_alone(TYPED, HUGE),
    names.PEEK: by_library(TYPED, decode, SMALL, peek),
    names.READ: by_library(TYPED, decode, SMALL, fields.read_every_field),
    names.DUMP_JSON: by_library((*TYPED, names.ORJSON, names.JSON), dump_json, nothing),
    names.DUMP_JSON_READ: by_library(TYPED, dump_json, fields.read_every_field),
    names.DUMP: by_library(TYPED, dump),
    names.DECODE_DUMP: by_library(TYPED, decode_and_dump),
    names.MEMORY_UNREAD: by_library((*TYPED, names.ORJSON, names.JSON), memory, nothing),
    names.MEMORY_READ: by_library(TYPED, memory, fields.read_every_field),
    names.THREADS: {**by_library(TYPED, threads), names.SHA256: threads_without_lock},
}

if __name__ == "__main__":
    run_case(CASES)
