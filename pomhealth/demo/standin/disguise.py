"""Names this process as the real one names itself: `pomerium`, with its own command line. Linux only."""

from __future__ import annotations

import ctypes
import errno
from pathlib import Path

_PR_SET_NAME = 15
_PR_SET_MM = 35
_PR_SET_MM_MAP = 14
_LIBC = ctypes.CDLL(None, use_errno=True)


class _MemoryMap(ctypes.Structure):
    """struct prctl_mm_map, from the kernel's prctl.h."""

    _fields_ = (
        *(
            (name, ctypes.c_uint64)
            for name in (
                "start_code",
                "end_code",
                "start_data",
                "end_data",
                "start_brk",
                "brk",
                "start_stack",
                "arg_start",
                "arg_end",
                "env_start",
                "env_end",
                "auxv",
            )
        ),
        ("auxv_size", ctypes.c_uint32),
        ("exe_fd", ctypes.c_uint32),
    )


def take_name(arguments: list[str]) -> None:
    """Makes /proc/self/comm the first argument and /proc/self/cmdline these arguments.

    The memory that holds the command line is overwritten and, where the kernel lets us, its end moved; else what
    is left of it is zeros. Raises OSError when the command line this process was started with is shorter.
    """
    wanted = b"".join(argument.encode() + b"\0" for argument in arguments)
    Path("/proc/self/comm").write_text(arguments[0])
    _LIBC.prctl(_PR_SET_NAME, arguments[0].encode(), 0, 0, 0)
    fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    numbers = {number: int(fields[number - 3]) for number in (26, 27, 28, 45, 46, 47, 48, 49, 50, 51)}
    start, end = numbers[48], numbers[49]
    room = end - start
    if room < len(wanted):
        raise OSError(errno.ENOSPC, f"the command line needs {len(wanted)} bytes and has {room}")
    ctypes.memmove(start, wanted.ljust(room, b"\0"), room)
    _LIBC.sbrk.restype = ctypes.c_void_p
    shorter = _MemoryMap(
        start_code=numbers[26],
        end_code=numbers[27],
        start_stack=numbers[28],
        start_data=numbers[45],
        end_data=numbers[46],
        start_brk=numbers[47],
        brk=_LIBC.sbrk(0),
        arg_start=start,
        arg_end=start + len(wanted),
        env_start=numbers[50],
        env_end=numbers[51],
        auxv=0,
        auxv_size=0,
        exe_fd=0xFFFFFFFF,
    )
    size = ctypes.c_ulong(ctypes.sizeof(shorter))
    _LIBC.prctl(_PR_SET_MM, ctypes.c_ulong(_PR_SET_MM_MAP), ctypes.byref(shorter), size, ctypes.c_ulong(0))
