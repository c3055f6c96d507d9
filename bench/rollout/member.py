"""One replica of the cluster with its agent, and what a supervisor does to them. Blocking calls, for the main thread."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.rollout.balancer import Target
from bench.rollout.orders import Order, Probe, Step
from bench.rollout.pace import Pace
from bench.stage import free_address
from pomhealth.demo.children import end, python, spawn
from pomhealth.demo.errors import DemoError
from pomhealth.demo.running import RunningReplica

_LONGER = 10.0  # seconds that whoever waits for a drain waits beyond its limit
_HEALTHY = 60.0  # seconds
_TICK = 0.02
# As systemd hands a socket over: it is descriptor 3, and LISTEN_PID names the process that it is for.
_HANDED = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True, slots=True)
class Busy:
    """What a replica's main listener has to do: requests under way, and connections."""

    requests: int
    connections: int


class Member:
    """A replica, and its agent where the order has one. `directory` is the member's own."""

    def __init__(self, name: str, directory: Path, replica: RunningReplica, order: Order, pace: Pace) -> None:
        self.name = name
        self.replica = replica
        self.listen = free_address()
        self._order = order
        self._pace = pace
        self._log = directory / "agent.log"
        self._directory = directory
        self._agent: subprocess.Popen[bytes] | None = None
        self._port = _bound(self.listen) if order.held_port else None

    @property
    def target(self) -> Target:
        """How a balancer knows it."""
        asked = self.replica.health if self._order.probe is Probe.REPLICA else _split(self.listen)
        if asked is None:
            raise DemoError(f"{self.replica.release} has no health server to ask")
        return Target(self.name, self.replica.address, asked)

    def start(self) -> None:
        """Starts everything, for the first time; `await_start` waits for it."""
        self.replica.start(until_ready=False)
        if self._order.probe is Probe.AGENT:
            self.start_agent()

    def await_start(self) -> None:
        """Returns when it serves. Raises DemoError."""
        self.replica.wait_until_ready()
        if self._order.probe is Probe.AGENT:
            self._await_health()
        else:
            self._await_own()

    def steps(self) -> dict[Step, Callable[[], None]]:
        """How each step is done that takes no balancer."""
        return {
            Step.DRAIN: self._drain,
            Step.PRE_STOPS: self._pre_stops,
            Step.SLEEP: lambda: time.sleep(self._pace.sleep),
            Step.STOP_REPLICA: self.replica.stop,
            Step.STOP_AGENT: self.stop_agent,
            Step.START_REPLICA: lambda: self.replica.start(until_ready=False),
            Step.START_AGENT: self.start_agent,
            Step.HEALTH: self._await_health,
            Step.OWN_READY: self._await_own,
        }

    def start_agent(self) -> None:
        """Starts `pomhealth run`; where its supervisor holds the port, with that socket as systemd hands it over."""
        command = python("pomhealth", "run", "--listen", self.listen)
        command += ["--pomerium-config", str(self.replica.config_path)]
        handed: dict[str, Any] = {}
        if self._port is not None:
            number = self._port.fileno()
            command = [sys.executable, "-c", _HANDED, str(number), *command]
            handed = {"pass_fds": (number,)}
        with self._log.open("ab") as log:
            self._agent = spawn(command, cwd=self._directory, env=self._environment(), output=log, **handed)

    def stop_agent(self) -> None:
        """SIGTERM, and its end. Raises DemoError where it does not end by itself, or not well."""
        if self._agent is None:
            return
        status = end(self._agent, (signal.SIGTERM,), patience=self._pace.limit + _LONGER)
        if status != 0:
            raise DemoError(f"the agent of {self.name} ended with status {status}: {self._words()}")

    def stop(self) -> None:
        """Ends everything, however it is, the agent without a drain."""
        with contextlib.ExitStack() as stack:
            if self._port is not None:
                stack.callback(self._port.close)
            stack.callback(self.replica.stop)
            if self._agent is not None:
                stack.callback(end, self._agent, (signal.SIGINT,))

    def busy(self) -> Busy:
        """What its main listener has to do now; nothing where it cannot be asked."""
        if self.replica.admin is None:
            raise DemoError("this replica shows no admin interface")
        host, port = self.replica.admin
        url = f"http://{host}:{port}/stats?filter=^http.ingress.downstream_(rq|cx)_active$"
        try:
            with urllib.request.urlopen(url, timeout=5.0) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return Busy(0, 0)
        found = {name.strip(): int(value) for name, _, value in (line.rpartition(":") for line in lines)}
        return Busy(found["http.ingress.downstream_rq_active"], found["http.ingress.downstream_cx_active"])

    def _drain(self) -> None:
        self._run("drain", "-a", self.listen, or_last="not drained after")

    def _pre_stops(self) -> None:
        """Both hooks of a pod, at once: it goes on when both have come to their end."""
        held: list[int] = []
        where, patience = _split(self.listen), self._pace.limit + _LONGER
        hook = threading.Thread(target=lambda: held.append(_status(where, "/drained", patience)), daemon=True)
        hook.start()
        self._drain()
        hook.join(patience)
        if held not in (
            [200],
            [503],
        ):  # 503 where it came to its limit: the kubelet takes any answer for the end
            raise DemoError(f"GET /drained of {self.name} answered {held}")

    def _await_health(self) -> None:
        self._run("health", "-a", self.listen, "--wait", f"{_HEALTHY:g}")

    def _await_own(self) -> None:
        where = self.replica.health
        until = time.monotonic() + _HEALTHY
        while where is None or _status(where, "/readyz", 2.0) != 200:
            if time.monotonic() > until:
                raise DemoError(f"the replica {self.name} does not get ready")
            time.sleep(_TICK)

    def _run(self, *arguments: str, or_last: str | None = None) -> None:
        """Runs a command of ours. Raises DemoError with its last words where it fails.

        No failure is one whose last line begins with `or_last`: a drain that came to its limit goes on to the stop.
        """
        result = subprocess.run(
            [sys.executable, "-m", "pomhealth", *arguments],
            cwd=self._directory,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_HEALTHY + self._pace.limit + _LONGER,
            check=False,
        )
        said = result.stdout.decode("utf-8", "replace").splitlines() or [""]
        if result.returncode != 0 and not (or_last and said[-1].startswith(or_last)):
            raise DemoError(f"pomhealth {arguments[0]} of {self.name} failed: {' / '.join(said[-3:])}")

    def _environment(self) -> dict[str, str]:
        environment = {name: text for name, text in os.environ.items() if not name.startswith("POMHEALTH_")}
        return {
            **environment,
            "POMHEALTH_RELEASE_FEED": "off",
            "POMHEALTH_STATE_DIR": str(self._directory / "state"),
            "POMHEALTH_DRAIN_NOTICE": str(self._pace.notice),
            "POMHEALTH_DRAIN_LIMIT": str(self._pace.limit),
            "POMHEALTH_DRAIN_ON_STOP": str(self._order.drains_on_stop).lower(),
        }

    def _words(self) -> str:
        return " / ".join(self._log.read_text("utf-8", "replace").splitlines()[-3:])


def _status(where: tuple[str, int], path: str, timeout: float) -> int:
    """The HTTP status of an answer; 0 without one."""
    with contextlib.closing(http.client.HTTPConnection(*where, timeout=timeout)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0


def _bound(address: str) -> socket.socket:
    """A listening socket, as a supervisor makes it."""
    return socket.create_server(_split(address), backlog=4096)


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)
