"""How many clients there is room for, so that no number of them takes the agent's memory or descriptors."""

from __future__ import annotations

import contextlib
import resource
from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

MOST = 512  # connections; the longest idle one makes room for the next
MOST_STUCK = 32  # connections that do not take their answers, each with an answer and some questions waiting
_WANTED = 4096  # descriptors: far more than clients and probes ever need together


class Client(Protocol):
    """Somebody connected."""

    def drop(self) -> None:
        """Ends the connection at once."""


One = TypeVar("One", bound=Client)


class Room(Generic[One]):
    """So many clients and no more, in the order in which they last did something."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._order: OrderedDict[One, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[One]:
        return iter(tuple(self._order))

    def enter(self, one: One) -> None:
        """Takes one in; where it is full the one that did nothing for longest is dropped."""
        if len(self._order) >= self.most:
            self._order.popitem(last=False)[0].drop()
        self._order[one] = None

    def stir(self, one: One) -> None:
        """It has done something just now."""
        if one in self._order:  # else it has been dropped, and its last words arrive
            self._order.move_to_end(one)

    def leave(self, one: One) -> None:
        self._order.pop(one, None)


def room_for_clients() -> int:
    """How many connections may be open, after asking the kernel for enough descriptors; half are left for probes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return MOST if soft == resource.RLIM_INFINITY else min(MOST, max(soft // 2, 1))
