"""The agent as a process of its own, as a supervisor sees it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 20.0  # seconds: a wrong verdict fails a test, a slow machine does not


def until(condition: Callable[[], bool], last: Callable[[], object] = lambda: "") -> float:
    """Waits for a condition; gives the seconds it took, or fails with what was seen last."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > PATIENCE:
            pytest.fail(f"not within {PATIENCE:.0f} s; last seen: {last()}")
        time.sleep(0.01)
    return time.monotonic() - began


class Agent:
    """A running `pomhealth run`; `lines` is its log, parsed."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def text(self) -> str:
        return self._log.read_text(encoding="utf-8")

    @property
    def lines(self) -> list[dict[str, Any]]:
        whole = self.text.rpartition("\n")[0].splitlines()
        return [json.loads(line) for line in whole if line.startswith("{")]

    def events(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]

    @property
    def address(self) -> str:
        """Where it listens, once it does."""
        until(lambda: bool(self.events("listening")) or self.process.poll() is not None, lambda: self.text)
        address: str = self.events("listening")[-1]["address"]
        return address

    def get(self, path: str) -> tuple[int, Any]:
        """Status and body of an answer, parsed where it is JSON."""
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=5) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, body = error.code, error.read()
        return status, json.loads(body) if body.startswith(b"{") else body.decode()

    def ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def alerts(self) -> set[tuple[str, str]]:
        return {(alert["id"], alert["cause"]) for alert in self.get("/alerts")[1]["alerts"]}

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def agent(tmp_path: Path, *options: str, **environment: str) -> Iterator[Agent]:
    """Runs the agent on a free port; it is gone afterwards."""
    log = tmp_path / "agent.log"
    command = [sys.executable, "-m", "pomhealth", "run", "--listen", "127.0.0.1:0", *options]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stderr=out, stdout=out, env={**os.environ, **environment})
    try:
        yield Agent(process, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE)


def nothing_runs(tmp_path: Path) -> tuple[str, str]:
    """Options for a replica that is not there yet."""
    config = tmp_path / "pomerium.yaml"
    config.write_text("address: 127.0.0.1:1\n")
    return ("--pomerium-config", str(config))
