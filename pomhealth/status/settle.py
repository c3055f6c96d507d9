"""Hysteresis: when a look counts. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pomhealth.status.finding import Finding, Outcome

VOIDS = 3  # void looks in a row after which what was found before is no longer vouched for


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Silence counts as a failure after `fall` tries in a row, and as over after `rise` good ones."""

    fall: int = 2
    rise: int = 2


@dataclass(frozen=True, slots=True)
class Streak:
    """The finding that stands, how many looks in a row have said otherwise, and how many of late said nothing.

    Void looks leave `against` as it is: the silences before and after them are of the replica's own making.
    """

    standing: Finding | None = None
    against: int = 0
    voids: int = 0


def settle(streak: Streak, look: Finding, thresholds: Thresholds) -> Streak:
    """The streak after one more look.

    Hard evidence, good or bad, counts at once; so does the first look of all, unless it is silence.
    Silence must repeat, and so must the recovery from it. A void look counts for nothing; three of them in a row make
    unknown what was sound.
    """
    if look.void:
        return _after_void(streak, look)
    standing = streak.standing
    against = streak.against + 1
    if look.silent and not (standing is not None and standing.outcome is Outcome.FAIL):
        return Streak(look) if against >= thresholds.fall else Streak(standing, against)
    if standing is not None and standing.silent and look.outcome is not Outcome.FAIL:
        return Streak(look) if against >= thresholds.rise else Streak(standing, against)
    return Streak(look)


def _after_void(streak: Streak, look: Finding) -> Streak:
    standing, voids = streak.standing, min(streak.voids + 1, VOIDS)
    kept = standing is not None and standing.outcome in (Outcome.FAIL, Outcome.UNKNOWN)
    if kept or voids < VOIDS:
        return replace(streak, voids=voids)
    return Streak(look, streak.against, voids)
