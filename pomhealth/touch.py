"""Touching a file system that may not answer (a stuck network mount): each touch says which path it is about.

Whoever runs the call in a thread (`blocking.Workers`) then sees what it hangs on, leaves that thread behind, and runs
the call again with the place marked: it fails at once there, and goes on with everything else.
"""

from __future__ import annotations

import errno
import posixpath
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

SAYS = "the file system does not answer"
PATIENCE = 1.0  # seconds for one touch of a file system that may hang as a whole
PATIENCE_HERE = 4.0  # seconds for any other: a busy disk, or a thread that waits for its turn, is no hang
_CAN_HANG = ("fuse", "nfs", "cifs", "smb", "9p", "ceph", "gluster", "lustre", "afs", "beegfs", "autofs")


class Left(BaseException):
    """Ends a call in a thread that was left behind."""


class Stuck:
    """The places that do not answer, each with the thread that is left waiting there. Shared by threads."""

    def __init__(self) -> None:
        self._places: dict[str, Call] = {}

    def __bool__(self) -> bool:
        return bool(self._places)

    def mark(self, call: Call, path: str) -> str:
        """From now on what lies there fails at once, until `call` comes back; gives the place, "" if known before."""
        place = place_of(path)
        known = place in self._places
        self._places = {**self._places, place: call}
        return "" if known else place

    def free(self, call: Call) -> tuple[str, ...]:
        """The places that answer again, now that this call has come back."""
        free = tuple(place for place, one in self._places.items() if one is call)
        self._places = {place: one for place, one in self._places.items() if one is not call}
        return free

    def covers(self, path: str) -> bool:
        return any(path == place or path.startswith(f"{place}/") for place in self._places)


class Call:
    """One call in a thread: what it touches now, and since when."""

    def __init__(self, stuck: Stuck) -> None:
        self.stuck = stuck
        self.touched: tuple[str, float] | None = None
        self.left = False

    def hangs_on(self) -> str:
        """The path that this call has touched for longer than its file system may take; empty where there is none."""
        touched = self.touched
        if touched is None:
            return ""
        path, since = touched
        lasts = time.monotonic() - since
        hangs = lasts >= PATIENCE_HERE or (lasts >= PATIENCE and bool(may_hang((path,))))
        return path if hangs else ""


_here = threading.local()


def enter(call: Call | None) -> None:
    """This thread runs this call from now on."""
    _here.call = call


class touching:  # noqa: N801  (a context manager, used as a function)
    """Within the block this thread touches `path`. Raises OSError (ETIMEDOUT) where that is known not to answer."""

    __slots__ = ("_before", "_call", "_path")

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        call: Call | None = getattr(_here, "call", None)
        self._call = call
        if call is None:
            return
        if call.stuck and call.stuck.covers(self._path):
            raise OSError(errno.ETIMEDOUT, SAYS, self._path)
        self._before = call.touched
        call.touched = (self._path, time.monotonic())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        call = self._call
        if call is None:
            return
        call.touched = self._before
        if call.left:
            raise Left


def place_of(path: str) -> str:
    """What is taken for stuck when this path is: its mount where that may hang as a whole, else its directory."""
    directory = posixpath.dirname(path) or path
    found = [mount for mount in _mounts(_root(path)) if _below(path, mount)]
    return max(found, key=len, default=directory)


def may_hang(paths: Iterable[str]) -> frozenset[str]:
    """Those that stand on a mount which may hang as a whole. Blocking, and quick: no mount is touched."""
    known: dict[str, list[str]] = {}
    found = set()
    for path in paths:
        root = _root(path)
        if root not in known:
            known[root] = _mounts(root)
        if any(_below(path, mount) for mount in known[root]):
            found.add(path)
    return frozenset(found)


def _below(path: str, mount: str) -> bool:
    return path == mount or path.startswith(f"{mount}/")


def _root(path: str) -> str:
    """The prefix of another mount namespace (/proc/PID/root) that the path has; "" in our own."""
    parts = path.split("/", 4)
    return "/".join(parts[:4]) if parts[1:2] == ["proc"] and parts[3:4] == ["root"] else ""


def _mounts(root: str) -> list[str]:
    """The mounts of that namespace that may hang, as this process reaches them."""
    table = Path(f"{posixpath.dirname(root) or '/proc/self'}/mountinfo")
    try:
        lines = table.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    rows = [line.split(" ") for line in lines]
    found = [row[4].replace("\\040", " ") for row in rows if row[row.index("-") + 1].startswith(_CAN_HANG)]
    return [f"{root}{point}".rstrip("/") for point in found if point != "/"]
