"""The replica's id: kept in a small file, so that it survives restarts, and given up where a clone has the same.

Blocking; nothing here is done on the event loop.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import socket
import stat
import uuid
from dataclasses import dataclass
from pathlib import Path

from pomhealth.history.file import Place
from pomhealth.touch import touching

_MOST = 4096  # bytes; what is longer is not ours
_SPACE = uuid.UUID("6d4cf0a2-6f0b-5d0e-9c57-3f0c1f4a7b11")  # of ids that are made of what is stable here
_MACHINE_IDS = ("/etc/machine-id", "/var/lib/dbus/machine-id")
_NOT_OURS = (errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO)
_CURE = "set state_dir to a directory that the agent's user may write to"


@dataclass(frozen=True, slots=True)
class Machine:
    """What tells one machine's agent from another's: the machine's id ("" where it has none), its name, and the
    address that the agent listens on.
    """

    id: str
    host: str
    address: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the replica is.

    `mark` is equal after a restart, and another on a clone. `kept` is why the id will not survive a restart of itself,
    "" where it will; `anew` why an older id was given up, "" where none was.
    """

    id: str
    mark: str
    kept: str = ""
    anew: str = ""


class _Broken(Exception):  # noqa: N818  (it is replaced, and told of)
    """The file holds no id of ours: why, in one clause."""


def beside(history: Place) -> Place:
    """The id's file, in the directory of the history, by the same rules. Pure."""
    name = history.path.name.removeprefix("history-").removesuffix(".sqlite3")
    return Place(history.path.with_name(f"identity-{name}.json"), history.meant)


def machine(address: str) -> Machine:
    """This one, for an agent that listens on `address`. Its network namespace is another at each start, and left out."""
    found = ""
    for path in _MACHINE_IDS:
        with contextlib.suppress(OSError, ValueError), touching(path):
            found = found or str(uuid.UUID(Path(path).read_text(encoding="ascii")[:64].strip()))
    return Machine(found, socket.gethostname(), address)


def mark_of(here: Machine) -> str:
    """What is equal after a restart, and another on a clone; nothing can be read out of it. Pure."""
    text = json.dumps(["pomhealth mark", here.id, here.host, here.address])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def load(place: Place, here: Machine) -> Identity:
    """The id that is kept at this place; a fresh one, kept there from now on, where there is none or it is broken.

    Where nothing can be kept it is made of what is stable, so that it mostly survives all the same. Raises nothing.
    """
    mark = mark_of(here)
    anew = ""
    try:
        _prepare(place.path.parent)
        try:
            return Identity(_read(place.path), mark)
        except FileNotFoundError:
            pass
        except _Broken as broken:
            anew = f"{place.path} {broken}: the replica has a fresh id"
        fresh = str(uuid.uuid4())
        _write(place.path, fresh)
    except OSError as error:
        return Identity(_derived(here), mark, _refusal(place, error), anew)
    return Identity(fresh, mark, anew=anew)


def renew(place: Place, here: Machine) -> Identity:
    """A fresh id, in place of one that another living replica has. What is kept is the old or the new, never a part.

    Where it cannot be kept (`kept` says why) the file holds the old one still. Raises nothing.
    """
    fresh, mark = str(uuid.uuid4()), mark_of(here)
    why = f"another living replica has the id that {place.path} held"
    try:
        _prepare(place.path.parent)
        _write(place.path, fresh)
    except OSError as error:
        return Identity(fresh, mark, _refusal(place, error), why)
    return Identity(fresh, mark, anew=why)


def _prepare(directory: Path) -> None:
    """Makes the directory, for us alone. Raises OSError where somebody else could have us read another's id."""
    with touching(str(directory)):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = directory.stat().st_uid
    if owner not in (0, os.geteuid()):
        raise PermissionError(errno.EPERM, f"it belongs to the user {owner}", str(directory))


def _read(path: Path) -> str:
    """The id in the file. Raises FileNotFoundError, _Broken, and OSError where it may well be whole."""
    try:
        with touching(str(path)):
            opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(opened, "rb") as file:  # noqa: PTH123  (it is a descriptor)
                found = os.fstat(opened)
                whose = _foreign(found)
                if whose:
                    raise _Broken(whose)
                content = file.read(_MOST + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in _NOT_OURS:
            raise _Broken(f"cannot be read ({error.strerror})") from None
        raise
    return _id_in(content)


def _foreign(found: os.stat_result) -> str:
    if not stat.S_ISREG(found.st_mode):
        return "is no file"
    if found.st_uid not in (0, os.geteuid()):
        return f"belongs to the user {found.st_uid}"
    return "is too long" if found.st_size > _MOST else ""


def _id_in(content: bytes) -> str:
    if not content:
        raise _Broken("is empty")
    try:
        found = json.loads(content)
        text = found["id"]
        if len(content) <= _MOST and isinstance(text, str) and len(text) == 36:
            return str(uuid.UUID(text))
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise _Broken("holds no id")


def _write(path: Path, id_: str) -> None:
    """Puts the id into the file, wholly or not at all. Raises OSError."""
    aside = path.with_name(f"{path.name}.new")
    with touching(str(path)):
        with contextlib.suppress(FileNotFoundError):
            aside.unlink()  # what a kill in the middle left
        flags = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_WRONLY | os.O_CLOEXEC
        opened = os.open(aside, flags, 0o600)
        try:
            with open(opened, "wb") as file:  # noqa: PTH123  (it is a descriptor)
                file.write(json.dumps({"id": id_}).encode() + b"\n")
                file.flush()
                os.fsync(opened)
            aside.rename(path)
        except OSError:
            with contextlib.suppress(OSError):
                aside.unlink()
            raise
        _settle(path.parent)


def _settle(directory: Path) -> None:
    """Has the new name outlast a crash of the machine, where the file system can do that."""
    with contextlib.suppress(OSError):
        opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _derived(here: Machine) -> str:
    return str(uuid.uuid5(_SPACE, json.dumps([here.id, here.host, here.address])))


def _refusal(place: Place, error: OSError) -> str:
    where = error.filename or place.path
    cure = "free space on its file system" if error.errno == errno.ENOSPC else _CURE
    return f"the replica's id cannot be kept: {where}: {error.strerror or 'it cannot be written'}; {cure}"
