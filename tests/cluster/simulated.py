"""A cluster in simulated time: replicas with faults, agents that decide as the real ones do, and their registry.

The decisions are those of `pomhealth.cluster.readiness.policy`; everything around them is drawn from one seed. Times are seconds
since the start of the run.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random

from pomhealth.cluster.model import BEAT, Account, Member, Roster, Trouble
from pomhealth.cluster.readiness.policy import RENEWED, Facts, Held, Policy, Stop, decide, heard

EPOCH = 1.7e9  # of the database's clock
SLOWEST = 0.3  # seconds that the registry takes to be written, or read
AWAY = Trouble("unreachable", "it is away")


@dataclass
class Fault:
    """`config`: of taking a new configuration in; `serves`: requests are answered all the same."""

    since: float
    config: bool = False
    serves: bool = True


@dataclass(eq=False, repr=False)
class Node:
    """One replica and its agent. `turns` is when it went in (True) or out of rotation, and whether it was sound then."""

    name: str
    held: Held = field(default_factory=Held)
    roster: Roster = field(default_factory=Roster)
    faults: dict[str, Fault] = field(default_factory=dict)
    started: bool = True
    draining: bool = False
    cut: bool = False
    stuck: bool = False
    proved: float = 0.0
    asked: float = -RENEWED
    looked: float = -BEAT
    ready: bool = True
    turns: list[tuple[float, bool, bool]] = field(default_factory=list)

    def __repr__(self) -> str:
        return self.name

    @property
    def sound(self) -> bool:
        return self.started and not self.faults and not self.draining

    @property
    def serves(self) -> bool:
        return self.started and all(one.serves for one in self.faults.values())


class Cluster:
    """Replicas under one policy. `at` has something done at a moment, `run` lets time pass."""

    def __init__(self, seed: int, policy: Policy, size: int, *, lost: float = 0.05) -> None:
        self.random = Random(seed)
        self.policy = policy
        self.nodes = [Node(f"r{place}") for place in range(size)]
        self.now = 0.0
        self.down = False
        self.least = size  # the fewest that were ready at a time
        self._lost = lost
        self._moved = 0.0
        self._rows: dict[str, Member] = {}
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        for node in self.nodes:
            self._write(node)
            self._judge(node)
        for node in self.nodes:
            self._read(node)
            self.at(self.random.uniform(0, BEAT), lambda one=node: self._beat(one))  # type: ignore[misc]

    @property
    def ready(self) -> list[Node]:
        return [node for node in self.nodes if node.ready]

    def at(self, moment: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._order), what))

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            self.now, _, what = heapq.heappop(self._events)
            what()
        self.now = until

    def fail(self, node: Node, name: str, *, config: bool = False, serves: bool = True) -> None:
        node.faults[name] = Fault(self.now, config, serves)
        self._turned(node)

    def mend(self, node: Node, name: str) -> None:
        if node.faults.pop(name, None) is not None:
            self._turned(node)

    def restart(self, node: Node, seconds: float) -> None:
        """Another process takes the replica's place; its faults that others share are there again."""
        node.started = False
        self._turned(node)

        def up() -> None:
            node.started = True
            self._turned(node)

        self.at(self.now + seconds, up)

    def drain(self, node: Node, *, on: bool) -> None:
        node.draining = on
        self._turned(node)

    def cut(self, nodes: Iterable[Node], *, on: bool) -> None:
        """These agents do not reach the registry (`on`), or do again."""
        for node in nodes:
            node.cut = on
            if not on:
                self._connect(node)

    def fall(self, *, down: bool) -> None:
        """The registry is away, or back."""
        self.down = down
        if not down:
            for node in self.nodes:
                self._connect(node)

    def step(self, seconds: float) -> None:
        """The database's clock is set."""
        self._moved += seconds

    def _connect(self, node: Node) -> None:
        """Opens a session anew. A sign of life that was on its way to a database which hung may come before all else."""

        def open_session() -> None:
            self._write(node)
            self._read(node)

        if node.stuck:
            self.at(self.now + self._takes(), lambda: self._sign(node))
        node.stuck = False
        self.at(self.now + self._takes(), open_session)

    def _turned(self, node: Node) -> None:
        self._judge(node)
        self.at(self.now + self._takes(), lambda: self._write(node))

    def _beat(self, node: Node) -> None:
        node.stuck = not self._reaches(node)
        self._sign(node)
        self.at(self.now + self._takes(), lambda: self._read(node))
        self.at(self.now + BEAT * self.random.uniform(0.95, 1.05), lambda: self._beat(node))

    def _sign(self, node: Node) -> None:
        if self._reaches(node):
            self._rows[node.name] = replace(self._rows[node.name], last_seen=self._clock)

    def _write(self, node: Node) -> None:
        if not self._reaches(node):
            return
        account = Account(node.name, ready=node.ready, sound=node.sound, draining=node.draining)
        self._rows[node.name] = Member(node.name, account, EPOCH, self._clock)
        for other in self.nodes:
            if self.random.random() >= self._lost:
                self.at(self.now + self._takes(), lambda one=other: self._read(one))  # type: ignore[misc]

    def _read(self, node: Node) -> None:
        if self._reaches(node):
            node.roster = Roster(True, node.name, tuple(self._rows.values()), at=self._clock)
            node.held = heard(node.held, node.roster, self.now)
        else:
            node.roster = replace(node.roster, trouble=AWAY)
        self._judge(node)

    def _judge(self, node: Node) -> None:
        stops = tuple(
            Stop(name, self.now - fault.since, config=fault.config, shareable=fault.serves)
            for name, fault in node.faults.items()
        )
        if node.draining:
            stops += (Stop("replica.drain", 0.0),)
        facts = Facts(node.sound, node.started, stops, self.now - node.proved, refuted=not node.serves)
        decision = decide(node.held, facts, self.policy, node.roster, self.now)
        node.held = decision.held
        ready = node.started and all(stop.id in decision.excused for stop in stops)
        if ready != node.ready:
            node.ready = ready
            node.turns.append((self.now, ready, node.sound))
            self.at(self.now + self._takes(), lambda: self._write(node))
        self.least = min(self.least, len(self.ready))
        if decision.prove and self.now - node.asked >= 1.0:
            node.asked = self.now
            self.at(self.now + self.random.uniform(0.05, 1.0), lambda: self._proved(node))
            self.at(self.now + 1.5, lambda: self._judge(node))
        if node.held.since is not None and self.now - node.looked >= 1.0:
            node.looked = self.now
            self.at(self.now + 1.0 + self._takes(), lambda: self._read(node))

    def _proved(self, node: Node) -> None:
        if node.serves:
            node.proved = self.now
        self._judge(node)

    def _reaches(self, node: Node) -> bool:
        return not node.cut and not self.down

    @property
    def _clock(self) -> float:
        return EPOCH + self.now + self._moved

    def _takes(self) -> float:
        return self.random.uniform(0.005, SLOWEST)
