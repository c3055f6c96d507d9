"""What each readiness policy promises, in some hundred clusters in simulated time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pomhealth.cluster.model import BEAT
from pomhealth.cluster.readiness.policy import SETTLE, Policy
from tests.cluster.simulated import SLOWEST, Cluster, Node

SKEW = 2.5  # seconds within which a fault shows on all who share it
RUNS = 40
OUT = 2 * 1.05 * BEAT + SETTLE + 1.0 + 4 * SLOWEST  # seconds in which a fault of one alone takes it out

seeds = pytest.mark.parametrize("block", range(3))


@contextmanager
def explained(seed: int) -> Iterator[None]:
    """Names the seed of the run that breaks a promise."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error


def runs(block: int, policy: Policy) -> Iterator[tuple[int, Cluster]]:
    for seed in range(block * RUNS, (block + 1) * RUNS):
        one = Cluster(seed, policy, size=1 + seed % 7)
        one.run(one.random.uniform(0, 40))
        yield seed, one


def shared(one: Cluster, name: str, *, lasts: float) -> float:
    """A fault that comes to all within `SKEW`, and goes as it came; gives when it is gone everywhere."""
    began = one.now
    for node in one.nodes:
        comes = began + one.random.uniform(0, SKEW)
        goes = comes + lasts
        one.at(comes, lambda node=node: one.fail(node, name))  # type: ignore[misc]
        one.at(goes, lambda node=node: one.mend(node, name))  # type: ignore[misc]
    return began + lasts + SKEW


def disturbed(one: Cluster, *, until: float) -> None:
    """The registry fails now and then: for all, for some; its clock is set. The last does not happen to the first."""
    for _ in range(one.random.randrange(4)):
        start = one.random.uniform(one.now - 1, until)
        end = start + one.random.uniform(0.1, 30)
        some = [node for node in one.nodes if one.random.random() < 0.5]
        kind = one.random.choice(("all", "some", "clock", "none"))
        if kind == "all":
            one.at(start, lambda: one.fall(down=True))
            one.at(end, lambda: one.fall(down=False))
        elif kind == "some":
            one.at(start, lambda some=some: one.cut(some, on=True))  # type: ignore[misc]
            one.at(end, lambda some=some: one.cut(some, on=False))  # type: ignore[misc]
        elif kind == "clock":
            by = one.random.choice((-3600.0, -5.0, 0.4, 4.0, 60.0))
            one.at(start, lambda by=by: one.step(by))  # type: ignore[misc]


@seeds
def test_a_fault_that_all_share_never_takes_the_last_ready_replica_out(block: int) -> None:
    for seed, one in runs(block, Policy.CLUSTER):
        gone = shared(one, "storage.backend", lasts=one.random.uniform(0.1, 90))
        disturbed(one, until=gone)
        one.run(gone + 60)
        with explained(seed):
            assert one.least >= 1
            assert one.ready == one.nodes


@seeds
def test_a_shared_fault_goes_on_while_others_restart_and_those_stay_out_until_they_are_sound(
    block: int,
) -> None:
    for seed, one in runs(block, Policy.CLUSTER):
        gone = shared(one, "storage.backend", lasts=60)
        again = one.nodes[1:]
        restarting(one, again)
        disturbed(one, until=gone)
        one.run(gone - SKEW)
        with explained(seed):
            assert one.least >= 1
            assert not any(node.ready for node in again)
            one.run(gone + 60)
            assert one.ready == one.nodes


@seeds
def test_a_fault_of_one_alone_takes_that_one_out_and_nobody_else(block: int) -> None:
    for seed, one in runs(block, Policy.CLUSTER):
        if len(one.nodes) == 1:
            continue
        ill = one.nodes[0]
        one.fail(ill, "storage.backend")
        one.run(one.now + OUT)
        with explained(seed):
            assert one.ready == one.nodes[1:]
            one.run(one.now + 200)
            assert one.ready == one.nodes[1:]
            one.mend(ill, "storage.backend")
            assert one.ready == one.nodes


@seeds
def test_while_one_has_recovered_the_others_go_out_and_it_stays_in(block: int) -> None:
    for seed, one in runs(block, Policy.CLUSTER):
        gone = shared(one, "storage.backend", lasts=120)
        one.run(gone - 80)
        first = one.nodes[0]
        one.mend(first, "storage.backend")
        one.run(one.now + OUT)
        with explained(seed):
            assert one.ready == [first]
            one.fail(first, "storage.backend")
            one.run(gone - SKEW)
            assert one.ready == [first]


@seeds
def test_nobody_comes_back_in_before_it_is_sound(block: int) -> None:
    for seed, one in runs(block, Policy.CLUSTER):
        soup(one, until=one.now + 200)
        disturbed(one, until=one.now + 200)
        one.run(one.now + 200)
        with explained(seed):
            assert all(sound for node in one.nodes for _, came_in, sound in node.turns if came_in)
            assert all(node.ready for node in one.nodes if node.sound)
            assert not any(node.ready for node in one.nodes if node.draining or not node.serves)


@seeds
def test_by_strict_each_is_ready_just_while_it_is_sound(block: int) -> None:
    for seed, one in runs(block, Policy.STRICT):
        soup(one, until=one.now + 100)
        disturbed(one, until=one.now + 100)
        end = one.now + 100
        while one.now < end:
            one.run(one.now + 0.5)
            with explained(seed):
                assert [node.ready for node in one.nodes] == [node.sound for node in one.nodes]


@seeds
def test_by_serving_a_rejected_configuration_stops_nobody_and_everything_else_does(block: int) -> None:
    for seed, one in runs(block, Policy.SERVING):
        for node in one.nodes:
            one.fail(node, "xds.listener", config=True)
        one.run(one.now + 100)
        with explained(seed):
            assert one.least == len(one.nodes)
            one.fail(one.nodes[0], "storage.backend")
            assert one.ready == one.nodes[1:]


@seeds
def test_who_does_not_serve_goes_out_under_every_policy(block: int) -> None:
    for policy in Policy:
        for seed, one in runs(block, policy):
            for node in one.nodes:
                one.fail(node, "proxy.service", serves=False)
            with explained(seed):
                assert one.ready == []


def restarting(one: Cluster, nodes: list[Node]) -> None:
    """Each of these restarts once while a fault stands that all share."""
    for node in nodes:
        when = one.now + one.random.uniform(SKEW, 40)
        one.at(when, lambda node=node: one.restart(node, 3.0))  # type: ignore[misc]


def soup(one: Cluster, *, until: float) -> None:
    """Everything that can happen to a replica, at random."""

    def some() -> Node:
        return one.random.choice(one.nodes)

    for _ in range(12):
        name = f"fault{one.random.randrange(3)}"
        serves = one.random.random() < 0.8
        start = one.random.uniform(one.now, until)
        end = start + one.random.uniform(0.1, 60)
        node = some()
        kind = one.random.choice(("fault", "fault", "drain", "restart"))
        if kind == "fault":
            one.at(start, lambda n=node, f=name, s=serves: one.fail(n, f, serves=s))  # type: ignore[misc]
            one.at(end, lambda n=node, f=name: one.mend(n, f))  # type: ignore[misc]
        elif kind == "drain":
            one.at(start, lambda n=node: one.drain(n, on=True))  # type: ignore[misc]
            one.at(end, lambda n=node: one.drain(n, on=False))  # type: ignore[misc]
        else:
            one.at(start, lambda n=node: one.restart(n, 2.0))  # type: ignore[misc]
