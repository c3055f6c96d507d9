"""The cluster at a glance: how many replicas are how, and whom to look at first. Pure.

It takes its time in small steps, since there may be thousands of replicas and others are to have their turn.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pomhealth.cluster.model import Agentless, Member, Roster
from pomhealth.publish.members import NO_AGENT, state

MOST = 200  # replicas that are drawn, each in its own row
AT_A_TIME = 200  # replicas that are looked at in one go
FIRST = ("not-ready", "stale", NO_AGENT, "draining")  # what a person has to see to
LAST = ("stopped", "forgotten")
COUNTED = (*FIRST, "ready")  # what makes up the cluster: who has taken its leave does not

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Usual:
    """What most have in common, and when each of its values was first seen in the cluster."""

    value: str = ""
    begins: Mapping[str, float] | None = None

    def odd(self, value: str) -> str:
        """ "older" or "newer" where a value is not what most have, else ""."""
        begin = (self.begins or {}).get(value)
        if begin is None or value == self.value:
            return ""
        return "older" if begin < (self.begins or {})[self.value] else "newer"


@dataclass(frozen=True, slots=True)
class Survey:
    """`rows` are those to be drawn in their order, each with its state; `counts` are of all, by state.

    `hidden` is how many were silent for long and are not shown.
    """

    rows: tuple[tuple[Member | Agentless, str], ...]
    counts: Mapping[str, int]
    hidden: int
    configs: Usual
    versions: Usual


def tally(roster: Roster) -> Generator[None, None, Counter[str]]:
    """How many replicas are in which state."""
    counts = Counter({NO_AGENT: len(roster.agentless)})
    for batch in _batches(roster.members):
        counts.update(state(member, roster) for member in batch)
        yield
    return counts


def survey(roster: Roster, *, everyone: bool) -> Generator[None, None, Survey]:
    """`everyone` is whether those are shown too that were silent for long."""
    by_state: dict[str, list[Member | Agentless]] = defaultdict(list)
    by_state[NO_AGENT] = list(roster.agentless)
    for batch in _batches(roster.members):
        for member in batch:
            by_state[state(member, roster)].append(member)
        yield
    there = [one for how in ("ready", "not-ready", "draining") for one in by_state[how]]
    configs = yield from _usual(there, lambda one: (one.account.config, one.config_since))
    versions = yield from _usual(there, lambda one: (one.account.pomerium, one.version_since))
    ready = by_state["ready"]
    ailing: list[Member | Agentless] = []
    well: list[Member | Agentless] = []
    for batch in _batches(ready):
        for one in batch:
            (ailing if _ails(one, configs, versions) else well).append(one)
        yield
    last = LAST if everyone else LAST[:1]
    groups = [*((how, by_state[how]) for how in FIRST), ("ready", ailing), ("ready", well)]
    groups += [(how, by_state[how]) for how in last]
    rows: list[tuple[Member | Agentless, str]] = []
    for how, group in groups:
        rows += [(one, how) for one in group[: MOST - len(rows)]]
    counts = {how: len(group) for how, group in by_state.items()}
    hidden = 0 if everyone else counts.get("forgotten", 0)
    return Survey(tuple(rows), counts, hidden, configs, versions)


def _usual(
    members: Sequence[Member | Agentless], told: Callable[[Member], tuple[str, float]]
) -> Generator[None, None, Usual]:
    """What most of these have; of values that as many have, the one that came last."""
    counts: Counter[str] = Counter()
    begins: dict[str, float] = {}
    for batch in _batches(members):
        for one in batch:
            if isinstance(one, Member):
                value, since = told(one)
                if value:
                    counts[value] += 1
                    begins[value] = min(begins.get(value, since), since)
        yield
    if not counts:
        return Usual()
    return Usual(max(counts, key=lambda value: (counts[value], begins[value])), begins)


def _ails(one: Member | Agentless, configs: Usual, versions: Usual) -> bool:
    """Whether there is something to see to although it is ready."""
    if isinstance(one, Agentless):
        return True
    account = one.account
    return bool(account.ailments or configs.odd(account.config) or versions.odd(account.pomerium))


def _batches(all_: Sequence[T]) -> Iterable[Sequence[T]]:
    return (all_[begin : begin + AT_A_TIME] for begin in range(0, len(all_), AT_A_TIME))
