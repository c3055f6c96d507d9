"""A joint check: a failing report counts beside a measurement that found nothing wrong, once it has stood long enough."""

from __future__ import annotations

from pomhealth.status import (
    Component,
    Finding,
    Gate,
    Outcome,
    Report,
    StatusMap,
    observe,
    passed,
    report,
    unseen,
)

ID = "zero.connect"
WELL = Report("RUNNING")
ILL = Report("RUNNING", error="receive: EOF")


def the_map(measured: Finding, *, patience: float = 20.0) -> StatusMap:
    one = Component(ID, Gate.ALERT, measures=True, joint=True, patience=patience)
    return observe(StatusMap({ID: one}), ID, measured, at=0.0)


def told(status: StatusMap, said: Report, *, at: float) -> StatusMap:
    return report(status, {ID: said}, {}, at=at)


def outcome(status: StatusMap) -> Outcome:
    return status.entries[ID].outcome


def test_a_failing_report_counts_once_it_has_stood_for_the_checks_patience() -> None:
    status = told(the_map(passed("well")), ILL, at=100.0)
    assert outcome(status) is Outcome.PASS
    assert status.components[ID].contradicted
    status = told(status, ILL, at=119.0)
    assert outcome(status) is Outcome.PASS
    status = told(status, ILL, at=120.0)
    assert outcome(status) is Outcome.FAIL
    assert status.components[ID].since == 120.0
    assert status.entries[ID].finding == status.components[ID].finding
    status = told(status, WELL, at=121.0)
    assert outcome(status) is Outcome.PASS


def test_an_error_that_passes_again_and_again_never_counts() -> None:
    status = the_map(passed("well"))
    for moment in range(0, 3600, 10):
        status = told(status, ILL if moment % 20 else WELL, at=float(moment))
        assert outcome(status) is Outcome.PASS


def test_a_young_error_leaves_open_what_was_not_seen() -> None:
    status = told(the_map(unseen("no right")), ILL, at=100.0)
    assert outcome(status) is Outcome.UNKNOWN
    assert outcome(told(status, ILL, at=130.0)) is Outcome.FAIL


def test_patience_begins_anew_after_a_report_that_did_not_come() -> None:
    status = told(the_map(passed("well")), ILL, at=100.0)
    status = report(status, {}, {}, at=110.0)
    assert outcome(told(status, ILL, at=125.0)) is Outcome.PASS


def test_without_patience_a_failing_report_counts_at_once() -> None:
    assert outcome(told(the_map(passed("well"), patience=0.0), ILL, at=100.0)) is Outcome.FAIL
