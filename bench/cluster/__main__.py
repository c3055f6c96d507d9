"""`python -m bench.cluster`: this benchmark alone (five minutes)."""

from __future__ import annotations

import sys

from bench.cluster import beats, fanout, latency, replicas
from bench.ending import end_in_order


def main() -> int:
    """Prints the tables. The exit status is 1 where a session was not told of a change."""
    end_in_order()
    right = True
    for work in (latency.run, beats.run, fanout.run, replicas.run):
        text, good = work()
        print(f"{text}\n", flush=True)
        right = right and good
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
