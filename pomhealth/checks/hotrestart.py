"""A hot restart gives the replica another Envoy from one moment to the next, before discovery has seen it.

So what fails is looked at once more with the Envoys that are there now: only then is a failure the replica's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from pomhealth.checks.context import Context
from pomhealth.reach import Silent
from pomhealth.replica import processes
from pomhealth.status import Finding, Outcome

_DEADLINE = 0.5  # seconds, for reading /proc


async def judged_now(context: Context, look: Callable[[Context], Awaitable[Finding]]) -> Finding:
    """What `look` finds; a failure only when it stands with the Envoys of this moment. Raises what `look` raises."""
    finding = await look(context)
    if finding.outcome is not Outcome.FAIL or finding.silent:
        return finding
    later = await _of_now(context)
    return finding if later is None else await look(later)


async def _of_now(context: Context) -> Context | None:
    """The context with the Envoys that the replica has now; None where they are the ones that are known."""
    main = context.replica.main
    if main is None or "process" in context.replica.missing:
        return None
    try:
        now = await context.workers.call(
            "the replica's Envoys", lambda: processes.envoys(main), deadline=_DEADLINE
        )
    except (Silent, OSError):
        return None
    if not set(now) - set(context.replica.envoys):
        return None
    return replace(context, replica=replace(context.replica, envoys=now))
