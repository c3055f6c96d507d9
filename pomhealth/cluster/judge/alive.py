"""How many replicas are alive, and which are missing? Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pomhealth.cluster.judge.naming import Names, host_name, moment
from pomhealth.cluster.model import BEAT, Member, Roster, Standing
from pomhealth.status import Evidence, Finding, failed, passed, unseen, warned
from pomhealth.storage.traces import Traces

TOLD = 5  # missing replicas of which the evidence tells
_PROCESS = "pomerium.process"
_ENDED = "fail not-running"


@dataclass(frozen=True, slots=True)
class Count:
    """The members by what is known of them; `away` are those that fell silent and that nobody has replaced."""

    alive: tuple[Member, ...]
    ended: tuple[Member, ...]
    away: tuple[Member, ...]
    stopped: tuple[Member, ...]
    agentless: int

    @property
    def seen(self) -> int:
        return len(self.alive) + self.agentless


def count(roster: Roster, *, runs: bool) -> Count:
    """What the registry tells. `runs` is whether this replica does."""
    by: dict[Standing, list[Member]] = {standing: [] for standing in Standing}
    for one in roster.members:
        by[roster.standing(one)].append(one)
    present = by[Standing.PRESENT]
    ended = tuple(one for one in present if _ended(one, runs=runs, own=one.id == roster.mine))
    gone = {one.id for one in ended}
    return Count(
        alive=tuple(one for one in present if one.id not in gone),
        ended=ended,
        away=tuple(unreplaced(by[Standing.STALE], present)),
        stopped=tuple(sorted(by[Standing.STOPPED], key=lambda one: -one.last_seen)),
        agentless=len(roster.agentless),
    )


def judge(roster: Roster, known: Count, seen: Traces | None, expected: int, *, waiting: str) -> Finding:
    """What follows. `seen` is what the shared storage shows beside, None where there is none, or it cannot be asked.

    `waiting` is why replicas that live may not have given a sign of life yet, "" where they had the time.
    """
    by_traces = max(seen.announced, seen.listening) if seen is not None else 0
    if not known.seen:
        return failed("none", "no replica of the cluster is alive", _counted(known, expected))
    missing = _missing(known, expected)
    alive = known.seen if missing else max(known.seen, by_traces)
    if not missing and alive >= expected:
        return passed(_told(known, alive), _counted(known, expected))
    if waiting:
        return unseen(f"the replicas are still to be counted: {waiting}")
    return _fewer(roster, known, missing, alive, expected, hint=_hint(known, seen))


def unreplaced(silent: Iterable[Member], present: Iterable[Member]) -> list[Member]:
    """Of those that fell silent the ones that nobody has replaced, the last to be heard first.

    One that came to a host later, or that came at all after another fell silent, is there in its place: where replicas
    are containers each new one has a new id.
    """
    free = sorted(present, key=lambda one: one.first_seen)
    left = []
    for one in sorted(silent, key=lambda one: one.last_seen):
        same = (
            new for new in free if new.account.host == one.account.host and new.first_seen > one.first_seen
        )
        later = (new for new in free if new.first_seen > one.last_seen)
        successor = next(same, None) or next(later, None)
        if successor is None:
            left.append(one)
        else:
            free.remove(successor)
    return left[::-1]


def _ended(member: Member, *, runs: bool, own: bool) -> bool:
    """Whether its agent is there, and its replica is not."""
    return not runs if own else member.account.checks.get(_PROCESS) == _ENDED


def _missing(known: Count, expected: int) -> tuple[Member, ...]:
    """Those that should be there: as many as are lacking, where it is known how many there should be.

    Where it is not, a replica that starts anew is no reason to warn: its own agent tells of it.
    """
    if not expected:
        return known.away
    return (*known.ended, *known.away)[: max(0, expected - known.seen)]


def _fewer(
    roster: Roster, known: Count, missing: Sequence[Member], alive: int, expected: int, *, hint: str
) -> Finding:
    names = Names(roster)
    lacking = max(len(missing), expected - alive)
    gone = (*missing, *known.stopped[: lacking - len(missing)])
    unknown = lacking - len(gone)
    who = [*([names.all(gone)] if gone else []), *([f"{unknown} unknown to the registry"] if unknown else [])]
    have = f"{_replicas(alive)} of {expected}" if expected else _replicas(alive)
    return warned(
        "fewer",
        f"{have} {_are(alive)} alive{_ready(known, alive)}; {lacking} {_are(lacking)} missing: {' and '.join(who)}{hint}",
        *(_of(one, roster, names) for one in gone[:TOLD]),
        _counted(known, expected),
        names=host_name(gone),
    )


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _hint(known: Count, seen: Traces | None) -> str:
    """Whether those that are silent are gone, or only their agents, as far as the sessions in the storage tell."""
    if seen is None or not known.away or known.agentless or seen.pooled or seen.hidden or not seen.tracked:
        return ""
    if seen.listening >= len(known.alive) + len(known.away):
        return f"; as many sessions as ever listen in {seen.where}: it may be the agent alone that is silent"
    return f"; no session of its own listens in {seen.where}" if seen.listening == len(known.alive) else ""


def _of(member: Member, roster: Roster, names: Names) -> Evidence:
    last = moment(member.last_seen)
    how = {
        Standing.PRESENT: "its agent is there, and finds no process of Pomerium",
        Standing.STOPPED: f"its agent stopped in good order at {last}",
    }.get(roster.standing(member), f"silent since {last}")
    was = "" if member.account.ready else ", and was not ready before"
    tail = was if roster.standing(member) is Standing.STALE else ""
    return Evidence(
        f"the registry's row of {names.full(member)}", f"{how}{tail}", f"a sign of life every {BEAT:g} s"
    )


def _told(known: Count, alive: int) -> str:
    unsure = alive - known.seen
    parts = [f"{_replicas(alive)} {_are(alive)} alive{_ready(known, alive)}"]
    if known.agentless:
        parts.append(f"{known.agentless} without an agent")
    if unsure:
        parts.append(f"{unsure} by the sessions in the shared storage alone")
    return "; ".join(parts)


def _ready(known: Count, alive: int) -> str:
    ready = sum(one.account.ready for one in known.alive)
    return (", ready" if ready else ", not ready") if alive == 1 else f", {ready} of them ready"


def _replicas(number: int) -> str:
    return f"{number} replica{'' if number == 1 else 's'}"


def _counted(known: Count, expected: int) -> Evidence:
    return Evidence(
        "the registry of the cluster",
        f"{len(known.alive)} with an agent, {known.agentless} without, {len(known.away)} silent, "
        f"{len(known.stopped)} stopped",
        _replicas(expected) if expected else "at least one replica",
    )
