"""What signals mean to the agent.

SIGTERM, and SIGINT, stop it cleanly; SIGHUP has it read its settings again. A second SIGTERM or SIGINT ends it at
once. After a clean stop by SIGTERM the exit status is 0, since stopping is what was asked for; a SIGINT is raised
again with its default handler, so that a shell sees that ^C ended the program and stops its script too.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

_STOPPING = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """The handlers of one run. `stop` is set by the first stopping signal, which is then `caught`."""

    def __init__(self, *, reload: Callable[[], None]) -> None:
        self.stop = asyncio.Event()
        self.caught: signal.Signals | None = None
        self._reload = reload

    def install(self) -> None:
        loop = asyncio.get_running_loop()
        for number in _STOPPING:
            loop.add_signal_handler(number, self._stopped, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        signal.pthread_sigmask(
            signal.SIG_UNBLOCK, _STOPPING
        )  # what came while the program was loaded comes now

    def restore(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (*_STOPPING, signal.SIGHUP):
            loop.remove_signal_handler(number)

    def _stopped(self, number: signal.Signals) -> None:
        if self.caught is not None:
            os._exit(128 + number)
        self.caught = number
        self.stop.set()


def exit_status(caught: signal.Signals | None) -> int:
    """The exit status after a clean stop. For SIGINT this does not come back, but where the kernel protects process 1."""
    if caught is not signal.SIGINT:
        return 0
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.raise_signal(signal.SIGINT)
    return 128 + signal.SIGINT
