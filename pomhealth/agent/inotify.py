"""Learns from the kernel, at once, that something in a directory has changed (inotify(7))."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import struct
from collections.abc import Callable, Iterable, Iterator

# From <sys/inotify.h>: written and closed, renamed to or from, made, removed, owner or mode changed; and the
# directory itself removed or renamed.
_EVENTS = 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x4 | 0x400 | 0x800
_ONLY_DIRECTORIES = 0x01000000
_EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows
_libc = ctypes.CDLL(None, use_errno=True)


class Directories:
    """Calls `changed` when an entry of a watched directory changes; what it was is for the caller to find out.

    Where the kernel gives no watches (a limit is reached, a file system without them), nothing is called; `whole`
    tells whether it has given every one that is wanted.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._descriptor = -1
        self._watched: dict[str, int] = {}
        self.whole = False
        self._told: set[str] = set()

    def open(self) -> None:
        """Begins to listen to the kernel, in the running event loop."""
        self._descriptor = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor >= 0:
            asyncio.get_running_loop().add_reader(self._descriptor, self._tell)

    def watch(self, wanted: Iterable[str]) -> None:
        """From now on just these directories are watched. May block where a file system hangs.

        Each is asked for anew: under its name another directory may stand by now, which has another number.
        """
        if self._descriptor < 0:
            return
        before, now = self._watched, dict[str, int]()
        paths = frozenset(wanted)
        for path in paths:
            number = _libc.inotify_add_watch(self._descriptor, os.fsencode(path), _EVENTS | _ONLY_DIRECTORIES)
            if number >= 0:
                now[path] = number
        self._watched = now
        self.whole = len(now) == len(paths)
        for number in set(before.values()) - set(now.values()):
            _libc.inotify_rm_watch(self._descriptor, number)

    def take(self) -> frozenset[str]:
        """The directories in which something has changed since this was asked last."""
        told, self._told = self._told, set()
        return frozenset(told)

    def close(self) -> None:
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
            self._watched = {}

    def _tell(self) -> None:
        numbers: set[int] = set()
        with contextlib.suppress(BlockingIOError):
            while True:
                numbers.update(_numbers(os.read(self._descriptor, 65536)))
        watched = self._watched
        lost = -1 in numbers  # the kernel's queue ran over: it may have been anywhere
        self._told.update(path for path, number in watched.items() if lost or number in numbers)
        self._changed()


def _numbers(events: bytes) -> Iterator[int]:
    """The watch that each event is about."""
    at = 0
    while at + _EVENT.size <= len(events):
        number, _, _, length = _EVENT.unpack_from(events, at)
        yield number
        at += _EVENT.size + length
