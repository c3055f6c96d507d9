"""When a look counts."""

from __future__ import annotations

import pytest

from pomhealth.status import Finding, Streak, Thresholds, failed, passed, settle, unseen, warned
from tests.findings import SEEN

GOOD = passed("fine")
HARD = failed("refused", "refused", SEEN)
SILENT = failed("timeout", "no answer", SEEN, silent=True)


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
