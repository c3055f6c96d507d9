"""`python -m bench`: every benchmark, each beside its peer. `--quick` for a first look.

The exit status is 1 after a wrong verdict on a fault.
"""

from __future__ import annotations

import os
import platform
import sys

from bench.churn import report as churn
from bench.cost import health, scale, weight
from bench.faults import measure as faults
from bench.load import readyz
from bench.stage import demo


def main() -> int:
    quick = "--quick" in sys.argv[1:]
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start."
    )
    print("Compare only what stands in one table: it was measured in one run.\n")
    with demo() as stage:
        print(health.run(stage.agent, runs=20 if quick else 200) + "\n", flush=True)
        print(readyz.run(stage, turns=1 if quick else 5) + "\n", flush=True)
    print(scale.run(runs=1 if quick else 5) + "\n", flush=True)
    spent = weight.run(seconds=3.0, sizes=weight.SIZES[:1]) if quick else weight.run(seconds=25.0)
    print(spent + "\n", flush=True)
    told, right = faults.run(rounds=10, short=quick)
    print(told + "\n", flush=True)
    print(churn.run(minutes=0.0 if quick else 15.0), flush=True)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
