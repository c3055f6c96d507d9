"""Is Envoy there, LIVE, and do its workers answer?

Three looks at once: the process's state (the kernel's word), the admin interface's /ready (the main thread), and a
TLS handshake on the main listener (a worker). Envoy gives each worker its own socket on each listener, so a
handshake meets one worker by chance; a worker that takes nothing any more shows as a queue on its socket.
"""

from __future__ import annotations

import asyncio

from pomhealth.checks.context import Context
from pomhealth.checks.names import server_name
from pomhealth.reach import Denied, Garbled, ReachError, Refused, Silent
from pomhealth.replica import processes
from pomhealth.replica.mainlistener import Approach, approach, handshake
from pomhealth.replica.model import Process
from pomhealth.replica.sockets import ListeningSocket
from pomhealth.status import Evidence, Finding, Unobservable, failed, passed

ID = "envoy.server"

_DEADLINE = 0.7  # seconds, for the main thread and for a worker
_QUEUE_LOOKS = 3
_QUEUE_PAUSE = 0.2  # seconds between two looks at a worker's queue


async def look(context: Context) -> Finding:
    replica = context.replica
    envoy = replica.envoy
    if envoy is None and replica.main is not None and "process" not in replica.missing:
        return failed(
            "not-running",
            f"Pomerium (process {replica.main.pid}) has no Envoy",
            Evidence(f"children of process {replica.main.pid}", "no process named envoy", "one"),
        )
    if envoy is not None:
        finding = _by_state(envoy)
        if finding is not None:
            return finding
    if not replica.same_network:
        raise Unobservable(
            "Envoy cannot be asked", replica.missing.get("network", "another network namespace")
        )
    to = approach(replica, server_name(replica))
    main_thread, worker = await asyncio.gather(_main_thread(context), _worker(context, to))
    if main_thread is not None and worker is None and len(replica.envoys) > 1 and not main_thread.silent:
        return passed("a hot restart of Envoy is under way; the workers answer")
    wrong = main_thread or worker
    if wrong is not None:
        # The signal that stops or ends a process may arrive while it is being asked.
        return (_by_state(envoy) if envoy else None) or wrong
    who = f"Envoy (process {envoy.pid})" if envoy else "Envoy"
    return passed(f"{who} is LIVE" + (f" and its workers answer on {to.where}" if to else ""))


def _by_state(envoy: Process) -> Finding | None:
    state = processes.state(envoy)
    source = f"/proc/{envoy.pid}/stat"
    if state is None or state in ("Z", "X"):
        return failed(
            "not-running",
            f"Envoy (process {envoy.pid}) has ended",
            Evidence(source, "no such process" if state is None else f"state {state}", "a running process"),
        )
    if state in ("T", "t"):
        return failed(
            "stopped",
            f"Envoy (process {envoy.pid}) is stopped (state {state}): it was sent SIGSTOP, or a debugger holds it",
            Evidence(source, f"state {state}", "R or S"),
            steps=(f"kill -CONT {envoy.pid}",),
        )
    return None


async def _main_thread(context: Context) -> Finding | None:
    """What is wrong with Envoy's main thread; None when it says LIVE. Raises Unobservable."""
    admin = context.admin
    source = f"{admin.where}/ready"
    try:
        answer = await admin.ask("/ready", deadline=_DEADLINE)
    except Silent as silence:
        return failed(
            "hung",
            "Envoy's main thread does not answer on its admin interface",
            Evidence(source, silence.why, "LIVE"),
            silent=True,
        )
    except Refused as refusal:
        return failed(
            "not-running",
            "nobody answers on Envoy's admin interface",
            Evidence(source, refusal.why, "LIVE"),
        )
    except Denied as denial:
        raise Unobservable("Envoy's admin interface cannot be reached", denial.why) from None
    except Garbled as garbled:
        return failed(
            "not-live",
            "Envoy's admin interface gives no usable answer",
            Evidence(source, garbled.why, "LIVE"),
        )
    state = answer.body[:64].decode("ascii", "replace").strip()
    if state == "LIVE":
        return None
    cause = "draining" if state == "DRAINING" else "not-live"
    return failed(
        cause, f"Envoy says {state or 'nothing'}", Evidence(source, f"{answer.status} {state}", "200 LIVE")
    )


async def _worker(context: Context, to: Approach | None) -> Finding | None:
    """What is wrong with Envoy's workers; None when they answer, or when no listener is there to ask them on."""
    if to is None:
        return None
    try:
        await handshake(to, deadline=_DEADLINE)
    except Silent as silence:
        return failed(
            "hung",
            f"no worker of Envoy completes a handshake on {to.where}",
            Evidence(to.where, silence.why, "a TLS handshake" if to.tls else "an answer"),
            silent=True,
        )
    except ReachError:
        return None  # nobody listens there: xds.listener says why
    return await _queues(context, to)


async def _queues(context: Context, to: Approach) -> Finding | None:
    """A worker whose queue of connections stands still or grows, while the others answer."""
    seen = await _waiting(context, to)
    first = dict(seen)
    for _ in range(_QUEUE_LOOKS - 1):
        if not seen:
            return None
        await asyncio.sleep(_QUEUE_PAUSE)
        now = await _waiting(context, to)
        seen = {inode: now[inode] for inode, count in seen.items() if now.get(inode, 0) >= count}
    if not seen:
        return None
    most = max(seen.values())
    return failed(
        "hung",
        f"{len(seen)} of Envoy's workers takes no connections on {to.where} while {most} wait",
        Evidence(
            f"queues of the listening sockets on {to.where}",
            ", ".join(
                f"inode {inode}: {first[inode]} waiting, later {count}" for inode, count in seen.items()
            ),
            "connections are taken as they come",
        ),
        silent=True,
    )


async def _waiting(context: Context, to: Approach) -> dict[int, int]:
    """Connections that wait on the main listener's sockets, by socket inode, where any do."""
    table = await context.workers.call("sockets", context.sockets.listening, deadline=_DEADLINE)
    return {one.inode: one.backlog for one in table if _is_main(one, to) and one.backlog}


def _is_main(one: ListeningSocket, to: Approach) -> bool:
    return one.port == to.port and not one.udp and one.host in (to.host, "0.0.0.0", "::", "")  # noqa: S104
