"""Is the replica on its way out? Pomerium lets go of everything at once when it stops, and ends only after Envoy."""

from __future__ import annotations

import asyncio

from pomhealth.checks.context import Context
from pomhealth.checks.process_state import by_state
from pomhealth.replica.connect import tcp_socket
from pomhealth.replica.model import Endpoint
from pomhealth.status import Finding, blocked, unseen

_TOGETHER = (0.0, 0.05, 0.1)  # seconds before each question: what goes at once does not go in one moment
_DEADLINE = 0.1  # seconds for a connection to one's own machine


async def ending(context: Context, lacking: str) -> Finding | None:
    """What is to be said of something `lacking` (a clause) where the replica has ended, or is starting or stopping.

    None while it runs, and where neither can be seen.
    """
    replica = context.replica
    for seconds in _TOGETHER:
        await asyncio.sleep(seconds)
        if replica.main is not None:
            state = by_state(replica.main, "the replica")
            if state is not None and state.cause == "not-running":
                return blocked("pomerium.process", f"{lacking}: the replica has ended")
        if replica.health is not None and replica.same_network and await _closed(replica.health):
            return unseen(f"{lacking}: {replica.health.where} is closed, the replica starts or stops")
    return None


async def _closed(health: Endpoint) -> bool:
    try:
        raw = await asyncio.wait_for(tcp_socket(health.connect_host, health.port), _DEADLINE)
    except ConnectionRefusedError:
        return True
    except (OSError, asyncio.TimeoutError):
        return False
    raw.close()
    return False
