"""`python -m bench.readers`: this benchmark alone."""

from __future__ import annotations

import sys

from bench.ending import end_in_order
from bench.readers import measure
from bench.stage import demo


def main() -> int:
    end_in_order()
    with demo() as stage:
        text, right = measure.run(stage, seconds=float(sys.argv[1]) if sys.argv[1:] else 10.0)
    print(text)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
