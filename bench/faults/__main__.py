"""`python -m bench.faults`: how soon each fault is told, and its end, beside the replica's own report.

`--rounds N` of each (10); `--only NAME[,NAME]`; `--short` takes one round each and says only what was told wrongly.
The exit status is 1 after a wrong verdict, whatever the clock says.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bench.ending import end_in_order
from bench.faults.measure import run
from pomhealth.demo.errors import DemoError


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args(arguments)
    end_in_order()
    try:
        text, right = run(
            rounds=options.rounds,
            short=options.short,
            only=[name for name in options.only.split(",") if name],
        )
    except DemoError as error:
        print(error, file=sys.stderr)
        return 2
    print(text)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
