"""What tells one replica process from every other, of any machine. Blocking: a few reads of /proc."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from pomhealth.replica import processes
from pomhealth.replica.model import Process

_BOOT = "/proc/sys/kernel/random/boot_id"


def mark_of(main: Process | None) -> str:
    """A digest that all agents have of this process, in whichever container they run, and of no other.

    "" where the process is gone, or not enough of it can be seen from here to be sure.
    """
    if main is None:
        return ""
    try:
        space = os.stat(f"/proc/{main.pid}/ns/pid").st_ino  # noqa: PTH116  (of what the link leads to)
        boot = Path(_BOOT).read_text(encoding="ascii").strip()
        own = _own_pid(main.pid)
    except (OSError, ValueError):
        return ""
    if processes.state(main) is None:
        return ""
    told = f"{boot} {space} {own} {main.started}"
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _own_pid(pid: int) -> str:
    """Its id in its own PID namespace, which is the same seen from everywhere. Raises OSError, ValueError."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("NSpid:"):
            return line.split()[-1]
    raise ValueError("its status does not tell")
