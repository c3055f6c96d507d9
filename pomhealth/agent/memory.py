"""Gives back the memory that a start, or the reading of a large configuration, needed for a moment.

And what a start has made, which stays, is no more looked through for garbage: that took 40 ms each time.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc

from pomhealth.blocking import Workers
from pomhealth.reach import Silent

_M_ARENA_MAX = -8  # of glibc's mallopt(3)
SETTLED = 12.0  # seconds after a change of the replica when nothing of it lingers
_DEADLINE = 5.0  # seconds


class Memory:
    """Once the replica has not changed for `SETTLED` seconds."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._timer: asyncio.TimerHandle | None = None
        self._work: asyncio.Task[None] | None = None
        _share()

    def needed(self) -> None:
        """Much was needed just now."""
        self.close()
        self._timer = asyncio.get_running_loop().call_later(SETTLED, self._begin)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _begin(self) -> None:
        self._work = asyncio.ensure_future(self._give_back())

    async def _give_back(self) -> None:
        if not gc.get_freeze_count():
            gc.collect()
            gc.freeze()
        with contextlib.suppress(Silent):
            await self._workers.call("memory", _trim, deadline=_DEADLINE)


def _share() -> None:
    """Has all threads take memory from one place: a place for each of them took most of a megabyte, and freed less."""
    limit = getattr(ctypes.CDLL(None), "mallopt", None)
    if limit is not None:
        limit(_M_ARENA_MAX, 1)


def _trim() -> None:
    """What was freed is kept by glibc; another C library may have no such call."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
