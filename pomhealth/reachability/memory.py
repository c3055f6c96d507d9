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
_BURST = 4  # requests that this cluster may have to answer (and log) at once …
_REFILL = 7200.0  # … and seconds until it may have one more


@dataclass(frozen=True, slots=True)
class Pace:
    """How much one look may do: names at most, seconds in which a name may begin, seconds for each."""

    names: int
    begin: float
    each: float


QUICK = Pace(20, 0.5, 1.2)  # two in a row fit into `pomhealth check`, also when everything hangs
ROUND = Pace(200, 6.0, 3.0)


@dataclass(slots=True)
class Memory:
    """All of one replica's. Times are the event loop's.

    `looked` holds the names that were looked at since they came into the configuration, `bad` those that fail,
    `unsure` why nothing can be said of some; `proven` when a door last answered with this cluster's key, `answered`
    the doors that ever did anything but fail.
    """

    options: object = None
    total: int = 0
    next_round: float = 0.0
    place: int = 0
    own: tuple[float, frozenset[str]] | None = None
    looked: set[str] = field(default_factory=set)
    bad: dict[str, Trouble] = field(default_factory=dict)
    unsure: dict[str, str] = field(default_factory=dict)
    proven: dict[Door, float] = field(default_factory=dict)
    answered: dict[Door, None] = field(default_factory=dict)
    _spent: list[float] = field(default_factory=list)

    def turn(self, hosts: Sequence[Host], pace: Pace, *, onward: bool) -> list[Host]:
        """The names to look at now: those that fail, those never seen, and with `onward` the next ones in turn."""
        chosen = {host.name: host for host in self.again(pace)}
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

    def again(self, pace: Pace) -> list[Host]:
        """The names that failed, those looked at longest ago first."""
        return [trouble.host for trouble, _ in zip(self.bad.values(), range(pace.names), strict=False)]

    def serves(self, hosts: Iterable[Host]) -> None:
        """Forgets what the configuration no longer holds."""
        names = {host.name for host in hosts}
        self.total = len(names)
        self.looked &= names
        for kept in (self.bad, self.unsure):
            for name in [name for name in kept if name not in names]:
                del kept[name]

    def take(self, host: Host, *, trouble: Trouble | None = None, unsure: str = "") -> None:
        """Takes in what one name's look came to."""
        self.looked.add(host.name)
        self.bad.pop(host.name, None)
        self.unsure.pop(host.name, None)
        if trouble is not None and len(self.bad) < KEPT:
            self.bad[host.name] = trouble
        elif unsure and len(self.unsure) < KEPT:
            self.unsure[host.name] = unsure

    def open(self, door: Door) -> None:
        """Notes that there is an answer behind this door."""
        self.answered[door] = None
        while len(self.answered) > KEPT:
            del self.answered[next(iter(self.answered))]

    def prove(self, door: Door, now: float, *, asked: bool = True) -> None:
        """Notes that this cluster's key is behind this door; `asked` where that took a request that it logs."""
        self.open(door)
        self.proven.pop(door, None)
        self.proven[door] = now
        while len(self.proven) > KEPT:
            del self.proven[next(iter(self.proven))]
        if asked:
            self._spent = [*(then for then in self._spent if now - then < _BURST * _REFILL), now]

    def may_ask(self, now: float) -> bool:
        """Whether this cluster may be given another request to answer: each leaves lines in a replica's log."""
        recent = [then for then in self._spent if now - then < _BURST * _REFILL]
        return len(recent) < _BURST
