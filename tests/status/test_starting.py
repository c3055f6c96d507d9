"""What a replica that starts has not got yet is early; what cannot be for want of time is told at once."""

from __future__ import annotations

import pytest

from pomhealth.status import (
    Component,
    Evidence,
    Finding,
    Gate,
    Outcome,
    Report,
    StatusMap,
    failed,
    observe,
    of_start,
    passed,
    report,
    report_of_start,
    restarted,
)
from pomhealth.status.starting import STARTING

ENVOY = Component("envoy.server", Gate.LIVE, measures=True, needs=("pomerium.process",))
LISTENERS = Component("xds.listener", Gate.READY, measures=True, needs=("envoy.server",))
STORAGE = Component("storage.backend", Gate.READY, measures=True)
PROCESS = Component("pomerium.process", Gate.LIVE, measures=True)
EVIDENCE = Evidence("/proc", "nothing", "something")


def lack(cause: str) -> Finding:
    return failed(cause, "it is not there", EVIDENCE)


@pytest.mark.parametrize(
    ("component", "cause"),
    [
        (ENVOY, "not-running"),
        (ENVOY, "hung"),
        (LISTENERS, "not-listening"),
        (STORAGE, "schema-missing"),
    ],
)
def test_a_lack_at_the_start_is_early_until_its_time_is_over(component: Component, cause: str) -> None:
    found = of_start(lack(cause), component, 1.0)
    assert (found.outcome, found.cause, found.early) == (Outcome.UNKNOWN, "", True)
    assert found.summary == "the replica is starting: it is not there"
    assert of_start(lack(cause), component, STARTING) == lack(cause)


@pytest.mark.parametrize(
    ("component", "cause"),
    [
        (LISTENERS, "port-taken"),
        (LISTENERS, "rejected"),
        (ENVOY, "stopped"),
        (STORAGE, "refused"),
        (PROCESS, "not-running"),
    ],
)
def test_what_no_time_mends_is_told_at_once(component: Component, cause: str) -> None:
    assert of_start(lack(cause), component, 1.0) == lack(cause)


def test_what_has_worked_since_the_start_is_not_starting_any_more() -> None:
    up = observe(StatusMap({ENVOY.id: ENVOY}), ENVOY.id, passed("LIVE"), at=1.0).components[ENVOY.id]
    assert of_start(lack("not-running"), up, 1.0) == lack("not-running")


def test_what_is_early_keeps_a_replica_from_being_ready_and_is_nobodys_alert() -> None:
    status = observe(
        StatusMap({ENVOY.id: ENVOY}), ENVOY.id, of_start(lack("not-running"), ENVOY, 1.0), at=1.0
    )
    assert (status.ready, status.live, status.looked, status.alerts()) == (False, True, False, ())


def test_a_report_without_a_word_is_early_and_one_of_an_error_is_not() -> None:
    silent, error = Report("UNAVAILABLE", required=True), Report("UNKNOWN", "dial error", required=True)
    assert report_of_start(silent, LISTENERS, 1.0).early
    assert not report_of_start(silent, LISTENERS, STARTING).early
    assert not report_of_start(error, LISTENERS, 1.0).early


def test_a_report_does_not_prove_what_was_measured_before_the_start() -> None:
    of_old = observe(StatusMap({ENVOY.id: ENVOY}), ENVOY.id, passed("LIVE"), at=1.0)
    after = report(restarted(of_old, (), at=2.0), {ENVOY.id: Report("RUNNING")}, {}, at=3.0)
    assert not after.components[ENVOY.id].proven
    assert observe(after, ENVOY.id, passed("LIVE"), at=4.0).components[ENVOY.id].proven


def test_a_good_report_does_not_outrank_what_is_early() -> None:
    early = of_start(lack("not-listening"), LISTENERS, 1.0)
    both = Component("xds.listener", Gate.READY, measures=True, measured=early, reported=Report("RUNNING"))
    assert both.finding == early
