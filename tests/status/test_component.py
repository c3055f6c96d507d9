"""Two sources, one answer."""

from __future__ import annotations

import pytest

from pomhealth.status import (
    Component,
    Gate,
    Outcome,
    Report,
    blocked,
    failed,
    not_applicable,
    passed,
    unseen,
)
from tests.findings import SEEN

WELL = Report("RUNNING")
ILL = Report("RUNNING", error="broken", required=True)


def component(**values: object) -> Component:
    return Component("storage.backend", Gate.READY, **values)  # type: ignore[arg-type]


def outcome(one: Component) -> Outcome | None:
    return one.finding.outcome if one.finding else None


@pytest.mark.parametrize("reported", [WELL, ILL])
@pytest.mark.parametrize("measured", [passed("fine"), failed("refused", "refused", SEEN)])
def test_a_measurement_outranks_a_report(measured: object, reported: Report) -> None:
    assert component(measures=True, measured=measured, reported=reported).finding == measured


def test_a_failing_report_counts_where_nothing_can_be_measured() -> None:
    one = component(measures=True, measured=unseen("no right"), reported=ILL)
    assert one.finding is not None
    assert (one.finding.outcome, one.finding.cause) == (Outcome.FAIL, "reported")
    assert "broken" in one.finding.summary


def test_a_good_report_stands_in_where_nothing_can_be_measured() -> None:
    assert outcome(component(measures=True, measured=unseen("no right"), reported=WELL)) is Outcome.PASS


@pytest.mark.parametrize("reported", [WELL, ILL])
def test_what_is_measured_stays_open_until_the_first_look_whatever_the_report_says(reported: Report) -> None:
    assert component(measures=True, reported=reported).finding is None


def test_a_report_is_all_there_is_of_what_is_not_measured() -> None:
    assert outcome(component(reported=WELL)) is Outcome.PASS
    assert outcome(component(reported=ILL)) is Outcome.FAIL


def test_an_entry_that_runs_with_an_error_fails() -> None:
    assert not Report("RUNNING", error="broken").healthy


def test_what_the_replica_requires_and_does_not_report_fails() -> None:
    assert outcome(component(reported=Report("UNAVAILABLE", required=True))) is Outcome.FAIL


def test_what_it_does_not_require_and_says_nothing_of_is_not_seen() -> None:
    assert outcome(component(reported=Report("UNKNOWN"))) is Outcome.UNKNOWN


def test_a_part_that_is_ending_fails() -> None:
    assert outcome(component(reported=Report("TERMINATING"))) is Outcome.FAIL


def test_the_cause_of_a_failing_report_is_the_checks_own() -> None:
    one = component(reported=ILL, report_cause="rejected")
    assert one.finding is not None
    assert one.finding.cause == "rejected"


def test_a_report_that_says_otherwise_contradicts() -> None:
    assert component(measured=failed("refused", "refused", SEEN), reported=WELL).contradicted
    assert component(measured=passed("fine"), reported=ILL).contradicted
    assert not component(measured=passed("fine"), reported=WELL).contradicted
    assert not component(measured=failed("refused", "refused", SEEN), reported=ILL).contradicted


@pytest.mark.parametrize("finding", [None, unseen("no right"), not_applicable("none"), blocked("x", "x")])
def test_only_a_measurement_can_be_contradicted(finding: object) -> None:
    assert not component(measured=finding, reported=ILL).contradicted
