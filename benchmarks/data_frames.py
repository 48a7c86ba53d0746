"""Data frames of many users who were decoded before, beside what others do for the same.

`python benchmarks/data_frames.py WORK LIBRARY SETTING` measures one case; run.py runs them all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import catalogue as names
import data
import decode
from measuring import Case, Cases, Numbers, Setting, repeat, run_case

COUNT = names.SIZES[-1]
Make = Callable[[list[Any]], Any]  # of decoded users


def ours(library: str, method: str) -> Make:
    import_module(library)  # a skipped case where it is not there
    return lambda users: getattr(users, method)()


def pandas_of(as_dict: Callable[[Any], Any]) -> Make:
    frame = import_module("pandas").DataFrame
    return lambda users: frame([as_dict(user) for user in users])


def of_dumps() -> Make:
    """What users would write without this package's methods."""
    return pandas_of(lambda user: user.model_dump())


def of_structs() -> Make:
    return pandas_of(import_module("msgspec").structs.asdict)


def emails(frame: Any) -> list[str]:
    """The column as a list: of pandas and polars, of Arrow, of records."""
    if isinstance(frame, list):
        return [row["email"] for row in frame]
    column = frame["email"]
    found: list[str] = (
        column.to_pylist() if hasattr(column, "to_pylist") else list(column.to_list())
    )
    return found


def is_correct(frame: Any) -> bool:
    found = emails(frame)
    picked = range(0, COUNT, COUNT // 100)
    return len(found) == COUNT and all(found[one] == data.user(one)["email"] for one in picked)


def make(codec: str, maker: Callable[[], Make], setting: Setting) -> Numbers:
    """Of users whom nobody has read, which are decoded anew each time."""
    library = decode.CODECS[codec]()
    text = setting.text(COUNT).read_bytes()
    action = maker()
    action(library.users(library.decode(setting.text(names.SIZES[0]).read_bytes())))
    laps = repeat(action, setting.seconds, lambda: library.users(library.decode(text)))
    return {
        names.US_PER_USER: decode.us_per_user(laps, COUNT),
        names.US_TO_FREE: laps.free / COUNT * 1e6,
        "correct": is_correct(action(library.users(library.decode(text)))),
    }


def by_ours(library: str, method: str) -> Case:
    return partial(make, names.OURS, partial(ours, library, method))


CASES: Cases = {
    names.RECORDS: {names.OURS: by_ours("json", "to_records")},
    names.PANDAS: {
        names.OURS: by_ours("pandas", "to_pandas"),
        names.PANDAS_DUMP: partial(make, names.OURS, of_dumps),
        names.PANDAS_MSGSPEC: partial(make, names.MSGSPEC, of_structs),
    },
    names.POLARS: {names.OURS: by_ours("polars", "to_polars")},
    names.ARROW: {names.OURS: by_ours("pyarrow", "to_arrow")},
}

if __name__ == "__main__":
    run_case(CASES)
