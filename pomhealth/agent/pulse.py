"""Whether each part of the agent goes on: by when it was to be heard of again."""

from __future__ import annotations

import time
from collections.abc import Callable

SLACK = 10.0  # seconds later than it said that a part may go on, beside those in which the agent did not run at all
_MOST = 1.5  # seconds that count of the time between two ticks, which come every second


class Pulse:
    """Parts say within how many seconds they go on. Those count only while the agent itself gets to run.

    So nothing seems stuck on a machine that is starved, was suspended, or had this process stopped: after it each part
    has the time that it asked for.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ticked = clock()
        self._lived = 0.0
        self._due: dict[str, float] = {}

    def tick(self) -> None:
        """The event loop is served; called every second."""
        now = self._clock()
        self._lived += min(now - self._ticked, _MOST)
        self._ticked = now

    def expect(self, part: str, within: float) -> None:
        """This part goes on now, and will again within so many seconds."""
        self._due[part] = self._lived + within + SLACK

    def rest(self, part: str) -> None:
        """This part waits for something that may never come."""
        self._due.pop(part, None)

    def stuck(self) -> str:
        """The part that is overdue for longest; "" where none is."""
        part = min(self._due, key=self._due.__getitem__, default="")
        return part if part and self._due[part] < self._lived else ""
