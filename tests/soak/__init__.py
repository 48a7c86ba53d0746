"""A long run of mixed calls on a server that breaks, with the books kept on both sides.

`python -m soak` (in tests/) is made of three processes. `server.py` plays faults, is killed and
started again, and notes each write that it carries out. `load.py` makes the calls: threads, shared
clients and event loops at once; it notes what each was told, and what it holds at quiet points.
`run.py` starts them, compares the books of both, and judges.
"""
