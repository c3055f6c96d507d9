"""Directories made read-only for everybody, root included, or put on a small disk, and put back."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import subprocess
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


def move_to_small_disk(directory: Path, size: str) -> None:
    """Puts a file system in memory of this size ("160m") over `directory`, with all that is in it. Root only.

    Below it everything stays as it was, for when it is taken away. Raises DemoError.
    """
    seen = directory.stat()
    path = os.fsencode(directory)
    options = f"size={size},mode={seen.st_mode & 0o7777:o},uid={seen.st_uid},gid={seen.st_gid}".encode()
    copy = directory.with_name(f"{directory.name}.copy")
    try:
        _copy(directory, copy)
        if _LIBC.mount(b"tmpfs", path, b"tmpfs", ctypes.c_ulong(0), options) != 0:
            reason = os.strerror(ctypes.get_errno())
            raise DemoError(
                f"a small file system cannot be mounted here ({reason}): that needs CAP_SYS_ADMIN"
            )
        _copy(copy, directory)
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def is_mount(directory: Path) -> bool:
    """True when something is mounted on this very directory, a bind mount too."""
    return directory in _mount_points()


def fill(path: Path) -> None:
    """Writes a file until its file system has no room left."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))


def _copy(source: Path, target: Path) -> None:
    """With owners, modes and times."""
    done = subprocess.run(["cp", "-a", f"{source}/.", target], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DemoError(f"{source} cannot be copied: {done.stderr.strip()}")


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
