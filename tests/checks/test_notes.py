"""Answers that serve several checks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from pomhealth.checks.notes import Notes

LONG = 3600.0  # seconds for which an answer is fresh


async def ask(answers: Iterator[str]) -> str:
    await asyncio.sleep(0)
    return next(answers)


async def test_one_question_serves_all_who_ask_at_once_and_whoever_asks_soon_after() -> None:
    notes, answers = Notes(), iter(["first", "second"])
    told = [notes.shared("a", lambda: ask(answers), fresh=LONG) for _ in range(3)]
    assert await asyncio.gather(*told) == [("first", True), ("first", False), ("first", False)]
    assert await notes.shared("a", lambda: ask(answers), fresh=LONG) == ("first", False)
    assert await notes.shared("a", lambda: ask(answers), fresh=0.0) == ("second", True)


async def test_an_answer_that_does_not_last_is_asked_for_again() -> None:
    notes, answers = Notes(), iter(["refused", "fine"])

    def lasts(answer: str) -> bool:
        return answer == "fine"

    for told in (("refused", True), ("fine", True), ("fine", False)):
        assert await notes.shared("a", lambda: ask(answers), fresh=LONG, lasts=lasts) == told
