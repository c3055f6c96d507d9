"""The cluster at a glance: how many replicas are how, and whom to look at first. Pure.

It takes its time in small steps, since there may be thousands of replicas and others are to have their turn.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pomhealth.cluster.model import BEAT, Agentless, Member, Roster
from pomhealth.publish.members import NO_AGENT, state

MOST = 200  # replicas that are drawn, each in its own row
AT_A_TIME = 200  # replicas that are looked at in one go
FIRST = ("not-ready", "stale", NO_AGENT, "draining")  # what a person has to see to
LAST = ("stopped", "forgotten")
COUNTED = (*FIRST, "ready")  # what makes up the cluster: who has taken its leave does not

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Usual:
    """What replicas should have in common: what was changed to as the last, else what most have; "" for nothing.

    `adopted` is when it was changed to, 0 where nobody was seen to change, or two changes came too close: as the check
    cluster_config_current has it.
    """

    value: str = ""
    adopted: float = 0.0

    def differs(self, value: str) -> bool:
        """Whether a value that is known is another."""
        return bool(value and self.value) and value != self.value

    def older(self, value: str, first_seen: float) -> bool:
        """Whether a replica with this value was there when it was changed to, and stayed behind."""
        return self.differs(value) and self.adopted > 0.0 and first_seen <= self.adopted


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


def said(how: str) -> str:
    """A state in words, as they follow a number."""
    return {NO_AGENT: "without an agent", "not-ready": "not ready", "forgotten": "silent for long"}.get(
        how, how
    )


def tally(roster: Roster) -> Generator[None, None, Counter[str]]:
    """How many replicas are in which state."""
    counts = Counter({NO_AGENT: len(roster.agentless)})
    for batch in _batches(roster.members):
        counts.update(state(member, roster) for member in batch)
        yield
    return counts


def survey(roster: Roster, *, everyone: bool) -> Generator[None, None, Survey]:
    """`everyone` is whether those are shown too that were silent for long."""
    by_state: dict[str, list[Member]] = defaultdict(list)
    for batch in _batches(roster.members):
        for member in batch:
            by_state[state(member, roster)].append(member)
        yield
    there = [one for how in ("ready", "not-ready", "draining") for one in by_state[how]]
    configs = yield from _usual(there, lambda one: (one.account.config, one.config_since))
    versions = yield from _usual(there, lambda one: (one.account.pomerium, one.version_since))
    ailing: list[Member] = []
    well: list[Member] = []
    for some in _batches(by_state["ready"]):
        for one in some:
            (ailing if _ails(one, configs, versions) else well).append(one)
        yield
    groups: list[tuple[str, Sequence[Member | Agentless]]] = [
        *((how, roster.agentless if how == NO_AGENT else by_state[how]) for how in FIRST),
        ("ready", ailing),
        ("ready", well),
        *((how, by_state[how]) for how in (LAST if everyone else LAST[:1])),
    ]
    rows: list[tuple[Member | Agentless, str]] = []
    for how, group in groups:
        rows += [(one, how) for one in group[: MOST - len(rows)]]
    counts = {NO_AGENT: len(roster.agentless), **{how: len(group) for how, group in by_state.items()}}
    hidden = 0 if everyone else counts.get("forgotten", 0)
    return Survey(tuple(rows), counts, hidden, configs, versions)


def _usual(
    members: Sequence[Member], told: Callable[[Member], tuple[str, float]]
) -> Generator[None, None, Usual]:
    counts: Counter[str] = Counter()
    adopted: dict[str, float] = {}
    for batch in _batches(members):
        for one in batch:
            value, since = told(one)
            if value:
                counts[value] += 1
                changed = since if since > one.first_seen + BEAT else 0.0
                adopted[value] = max(adopted.get(value, 0.0), changed)
        yield
    if not counts:
        return Usual()
    last, second = heapq.nlargest(2, [*adopted, ""], key=lambda value: adopted.get(value, 0.0))
    if adopted[last] > adopted.get(second, 0.0) + BEAT:
        return Usual(last, adopted[last])
    return Usual(max(counts, key=lambda value: counts[value]))


def _ails(one: Member, configs: Usual, versions: Usual) -> bool:
    """Whether there is something to see to although it is ready."""
    account = one.account
    return bool(account.ailments or configs.differs(account.config) or versions.differs(account.pomerium))


def _batches(all_: Sequence[T]) -> Iterable[Sequence[T]]:
    return (all_[begin : begin + AT_A_TIME] for begin in range(0, len(all_), AT_A_TIME))
