"""The board: the one place of state."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pomhealth.agent.board import Board
from pomhealth.clock import Clock as Steady
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
    void,
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


class Walls:
    """A wall clock that the test sets, beside a steady one that it lets pass."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.set = 1_000_000.0

    def wall(self) -> float:
        return self.set + self.passed

    def steady(self) -> float:
        return 50.0 + self.passed


def stepped(walls: Walls, one: Board, clock: Steady, by: float) -> None:
    """The wall clock is set, and the agent's tick notices."""
    walls.set += by
    one.shift(clock.step())


def by_the_wall(patience: float = 0.0) -> tuple[Board, Walls, Steady]:
    walls = Walls()
    clock = Steady(walls.wall, walls.steady)
    made = plan(
        (check("root", gate=Gate.LIVE), Probe()),
        (check("below", needs=("root",)), Probe()),
        (check("told", interval=0.0, patience=patience), None),
    )
    one = Board(made, clock=clock)
    one.found(REPLICA, another=True)
    for id_ in ("root", "below"):
        one.observe(id_, GOOD, at=one.now())
    one.report({"told": Report("RUNNING", required=True)}, lacking="not reported")
    return one, walls, clock


STEPS = pytest.mark.parametrize("by", [3600.0, -3600.0])


def test_the_boards_clock_does_not_step_with_the_wall_clock() -> None:
    one, walls, _ = by_the_wall()
    before = one.now()
    walls.set += 3600
    assert one.now() == before


def test_the_clock_is_set_once_by_a_step_and_not_by_what_ntp_slews() -> None:
    walls = Walls()
    clock = Steady(walls.wall, walls.steady)
    walls.set += 0.9
    assert clock.step() == 0
    walls.set -= 10
    assert clock.step() == pytest.approx(-9.1)
    assert clock.step() == 0
    assert clock() == pytest.approx(walls.wall())


@STEPS
def test_a_standing_failure_keeps_its_place_and_its_length_through_a_step(by: float) -> None:
    one, walls, clock = by_the_wall()
    walls.passed = 10
    one.observe("root", BAD, at=one.now())
    walls.passed = 40
    stepped(walls, one, clock, by)
    entry = one.status.entries["root"]
    assert one.now() - entry.component.since == pytest.approx(30)
    assert entry.followers == ("below",)
    assert one.status.stopping(Gate.LIVE) == (entry,)
    assert [change.id for change in one.history if change.outcome is Outcome.FAIL] == ["root"]
    walls.passed = 70
    one.observe("root", GOOD, at=one.now())
    assert one.history[-1].lasted == pytest.approx(60)
    assert one.history[-1].at - one.history[-2].at == pytest.approx(60)


@STEPS
def test_a_step_hides_nothing_below_a_root_and_shows_nothing(by: float) -> None:
    """What was looked at after its root failed says so for itself, before the step and after it."""
    one, walls, clock = by_the_wall()
    walls.passed = 10
    one.observe("root", BAD, at=one.now())
    walls.passed = 11
    one.observe("below", GOOD, at=one.now())
    before = {id_: (entry.outcome, entry.blocked_by) for id_, entry in one.status.entries.items()}
    stepped(walls, one, clock, by)
    assert {id_: (one.outcome, one.blocked_by) for id_, one in one.status.entries.items()} == before
    walls.passed = 12
    one.observe("below", GOOD, at=one.now())
    assert {id_: (one.outcome, one.blocked_by) for id_, one in one.status.entries.items()} == before


@STEPS
def test_a_report_that_must_fail_for_a_while_counts_after_that_while_whatever_the_clock_is_set_to(
    by: float,
) -> None:
    one, walls, clock = by_the_wall(patience=60)
    broken = {"told": Report("RUNNING", "broken", required=True)}
    one.report(broken, lacking="")
    stepped(walls, one, clock, by)
    walls.passed = 50
    one.report(broken, lacking="")
    assert outcome(one, "told") != "fail"
    walls.passed = 61
    one.report(broken, lacking="")
    assert outcome(one, "told") == "fail"


@STEPS
def test_a_restart_around_a_step_has_started_once_everything_was_looked_at_anew(by: float) -> None:
    one, walls, clock = by_the_wall()
    walls.passed = 10
    one.found(replace(REPLICA, main=Process(2, 2, 0, 0)), another=True)
    walls.passed = 11
    one.observe("root", GOOD, at=one.now())
    one.report({"told": Report("RUNNING", required=True)}, lacking="")
    stepped(walls, one, clock, by)
    assert not one.started
    one.observe("below", GOOD, at=one.now())
    assert one.started


def test_what_was_never_seen_stays_never_seen_through_a_step() -> None:
    one = board()
    one.shift(3600)
    assert {(one.since, one.checked, one.failing_since) for one in one.status.components.values()} == {
        (0, 0, 0)
    }


def test_a_void_look_does_not_pass_for_one_and_three_make_it_unknown_without_an_alert() -> None:
    one = well()
    before = one.status.components["below"]
    late = void("pomhealth itself was 0.8 s late")
    for _ in range(2):
        one.observe("below", late, at=one.now())
    assert one.status.components["below"] == before
    one.observe("below", late, at=one.now())
    assert one.status.entries["below"].unobserved
    assert (one.status.ready, one.status.alerts()) == (True, ())
    one.observe("below", GOOD, at=one.now())
    assert outcome(one, "below") == "pass"


def test_a_void_look_takes_no_failing_root_back_and_releases_nothing() -> None:
    one = well()
    one.observe("root", BAD, at=one.now())
    for _ in range(5):
        one.observe("root", void("pomhealth itself was 0.8 s late"), at=one.now())
    assert (outcome(one, "root"), outcome(one, "below")) == ("fail", "skipped")
