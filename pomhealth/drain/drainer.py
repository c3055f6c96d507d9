"""Carries a drain out: tells the map, counts what is left, and says when it is over."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from pomhealth.agent.bell import Bell
from pomhealth.agent.board import Board
from pomhealth.checks import Context
from pomhealth.clock import steady
from pomhealth.drain.count import Counter
from pomhealth.drain.model import (
    ID,
    WORDS,
    Drain,
    Left,
    Phase,
    Reason,
    Terms,
    advance,
    gone,
    renewed,
    state,
    summary,
    told,
)
from pomhealth.replica.model import Replica
from pomhealth.replica.running import identity
from pomhealth.status import DRAINING, Evidence, Finding, failed

EVERY = 0.5  # seconds between two looks at what is left
BESIDE = (
    0.25  # seconds after each half: the agent's own handshakes with the listener stand on the full second
)
SEEN_LATE = 3.0  # seconds that a new replica may stay unnoticed where its processes cannot be seen

Listener = Callable[[], None]


class Log(Protocol):
    """What is asked of a structured log."""

    def info(self, event: str, **values: object) -> object: ...

    def warning(self, event: str, **values: object) -> object: ...


class Drainer:
    """At most one drain at a time. It is undone by `cancel`, and when another process takes the replica's place."""

    def __init__(
        self,
        board: Board,
        context: Callable[[], Context | None],
        *,
        log: Callable[[], Log],
        counter: Counter | None = None,
        clock: Callable[[], float] = steady,
    ) -> None:
        self._board = board
        self._context = context
        self._log = log
        self._counter = counter or Counter(clock)
        self._clock = clock
        self._drain: Drain | None = None
        self._of: object = None
        self._began = 0.0
        self._task: asyncio.Task[None] | None = None
        self._moved = Bell()
        self._listeners: list[Listener] = []

    @property
    def drain(self) -> Drain | None:
        """The drain that stands, None where there is none."""
        return self._drain

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener` after every look at what is left, and at the end; gives the call that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def begin(self, reason: Reason, terms: Terms) -> None:
        """Takes the replica out of rotation. Where a drain stands already, the newest terms count."""
        replica = self._board.replica
        if self._drain is None:
            self._began = self._clock()
            self._of = identity(replica) if replica is not None else None
            self._counter.anew()
            self._drain = Drain(reason, terms)
            self._log().info(
                "the replica is taken out of rotation",
                why=WORDS[reason],
                notice=terms.notice,
                limit=terms.limit,
            )
        else:
            self._drain = renewed(self._drain, reason, terms, self._age())
        if replica is None or replica.awaited:
            self._drain = gone(self._drain, self._age())
        self._tell()
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._carry_out())

    def cancel(self, why: str = "asked by pomhealth drain --cancel") -> bool:
        """Puts the replica back into rotation; whether there was a drain."""
        if self._drain is None:
            return False
        self._log().info("the replica is back in rotation", why=why)
        self._drain = None
        self._board.take_out(ID, "back in rotation")
        self._say()
        return True

    def found(self, replica: Replica, age: float | None = None) -> None:
        """The replica is this one from now on: the drain of another is over, one of a replica that has ended is too.

        `age` is how many seconds ago its process was started, None where that cannot be seen. One that ran already when
        the drain was asked for is the one that was meant: it had only not been found yet.
        """
        drain = self._drain
        if drain is None:
            return
        if replica.awaited:
            self._drain = gone(drain, self._age())
            self._tell()
        elif self._of is None or (SEEN_LATE if age is None else age) > self._age():
            self._of = identity(replica)
        elif self._of != identity(replica):
            self.cancel("another process has taken the place of the drained replica")

    def reported(self, *, terminating: bool, terms: Terms) -> None:
        """Whether the replica itself says that it is stopping (TERMINATING in its report)."""
        drain = self._drain
        if terminating and drain is None:
            self.begin(Reason.REPLICA, terms)
        elif not terminating and drain is not None and drain.reason is Reason.REPLICA:
            self.cancel("the replica does not say any more that it is stopping")

    async def over(self) -> Drain | None:
        """Returns when the drain has come to its end, or is undone (None)."""
        done = asyncio.Event()

        def look() -> None:
            if self._drain is None or self._drain.phase is Phase.OVER:
                done.set()

        end = self.subscribe(look)
        try:
            look()
            await done.wait()
        finally:
            end()
        return self._drain

    async def close(self) -> None:
        """Ends what runs; the drain stays as it is."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _carry_out(self) -> None:
        while self._goes_on():
            self._take(await self._look())
            if self._goes_on():
                self._moved.hush()
                beside = (asyncio.get_running_loop().time() - BESIDE) % EVERY
                await self._moved.heard(min(EVERY - beside, self._until_limit()))

    def _goes_on(self) -> bool:
        return self._drain is not None and self._drain.phase is not Phase.OVER

    def _take(self, left: Left) -> None:
        """Takes in a look at what is left; the drain may have been undone, or have ended, meanwhile."""
        if self._drain is None or not self._goes_on():
            return
        self._drain = advance(self._drain, left, self._age())
        self._tell()
        if not self._goes_on():
            self._log_end(self._drain)

    async def _look(self) -> Left:
        context = self._context()
        return await self._counter.look(context) if context is not None else Left()

    def _until_limit(self) -> float:
        left = self._drain.terms.limit - self._age() if self._drain is not None else 0.0
        return max(left, 0.01)

    def _age(self) -> float:
        return self._clock() - self._began

    def _tell(self) -> None:
        if self._drain is not None:
            self._board.put(ID, finding(self._drain))
        self._say()

    def _say(self) -> None:
        self._moved.ring()
        for listener in tuple(self._listeners):
            listener()

    def _log_end(self, drain: Drain) -> None:
        values = {
            "after_seconds": round(drain.age, 1),
            "connections": told(drain)["connections"],
            "most": drain.most,
        }
        if drain.end is not None and drain.end.drained:
            self._log().info(f"drained: {state(drain)}", **values)
        else:
            self._log().warning(f"not drained: {state(drain)}", **values)


def finding(drain: Drain) -> Finding:
    """What the map says of a drain. Pure."""
    said = told(drain)
    observed = f"{_number(said['connections'])} connections, {_number(said['requests'])} requests under way"
    return failed(DRAINING, summary(drain), Evidence("the replica's listeners", observed, "none, to stop it"))


def _number(value: int | None) -> str:
    return "an unknown number of" if value is None else str(value)
