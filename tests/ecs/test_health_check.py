"""The container's health check, word for word as the task definitions have it, against a real agent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.agent.process import Agent, agent, nothing_runs, until
from tests.ecs.definitions import PROGRAM, TASKS, task, with_agent
from tests.standin import OwnPostgres, PostgresServer, RunningReplica, StandIn

CHECK = with_agent(task("task-fargate"))["healthCheck"]
KEPT = 4096  # bytes that Docker keeps of the output
NOBODY = "127.0.0.1:1"
BROKEN_SETTINGS = {
    "POMHEALTH_LISTEN": "nowhere",
    "POMHEALTH_ADDRESS": "https://nowhere",
    "POMHEALTH_SETTINGS": "/does/not/exist",
    "POMHEALTH_FALL": "many",
}


@pytest.fixture
def server(own_postgres: OwnPostgres) -> PostgresServer:
    return own_postgres()


@pytest.fixture
def replica(standin: StandIn, server: PostgresServer) -> RunningReplica:
    return standin(storage="postgres", dsn=server.create_database("ecs"))


@pytest.fixture
def beside(replica: RunningReplica, tmp_path: Path) -> Iterator[Agent]:
    with agent(tmp_path, "--pomerium-config", str(replica.config_path)) as one:
        until(one.ready, lambda: one.get("/readyz?verbose"))
        yield one


def run(address: str, **environment: str) -> tuple[int, str]:
    """Exit status and output of the check, asking this agent; it ends within its time limit."""
    kind, program, *words = CHECK["command"]
    assert (kind, program) == ("CMD", PROGRAM)
    words[words.index("-a") + 1] = address
    done = subprocess.run(
        [sys.executable, "-m", "pomhealth", *words],
        capture_output=True,
        text=True,
        timeout=CHECK["timeout"],
        check=False,
        env={**os.environ, **environment},
    )
    output = done.stdout + done.stderr
    assert len(output.encode()) < KEPT
    return done.returncode, output


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_every_task_definition_has_the_same_check() -> None:
    assert [with_agent(task(name))["healthCheck"] for name in TASKS] == [CHECK] * len(TASKS)


def test_it_passes_fails_for_what_a_restart_helps_against_and_bears_an_outage_of_the_database(
    beside: Agent, replica: RunningReplica, server: PostgresServer
) -> None:
    assert run(beside.address) == (0, "healthy: 2 checks\n")
    server.stop("immediate")
    until(lambda: beside.get("/readyz")[0] == 503, lambda: beside.get("/readyz?verbose"))
    assert run(beside.address)[0] == 0, "ECS would replace every task for what no new task cures"
    assert beside.get("/readyz?exclude=storage.backend")[0] == 200, "as the load balancer may ask instead"
    with stopped(replica.envoy_pid()):
        until(lambda: beside.get("/healthz")[0] == 503, lambda: beside.get("/healthz?verbose"))
        status, output = run(beside.address)
    assert status == 1
    assert output.startswith("envoy.server: ")
    assert len(output.splitlines()) == 1


def test_it_fails_in_time_where_the_agent_hangs(tmp_path: Path) -> None:
    with agent(tmp_path, *nothing_runs(tmp_path)) as alone:
        address = alone.address
        with stopped(alone.process.pid):
            status, output = run(address)
    assert status == 1
    assert "no answer within 3 s" in output


def test_it_fails_where_no_agent_answers() -> None:
    status, output = run(NOBODY)
    assert status == 1
    assert "connection refused" in output


def test_no_setting_makes_it_anything_but_0_or_1() -> None:
    """64 is wrong usage: the check names the address, and reads no other setting."""
    assert run(NOBODY, **BROKEN_SETTINGS)[0] == 1
