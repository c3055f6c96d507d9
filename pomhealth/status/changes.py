"""Which changes of the map a person is told of: one for each check and each turn of its state. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pomhealth.status.finding import Outcome
from pomhealth.status.statusmap import Entry, StatusMap


@dataclass(frozen=True, slots=True)
class Told:
    """What was last told of one check. `since` is in seconds since the epoch."""

    outcome: Outcome
    cause: str
    since: float


@dataclass(frozen=True, slots=True)
class Change:
    """One turn of one check. `was` is the state before ("fail: timeout"), empty at the first look, and `lasted` how
    many seconds it lasted. `followers` are the checks that say nothing while this one fails.
    """

    at: float
    id: str
    outcome: Outcome
    cause: str
    summary: str
    was: str = ""
    lasted: float = 0.0
    followers: tuple[str, ...] = ()


_NOTHING: Mapping[str, Told] = {}


def changes(
    last: Mapping[str, Told], status: StatusMap, *, at: float, earlier: Mapping[str, Told] = _NOTHING
) -> tuple[Mapping[str, Told], tuple[Change, ...]]:
    """What is now told of each check, and what changed against what was told last.

    `earlier` is what a run before this one told as the last: a first look tells what was by it. One that finds the same
    has nothing before it, yet its state stands since then.

    A check that follows a failing root, or has not been looked at yet, is not told of: the root is. Nor is one that
    cannot be seen while something that gates liveness fails. So a fault is one change however much follows from it,
    and its end is one more.
    """
    now = dict(last)
    turned = []
    live = status.live
    for entry in status.entries.values():
        if entry.finding is None or entry.outcome is Outcome.SKIPPED or (entry.unobserved and not live):
            continue
        before = last.get(entry.id)
        if before is not None and (before.outcome, before.cause) == (entry.outcome, entry.finding.cause):
            continue
        change = _change(entry, before, at)
        if before is None:
            change = resumed(change, earlier)
        since = earlier[entry.id].since if before is None and stands(change, earlier) else at
        now[entry.id] = Told(entry.outcome, entry.finding.cause, since)
        turned.append(change)
    return now, tuple(turned)


def stands(change: Change, earlier: Mapping[str, Told]) -> bool:
    """Whether this is a first look that finds what a run before told as the last."""
    before = earlier.get(change.id)
    same = before is not None and (before.outcome, before.cause) == (change.outcome, change.cause)
    return same and not change.was


def resumed(change: Change, earlier: Mapping[str, Told]) -> Change:
    """The change, with what was by a run before where it is a first look that finds something else."""
    before = earlier.get(change.id)
    if before is None or change.was or stands(change, earlier):
        return change
    lasted = max(0.0, change.at - before.since)
    return replace(change, was=state(before.outcome, before.cause), lasted=lasted)


def _change(entry: Entry, before: Told | None, at: float) -> Change:
    finding = entry.finding
    if finding is None:
        raise ValueError(entry.id)
    return Change(
        at=at,
        id=entry.id,
        outcome=finding.outcome,
        cause=finding.cause,
        summary=finding.summary,
        was="" if before is None else state(before.outcome, before.cause),
        lasted=0.0 if before is None else max(0.0, at - before.since),
        followers=entry.followers,
    )


def state(outcome: Outcome, cause: str) -> str:
    """A state in one or two words: "pass", "fail: timeout"."""
    return f"{outcome.value}: {cause}" if cause else outcome.value
