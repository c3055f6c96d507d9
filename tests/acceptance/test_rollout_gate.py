"""Three replicas that one careless script restarts, all at once: `rollout-gate` lets them go one after another."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

import pytest

from pomhealth.cli.rollout_gate import command
from tests.agent.process import Agent, agent, until
from tests.standin import PostgresServer, RunningReplica, StandIn

REPLICAS = 3
PATIENCE = 120.0  # seconds for the whole rollout
LOOK = 0.005  # seconds between two looks at whether a replica is ready

# What the operator's script calls: it has the supervisor, which is the test, restart the replica, and waits for that.
SYSTEMCTL = """\
#!/bin/sh
test "$*" = "restart pomerium" || exit 2
echo restart >restart
read -r _ <restarted
"""
POMHEALTH = '#!/bin/sh\nexec "{}" -m pomhealth "$@"\n'


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine with a replica and its agent. In `directory` the operator's script runs, with the programs in `bin`."""

    replica: RunningReplica
    agent: Agent
    directory: Path

    def script(self) -> subprocess.Popen[bytes]:
        """What the help of `rollout-gate` says to do, begun."""
        found = re.search(r"pomhealth rollout-gate .* && systemctl restart pomerium", command.help or "")
        assert found is not None
        environment = {
            **os.environ,
            "PATH": f"{self.directory}:{os.environ['PATH']}",
            "POMHEALTH_ADDRESS": self.agent.address,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        return subprocess.Popen(["sh", "-c", found[0]], cwd=self.directory, env=environment)

    def wait_for_order(self, orders: Queue[Machine]) -> None:
        """Passes an order of the script on to the supervisor. Blocks until there is one."""
        with (self.directory / "restart").open() as pipe:
            pipe.read()
        orders.put(self)

    def restart(self) -> None:
        """Restarts the replica, however that goes, and tells the script that it is done."""
        self.replica.restart(until_ready=False)
        (self.directory / "restarted").write_text("done\n")


class Watch(threading.Thread):
    """Asks one agent again and again whether its replica is ready, and keeps how many of all are."""

    def __init__(self, number: int, address: str, ready: dict[int, bool], counts: list[int]) -> None:
        super().__init__(daemon=True)
        self.looks = 0
        self._number = number
        self._address = address
        self._ready = ready
        self._counts = counts
        self.over = threading.Event()

    def run(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=5.0)
        with contextlib.closing(connection):
            while not self.over.wait(LOOK):
                connection.request("GET", "/readyz")
                answer = connection.getresponse()
                answer.read()
                self._ready[self._number] = answer.status == 200
                self._counts.append(sum(self._ready.values()))
                self.looks += 1


@pytest.fixture
def machines(standin: StandIn, postgres: PostgresServer, tmp_path: Path) -> Iterator[list[Machine]]:
    """Three replicas, all of them ready, with agents that know each other."""
    dsn = postgres.create_database("rollout_gate")
    replicas = [standin(until_ready=False) for _ in range(REPLICAS)]
    with contextlib.ExitStack() as stack:
        made = []
        for number, replica in enumerate(replicas):
            directory = tmp_path / str(number)
            directory.mkdir()
            for name, text in (("systemctl", SYSTEMCTL), ("pomhealth", POMHEALTH.format(sys.executable))):
                (directory / name).write_text(text)
                (directory / name).chmod(0o755)
            os.mkfifo(directory / "restart")
            os.mkfifo(directory / "restarted")
            running = agent(
                directory,
                "--pomerium-config",
                str(replica.config_path),
                POMHEALTH_CLUSTER="true",
                POMHEALTH_CLUSTER_DSN=dsn,
                POMHEALTH_DRAIN_NOTICE="0.5",
                POMHEALTH_EXPECTED_REPLICAS=str(REPLICAS),
                POMHEALTH_RELEASE_FEED="off",
                POMHEALTH_STATE_DIR=str(directory / "state"),
            )
            made.append(Machine(replica, stack.enter_context(running), directory))
        for one in made:
            until(one.agent.ready)
        yield made


def test_one_careless_script_never_leaves_fewer_than_two_of_three_ready(
    machines: list[Machine], postgres: PostgresServer
) -> None:
    before = [one.replica.pid for one in machines]
    ready = dict.fromkeys(range(REPLICAS), True)
    counts: list[int] = []
    watches = [Watch(number, one.agent.address, ready, counts) for number, one in enumerate(machines)]
    orders: Queue[Machine] = Queue()
    for watch in watches:
        watch.start()
    for one in machines:
        threading.Thread(target=one.wait_for_order, args=(orders,), daemon=True).start()
    scripts = [one.script() for one in machines]
    began = time.monotonic()
    try:
        for _ in machines:
            orders.get(timeout=PATIENCE - (time.monotonic() - began)).restart()
        assert [script.wait(PATIENCE) for script in scripts] == [0] * REPLICAS
        until(lambda: all(one.agent.ready() for one in machines))
        until(lambda: lease_free(postgres))
    finally:
        for script in scripts:
            script.kill()
            script.wait()
        for watch in watches:
            watch.over.set()
            watch.join()
    assert all(watch.looks > 100 for watch in watches)
    assert min(counts) == REPLICAS - 1
    assert all(one.replica.pid != pid for one, pid in zip(machines, before, strict=True))


def lease_free(postgres: PostgresServer) -> bool:
    return not postgres.execute("SELECT 1 FROM pomhealth.leases WHERE until > now()", database="rollout_gate")
