"""The strip of a check: cells of the last hour or day, each with the worst that was seen in it."""

from __future__ import annotations

import math

import pytest

from pomhealth.history.model import Past, Turn, Watch
from pomhealth.history.strip import DAY, HOUR, Cell, Run, Span, runs, strip
from pomhealth.status import Outcome

FOUR = Span(seconds=40, cells=4)  # cells of ten seconds
PASS, WARN, FAIL, UNKNOWN, SKIPPED = (
    Outcome.PASS,
    Outcome.WARN,
    Outcome.FAIL,
    Outcome.UNKNOWN,
    Outcome.SKIPPED,
)


def past(*turns: tuple[float, Outcome] | tuple[float, Outcome, str], watches: object = ((0, 1000),)) -> Past:
    made = tuple(Turn(one[0], "envoy", one[1], one[2] if len(one) > 2 else "") for one in turns)
    return Past({"envoy": made}, tuple(Watch(*one) for one in watches))  # type: ignore[attr-defined]


def told(of: Past, now: float, span: Span = FOUR) -> list[Outcome | None]:
    return [cell.outcome for cell in strip(of, "envoy", span, now)]


def test_the_cells_begin_at_whole_multiples_of_their_length_and_the_last_one_holds_now() -> None:
    cells = strip(past((0, PASS)), "envoy", FOUR, 125)
    assert [(cell.begin, cell.end) for cell in cells] == [(90, 100), (100, 110), (110, 120), (120, 130)]


def test_a_strip_without_trouble_stays_the_same_until_its_last_cell_is_full() -> None:
    of = past((0, PASS))
    assert strip(of, "envoy", FOUR, 120) == strip(of, "envoy", FOUR, 129.999)
    assert strip(of, "envoy", FOUR, 120) != strip(of, "envoy", FOUR, 130)


def test_an_hour_has_a_cell_for_each_minute_and_a_day_one_for_each_half_hour() -> None:
    hour = strip(past(), "envoy", HOUR, 1_700_000_000)
    day = strip(past(), "envoy", DAY, 1_700_000_000)
    assert (len(hour), hour[0].end - hour[0].begin) == (60, 60)
    assert (len(day), day[0].end - day[0].begin) == (48, 1800)


def test_a_check_that_turned_before_the_span_is_in_that_state_all_through_it() -> None:
    assert told(past((3, FAIL, "timeout")), 500) == [FAIL] * 4
    assert strip(past((3, FAIL, "timeout")), "envoy", FOUR, 500)[0].cause == "timeout"


def test_a_check_of_which_nothing_is_known_has_empty_cells() -> None:
    assert told(past(), 500) == [None] * 4
    assert [cell.outcome for cell in strip(Past(), "other", FOUR, 500)] == [None] * 4


def test_before_the_first_turn_that_is_kept_nothing_is_told() -> None:
    assert told(past((115, PASS)), 125) == [None, None, PASS, PASS]


def test_a_cell_tells_the_worst_that_was_so_in_it() -> None:
    order = [FAIL, WARN, UNKNOWN, SKIPPED, PASS]
    for place, worse in enumerate(order):
        for better in order[place:]:
            assert told(past((0, better), (121, worse), (122, better)), 125)[-1] is worse
            assert told(past((0, worse), (121, better)), 125)[-1] is worse


def test_of_equally_bad_states_in_one_cell_the_first_gives_the_cause() -> None:
    of = past((0, PASS), (121, FAIL, "refused"), (122, FAIL, "timeout"))
    assert strip(of, "envoy", FOUR, 125)[-1] == Cell(120, 130, FAIL, "refused")


def test_a_turn_that_lasted_milliseconds_shows_in_its_cell_and_in_no_other() -> None:
    assert told(past((0, PASS), (115, FAIL), (115.003, PASS)), 125) == [PASS, PASS, FAIL, PASS]


def test_a_turn_that_lasted_no_time_at_all_shows() -> None:
    assert told(past((0, PASS), (115, FAIL), (115, PASS)), 125) == [PASS, PASS, FAIL, PASS]


def test_a_state_that_ends_with_a_cell_does_not_reach_into_the_next() -> None:
    assert told(past((0, FAIL), (110, PASS)), 125) == [FAIL, FAIL, PASS, PASS]


def test_the_last_cell_is_told_from_its_first_moment_on() -> None:
    assert told(past((0, PASS), watches=((0, 120),)), 120) == [PASS] * 4


def test_where_nobody_watched_nothing_is_told() -> None:
    of = past((0, PASS), (121, PASS), watches=((0, 100), (120, 125)))
    assert told(of, 125) == [PASS, None, None, PASS]


def test_a_cell_that_was_watched_in_part_tells_what_was_seen() -> None:
    of = past((0, FAIL), (117, PASS), watches=((0, 101), (116, 125)))
    assert told(of, 125) == [FAIL, FAIL, PASS, PASS]


def test_what_was_so_in_one_watch_is_not_carried_into_the_next() -> None:
    of = past((0, FAIL), (121, PASS), watches=((0, 95), (110, 125)))
    assert told(of, 125) == [FAIL, None, None, PASS]


def test_nothing_is_told_after_the_last_watch_has_ended() -> None:
    assert told(past((0, PASS), watches=((0, 105),)), 125) == [PASS, PASS, None, None]


def test_a_turn_that_somebody_saw_counts_though_no_watch_has_its_moment() -> None:
    assert told(past((115, FAIL), watches=((0, 100),)), 125) == [None, None, FAIL, None]


def test_a_watch_that_ends_as_another_begins_hands_over_without_a_gap() -> None:
    of = past((0, PASS), (110, FAIL), watches=((0, 110), (110, 125)))
    assert told(of, 125) == [PASS, PASS, FAIL, FAIL]


def test_when_the_clock_was_set_back_both_times_tell_what_they_saw() -> None:
    of = past((0, PASS), (112, FAIL), (95, PASS), watches=((0, 118), (95, 125)))
    assert told(of, 125) == [PASS, PASS, FAIL, PASS]


def test_what_lies_ahead_on_the_clock_is_not_told() -> None:
    assert told(past((0, PASS), (300, FAIL)), 125) == [PASS] * 4


@pytest.mark.parametrize("now", [0.0, 5.0, -35.0])
def test_the_epoch_itself_is_no_special_moment(now: float) -> None:
    of = past((-100, PASS), watches=((-100, now),))
    assert told(of, now) == [PASS] * 4


def test_a_moment_just_before_a_cell_belongs_to_the_one_before_it() -> None:
    edge = 1_700_000_040.0
    just = math.nextafter(edge, 0)
    of = past((just, FAIL), (edge, PASS), watches=((just, edge + 30),))
    assert told(of, edge + 30, HOUR)[-2:] == [FAIL, PASS]


def test_neighbours_that_tell_the_same_become_one_run() -> None:
    of = past((100, PASS), (111, FAIL, "refused"), (121, FAIL, "timeout"), watches=((100, 125),))
    assert runs(strip(of, "envoy", FOUR, 125)) == (
        Run(90, 100, 1),
        Run(100, 110, 1, PASS),
        Run(110, 130, 2, FAIL, "refused"),
    )


def test_a_strip_without_trouble_is_one_run() -> None:
    assert runs(strip(past((0, PASS), watches=((0, 7199),)), "envoy", HOUR, 7199)) == (
        Run(3600, 7200, 60, PASS),
    )


def test_no_cells_make_no_runs() -> None:
    assert runs(()) == ()
