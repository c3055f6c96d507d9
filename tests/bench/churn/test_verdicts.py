"""What a churn counts as a false alarm, as a missed outage, and as a late recovery."""

from __future__ import annotations

import pytest

from bench.churn.churning import Churn
from bench.churn.verdicts import LONG, MUCH_TOO_LATE, RECOVERY, Act, lasting, missed, unfounded
from bench.churn.witness import Look, Said

RELOAD = Act("route added", 10.0, 10.1, outage=False)
RESTART = Act("replica restarted", 50.0, 52.0, outage=True)
WELL = [Look("main listener", at, at + 0.1, well=True) for at in range(100)]


def alarm(began: float, ended: float | None = None, level: str = "503") -> Said:
    return Said(level, "/readyz", "503", "?", began, ended)


def ill(began: int, ended: int) -> list[Look]:
    return [Look(look.what, look.began, look.ended, not began <= look.began < ended) for look in WELL]


@pytest.mark.parametrize("level", ["503", "silent", "fail", "warn"])
def test_whatever_is_said_during_a_reload_is_for_nothing(level: str) -> None:
    one = alarm(10.05, 10.5, level)
    assert unfounded([one], [RELOAD, RESTART], WELL) == [one]


@pytest.mark.parametrize("began", [50.0, 51.0, 52.0 + RECOVERY])
def test_what_is_said_of_a_restart_is_right(began: float) -> None:
    assert unfounded([alarm(began, began + 1)], [RESTART], WELL) == []


def test_what_is_said_after_a_restarts_budget_is_for_nothing() -> None:
    one = alarm(52.1 + RECOVERY, 60.0)
    assert unfounded([one], [RESTART], WELL) == [one]


def test_an_alarm_that_the_replica_itself_bears_out_is_right() -> None:
    assert unfounded([alarm(31.0, 34.0)], [RELOAD], ill(30, 34)) == []
    assert unfounded([alarm(11.0, 14.0)], [RELOAD], ill(30, 34)) != []


def test_a_long_outage_without_a_503_is_missed() -> None:
    looks = ill(30, 30 + int(LONG) + 1)
    assert [(one.began, one.ended) for one in missed(looks, [alarm(10.0, 12.0)])] == [(30, 34.1)]
    assert missed(looks, [alarm(31.0, 35.0)]) == []
    assert missed(looks, [alarm(31.0)]) == []
    assert len(missed(looks, [alarm(31.0, 35.0, "warn")])) == 1


def test_a_short_outage_need_not_show() -> None:
    assert missed(ill(30, 31), []) == []


def test_a_503_that_outlives_its_outage_by_more_than_the_budget_is_late() -> None:
    late = alarm(50.1, 58.0)
    assert lasting([late, alarm(50.1, 54.0)], [RESTART], 99.0) == [(late, 6.0)]
    assert lasting([alarm(50.1)], [RESTART], 99.0) == [(alarm(50.1), 47.0)]


@pytest.mark.parametrize(("more", "wrong"), [(-0.1, False), (0.1, True)])
def test_a_503_that_outlives_its_outage_by_much_more_is_a_wrong_verdict(more: float, wrong: bool) -> None:
    late = alarm(50.1, RESTART.ended + RECOVERY + MUCH_TOO_LATE + more)
    outcome = Churn(0.0, ended=99.0, acts=[RESTART], said=[late], looks=WELL)
    assert [one for one, _ in outcome.late] == [late]
    assert outcome.wrong is wrong


def test_an_alarm_for_nothing_is_a_wrong_verdict() -> None:
    assert Churn(0.0, ended=99.0, acts=[RELOAD], said=[alarm(10.05, 10.5)], looks=WELL).wrong
