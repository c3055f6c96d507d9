"""The other replicas of the demo's cluster: equal to the first, on the same PostgreSQL, each with an agent of its own."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pomhealth.demo.beside import Agent
from pomhealth.demo.errors import DemoError
from pomhealth.demo.ports import free_after
from pomhealth.demo.running import RunningReplica

MOST = 5  # replicas of one demo: each has an Envoy of its own, and takes its memory

_ALIKE = ("authenticate_service_url", "shared_secret", "cookie_secret", "routes")
_PAIR = ("cert.pem", "key.pem")


@dataclass(frozen=True, slots=True)
class Companion:
    """One of them; `number` is 2 or more, since the demo's own is the first."""

    number: int
    replica: RunningReplica
    agent: Agent


class Companions:
    """As many others as `count` below `directory`; their agents listen on the free ports after that of `listen`.

    Those are chosen here, before anything else of the demo takes one. Raises DemoError where there are not enough.
    """

    def __init__(self, directory: Path, listen: str, count: int, settings: Mapping[str, str]) -> None:
        host, _, port = listen.rpartition(":")
        ports = free_after(int(port), count, host.strip("[]"))
        if len(ports) < count:
            raise DemoError(
                f"too few free ports after {listen} for {count + 1} agents; choose another --listen"
            )
        self._homes = {number: directory / f"r{number}" for number in range(2, count + 2)}
        self._agents = {
            number: Agent(home, f"{host}:{free}", settings)
            for (number, home), free in zip(self._homes.items(), ports, strict=True)
        }
        self.all: tuple[Companion, ...] = ()

    def start(self, first: RunningReplica) -> None:
        """Starts them, set up as the first is. `wait` tells when their agents are ready. Raises DemoError."""
        self.all = tuple(
            Companion(number, _alike(first, home), self._agents[number])
            for number, home in self._homes.items()
        )
        for companion in self.all:
            companion.replica.start(until_ready=False)
        for companion in self.all:
            companion.replica.wait_until_ready()
            companion.agent.start(companion.replica.config_path)

    def wait(self, until: float) -> None:
        """Returns when each agent's /readyz answers 200. Raises DemoError when one does not before `until`."""
        for companion in self.all:
            companion.agent.wait(until)

    def ended(self) -> tuple[str, ...]:
        """What of them does not run now."""
        return tuple(
            f"{part} of replica {companion.number}"
            for companion in self.all
            for part, runs in (("process", companion.replica.running), ("agent", companion.agent.runs))
            if not runs()
        )

    def heal(self) -> list[str]:
        """Starts again what does not run; what was done, a line each. Raises DemoError."""
        done = []
        for companion in self.all:
            if not companion.replica.running():
                companion.replica.restart()
                done.append(f"started replica {companion.number} again (pid {companion.replica.pid})")
            if not companion.agent.runs():
                companion.agent.start(companion.replica.config_path)
                done.append(
                    f"started the agent of replica {companion.number} again (pid {companion.agent.pid})"
                )
        return done

    def stop_agents(self) -> None:
        """Ends their agents, while PostgreSQL still takes their goodbye."""
        with contextlib.ExitStack() as stack:  # one that fails to end does not keep the others from ending
            for companion in self.all:
                stack.callback(companion.agent.stop)

    def stop(self) -> None:
        """Ends their replicas."""
        with contextlib.ExitStack() as stack:  # as above
            for companion in self.all:
                stack.callback(companion.replica.stop)


def _alike(first: RunningReplica, home: Path) -> RunningReplica:
    """A replica with the first one's configuration and certificate, at addresses of its own."""
    made = RunningReplica(
        home,
        release=first.release,
        storage=first.options["databroker_storage_type"],
        dsn=first.dsn,
        options={name: first.options[name] for name in _ALIKE},
    )
    for name in _PAIR:
        shutil.copyfile(first.directory / name, made.directory / name)
    return made
