"""The demo's parts, and how they are started, looked at and ended: PostgreSQL, the replica, the agent."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pomhealth.demo import mounts
from pomhealth.demo.beside import Agent
from pomhealth.demo.children import end, python, spawn
from pomhealth.demo.companions import Companions
from pomhealth.demo.errors import DemoError
from pomhealth.demo.ports import free_ports, is_free
from pomhealth.demo.postgres import PostgresServer
from pomhealth.demo.running import RunningReplica
from pomhealth.demo.standin.releases import NEWEST
from pomhealth.demo.upstream import Upstream

DATABASE = "pomerium"

_USUAL_PORTS = {
    "address": 8443,
    "grpc_address": 5443,
    "metrics_address": 9090,
    "http_redirect_addr": 8080,
    "health_check_addr": 28080,
    "envoy_admin_address": 9901,
}


class Stage:
    """Everything that the demo runs, below `directory`; the agent listens on `listen` (HOST:PORT).

    With `usual_ports` the replica takes the ports that Pomerium's documentation uses, where they are free. With more
    than one of `replicas` there are companions on the same PostgreSQL, and all agents share a cluster view. Raises
    DemoError where there are too few free ports for their agents.
    """

    def __init__(self, directory: Path, listen: str, *, usual_ports: bool = True, replicas: int = 1) -> None:
        self._usual_ports = usual_ports
        self.directory = directory
        self.listen = listen
        self.replicas = replicas
        settings = _cluster(replicas)
        self._agent = Agent(directory, listen, settings)
        self.companions = Companions(directory, listen, replicas - 1, settings)
        self.postgres = PostgresServer(directory / "postgres")
        self._replica: RunningReplica | None = None
        self._squatters: dict[str, subprocess.Popen[bytes]] = {}
        self._held: dict[str, Callable[[], object]] = {}
        self._upstream: Upstream | None = None
        self.view: int | None = (
            None  # the mount namespace that the agent's next start sees, where not this one
        )
        self.moved: dict[str, tuple[int, int]] = {}  # by option: the usual port, and the one used instead
        self.home: dict[str, Any] = {}  # by option: what a standing fault has changed, as it was

    @property
    def replica(self) -> RunningReplica:
        """The stand-in. Raises DemoError before it was started."""
        if self._replica is None:
            raise DemoError("the replica has not been started yet")
        return self._replica

    @property
    def agent_pid(self) -> int:
        return self._agent.pid

    @property
    def agent_log(self) -> Path:
        return self._agent.log

    def start(self, *, patience: float = 60.0) -> None:
        """Starts everything and returns when each agent's /readyz answers 200. Raises DemoError.

        `patience` is the seconds for one replica: as many have so many times as long.
        """
        until = time.monotonic() + patience * self.replicas
        self.postgres.start()
        self._upstream = Upstream()
        options = self._options(self._upstream.port)
        dsn = self.postgres.create_database(DATABASE)
        self._replica = RunningReplica(
            self.directory, release=NEWEST, storage="postgres", dsn=dsn, options=options
        )
        self._replica.start()
        self.start_agent()
        self.companions.start(self._replica)
        self.wait_for_agent(until)
        self.companions.wait(until)

    def start_agent(self) -> None:
        """Starts `pomhealth run` for this replica, as a process of its own."""
        self._agent.start(self.replica.config_path, view=self.view)

    def wait_for_agent(self, until: float) -> None:
        """Returns when the agent's /readyz answers 200. Raises DemoError when it does not before `until`."""
        self._agent.wait(until)

    def agent_runs(self) -> bool:
        return self._agent.runs()

    def stop_agent(self) -> None:
        self._agent.stop()

    def squat(self, name: str, host: str, port: int) -> int:
        """Starts another program that holds this port, remembered under `name`; returns its pid once it listens."""
        process = spawn(
            python("pomhealth.demo.squatter", host, str(port)),
            cwd=self.directory,
            output=subprocess.PIPE,
            errors=subprocess.DEVNULL,
        )
        self._squatters[name] = process
        if process.stdout is None or process.stdout.readline() != b"listening\n":
            self.leave(name)
            raise DemoError(f"{host}:{port} is taken by something else already")
        return process.pid

    def leave(self, name: str) -> None:
        """Ends the program that holds a port under this name, if there is one."""
        process = self._squatters.pop(name, None)
        if process is not None:
            end(process)
            if process.stdout is not None:
                process.stdout.close()

    def hold(self, name: str, close: Callable[[], object]) -> None:
        """Keeps something of a fault's under `name`, until `let_go` or the end of everything closes it."""
        if name in self._held:
            raise DemoError(f"{name} stands already")
        self._held[name] = close

    def holds(self, name: str) -> bool:
        return name in self._held

    def let_go(self, name: str) -> None:
        """Closes what is kept under this name, if there is something."""
        close = self._held.pop(name, None)
        if close is not None:
            close()

    def stop(self) -> None:
        """Ends everything, however it is, the agents first. The files are the state directory's affair."""
        with contextlib.ExitStack() as stack:  # what fails to end does not keep the rest from ending
            if self._upstream is not None:
                stack.callback(self._upstream.close)
            for name in list(self._squatters):
                stack.callback(self.leave, name)
            stack.callback(self.postgres.stop, "immediate")
            stack.callback(self.companions.stop)
            if self._replica is not None:
                stack.callback(mounts.make_writable, self._replica.cache_dir)
                stack.callback(self._replica.stop)
            for name in list(self._held):
                stack.callback(self.let_go, name)
            stack.callback(self.companions.stop_agents)
            stack.callback(self.stop_agent)

    def _options(self, upstream: int) -> dict[str, Any]:
        addresses = {}
        for (option, usual), free in zip(_USUAL_PORTS.items(), free_ports(len(_USUAL_PORTS)), strict=True):
            port = usual if self._usual_ports and is_free(usual) else free
            if self._usual_ports and port != usual:
                self.moved[option] = (usual, port)
            addresses[option] = f"127.0.0.1:{port}"
        target = f"http://127.0.0.1:{upstream}"
        public = {"allow_public_unauthenticated_access": True}
        signed_in = {"allow_any_authenticated_user": True}
        routes = {"app": public, "docs": public, "admin": signed_in, "reports": signed_in}
        return {
            **addresses,
            "routes": [
                {"from": f"https://{name}.demo.localhost", "to": target, **policy}
                for name, policy in routes.items()
            ],
        }


def _cluster(replicas: int) -> dict[str, str]:
    """What tells an agent of the demo of its cluster, where there is one."""
    if replicas == 1:
        return {}
    return {"POMHEALTH_CLUSTER": "true", "POMHEALTH_EXPECTED_REPLICAS": str(replicas)}
