"""What one agent has read of the registry, kept up to date from what it is told. No I/O here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from pomhealth.clock import steady
from pomhealth.cluster.model import BEAT, Agentless, Lease, Member, Roster, Trouble
from pomhealth.cluster.registry.registry import Sign
from pomhealth.cluster.registry.statements import QUIET

EXACT = 300  # replicas up to which each beat reads everybody's sign of life
MAPS = 256  # different maps that are kept once for all who have them
_STEP = 5.0  # seconds by which the database's clock must be off to have been set
AWAY = 1.5 * BEAT  # seconds between two readings from which on the registry may have been away
_OTHERS = 8  # different sets of certificates that are looked at


class Book:
    """The rows by id, as they were read. `at` is the moment of the last reading, by the database's clock.

    That clock may be set, forth or back, and nobody gives a sign of life while the registry is away: `clock` (seconds,
    steady) tells for how long each really was silent. Their times are moved by as much until they give one.
    """

    def __init__(self, clock: Callable[[], float] = steady) -> None:
        self._clock = clock
        self._looked = 0.0
        self._moved: dict[
            str, tuple[float, float]
        ] = {}  # sign of life as it was read, and seconds to add to it
        self.at = 0.0
        self.lease: Lease | None = None
        self.agentless: tuple[Agentless, ...] = ()
        self._rows: dict[str, Member] = {}
        self._beats = 0
        self._maps: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def everybody(self) -> bool:
        """Whether the next beat is to read everybody's sign of life.

        Among many it does so the more seldom the more they are, so that what all agents read together stays bounded:
        each second some 10,000 rows.
        """
        every = max(1, round((len(self._rows) / EXACT) ** 2))
        return self._beats % every == 0

    def loaded(self, members: Iterable[Member], at: float) -> None:
        """Everything was read anew."""
        known, members = self._rows, tuple(members)
        self._look(at, away=self._nobody_could(at, members))
        self._moved = {one.id: self._moved[one.id] for one in members if one.id in self._moved}
        self._rows = {one.id: _kept(known.get(one.id), self._shared(self._lived(one))) for one in members}

    def fetched(self, members: Iterable[Member], at: float) -> None:
        """These rows were read."""
        self._look(at)
        for one in members:
            self._rows[one.id] = _kept(self._rows.get(one.id), self._shared(self._lived(one)))

    def completed(self, members: Iterable[Member]) -> None:
        """These members, which `unlike` gave, have their certificates now."""
        self._rows.update((one.id, one) for one in members)

    def signs(self, signs: Iterable[Sign], at: float, *, everybody: bool, again: bool = False) -> list[str]:
        """Signs of life were read; gives the ids of the rows that are to be read, since they are new or were changed.

        Where they are those of the silent alone, everybody else gave one lately. `again` marks the first reading of
        another session, before the own sign of life.
        """
        self._beats += 1
        seen = {one.id: one for one in signs}
        self._look(at, away=again and self._nobody_could(at, seen.values()))
        if everybody:
            self._rows = {id_: member for id_, member in self._rows.items() if id_ in seen}
            self._moved = {id_: moved for id_, moved in self._moved.items() if id_ in seen}
        for id_, member in self._rows.items():
            sign = seen.get(id_)
            if sign is not None and sign.revision != member.revision:
                continue  # it is a sign of life of what is still to be read
            last = self._last(id_, sign.last_seen) if sign is not None else max(member.last_seen, at - QUIET)
            stopped = member.stopped if sign is None else sign.stopped
            if (last, stopped) != (member.last_seen, member.stopped):
                self._rows[id_] = replace(member, last_seen=last, stopped=stopped)
        return [
            id_
            for id_, sign in seen.items()
            if id_ not in self._rows or self._rows[id_].revision != sign.revision
        ]

    def unlike(self) -> list[Member]:
        """One member of each set of certificates, where there is more than one; those whose own are not known yet."""
        first: dict[str, Member] = {}
        for one in self._rows.values():
            digest = one.account.certificates_digest
            if digest and one.standing(self.at).value == "present" and digest not in first:
                first[digest] = one
        several = list(first.values())[:_OTHERS] if len(first) > 1 else []
        return [one for one in several if not one.account.certificates]

    def _nobody_could(self, at: float, read: Iterable[Member | Sign]) -> bool:
        """Whether since the last reading, long ago, nobody gave a sign of life."""
        return at - self.at > AWAY and all(one.last_seen <= self.at for one in read)

    def _look(self, at: float, *, away: bool = False) -> None:
        """A reading at this moment. Where the clock was set, or nobody could give a sign of life since the last one
        (`away`), it counts as silence of none of those who are known.
        """
        now = self._clock()
        passed = at - self.at
        amiss = passed - (now - self._looked)
        if self.at and (away or abs(amiss) > _STEP):
            by = passed if away else amiss
            self._moved = {id_: (last, moved + by) for id_, (last, moved) in self._moved.items()}
        self.at, self._looked = at, now

    def _lived(self, member: Member) -> Member:
        last = self._last(member.id, member.last_seen)
        return member if last == member.last_seen else replace(member, last_seen=last)

    def _last(self, id_: str, sign: float) -> float:
        """When the replica gave this sign of life, by the clock as it goes now: never in the future."""
        before = self._moved.get(id_)
        moved = before[1] if before is not None and before[0] == sign else 0.0
        self._moved[id_] = sign, min(moved, self.at - sign)
        return sign + self._moved[id_][1]

    def _shared(self, member: Member) -> Member:
        """The member with a map that all who have the same one share: most are alike."""
        checks = member.account.checks
        if len(self._maps) > MAPS:
            self._maps.clear()
        shared = self._maps.setdefault(tuple(checks.items()), checks)
        return replace(member, account=replace(member.account, checks=shared))

    def roster(self, mine: str, trouble: Trouble | None) -> Roster:
        """All of it as a value."""
        members = sorted(self._rows.values(), key=lambda one: (one.account.host, one.id))
        lease = self.lease if self.lease is not None and self.lease.until > self.at else None
        return Roster(True, mine, tuple(members), self.agentless, self.at, lease, trouble)


def _kept(before: Member | None, now: Member) -> Member:
    """What was read apart stays, while it is still the same."""
    same = before is not None and before.account.certificates_digest == now.account.certificates_digest
    if before is None or not same or not before.account.certificates:
        return now
    return replace(now, account=replace(now.account, certificates=before.account.certificates))


def signature(roster: Roster) -> object:
    """What must be another for somebody to be told: not the times of the signs of life. Comparable."""
    return (
        roster.mine,
        roster.trouble,
        roster.agentless,
        roster.lease,
        tuple(
            (one.id, one.revision, roster.standing(one), bool(one.account.certificates))
            for one in roster.members
        ),
    )
