"""Do Envoy's workers take and answer connections on the main listener?

Envoy gives each worker its own socket on each listener, so a greeting meets one worker by chance; a worker that
takes nothing any more shows as a queue on its socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pomhealth.checks.context import Context
from pomhealth.checks.names import server_name
from pomhealth.reach import ReachError, Silent
from pomhealth.replica.addresses import learnt
from pomhealth.replica.envoy import LEARNT
from pomhealth.replica.mainlistener import Approach, approach, greet
from pomhealth.replica.model import EVERY_ADDRESS
from pomhealth.status import Evidence, Finding, Unobservable, failed, passed

_DEADLINE = 0.7  # seconds; two of them and the interval stay under the 2.5 s in which a hang must show
_LOOKS = 3
_STOPPED = "/stats?usedonly&type=Counters&filter=^listener_manager\\.listener_stopped$"
_PAUSE = 0.2  # seconds between two looks at the queues


@dataclass(frozen=True, slots=True)
class Front:
    """The main listener as Envoy serves it now: how to speak to it, and its sockets' inodes, one a worker.

    `waiting` counts the connections that waited to be taken, by inode, where any did.
    """

    to: Approach
    sockets: frozenset[int]
    waiting: Mapping[int, int] = field(default_factory=dict)


async def front(context: Context) -> Front | None:
    """Where Envoy serves the main listener; None where it serves none.

    That is the address asked for, if the socket there is Envoy's own. Another process may hold it, and Envoy then
    serves on the old one: it says which.
    """
    to = approach(context.replica, server_name(context))
    if to is None:
        return None
    asked = await _front(context, to)
    if asked.sockets:
        return asked
    try:
        listeners = await context.admin.json("/listeners?format=json", deadline=_DEADLINE)
    except (ReachError, Unobservable):
        return None  # the main thread's look says why
    serves = next((one for one in learnt(listeners, LEARNT) if one.role == "address" and not one.udp), None)
    if serves is None:
        return None
    return await _front(context, replace(to, host=serves.connect_host, port=serves.port))


async def _front(context: Context, to: Approach) -> Front:
    # The kernel answers this from memory in a tenth of a millisecond: a thread would cost more.
    table = [one for one in context.sockets.on(to.port) if one.host in (to.host, *EVERY_ADDRESS)]
    mine = await _own(context, frozenset(one.inode for one in table))
    return Front(to, mine, {one.inode: one.backlog for one in table if one.inode in mine and one.backlog})


async def answer(context: Context, at: Front) -> Finding:
    """Whether the workers answer; passed, but saying so, where nobody listens and Envoy was not told to drain."""
    try:
        await greet(at.to, deadline=_DEADLINE)
    except Silent as silence:
        return failed(
            "hung",
            f"no worker of Envoy answers on {at.to.where}",
            Evidence(at.to.where, silence.why, "an answer to a TLS greeting" if at.to.tls else "an answer"),
            silent=True,
        )
    except ReachError as error:
        return await _drained(context, at) or passed(f"no worker can be asked on {at.to.where}: {error.why}")
    return await _queues(context, at) or passed(f"its workers answer on {at.to.where}")


async def _drained(context: Context, at: Front) -> Finding | None:
    """Of an Envoy that was told to drain its listeners, only a counter tells: it lists them and says LIVE all along."""
    try:
        reply = await context.admin.ask(_STOPPED, deadline=_DEADLINE)
    except (ReachError, Unobservable):
        return None  # the main thread's look says why
    stopped = reply.body.decode("ascii", "replace").rpartition(": ")[2].strip()
    if reply.status != 200 or stopped in ("", "0"):
        return None
    return failed(
        "draining",
        f"Envoy was told to drain: it has closed {at.to.where} and says LIVE all the same",
        Evidence(
            f"{context.admin.where}{_STOPPED}",
            f"{stopped} listeners stopped, connections to {at.to.where} refused",
            f"none stopped, and a listener on {at.to.where}",
        ),
    )


async def _queues(context: Context, at: Front) -> Finding | None:
    """A worker whose queue of connections stands still or grows, while the others answer."""
    seen = first = at.waiting
    for _ in range(_LOOKS - 1):
        if not seen:
            return None
        await asyncio.sleep(_PAUSE)
        now = _waiting(context, at)
        seen = {inode: now[inode] for inode, count in seen.items() if now.get(inode, 0) >= count}
    if not seen:
        return None
    said = ", ".join(f"socket {inode}: {first[inode]}, then {count}" for inode, count in seen.items())
    return failed(
        "hung",
        f"{len(seen)} of Envoy's {len(at.sockets)} workers takes no connections on {at.to.where} "
        f"while {sum(seen.values())} wait",
        Evidence(f"queues of the sockets on {at.to.where}", said, "connections are taken as they come"),
        silent=True,
    )


def _waiting(context: Context, at: Front) -> Mapping[int, int]:
    """Connections that wait to be taken, by socket inode, where any do."""
    table = context.sockets.on(at.to.port)
    return {one.inode: one.backlog for one in table if one.inode in at.sockets and one.backlog}


async def _own(context: Context, there: frozenset[int]) -> frozenset[int]:
    """Envoy's own among these sockets. Where whose they are may not be read, all of them are taken for its own.

    Whose a socket is does not change, so Envoy's descriptors, of which it may have thousands, are read only when
    another socket appears.
    """
    envoys = context.replica.envoys
    if not there or not envoys:
        return there
    asked = (envoys, there)
    answered = context.notes.recall("whose main sockets")
    if answered is not None and answered[0] == asked:
        mine: frozenset[int] = answered[1]
        return mine
    try:
        held = await context.workers.call(
            "sockets of Envoy",
            lambda: frozenset[int]().union(*(context.sockets.held_by(envoy) for envoy in envoys)),
            deadline=_DEADLINE,
        )
    except Unobservable:
        held = there
    context.notes.keep("whose main sockets", (asked, there & held))
    return there & held
