"""`python -m bench.cost.looks PID`: what each check's look at this replica takes, in one process, as JSON.

Its CPU seconds, its seconds by the clock, and its outcome, by check id; before them what it takes to start and to find
the replica.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from pomhealth.agent.instruments import close_context, open_context
from pomhealth.agent.look import look_once
from pomhealth.catalogue import catalogue
from pomhealth.checks import probes
from pomhealth.replica.discover import discover
from pomhealth.settings import OFF, Settings


async def main(pid: int) -> dict[str, tuple[float, float, str]]:
    """Everything in turn, each alone."""
    looks = probes()
    taken = {"(start)": (time.process_time(), 0.0, "")}
    settings = Settings(pid=pid, release_feed=OFF)
    cpu, wall = time.process_time(), time.monotonic()
    context = open_context(discover(settings), settings)
    taken["(discovery)"] = (time.process_time() - cpu, time.monotonic() - wall, "")
    try:
        for id_, look in looks.items():
            cpu, wall = time.process_time(), time.monotonic()
            seen = await look_once(catalogue().checks[id_], look, context)
            taken[id_] = (
                time.process_time() - cpu,
                time.monotonic() - wall,
                seen.finding.outcome.value,
            )
    finally:
        await close_context(context)
    return taken


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(int(sys.argv[1])))))
