"""A running `pomhealth demo`, for tests that use it as its user would."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pomhealth.demo.faults import FAULTS
from pomhealth.demo.ports import free_ports

PATIENCE = 30.0  # seconds: a wrong verdict fails the test, a slow machine does not


@dataclass(frozen=True)
class Demo:
    """A running demo, as its user sees it."""

    listen: str
    environment: dict[str, str]
    others: tuple[str, ...] = ()  # where the agents of its other replicas listen

    def get(self, path: str) -> tuple[int, Any]:
        """Status and parsed body of the agent's answer."""
        try:
            with urllib.request.urlopen(f"http://{self.listen}{path}", timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pomhealth", *arguments]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )

    def do(self, *arguments: str) -> None:
        done = self.run("demo", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr

    def make(self, fault: str) -> None:
        """Makes a fault. Skips the test where this machine does not let us: as another than root, or in a container."""
        if FAULTS[fault].root and os.geteuid() != 0:
            pytest.skip("only root can make this fault")
        done = self.run("demo", "--break", fault)
        if FAULTS[fault].root and "that needs" in done.stderr:
            pytest.skip(done.stderr.strip())
        assert done.returncode == 0, done.stdout + done.stderr

    def alerts(self) -> set[tuple[str, str]]:
        return {(alert["id"], alert["cause"]) for alert in self.get("/alerts")[1]["alerts"]}

    @property
    def url(self) -> str:
        return f"http://{self.listen}/"

    def ready(self) -> int:
        return self.get("/readyz")[0]


def until(condition: Callable[[], bool], what: Callable[[], object]) -> None:
    """Waits for a condition; says what was seen instead when it does not come."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"not within {PATIENCE:.0f} s; last seen: {what()}")
        time.sleep(0.05)


def recovered(demo: Demo) -> None:
    """Waits until nothing is wrong."""
    until(lambda: demo.ready() == 200 and not demo.alerts(), lambda: demo.get("/alerts")[1])


@contextmanager
def running_demo(replicas: int = 1) -> Iterator[Demo]:
    """A demo of so many replicas on free ports, with everything of it in a directory of its own; it leaves nothing behind."""
    home = Path(tempfile.mkdtemp(prefix="pomhealth-"))
    home.chmod(0o711)  # as root, PostgreSQL runs as another user
    listen = f"127.0.0.1:{free_ports(1)[0]}"
    environment = {**os.environ, "POMHEALTH_DEMO_DIR": str(home / "state")}
    command = [sys.executable, "-m", "pomhealth", "demo", "--free-ports", "--listen", listen]
    if replicas > 1:
        command += ["--replicas", str(replicas)]
    log = (home / "log").open("w")
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert ready, (home / "log").read_text()
        agents = re.findall(r"http://(\S+) \(pid \d+, replica pid", ready)
        yield Demo(listen, environment, tuple(agents))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()
            process.communicate()
            log.close()
    assert [path.name for path in home.iterdir()] == ["log"]
    shutil.rmtree(home)
