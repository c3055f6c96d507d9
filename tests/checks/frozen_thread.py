"""Holds one thread of another process still, as a deadlock would, through ptrace(2)."""

from __future__ import annotations

import ctypes
import os
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000


def threads_named(pid: int, prefix: str) -> list[int]:
    """The ids of a process's threads whose name begins so."""
    tasks = Path(f"/proc/{pid}/task")
    return sorted(
        int(task.name) for task in tasks.iterdir() if (task / "comm").read_text().startswith(prefix)
    )


@contextmanager
def frozen(*threads: int) -> Iterator[None]:
    """The threads stand still inside the block. ptrace wants one tracer thread for all of it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    stopped: queue.Queue[str] = queue.Queue()
    release = threading.Event()

    def trace() -> None:
        for request in (_SEIZE, _INTERRUPT):
            for thread in threads:
                if libc.ptrace(request, thread, None, None) != 0:
                    stopped.put(os.strerror(ctypes.get_errno()))
                    return
        for thread in threads:
            os.waitpid(thread, _WALL)
        stopped.put("")
        release.wait()
        for thread in threads:
            libc.ptrace(_DETACH, thread, None, None)

    tracer = threading.Thread(target=trace)
    tracer.start()
    try:
        error = stopped.get(timeout=5)
        assert not error, f"ptrace: {error}"
        yield
    finally:
        release.set()
        tracer.join(5)
