"""Agents as processes, each with a light replica, an id, a host's name and a directory of its own, on one registry."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from pomhealth.demo.ports import free_ports
from tests.cluster.light import Light, Lights, lights

Told = TypeVar("Told")

ROOT = Path(__file__).parents[2]
PATIENCE = 90.0  # seconds: a wrong verdict fails a test, a slow machine does not
_ANSWER = 5.0  # seconds for an agent's answer


def until(condition: Callable[[], bool], what: Callable[[], object], *, patience: float = PATIENCE) -> float:
    """Waits for a condition; gives the seconds it took, or fails with what was seen last."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > patience:
            pytest.fail(f"not within {patience:g} s; last seen: {what()}")
        time.sleep(0.1)  # twenty that are asked often have no time for anything else
    return time.monotonic() - began


class Agent:
    """An agent in a PID namespace of its own, where it sees no process but itself, and with a host's name of its own.

    `home` holds its state and its log.
    """

    def __init__(self, host: str, light: Light, home: Path, dsn: str, admin: str, **settings: str) -> None:
        self.host = host
        self.light = light
        self.home = home
        self.address = f"127.0.0.1:{free_ports(1)[0]}"
        self.environment = {
            "POMHEALTH_LISTEN": self.address,
            "POMHEALTH_HEALTH_ADDRESS": light.address,
            "POMHEALTH_ENVOY_ADMIN": admin,
            "POMHEALTH_HISTORY": "false",
            "POMHEALTH_RELEASE_FEED": "off",
            "POMHEALTH_STATE_DIR": str(home),
            "POMHEALTH_CACHE_DIR": str(home),
            "POMHEALTH_CLUSTER": "true",
            "POMHEALTH_CLUSTER_DSN": dsn,
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it; it may take seconds until it answers."""
        self.home.mkdir(mode=0o700, exist_ok=True)
        script = f'hostname {self.host} && exec "$0" -m pomhealth run'
        command = ["unshare", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, sys.executable],
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> Path:
        return self.home / "log"

    @property
    def pid(self) -> int:
        """Of the agent itself."""
        assert self._process is not None
        (child,) = psutil.Process(self._process.pid).children()
        return child.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9; its end is waited for."""
        self.send(signal.SIGKILL)
        self.ended()

    def ended(self) -> int:
        """Waits for its end; gives the exit status."""
        assert self._process is not None
        return self._process.wait(PATIENCE)

    def get(self, path: str) -> tuple[int, Any]:
        """Status and parsed body of an answer; 0 where there is none."""
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=_ANSWER) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError as error:
            return 0, str(error)

    def ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def cluster(self) -> dict[str, Any]:
        """What it answers for the whole cluster; empty while it does not answer."""
        status, body = self.get("/replicas")
        return body if status == 200 else {}

    def rows(self) -> list[tuple[str, str, bool]]:
        """Host, state and readiness of every replica that it tells of, in order."""
        return sorted((one["host"], one["state"], one["ready"]) for one in self.cluster().get("replicas", ()))

    def ids(self) -> dict[str, str]:
        """The ids by host; a host that stands there twice has only one here, so compare with `rows` too."""
        return {one["host"]: one["id"] for one in self.cluster().get("replicas", ())}

    def end(self) -> None:
        """Ends it however it stands."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()  # the kernel then kills what it started
            self._process.wait(PATIENCE)


class Agents:
    """Agents that share a registry."""

    def __init__(self, lights_: Lights, home: Path) -> None:
        self._lights = lights_
        self._home = home
        self.all: list[Agent] = []

    def add(self, count: int, dsn: str, **settings: str) -> list[Agent]:
        """So many more, to be started."""
        made = []
        for _ in range(count):
            number = len(self.all) + 1
            host = f"replica-{number:02d}"
            made.append(
                Agent(host, self._lights.light(), self._home / host, dsn, self._lights.admin, **settings)
            )
            self.all.append(made[-1])
        return made

    def start(self) -> None:
        """Starts all of them at once; they are not waited for."""
        for one in self.all:
            one.start()

    def end(self) -> None:
        for one in self.all:
            one.end()


@contextmanager
def agents(home: Path) -> Iterator[Agents]:
    """Agents with their directories below `home`, until the block ends."""
    with lights() as lights_:
        made = Agents(lights_, home)
        try:
            yield made
        finally:
            made.end()


def everywhere(several: Sequence[Agent], what: Callable[[Agent], Told]) -> list[Told]:
    """What each agent says, asked at the same time."""
    with ThreadPoolExecutor(len(several)) as pool:
        return list(pool.map(what, several))


def agree(
    several: Sequence[Agent], truth: Iterable[tuple[str, str, bool]], *, complete: bool = True
) -> float:
    """Waits until each of these agents tells exactly this of the replicas: host, state, readiness; each one once."""
    wanted = sorted(truth)

    def told(agent: Agent) -> object:
        cluster = agent.cluster()
        rows = sorted((one["host"], one["state"], one["ready"]) for one in cluster.get("replicas", ()))
        return (
            rows == wanted
            and cluster["complete"] is complete
            and len({one["id"] for one in cluster["replicas"]}) == len(rows)
        )

    def seen() -> object:
        wrong = next((one for one in several if not told(one)), several[0])
        cluster = wrong.cluster()
        return (
            wrong.host,
            cluster.get("notice"),
            cluster.get("complete"),
            set(wrong.rows()) ^ set(wanted),
            wrong.log.read_text()[-1500:],
        )

    return until(lambda: all(map(told, several)), seen)
