"""Judges a churn: which alarms were for nothing, which outages nobody was told of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.churn.witness import Look, Said

RECOVERY = 2.5  # seconds after an outage for which the agent may still say so: its budget
MUCH_TOO_LATE = 10.0  # seconds more, after which it is wrong to say so still
LONG = 3.0  # seconds: an outage this long has to show
_NEAR = 3.0  # seconds around the start of an alarm in which the truth may bear it out


@dataclass(frozen=True, slots=True)
class Act:
    """Something that was done to the replica, from `began` to `ended`; with `outage` it could not serve meanwhile."""

    name: str
    began: float
    ended: float
    outage: bool


@dataclass(frozen=True, slots=True)
class Outage:
    """The replica did not serve, as the truth saw it."""

    what: str
    began: float
    ended: float


def unfounded(said: Iterable[Said], acts: Sequence[Act], looks: Sequence[Look]) -> list[Said]:
    """What was said outside of every known outage and is not borne out by the truth."""
    ill = [look for look in looks if not look.well]
    return [
        one
        for one in said
        if not any(act.outage and act.began <= one.began <= act.ended + RECOVERY for act in acts)
        and not any(
            look.began <= one.began + _NEAR and one.began - _NEAR - RECOVERY <= look.ended for look in ill
        )
    ]


def lasting(said: Iterable[Said], acts: Sequence[Act], end: float) -> list[tuple[Said, float]]:
    """503s that began in a known outage and stood longer than the budget after it: with the seconds after its end."""
    late = []
    for one in said:
        ends = [act.ended for act in acts if act.outage and act.began <= one.began <= act.ended + RECOVERY]
        ended = one.ended if one.ended is not None else end
        # A next outage begun meanwhile has its own budget.
        ends += [act.ended for act in acts if act.outage and one.began <= act.began <= ended]
        if one.level == "503" and ends and ended > max(ends) + RECOVERY:
            late.append((one, ended - max(ends)))
    return late


def outages(looks: Iterable[Look]) -> list[Outage]:
    """From the first look that failed to the next of the same kind that did not."""
    found = []
    by_kind: dict[str, list[Look]] = {}
    for look in looks:
        by_kind.setdefault(look.what, []).append(look)
    for what, of_kind in by_kind.items():
        first: Look | None = None
        for look in of_kind:
            if look.well and first is not None:
                found.append(Outage(what, first.began, look.ended))
                first = None
            elif not look.well and first is None:
                first = look
    return found


def missed(looks: Iterable[Look], said: Iterable[Said]) -> list[Outage]:
    """Long outages during which /readyz never said 503."""
    closed = [one for one in said if one.level == "503"]
    return [
        outage
        for outage in outages(looks)
        if outage.ended - outage.began > LONG
        and not any(
            one.began <= outage.ended and outage.began <= (one.ended or float("inf")) for one in closed
        )
    ]
