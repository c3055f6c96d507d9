"""Really writes, as another user, and leaves nothing behind. Blocking: runs in a worker's thread.

Credentials for files are a thread's own in Linux (setfsuid(2)): no other thread is touched.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from pomhealth.storage.access import Credentials

_LIBC = ctypes.CDLL(None, use_errno=True)
# setgroups(2) by number: the C library's own call changes every thread.
_SETGROUPS = {"x86_64": 116, "aarch64": 159, "riscv64": 159}.get(platform.machine())
_BLOCK = b"\0" * 4096
_NO_UNNAMED = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL)


def can_act_as(who: Credentials) -> bool:
    """Whether this process may touch files just as that user would."""
    me = os.geteuid()
    if who.uid == 0:
        return me == 0 and who.overrides
    return me == who.uid or (me == 0 and _SETGROUPS is not None and _allowed(who))


@contextlib.contextmanager
def acting_as(who: Credentials) -> Iterator[None]:
    """This thread's files are touched as that user within the block; `can_act_as` must have said so."""
    if os.geteuid() == who.uid:
        yield
        return
    groups, uid, gid = os.getgroups(), _LIBC.setfsuid(-1), _LIBC.setfsgid(-1)
    try:
        _set_groups(sorted(who.groups))
        _LIBC.setfsgid(who.gid)
        _LIBC.setfsuid(who.uid)
        if (_LIBC.setfsuid(-1), _LIBC.setfsgid(-1)) != (who.uid, who.gid):
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        yield
    finally:
        _LIBC.setfsuid(uid)
        _LIBC.setfsgid(gid)
        _set_groups(groups)


def create_in(directory: str) -> None:
    """Writes a new file in the directory and takes it away again. Raises the kernel's OSError.

    The file has no name where the file system has such files, so that nobody who watches the directory sees it.
    """
    flags = os.O_WRONLY | os.O_CLOEXEC
    path = ""
    try:
        descriptor = os.open(directory, flags | os.O_TMPFILE, 0o600)
    except OSError as error:
        if error.errno not in _NO_UNNAMED or not Path(directory).is_dir():
            raise
        path = f"{directory}/.pomhealth-{secrets.token_hex(8)}"
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        os.write(descriptor, _BLOCK)
    finally:
        os.close(descriptor)
        if path:
            Path(path).unlink()


def open_for_writing(path: str) -> None:
    """Opens a file as one that would read and write it, and changes nothing. Raises the kernel's OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EISDIR, "not a regular file")
    finally:
        os.close(descriptor)


def _allowed(who: Credentials) -> bool:
    try:
        with acting_as(who):
            return True
    except OSError:
        return False


def _set_groups(groups: list[int]) -> None:
    array = (ctypes.c_uint32 * len(groups))(*groups)
    if _LIBC.syscall(_SETGROUPS, len(groups), array) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
