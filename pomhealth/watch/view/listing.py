"""The list of checks: a line each. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pomhealth.report.style import Style
from pomhealth.status import Outcome
from pomhealth.watch import words
from pomhealth.watch.order import Row
from pomhealth.watch.view.line import Line, Look, Piece, padded

_WORD = 8  # columns for the state
_TIMED = 70  # columns from which on there is room for the time
_SHORT = {Outcome.UNKNOWN: "unkn", Outcome.SKIPPED: "skip"}


@dataclass(frozen=True, slots=True)
class Columns:
    """How wide what is, in columns; 0 for a column that is left out."""

    width: int
    id: int
    number: int
    since: int

    @classmethod
    def of(cls, rows: Sequence[Row], width: int, now: float) -> Columns:
        longest = max((len(_name(row)) for row in rows), default=0)
        times = [words.clock(row.check.since, now) for row in rows if row.check]
        since = max((len(time) for time in times), default=0) if width >= _TIMED else 0
        number = 3 if len({row.number for row in rows}) > 1 else 0
        return cls(width, min(longest, max(width * 3 // 8, 18)), number, since)


def listing(rows: Sequence[Row], style: Style, width: int, now: float) -> list[Line]:
    """A line for each row: its sign and state, the agent's number where there are several, the check, what is found."""
    columns = Columns.of(rows, width, now)
    return [_line(row, style, columns, now) for row in rows]


def _name(row: Row) -> str:
    return row.check.id if row.check else row.seen.address


def _line(row: Row, style: Style, columns: Columns, now: float) -> Line:
    more = "…" if style.unicode else "..."
    check = row.check
    outcome = check.outcome if check and not row.seen.trouble else Outcome.UNKNOWN
    if check is None:
        word, said, since = "away", row.seen.trouble, words.stamp(row.seen.away_since)
    else:
        word, said, since = check.outcome.value, words.line(check.state, check.summary), check.since
        if row.seen.trouble:
            word = f"was {_SHORT.get(check.outcome, word)}"
    number = f"{row.number:>2} " if columns.number else ""
    time = words.clock(since, now).rjust(columns.since) if columns.since else ""
    used = 2 + _WORD + 1 + len(number) + columns.id + 2 + (columns.since + 1 if columns.since else 0)
    room = max(columns.width - 1 - used, 0)
    calm = outcome in (Outcome.PASS, Outcome.SKIPPED) or (check is not None and row.seen.trouble != "")
    return (
        Piece(f"{style.mark(outcome)} {word:{_WORD}} ", Look.of(outcome)),
        Piece(number),
        Piece(f"{padded(_name(row), columns.id, more)}  ", Look.USUAL if calm else Look.STRONG),
        Piece(padded(said, room, more), Look.FAINT if calm else Look.USUAL),
        Piece(f" {time}" if time else "", Look.FAINT),
    )
