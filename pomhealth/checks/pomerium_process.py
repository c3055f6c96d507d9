"""Is the replica's main process there and running?

The kernel tells whether it exists and whether it is stopped. Whether it still works is told by its health server
(Pomerium 0.31 and newer), which answers from the same process: it accepts but does not answer while that hangs.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from pomhealth.checks.context import Context
from pomhealth.checks.process_state import by_state
from pomhealth.reach import Refused, Silent
from pomhealth.replica.connect import tcp_socket
from pomhealth.replica.model import Endpoint
from pomhealth.status import Evidence, Finding, Unobservable, failed, passed

ID = "pomerium.process"

_QUESTION = b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_DEADLINE = 0.7  # seconds; two of them and the interval stay under the 2.5 s in which a hang must show


async def look(context: Context) -> Finding:
    finding = await _look(context)
    main = context.replica.main
    return replace(finding, names=(("PID", str(main.pid)),)) if main else finding


async def _look(context: Context) -> Finding:
    replica = context.replica
    if replica.awaited:
        return failed(
            "not-running",
            "no pomerium process is running",
            Evidence("/proc", "no process named pomerium", "one started as `pomerium --config FILE`"),
        )
    if replica.main is None:
        return await _from_health_server(context)
    who = f"process {replica.main.pid}"
    finding = by_state(replica.main, who)
    if finding is not None:
        return finding
    if replica.health is None or not replica.same_network:
        return passed(f"{who} is running")
    try:
        await _first_byte(replica.health)
    except Silent:
        # The signal that stops a process may arrive while it is being asked.
        return by_state(replica.main, who) or _hung(replica.health, who)
    except Refused:
        return passed(f"{who} is running; {replica.health.where} is closed: it is starting or stopping")
    return passed(f"{who} is running and answers on {replica.health.where}")


def _hung(health: Endpoint, who: str) -> Finding:
    return failed(
        "hung",
        f"{who} accepts connections on {health.where} but does not answer",
        Evidence(f"http://{health.where}/healthz", f"no answer within {_DEADLINE:g} s", "an answer"),
        silent=True,
    )


async def _from_health_server(context: Context) -> Finding:
    """What a sidecar can tell that shares the network namespace but not the processes."""
    unseen = Unobservable("the main process cannot be seen", "share the replica's PID namespace")
    health = context.replica.health
    if health is None:
        raise unseen
    try:
        await _first_byte(health)
    except Silent:
        return _hung(health, "the replica")
    except Refused:
        if context.admin_client is not None:
            raise unseen from None
        return failed(
            "not-running",
            f"no replica answers: {health.where} refuses connections and there is no Envoy admin socket",
            Evidence(health.where, "connection refused", "Pomerium's health server"),
        )
    return passed(f"the replica answers on {health.where} (its process cannot be seen from here)")


async def _first_byte(health: Endpoint) -> None:
    """Waits for the first byte of an answer. Raises Refused or Silent."""

    async def ask() -> None:
        loop = asyncio.get_running_loop()
        with await tcp_socket(health.connect_host, health.port) as raw:
            await loop.sock_sendall(raw, _QUESTION)
            await loop.sock_recv(raw, 1)

    try:
        await asyncio.wait_for(ask(), _DEADLINE)
    except asyncio.TimeoutError:
        raise Silent(health.where, f"no answer within {_DEADLINE:g} s") from None
    except OSError as error:
        raise Refused(health.where, error.strerror or "refused") from None
