"""What processes spend and hold, read from the kernel."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds now: resident memory in MiB, threads, open file descriptors."""

    memory: float
    threads: int
    descriptors: int


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used, those of threads that have ended too; to a hundredth."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def main_thread(pid: int) -> float:
    """Seconds of CPU that a process's first thread has used; to the nanosecond where the kernel keeps account."""
    task = Path(f"/proc/{pid}/task/{pid}")
    try:
        return int((task / "schedstat").read_text("ascii").split()[0]) / 1e9
    except OSError:
        fields = (task / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def held(pid: int) -> Held:
    """What a process holds now. Raises OSError once it has ended."""
    proc = Path(f"/proc/{pid}")
    resident = int((proc / "statm").read_text("ascii").split()[1]) * _PAGE / 2**20
    return Held(resident, len(os.listdir(proc / "task")), len(os.listdir(proc / "fd")))  # noqa: PTH208


def peak_memory(pid: int) -> float:
    """The largest resident set of a process so far, in MiB; 0 once it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
