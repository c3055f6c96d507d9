"""What a process of another user may do with a file, worked out as the kernel does (path_resolution(7)).

Owner, group, mode, the file system's flags and its free room. Access control lists and security modules are not
looked at.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from pomhealth.replica.model import Process

READ, WRITE, ENTER = 4, 2, 1
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2
_ROOM = 1024 * 1024  # bytes below which a directory counts as full


@dataclass(frozen=True, slots=True)
class Credentials:
    """As whom a process touches files. `overrides` tells whether it may do so whatever the mode says, `searches`
    whether it may read and enter so.
    """

    uid: int
    gid: int
    groups: frozenset[int] = frozenset()
    overrides: bool = False
    searches: bool = False

    def may(self, right: int, *, uid: int, gid: int, mode: int) -> bool:
        """Whether a file of this owner, group and mode gives READ, WRITE or ENTER, or several of them."""
        if self.overrides or (self.searches and not right & WRITE):
            return True
        shift = 6 if uid == self.uid else 3 if gid in self.groups | {self.gid} else 0
        return (mode >> shift) & right == right


@dataclass(frozen=True, slots=True)
class Room:
    """What is left in a file system: bytes and inodes for an ordinary user, and whether it is mounted read-only.

    `inodes` is None where the file system does not count them.
    """

    free: int
    inodes: int | None
    read_only: bool

    @property
    def full(self) -> bool:
        return self.free < _ROOM or self.inodes == 0


def credentials(process: Process) -> Credentials:
    """Those of a running process; without /proc/PID/status, of its user and group alone."""
    groups: frozenset[int] = frozenset()
    capabilities = 0
    try:
        for line in (
            Path(f"/proc/{process.pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
        ):
            name, _, value = line.partition(":")
            if name == "Groups":
                groups = frozenset(int(one) for one in value.split())
            elif name == "CapEff":
                capabilities = int(value, 16)
    except OSError:
        capabilities = 1 << _CAP_DAC_OVERRIDE if process.uid == 0 else 0
    overrides = bool(capabilities & (1 << _CAP_DAC_OVERRIDE))
    searches = bool(capabilities & (1 << _CAP_DAC_READ_SEARCH))
    return Credentials(process.uid, process.gid, groups, overrides, searches)


def room(path: str) -> Room:
    """Raises OSError."""
    seen = os.statvfs(path)
    inodes = seen.f_favail if seen.f_files else None
    return Room(seen.f_bavail * seen.f_frsize, inodes, bool(seen.f_flag & os.ST_RDONLY))


def mode(seen: os.stat_result) -> str:
    """Owner and mode for a person: "uid 999, gid 999, mode 0700"."""
    return f"uid {seen.st_uid}, gid {seen.st_gid}, mode {stat.S_IMODE(seen.st_mode):04o}"


def size(count: int) -> str:
    """Bytes for a person."""
    return f"{count / 1024**2:.0f} MiB" if count >= _ROOM else f"{count / 1024:.0f} KiB"
