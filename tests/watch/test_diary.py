"""What is told, and what is not, where each piece of news is a line."""

from __future__ import annotations

from pomhealth.watch.diary import Diary
from pomhealth.watch.model import Seen
from tests.watch.example import AT, ILL, LATER, WELL, document, entry, seen, snapshot, turn

AGAIN = "2026-11-20T12:00:09.000Z"


def told(diary: Diary, agent: Seen) -> list[tuple[str, str, str]]:
    return [(note.event, note.about, note.text) for note in diary.news(agent)]


def test_first_comes_the_state_as_it_is() -> None:
    notes = told(Diary(), seen(ILL))
    assert notes == [
        ("state", "", "not ready: storage.backend (read-only); 3 checks: 1 failed, 1 not judged, 1 passed"),
        ("check", "storage.backend", f"read-only: PostgreSQL takes no writes (since {LATER})"),
        ("check", "storage.backend.cleanup", f"not judged while storage.backend fails (since {AT})"),
    ]


def test_then_each_change_and_the_verdict_that_comes_of_it() -> None:
    diary = Diary()
    told(diary, seen(WELL))
    assert told(diary, seen(ILL)) == [
        (
            "change",
            "storage.backend",
            (
                "read-only: PostgreSQL takes no writes"
                " (was pass for 5.0 s; not judged while it fails: storage.backend.cleanup)"
            ),
        ),
        ("verdict", "", "not ready: storage.backend (read-only); 3 checks: 1 failed, 1 not judged, 1 passed"),
    ]
    assert told(diary, seen(ILL)) == []


def test_a_verdict_of_before_the_last_change_is_not_told() -> None:
    diary = Diary()
    told(diary, seen(WELL))
    behind = seen({**WELL, "notice": "something else"}).told(*snapshot(ILL).turns)
    assert [note[0] for note in told(diary, behind)] == ["change"]
    assert [note[0] for note in told(diary, seen(ILL))] == ["verdict"]


def test_a_fault_that_came_and_went_between_two_looks_is_two_lines() -> None:
    diary = Diary()
    told(diary, seen(WELL))
    both = document(turn(state="pass", at=AGAIN), turn(), storage__backend=entry())
    assert [note[1] for note in told(diary, seen(both))] == ["storage.backend", "storage.backend"]


def test_a_check_that_an_agent_finds_anew_as_it_was_is_no_news() -> None:
    diary = Diary()
    told(diary, seen(WELL))
    first = {**turn(state="pass", at=AGAIN), "was": "", "lasted": 0.0}
    assert told(diary, seen(document(first, storage__backend=entry()))) == []


def test_an_agent_is_told_away_once_and_back_once() -> None:
    diary, agent = Diary(), seen(WELL)
    told(diary, agent)
    away = agent.silent("refused", "start it", 1763640005.0)
    assert told(diary, away) == [
        (
            "away",
            "",
            (
                "no answer: refused; what was told is old, of 2025-11-20T12:00:00.000Z;"
                " it is tried again and again. Fix: start it"
            ),
        )
    ]
    assert told(diary, away.silent("no answer", "look", 1763640009.0)) == []
    assert told(diary, away.answered(1763640010.0)) == [("back", "", "it answers")]


def test_an_agent_that_never_answered_is_told_at_once_and_its_state_when_it_does() -> None:
    diary, agent = Diary(), Seen("127.0.0.1:1")
    assert [note[0] for note in told(diary, agent.silent("refused", "start it", 5.0))] == ["away"]
    assert [note[0] for note in told(diary, seen(WELL))] == ["back", "state"]


def test_a_filter_leaves_out_checks_but_no_verdict() -> None:
    diary = Diary("envoy")
    assert [note[0] for note in told(diary, seen(ILL))] == ["state"]
    diary = Diary("envoy")
    told(diary, seen(WELL))
    assert [note[0] for note in told(diary, seen(ILL))] == ["verdict"]
