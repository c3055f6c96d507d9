"""Every second of an agent: what is to be done in each, a step of the wall clock, and time that it did not get."""

from __future__ import annotations

from collections.abc import Callable

from pomhealth.agent.lag import KEPT
from pomhealth.agent.logs import Log
from pomhealth.clock import Clock, steady


class Timekeeper:
    """`beats` are called each second, `shifts` with the seconds by which the wall clock was set, `aways` with those for
    which the agent did not run. Whoever has something to do then adds itself.
    """

    def __init__(self, clock: Clock, log: Callable[[], Log]) -> None:
        self.beats: list[Callable[[], None]] = []
        self.shifts: list[Callable[[float], None]] = []
        self.aways: list[Callable[[float], None]] = []
        self._clock = clock
        self._log = log
        self._told_away = 0.0

    def second(self) -> None:
        """Another second has passed."""
        for beat in self.beats:
            beat()
        by = self._clock.step()
        if by:
            for shift in self.shifts:
                shift(by)
            self._log().warning(
                "the clock was set; every time that is kept moves with it", seconds=round(by, 3)
            )

    def away(self, seconds: float) -> None:
        """The agent did not run for so long: what it knows is old, and what it asked then got no answer from it."""
        now = steady()
        if not self._told_away or now - self._told_away >= KEPT:
            self._told_away = now
            self._log().warning("pomhealth itself did not run", seconds=round(seconds, 1))
        for away in self.aways:
            away(seconds)
