"""Learns from the kernel, at once, that something was mounted, unmounted or mounted otherwise (proc(5), mountinfo)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
from collections.abc import Callable


class Mounts:
    """Calls `changed` when the mounts that a process sees change. Where they may not be read, nothing is called."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._table = -1
        self._change: select.epoll | None = None
        self._of = 0

    def watch(self, pid: int | None) -> None:
        """From now on the mounts of this process are watched, our own where it is None or may not be asked."""
        of = pid or os.getpid()
        if of == self._of:
            return
        self.close()
        for one in dict.fromkeys((of, os.getpid())):
            with contextlib.suppress(OSError):
                self._table = os.open(f"/proc/{one}/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
                break
        if self._table < 0:
            return
        self._of = of
        # The table itself can be read at any time, so the loop would never rest: only a change is to wake it.
        self._change = select.epoll()
        self._change.register(self._table, select.EPOLLPRI)
        asyncio.get_running_loop().add_reader(self._change.fileno(), self._tell, self._change)

    def close(self) -> None:
        if self._change is not None:
            asyncio.get_running_loop().remove_reader(self._change.fileno())
            self._change.close()
            self._change = None
        if self._table >= 0:
            os.close(self._table)
            self._table = -1
        self._of = 0

    def _tell(self, change: select.epoll) -> None:
        change.poll(0)
        self._changed()
