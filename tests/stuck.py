"""A file system that never answers, as a network mount whose server is gone: a real one, as root.

It is mounted through FUSE (mount(2), /dev/fuse) and nobody reads the descriptor, so that every access waits. With the
descriptor closed the kernel fails all of them at once.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_libc = ctypes.CDLL(None, use_errno=True)
_NOW = 2 | 8  # umount2(2): MNT_DETACH, UMOUNT_NOFOLLOW


class Stuck:
    """A directory that does not answer, until `free`; what was there before is there again then."""

    def __init__(self, directory: Path) -> None:
        self._directory = os.fsencode(directory)
        self._device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self._device},rootmode=40000,user_id=0,group_id=0,allow_other"
        if _libc.mount(b"stuck", self._directory, b"fuse", 0, options.encode()) != 0:
            os.close(self._device)
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(directory))

    def free(self) -> None:
        """Does nothing the second time."""
        if self._device < 0:
            return
        _libc.umount2(self._directory, _NOW)
        os.close(self._device)
        self._device = -1


@contextmanager
def stuck(directory: Path) -> Iterator[Stuck]:
    """The directory does not answer within the block. Skips the test where mounting is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    try:
        made = Stuck(directory)
    except OSError as error:
        pytest.skip(f"mounting a file system is not allowed here: {error}")
    try:
        yield made
    finally:
        made.free()


def waiting(pid: int) -> int:
    """How many threads of the process wait for a file system (proc(5): state D)."""
    states = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            states.append((task / "stat").read_text("ascii", "replace").rpartition(") ")[2][0])
    return states.count("D")
