"""The places where a replica saves files, and whether it can. Blocking looks; the verdicts are pure."""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pomhealth.storage import access, trial
from pomhealth.storage.access import ENTER, READ, WRITE, Credentials, Room

_BY_NUMBER = {
    errno.EROFS: "read-only",
    errno.ENOSPC: "disk-full",
    errno.EDQUOT: "disk-full",
    errno.ENOENT: "missing",
    errno.ENOTDIR: "missing",
}
_FULL = "no space or no inodes left"
_DENIED = (errno.EACCES, errno.EPERM)


@dataclass(frozen=True, slots=True)
class Place:
    """Something that the replica saves. `path` as the replica says it, `here` the path that reaches it from here.

    A `file` is read, and written over where it is, so its directory must be there; a directory is made when it is needed.
    """

    path: str
    here: str
    origin: str
    file: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is cheap to see of a place; another look is due when it changes.

    `target` is the path that must be writable: the file, its directory, or the nearest directory that is there.
    """

    target: str
    there: bool
    directory: bool = False
    uid: int = -1
    gid: int = -1
    mode: int = 0
    inode: tuple[int, int] = (0, 0)
    read_only: bool = False
    full: bool = False
    denied: bool = False


@dataclass(frozen=True, slots=True)
class Ruling:
    """Whether the replica can save there: `cause` is "" when it can. `tried` when it was really written."""

    place: Place
    facts: Facts
    cause: str
    observed: str
    tried: bool


def glance(place: Place) -> Facts:
    """A few system calls, nothing written."""
    target = place.here
    while True:
        try:
            seen = Path(target).stat()
            break
        except (FileNotFoundError, NotADirectoryError):
            parent = posixpath.dirname(target)
            if parent == target or (place.file and target != place.here):
                return Facts(target, there=False)
            target = parent
        except PermissionError:
            return Facts(target, there=False, denied=True)
    room = _room(target)
    return Facts(
        target,
        there=True,
        directory=stat.S_ISDIR(seen.st_mode),
        uid=seen.st_uid,
        gid=seen.st_gid,
        mode=stat.S_IMODE(seen.st_mode),
        inode=(seen.st_dev, seen.st_ino),
        read_only=room is not None and room.read_only,
        full=room is not None and room.full,
    )


def rule(place: Place, facts: Facts, who: Credentials) -> Ruling:
    """Writes there as the replica's user where we may act as that user, and works it out where not."""
    if place.file and not facts.there and not facts.denied:
        return Ruling(place, facts, "missing", "its directory is not there", tried=False)
    if facts.there and not facts.directory and facts.target != place.here:
        return Ruling(place, facts, "missing", f"{facts.target} is no directory", tried=False)
    if not facts.directory and facts.full:
        return Ruling(place, facts, "disk-full", _FULL, tried=False)
    if not trial.can_act_as(who):
        cause, observed = work_out(facts, who)
        return Ruling(place, facts, cause, observed, tried=False)
    write: Callable[[str], None] = trial.create_in if facts.directory else trial.open_for_writing
    try:
        with trial.acting_as(who):
            write(facts.target)
    except OSError as error:
        return Ruling(
            place, facts, _cause(error, facts, who), os.strerror(error.errno or errno.EIO), tried=True
        )
    return Ruling(
        place, facts, "", "written and removed" if facts.directory else "opened for writing", tried=True
    )


def work_out(facts: Facts, who: Credentials) -> tuple[str, str]:
    """The cause, "" for none, and what it was worked out from."""
    if facts.denied:
        return "not-writable", f"{facts.target} may not be looked at"
    if facts.read_only:
        return "read-only", "mounted read-only"
    if facts.full:
        return "disk-full", _FULL
    right = WRITE | ENTER if facts.directory else READ | WRITE
    owned = f"uid {facts.uid}, gid {facts.gid}, mode {facts.mode:04o}"
    if not who.may(right, uid=facts.uid, gid=facts.gid, mode=facts.mode):
        return ("not-writable" if facts.uid == who.uid else "wrong-owner"), owned
    return "", f"{owned}, room left"


def _cause(error: OSError, facts: Facts, who: Credentials) -> str:
    if error.errno in _DENIED and facts.uid != who.uid:
        return "wrong-owner"
    return _BY_NUMBER.get(error.errno or 0, "not-writable")


def _room(path: str) -> Room | None:
    try:
        return access.room(path)
    except OSError:
        return None
