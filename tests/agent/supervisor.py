"""A supervisor as systemd is one to the agent: a socket for notifications, and one that it keeps open for it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.agent.process import PATIENCE, Agent

# What systemd does between fork and exec: the sockets become descriptors from 3 on, and the variables name this process.
_START = """
import os, sys
given, watchdog, *command = sys.argv[1:]
descriptors = [int(one) for one in given.split(",") if one]
for place, one in enumerate(descriptors):
    os.dup2(one, 3 + place)
me = str(os.getpid())
if descriptors:
    os.environ |= {"LISTEN_FDS": str(len(descriptors)), "LISTEN_PID": me, "LISTEN_FDNAMES": "pomhealth.socket"}
if watchdog:
    os.environ |= {"WATCHDOG_USEC": watchdog, "WATCHDOG_PID": me}
os.execv(command[0], command)
"""


class Told:
    """What the agent has told so far, by field; `messages` are the datagrams in their order."""

    def __init__(self, directory: Path) -> None:
        self.address = str(directory / "notify")
        self.messages: list[dict[str, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)

    def until(self, condition: Callable[[Told], bool]) -> None:
        """Takes messages until the condition holds; fails with them when it does not in time."""
        end = time.monotonic() + PATIENCE
        while not condition(self):
            self._socket.settimeout(max(end - time.monotonic(), 0.001))
            try:
                text = self._socket.recv(65536).decode()
            except TimeoutError:
                pytest.fail(f"not within {PATIENCE:.0f} s; told so far: {self.messages}")
            self.messages.append(dict(line.split("=", 1) for line in text.split("\n")))

    def next(self, field: str) -> str:
        """The value of this field in the next message that has it."""
        before = len(self.messages)
        self.until(lambda told: any(field in one for one in told.messages[before:]))
        return self.messages[-1][field]

    def falls_silent(self, seconds: float) -> None:
        """Returns once nothing has come for so long."""
        end = time.monotonic() + PATIENCE
        self._socket.settimeout(seconds)
        try:
            while time.monotonic() < end:
                self._socket.recv(65536)
        except TimeoutError:
            return
        pytest.fail(f"it was never silent for {seconds:g} s")

    @property
    def status(self) -> str:
        """The line as it stands."""
        return next((one["STATUS"] for one in reversed(self.messages) if "STATUS" in one), "")

    @property
    def ready(self) -> bool:
        return any("READY" in one for one in self.messages)

    def close(self) -> None:
        self._socket.close()


class Supervisor:
    """Starts agents one after the other, each with the same sockets."""

    def __init__(self, directory: Path, *listening: socket.socket, watchdog: float = 0.0) -> None:
        self.told = Told(directory)
        self._directory = directory
        self._listening = listening
        self._watchdog = str(round(watchdog * 1e6)) if watchdog else ""
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *options: str, **environment: str) -> Agent:
        log = self._directory / f"agent-{len(self._started)}.log"
        given = ",".join(str(one.fileno()) for one in self._listening)
        command = [sys.executable, "-m", "pomhealth", "run", *options]
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-S", "-c", _START, given, self._watchdog, *command],
                stdout=out,
                stderr=out,
                env={**os.environ, "NOTIFY_SOCKET": self.told.address, **environment},
                pass_fds=[one.fileno() for one in self._listening],
            )
        self._started.append(process)
        return Agent(process, log)

    def close(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait(PATIENCE)
        self.told.close()


@contextmanager
def supervisor(directory: Path, *listening: socket.socket, watchdog: float = 0.0) -> Iterator[Supervisor]:
    """Its agents are gone afterwards."""
    one = Supervisor(directory, *listening, watchdog=watchdog)
    try:
        yield one
    finally:
        one.close()
