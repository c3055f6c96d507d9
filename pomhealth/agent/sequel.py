"""What follows from one map after another. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pomhealth.status import Finding, Gate, Outcome, StatusMap, observe


def released(before: StatusMap, after: StatusMap) -> list[str]:
    """What followed a root that failed before and does not now, or waited for one that has started."""
    if before is after:
        return []
    up = {
        id_
        for id_, entry in before.entries.items()
        if entry.finding is not None and entry.finding.early
        if id_ in after.entries and not after.entries[id_].pending
    }
    waiting = [
        id_
        for id_, entry in (after.entries.items() if up else ())
        if entry.finding is not None and entry.pending and not up.isdisjoint(entry.component.needs)
    ]
    return waiting + [
        follower
        for root in before.entries.values()
        if root.followers and root.outcome is Outcome.FAIL
        if root.id in after.entries and after.entries[root.id].outcome not in (Outcome.FAIL, Outcome.SKIPPED)
        for follower in root.followers
    ]


def has_started(status: StatusMap, *, since: float) -> bool:
    """Whether everything that counts has been looked at since then, and nothing that gates liveness fails."""
    if status.blind or not status.looked or not status.live:
        return False
    counting = status.counting(Gate.LIVE, Gate.READY)
    return all(entry.component.checked >= since or entry.blocked_by for entry in counting)


def all_found(status: StatusMap, ids: Iterable[str], finding: Finding, *, at: float) -> StatusMap:
    """The map with this finding for each of these ids."""
    for id_ in ids:
        if id_ in status.components and status.components[id_].measured != finding:
            status = observe(status, id_, finding, at=at)
    return status
