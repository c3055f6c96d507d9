"""What the agent keeps in memory of the last day."""

from __future__ import annotations

from pomhealth.history.memory import Memory
from pomhealth.history.model import Past, Turn, Watch
from pomhealth.history.strip import DAY, HOUR, strip
from pomhealth.status import Gate, Outcome, Report, StatusMap, failed, forget, passed, report, warned
from tests.findings import SEEN
from tests.status.maps import make, measured, seen

GOOD = passed("fine")
BAD = failed("refused", "nothing listens", SEEN)


def pair() -> StatusMap:
    return make(measured("envoy", Gate.LIVE), measured("listener", needs=("envoy",)))


def states(memory: Memory, id_: str, now: float) -> list[tuple[float, str, str]]:
    return [(turn.at, turn.outcome.value, turn.cause) for turn in memory.past(now).turns.get(id_, ())]


def test_every_turn_of_a_check_is_kept_with_its_moment() -> None:
    memory = Memory(0.0)
    well = seen(pair(), envoy=GOOD)
    memory.seen(well, 1.0)
    memory.seen(seen(well, envoy=BAD), 2.0)
    memory.seen(well, 2.003)
    assert states(memory, "envoy", 3.0) == [(1.0, "pass", ""), (2.0, "fail", "refused"), (2.003, "pass", "")]


def test_a_fault_of_milliseconds_shows_in_the_strip() -> None:
    memory = Memory(0.0)
    well = seen(pair(), envoy=GOOD)
    for status, at in ((well, 1.0), (seen(well, envoy=BAD), 3000.0), (well, 3000.003)):
        memory.seen(status, at)
    cells = strip(memory.past(3599.0), "envoy", HOUR, 3599.0)
    assert [place for place, cell in enumerate(cells) if cell.outcome is Outcome.FAIL] == [50]


def test_a_look_that_finds_the_same_in_other_words_is_no_turn() -> None:
    memory = Memory(0.0)
    well = seen(pair(), envoy=GOOD)
    assert memory.seen(well, 1.0)
    assert memory.seen(seen(well, 2.0, envoy=passed("other words")), 2.0) == ()


def test_another_cause_is_a_turn() -> None:
    memory = Memory(0.0)
    memory.seen(seen(pair(), envoy=warned("old", "old", SEEN)), 1.0)
    turned = memory.seen(seen(pair(), envoy=warned("older", "older", SEEN)), 2.0)
    assert [(turn.id, turn.cause) for turn in turned] == [("envoy", "older")]


def test_what_follows_a_failing_root_turns_to_skipped() -> None:
    memory = Memory(0.0)
    well = seen(pair(), envoy=GOOD, listener=GOOD)
    memory.seen(well, 1.0)
    turned = memory.seen(seen(well, 2.0, envoy=BAD, listener=BAD), 2.0)
    assert {turn.id: turn.outcome for turn in turned} == {"envoy": Outcome.FAIL, "listener": Outcome.SKIPPED}


def test_a_check_that_leaves_the_map_is_skipped_from_then_on_and_may_come_back() -> None:
    memory = Memory(0.0)
    told = report(pair(), {"other": Report("RUNNING")}, {}, at=1.0)
    memory.seen(told, 1.0)
    memory.seen(report(told, {}, {}, at=2.0), 2.0)
    memory.seen(told, 3.0)
    assert states(memory, "other", 4.0) == [(1.0, "pass", ""), (2.0, "skipped", ""), (3.0, "pass", "")]


def test_before_the_first_look_nothing_is_known() -> None:
    memory = Memory(0.0)
    memory.seen(pair(), 1.0)
    assert memory.past(2.0).turns == {}


def test_a_check_that_nobody_looks_at_becomes_unknown() -> None:
    memory = Memory(0.0)
    memory.seen(pair(), 1.0)
    memory.seen(seen(pair(), envoy=GOOD), 7.0)
    assert states(memory, "listener", 8.0) == [(1.0, "unknown", "")]


def test_to_wait_for_a_new_look_for_a_moment_is_no_turn() -> None:
    memory = Memory(0.0)
    well = seen(pair(), envoy=GOOD)
    memory.seen(well, 1.0)
    memory.seen(forget(well, ("envoy",), at=2.0), 2.0)
    memory.seen(well, 2.5)
    memory.seen(well, 60.0)
    assert states(memory, "envoy", 61.0) == [(1.0, "pass", "")]


def test_the_watch_reaches_to_now() -> None:
    assert Memory(5.0).past(9.0).watches == (Watch(5.0, 9.0),)


def test_where_the_agent_did_not_run_a_watch_ends_and_another_begins_with_all_as_it_was() -> None:
    memory = Memory(0.0)
    memory.seen(seen(pair(), envoy=BAD), 1.0)
    turned = memory.begin(100.0, 4000.0)
    assert {(turn.id, turn.at, turn.outcome.value, turn.cause) for turn in turned} == {
        ("envoy", 4000.0, "fail", "refused"),
        ("listener", 4000.0, "skipped", ""),
    }
    assert memory.past(4100.0).watches == (Watch(0.0, 100.0), Watch(4000.0, 4100.0))
    cells = strip(memory.past(4100.0), "envoy", HOUR, 4100.0)
    assert [cell.outcome for cell in cells if cell.begin >= 120 and cell.end <= 3960] == [None] * 57
    assert cells[-1].outcome is Outcome.FAIL


def test_when_the_clock_is_set_everything_moves_with_it() -> None:
    memory = Memory(0.0)
    memory.seen(seen(pair(), envoy=GOOD), 1.0)
    memory.begin(2.0, 3.0)
    memory.shift(1000.0)
    past = memory.past(1004.0)
    assert states(memory, "envoy", 1004.0) == [(1001.0, "pass", ""), (1003.0, "pass", "")]
    assert past.watches == (Watch(1000.0, 1002.0), Watch(1003.0, 1004.0))


def test_what_runs_before_left_stands_before_what_is_seen_now() -> None:
    memory = Memory(100.0)
    memory.seen(seen(pair(), envoy=GOOD), 101.0)
    memory.recall(Past({"envoy": (Turn(1.0, "envoy", Outcome.FAIL, "refused"),)}, (Watch(0.0, 50.0),)))
    assert states(memory, "envoy", 102.0) == [(1.0, "fail", "refused"), (101.0, "pass", "")]
    assert memory.past(102.0).watches == (Watch(0.0, 50.0), Watch(100.0, 102.0))


def test_of_one_check_only_the_newest_turns_are_kept() -> None:
    memory = Memory(0.0, each=5)
    well, ill = seen(pair(), envoy=GOOD), seen(pair(), envoy=BAD)
    for at in range(1, 21):
        memory.seen(ill if at % 2 else well, float(at))
    assert [at for at, _, _ in states(memory, "envoy", 21.0)] == [16.0, 17.0, 18.0, 19.0, 20.0]


def test_what_was_dropped_is_unknown_in_the_strip_and_not_false() -> None:
    memory = Memory(0.0, each=2)
    well, ill = seen(pair(), envoy=GOOD), seen(pair(), envoy=BAD)
    for at, status in ((60.0, well), (120.0, ill), (180.0, well), (240.0, ill)):
        memory.seen(status, at)
    cells = strip(memory.past(300.0), "envoy", HOUR, 300.0)
    assert [cell.outcome for cell in cells[-6:]] == [
        None,
        None,
        None,
        Outcome.PASS,
        Outcome.FAIL,
        Outcome.FAIL,
    ]


def test_of_all_checks_the_oldest_turns_go_first_but_never_the_state_that_stands() -> None:
    memory = Memory(0.0, most=6)
    calm = seen(pair(), listener=GOOD)
    memory.seen(calm, 1.0)
    for at in range(2, 30):
        memory.seen(seen(calm, envoy=BAD if at % 2 else GOOD), float(at))
    past = memory.past(31.0)
    assert sum(map(len, past.turns.values())) == 6
    assert [turn.at for turn in past.turns["listener"]] == [1.0]


def test_a_replica_that_reports_ever_new_checks_does_not_fill_the_memory() -> None:
    memory = Memory(0.0, most=50)
    for at in range(1, 500):
        memory.seen(report(pair(), {f"odd-{at}": Report("RUNNING")}, {}, at=float(at)), float(at))
    assert sum(map(len, memory.past(500.0).turns.values())) <= 50


def test_what_is_older_than_a_day_goes_but_for_the_state_it_left() -> None:
    memory = Memory(0.0)
    well, ill = seen(pair(), envoy=GOOD), seen(pair(), envoy=BAD)
    for at, status in ((1.0, well), (2.0, ill), (3.0, well), (DAY.seconds + 10.0, ill)):
        memory.seen(status, at)
    assert [at for at, _, _ in states(memory, "envoy", DAY.seconds + 11.0)] == [3.0, DAY.seconds + 10.0]


def test_a_long_summary_is_cut() -> None:
    memory = Memory(0.0)
    (turn,) = memory.seen(seen(pair(), envoy=passed("x" * 5000)), 1.0)
    assert len(turn.summary) == 300
