"""Which changes of the map a person is told of: one for each check and each turn of its state. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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


def changes(
    last: Mapping[str, Told], status: StatusMap, *, at: float
) -> tuple[Mapping[str, Told], tuple[Change, ...]]:
    """What is now told of each check, and what changed against what was told last.

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
        now[entry.id] = Told(entry.outcome, entry.finding.cause, at)
        turned.append(_change(entry, before, at))
    return now, tuple(turned)


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
