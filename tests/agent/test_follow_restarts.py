"""The replica is restarted, in every way it can be: the agent follows it, whatever is new about it.

How long that takes is printed (`pytest -s`), from the moment at which the replica serves.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pomhealth.demo.ports import free_ports
from tests.agent.process import Agent, agent, nothing_runs, until
from tests.standin import RunningReplica, StandIn

RESTARTS = 10


@contextmanager
def beside(replica: RunningReplica, tmp_path: Path) -> Iterator[Agent]:
    """An agent that has seen the replica well."""
    with agent(tmp_path, "--pomerium-config", str(replica.config_path)) as one:
        until(lambda: followed(one, replica), lambda: one.get("/readyz?verbose"))
        yield one


def followed(one: Agent, replica: RunningReplica) -> bool:
    """Whether the agent watches just the processes that run now, and has found them well."""
    seen = one.get("/status")[1]
    found = (seen["replica"].get("pid"), seen["replica"].get("envoy_pids"), seen["started"], seen["ready"])
    return found == (replica.pid, [replica.envoy_pid()], True, True)


def follows(one: Agent, replica: RunningReplica, what: str) -> None:
    """Returns once the agent has followed a replica that serves from now on, and has nothing to complain of."""
    began = time.monotonic()
    until(lambda: followed(one, replica), lambda: one.get("/readyz?verbose"))
    print(f"{what}: followed {time.monotonic() - began:.2f} s after the replica served")  # noqa: T201  (measured, never asserted)
    until(lambda: not one.alerts(), lambda: one.get("/alerts"))


def test_a_restart_with_a_new_process_and_a_new_admin_socket(tmp_path: Path, standin: StandIn) -> None:
    replica = standin(storage="file")
    with beside(replica, tmp_path) as one:
        before = one.get("/status")[1]["replica"]
        replica.restart()
        follows(one, replica, "restart")
        after = one.get("/status")[1]["replica"]
        assert after["envoy_admin"] != before["envoy_admin"]


def test_a_new_release(tmp_path: Path, standin: StandIn) -> None:
    replica = standin("v0.32.9", "file")
    with beside(replica, tmp_path) as one:
        assert one.get("/status")[1]["replica"]["version"] == "0.32.9"
        replica.stop()
        replica.env["POMHEALTH_STANDIN_RELEASE"] = "v0.33.1"
        replica.start()
        follows(one, replica, "new release")
        until(lambda: one.get("/status")[1]["replica"]["version"] == "0.33.1", lambda: one.get("/status"))


def test_new_addresses(tmp_path: Path, standin: StandIn) -> None:
    replica = standin(storage="file")
    with beside(replica, tmp_path) as one:
        main, health = free_ports(2)
        replica.stop()
        replica.rewrite(address=f"127.0.0.1:{main}", health_check_addr=f"127.0.0.1:{health}")
        replica.start()
        follows(one, replica, "new addresses")
        assert one.get("/status")[1]["replica"]["addresses"]["address"] == f"127.0.0.1:{main}"
        assert f"127.0.0.1:{health}" in one.get("/status")[1]["statuses"]["pomerium.process"]["summary"]


def test_a_restart_while_the_agent_looks_at_what_hangs(tmp_path: Path, standin: StandIn) -> None:
    replica = standin(storage="file")
    with beside(replica, tmp_path) as one:
        os.kill(replica.envoy_pid(), signal.SIGSTOP)
        os.kill(replica.pid, signal.SIGSTOP)
        until(lambda: not one.ready())
        replica.restart()
        follows(one, replica, "restart of what hung")


def test_a_killed_process(tmp_path: Path, standin: StandIn) -> None:
    replica = standin(storage="file")
    with beside(replica, tmp_path) as one:
        os.kill(replica.pid, signal.SIGKILL)
        replica.wait()
        replica.start()
        follows(one, replica, "killed and started")


def test_many_restarts_in_a_row(tmp_path: Path, standin: StandIn) -> None:
    replica = standin(storage="file")
    with beside(replica, tmp_path) as one:
        for _ in range(RESTARTS - 1):
            replica.restart(until_ready=False)
        replica.restart()
        follows(one, replica, f"{RESTARTS} restarts")


@pytest.mark.parametrize("there", [True, False])
def test_an_agent_that_was_there_first_takes_the_replica_when_it_comes(
    tmp_path: Path, standin: StandIn, *, there: bool
) -> None:
    """Also where the configuration file is gone for a while, as a volume that is not mounted yet."""
    replica = standin(storage="file")
    replica.stop()
    away = replica.config_path.with_suffix(".away")
    with agent(tmp_path, "--pomerium-config", str(replica.config_path)) as one:
        until(lambda: "waiting for it" in one.get("/status")[1]["notice"], lambda: one.get("/status"))
        until(lambda: ("pomerium.process", "not-running") in one.alerts(), lambda: one.get("/alerts"))
        assert not one.ready()
        if not there:
            replica.config_path.rename(away)
            until(lambda: "No such file" in one.get("/status")[1]["notice"], lambda: one.get("/status"))
            away.rename(replica.config_path)
        replica.start()
        follows(one, replica, "the agent was first")
        assert one.get("/status")[1]["notice"] == ""


def test_an_agent_with_nothing_to_watch_says_so_and_goes_on(tmp_path: Path) -> None:
    with agent(tmp_path, *nothing_runs(tmp_path)) as one:
        until(lambda: "waiting for it" in one.get("/status")[1]["notice"], lambda: one.get("/status"))
        assert one.stop() == 0
