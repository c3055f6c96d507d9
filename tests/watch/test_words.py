"""What is said of an agent in a line, and which of its checks are shown."""

from __future__ import annotations

import pytest

from pomhealth.status import Outcome
from pomhealth.watch import words
from pomhealth.watch.order import Sort, rows
from tests.watch.example import (
    AT,
    FOLLOWING,
    ILL,
    LATER,
    READ_ONLY,
    WELL,
    change,
    document,
    entry,
    seen,
    snapshot,
)

WARNED = entry("warn", cause="soon", summary="it ends in 3 days")


@pytest.mark.parametrize(
    ("said", "sign", "verdict"),
    [
        (WELL, Outcome.PASS, "ready"),
        (document(a=WARNED), Outcome.WARN, "ready; to see to: a (soon)"),
        (ILL, Outcome.FAIL, "not ready: storage.backend (read-only)"),
        (
            {**document(a=READ_ONLY, b=WARNED, ready=False), "live": False},
            Outcome.FAIL,
            "not ready: a (read-only); a restart would help (/healthz fails); to see to: b (soon)",
        ),
        (
            document(ready=False, **dict.fromkeys("abcde", READ_ONLY)),
            Outcome.FAIL,
            "not ready: a (read-only), b (read-only), c (read-only) and 2 more",
        ),
        (document(ready=False, a=entry("unknown")), Outcome.UNKNOWN, "not ready: 1 check not looked at yet"),
        (
            {**document(ready=False, a=entry("unknown")), "unobserved": {"a": "no right"}},
            Outcome.UNKNOWN,
            "not ready: nothing that readiness depends on can be seen",
        ),
    ],
)
def test_the_verdict_names_what_it_comes_from(said: dict[str, object], sign: Outcome, verdict: str) -> None:
    assert words.verdict(snapshot(said)) == (sign, verdict)


def test_checks_are_counted_by_how_they_stand() -> None:
    assert words.counts(snapshot(ILL)) == "3 checks: 1 failed, 1 not judged, 1 passed"
    assert words.counts(snapshot(document())) == "no checks"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"),
        (4.25, "4.2 s"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (90061, "1 d 1 h"),
        (86400 * 9, "9 d"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: float, said: str) -> None:
    assert words.span(seconds) == said


def test_a_time_of_today_is_short_and_another_has_its_day() -> None:
    now = 1763640100.0 + 365 * 86400  # 2026-11-20T12:01:40Z
    assert (words.clock(AT, now), words.clock("2026-11-19T12:00:00.000Z", now)) == ("12:00:00", "11-19 12:00")


def ids(*arguments: object, **options: object) -> list[str]:
    return [row.check.id if row.check else row.seen.trouble for row in rows(*arguments, **options)]  # type: ignore[arg-type]


def test_the_worst_comes_first_and_else_the_catalogues_order_holds() -> None:
    agent = seen(
        document(
            good=entry(),
            follows=FOLLOWING,
            unseen=entry("unknown"),
            warned=WARNED,
            told=entry("fail", cause="x"),
            stops=READ_ONLY,
            ready=False,
        )
        | {"checks": []}
    )
    assert ids([agent]) == ["stops", "told", "warned", "unseen", "follows", "good"]
    assert ids([agent], Sort.CATALOGUE) == ["good", "follows", "unseen", "warned", "told", "stops"]
    assert ids([agent], Sort.SINCE)[0] == "stops"  # it turned LATER than the others
    assert ids([agent], problems=True) == ["stops", "told", "warned", "unseen"]


def test_every_word_looked_for_must_be_found() -> None:
    agent = seen(ILL)
    assert ids([agent], text="STORAGE") == ["storage.backend", "storage.backend.cleanup"]
    assert ids([agent], text="fail writes") == ["storage.backend"]
    assert ids([agent], text="nowhere") == []


def test_an_agent_that_is_away_is_a_line_before_all_others() -> None:
    away = seen(WELL).silent("connection refused", "start it", 5.0)
    assert ids([seen(ILL), away])[:2] == ["connection refused", "storage.backend"]
    assert rows([seen(ILL), away])[0].number == 2


def test_a_change_is_kept_once_whether_it_came_by_itself_or_in_the_status() -> None:
    first, second = change(at=AT), change(at=LATER, state="fail: x")
    assert seen(WELL).told(second, first, second).told(first).turns == (first, second)


def test_an_absence_begins_with_the_last_word_and_ends_with_the_next() -> None:
    agent = seen(WELL, at=10.0).silent("refused", "start it", 13.0).silent("no answer", "look", 14.0)
    assert (agent.away_since, agent.trouble, agent.snapshot) == (10.0, "no answer", snapshot(WELL))
    back = agent.answered(20.0)
    assert (back.trouble, back.absences[-1].end) == ("", 20.0)
