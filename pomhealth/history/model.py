"""What was so, and when: values only. Times are seconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pomhealth.status.finding import Outcome


@dataclass(frozen=True, slots=True)
class Turn:
    """From `at` on a check was in this state, until its next turn. Followers of a root are SKIPPED from then on."""

    at: float
    id: str
    outcome: Outcome
    cause: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Watch:
    """A time in which an agent watched: what lies between two of them nobody saw."""

    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Past:
    """The turns of each check, oldest first, and the times in which somebody watched, oldest first."""

    turns: Mapping[str, tuple[Turn, ...]] = field(default_factory=dict)
    watches: tuple[Watch, ...] = ()


NOTHING = Past()
