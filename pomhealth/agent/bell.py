"""Waiting to be woken, but no longer than so many seconds.

What `asyncio.wait_for(event.wait(), …)` does with a task of its own: the agent does it several times a second for as
long as it runs.
"""

from __future__ import annotations

import asyncio


class Bell:
    """Rings until it is hushed. One waits for it at a time; it is rung in the event loop's thread."""

    def __init__(self) -> None:
        self._rings = False
        self._waiting: asyncio.Future[None] | None = None

    @property
    def rings(self) -> bool:
        return self._rings

    def ring(self) -> None:
        self._rings = True
        self._end()

    def hush(self) -> None:
        self._rings = False

    async def heard(self, seconds: float | None = None) -> bool:
        """Returns once it rings (True) or so many seconds have passed (False); without them it waits for the ring."""
        if self._rings:
            return True
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        timer = loop.call_later(seconds, self._end) if seconds is not None else None
        try:
            await self._waiting
        finally:
            self._waiting = None
            if timer is not None:
                timer.cancel()
        return self._rings

    def _end(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
