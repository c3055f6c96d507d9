"""The last hour or day of one check in cells of equal length, each with the worst that was so in it. Pure."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from pomhealth.history.model import Past, Turn, Watch
from pomhealth.status.finding import Outcome

_WORST_FIRST = (Outcome.FAIL, Outcome.WARN, Outcome.UNKNOWN, Outcome.SKIPPED, Outcome.PASS)
_RANK = {outcome: rank for rank, outcome in enumerate(_WORST_FIRST)}


@dataclass(frozen=True, slots=True)
class Span:
    """How many seconds back, in how many cells."""

    seconds: float
    cells: int

    @property
    def width(self) -> float:
        """The seconds of one cell."""
        return self.seconds / self.cells


HOUR = Span(seconds=3600, cells=60)
DAY = Span(seconds=86400, cells=48)


@dataclass(frozen=True, slots=True)
class Cell:
    """From `begin` to before `end` (seconds since the epoch) this was the worst; None where nobody watched."""

    begin: float
    end: float
    outcome: Outcome | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """So many neighbouring cells that tell the same."""

    begin: float
    end: float
    cells: int
    outcome: Outcome | None = None
    cause: str = ""


def strip(past: Past, id_: str, span: Span, now: float) -> tuple[Cell, ...]:
    """The cells of the check, oldest first; the last one is that which `now` (seconds since the epoch) lies in.

    They begin at whole multiples of their length since the epoch, so a strip changes only when a cell is full, or the
    check turns. Of equally bad states in one cell the one that came first gives the cause.

    A state counts from its turn to the next one, at most to the end of the watch in which it turned: whoever watches
    later says anew what is so. A watch that reaches `now` goes on. A turn counts in its cell however short it was, and
    so does one at a time when, by the watches, nobody watched: somebody saw it. Where the next turn lies before it
    on the clock, which was set back then, a state counts to the end of its watch.
    """
    width = span.width
    first = int(now // width) - span.cells + 1
    worst: list[Turn | None] = [None] * span.cells
    for turn, until in _held(past.turns.get(id_, ()), past.watches, now):
        begin = int(turn.at // width) - first
        end = span.cells if math.isinf(until) else -int(-until // width) - first  # rounded up, exactly
        for place in range(max(begin, 0), min(max(end, begin + 1), span.cells)):
            worst[place] = _worse(worst[place], turn)
    return tuple(
        Cell(
            (first + place) * width,
            (first + place + 1) * width,
            turn.outcome if turn else None,
            turn.cause if turn else "",
        )
        for place, turn in enumerate(worst)
    )


def runs(cells: Iterable[Cell]) -> tuple[Run, ...]:
    """The cells with neighbours that tell the same made one."""
    made = []
    for (outcome, cause), group in groupby(cells, key=lambda cell: (cell.outcome, cell.cause)):
        same = tuple(group)
        made.append(Run(same[0].begin, same[-1].end, len(same), outcome, cause))
    return tuple(made)


def _held(turns: tuple[Turn, ...], watches: tuple[Watch, ...], now: float) -> Iterator[tuple[Turn, float]]:
    """Every turn with the moment until which it was seen to be so; infinite where it still is."""
    ordered = sorted(watches, key=lambda watch: watch.begin)
    begins = [watch.begin for watch in ordered]
    for place, turn in enumerate(turns):
        following = turns[place + 1].at if place + 1 < len(turns) else math.inf
        back = following < turn.at
        begun = bisect_right(begins, turn.at)
        older = range(begun) if back else range(begun - 1, -1, -1)
        watched = next((ordered[one].end for one in older if ordered[one].end >= turn.at), turn.at)
        if watched >= now:
            watched = math.inf
        yield turn, watched if back else min(following, watched)


def _worse(one: Turn | None, other: Turn) -> Turn:
    if one is None or _RANK[other.outcome] < _RANK[one.outcome]:
        return other
    return one
