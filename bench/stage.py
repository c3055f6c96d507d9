"""What is measured: the demo (a replica with a real Envoy and PostgreSQL, and the agent), and a bare Envoy as the peer."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_DEADLINE = 120.0  # seconds until the demo is ready


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo. `agent` is where its agent answers, HOST:PORT, and `agent_pid` that process."""

    agent: str
    agent_pid: int
    environment: dict[str, str]

    def fault(self, *arguments: str) -> None:
        """`pomhealth demo ARGUMENTS`, such as --break NAME."""
        command = [sys.executable, "-m", "pomhealth", "demo", *arguments]
        subprocess.run(command, env=self.environment, check=True, capture_output=True, timeout=_DEADLINE)


@contextlib.contextmanager
def demo() -> Iterator[Demo]:
    """Runs `pomhealth demo` in a directory of its own until the block ends."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        Path(directory).chmod(0o711)  # run by root, PostgreSQL is another user below it
        agent = f"127.0.0.1:{_free_port()}"
        environment = {**os.environ, "POMHEALTH_DEMO_DIR": f"{directory}/demo"}
        command = [sys.executable, "-m", "pomhealth", "demo", "--listen", agent]
        log = Path(directory, "log")
        with log.open("wb") as output:
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            line = _line(process, log, "ready:")
            yield Demo(agent, int(line.partition("(pid ")[2].partition(")")[0]), environment)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_DEADLINE)


@contextlib.contextmanager
def bare_envoy() -> Iterator[tuple[str, int]]:
    """An Envoy with nothing but its admin interface, on TCP: HOST:PORT and its pid."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        bootstrap = {"admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}}}
        address = Path(directory, "address")
        command = [
            *(str(Path(sys.executable).with_name("envoy")), "--config-yaml", json.dumps(bootstrap)),
            *("--concurrency", "1", "--use-dynamic-base-id", "--log-level", "off"),
            *("--admin-address-path", str(address)),
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield _line(process, address, ":"), process.pid
        finally:
            process.terminate()
            process.wait(_DEADLINE)


def peak_memory(pid: int) -> float:
    """The largest resident set of a process so far, in MiB; 0 once it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _line(process: subprocess.Popen[bytes], path: Path, sign: str) -> str:
    """The first line with `sign` in the file that a process writes."""
    until = time.monotonic() + _DEADLINE
    while time.monotonic() < until and process.poll() is None:
        text = path.read_text("utf-8", "replace") if path.exists() else ""
        found = next((line for line in text.splitlines() if sign in line), None)
        if found is not None:
            return found.strip()
        time.sleep(0.05)
    said = path.read_text("utf-8", "replace") if path.exists() else ""
    raise SystemExit(f"{process.args!r} did not start: {said[-500:]}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
