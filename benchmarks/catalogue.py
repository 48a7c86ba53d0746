"""What is measured: the names of libraries, works and numbers, which all other files go by."""

from __future__ import annotations

from dataclasses import dataclass

OURS = "openwebui_users"
OURS_UVLOOP = f"{OURS}, uvloop"
OURS_MAP = f"{OURS}, map"
MSGSPEC = "msgspec"
PYDANTIC = "pydantic"
JSON_PYDANTIC = "json + pydantic"
ORJSON = "orjson"
JSON = "json"
PYCURL = "pycurl + msgspec"
AIOHTTP = "aiohttp + msgspec"
AIOHTTP_UVLOOP = f"{AIOHTTP}, uvloop"
CURL_CFFI = "curl_cffi + msgspec"
HTTPX = "httpx + pydantic"
REQUESTS = "requests + pydantic"
NIQUESTS = "niquests + pydantic"
URLLIB = "urllib + json"
OWUI = "owui-client"
PANDAS_DUMP = "pandas.DataFrame of model_dump()"
PANDAS_MSGSPEC = "msgspec + pandas.DataFrame"
# The floors: what the work costs in C when nothing is made of it.
CURL_EASY = "curl_easy (C)"
CURL_MULTI = "curl_multi (C)"
CJSON = "cJSON, parse alone (C)"
COPY = "memcpy of the text (C)"
SHA256 = "sha256 of the text, without the GIL (C)"
BARE_LIBCURL = "extension over libcurl (C)"


@dataclass(frozen=True)
class Number:
    """One kind of number: what it counts, and how it is written."""

    unit: str
    places: int = 2
    least: bool = False  # is more better?


US_PER_USER = "us_per_user"
US_PER_USER_GC_OFF = "us_per_user_gc_off"
US_TO_FREE = "us_per_user_to_free"
BYTES_PER_USER = "bytes_per_user"
TIMES_ONE_THREAD = "times_one_thread"
CPU_US_PER_CALL = "cpu_us_per_call"
US_PER_CALL = "us_per_call"
CALLS_PER_SECOND = "calls_per_second"
MEMORY_MIB = "memory_mib"
IMPORT_MS = "import_ms"
ABOVE_MS = "above_ms"

NUMBERS = {
    US_PER_USER: Number("µs CPU a user", 3),
    US_PER_USER_GC_OFF: Number("the same, collector off", 3),
    US_TO_FREE: Number("µs a user to free it", 3),
    BYTES_PER_USER: Number("bytes a user", 0),
    TIMES_ONE_THREAD: Number("times one thread", 2, least=True),
    CPU_US_PER_CALL: Number("µs CPU a call", 1),
    US_PER_CALL: Number("µs a call", 1),
    CALLS_PER_SECOND: Number("calls/s", 0, least=True),
    MEMORY_MIB: Number("MiB", 1),
    IMPORT_MS: Number("ms", 1),
    ABOVE_MS: Number("ms above the floor", 1),
}


@dataclass(frozen=True)
class Work:
    """Something that several libraries do; its first number is the one that is compared."""

    title: str
    numbers: tuple[str, ...]


def titled(count: int) -> str:
    return f"decode {count:,} users"


SIZES = (1_000, 10_000, 100_000)
DECODE_1000, DECODE_10000, DECODE_100000 = map(titled, SIZES)
READ = "decode 1,000 users and read every field"
PEEK = "decode 1,000 users and read id and email"
DUMP_JSON = "JSON of 1,000 decoded users"
DUMP_JSON_READ = "JSON of 1,000 users, every field read before"
DUMP = "dict of 1,000 users, every field read before"
DECODE_DUMP = "decode 1,000 users and make a dict of them"
MEMORY_UNREAD = "memory of 10,000 decoded users"
MEMORY_READ = "memory of 10,000 users, every field read"
THREADS = "decode in two threads at once"
RECORDS = "records of 100,000 decoded users"
PANDAS = "pandas data frame of 100,000 decoded users"
POLARS = "polars data frame of 100,000 decoded users"
ARROW = "Arrow table of 100,000 decoded users"
ONE_CALL = "one user by id"
PAGE_CALL = "a page of 30 users"
MANY_32 = "users by id, 32 at a time"
MANY_100 = "users by id, 100 at a time"
IMPORT = "import"

DECODING = (US_PER_USER, US_PER_USER_GC_OFF, US_TO_FREE)
FRAMES = (US_PER_USER, US_TO_FREE)
CALLING = (CPU_US_PER_CALL, US_PER_CALL)
MANY = (CALLS_PER_SECOND, CPU_US_PER_CALL, MEMORY_MIB)

WORKS = {
    work.title: work
    for work in (
        Work(DECODE_1000, DECODING),
        Work(DECODE_10000, DECODING),
        Work(DECODE_100000, DECODING),
        Work(PEEK, DECODING),
        Work(READ, DECODING),
        Work(DUMP_JSON, (US_PER_USER,)),
        Work(DUMP_JSON_READ, (US_PER_USER,)),
        Work(DUMP, (US_PER_USER,)),
        Work(DECODE_DUMP, (US_PER_USER,)),
        Work(MEMORY_UNREAD, (BYTES_PER_USER,)),
        Work(MEMORY_READ, (BYTES_PER_USER,)),
        Work(THREADS, (TIMES_ONE_THREAD,)),
        Work(RECORDS, FRAMES),
        Work(PANDAS, FRAMES),
        Work(POLARS, FRAMES),
        Work(ARROW, FRAMES),
        Work(ONE_CALL, CALLING),
        Work(PAGE_CALL, CALLING),
        Work(MANY_32, MANY),
        Work(MANY_100, MANY),
        Work(IMPORT, (IMPORT_MS, ABOVE_MS, MEMORY_MIB)),
    )
}
