"""What is remembered between looks at the routes' host names, and whose turn it is. No I/O.

Ten thousand names are looked at in turn, some at each look; those that failed are looked at again before the others.
Memory is bounded: of names that fail, no more are kept than a person would read of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pomhealth.reachability.trouble import Trouble
from pomhealth.replica.routes import Host

Door = tuple[str, int]  # an IP address and a port

KEPT = 500  # names that fail, and doors, that are kept
_BURST = 4  # requests that this cluster may be given to answer (and log) in …
_SPAN = 4 * 3600.0  # … so many seconds


@dataclass(frozen=True, slots=True)
class Pace:
    """How much one look may do: names at most, seconds in which a name may begin, seconds for each.

    A name may take twice as long where it waits for another one that leads to the same address.
    """

    names: int
    begin: float
    each: float


QUICK = Pace(20, 0.5, 1.2)  # two in a row fit into `pomhealth check`, also when everything hangs
ROUND = Pace(200, 4.0, 2.0)


@dataclass(slots=True)
class Memory:
    """All of one replica's. Times are the event loop's.

    `own` is this replica's keys, None while they are not known, and `own_under` the options under which they were
    learnt; `looked` holds the names that were looked at since they came into the configuration, `bad` those that fail,
    `unsure` those of which nothing can be said, and why; `proven` when a door last answered with this cluster's key,
    `answered` the doors that ever did anything but fail.
    """

    options: object = field(default=None, repr=False)
    total: int = 0
    next_round: float = 0.0
    next_unsure: float = 0.0
    place: int = 0
    own: frozenset[str] | None = None
    own_under: object = field(default=None, repr=False)
    looked: set[str] = field(default_factory=set)
    bad: dict[str, Trouble] = field(default_factory=dict)
    unsure: dict[str, tuple[Host, str]] = field(default_factory=dict)
    proven: dict[Door, float] = field(default_factory=dict)
    answered: dict[Door, None] = field(default_factory=dict)
    _spent: list[float] = field(default_factory=list)

    def turn(self, hosts: Sequence[Host], pace: Pace, *, onward: bool) -> list[Host]:
        """The names to look at now: those that fail, those never seen, and with `onward` the next ones in turn."""
        chosen = {host.name: host for host in self.again(pace, unsure=onward)}
        for host in hosts:
            if len(chosen) >= pace.names:
                break
            if host.name not in self.looked:
                chosen.setdefault(host.name, host)
        if onward and hosts:
            start, steps = self.place % len(hosts), 0
            while len(chosen) < pace.names and steps < len(hosts):
                host = hosts[(start + steps) % len(hosts)]
                chosen.setdefault(host.name, host)
                steps += 1
            self.place = (start + steps) % len(hosts)
        return list(chosen.values())

    def again(self, pace: Pace, *, unsure: bool) -> list[Host]:
        """The names that failed, those looked at longest ago first; with `unsure` those too that could not be judged."""
        failed = [trouble.host for trouble, _ in zip(self.bad.values(), range(pace.names), strict=False)]
        unjudged = [host for host, _ in self.unsure.values()] if unsure else []
        return [*failed, *unjudged][: pace.names]

    def serves(self, hosts: Iterable[Host]) -> None:
        """Forgets what the configuration no longer holds."""
        names = {host.name for host in hosts}
        self.total = len(names)
        self.looked &= names
        for kept in (self.bad, self.unsure):
            for name in [name for name in kept if name not in names]:
                kept.pop(name)

    def take(self, host: Host, *, trouble: Trouble | None = None, unsure: str = "") -> None:
        """Takes in what one name's look came to."""
        self.looked.add(host.name)
        self.bad.pop(host.name, None)
        self.unsure.pop(host.name, None)
        if trouble is not None and len(self.bad) < KEPT:
            self.bad[host.name] = trouble
        elif unsure and len(self.unsure) < KEPT:
            self.unsure[host.name] = host, unsure

    def open(self, door: Door) -> None:
        """Notes that there is an answer behind this door."""
        self.answered[door] = None
        while len(self.answered) > KEPT:
            del self.answered[next(iter(self.answered))]

    def prove(self, door: Door, now: float) -> None:
        """Notes that this cluster's key is behind this door, and that a request was spent on it."""
        self.open(door)
        self.proven.pop(door, None)
        self.proven[door] = now
        while len(self.proven) > KEPT:
            del self.proven[next(iter(self.proven))]
        self._spent = [*self._recent(now), now]

    def knows(self, keys: frozenset[str]) -> bool:
        """Whether one of these keys is this replica's own; none at all, where it has none."""
        return keys == self.own or bool(keys & (self.own or frozenset()))

    def may_ask(self, now: float) -> bool:
        """Whether this cluster may be given another request to answer: each leaves lines in a replica's log."""
        return len(self._recent(now)) < _BURST

    def _recent(self, now: float) -> list[float]:
        return [then for then in self._spent if now - then < _SPAN]
