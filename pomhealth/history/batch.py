"""What is written at once: values only. Times in it are seconds since the origin of the run.

So a step of the clock changes one number of what is kept already, the origin, and all else moves with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pomhealth.history.model import NOTHING, Past, Turn, Watch
from pomhealth.status import Change, Told, resumed, stands

TURNS = 1000  # that wait to be written
CHANGES = 100

_T = TypeVar("_T")
_Numbered = tuple[tuple[int, _T], ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be written: each with its number, which grows within a run. `origin` is in seconds since the epoch.

    What was written before may come again, and is then not written twice.
    """

    origin: float
    watches: _Numbered[Watch] = ()
    turns: _Numbered[Turn] = ()
    changes: _Numbered[Change] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """What runs before have left: turns and watches of the last day, the last changes, oldest first, and what was told
    of each check as the last.
    """

    past: Past = NOTHING
    changes: tuple[Change, ...] = ()
    told: dict[str, Told] = field(default_factory=dict)


class Waiting:
    """What is not written yet. Where that becomes too much, all of it is dropped, and `full` tells so.

    Half of the turns would tell what was not so.
    """

    def __init__(self, origin: float) -> None:
        self.origin = origin
        self.full = False
        self._number = 0
        self._watch = 0
        self._begun = 0.0
        self._ended: list[tuple[int, Watch]] = []
        self._turns: list[tuple[int, Turn]] = []
        self._changes: list[tuple[int, Change]] = []

    def __bool__(self) -> bool:
        return bool(self._ended or self._turns or self._changes)

    def anew(self, at: float, turns: tuple[Turn, ...]) -> None:
        """Nothing waits any more but a watch that begins with these turns, which tell the state of every check."""
        self._ended.clear()
        self._turns.clear()
        self._changes.clear()
        self.full = False
        self.begin(at)
        self.turned(turns)

    def begin(self, at: float) -> None:
        """A watch begins."""
        self._watch = self._next()
        self._begun = at - self.origin

    def end(self, at: float) -> None:
        """The watch that went on has ended."""
        self._ended.append((self._watch, Watch(self._begun, max(self._begun, at - self.origin))))

    def turned(self, turns: tuple[Turn, ...]) -> None:
        for turn in turns:
            self._turns.append((self._next(), replace(turn, at=turn.at - self.origin)))
        if len(self._turns) > TURNS:
            self._turns.clear()
            self._ended.clear()
            self.full = True

    def changed(self, changes: tuple[Change, ...]) -> None:
        for change in changes:
            self._changes.append((self._next(), replace(change, at=change.at - self.origin)))
        del self._changes[:-CHANGES]

    def resume(self, told: Mapping[str, Told]) -> None:
        """Looks at first looks by what a run before told as the last, where that became known only now."""
        news = [(number, one) for number, one in self._changes if not stands(one, told)]
        known = [(number, resumed(replace(one, at=one.at + self.origin), told)) for number, one in news]
        self._changes = [(number, replace(one, at=one.at - self.origin)) for number, one in known]

    def batch(self, now: float) -> Batch:
        """All of it, with the watch that goes on until `now`."""
        watch = (self._watch, Watch(self._begun, max(self._begun, now - self.origin)))
        return Batch(self.origin, (*self._ended, watch), tuple(self._turns), tuple(self._changes))

    def written(self, batch: Batch) -> None:
        """All of that is written."""
        self._ended = _without(self._ended, batch.watches)
        self._turns = _without(self._turns, batch.turns)
        self._changes = _without(self._changes, batch.changes)

    def _next(self) -> int:
        self._number += 1
        return self._number


def _without(waiting: list[tuple[int, _T]], done: _Numbered[_T]) -> list[tuple[int, _T]]:
    numbers = {number for number, _ in done}
    return [one for one in waiting if one[0] not in numbers]
