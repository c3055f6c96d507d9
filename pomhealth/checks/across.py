"""What the checks across replicas have in common: whether the cluster is known now, and whether it is at rest."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from pomhealth.checks.context import Context
from pomhealth.checks.notes import Notes
from pomhealth.clock import steady
from pomhealth.cluster.model import BEAT, STALE, Roster
from pomhealth.status import Finding, Outcome, not_applicable, unseen

SETTLED = (
    STALE  # seconds after an outage of the registry within which all are back, and have given a sign of life
)
_STEP = 2 * BEAT  # seconds that the database's clock must gain on ours between two looks
_VIEW = "cluster view"
OFF = "the cluster view is off: set cluster = true (POMHEALTH_CLUSTER) beside every replica"
ALONE = "only a running agent knows its cluster: ask it with `pomhealth replicas`"


@dataclass(frozen=True, slots=True)
class _View:
    """What the last look knew: whether the registry was `out`, how far its clock was ahead of our steady one, and when
    (by ours) it was away, and its clock was set, as the last.
    """

    out: bool = False
    ahead: float | None = None
    away: float = -math.inf
    stepped: float = -math.inf


def lacking(context: Context, roster: Roster) -> Finding | None:
    """Why nothing can be said across replicas; None where it can."""
    if not roster.wanted:
        return not_applicable(ALONE if context.settings.cluster else OFF)
    if roster.trouble is not None:
        return unseen(f"the cluster view is incomplete: {roster.trouble.why}")
    if not roster.complete:
        return replace(
            unseen("the cluster view is incomplete: the registry has not been read yet"), early=True
        )
    return None


def settling(notes: Notes, roster: Roster, *, clock: Callable[[], float] = steady) -> str:
    """Why the others may not have given a sign of life yet though they live; "" where they had the time.

    To be asked at each look, also while the roster is not complete.
    """
    now = clock()
    seen: _View = notes.recall(_VIEW) or _View()
    out = roster.trouble is not None
    if out or seen.out:
        seen = replace(seen, out=out, away=now)
    if roster.complete:
        ahead = roster.at - now
        stepped = seen.ahead is not None and ahead - seen.ahead > _STEP
        seen = replace(seen, ahead=ahead, stepped=now if stepped else seen.stepped)
    notes.keep(_VIEW, seen)
    if now - seen.away < SETTLED:
        return "the registry was away until just now"
    if now - seen.stepped < SETTLED:
        return "the clock of the registry's database was set just now"
    return ""


def together(own: Finding, across: Finding | None) -> Finding:
    """What is told where a check looks at this replica and at all of them: this one first where it is at fault."""
    if across is None or own.outcome in (Outcome.FAIL, Outcome.WARN):
        return own
    if across.outcome is Outcome.WARN:
        return replace(across, cost=own.cost, certificates=own.certificates)
    again = min((one for one in (own.again, across.again) if one), default=0.0)
    said = f"{own.summary}; {across.summary}" if own.outcome is Outcome.PASS else own.summary
    return replace(own, summary=said, again=again)
