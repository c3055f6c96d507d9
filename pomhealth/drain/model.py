"""A drain: what is left, and when it is over. Pure.

The load balancer is given time to notice that the replica is not ready. Then what is still connected is waited for,
up to a limit. A connection that carries no request and no byte any more need not end: nobody misses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

ID = "replica.drain"  # under which the map tells of it
QUIET = 5.0  # seconds without a byte after which a connection without a request is idle


class Reason(str, Enum):
    """Why the replica is taken out of rotation."""

    ASKED = "asked"
    STOP = "stop"
    REPLICA = "replica"


WORDS = {
    Reason.ASKED: "`pomhealth drain` asked for it",
    Reason.STOP: "pomhealth was told to stop",
    Reason.REPLICA: "the replica is stopping",
}


class Phase(str, Enum):
    """How far a drain is: the load balancer is to notice, connections are to end, it is over."""

    NOTICE = "notice"
    ENDING = "ending"
    OVER = "over"


class End(str, Enum):
    """How a drain came to its end."""

    ENDED = "ended"
    IDLE = "idle"
    GONE = "gone"
    LIMIT = "limit"

    @property
    def drained(self) -> bool:
        """Whether the replica can be stopped without a request being cut."""
        return self is not End.LIMIT


@dataclass(frozen=True, slots=True)
class Left:
    """What is still connected. None for what cannot be seen from here.

    `connections` are those to the main listener, `requests` those that Envoy works on; `quiet` is for how many seconds
    no byte has passed on any of the connections, `asked` how many seconds ago Envoy told of its requests. `others` are
    connections to listeners that Envoy counts no requests of (SSH); `unseen` tells that some may be open which the
    kernel does not count (HTTP/3): then only Envoy's word of its requests ends the drain.
    """

    connections: int | None = None
    requests: int | None = None
    quiet: float = 0.0
    asked: float = 0.0
    others: int = 0
    unseen: bool = False

    @property
    def count(self) -> int | None:
        return None if self.connections is None else self.connections + self.others

    @property
    def nothing(self) -> bool:
        """Whether nobody is connected any more."""
        return self.count == 0 and (not self.unseen or self.requests == 0)

    @property
    def idle(self) -> bool:
        """Whether what is connected is not used: no request, and no byte since that is known, nor for a while."""
        settled = self.quiet >= max(QUIET, self.asked)
        return self.connections is not None and not self.others and self.requests == 0 and settled


@dataclass(frozen=True, slots=True)
class Terms:
    """Seconds that the load balancer has to notice, and seconds that the drain may take in all."""

    notice: float
    limit: float


@dataclass(frozen=True, slots=True)
class Drain:
    """One drain as it stands. `age` is how many seconds ago it began, `most` how many were connected at most.

    `left` is None until it was looked at.
    """

    reason: Reason
    terms: Terms
    age: float = 0.0
    left: Left | None = None
    most: int = 0
    end: End | None = None

    @property
    def phase(self) -> Phase:
        if self.end is not None:
            return Phase.OVER
        return Phase.NOTICE if self.age < self.terms.notice else Phase.ENDING


def advance(drain: Drain, left: Left, age: float) -> Drain:
    """The drain after a look at what is left, `age` seconds after it began. What is over stays so."""
    if drain.end is not None:
        return replace(drain, left=left)
    seen = replace(drain, age=age, left=left, most=max(drain.most, left.count or 0))
    return replace(seen, end=_end(seen))


def gone(drain: Drain, age: float) -> Drain:
    """The drain after the end of the replica itself."""
    left = Left(connections=0, requests=0)
    return drain if drain.end is not None else replace(drain, age=age, left=left, end=End.GONE)


def renewed(drain: Drain, reason: Reason, terms: Terms, age: float) -> Drain:
    """The drain after somebody asks for one that is under way, or came to its limit: the newest terms count.

    The load balancer's time goes on from where it is.
    """
    again = Drain(reason, Terms(terms.notice, age + terms.limit), age, drain.left, drain.most)
    return drain if drain.end is not None and drain.end.drained else again


def _end(drain: Drain) -> End | None:
    if drain.left is not None and drain.phase is not Phase.NOTICE:
        if drain.left.nothing:
            return End.ENDED
        if drain.left.idle:
            return End.IDLE
    return End.LIMIT if drain.age >= drain.terms.limit else None


def summary(drain: Drain) -> str:
    """How it stands, in one line; it changes only when there is something new to say."""
    return f"taken out of rotation ({WORDS[drain.reason]}): {state(drain)}"


def state(drain: Drain) -> str:
    """How far it is, in a clause."""
    open_ = _open(drain.left)
    if drain.end is End.GONE:
        return "the replica has ended"
    if drain.end is End.ENDED:
        return "every connection has ended; it can be stopped"
    if drain.end is End.IDLE:
        return f"{open_}, all of them idle; it can be stopped"
    if drain.end is End.LIMIT:
        return f"{open_} after {drain.terms.limit:g} s, the limit"
    if drain.phase is Phase.NOTICE:
        return f"{open_}; the load balancer has {drain.terms.notice:g} s to notice"
    return f"{open_}, waited for up to {drain.terms.limit:g} s"


def _open(left: Left | None) -> str:
    return "connections are being counted" if left is None else numbers(left.count, left.requests)


def numbers(connections: int | None, requests: int | None) -> str:
    """How many are left, in words."""
    if connections is None:
        return "connections cannot be counted from here"
    many = f"{connections} connection{'' if connections == 1 else 's'} open"
    return f"{many}, {requests} request{'' if requests == 1 else 's'} under way" if requests else many


def told(drain: Drain) -> Mapping[str, Any]:
    """As a program reads it."""
    return {
        "reason": drain.reason.value,
        "phase": drain.phase.value,
        "age": round(drain.age, 1),
        "notice": drain.terms.notice,
        "limit": drain.terms.limit,
        "connections": drain.left.count if drain.left is not None else None,
        "requests": drain.left.requests if drain.left is not None else None,
        "most": drain.most,
        "end": drain.end.value if drain.end is not None else None,
        "drained": drain.end is not None and drain.end.drained,
        "state": state(drain),
        "summary": summary(drain),
    }
