"""Touching a file system that may not answer (a stuck network mount): each touch says which path it is about.

Whoever runs the call in a thread (`blocking.Workers`) then sees what it hangs on, leaves that thread behind, and runs
the call again with the place marked: it fails at once there, and goes on with everything else.
"""

from __future__ import annotations

import errno
import posixpath
import threading
import time
from pathlib import Path
from types import TracebackType

SAYS = "the file system does not answer"
PATIENCE = 1.0  # seconds for one touch: a slow disk answers in a tenth of that
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

    def hangs_on(self, patience: float = PATIENCE) -> str:
        """The path that this call has touched for longer than `patience` seconds; empty where there is none."""
        touched = self.touched
        return touched[0] if touched is not None and time.monotonic() - touched[1] >= patience else ""


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
    root, mounts = _mounts(path)
    found = [
        f"{root}{point}".rstrip("/")
        for point, kind in mounts
        if kind.startswith(_CAN_HANG) and f"{path}/".startswith(f"{root}{point}".rstrip("/") + "/")
    ]
    return max(found, key=len, default=directory) or directory


def _mounts(path: str) -> tuple[str, list[tuple[str, str]]]:
    """The mounts of the namespace that the path is in: the prefix it has for us, and each one's point and kind."""
    parts = path.split("/", 4)
    other = parts[1:2] == ["proc"] and parts[3:4] == ["root"]
    table = Path(f"/proc/{parts[2] if other else 'self'}/mountinfo")
    try:
        rows = [line.split(" ") for line in table.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return "", []
    found = [(row[4].replace("\\040", " "), row[row.index("-") + 1]) for row in rows]
    return (f"/proc/{parts[2]}/root" if other else ""), found
