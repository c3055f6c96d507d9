"""Reads what runs before have left. Blocking; raises ValueError or TypeError where a row is not what was written."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pomhealth.clock import STEP
from pomhealth.history.batch import CHANGES, Kept
from pomhealth.history.memory import MOST
from pomhealth.history.model import Past, Turn, Watch
from pomhealth.history.schema import RUN
from pomhealth.history.strip import DAY
from pomhealth.status import Change, Outcome, Told

if TYPE_CHECKING:
    import sqlite3

_MOST_TOLD = 2000  # checks
_MOST_WATCHES = 20_000  # that are read, the newest first

_WATCHES = """
    SELECT run, origin, origin + begin, origin + finish FROM watches JOIN runs ON run = key >> 32
    ORDER BY key DESC LIMIT :most
"""
_TURNS = """
    SELECT key >> 32, at, id, outcome, cause, summary FROM turns
    WHERE key >= :first AND (key >= :horizon OR key IN (
        SELECT max(key) FROM turns WHERE key >= :first AND key < :horizon GROUP BY id))
    ORDER BY key DESC LIMIT :most
"""
_CHANGES = """
    SELECT key >> 32, at, id, outcome, cause, summary, was, lasted, followers FROM changes
    ORDER BY key DESC LIMIT :most
"""
_LAST = """
    SELECT key >> 32, at, id, outcome, cause, summary, was, lasted, followers FROM changes
    WHERE key IN (SELECT max(key) FROM changes GROUP BY id) ORDER BY key DESC LIMIT :most
"""


def recall(connection: sqlite3.Connection, now: float) -> Kept:
    """The last day before `now` and the last changes.

    Where the clock was set back between two runs, what happened before moves back with it, so that order and durations
    stay: that is what an agent does which runs meanwhile.
    """
    rows = [tuple(map(_real, row)) for row in connection.execute(_WATCHES, {"most": _MOST_WATCHES})]
    origins = _origins(rows, now)
    watches = []
    for run, origin, begin, end in rows:
        by = origins[int(run)] - origin
        if end + by >= now - DAY.seconds:
            watches.append((int(run), Watch(begin + by, max(begin, end) + by)))
    turns = _turns(connection, min((run for run, _ in watches), default=0), origins, now)
    changes = tuple(
        _change(row, origins) for row in connection.execute(_CHANGES, {"most": CHANGES}) if row[0] in origins
    )
    last = (
        _change(row, origins) for row in connection.execute(_LAST, {"most": _MOST_TOLD}) if row[0] in origins
    )
    return Kept(
        Past(turns, tuple(watch for _, watch in reversed(watches))),
        changes[::-1],
        {one.id: Told(one.outcome, one.cause, one.at) for one in last},
    )


def _origins(rows: Iterable[tuple[float, ...]], now: float) -> Mapping[int, float]:
    """The origin of each run, newest first, such that none of them ends after the next has begun."""
    begins: dict[int, float] = {}
    ends: dict[int, float] = {}
    known: dict[int, float] = {}
    for run, origin, begin, end in rows:
        known[int(run)] = origin
        begins[int(run)] = min(begin, begins.get(int(run), math.inf))
        ends[int(run)] = max(end, ends.get(int(run), -math.inf))
    origins = {}
    limit = now
    for run, origin in known.items():
        by = limit - ends[run] if ends[run] > limit + STEP else 0.0
        origins[run] = origin + by
        limit = begins[run] + by
    return origins


def _turns(
    connection: sqlite3.Connection, first: int, origins: Mapping[int, float], now: float
) -> dict[str, tuple[Turn, ...]]:
    """From the run `first` on: those of the last day, and the one before it of each check."""
    if not first:
        return {}
    question = "SELECT min(key) FROM turns WHERE key >= ? AND key < ? AND at >= ?"
    values = (first * RUN, (first + 1) * RUN, now - DAY.seconds - origins[first])
    horizon = connection.execute(question, values).fetchone()[0] or (first + 1) * RUN
    turns: dict[str, list[Turn]] = {}
    for run, at, id_, outcome, cause, summary in connection.execute(
        _TURNS, {"first": first * RUN, "horizon": horizon, "most": MOST}
    ):
        turn = Turn(origins[run] + _real(at), _text(id_), Outcome(outcome), _text(cause), _text(summary))
        turns.setdefault(turn.id, []).append(turn)
    return {id_: tuple(reversed(some)) for id_, some in turns.items()}


def _change(row: tuple[Any, ...], origins: Mapping[int, float]) -> Change:
    run, at, id_, outcome, cause, summary, was, lasted, followers = row
    return Change(
        at=origins[run] + _real(at),
        id=_text(id_),
        outcome=Outcome(outcome),
        cause=_text(cause),
        summary=_text(summary),
        was=_text(was),
        lasted=_real(lasted),
        followers=tuple(map(_text, json.loads(followers))),
    )


def _real(value: Any) -> float:
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise TypeError("no number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value
