"""`python -m soak --minutes 30 --seed 1`: the report is printed; 1: a fault was found."""

from __future__ import annotations

import argparse
import math
import random
import signal
import sys

from .run import Soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m soak", description="Mixed calls for a while.")
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", default="", help="of an earlier run; default: a new one")
    parser.add_argument("--sabotage", default="", help="something to do wrong on purpose")
    arguments = parser.parse_args()
    if not 0 < arguments.minutes < math.inf:
        parser.error("--minutes has to be a number above 0")
    # a shell lets what it runs in the background ignore it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    seed = arguments.seed or str(random.randrange(10**6))
    print(f"soak of {arguments.minutes:g} minutes, SEED={seed}; Ctrl-C ends it", flush=True)
    soak = Soak(arguments.minutes * 60, seed, arguments.sabotage).run()
    print(soak.report())
    if soak.is_interrupted:
        return 130
    return 1 if soak.faults else 0


if __name__ == "__main__":
    sys.exit(main())
