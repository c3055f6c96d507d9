"""Holds threads of another process still, as a deadlock would, through ptrace(2)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import socket
import threading
from collections import deque
from pathlib import Path
from types import TracebackType

from pomhealth.demo.errors import DemoError

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000
_PATIENCE = 5.0  # seconds
_CROWD = 64
_EVERY = 0.05  # seconds


def threads_named(pid: int, prefix: str) -> list[int]:
    """The ids of a process's threads whose name begins so."""
    tasks = Path(f"/proc/{pid}/task")
    return sorted(
        int(task.name) for task in tasks.iterdir() if (task / "comm").read_text().startswith(prefix)
    )


class Frozen:
    """These threads stand still until `close`, or until this process ends. Raises DemoError where that may not be.

    ptrace wants one tracer thread for all of it.
    """

    def __init__(self, *threads: int) -> None:
        self._threads = threads
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        self._stopped: queue.Queue[str] = queue.Queue()
        self._release = threading.Event()
        self._tracer = threading.Thread(target=self._trace, name="tracer", daemon=True)
        self._tracer.start()
        error = self._stopped.get(timeout=_PATIENCE)
        if error:
            raise DemoError(f"a thread of another process cannot be held still here: ptrace: {error}")

    def close(self) -> None:
        self._release.set()
        self._tracer.join(_PATIENCE)

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _trace(self) -> None:
        for request in (_SEIZE, _INTERRUPT):
            for thread in self._threads:
                if self._libc.ptrace(request, thread, None, None) != 0:
                    self._stopped.put(os.strerror(ctypes.get_errno()))
                    return
        for thread in self._threads:
            os.waitpid(thread, _WALL)
        self._stopped.put("")
        self._release.wait()
        for thread in self._threads:
            self._libc.ptrace(_DETACH, thread, None, None)


class Crowd:
    """Clients that keep connecting to this address, some at a time, and say nothing. Until `close`."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._come, name="crowd", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._end.set()
        self._thread.join(_PATIENCE)

    def _come(self) -> None:
        there: deque[socket.socket] = deque()
        with contextlib.ExitStack() as rest:
            while not self._end.wait(_EVERY):
                with contextlib.suppress(OSError):
                    there.append(socket.create_connection(self._address, 1.0))
                if len(there) > _CROWD:
                    there.popleft().close()
            for one in there:
                rest.callback(one.close)
