"""The board: the one place of state."""

from __future__ import annotations

from dataclasses import replace

from pomhealth.agent.board import Board
from pomhealth.replica.model import Process, Replica
from pomhealth.status import (
    Change,
    Evidence,
    Gate,
    Outcome,
    Report,
    failed,
    passed,
    unseen,
)
from tests.agent.little import BAD, GOOD, SILENT, Probe, check, plan

REPLICA = Replica(main=Process(1, 1, 0, 0))


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def board() -> Board:
    """One measured check that gates liveness, one that follows it, one that only the replica reports."""
    made = plan(
        (check("root", gate=Gate.LIVE), Probe()),
        (check("below", needs=("root",)), Probe()),
        (check("told", interval=0.0), None),
    )
    return Board(made, clock=Clock())


def well() -> Board:
    one = board()
    one.found(REPLICA, another=True)
    one.observe("root", GOOD, at=one.now())
    one.observe("below", GOOD, at=one.now())
    one.report({"told": Report("RUNNING", required=True)}, lacking="not reported")
    return one


def outcome(one: Board, id_: str) -> str:
    return one.status.entries[id_].outcome.value


def test_nothing_is_ready_or_started_before_everything_has_been_looked_at() -> None:
    one = board()
    one.observe("root", GOOD, at=one.now())
    one.observe("below", GOOD, at=one.now())
    assert (one.status.ready, one.started) == (False, False)
    one.report({"told": Report("RUNNING", required=True)}, lacking="not reported")
    assert (one.status.ready, one.started) == (True, True)


def test_what_the_replica_does_not_report_cannot_be_seen() -> None:
    one = board()
    one.report({}, lacking="Pomerium 0.31 does not report it")
    finding = one.status.entries["told"].finding
    assert finding is not None
    assert finding.summary == "Pomerium 0.31 does not report it"
    assert list(one.status.components) == ["root", "below", "told"]


def test_started_stays_through_a_fault_and_ends_with_the_replica() -> None:
    one = well()
    one.observe("root", BAD, at=one.now())
    assert one.started
    one.found(replace(REPLICA, main=Process(2, 2, 0, 0)), another=True)
    assert not one.started


def test_after_a_restart_it_has_started_once_everything_has_been_looked_at_anew() -> None:
    one = well()
    one.found(replace(REPLICA, main=Process(2, 2, 0, 0)), another=True)
    assert outcome(one, "root") == "pass"  # what was found stands until the new look
    assert outcome(one, "told") == "unknown"
    one.observe("root", GOOD, at=one.now())
    one.report({"told": Report("RUNNING", required=True)}, lacking="")
    assert not one.started
    one.observe("below", GOOD, at=one.now())
    assert one.started


def test_a_new_configuration_of_the_same_replica_does_not_start_it_anew() -> None:
    one = well()
    one.found(REPLICA, another=False)
    assert one.started
    assert one.status.ready


def test_it_has_not_started_while_something_that_gates_liveness_fails() -> None:
    one = board()
    one.observe("root", BAD, at=one.now())
    one.observe("below", GOOD, at=one.now())
    one.report({"told": Report("RUNNING")}, lacking="")
    assert not one.started


def test_one_silence_changes_nothing_and_two_do() -> None:
    one = well()
    assert one.observe("below", SILENT, at=one.now()).against == 1
    assert outcome(one, "below") == "pass"
    one.observe("below", SILENT, at=one.now())
    assert outcome(one, "below") == "fail"


def test_a_silence_that_does_not_count_does_not_pass_for_a_look() -> None:
    one = well()
    before = one.status.components["below"].checked
    one.observe("below", SILENT, at=one.now())
    assert one.status.components["below"].checked == before


def test_secrets_are_taken_out_of_every_text_before_it_is_kept() -> None:
    one = board()
    one.redact_with(lambda text: text.replace("hunter2", "[redacted]"))
    finding = failed(
        "refused",
        "hunter2",
        Evidence("hunter2", "hunter2", "hunter2"),
        steps=("hunter2",),
        attributes=(("k", "hunter2"),),
    )
    one.observe("root", finding, at=one.now())
    one.report({"told": Report("RUNNING", "hunter2", (("k", "hunter2"),))}, lacking="")
    assert "hunter2" not in repr((one.status, one.history))


def test_when_the_report_falls_silent_what_only_it_tells_of_cannot_be_seen() -> None:
    one = well()
    one.unreported("28080 refuses connections")
    assert one.status.entries["told"].unobserved
    assert one.status.ready
    one.report({"told": Report("RUNNING", "broken", required=True)}, lacking="")
    assert outcome(one, "told") == "fail"


def test_a_check_of_the_replicas_own_comes_and_goes_with_its_report() -> None:
    one = well()
    one.report({"told": Report("RUNNING"), "new": Report("RUNNING")}, lacking="")
    assert outcome(one, "new") == "pass"
    one.report({"told": Report("RUNNING")}, lacking="")
    assert "new" not in one.status.components


def test_where_nothing_can_be_looked_at_it_is_not_ready_and_not_dead() -> None:
    one = well()
    one.unobserved("two replicas run here")
    assert not one.status.ready
    assert one.status.live
    assert one.status.blind


def test_every_change_is_told_to_every_listener_until_it_leaves() -> None:
    one = board()
    heard: list[tuple[Change, ...]] = []
    leave = one.subscribe(heard.append)
    one.observe("root", GOOD, at=one.now())
    assert [change.id for change in heard[-1]] == ["root"]
    leave()
    one.observe("root", BAD, at=one.now())
    assert len(heard) == 1


def test_the_history_is_bounded() -> None:
    one = board()
    for _ in range(200):
        one.observe("root", BAD, at=one.now())
        one.observe("root", GOOD, at=one.now())
    assert len(one.history) == 100


def test_what_followed_a_root_is_released_in_the_step_in_which_the_root_recovers() -> None:
    one = well()
    released: list[str] = []
    one.on_release = released.extend
    one.observe("root", BAD, at=one.now())
    one.observe("below", BAD, at=one.now())
    one.observe("root", GOOD, at=one.now())
    assert released == ["below"]
    assert one.status.entries["below"].pending
    assert [change.id for change in one.history if change.outcome is Outcome.FAIL] == ["root"]


def test_a_notice_is_kept_until_all_is_well() -> None:
    one = board()
    one.say("two replicas run here")
    assert one.notice == "two replicas run here"
    one.say("")
    assert not one.notice


def test_what_could_not_be_seen_and_now_can_is_told() -> None:
    one = board()
    one.observe("root", unseen("no right"), at=one.now())
    one.observe("root", passed("fine"), at=one.now())
    assert [change.was for change in one.history] == ["", "unknown"]
