"""A long run of mixed calls on a failing server, with a record of all writes on both sides.

`python -m soak` (in tests/) has three processes. `server.py` plays faults, is killed and started
again, and records each write that it carries out. `load.py` makes the calls, with threads, shared
clients and event loops at once. It records the reported result of each call, and its memory use at
quiet points. `run.py` starts the other two, compares the records of both, and judges.
"""
