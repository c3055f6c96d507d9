"""What Pomerium tells systemd of itself, from 0.31 on (pkg/health/systemd.go): ready, that it is there, its last error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from pomhealth.demo.standin.health import RUNNING, Book
from pomhealth.systemd.notify import Notifier

_LOOK_EVERY = 0.1  # seconds
_LONGEST = 80  # characters of a status, as Pomerium cuts it
_MICRO = 1e6


class Notify:
    """Ready once every component that must report is RUNNING, and not before; an error is told, and never taken back."""

    def __init__(
        self, book: Book, checks: Callable[[], tuple[str, ...]], environment: Mapping[str, str]
    ) -> None:
        self._book = book
        self._checks = checks
        self._notifier = Notifier(environment.get("NOTIFY_SOCKET", ""))
        self._watchdog = float(environment.get("WATCHDOG_USEC") or 0) / _MICRO
        self._ready = False
        self._said: dict[str, str] = {}

    async def run(self) -> None:
        """Until it is cancelled."""
        if not self._notifier.heard:
            return
        loop = asyncio.get_running_loop()
        fed = loop.time()
        while True:
            self._tell()
            if self._watchdog and loop.time() - fed >= self._watchdog / 2:
                fed = loop.time()
                self._notifier.tell(WATCHDOG=1)
            await asyncio.sleep(_LOOK_EVERY)

    def stopping(self) -> None:
        """It is about to end."""
        self._notifier.tell(STOPPING=1)
        self._notifier.close()

    def _tell(self) -> None:
        entries = self._book.entries
        for name, entry in entries.items():
            if entry.error and self._said.get(name) != entry.error:
                self._notifier.tell(STATUS=f"Error in {name}: {entry.error}"[:_LONGEST])
            self._said[name] = entry.error
        if not self._ready and all(
            name in entries and entries[name].status == RUNNING for name in self._checks()
        ):
            self._ready = True
            self._notifier.tell(READY=1)
