"""The time by which durations are judged: it goes on during a suspend, and no step of the wall clock moves it."""

from __future__ import annotations

import time
from collections.abc import Callable

STEP = 1.0  # seconds that the wall clock must differ: what NTP slews is less, and is taken over with the next step

_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", None)


def steady() -> float:
    """Seconds since the machine started, those of a suspend included where the platform tells them."""
    return time.monotonic() if _BOOTTIME is None else time.clock_gettime(_BOOTTIME)


class Clock:
    """Seconds since the epoch that pass evenly: the wall clock as it was when this one was last set by it."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = steady) -> None:
        self._wall = wall
        self._steady = steady
        self._offset = wall() - steady()

    def __call__(self) -> float:
        return self._steady() + self._offset

    def step(self) -> float:
        """Sets the clock by the wall clock, where they differ by more than `STEP`; gives the seconds it was moved by.

        Whoever keeps times of this clock must move them by as much.
        """
        by = self._wall() - self()
        if abs(by) <= STEP:
            return 0.0
        self._offset += by
        return by
