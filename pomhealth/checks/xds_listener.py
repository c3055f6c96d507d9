"""Did Envoy accept the listeners that Pomerium sent, and does this replica hold every address it should?"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from pomhealth.checks.context import Context
from pomhealth.checks.hotrestart import judged_now
from pomhealth.checks.listeners import Ground, judge, place
from pomhealth.checks.lowports import can_bind_low, low_ports
from pomhealth.checks.process_state import by_state
from pomhealth.checks.xds import LISTENERS, ask_json, rejections
from pomhealth.status import Finding, Unobservable, blocked

ID = "xds.listener"

_DEADLINE = 1.0  # seconds, for reading /proc
_ENDING = 0.05  # seconds from a process's last socket to its end, at most
_NO_OWNER_NEEDED = ("health_check_addr",)  # its loss is fatal to Pomerium, so pomerium.process tells it


async def look(context: Context) -> Finding:
    finding = await judged_now(context, _look)
    if finding.cause != "not-listening" or context.replica.envoy is None:
        return finding
    await asyncio.sleep(_ENDING)
    if by_state(context.replica.envoy, "Envoy") is None:
        return finding
    return blocked("envoy.server", "Envoy is ending: its sockets go first")


async def _look(context: Context) -> Finding:
    replica = context.replica
    if not replica.same_network:
        raise Unobservable("listening sockets cannot be seen", replica.missing.get("network", ""))
    dump, seconds = await ask_json(context, LISTENERS)

    def survey() -> Finding:
        table = context.sockets.listening()
        return judge(
            Ground(
                asked=tuple(one for one in replica.endpoints if one.role not in _NO_OWNER_NEEDED),
                table=table,
                held=_held(context),
                active=active(dump),
                rejected=rejections(dump),
                owner=context.sockets.owner,
                can_bind_low=can_bind_low(replica.envoy),
                low_ports=low_ports(),
            )
        )

    finding = await context.workers.call("sockets of the replica", survey, deadline=_DEADLINE)
    return replace(finding, cost=seconds)


def active(dump: Any) -> dict[str, str]:
    """HOST:PORT of each of Envoy's dynamic listeners that serves, by the listener's name."""
    found = {}
    for entry in dump.get("configs", []):
        listener = entry.get("active_state", {}).get("listener", {})
        address = listener.get("address", {}).get("socket_address", {})
        if listener.get("name") and "port_value" in address:
            host = address.get("address", "")
            found[str(listener["name"])] = place(host, address["port_value"])
    return found


def _held(context: Context) -> frozenset[int] | None:
    replica = context.replica
    ours = [*replica.envoys, *((replica.main,) if replica.main else ())]
    if not ours:
        return None
    try:
        return frozenset().union(*(context.sockets.held_by(process) for process in ours))
    except Unobservable:
        return None
