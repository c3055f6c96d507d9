"""What a readiness policy decides, and by what."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest

from pomhealth.cluster.model import OFF, Account, Member, Roster, Trouble
from pomhealth.cluster.readiness.grounds import PROOFS, facts, witnessed
from pomhealth.cluster.readiness.policy import (
    PROVED,
    PROVING,
    SETTLE,
    Decision,
    Facts,
    Held,
    Policy,
    Stop,
    decide,
    heard,
)
from pomhealth.status import (
    DRAINING,
    Component,
    Finding,
    Gate,
    Report,
    StatusMap,
    excusing,
    failed,
    not_applicable,
    passed,
    strict,
    warned,
)
from tests.findings import SEEN

NOW = 1000.0  # by the agent's clock
AHEAD = 1e9  # of the database's
STORAGE = Stop("storage.backend", 20.0, shareable=True)
REJECTED = Stop("xds.listener", 20.0, config=True, shareable=True)
MUTE = Stop("proxy.service", 20.0)
INSIDE = Held(inside=True, ahead=AHEAD, at=AHEAD + NOW)
HELD = replace(INSIDE, since=AHEAD + NOW - 20.0, word=dict.fromkeys("bc", AHEAD + NOW - 10.0))


def ill(*stops: Stop, proof: float = 5.0, refuted: bool = False, started: bool = True) -> Facts:
    return Facts(sound=False, started=started, stops=stops, proof=proof, refuted=refuted)


def member(
    id_: str, *, sound: bool = True, seen: float = NOW, stopped: bool = False, **said: object
) -> Member:
    account = replace(Account(id_, sound=sound), **said)  # type: ignore[arg-type]
    return Member(id_, account, AHEAD, AHEAD + seen, stopped)


def roster(*members: Member, at: float = NOW, mine: str = "me", trouble: Trouble | None = None) -> Roster:
    return Roster(
        True, mine, (member("me", sound=False, process="p"), *members), at=AHEAD + at, trouble=trouble
    )


def decided(policy: Policy, known: Facts, state: Held = HELD, others: Roster = OFF) -> Decision:
    return decide(state, known, policy, others, NOW)


def test_by_strict_nothing_is_excused() -> None:
    assert decided(Policy.STRICT, ill(REJECTED)).excused == {}


@pytest.mark.parametrize("policy", [Policy.SERVING, Policy.CLUSTER])
def test_a_rejected_configuration_is_excused_while_the_old_one_serves(policy: Policy) -> None:
    made = decided(policy, ill(REJECTED))
    assert list(made.excused) == ["xds.listener"]
    assert "configuration accepted before serves" in made.excused["xds.listener"]
    assert (made.held.inside, made.prove) == (True, True)


def test_it_is_not_where_the_replica_does_not_serve() -> None:
    assert decided(Policy.SERVING, ill(REJECTED, MUTE, refuted=True)).excused == {}


def test_by_serving_any_other_fault_takes_the_replica_out_and_the_configuration_stays_excused() -> None:
    made = decided(Policy.SERVING, ill(REJECTED, STORAGE))
    assert list(made.excused) == ["xds.listener"]
    assert (made.held.inside, made.out) == (False, "storage.backend fails")


@pytest.mark.parametrize(
    ("inside", "age", "excused"), [(True, 1.0, True), (False, 1.0, False), (True, PROVING, False)]
)
def test_the_proof_may_be_on_its_way_for_a_moment_of_one_that_was_in(
    inside: bool, age: float, excused: bool
) -> None:
    made = decided(
        Policy.SERVING, ill(replace(REJECTED, age=age), proof=600.0), replace(INSIDE, inside=inside)
    )
    assert bool(made.excused) is excused
    assert made.prove


def test_a_proof_from_before_the_newest_fault_or_long_ago_is_none() -> None:
    assert decided(Policy.SERVING, ill(REJECTED, proof=21.0)).excused == {}
    assert decided(Policy.SERVING, ill(replace(REJECTED, age=900.0), proof=PROVED + 1)).excused == {}


def test_what_is_merely_looked_at_again_stops_only_who_was_out() -> None:
    again = Stop("storage.backend", 1.0, shareable=True, anew=True)
    for policy in (Policy.SERVING, Policy.CLUSTER):
        assert list(decided(policy, ill(again), INSIDE).excused) == ["storage.backend"]
        assert decided(policy, ill(again), Held()).excused == {}


OTHERS: Mapping[str, tuple[Roster, str]] = {
    "nobody is registered": (roster(), "no other is there"),
    "the registry is away": (roster(member("b"), at=-30, trouble=Trouble("refused", "?")), "cannot be asked"),
    "it was never reached": (OFF, "cannot be asked"),
    "all share the fault": (
        roster(member("b", sound=False), member("c", sound=False)),
        "of 2 others none is",
    ),
    "word of them is old": (roster(member("b", seen=NOW - 20 + SETTLE - 0.01)), "sign of life is awaited"),
    "the sound one drains": (roster(member("b", draining=True)), "no other is there"),
    "the sound one has stopped": (roster(member("b", stopped=True)), "no other is there"),
    "the sound one watches this very replica": (roster(member("b", process="p")), "no other is there"),
    "its word is from before the clock was set back": (roster(member("b", seen=NOW + 60)), "is awaited"),
    "which row is one's own is not known": (roster(member("b"), mine=""), "is awaited"),
}


@pytest.mark.parametrize(("others", "why"), OTHERS.values(), ids=OTHERS)
def test_by_cluster_a_replica_that_was_in_stays_in_while(others: Roster, why: str) -> None:
    made = decided(Policy.CLUSTER, ill(STORAGE), HELD, others)
    assert why in made.excused["storage.backend"]
    assert made.held.inside


def test_it_goes_out_once_another_is_known_to_be_sound_and_says_who() -> None:
    made = decided(Policy.CLUSTER, ill(STORAGE), HELD, roster(member("b", sound=False), member("c")))
    assert made.excused == {}
    assert made.out == "c (c) is sound, so the fault is this replica's own"
    assert not made.held.inside


def test_then_it_stays_out_whatever_becomes_of_the_others_until_it_is_sound() -> None:
    out = decided(Policy.CLUSTER, ill(STORAGE), HELD, roster(member("c"))).held
    assert decided(Policy.CLUSTER, ill(STORAGE), out, roster(member("c", sound=False))).excused == {}
    well = decided(Policy.CLUSTER, Facts(sound=True, started=True), out).held
    assert list(decided(Policy.CLUSTER, ill(STORAGE), well).excused) == ["storage.backend"]


def test_one_sign_of_life_is_not_enough_since_it_may_have_been_on_its_way_for_long() -> None:
    alone = replace(HELD, word={})
    first = heard(alone, roster(member("c", seen=NOW - 1)), NOW)
    assert decided(Policy.CLUSTER, ill(STORAGE), first, roster(member("c", seen=NOW - 1))).excused
    fell = heard(first, roster(member("c", sound=False)), NOW)
    assert fell.word == {}
    second = heard(first, roster(member("c")), NOW)
    assert not decided(Policy.CLUSTER, ill(STORAGE), second, roster(member("c"))).excused


def test_another_fault_that_comes_while_it_is_held_does_not_begin_the_wait_anew() -> None:
    made = decided(Policy.CLUSTER, ill(STORAGE, Stop("databroker.sync.initial", 0.0, shareable=True)), HELD)
    assert set(made.excused) == {"storage.backend", "databroker.sync.initial"}
    assert made.held.since == HELD.since


@pytest.mark.parametrize(
    "known",
    [
        ill(STORAGE, started=False),
        ill(STORAGE, MUTE, refuted=True),
        ill(STORAGE, Stop("replica.drain", 0.0)),
        ill(STORAGE, Stop("pomerium.process", 0.0), refuted=True),
        ill(STORAGE, proof=math.inf),
        ill(),
    ],
    ids=["just started", "not serving", "draining", "not alive", "not proven", "blind"],
)
def test_by_cluster_nothing_else_is_held_in(known: Facts) -> None:
    made = decided(Policy.CLUSTER, known)
    assert (made.excused, made.held.inside, made.held.since) == ({}, False, None)


def test_a_replica_that_was_out_never_comes_in_by_a_policy() -> None:
    assert decided(Policy.CLUSTER, ill(STORAGE), Held()).excused == {}


def test_the_wait_begins_by_the_databases_clock_when_the_replica_fell_ill() -> None:
    began = decided(Policy.CLUSTER, ill(STORAGE), INSIDE)
    assert began.held.since == AHEAD + NOW


def test_before_the_first_roster_it_begins_with_that() -> None:
    began = decided(Policy.CLUSTER, ill(STORAGE), Held(inside=True)).held
    assert began.since == math.inf
    assert heard(began, roster(at=NOW + 5), NOW + 5).since == AHEAD + NOW + 5


@pytest.mark.parametrize("by", [-3600.0, 60.0])
def test_where_the_databases_clock_was_set_it_begins_anew(by: float) -> None:
    after = heard(HELD, roster(at=NOW + 5 + by), NOW + 5)
    assert after.since == AHEAD + NOW + 5 + by


def test_a_roster_that_comes_by_a_detour_changes_nothing() -> None:
    after = heard(HELD, roster(at=NOW + 4.7), NOW + 5)
    assert (after.since, after.ahead) == (HELD.since, AHEAD)


def components(**findings: Finding | None) -> StatusMap:
    """A started replica that serves, and these findings beside; each had passed before."""
    ids = {
        **dict.fromkeys(PROOFS, passed("fine")),
        **{id_.replace("_", "."): one for id_, one in findings.items()},
    }
    gates = {"pomerium.process": Gate.LIVE, "envoy.server": Gate.LIVE}
    return StatusMap(
        {
            id_: Component(
                id_,
                gates.get(id_, Gate.READY),
                measures=True,
                measured=one,
                checked=90.0,
                since=80.0,
                proven=True,
            )
            for id_, one in ids.items()
        }
    )


def grounds(status: StatusMap, known: Mapping[str, float] | None = None) -> Facts:
    return facts(status, witnessed(known or {}, status), started=True, now=100.0)


def bad(cause: str) -> Finding:
    return failed(cause, "it fails", SEEN)


@pytest.mark.parametrize(
    ("id_", "cause", "config"),
    [
        ("xds_listener", "rejected", True),
        ("xds_listener", "port-taken", True),
        ("xds_listener", "shared-port", False),
        ("xds_listener", "not-listening", False),
        ("config_databroker_build", "removed-option", True),
        ("xds_cluster", "rejected", True),
        ("storage_backend", "unreachable", False),
    ],
)
def test_a_fault_of_a_new_configuration_is_told_from_others(id_: str, cause: str, config: bool) -> None:
    known = grounds(components(**{id_: bad(cause)}))
    assert [(stop.config, stop.shareable, stop.age) for stop in known.stops] == [(config, True, 20.0)]
    assert (known.proof, known.refuted) == (10.0, False)


def test_what_this_process_had_never_accepted_is_no_old_configuration() -> None:
    status = components(xds_listener=bad("rejected"))
    new = status.with_component(replace(status.components["xds.listener"], proven=False))
    assert [stop.config for stop in grounds(new).stops] == [False]


@pytest.mark.parametrize(
    ("id_", "finding"),
    [
        ("replica.drain", bad(DRAINING)),
        ("proxy.service", bad("no-answer")),
        ("authorize.service", bad("no-answer")),
        ("envoy.server", bad("hung")),
        ("storage.backend", bad(DRAINING)),
    ],
)
def test_a_drain_liveness_and_the_service_itself_are_nobody_elses_fault(id_: str, finding: Finding) -> None:
    known = grounds(components(**{id_.replace(".", "_"): finding}))
    assert [(stop.config, stop.shareable) for stop in known.stops] == [(False, False)]


@pytest.mark.parametrize("id_", ["proxy.service", "authorize.service", "envoy.server"])
def test_a_part_that_is_only_reported_or_not_seen_proves_nothing(id_: str) -> None:
    status = components(storage_backend=bad("unreachable"))
    told = replace(status.components[id_], measures=False, measured=None, reported=Report("RUNNING"))
    assert grounds(status.with_component(told)).refuted


def test_a_replica_without_the_authorize_service_serves_by_that_of_others() -> None:
    status = components(storage_backend=bad("unreachable"))
    elsewhere = replace(status.components["authorize.service"], measured=not_applicable("elsewhere"))
    assert not grounds(status.with_component(elsewhere)).refuted
    proxyless = replace(status.components["proxy.service"], measured=not_applicable("elsewhere"))
    assert grounds(status.with_component(proxyless)).refuted


def test_an_answer_that_is_given_once_more_is_as_old_as_it_was() -> None:
    status = components(storage_backend=bad("unreachable"))
    kept = replace(status.components["proxy.service"], measured=replace(passed("fine"), again=540.0))
    assert grounds(status.with_component(kept), {"proxy.service": 40.0}).proof == 60.0
    assert grounds(status.with_component(kept)).proof == math.inf


def test_a_warning_stops_nothing_and_a_part_that_is_looked_at_again_proves_nothing_yet() -> None:
    assert grounds(components(storage_backend=warned("slow", "slow", SEEN))).sound
    again = grounds(components(proxy_service=None))
    assert [(stop.anew, stop.shareable) for stop in again.stops] == [(True, True)]
    assert (again.proof, again.refuted) == (math.inf, False)


def test_what_is_excused_stops_nothing_and_strictly_all_of_it() -> None:
    status = components(storage_backend=bad("unreachable"))
    excused = excusing(status, {"storage.backend": "all share it"})
    assert (status.ready, excused.ready) == (False, True)
    assert excused.components["storage.backend"].gate is Gate.ALERT
    assert strict(excused).components == status.components
    assert excusing(excused, {"storage.backend": "all share it"}) is excused
