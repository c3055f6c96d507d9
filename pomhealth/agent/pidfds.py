"""Learns from the kernel, at once, that a process has ended (pidfd_open(2))."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable

from pomhealth.replica import processes
from pomhealth.replica.model import Process


class Pidfds:
    """Calls `ended` when one of the watched processes ends. Where the kernel has no pidfds, nothing is called.

    `whole` tells whether the kernel will tell of every one that is wanted.
    """

    def __init__(self, ended: Callable[[Process], None]) -> None:
        self._ended = ended
        self._open: dict[Process, int] = {}
        self.whole = False

    def watch(self, wanted: Iterable[Process]) -> None:
        """From now on just these processes are watched."""
        keep = frozenset(wanted)
        for process in self._open.keys() - keep:
            self._close(process)
        for process in keep - self._open.keys():
            self._add(process)
        self.whole = keep == self._open.keys()

    def close(self) -> None:
        self.watch(())

    def _add(self, process: Process) -> None:
        try:
            descriptor = os.pidfd_open(process.pid)
        except (OSError, AttributeError):
            return  # it has ended already, or the kernel is older than 5.3: polling tells it
        if processes.state(process) is None:
            os.close(descriptor)
            return
        self._open[process] = descriptor
        asyncio.get_running_loop().add_reader(descriptor, self._tell, process)

    def _tell(self, process: Process) -> None:
        self._close(process)
        self._ended(process)

    def _close(self, process: Process) -> None:
        descriptor = self._open.pop(process)
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
