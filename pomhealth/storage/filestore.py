"""The file backend (Pomerium 0.31 and newer): a Pebble store in a directory, held by a lock on its file LOCK.

The store itself is never opened.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pomhealth.status import Evidence, Finding, Unobservable, failed, passed
from pomhealth.storage import access
from pomhealth.storage.access import ENTER, READ, WRITE, Credentials, Room

ATTRIBUTES = (("backend", "file"),)


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What was seen of a store. `holders` are the processes that hold the write lock, as far as they can be seen."""

    directory: os.stat_result | None = None
    lock: os.stat_result | None = None
    room: Room | None = None
    holders: tuple[int, ...] = ()


def observe(path: str) -> StoreFacts:
    """Looks at a store's directory, under the path that reaches it from here. Blocking.

    Raises Unobservable when we may not look.
    """
    try:
        directory = _stat(path)
        if directory is None or not stat.S_ISDIR(directory.st_mode):
            return StoreFacts(directory)
        lock = _stat(f"{path}/LOCK")
        return StoreFacts(directory, lock, access.room(path), _holders(lock) if lock else ())
    except PermissionError:
        raise Unobservable(
            f"the storage directory {path} may not be looked at", "run as the replica's user or as root"
        ) from None


def judge(facts: StoreFacts, path: str, who: Credentials | None, pid: int | None) -> Finding:
    """The finding. `path` as the replica says it; `who` and `pid` are the replica's, None where it cannot be seen."""
    if facts.directory is None:
        return _bad("schema-missing", path, "the storage directory is not there", "a directory", _MADE_ANEW)
    if not stat.S_ISDIR(facts.directory.st_mode):
        return _bad(
            "schema-missing", path, "the storage directory is no directory", "a directory", _MADE_ANEW
        )
    if facts.room is not None and facts.room.read_only:
        step = f"See the mount: `findmnt -T {path}`; make it writable: `mount -o remount,rw $(findmnt -n -o TARGET -T {path})`."
        return _bad("read-only", path, "its file system is mounted read-only", "mounted read-write", step)
    if facts.room is not None and facts.room.full:
        return _bad(
            "disk-full", path, _room(facts.room), "free space and inodes", f"`df -h {path}; df -i {path}`"
        )
    if who is not None and not _may(who, facts.directory, READ | WRITE | ENTER):
        seen = f"{access.mode(facts.directory)}; the replica runs as uid {who.uid}, gid {who.gid}"
        step = f"Give it back: `chown -R {who.uid}:{who.gid} {path} && chmod u+rwx {path}`."
        return _bad("permission-denied", path, seen, "its user may read and write there", step)
    if facts.lock is None:
        return _bad(
            "schema-missing", f"{path}/LOCK", "the store's lock file is not there", "a file", _MADE_ANEW
        )
    if who is not None and not _may(who, facts.lock, READ | WRITE):
        step = f"Give it back: `chown -R {who.uid}:{who.gid} {path}`."
        return _bad("permission-denied", f"{path}/LOCK", access.mode(facts.lock), "its user may write", step)
    if pid is not None and pid not in facts.holders:
        return _not_held(facts, path, pid)
    return passed(
        f"the store in {path} is held by this replica" if pid else f"the store in {path} is there",
        Evidence(
            path, _room(facts.room) if facts.room else "there", "a writable store, locked by the replica"
        ),
        attributes=ATTRIBUTES,
    )


_MADE_ANEW = (
    "Put it back from a backup and restart the replica: Pomerium opens its store only when it starts."
)


def _not_held(facts: StoreFacts, path: str, pid: int) -> Finding:
    if facts.holders:
        other = facts.holders[0]
        return _bad(
            "not-writable",
            f"{path}/LOCK",
            f"process {other} holds the store, not the replica (process {pid})",
            f"held by process {pid}",
            f"See who it is: `ps -fp {other}`; two replicas cannot share one directory.",
        )
    return _bad(
        "not-writable",
        f"{path}/LOCK",
        f"nobody holds the store: the replica (process {pid}) has not opened it, or it opened one that was replaced",
        f"held by process {pid}",
        "Restart the replica: Pomerium opens its store only when it starts.",
    )


def _bad(cause: str, source: str, observed: str, expected: str, *steps: str) -> Finding:
    return failed(
        cause,
        f"file storage {source}: {observed}",
        Evidence(source, observed, expected),
        steps=steps,
        attributes=ATTRIBUTES,
    )


def _may(who: Credentials, seen: os.stat_result, right: int) -> bool:
    return who.may(right, uid=seen.st_uid, gid=seen.st_gid, mode=stat.S_IMODE(seen.st_mode))


def _room(room: Room) -> str:
    inodes = "" if room.inodes is None else f", {room.inodes} inodes free"
    return f"{access.size(room.free)} free{inodes}"


def _holders(lock: os.stat_result) -> tuple[int, ...]:
    """Who holds a POSIX write lock on this file, by /proc/locks (proc_locks(5))."""
    return holders(Path("/proc/locks").read_text(encoding="ascii", errors="replace").splitlines(), lock)


def holders(lines: Iterable[str], lock: os.stat_result) -> tuple[int, ...]:
    """The same from the table's lines. A file is named there by the device and inode of its file system."""
    found = []
    for line in lines:
        fields = line.split()
        if len(fields) < 8 or fields[1] not in ("POSIX", "OFDLCK") or fields[3] != "WRITE":
            continue
        major, minor, inode = fields[5].split(":")
        same_device = (int(major, 16), int(minor, 16)) == (os.major(lock.st_dev), os.minor(lock.st_dev))
        if int(inode) == lock.st_ino and (same_device or _anonymous(lock)):
            found.append(int(fields[4]))
    return tuple(pid for pid in found if pid > 0)


def _anonymous(lock: os.stat_result) -> bool:
    """File systems in layers or subvolumes show one device in stat and another in /proc/locks."""
    return os.major(lock.st_dev) == 0


def _stat(path: str) -> os.stat_result | None:
    try:
        return Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
