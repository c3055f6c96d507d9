"""Churn that harms no user: does the agent cry wolf? `python -m bench.churn --minutes 15`, or `--short` for some 40 s.

Configuration reloads, certificate renewals, requests, load on every core and PostgreSQL's housekeeping must not make
it say anything; restarts are outages, and their times are known. Beside it the replica itself is asked several times
a second. Ends with status 1 on an alarm for nothing, and on one that does not end long after its outage has.
"""

from __future__ import annotations

import argparse
import secrets

from bench.churn.report import churn, told
from bench.ending import end_in_order


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.churn")
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--short", action="store_true", help="some 40 seconds, each act once")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10_000), help="of the order of the acts"
    )
    options = parser.parse_args()
    end_in_order()
    outcome = churn(0.0 if options.short else options.minutes, seed=options.seed)
    print(f"{told(outcome)}\n  (seed {options.seed})")
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
