"""Where history is kept, and whether that place is fit for it. Blocking; nothing here is done on the event loop."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from pomhealth.settings import Settings

SIDE_FILES = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a database
DAMAGED_KEPT = 3  # damaged files that are kept
_LONGEST = 100  # characters of the address in the file's name
_NOT_FOR_US = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT)
ELSEWHERE = "set state_dir to a directory of its own, or history = false"


class Trouble(Exception):  # noqa: N818  (it is no error: the agent goes on without)
    """History cannot be kept at this place: why, and what to do. `quiet`: nobody asked for it to be kept there."""

    def __init__(self, why: str, cure: str, *, quiet: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.cure = cure
        self.quiet = quiet


@dataclass(frozen=True, slots=True)
class Place:
    """The file, and whether an operator or a supervisor chose its directory (`meant`), or it is merely the usual one."""

    path: Path
    meant: bool


def place(settings: Settings, environment: Mapping[str, str], user: int, address: str = "") -> Place:
    """Where the agent at `address` ("" for that of the settings) keeps its history when `user` runs it. Pure.

    In the directory of the settings, systemd's ($STATE_DIRECTORY), root's or the user's.
    """
    name = f"history-{_as_name(address or settings.listen)}.sqlite3"
    systemds = environment.get("STATE_DIRECTORY", "").partition(":")[0]
    if settings.state_dir or systemds:
        return Place(Path(settings.state_dir or systemds) / name, meant=True)
    users = environment.get("XDG_STATE_HOME", "")
    if not users and environment.get("HOME"):
        users = f"{environment['HOME']}/.local/state"
    if user == 0 or not users:
        users = "/var/lib"  # root may run with the HOME of another
    return Place(Path(users) / "pomhealth" / name, meant=False)


def prepare(at: Place) -> None:
    """Makes directory and file, for us alone, where they are not there. Raises Trouble where they cannot be used.

    Whoever else may write into the directory could have us write elsewhere: it must be ours, or root's, who can do
    anything anyhow (a volume that a container engine hands over is root's).
    """
    directory = at.path.parent
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = directory.stat().st_uid
    except OSError as error:
        raise refusal(at, error) from None
    if owner not in (0, os.geteuid()):
        raise Trouble(
            f"{directory} belongs to the user {owner}",
            f"give it to the agent's user (chown {os.geteuid()} {directory}), or {ELSEWHERE}",
        )
    try:
        _own_file(at.path)
    except OSError as error:
        raise refusal(at, error) from None


def refusal(at: Place, error: OSError) -> Trouble:
    """What an operating system's refusal means for an operator."""
    why = error.strerror or "it cannot be written"
    where = error.filename or at.path
    if error.errno == errno.ENOSPC:
        return Trouble(f"{where}: {why}", f"free space on its file system, or {ELSEWHERE}")
    if error.errno == errno.ETIMEDOUT:
        return Trouble(f"{where}: {why}", f"see to that file system, or {ELSEWHERE}")
    quiet = not at.meant and error.errno in _NOT_FOR_US
    cure = f"let the agent's user write into {at.path.parent}, or {ELSEWHERE}"
    return Trouble(f"{where}: {why}", cure, quiet=quiet)


def set_aside(path: Path, now: float) -> Path:
    """Moves a damaged file, with what stands beside it, out of the way; gives its new name. Raises OSError.

    Of damaged ones the newest `DAMAGED_KEPT` are kept.
    """
    moment = datetime.fromtimestamp(now, timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
    aside = path.with_name(f"{path.name}.damaged-{moment}")
    path.rename(aside)
    for ending in SIDE_FILES:
        path.with_name(f"{path.name}{ending}").unlink(missing_ok=True)
    names = sorted(
        path.parent.glob(f"{path.name}.damaged-*"), key=lambda one: (one.lstat().st_ctime_ns, one.name)
    )
    for old in names[:-DAMAGED_KEPT]:
        old.unlink(missing_ok=True)
    return aside


def _own_file(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        return
    what = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "no file"
    if not stat.S_ISREG(found.st_mode):
        raise Trouble(f"{path} is {what}", f"remove it, or {ELSEWHERE}")
    if found.st_uid != os.geteuid() or found.st_nlink != 1:
        whose = "has other names too" if found.st_nlink != 1 else f"belongs to the user {found.st_uid}"
        raise Trouble(f"{path} {whose}", f"remove it, or {ELSEWHERE}")
    if stat.S_IMODE(found.st_mode) != 0o600:
        path.chmod(0o600)


def _as_name(address: str) -> str:
    """An address as part of a file's name: "127.0.0.1-28081", "__1-28081" for [::1]:28081."""
    host, _, port = address.rpartition(":")
    plain = re.sub(r"[^0-9A-Za-z.-]", "_", host.strip("[]"))
    return f"{plain[:_LONGEST]}-{port}"
