"""A check's last hour or day as a strip: what is drawn, and the same in words. Pure.

The height tells as much as the colour does: a check that passes lies low, one that warns stands half as high, one that
fails fills the strip; what nobody saw is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone

from pomhealth.history.model import Past
from pomhealth.history.strip import DAY, HOUR, Run, Span, runs, strip
from pomhealth.status import Outcome

_MIDDLE = {Outcome.PASS: 9, Outcome.WARN: 7, Outcome.FAIL: 5, Outcome.UNKNOWN: 6, Outcome.SKIPPED: 6}
_SAID = {
    Outcome.FAIL: "failed",
    Outcome.WARN: "warned",
    Outcome.UNKNOWN: "not seen",
    Outcome.SKIPPED: "not judged",
    None: "not watched",
    Outcome.PASS: "passed",
}


@dataclass(frozen=True, slots=True)
class Bars:
    """All that is drawn of one outcome: lines in the middle of what they fill, as thick as the style sheet says.

    A unit of the path is a cell wide, and a tenth of the strip high.
    """

    css: str
    path: str


@dataclass(frozen=True, slots=True)
class Strip:
    """`said` is the strip in words, `cells` how wide it is."""

    name: str
    cells: int
    bars: tuple[Bars, ...]
    said: str


def both(past: Past, id_: str, now: float) -> tuple[Strip, Strip]:
    """The last hour and the last day of a check."""
    hour, day = (runs(strip(past, id_, span, now)) for span in (HOUR, DAY))
    return _strip("last hour", HOUR, "minutes", hour), _strip("last day", DAY, "half hours", day)


def key(past: Past, id_: str, now: float) -> object:
    """What the strips of a check depend on: they change when it turns, when a minute is over, and with the watches."""
    begins = tuple(watch.begin for watch in past.watches)
    return past.turns.get(id_), begins, now // HOUR.width


def _strip(name: str, span: Span, cells: str, made: tuple[Run, ...]) -> Strip:
    return Strip(name, span.cells, tuple(_bars(made)), _words(made, f"{span.cells} {cells}"))


def _bars(made: Iterable[Run]) -> Iterable[Bars]:
    paths: dict[Outcome, list[str]] = {}
    place = 0
    for run in made:
        if run.outcome is not None:
            paths.setdefault(run.outcome, []).append(f"M{place} {_MIDDLE[run.outcome]}h{run.cells}")
        place += run.cells
    return (Bars(outcome.value, "".join(path)) for outcome, path in paths.items())


def _words(made: tuple[Run, ...], cells: str) -> str:
    """In how many of the cells it was so: a cell tells the worst that was in it, however short that was."""
    lengths: Counter[tuple[Outcome | None, str]] = Counter()
    last: dict[tuple[Outcome | None, str], Run] = {}
    for run in made:
        lengths[run.outcome, run.cause] += run.cells
        last[run.outcome, run.cause] = run
    order = list(_SAID)
    said = sorted(lengths, key=lambda what: (order.index(what[0]), what[1]))
    if len(said) == 1:
        return _all(*said[0])
    parts = []
    for what in said:
        outcome, cause = what
        named = f"{_SAID[outcome]}{f' ({cause})' if cause else ''}"
        if outcome is Outcome.PASS:
            parts.append("else passed")
            continue
        begin = last[what].begin
        when = (
            f", last {datetime.fromtimestamp(begin, timezone.utc):%H:%M} UTC" if outcome is not None else ""
        )
        of = f" of {cells}" if not parts else ""
        parts.append(f"{named} in {lengths[what]}{of}{when}")
    return "; ".join(parts)


def _all(outcome: Outcome | None, cause: str) -> str:
    if outcome is None:
        return "nobody watched"
    return f"{_SAID[outcome]} throughout" + (f" ({cause})" if cause else "")
