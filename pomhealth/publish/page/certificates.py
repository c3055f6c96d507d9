"""The certificates that were looked at, by the days that they have left. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pomhealth.publish.view import View
from pomhealth.status import Validity

MOST = 50  # that are listed; the first to end come first
_DAY = 86400
SOON = 10  # days: from then on certificates_current warns


@dataclass(frozen=True, slots=True)
class Certificate:
    """`left` is what is left in words, `ends` when it ends (seconds since the epoch, 0 where it cannot be read)."""

    name: str
    where: str
    css: str
    left: str
    ends: float
    problem: str


@dataclass(frozen=True, slots=True)
class Certificates:
    """`more` is how many there are besides those that are listed."""

    listed: tuple[Certificate, ...]
    more: int


def certificates(view: View) -> Certificates:
    """Those that cannot be read first, then the first to end."""
    found = {
        validity: None
        for entry in view.status.entries.values()
        if entry.finding is not None
        for validity in entry.finding.certificates
    }
    sorted_ = sorted(found, key=lambda one: (one.not_after, one.name, one.where))
    listed = tuple(_certificate(one, view.now) for one in sorted_[:MOST])
    return Certificates(listed, len(sorted_) - len(listed))


def _certificate(one: Validity, now: float) -> Certificate:
    if not one.not_after:
        return Certificate(one.name, one.where, "fail", "cannot be read", 0.0, one.problem)
    days = (one.not_after - now) / _DAY
    if days < 0:
        css, left = "fail", f"ended {_days(-days)} ago"
    elif one.not_before > now:
        css, left = "fail", f"begins in {_days((one.not_before - now) / _DAY)}"
    else:
        css, left = "warn" if days < SOON else "pass", f"{_days(days)} left"
    return Certificate(one.name, one.where, "fail" if one.problem else css, left, one.not_after, one.problem)


def _days(days: float) -> str:
    whole = int(days)
    return "less than a day" if whole < 1 else "1 day" if whole == 1 else f"{whole:,} days"
