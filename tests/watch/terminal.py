"""A real terminal for `pomhealth watch` and its like: a pty, and an emulator (pyte) that keeps what a person would see."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyte
import pytest

PATIENCE = 20.0  # seconds: a wrong screen fails a test, a slow machine does not
_ABOUT_TERMINALS = ("NO_COLOR", "COLORTERM", "COLUMNS", "LINES", "CI")  # of the one that the tests run in


class Terminal:
    """A program in a terminal. `sent` is all that it wrote, byte by byte."""

    def __init__(self, process: subprocess.Popen[bytes], fd: int, columns: int, lines: int) -> None:
        self.process, self._fd = process, fd
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.sent = b""

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def read(self, seconds: float) -> bytes:
        """What comes within these seconds."""
        until, begin = time.monotonic() + seconds, len(self.sent)
        while (left := until - time.monotonic()) > 0:
            if not select.select([self._fd], [], [], left)[0]:
                break
            try:
                piece = os.read(self._fd, 65536)
            except OSError:  # the program has ended
                break
            self.sent += piece
            self._stream.feed(_without_kitty(piece))
        return self.sent[begin:]

    def until(self, condition: Callable[[str], bool]) -> str:
        """Waits until the screen is so; gives it."""
        began = time.monotonic()
        while not condition(self.text):
            if time.monotonic() - began > PATIENCE:
                pytest.fail(f"not within {PATIENCE:.0f} s; the screen is\n{self.text}")
            self.read(0.05)
        return self.text

    def settle(self) -> str:
        """The screen once nothing more comes for a while."""
        began = time.monotonic()
        while self.read(0.7):
            if time.monotonic() - began > PATIENCE:
                pytest.fail("it never stops writing")
        return self.text

    def press(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        self.screen.resize(lines, columns)
        _size(self._fd, columns, lines)
        self.process.send_signal(signal.SIGWINCH)

    def wait(self) -> int:
        """Its exit status."""
        began = time.monotonic()
        while self.process.poll() is None:
            if time.monotonic() - began > PATIENCE:
                pytest.fail(f"it does not end; the screen is\n{self.text}")
            self.read(0.05)
        self.read(0.2)
        return self.process.returncode


@contextmanager
def watching(
    *arguments: str,
    command: str = "watch",
    columns: int = 80,
    lines: int = 24,
    term: str = "xterm-256color",
    **environment: str,
) -> Iterator[Terminal]:
    """`pomhealth watch`, or another command, in a terminal of its own."""
    ours, theirs = pty.openpty()
    _size(theirs, columns, lines)
    usual = {key: value for key, value in os.environ.items() if key not in _ABOUT_TERMINALS}
    process = subprocess.Popen(
        [sys.executable, "-m", "pomhealth", command, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**usual, "TERM": term, **environment},
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours, columns, lines)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(ours)


def _without_kitty(piece: bytes) -> bytes:
    """Without the sequences of the kitty keyboard protocol and mode queries, which pyte would show as text."""
    return re.sub(rb"\x1b\[[<>=][0-9;]*u|\x1b\[\?[0-9]+\$p", b"", piece)


def _size(fd: int, columns: int, lines: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
