"""Which changes a person is told of."""

from __future__ import annotations

from collections.abc import Mapping

from pomhealth.status import Change, Gate, Outcome, StatusMap, Told, changes, failed, passed, unseen
from tests.findings import SEEN
from tests.status.maps import make, measured, seen

GOOD = passed("fine")
BAD = failed("refused", "refused", SEEN)


def told(*maps: StatusMap) -> list[Change]:
    """Everything told while the map goes through these states, one a second."""
    last: Mapping[str, Told] = {}
    said: list[Change] = []
    for at, status in enumerate(maps):
        last, turned = changes(last, status, at=float(at))
        said.extend(turned)
    return said


def pair() -> StatusMap:
    return make(measured("envoy", Gate.LIVE), measured("listener", needs=("envoy",)))


def test_nothing_is_told_of_what_has_not_been_looked_at() -> None:
    assert told(pair()) == []


def test_a_look_that_finds_the_same_is_not_told() -> None:
    once = seen(pair(), envoy=GOOD, listener=GOOD)
    assert len(told(once, seen(once, 2.0, envoy=GOOD), seen(once, 3.0, listener=passed("other words")))) == 2


def test_a_turn_tells_what_was_and_how_long() -> None:
    well = seen(pair(), envoy=GOOD)
    ill = seen(well, 2.0, envoy=BAD)
    last = told(well, well, ill)[-1]
    assert (last.id, last.outcome, last.cause, last.was, last.lasted) == (
        "envoy",
        Outcome.FAIL,
        "refused",
        "pass",
        2.0,
    )


def test_another_cause_is_a_change() -> None:
    ill = seen(pair(), envoy=BAD)
    said = told(ill, seen(ill, 2.0, envoy=failed("timeout", "slow", SEEN)))
    assert [(change.cause, change.was) for change in said] == [("refused", ""), ("timeout", "fail: refused")]


def test_a_fault_and_its_end_are_two_changes_however_much_follows() -> None:
    well = seen(pair(), envoy=GOOD, listener=GOOD)
    ill = seen(well, 2.0, envoy=BAD, listener=BAD)
    again = seen(ill, 3.0, listener=GOOD, envoy=GOOD)
    said = told(well, ill, again)
    assert [(change.id, change.outcome.value) for change in said] == [
        ("envoy", "pass"),
        ("listener", "pass"),
        ("envoy", "fail"),
        ("envoy", "pass"),
    ]
    assert said[2].followers == ("listener",)


def test_losing_sight_is_a_change() -> None:
    well = seen(pair(), envoy=GOOD)
    assert told(well, seen(well, 2.0, envoy=unseen("no right")))[-1].outcome is Outcome.UNKNOWN


def test_what_is_out_of_sight_only_while_the_replica_is_down_is_not_told() -> None:
    well = seen(make(measured("envoy", Gate.LIVE), measured("config")), envoy=GOOD, config=GOOD)
    ill = seen(seen(well, 2.0, envoy=BAD), 3.0, config=unseen("no answer"))
    again = seen(ill, 4.0, envoy=GOOD, config=GOOD)
    assert [change.id for change in told(well, ill, again)] == ["envoy", "config", "envoy", "envoy"]
    out_of_sight = seen(ill, 4.0, envoy=GOOD)
    assert [change.id for change in told(well, ill, out_of_sight)][-2:] == ["envoy", "config"]
