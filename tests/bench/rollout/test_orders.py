"""What each supervisor's order promises, and whose turn it is."""

from __future__ import annotations

import pytest

from bench.rollout.orders import NAMES, ORDERS, Order, Probe, Step, order, turns

WITH_AGENT = [one for one in ORDERS if one.probe is Probe.AGENT]
STARTS = {Step.STOP_REPLICA: Step.START_REPLICA, Step.STOP_AGENT: Step.START_AGENT}


def drains(one: Order) -> list[int]:
    """Where in an order the replica is drained."""
    return [
        place
        for place, step in enumerate(one.steps)
        if step in (Step.DRAIN, Step.PRE_STOPS) or (step is Step.STOP_AGENT and one.drains_on_stop)
    ]


def test_replicas_are_restarted_in_turns() -> None:
    assert list(turns(("a", "b"), 5)) == ["a", "b", "a", "b", "a"]


@pytest.mark.parametrize("one", [one for one in WITH_AGENT if one.restarts_replica], ids=lambda one: one.name)
def test_where_there_is_an_agent_the_replica_is_drained_once_before_it_is_stopped(one: Order) -> None:
    assert len(drains(one)) == 1
    assert drains(one)[0] < one.steps.index(Step.STOP_REPLICA)


@pytest.mark.parametrize("one", WITH_AGENT, ids=lambda one: one.name)
def test_what_is_stopped_is_started_and_health_is_waited_for_last(one: Order) -> None:
    for stop, start in STARTS.items():
        assert one.steps.count(stop) == one.steps.count(start)
        if stop in one.steps:
            assert one.steps.index(stop) < one.steps.index(start)
    assert one.steps[-1] is Step.HEALTH


def test_an_agent_that_is_restarted_alone_drains_nothing() -> None:
    assert not drains(order("agent"))
    assert not order("agent").restarts_replica
    assert order("agent").held_port


def test_the_orders_without_an_agent_have_no_step_of_one() -> None:
    agents = {Step.DRAIN, Step.PRE_STOPS, Step.STOP_AGENT, Step.START_AGENT, Step.HEALTH}
    peers = [one for one in ORDERS if one.probe is Probe.REPLICA]
    assert [one.name for one in peers] == ["without", "sleep"]
    assert all(agents.isdisjoint(one.steps) for one in peers)


def test_every_order_is_found_by_its_name() -> None:
    assert [order(name) for name in NAMES] == list(ORDERS)
