"""Writes lines to a descriptor that may have no reader: whoever writes them never waits."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable

MOST = 1024  # lines that wait for a reader; a storm of changes is some hundred


class Lines:
    """A thread of its own writes what it is given; where a pipe is full it is that thread that waits.

    Beyond `most` waiting lines further ones are dropped and counted; `told` makes the line that says how many, once
    the reader is back. The descriptor stays as it is: others share it, so it cannot be made non-blocking.
    """

    def __init__(self, descriptor: int, told: Callable[[int], str], most: int = MOST) -> None:
        self._descriptor = descriptor
        self._told = told
        self._most = most
        self._waiting: deque[str] = deque()
        self._dropped = 0
        self._writing = False
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """How many lines the thread has not taken yet."""
        return len(self._waiting)

    def write(self, line: str) -> None:
        """Hands over one line, without its end."""
        with self._change:
            if len(self._waiting) >= self._most:
                self._dropped += 1
                return
            self._waiting.append(line)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="write the log", daemon=True)
                self._thread.start()
            self._change.notify_all()

    debug = info = warning = error = critical = msg = write  # as a logger of structlog's is called

    def flush(self, deadline: float) -> bool:
        """Waits until everything is written, at most `deadline` seconds; gives whether it is."""
        end = time.monotonic() + deadline
        with self._change:
            while self._waiting or self._dropped or self._writing:
                left = end - time.monotonic()
                if left <= 0 or not self._change.wait(left):
                    return False
        return True

    def _run(self) -> None:
        while True:
            with self._change:
                while not (self._waiting or self._dropped):
                    self._change.wait()
                lines = list(self._waiting)
                self._waiting.clear()
                if not lines:  # what was dropped came after all that waited
                    lines, self._dropped = [self._told(self._dropped)], 0
                self._writing = True
            self._put("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
            with self._change:
                self._writing = False
                self._change.notify_all()

    def _put(self, text: bytes) -> None:
        try:
            while text:
                text = text[os.write(self._descriptor, text) :]
        except OSError:
            pass  # nobody reads it any more, or the disk is full: there is nowhere to say so
