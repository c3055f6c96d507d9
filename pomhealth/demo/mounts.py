"""A directory made read-only for everybody, root included, and put back: by a bind mount, or by its mode."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
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
    unmount_below(directory)
    if directory.is_dir():
        with contextlib.suppress(OSError):
            directory.chmod(0o700)


def unmount_below(directory: Path) -> None:
    """Takes away every mount on `directory` and below it, the last made first."""
    for point in reversed(_mount_points()):
        if point.is_relative_to(directory):
            _LIBC.umount2(os.fsencode(point), _MNT_DETACH)


def _mount_points() -> list[Path]:
    """Where something is mounted, in the order of mounting; some characters are written in octal."""
    fields = [line.split(b" ")[4] for line in Path("/proc/self/mountinfo").read_bytes().splitlines()]
    return [Path(os.fsdecode(re.sub(rb"\\(\d{3})", _character, field))) for field in fields]


def _character(octal: re.Match[bytes]) -> bytes:
    return bytes([int(octal[1], 8)])
