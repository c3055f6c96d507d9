"""Two replicas behind an Envoy, restarted under load as systemd does it: no request is lost."""

from __future__ import annotations

from bench.rollout.counting import KINDS
from bench.rollout.orders import order
from bench.rollout.pace import BRISK
from bench.rollout.report import faulty
from bench.rollout.rolling import rolled


def test_restarts_in_systemds_order_lose_no_request() -> None:
    outcome = rolled(order("systemd"), "envoy", 2, BRISK)
    assert not outcome.wrong, "\n".join(faulty(outcome))
    assert all(outcome.tally.asked[kind] for kind in KINDS)
    assert len(outcome.waits) == 2
    assert all(before.requests for _, before, _ in outcome.waits)
    assert {member for seen in outcome.seen for member in "ab" if member not in seen.members} == {"a", "b"}
