"""What a readiness policy goes by, as the map of one replica shows it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pomhealth.cluster.readiness.policy import Facts, Stop
from pomhealth.status import DRAINING, Component, Entry, Gate, Outcome, StatusMap

PROOFS = ("pomerium.process", "envoy.server", "proxy.service", "authorize.service")
_OPTIONAL = (
    "authorize.service"  # it may run elsewhere: the request that proves proxy.service crosses it all the same
)
_DRAIN = "replica.drain"
_WELL = (Outcome.PASS, Outcome.WARN)

# What Envoy or Pomerium would not take, and goes on without: None for every cause of the check. An address that is
# shared with another process, or not listened on, is another matter: there users are lost now.
_OF_CONFIG: Mapping[str, frozenset[str] | None] = {
    "config.databroker.build": None,
    "xds.cluster": None,
    "xds.listener": frozenset({"rejected", "port-taken", "permission-denied"}),
    "xds.other": None,
    "xds.route-configuration": None,
}


def witnessed(known: Mapping[str, float], status: StatusMap) -> Mapping[str, float]:
    """When what proves that the replica serves was last seen at work itself, by id, by the map's clock.

    An answer that is given once more, since it still serves, is as old as it was: it says when to look again.
    """
    seen = {}
    for id_ in PROOFS:
        component = status.components.get(id_)
        found = component.measured if component is not None else None
        if component is None or found is None or found.outcome not in _WELL:
            continue
        if found.again:
            seen[id_] = known.get(id_, -math.inf)
        else:
            seen[id_] = component.checked
    return seen


def facts(strict: StatusMap, seen: Mapping[str, float], *, started: bool, now: float) -> Facts:
    """What the policy is decided by. `strict` is the map with nothing excused, `now` the time by its clock."""
    needed = [id_ for id_ in PROOFS if not _elsewhere(strict.components.get(id_))]
    stops = (
        () if strict.ready else tuple(_stop(entry, now) for entry in strict.stopping(Gate.LIVE, Gate.READY))
    )
    return Facts(
        sound=strict.ready,
        started=started,
        stops=stops,
        proof=max(now - seen.get(id_, -math.inf) for id_ in needed),
        refuted=any(_refutes(strict.components.get(id_)) for id_ in needed),
    )


def _elsewhere(component: Component | None) -> bool:
    """Whether it is the one that other replicas may run instead."""
    if component is None or component.id != _OPTIONAL:
        return False
    return component.measured is not None and not component.measured.applies


def _refutes(component: Component | None) -> bool:
    """Whether nothing shows that this part serves: it does not, or it cannot be measured."""
    if component is None or not component.measures:
        return True
    found = component.measured
    if found is None:
        return not component.proven
    reported = component.finding
    return found.outcome not in _WELL or (reported is not None and reported.outcome is Outcome.FAIL)


def _stop(entry: Entry, now: float) -> Stop:
    component, finding = entry.component, entry.finding
    fails = entry.outcome is Outcome.FAIL
    cause = finding.cause if finding is not None else ""
    anew = entry.pending and component.proven and component.gate is Gate.READY
    own = component.gate is not Gate.READY or entry.id in (_DRAIN, *PROOFS) or cause == DRAINING
    return Stop(
        entry.id,
        age=max(0.0, now - component.since),
        config=fails and not own and component.proven and _of_config(entry.id, cause),
        shareable=anew or (fails and not own),
        anew=anew,
    )


def _of_config(id_: str, cause: str) -> bool:
    if id_ not in _OF_CONFIG:
        return False
    causes = _OF_CONFIG[id_]
    return causes is None or cause in causes
