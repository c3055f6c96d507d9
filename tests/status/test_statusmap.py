"""What a map of components means: readiness, liveness, roots and what follows them."""

from __future__ import annotations

import random

import pytest

from pomhealth.status import (
    Finding,
    Gate,
    Outcome,
    Report,
    StatusMap,
    blocked,
    failed,
    forget,
    not_applicable,
    observe,
    passed,
    report,
    restarted,
    unseen,
    warned,
)
from tests.findings import SEEN
from tests.status.maps import make, measured, seen

GOOD = passed("fine")
BAD = failed("refused", "refused", SEEN)


def chain() -> StatusMap:
    """main <- envoy <- listener, and storage beside them."""
    return make(
        measured("main", Gate.LIVE),
        measured("envoy", Gate.LIVE, ("main",)),
        measured("listener", Gate.READY, ("envoy",)),
        measured("storage"),
    )


def well() -> StatusMap:
    return seen(chain(), main=GOOD, envoy=GOOD, listener=GOOD, storage=GOOD)


def ids(entries: tuple[object, ...]) -> list[str]:
    return [entry.id for entry in entries]  # type: ignore[attr-defined]


def test_everything_well_is_ready_and_live() -> None:
    assert well().ready
    assert well().live
    assert well().looked


def test_what_has_not_been_looked_at_keeps_it_from_being_ready_but_not_from_being_live() -> None:
    status = seen(chain(), main=GOOD)
    assert not status.ready
    assert not status.looked
    assert status.live


@pytest.mark.parametrize(
    ("gate", "ready", "live"),
    [(Gate.LIVE, False, False), (Gate.READY, False, True), (Gate.ALERT, True, True)],
)
def test_a_failure_stops_what_its_gate_says(gate: Gate, ready: bool, live: bool) -> None:
    status = seen(make(measured("one", gate), measured("other")), one=BAD, other=GOOD)
    assert (status.ready, status.live) == (ready, live)


@pytest.mark.parametrize(
    "finding", [warned("late", "late", SEEN), unseen("no right"), not_applicable("none")]
)
def test_a_warning_what_cannot_be_seen_and_what_does_not_apply_stop_nothing(finding: Finding) -> None:
    status = seen(make(measured("one", Gate.LIVE), measured("other")), one=finding, other=GOOD)
    assert status.ready
    assert status.live
    assert status.looked


def test_where_nothing_at_all_can_be_seen_it_is_not_ready_yet_live() -> None:
    status = seen(
        make(measured("one", Gate.LIVE), measured("told", Gate.ALERT)), one=unseen("no right"), told=GOOD
    )
    assert status.blind
    assert not status.ready
    assert status.live
    assert ids(status.stopping(Gate.LIVE, Gate.READY)) == ["one"]


def test_a_map_of_nothing_is_not_ready() -> None:
    assert not StatusMap().ready


def test_a_fault_is_one_finding_at_its_root() -> None:
    status = seen(well(), 2.0, main=BAD)
    status = seen(status, 3.0, envoy=BAD, listener=BAD)
    assert ids(status.alerts()) == ["main"]
    assert ids(status.stopping(Gate.LIVE, Gate.READY)) == ["main"]
    entries = status.entries
    assert entries["envoy"].outcome is entries["listener"].outcome is Outcome.SKIPPED
    assert entries["listener"].blocked_by == "main"
    assert set(entries["main"].followers) == {"envoy", "listener"}


def test_what_passed_only_before_its_root_failed_says_nothing_now() -> None:
    status = seen(well(), 2.0, envoy=BAD)
    assert status.entries["listener"].blocked_by == "envoy"


def test_what_passes_though_its_root_has_failed_goes_on_saying_so() -> None:
    status = seen(seen(well(), 2.0, envoy=BAD), 3.0, listener=GOOD)
    assert status.entries["listener"].outcome is Outcome.PASS


def test_a_failure_beside_the_root_is_one_of_its_own() -> None:
    status = seen(well(), 2.0, envoy=BAD, storage=BAD)
    assert set(ids(status.alerts())) == {"envoy", "storage"}


def test_a_root_that_cannot_be_seen_hides_nothing() -> None:
    status = seen(well(), 2.0, envoy=unseen("no right"), listener=BAD)
    assert ids(status.alerts()) == ["listener"]


def test_a_follower_keeps_its_own_words_in_what_is_said_of_it() -> None:
    status = seen(well(), 2.0, envoy=BAD, listener=failed("rejected", "its certificate is broken", SEEN))
    finding = status.entries["listener"].finding
    assert finding is not None
    assert "its certificate is broken" in finding.summary


def test_a_look_that_found_itself_blocked_follows_the_topmost_failure() -> None:
    status = seen(well(), 2.0, envoy=BAD, storage=blocked("listener", "no listener"))
    assert status.entries["storage"].blocked_by == "envoy"


def test_two_that_name_one_another_leave_the_one_that_fails_as_the_root() -> None:
    status = make(measured("proxy"), measured("authorize", needs=("proxy",)))
    status = seen(status, proxy=blocked("authorize", "503"), authorize=BAD)
    assert ids(status.alerts()) == ["authorize"]
    assert status.entries["proxy"].blocked_by == "authorize"
    assert not status.ready


def test_a_failure_is_not_hidden_by_what_is_blocked_without_any_failure() -> None:
    status = make(measured("proxy"), measured("below", needs=("proxy",)), measured("authorize"))
    status = seen(status, proxy=blocked("authorize", "503"), authorize=GOOD, below=BAD)
    assert ids(status.alerts()) == ["below"]
    status = seen(status, proxy=blocked("elsewhere", "503"))
    assert ids(status.alerts()) == ["below"]


def test_a_check_blocked_by_itself_is_no_endless_question() -> None:
    assert seen(make(measured("a")), a=blocked("a", "?")).entries["a"].outcome is Outcome.SKIPPED


def test_what_does_not_apply_follows_no_root() -> None:
    status = seen(well(), 2.0, envoy=BAD, listener=not_applicable("no listener here"))
    assert status.entries["listener"].blocked_by == ""
    assert not status.entries["listener"].applies


def test_a_need_that_is_not_in_the_map_is_no_root() -> None:
    status = seen(make(measured("listener", needs=("envoy",))), listener=BAD)
    assert ids(status.alerts()) == ["listener"]


def test_alerts_come_worst_first_and_warnings_last() -> None:
    status = make(
        measured("told", Gate.ALERT),
        measured("late", Gate.LIVE),
        measured("ready"),
        measured("live", Gate.LIVE),
        measured("older"),
    )
    status = seen(status, 2.0, late=warned("late", "late", SEEN), told=BAD, ready=BAD, live=BAD)
    status = seen(status, 1.0, older=BAD)
    assert ids(status.alerts()) == ["live", "older", "ready", "told", "late"]


def test_an_excluded_check_stops_nothing() -> None:
    status = seen(well(), 2.0, storage=BAD)
    assert not status.stopping(Gate.LIVE, Gate.READY, exclude=["storage"])


def test_to_exclude_a_root_excuses_nothing_that_follows_it() -> None:
    status = seen(well(), 2.0, envoy=BAD)
    assert ids(status.stopping(Gate.LIVE, Gate.READY)) == ["envoy"]
    assert ids(status.stopping(Gate.LIVE, Gate.READY, exclude=["envoy"])) == ["listener"]


def test_since_is_when_outcome_and_cause_began_and_checked_is_the_last_look() -> None:
    status = seen(
        seen(seen(well(), 2.0, storage=BAD), 3.0, storage=BAD), 4.0, storage=failed("timeout", "slow", SEEN)
    )
    assert (status.components["storage"].since, status.components["storage"].checked) == (4.0, 4.0)
    again = seen(status, 5.0, storage=failed("timeout", "slower", SEEN))
    assert (again.components["storage"].since, again.components["storage"].checked) == (4.0, 5.0)


def test_what_has_passed_is_proven_until_the_replica_restarts() -> None:
    status = seen(well(), 2.0, storage=BAD)
    assert status.components["storage"].proven
    after = restarted(status, [], at=3.0)
    assert not after.components["storage"].proven
    assert after.components["storage"].measured == BAD


def test_after_a_restart_the_old_report_counts_no_more() -> None:
    said = {"storage": Report("RUNNING"), "told": Report("RUNNING"), "new": Report("RUNNING")}
    after = restarted(report(well(), said, {}, at=2.0), ["told"], at=3.0)
    assert after.components["storage"].reported is None
    assert after.entries["told"].pending
    assert "new" not in after.components


def test_an_unknown_id_of_the_report_joins_gated_as_pomerium_gates_it() -> None:
    said = {"new.required": Report("RUNNING", required=True), "new.told": Report("RUNNING")}
    status = report(well(), said, {}, at=2.0)
    assert status.components["new.required"].gate is Gate.READY
    assert status.components["new.told"].gate is Gate.ALERT


def test_the_operator_gates_an_unknown_id() -> None:
    status = report(well(), {"new": Report("RUNNING", required=True)}, {"new": Gate.ALERT}, at=2.0)
    assert status.components["new"].gate is Gate.ALERT


def test_an_unknown_id_leaves_when_nobody_reports_it_any_more() -> None:
    status = report(well(), {"new": Report("RUNNING")}, {}, at=2.0)
    assert "new" not in report(status, {}, {}, at=3.0).components


def test_a_measured_id_stays_when_it_is_not_reported_any_more() -> None:
    status = report(well(), {"storage": Report("RUNNING")}, {}, at=2.0)
    after = report(status, {}, {}, at=3.0)
    assert after.components["storage"].reported is None
    assert after.entries["storage"].outcome is Outcome.PASS


def test_a_report_does_not_pass_for_a_look() -> None:
    status = report(well(), {"storage": Report("RUNNING")}, {}, at=9.0)
    assert status.components["storage"].checked == 1.0


def test_forgetting_a_finding_leaves_it_to_be_looked_at() -> None:
    status = forget(well(), ["storage"], at=2.0)
    assert status.entries["storage"].pending
    assert not status.ready


def test_a_map_is_never_changed_only_made_anew() -> None:
    before = well()
    observe(before, "storage", BAD, at=2.0)
    report(before, {"storage": Report("RUNNING", error="broken")}, {}, at=2.0)
    assert before.ready


@pytest.mark.parametrize("seed", range(20))
def test_what_is_kept_from_the_map_before_is_what_would_be_worked_out_anew(seed: int) -> None:
    chance = random.Random(seed)
    status = chain()
    findings = [
        GOOD,
        GOOD,
        GOOD,
        BAD,
        unseen("no right"),
        not_applicable("none"),
        blocked("storage", "after it"),
    ]
    for at in range(60):
        status = observe(
            status, chance.choice(list(status.components)), chance.choice(findings), at=float(at)
        )
        assert status.entries == StatusMap(status.components).entries
