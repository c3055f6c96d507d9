"""Learns from the kernel, at once, that something in a directory has changed (inotify(7))."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
from collections.abc import Callable, Iterable

# From <sys/inotify.h>: written and closed, renamed to or from, made, removed, owner or mode changed.
_EVENTS = 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x4
_ONLY_DIRECTORIES = 0x01000000
_libc = ctypes.CDLL(None, use_errno=True)


class Directories:
    """Calls `changed` when an entry of a watched directory changes; what it was is for the caller to find out.

    Where the kernel gives no watches (a limit is reached, a file system without them), nothing is called.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._descriptor = -1
        self._watched: dict[str, int] = {}

    def open(self) -> None:
        """Begins to listen to the kernel, in the running event loop."""
        self._descriptor = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor >= 0:
            asyncio.get_running_loop().add_reader(self._descriptor, self._tell)

    def watch(self, wanted: Iterable[str]) -> None:
        """From now on just these directories are watched. May block where a file system hangs."""
        keep = frozenset(wanted)
        for path in self._watched.keys() - keep:
            _libc.inotify_rm_watch(self._descriptor, self._watched.pop(path))
        for path in keep - self._watched.keys() if self._descriptor >= 0 else ():
            number = _libc.inotify_add_watch(self._descriptor, os.fsencode(path), _EVENTS | _ONLY_DIRECTORIES)
            if number >= 0:
                self._watched[path] = number

    def close(self) -> None:
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
            self._watched.clear()

    def _tell(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._descriptor, 65536):
                continue
        self._changed()
