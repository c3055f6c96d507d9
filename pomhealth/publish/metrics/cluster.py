"""The series of the cluster: how many replicas are in each state, as this agent knows them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pomhealth.publish.members import NO_AGENT, state
from pomhealth.publish.metrics import families as of
from pomhealth.publish.metrics.families import Family, Point
from pomhealth.publish.view import View

_STATES = ("ready", "not-ready", "draining", "stale", "stopped", NO_AGENT)


def points(view: View) -> Iterator[tuple[Family, Point]]:
    """All but one of them only where the agent takes part in a cluster."""
    roster = view.roster
    yield of.CLUSTER_ENABLED, Point((), roster.wanted)
    if not roster.wanted:
        return
    yield of.CLUSTER_COMPLETE, Point((), roster.complete)
    yield of.CLUSTER_EXPECTED, Point((), view.expected)
    if roster.at > 0.0:
        counts = Counter(state(member, roster) for member in roster.members)
        counts[NO_AGENT] = len(roster.agentless)
        for one in _STATES:
            yield of.CLUSTER_REPLICAS, Point((one,), counts[one])
