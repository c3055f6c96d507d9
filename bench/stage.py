"""What is measured: a replica with a real Envoy and PostgreSQL, and the agent; and a bare Envoy as the peer.

The kernel ends what is started here when this process ends, however that is.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pomhealth.demo.children import spawn
from pomhealth.demo.control import Request, ask
from pomhealth.demo.ports import free_ports
from pomhealth.demo.stage import Stage
from pomhealth.demo.state import State

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
def coming_and_going(demo: Demo, faults: Sequence[str], *, pause: float) -> Iterator[None]:
    """One of these faults after the other, for as long as the block lasts; then none.

    `pause` is the seconds between a fault and its end, and between that and the next.
    """
    over = threading.Event()
    where = Path(demo.environment["POMHEALTH_DEMO_DIR"], "control.sock")

    def work() -> None:
        while not over.is_set():
            for name in faults:
                for verb in ("break", "heal"):
                    ask(where, Request(verb, name))
                    over.wait(pause)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    """A new directory, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="bench-") as path:
        Path(path).chmod(0o711)  # run by root, PostgreSQL is another user below it
        yield Path(path)


@contextlib.contextmanager
def staged() -> Iterator[Stage]:
    """The demo's parts, driven from here, in a directory of their own; nothing is left of them afterwards.

    To be entered from the main thread: the children of another would end with it.
    """
    with directory() as root, contextlib.ExitStack() as stack:
        state = State(root / "demo")
        stack.callback(state.release)
        state.claim()
        stage = Stage(state.path, free_address(), usual_ports=False)
        stack.callback(stage.stop)
        stage.start()
        yield stage


@contextlib.contextmanager
def demo() -> Iterator[Demo]:
    """Runs `pomhealth demo` in a directory of its own until the block ends."""
    with directory() as root:
        agent = free_address()
        environment = {**os.environ, "POMHEALTH_DEMO_DIR": f"{root}/demo"}
        command = [sys.executable, "-m", "pomhealth", "demo", "--listen", agent]
        log = root / "log"
        with log.open("wb") as output:
            process = spawn(
                command, cwd=Path.cwd(), env=environment, output=output, last_signal=signal.SIGTERM
            )
        try:
            line = _line(process, log, "ready:")
            yield Demo(agent, int(line.partition("(pid ")[2].partition(")")[0]), environment)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_DEADLINE)


@contextlib.contextmanager
def bare_envoy() -> Iterator[tuple[str, int]]:
    """An Envoy with nothing but its admin interface, on TCP: HOST:PORT and its pid."""
    with directory() as root:
        bootstrap = {"admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}}}
        address = root / "address"
        command = [
            *(str(Path(sys.executable).with_name("envoy")), "--config-yaml", json.dumps(bootstrap)),
            *("--concurrency", "1", "--use-dynamic-base-id", "--log-level", "off"),
            *("--admin-address-path", str(address)),
        ]
        process = spawn(command, cwd=root, output=subprocess.DEVNULL)
        try:
            yield _line(process, address, ":"), process.pid
        finally:
            process.terminate()
            process.wait(_DEADLINE)


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


def free_address() -> str:
    """HOST:PORT where nobody listens."""
    return f"127.0.0.1:{free_ports(1)[0]}"
