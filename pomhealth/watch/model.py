"""What is known of an agent that is watched. Values only; every text in them is harmless to a terminal."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pomhealth.status import Outcome

MOST_TURNS = 200
MOST_ABSENCES = 20


@dataclass(frozen=True, slots=True)
class Evidence:
    """One observation: where it was made, what was seen, what should be."""

    source: str
    observed: str
    expected: str


@dataclass(frozen=True, slots=True)
class Check:
    """One check as the agent tells it.

    `stops`: it keeps /readyz at 503. `pending`: it counts, and has not been looked at yet. `since` is RFC 3339, "" for
    never. `fix` are the steps, `who` a key of the catalogue's CURERS that tells who can take them, `reported` what the
    replica itself says where that differs, `place` where it stands in the catalogue's order.
    """

    id: str
    outcome: Outcome
    summary: str
    cause: str = ""
    since: str = ""
    stops: bool = False
    pending: bool = False
    blocked_by: str = ""
    who: str = ""
    reported: str = ""
    fix: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    place: int = 0

    @property
    def state(self) -> str:
        """In one or two words, as a change says it: "pass", "fail: timeout"."""
        return f"{self.outcome.value}: {self.cause}" if self.cause else self.outcome.value


@dataclass(frozen=True, slots=True)
class Turn:
    """One change of one check. `at` is RFC 3339, `state` and `was` as Check.state, `lasted` how many seconds it was so."""

    at: str
    id: str
    state: str
    summary: str
    was: str = ""
    lasted: float = 0.0
    followers: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from every other, whether it came by itself or in /status."""
        return self.at, self.id, self.state

    @property
    def outcome(self) -> Outcome:
        word = self.state.partition(":")[0]
        return Outcome(word) if word in {one.value for one in Outcome} else Outcome.UNKNOWN


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that /status says, in the catalogue's order. `about` is the replica in a few words."""

    ready: bool
    live: bool
    checks: tuple[Check, ...]
    notice: str = ""
    drain: str = ""
    about: str = ""
    turns: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class Absence:
    """A time without answers, in seconds since the epoch; `end` is 0 while it lasts."""

    begin: float
    why: str
    end: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One agent. `contact` is when it last said something, in seconds since the epoch (0: never).

    `trouble` tells why it does not answer ("" while it does), `fix` what to do about that. `polled`: it tells no
    changes by itself and is asked again and again. `turns` are the newest changes, the oldest of them first.
    """

    address: str
    snapshot: Snapshot | None = None
    turns: tuple[Turn, ...] = ()
    absences: tuple[Absence, ...] = ()
    contact: float = 0.0
    trouble: str = ""
    fix: str = ""
    polled: bool = False

    @property
    def away_since(self) -> float:
        """When it began not to answer; 0 while it does."""
        return self.absences[-1].begin if self.trouble and self.absences else 0.0

    def answered(self, at: float) -> Seen:
        """The same, once it has said something."""
        if not self.trouble:
            return replace(self, contact=at)
        *before, last = self.absences
        absences = (*before, replace(last, end=at))
        return replace(self, contact=at, trouble="", fix="", absences=absences)

    def silent(self, why: str, fix: str, at: float) -> Seen:
        """The same, while it does not answer; what was seen last stays."""
        if self.trouble:
            *before, last = self.absences
            return replace(self, trouble=why, fix=fix, absences=(*before, replace(last, why=why)))
        absences = (*self.absences, Absence(self.contact or at, why))
        return replace(self, trouble=why, fix=fix, absences=absences[-MOST_ABSENCES:])

    def told(self, *turns: Turn) -> Seen:
        """The same with these changes, each once, in the order in which they came about."""
        known = {one.key for one in self.turns}
        new = {one.key: one for one in turns if one.key not in known}
        if not new:
            return self
        every = sorted((*self.turns, *new.values()), key=lambda one: one.at)
        return replace(self, turns=tuple(every[-MOST_TURNS:]))
