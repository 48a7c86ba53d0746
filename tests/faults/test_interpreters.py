"""Several interpreters in a process: they share the core, but each ends only its own threads."""

from __future__ import annotations

import sys
import time

import pytest
from raw_server import Connection, RawServer, reply_json

from faults.test_process import run_script

pytestmark = pytest.mark.skipif(sys.implementation.name != "cpython", reason="of CPython")

INTERPRETERS = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

def create(own_lock):
    if sys.version_info >= (3, 13):
        return interpreters.create("isolated" if own_lock else "legacy")
    return interpreters.create(isolated=own_lock)

def run(interpreter, code):
    failure = interpreters.run_string(interpreter, code)  # until 3.12 it raises it
    if failure is not None:
        raise RuntimeError(failure.formatted)
"""

TOGETHER = """
import asyncio
from openwebui_users import AsyncUsersClient, UsersClient

url = sys.argv[1]
used_there = f'''
import asyncio
from openwebui_users import AsyncUsersClient, NotFoundError, UsersClient

async def main():
    client = AsyncUsersClient({url!r}, "sk-x")
    names = ["a", "b", "c"]
    users = await asyncio.gather(*map(client.get_user_info_by_id, names))
    assert [user.id for user in users] == names
    left = asyncio.ensure_future(client.get_user_info_by_id("slow"))
    await asyncio.sleep(0.05)
    return client, left

kept = asyncio.run(main())  # neither closed nor awaited
client = UsersClient({url!r}, "sk-x")
assert client.get_user_info_by_id("d").model_dump()["id"] == "d"
assert [user.id for user in client.map(client.get_user_info_by_id, ["e", "f"])] == ["e", "f"]
'''

async def begin(client):
    task = asyncio.ensure_future(client.get_user_info_by_id("slow"))
    await asyncio.sleep(0.02)
    return task

loop = asyncio.new_event_loop()
waits = AsyncUsersClient(url, "sk-x")
blocks = UsersClient(url, "sk-x")
loop.run_until_complete(waits.get_user_info_by_id("a"))
for _ in range(5):
    interpreter = create(own_lock=False)
    slow = loop.run_until_complete(begin(waits))
    run(interpreter, used_there)
    interpreters.destroy(interpreter)
    assert loop.run_until_complete(slow).id == "slow"
    assert loop.run_until_complete(waits.get_user_info_by_id("g")).id == "g"
    assert blocks.get_user_info_by_id("h").id == "h"
loop.run_until_complete(waits.aclose())
loop.close()
print("well")
"""

WITH_A_LOCK_OF_ITS_OWN = """
interpreter = create(own_lock=True)
try:
    run(interpreter, "import openwebui_users")
except Exception as error:
    print(str(error).strip().splitlines()[-1])
interpreters.destroy(interpreter)
import openwebui_users
print(openwebui_users.UserModelResponse.__name__)
"""


def answer(connection: Connection, request: bytes) -> None:
    name = request.split(b" ")[1].decode().split("/")[4]
    if name == "slow":
        time.sleep(0.3)
    reply_json({"id": name, "name": "n", "email": "e@example.com", "role": "user"})(
        connection, request
    )


def test_interpreters_that_share_a_lock() -> None:
    """Clients of one end with it; a call under way in the main interpreter goes on."""
    with RawServer(answer) as raw:
        assert run_script(INTERPRETERS + TOGETHER, raw.url).stdout == "well\n"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="all interpreters share one lock")
def test_an_interpreter_with_a_lock_of_its_own() -> None:
    refused, name = run_script(INTERPRETERS + WITH_A_LOCK_OF_ITS_OWN).stdout.splitlines()
    assert "does not support loading in subinterpreters" in refused
    assert name == "UserModelResponse"
