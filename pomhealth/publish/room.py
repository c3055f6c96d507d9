"""How many clients there is room for, so that no number of them takes the agent's memory or descriptors."""

from __future__ import annotations

import contextlib
import heapq
import resource
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

MOST = 512  # connections; the longest idle one makes room for the next
MOST_STUCK = 32  # connections that do not take their answers, each with an answer and some questions waiting
_SLACK = 64  # notes of clients that have left, before they are thrown away
_WANTED = 4096  # descriptors: far more than clients and probes ever need together


class Client(Protocol):
    """Somebody connected. `since` is when it last did something, and never goes back."""

    since: float

    def drop(self) -> None:
        """Ends the connection at once, and leaves."""


One = TypeVar("One", bound=Client)


class Room(Generic[One]):
    """So many clients and no more. What they do costs nothing here: their order is looked up when one must go."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._present: set[One] = set()
        self._queue: list[tuple[float, int, One]] = []  # a heap; nobody did something earlier than it says
        self._entered = 0

    def __len__(self) -> int:
        return len(self._present)

    def __iter__(self) -> Iterator[One]:
        return iter(tuple(self._present))

    def enter(self, one: One) -> None:
        """Takes one in; where it is full the one that did nothing for longest is dropped."""
        while len(self._present) >= self.most and self._queue:
            self._drop_longest_idle()
        self._present.add(one)
        self._note(one)
        if len(self._queue) > 2 * len(self._present) + _SLACK:
            self._queue = []
            for each in self._present:
                self._note(each)

    def leave(self, one: One) -> None:
        self._present.discard(one)

    def _drop_longest_idle(self) -> None:
        noted, _, one = heapq.heappop(self._queue)
        if one not in self._present:
            return
        if one.since > noted:
            self._note(one)
        else:
            self._present.discard(one)
            one.drop()

    def _note(self, one: One) -> None:
        self._entered += 1
        heapq.heappush(self._queue, (one.since, self._entered, one))


def room_for_clients() -> int:
    """How many connections may be open, after asking the kernel for enough descriptors; half are left for probes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return MOST if soft == resource.RLIM_INFINITY else min(MOST, max(soft // 2, 1))
