"""Hysteresis: when a look counts. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pomhealth.status.finding import Finding, Outcome


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Silence counts as a failure after `fall` tries in a row, and as over after `rise` good ones."""

    fall: int = 2
    rise: int = 2


@dataclass(frozen=True, slots=True)
class Streak:
    """The finding that stands, and how many looks in a row have said otherwise."""

    standing: Finding | None = None
    against: int = 0


def settle(streak: Streak, look: Finding, thresholds: Thresholds) -> Streak:
    """The streak after one more look.

    Hard evidence, good or bad, counts at once; so does the first look of all, unless it is silence.
    Silence must repeat, and so must the recovery from it.
    """
    standing = streak.standing
    against = streak.against + 1
    if look.silent and not (standing is not None and standing.outcome is Outcome.FAIL):
        return Streak(look) if against >= thresholds.fall else Streak(standing, against)
    if standing is not None and standing.silent and look.outcome is not Outcome.FAIL:
        return Streak(look) if against >= thresholds.rise else Streak(standing, against)
    return Streak(look)
