"""A directory made read-only for everybody, root included, and put back: by a bind mount, or by its mode."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from pomhealth.demo.errors import DemoError

_MS_RDONLY, _MS_REMOUNT, _MS_BIND = 0x1, 0x20, 0x1000
_MNT_DETACH = 0x2
_LIBC = ctypes.CDLL(None, use_errno=True)


def make_read_only(directory: Path) -> str:
    """Makes `directory` read-only and says how. Raises DemoError where neither way works."""
    if os.geteuid() != 0:
        directory.chmod(0o555)
        return f"chmod 0555 {directory}"
    path = os.fsencode(directory)
    for flags in (_MS_BIND, _MS_BIND | _MS_REMOUNT | _MS_RDONLY):
        if _LIBC.mount(path, path, None, ctypes.c_ulong(flags), None) != 0:
            reason = os.strerror(ctypes.get_errno())
            make_writable(directory)
            raise DemoError(
                f"root can write into any directory, and a read-only mount is not possible here ({reason}); "
                "run the demo as another user, or with CAP_SYS_ADMIN"
            )
    return f"mount --bind -o ro {directory} {directory}"


def make_writable(directory: Path) -> None:
    """Undoes `make_read_only`; nothing changes for a directory that is as it was."""
    while directory.is_mount():
        if _LIBC.umount2(os.fsencode(directory), _MNT_DETACH) != 0:
            return
    if directory.is_dir():
        directory.chmod(0o700)
