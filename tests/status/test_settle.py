"""When a look counts."""

from __future__ import annotations

import pytest

from pomhealth.status import Finding, Streak, Thresholds, failed, passed, settle, unseen, void, warned
from tests.findings import SEEN

GOOD = passed("fine")
HARD = failed("refused", "refused", SEEN)
SILENT = failed("timeout", "no answer", SEEN, silent=True)
VOID = void("pomhealth itself was late")


def after(*looks: Finding, fall: int = 2, rise: int = 2) -> Streak:
    streak = Streak()
    for look in looks:
        streak = settle(streak, look, Thresholds(fall, rise))
    return streak


@pytest.mark.parametrize("first", [GOOD, HARD, warned("late", "late", SEEN), unseen("no right")])
def test_the_first_look_counts_at_once_unless_it_is_silence(first: Finding) -> None:
    assert after(first) == Streak(first)


def test_a_first_silence_leaves_it_open_and_a_second_counts() -> None:
    assert after(SILENT) == Streak(None, 1)
    assert after(SILENT, SILENT) == Streak(SILENT)


def test_hard_evidence_counts_at_once_either_way() -> None:
    assert after(GOOD, HARD) == Streak(HARD)
    assert after(GOOD, HARD, GOOD) == Streak(GOOD)


def test_one_silence_does_not_count_and_is_forgotten_when_the_next_look_is_good() -> None:
    assert after(GOOD, SILENT) == Streak(GOOD, 1)
    assert after(GOOD, SILENT, GOOD) == Streak(GOOD)
    assert after(GOOD, SILENT, GOOD, SILENT) == Streak(GOOD, 1)


def test_a_silence_is_over_after_two_good_looks() -> None:
    assert after(SILENT, SILENT, GOOD) == Streak(SILENT, 1)
    assert after(SILENT, SILENT, GOOD, GOOD) == Streak(GOOD)


def test_a_silence_within_the_recovery_starts_it_over() -> None:
    assert after(SILENT, SILENT, GOOD, SILENT, GOOD) == Streak(SILENT, 1)


def test_hard_evidence_replaces_a_silence_at_once() -> None:
    assert after(SILENT, SILENT, HARD) == Streak(HARD)


def test_a_silence_after_a_hard_failure_is_the_same_fault_going_on() -> None:
    assert after(HARD, SILENT) == Streak(SILENT)


def test_what_cannot_be_seen_any_more_does_not_end_a_silence_at_once() -> None:
    assert after(SILENT, SILENT, unseen("no right")) == Streak(SILENT, 1)


@pytest.mark.parametrize("fall", [1, 3])
def test_the_threshold_for_silence_is_the_operators(fall: int) -> None:
    looks = [SILENT] * fall
    assert after(GOOD, *looks[:-1], fall=fall).standing == GOOD
    assert after(GOOD, *looks, fall=fall) == Streak(SILENT)


def test_the_threshold_for_recovery_is_the_operators() -> None:
    assert after(SILENT, SILENT, GOOD, rise=1) == Streak(GOOD)


@pytest.mark.parametrize("standing", [GOOD, warned("late", "late", SEEN)])
def test_what_was_sound_stays_through_two_void_looks_and_is_unknown_after_three(standing: Finding) -> None:
    assert after(standing, VOID, VOID).standing == standing
    assert after(standing, VOID, VOID, VOID).standing == VOID


def test_void_looks_make_nothing_unknown_unless_they_come_in_a_row() -> None:
    assert after(GOOD, VOID, VOID, GOOD, VOID, VOID).standing == GOOD


@pytest.mark.parametrize("looks", [(HARD,), (SILENT, SILENT)])
def test_a_void_look_takes_back_no_failure_however_often_it_comes(looks: tuple[Finding, ...]) -> None:
    assert after(*looks, *[VOID] * 10).standing == looks[-1]


def test_void_looks_are_no_silences_however_many_come() -> None:
    assert after(*[VOID] * 10).standing == VOID
    assert after(GOOD, SILENT, *[VOID] * 10).standing == VOID
    assert after(GOOD, SILENT, VOID, GOOD) == Streak(GOOD)


def test_a_hang_is_found_however_many_looks_between_two_silences_are_void() -> None:
    assert after(GOOD, SILENT, VOID, VOID, SILENT) == Streak(SILENT)
    assert after(GOOD, SILENT, *[VOID] * 10, SILENT) == Streak(SILENT)


def test_void_looks_are_no_part_of_a_recovery() -> None:
    assert after(SILENT, SILENT, VOID, GOOD).standing == SILENT
    assert after(SILENT, SILENT, VOID, GOOD, VOID, GOOD) == Streak(GOOD)


def test_after_void_looks_a_good_one_counts_at_once_and_so_does_hard_evidence() -> None:
    assert after(GOOD, *[VOID] * 5, GOOD) == Streak(GOOD)
    assert after(GOOD, *[VOID] * 5, HARD) == Streak(HARD)


def test_what_could_not_be_seen_anyway_keeps_its_reason() -> None:
    assert after(unseen("no right"), *[VOID] * 5).standing == unseen("no right")


def test_the_first_looks_of_all_are_unknown_after_three_void_ones() -> None:
    assert after(VOID, VOID).standing is None
    assert after(VOID, VOID, VOID).standing == VOID
