"""Learns from the kernel, at once, that something in a directory has changed (inotify(7))."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping

from pomhealth.touch import touching

# From <sys/inotify.h>: written and closed, renamed to or from, made, removed, owner or mode changed; and the
# directory itself removed or renamed.
_EVENTS = 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x4 | 0x400 | 0x800
_ON_THE_WAY = 0x4 | 0x400 | 0x800  # of a directory above: its own owner or mode, its removal, its renaming
_ONLY_DIRECTORIES = 0x01000000
_ADD = 0x20000000  # to the events that the same directory is watched for already
_IGNORED = 0x8000  # the kernel has taken the watch away
_EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows
_libc = ctypes.CDLL(None, use_errno=True)


class Directories:
    """Calls `changed` when an entry of a watched directory changes; what it was is for the caller to find out.

    A directory that is not there is waited for in the nearest one above it that is. Where the kernel gives no watches
    (a limit is reached, a file system without them), nothing is called; `whole` tells whether it has given every one
    that is wanted, and keeps them.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._descriptor = -1
        self._wanted: frozenset[str] = frozenset()
        self._watched: Mapping[int, frozenset[str]] = {}
        self._inside: frozenset[int] = frozenset()
        self.whole = False
        self._told: set[str] = set()
        self._turn = 0

    def open(self) -> None:
        """Begins to listen to the kernel, in the running event loop."""
        self._descriptor = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor >= 0:
            asyncio.get_running_loop().add_reader(self._descriptor, self._tell)

    def watch(self, wanted: Iterable[str]) -> None:
        """From now on just these directories are watched. May block where a file system hangs.

        Each is asked for anew: under its name another directory may stand by now, which has another number.
        """
        self._wanted = frozenset(wanted)
        if self._descriptor < 0:
            return
        self._turn += 1
        turn, before, now, inside = self._turn, self._watched, dict[int, set[str]](), set[int]()
        there = [self._add(path, now, inside) for path in self._wanted]
        if turn != self._turn:
            return  # it hung, and another call has overtaken it
        self._inside = frozenset(inside)
        self._watched = {number: frozenset(paths) for number, paths in now.items()}
        self.whole = all(there)
        for number in before.keys() - now.keys():
            _libc.inotify_rm_watch(self._descriptor, number)

    def renew(self) -> None:
        """Asks anew for what the kernel has not given, or has taken away. May block where a file system hangs."""
        if not self.whole:
            self.watch(self._wanted)

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
        self.whole = False

    def _add(self, path: str, now: dict[int, set[str]], inside: set[int]) -> bool:
        """Watches a directory and those above it, whose renaming changes what its path leads to.

        Whether it is there. `now` takes up the watches, `inside` those whose entries count.
        """
        found = ""
        for one in (path, *_above(path)):
            number = self._ask(one, _ON_THE_WAY if found else _EVENTS)
            if number < 0:
                continue
            now.setdefault(number, set()).add(path)
            if not found:
                inside.add(number)
                found = one
        return found == path

    def _ask(self, directory: str, events: int) -> int:
        """The number of the watch; -1 where there is none."""
        mask = events | _ONLY_DIRECTORIES | _ADD
        number = -1
        with contextlib.suppress(TimeoutError), touching(directory):
            number = _libc.inotify_add_watch(self._descriptor, os.fsencode(directory), mask)
        return number

    def _tell(self) -> None:
        told: dict[int, int] = {}
        with contextlib.suppress(BlockingIOError):
            while True:
                for number, mask, entry in _events(os.read(self._descriptor, 65536)):
                    if not entry or number in self._inside or number not in self._watched:
                        told[number] = told.get(number, 0) | mask
        watched = self._watched
        # The kernel's queue ran over, or a watch is so new that its number is not known yet: it may have been anywhere.
        if any(number not in watched and mask != _IGNORED for number, mask in told.items()):
            self._told.update(self._wanted)
        known = [number for number in told if number in watched]
        self._told.update(*(watched[number] for number in known))
        if any(told[number] & _IGNORED for number in known):
            self.whole = False
        if self._told:
            self._changed()


def _above(path: str) -> Iterator[str]:
    """The directories above this one, the nearest first."""
    while (up := os.path.dirname(path)) not in ("", path):  # noqa: PTH120  (paths are strings here)
        yield up
        path = up


def _events(events: bytes) -> Iterator[tuple[int, int, bool]]:
    """The watch that each event is about, what it is, and whether it is about an entry of the directory."""
    at = 0
    while at + _EVENT.size <= len(events):
        number, mask, _, length = _EVENT.unpack_from(events, at)
        yield number, mask, length > 0
        at += _EVENT.size + length
