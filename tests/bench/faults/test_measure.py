"""The benchmark of faults cannot lie: what is not told, told wrongly or not forgotten is a wrong verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.faults.catalogue import chosen
from bench.faults.measure import Theatre, measure
from bench.faults.round import Limits, Own, Round
from bench.faults.table import rendered
from bench.faults.watch import REFUSED
from pomhealth.demo.errors import DemoError
from pomhealth.demo.faults import FAULTS, Fault
from pomhealth.demo.stage import Stage

SOON = Limits(told=3.0, healed=30.0)
STOP = FAULTS["postgres-stop"]


@pytest.fixture(scope="module")
def theatre() -> Iterator[Theatre]:
    one = Theatre()
    yield one
    one.close()


def wrong(theatre: Theatre, fault: Fault, limits: Limits = SOON) -> str:
    """The one line that is said of a round without a result."""
    measured, lines = measure([fault], limits, rounds=1, theatre=theatre)
    assert not measured[fault]
    (line,) = lines
    return line


def nothing(_stage: Stage) -> str:
    return "did nothing"


def test_a_fault_that_is_told_and_forgotten_is_measured(theatre: Theatre) -> None:
    measured, lines = measure([STOP], Limits(), rounds=1, theatre=theatre)
    assert not lines
    (one,) = measured[STOP]
    assert min(one.told, one.rightly) > 0
    assert one.own is None


def test_a_fault_that_is_none_is_a_wrong_verdict(theatre: Theatre) -> None:
    line = wrong(theatre, replace(STOP, make=nothing))
    assert "not told within 3 s: wanted /readyz 503, storage.backend: refused" in line
    assert line.endswith("last seen: /readyz 200, no alerts")


def test_another_cause_is_a_wrong_verdict(theatre: Theatre) -> None:
    assert "last seen: /readyz 503, storage.backend: refused (fail)" in wrong(
        theatre, replace(STOP, cause="timeout")
    )


def test_traffic_stopped_by_what_is_only_to_be_told_is_a_wrong_verdict(theatre: Theatre) -> None:
    assert "wanted /readyz 200" in wrong(theatre, replace(STOP, stops=False))


def test_a_fault_that_stands_after_it_was_undone_is_a_wrong_verdict_and_ends_the_stage() -> None:
    theatre = Theatre()
    try:
        before = theatre.ready()[0]
        line = wrong(theatre, replace(STOP, undo=nothing), replace(SOON, healed=2.0))
        assert "not forgotten within 2 s: /readyz 503, storage.backend: refused (fail)" in line
        assert theatre.ready()[0] is not before
    finally:
        theatre.close()


def test_a_fault_that_cannot_be_made_is_told_and_ends_no_other(theatre: Theatre) -> None:
    def fails(_stage: Stage) -> str:
        raise DemoError("not here")

    broken = replace(STOP, name="broken", make=fails)
    measured, lines = measure([broken, STOP], Limits(), rounds=1, theatre=theatre)
    assert lines == ["BROKEN broken: DemoError: not here"]
    assert measured[STOP]


def test_a_median_over_its_budget_is_marked_and_the_worst_alone_is_not() -> None:
    slow = Round(told=0.5, rightly=0.6, healed=0.1, own=Own(200, 20.0))
    fast = replace(slow, told=0.1)
    assert "!0.50" in rendered({STOP: [slow, slow, fast]})
    assert "!" not in rendered({STOP: [slow, fast, fast]}).splitlines()[1]


def test_the_table_of_every_fault_fits_a_page() -> None:
    slowest = Round(told=75.25, rightly=75.25, healed=75.25, own=Own(REFUSED, 10.0))
    lines = rendered({fault: [slowest] for fault in chosen()}).splitlines()
    assert max(map(len, lines)) <= 120


def test_every_fault_of_the_demo_is_measured() -> None:
    assert {fault.name for fault in chosen()} >= set(FAULTS)
    assert [fault.name for fault in chosen(["bad-config", "envoy-kill"])] == ["envoy-kill", "bad-config"]
    with pytest.raises(DemoError, match="there is no fault 'nonsense'"):
        chosen(["nonsense"])
