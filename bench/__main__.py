"""`python -m bench`: every benchmark, each beside its peer (an hour and a quarter). `--short` for the verdicts of
half a minute of churn alone, as CI asks for: the tests judge those of each fault.

The exit status is 1 after a wrong verdict on a fault, an alarm for nothing, a request lost in a rollout with the
agent or an event that a reader was not told, never for a slow clock.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable

import psycopg

from bench.churn import report as churn
from bench.churn.churning import Churn
from bench.cluster import beats, fanout, latency, replicas
from bench.cost import health, scale, weight
from bench.ending import end_in_order
from bench.faults import measure as faults
from bench.load import readyz
from bench.readers import measure as readers
from bench.rollout import measure as rollout
from bench.stage import demo
from pomhealth.demo.errors import DemoError

_BROKEN = (DemoError, OSError, psycopg.Error, subprocess.SubprocessError)
_ROUNDS = 10
_CHURN = 15.0  # minutes

Work = Callable[[], tuple[str, bool]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="the short churn alone")
    short = parser.parse_args().short
    end_in_order()
    return 0 if (_short() if short else _full()) else 1


def _short() -> bool:
    """What went wrong; whether nothing did."""
    return _all((lambda: _churn(0.0, churn.judged),))


def _full() -> bool:
    """The tables; whether every verdict was right."""
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start.\n"
        "Compare only what stands in one table: it was measured in one run.\n",
        flush=True,
    )
    with demo() as stage:
        measured = _all(
            (
                lambda: (health.run(stage.agent, runs=200), True),
                lambda: (readyz.run(stage, turns=5), True),
                lambda: readers.run(stage, seconds=10),
            )
        )
    judged = _all(
        (
            lambda: (scale.run(runs=5), True),
            lambda: (weight.at_rest(), True),
            lambda: (weight.on_envoy(), True),
            lambda: faults.run(rounds=_ROUNDS),
            lambda: _churn(_CHURN, churn.told),
            lambda: rollout.run(restarts=_ROUNDS),
            latency.run,
            beats.run,
            fanout.run,
            replicas.run,
        )
    )
    return measured and judged


def _churn(minutes: float, said: Callable[[Churn], str]) -> tuple[str, bool]:
    outcome = churn.churn(minutes)
    return said(outcome), not outcome.wrong


def _all(works: tuple[Work, ...]) -> bool:
    """Prints what each says and how long it took; one that cannot be done does not keep the others from it."""
    right = True
    for work in works:
        began = time.monotonic()
        try:
            text, good = work()
        except _BROKEN as error:
            text, good = f"BROKEN {type(error).__name__}: {error}", False
        print(f"{text}\n  (took {time.monotonic() - began:.0f} s)\n", flush=True)
        right = right and good
    return right


if __name__ == "__main__":
    sys.exit(main())
