"""Which checks are shown, and in what order. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from pomhealth.status import Outcome
from pomhealth.watch.model import Check, Seen

_BY_OUTCOME = {
    Outcome.FAIL: 2,
    Outcome.WARN: 3,
    Outcome.UNKNOWN: 4,
    Outcome.SKIPPED: 5,
    Outcome.PASS: 6,
}


class Sort(Enum):
    """The orders to choose from. The value is how it is called on the screen."""

    WORST = "worst first"
    CATALOGUE = "by catalogue"
    SINCE = "latest first"

    @property
    def next(self) -> Sort:
        every = list(Sort)
        return every[(every.index(self) + 1) % len(every)]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list: a check of the agent that is the `number`th, or, without a check, that agent itself, away."""

    seen: Seen
    number: int
    check: Check | None = None

    @property
    def key(self) -> tuple[int, str]:
        """What it is, whatever becomes of it."""
        return self.number, self.check.id if self.check else ""


def urgency(check: Check) -> int:
    """The smaller, the sooner to read."""
    if check.stops:
        return 0
    return 1 if check.pending else _BY_OUTCOME[check.outcome]


def rows(
    agents: Sequence[Seen], sort: Sort = Sort.WORST, text: str = "", *, problems: bool = False
) -> tuple[Row, ...]:
    """The lines to show. With `problems` what passes is left out, and what says nothing while another check fails.

    `text` is to be found in what a line says. An agent that is away comes first: what is shown of it is old.
    """
    found = [
        Row(seen, number, check)
        for number, seen in enumerate(agents, 1)
        for check in (seen.snapshot.checks if seen.snapshot else ())
        if not problems or check.outcome not in (Outcome.PASS, Outcome.SKIPPED)
    ]
    away = [Row(seen, number) for number, seen in enumerate(agents, 1) if seen.trouble]
    wanted = [row for row in (*away, *found) if matches(row, text)]
    if sort is Sort.SINCE:  # equal times stay in order, also in reverse
        return tuple(sorted(wanted, key=lambda row: row.check.since if row.check else "~", reverse=True))
    return tuple(sorted(wanted, key=lambda row: _place(row, sort)))


def _place(row: Row, sort: Sort) -> tuple[int, int, int]:
    if row.check is None:
        return (-1, row.number, 0)
    if sort is Sort.CATALOGUE:
        return (0, row.number, row.check.place)
    return (urgency(row.check), row.number, row.check.place)


def matches(row: Row, text: str) -> bool:
    """Whether every word of `text` is in what the line says, large or small."""
    return has(text, (row.seen.address, *(_said(row.check) if row.check else (row.seen.trouble,))))


def has(text: str, said: Iterable[str]) -> bool:
    """Whether every word of `text` stands somewhere in what is said."""
    where = "\n".join(said).casefold()
    return all(word in where for word in text.casefold().split())


def _said(check: Check) -> tuple[str, ...]:
    return (check.id, check.outcome.value, check.cause, check.summary)
