"""Is Envoy there, LIVE, and do its workers answer?

Three looks: the process's state (the kernel's word), the admin interface's /ready (the main thread), and a TLS
handshake on the main listener (a worker).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from pomhealth.checks.context import Context
from pomhealth.checks.hotrestart import judged_now
from pomhealth.checks.process_state import by_state
from pomhealth.checks.workers import answer, front
from pomhealth.reach import Denied, Garbled, Refused, Silent
from pomhealth.status import DRAINING, Evidence, Finding, Outcome, Unobservable, failed, passed

ID = "envoy.server"

_DEADLINE = 0.7  # seconds; two of them and the interval stay under the 2.5 s in which a hang must show


async def look(context: Context) -> Finding:
    finding = await judged_now(context, _look)
    envoy = context.replica.envoy
    return replace(finding, names=(("PID", str(envoy.pid)),)) if envoy else finding


async def _look(context: Context) -> Finding:
    replica = context.replica
    envoy = replica.envoy
    who = f"Envoy (process {envoy.pid})" if envoy else "Envoy"
    if envoy is None and replica.main is not None and "process" not in replica.missing:
        return failed(
            "not-running",
            f"Pomerium (process {replica.main.pid}) has no Envoy",
            Evidence(f"children of process {replica.main.pid}", "no process named envoy", "one"),
        )
    if envoy is not None:
        finding = by_state(envoy, who)
        if finding is not None:
            return finding
    if not replica.same_network:
        raise Unobservable(
            "Envoy cannot be asked", replica.missing.get("network", "another network namespace")
        )
    main_thread, worker = await asyncio.gather(_main_thread(context), _workers(context))
    ill = worker is not None and worker.outcome is Outcome.FAIL
    if main_thread is not None and not ill and len(replica.envoys) > 1 and not main_thread.silent:
        return passed("a hot restart of Envoy is under way; the workers answer")
    wrong = main_thread or (worker if ill else None)
    if wrong is not None:
        # The signal that stops or ends a process may arrive while it is being asked.
        return (by_state(envoy, who) if envoy else None) or wrong
    return passed(f"{who} is LIVE" + (f"; {worker.summary}" if worker else ""))


async def _main_thread(context: Context) -> Finding | None:
    """What is wrong with Envoy's main thread; None when it says LIVE. Raises Unobservable.

    None too while it is at a dear question of our own: it is asked again after that.
    """
    admin = context.admin
    if admin.busy:
        return None
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
    cause = DRAINING if state == "DRAINING" else "not-live"
    return failed(
        cause, f"Envoy says {state or 'nothing'}", Evidence(source, f"{answer.status} {state}", "200 LIVE")
    )


async def _workers(context: Context) -> Finding | None:
    """What the workers say; None when there is no listener to ask them on."""
    at = await front(context)
    return await answer(context, at) if at is not None else None
