"""What is new of one agent, told once each: for the lines that `pomhealth watch` prints without a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pomhealth.status import Outcome
from pomhealth.watch import words
from pomhealth.watch.model import Check, Seen, Snapshot, Turn
from pomhealth.watch.order import has, urgency


@dataclass(frozen=True, slots=True)
class Note:
    """One line. `at` is RFC 3339; `about` a check's id, or ""; `data` what a program reads besides."""

    at: str
    event: str
    outcome: Outcome
    text: str
    about: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


class Diary:
    """Gives the notes on one agent. With `text`, of checks only those in which it is found.

    First comes the state as it is: the verdict, and each check that does not pass. From then on each change, the
    verdict when it is another, and when the agent is away or back. A check that is found anew as it was, such as after
    the agent's restart, is no news.
    """

    def __init__(self, text: str = "") -> None:
        self._text = text
        self._states: dict[str, str] = {}
        self._turns: frozenset[tuple[str, str, str]] = frozenset()
        self._verdict: tuple[str, str] | None = None
        self._away = False

    def news(self, seen: Seen) -> Iterator[Note]:
        """What is new since the call before."""
        if seen.trouble:
            if not self._away:
                yield _away(seen)
            self._away = True
            return
        snapshot = seen.snapshot
        if snapshot is None:
            return
        at = words.stamp(seen.contact)
        if self._away:
            self._away = False
            yield Note(at, "back", Outcome.UNKNOWN, "it answers")
        if self._verdict is None:
            yield from self._state(snapshot, seen, at)
            return
        for turn in seen.turns:
            if turn.key not in self._turns and self._states.get(turn.id) != turn.state:
                self._states[turn.id] = turn.state
                if has(self._text, (turn.id, turn.state, turn.summary)):
                    yield _change(turn)
        self._turns = frozenset(turn.key for turn in seen.turns)
        now = _essence(snapshot)
        if (
            now != self._verdict and snapshot.turns[-1:] == seen.turns[-1:]
        ):  # else it is of before that change
            self._verdict = now
            yield _verdict(snapshot, at, "verdict")

    def _state(self, snapshot: Snapshot, seen: Seen, at: str) -> Iterator[Note]:
        self._verdict = _essence(snapshot)
        self._turns = frozenset(turn.key for turn in seen.turns)
        self._states = {check.id: check.state for check in snapshot.checks}
        yield _verdict(snapshot, at, "state")
        for check in sorted(snapshot.checks, key=urgency):
            said = (check.id, check.state, check.summary)
            if check.outcome is not Outcome.PASS and has(self._text, said):
                yield _check(check, at)


def _essence(snapshot: Snapshot) -> tuple[str, str]:
    """What of the verdict is news when it is another."""
    return words.verdict(snapshot)[1], snapshot.notice


def _verdict(snapshot: Snapshot, at: str, event: str) -> Note:
    outcome, said = words.verdict(snapshot)
    notice = f" ({snapshot.notice})" if snapshot.notice else ""
    data = {"ready": snapshot.ready, "live": snapshot.live, "notice": snapshot.notice}
    return Note(at, event, outcome, f"{said}; {words.counts(snapshot)}{notice}", data=data)


def _check(check: Check, at: str) -> Note:
    since = f" (since {check.since})" if check.since else ""
    data = asdict(check)
    del data["place"]
    return Note(
        at, "check", check.outcome, f"{words.line(check.state, check.summary)}{since}", check.id, data
    )


def _change(turn: Turn) -> Note:
    more = words.changed(turn)
    text = words.line(turn.state, turn.summary) + (f" ({more})" if more else "")
    data = {
        "is": turn.state,
        "summary": turn.summary,
        "was": turn.was,
        "lasted": turn.lasted,
        "followers": list(turn.followers),
    }
    return Note(turn.at, "change", turn.outcome, text, turn.id, data)


def _away(seen: Seen) -> Note:
    since = words.stamp(seen.away_since)
    old = f"; what was told is old, of {since}" if seen.snapshot else ""
    text = f"no answer: {seen.trouble}{old}; it is tried again and again. Fix: {seen.fix}"
    data = {"why": seen.trouble, "fix": seen.fix, "since": since}
    return Note(since, "away", Outcome.UNKNOWN, text, data=data)
