"""What is watched: the catalogue, the probes that are there, and what the operator changed of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pomhealth.catalogue import Catalogue, Check
from pomhealth.checks import Look
from pomhealth.settings import Settings
from pomhealth.status import Component, Gate, StatusMap, Thresholds

STRICT = "strict"  # the readiness policy that excuses nothing


@dataclass(frozen=True, slots=True)
class Plan:
    """Every check that is told of, and a probe for each one that is measured.

    `gates` is what each id stops, for ids that the replica alone reports; `policy` what of that may be excused.
    """

    checks: Mapping[str, Check]
    looks: Mapping[str, Look]
    gates: Mapping[str, Gate]
    thresholds: Thresholds
    policy: str = STRICT

    def triggered_by(self, event: str) -> tuple[str, ...]:
        """The measured checks that are looked at at once after this event."""
        return tuple(id_ for id_ in self.looks if event in self.checks[id_].triggers)

    @property
    def reported(self) -> tuple[str, ...]:
        """The checks of which only the replica's own report tells."""
        return tuple(id_ for id_ in self.checks if id_ not in self.looks)


def make(
    catalogue: Catalogue, looks: Mapping[str, Look], settings: Settings, ids: Iterable[str] = ()
) -> Plan:
    """The plan for these ids and all that they need or follow; for everything when none is named.

    A check without a probe is one that only the replica reports, whatever its schedule says.
    """
    wanted = _with_needs(catalogue, ids)
    checks = {
        check.id: _adjusted(check, settings)
        for check in catalogue
        if not check.id.endswith(">") and not check.own and (not wanted or check.id in wanted)
    }
    return Plan(
        checks=checks,
        looks={id_: looks[id_] for id_, check in checks.items() if check.measured and id_ in looks},
        gates={**{id_: check.gate for id_, check in checks.items()}, **settings.gates},
        thresholds=Thresholds(settings.fall, settings.rise),
        policy=policy_of(settings),
    )


def policy_of(settings: Settings) -> str:
    """The readiness policy that is followed: `cluster` needs the registry, and is `serving` where that is turned off."""
    wanted = settings.readiness_policy
    return "serving" if wanted == "cluster" and not settings.cluster else wanted


def alone(catalogue: Catalogue, ids: Iterable[str]) -> Catalogue:
    """Of these checks those that a configuration file is enough for, with what they follow of the same kind.

    They need nothing else: there is no replica.
    """
    enough = {check.id: check for check in catalogue if check.offline}
    wanted = set(ids) & enough.keys()
    wanted |= {root for id_ in wanted for root in enough[id_].follows if root in enough}
    kept = {
        id_: replace(check, needs=(), follows=tuple(root for root in check.follows if root in enough))
        for id_, check in enough.items()
        if id_ in wanted
    }
    return Catalogue(kept)


def start(plan: Plan) -> StatusMap:
    """The map before anything has been seen."""
    return StatusMap(
        {id_: _component(check, measures=id_ in plan.looks) for id_, check in plan.checks.items()}
    )


def again(status: StatusMap, plan: Plan) -> StatusMap:
    """The map under a changed plan: what was found stands, what it stops may be another."""
    return StatusMap(
        {
            id_: replace(component, gate=gate_of(plan, id_, component.strictly), excused="")
            for id_, component in status.components.items()
        }
    )


def gate_of(plan: Plan, id_: str, otherwise: Gate) -> Gate:
    """What a failing `id_` stops; a family such as "identity-provider.<name>" speaks for its members."""
    if id_ in plan.gates:
        return plan.gates[id_]
    families = (
        gate
        for family, gate in plan.gates.items()
        if family.endswith(">") and id_.startswith(family[: family.index("<")])
    )
    return next(families, otherwise)


def _component(check: Check, *, measures: bool) -> Component:
    return Component(
        check.id,
        check.gate,
        measures=measures,
        needs=check.needs,
        report_cause=check.report_cause,
        pending_cause=check.pending_cause,
        joint=check.joint,
        patience=check.patience,
    )


def _adjusted(check: Check, settings: Settings) -> Check:
    interval = settings.intervals.get(check.id, check.interval)
    gate = settings.gates.get(check.id, check.gate)
    return replace(check, interval=interval, retry=min(check.retry, interval), gate=gate)


def _with_needs(catalogue: Catalogue, ids: Iterable[str]) -> frozenset[str]:
    wanted: set[str] = set()
    left = list(ids)
    while left:
        id_ = left.pop()
        if id_ in wanted:
            continue
        wanted.add(id_)
        check = catalogue.find(id_)
        left.extend((*check.needs, *check.follows) if check else ())
    return frozenset(wanted)
