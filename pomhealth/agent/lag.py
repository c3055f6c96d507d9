"""How late the agent itself is: a busy machine, a SIGSTOP, a suspend. What then gets no answer proves nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from pomhealth.clock import steady

BEAT = 1.0  # seconds between two ticks: to wake for nothing else costs more than all the rest of it
TICK = 0.25  # seconds between them while something is waited for
KEPT = 60.0  # seconds for which a late tick is remembered
LEAST = 0.15  # seconds late at which a silence may be our own
GONE = 2.0  # seconds late at which we did not run at all
_MOST = 256  # late ticks that are remembered, at most
_SLACK = 0.02  # seconds late that any process may be


@dataclass(frozen=True, slots=True)
class Late:
    """Seconds for which the event loop was not served: the longest time in one go, and all together."""

    worst: float = 0.0
    total: float = 0.0


class Lag:
    """Ticks on the event loop, and remembers the ticks that came late. Who waits for an answer ticks more often: `came`.

    `beat` is called at each tick; `back` when a tick was `GONE` seconds late or more, with those seconds.
    """

    def __init__(
        self,
        *,
        beat: Callable[[], object] = lambda: None,
        back: Callable[[float], object] = lambda _: None,
        clock: Callable[[], float] = steady,
    ) -> None:
        self._beat = beat
        self._back = back
        self._clock = clock
        self._due = float("inf")
        self._late: deque[tuple[float, float]] = deque(maxlen=_MOST)  # (due, came)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begins to tick on the running event loop."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        wait = BEAT - now % BEAT
        self._due = self._clock() + wait
        self._timer = loop.call_at(now + wait, self._tick)

    def stop(self) -> None:
        self._due = float("inf")
        if self._timer is not None:
            self._timer.cancel()

    def now(self) -> float:
        """The moment, as `since` and `worst` understand it."""
        return self._clock()

    def came(self, due: float) -> None:
        """Tells of a moment at which the event loop should have been served, as soon as it has been."""
        now = self._clock()
        if now - due <= _SLACK:
            return
        if self._late and due <= self._late[-1][1]:
            due = min(due, self._late.pop()[0])  # the same time away, seen by several
        self._late.append((due, now))

    def since(self, moment: float) -> Late:
        """How late the agent was since then, with a tick that is overdue right now. Remembers a minute."""
        now = self._clock()
        if now - self._due > _SLACK:
            self.came(self._due)
        spans = [came - max(due, moment) for due, came in self._late if came > moment]
        return Late(max(spans), sum(spans)) if spans else Late()

    def worst(self, since: float) -> float:
        """The longest time in seconds for which the event loop was not served since then."""
        return self.since(since).worst

    def _tick(self) -> None:
        now, due = self._clock(), self._due
        self.came(due)
        self.start()
        if now - due >= GONE:
            self._back(now - due)
        self._beat()


def excuses(late: Late, took: float) -> bool:
    """Whether a wait of `took` seconds that got no answer may have got none because we were late. Pure.

    We must have been away for a quarter of it in one go, or for half of it altogether: on a machine that is always
    somewhat late a healthy replica still answers in what is left, and a hang must be found there too.
    """
    return late.worst >= LEAST and (late.worst >= took / 4 or late.total >= took / 2)
