"""Are old changes swept from the storage backend?

The replica's own report cannot say that they are not: it returns before it reports an error (0.31 to 0.33). What
should have been swept is in the tables for all to see.
"""

from __future__ import annotations

from pomhealth.checks.context import Context
from pomhealth.checks.traces import settling, traces_of, unshared
from pomhealth.status import Evidence, Finding, passed, unseen, warned
from pomhealth.storage.target import Target
from pomhealth.storage.traces import SWEPT_AFTER, Traces

ID = "storage.backend.cleanup"

_HOUR = 3600.0
_MARGIN = 300.0  # seconds: a sweep each minute, the time that it takes, and clocks that differ
_GRACE = 20.0  # seconds after a start: services are swept at once and each 15 s
_GRACE_OF_CHANGES = 75.0  # the first sweep of changes comes after a minute
_HOURLY = (0, 31)  # the first release that keeps changes for an hour; before, it was a day


async def look(context: Context) -> Finding:
    apart = unshared(context, "Pomerium sweeps it where nobody else looks")
    if apart is not None:
        return apart
    seen, target = await traces_of(context)
    found = judge(seen, target, context.replica.release)
    grace = _GRACE if seen.expired else _GRACE_OF_CHANGES
    pending = settling(context, seen, grace) if found.cause else ""
    return passed(f"old rows are still to be swept: {pending}") if pending else found


def judge(seen: Traces, target: Target, release: tuple[int, int] | None) -> Finding:
    """What the rows tell. `release` is the replica's, None where it is not known. Pure."""
    kept = _HOUR if release is not None and release >= _HOURLY else 24 * _HOUR
    services = Evidence(
        "pomerium.services by expires_at",
        f"{seen.expired} expired, the oldest {span(seen.expired_for)} ago"
        if seen.expired
        else "none expired",
        f"none that expired more than {span(SWEPT_AFTER)} ago",
    )
    oldest = seen.oldest_change
    changes = Evidence(
        "pomerium.record_changes by modified_at, without the newest",
        f"the oldest is {span(oldest)} old" if oldest else "none" if oldest == 0 else "not found in time",
        f"none older than {span(kept + _MARGIN)}",
    )
    overdue = []
    if seen.expired:
        overdue.append(f"{seen.expired} expired services (the oldest for {span(seen.expired_for)})")
    if oldest is not None and oldest > kept + _MARGIN:
        overdue.append(f"changes from {span(oldest)} ago")
    if not overdue and oldest is None:
        return unseen(
            f"the oldest change in {seen.where} was not found in time: many rows wait for a vacuum", services
        )
    if not overdue:
        return passed("expired services and old changes are swept", services, changes)
    return warned(
        "overdue",
        f"{' and '.join(overdue)} have not been swept from {seen.where}",
        services,
        changes,
        names=(("USER", target.user),),
    )


def span(seconds: float) -> str:
    """A length of time for a person: "45 s", "12 min", "3 h 5 min", "4 days"."""
    minutes = int(seconds // 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"
