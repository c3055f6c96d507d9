"""Little real processes that look like a replica's to discovery."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import struct
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pomhealth.replica.processes import argv, named

SCRIPT = """#!/bin/sh
for one in $ENVOYS; do (cd "$one" && exec "$HOME/envoy") & done
while :; do sleep 60; done
"""
ENVOY = """#!/bin/sh
while :; do sleep 60; done
"""
HELLO = "pomerium version pomerium: v0.33.1+abc\nenvoy: 1.40.0\n"


class Little:
    """Starts processes named `pomerium`, each in a directory of its own, and ends them all."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._started: list[subprocess.Popen[bytes]] = []

    def replica(
        self,
        *arguments: str,
        config: str | None = None,
        env: Mapping[str, str] | None = None,
        envoys: Sequence[Path] = (),
        cwd: Path | None = None,
        program: bytes | None = None,
        **as_user: Any,
    ) -> subprocess.Popen[bytes]:
        """A script called `pomerium` (or that program) with these arguments; `config` is written to pomerium.yaml."""
        home = self.directory / str(len(self._started))
        home.mkdir()
        if config is not None:
            (home / "pomerium.yaml").write_text(config)
        for name, text in (("pomerium", program or SCRIPT.encode()), ("envoy", ENVOY.encode())):
            (home / name).write_bytes(text)
            (home / name).chmod(0o755)
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "ENVOYS": " ".join(map(str, envoys))}
        process = subprocess.Popen(
            [str(home / "pomerium"), *arguments],
            cwd=cwd or home,
            env={**environment, **(env or {})},
            start_new_session=True,
            **as_user,
        )
        self._started.append(process)
        self.wait_until_named(process.pid)
        return process

    @staticmethod
    def wait_until_named(pid: int) -> None:
        """Waits until the process has become a `pomerium` (it is started by fork and exec)."""
        over = time.monotonic() + 10
        while not (named(pid).startswith("pomerium ") and argv(pid)):
            assert time.monotonic() < over, "it did not become a process called pomerium"
            time.sleep(0.001)

    @staticmethod
    def kill(process: subprocess.Popen[Any]) -> None:
        """Ends the process, which leads a session of its own, with all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def close(self) -> None:
        for process in self._started:
            self.kill(process)


def home_of(process: subprocess.Popen[bytes]) -> Path:
    """The directory that the little replica was started from."""
    return Path(str(process.args[0])).parent  # type: ignore[index]


def program_that_says(text: str = HELLO) -> bytes:
    """A static program that prints `text` for --version and else waits for a signal (x86-64 Linux)."""
    if platform.machine() != "x86_64":
        pytest.skip("the little program is made for x86-64")
    message = text.encode()
    say = (
        b"\xb8\x01\x00\x00\x00\xbf\x01\x00\x00\x00\x48\x8d\x35"  # write(1, message, length)
        + struct.pack("<i", 5 + 2 + 5 + 2 + 2 + 5 + 2 + 2)
        + b"\xba"
        + struct.pack("<I", len(message))
        + b"\x0f\x05\xb8\x3c\x00\x00\x00\x31\xff\x0f\x05"  # exit(0)
    )
    wait = b"\xb8\x22\x00\x00\x00\x0f\x05\xeb\xf7"  # pause(), for ever
    second = b"\x48\x8b\x74\x24\x10\x80\x7e\x02\x76\x75" + bytes([len(say)])  # argv[1][2] == 'v'
    first = b"\x48\x8b\x3c\x24\x48\x83\xff\x02\x72" + bytes([len(second) + len(say)])  # argc >= 2
    code = first + second + say + wait + message
    base = 0x400000
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    size = 120 + len(code)
    header += struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
    return header + code
