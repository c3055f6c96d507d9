"""`python -m bench`: every benchmark, each beside its peer. `--quick` for a first look."""

from __future__ import annotations

import os
import platform
import sys

from bench import health, readyz, scale
from bench.stage import demo


def main() -> None:
    quick = "--quick" in sys.argv[1:]
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start."
    )
    print("Compare only what stands in one table: it was measured in one run.\n")
    with demo() as stage:
        print(health.run(stage.agent, runs=20 if quick else 200) + "\n", flush=True)
        print(readyz.run(stage, turns=1 if quick else 5) + "\n", flush=True)
    print(scale.run(runs=1 if quick else 5), flush=True)


if __name__ == "__main__":
    main()
