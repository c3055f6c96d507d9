"""Did Envoy accept the listeners that Pomerium sent, and does this replica hold every address it should?

The kernel's table of sockets costs Envoy nothing and is looked at each time, Envoy's dump of its listeners as the budget
of its main thread allows, and when the sockets are not what they were.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from pomhealth.checks.context import Context
from pomhealth.checks.hotrestart import judged_now
from pomhealth.checks.listeners import Ground, judge
from pomhealth.checks.lowports import can_bind_low, low_ports
from pomhealth.checks.process_state import by_state
from pomhealth.checks.sentlisteners import sent_listeners
from pomhealth.replica.model import Endpoint
from pomhealth.replica.sockets import ListeningSocket
from pomhealth.status import Finding, Outcome, Unobservable, blocked

ID = "xds.listener"

_DEADLINE = 1.0  # seconds, for reading /proc
_ENDING = 0.05  # seconds from a process's last socket to its end, at most
_NO_OWNER_NEEDED = ("health_check_addr",)  # its loss is fatal to Pomerium, so pomerium.process tells it


@dataclass(frozen=True, slots=True)
class _Judged:
    """What was found of the sockets with this mark."""

    mark: tuple[object, ...]
    finding: Finding


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
    asked = tuple(one for one in replica.endpoints if one.role not in _NO_OWNER_NEEDED)
    udp = any(one.udp for one in asked)
    if udp:
        table = await context.workers.call(
            "sockets of the replica", context.sockets.listening, deadline=_DEADLINE
        )
    else:  # the kernel answers this from memory: a thread would cost more
        table = context.sockets.listening(udp=False)
    mark = _mark(context, asked, table)
    before: _Judged | None = context.notes.recall(ID)
    moved = before is not None and before.mark != mark
    watching = before is not None and before.finding.outcome is not Outcome.PASS
    kept = await sent_listeners(context, watching=watching, urgent=moved)
    if before is not None and not (moved or watching or kept.cost):
        return before.finding
    listeners = kept.answer

    def judged() -> Finding:
        return judge(
            Ground(
                asked=asked,
                table=table,
                held=_held(context),
                active=listeners.active,
                rejected=listeners.rejected,
                owner=context.sockets.owner,
                can_bind_low=can_bind_low(replica.envoy),
                low_ports=low_ports(),
            )
        )

    finding = await context.workers.call("sockets of the replica", judged, deadline=_DEADLINE)
    context.notes.keep(ID, _Judged(mark, finding))
    return replace(finding, cost=kept.cost)


def _mark(
    context: Context, asked: tuple[Endpoint, ...], table: tuple[ListeningSocket, ...]
) -> tuple[object, ...]:
    """By what one state of the sockets that matter is told from the next."""
    ports = {one.port for one in asked}
    on = frozenset((one.host, one.port, one.udp, one.inode) for one in table if one.port in ports)
    return asked, context.replica.main, context.replica.envoys, on


def _held(context: Context) -> frozenset[int] | None:
    replica = context.replica
    ours = [*replica.envoys, *((replica.main,) if replica.main else ())]
    if not ours:
        return None
    try:
        return frozenset().union(*(context.sockets.held_by(process) for process in ours))
    except Unobservable:
        return None
