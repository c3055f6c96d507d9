"""The main process: running, stopped, hung, gone."""

from __future__ import annotations

import os
import signal
import socket
from dataclasses import replace

import pytest

from pomhealth.checks.pomerium_process import look
from pomhealth.demo.running import RunningReplica
from pomhealth.replica.model import Endpoint, Holder, Replica
from pomhealth.status import Outcome
from tests.contexts import context_of
from tests.standin import StandIn


@pytest.fixture(scope="module")
def replica(module_standin: StandIn) -> RunningReplica:
    return module_standin()


@pytest.mark.parametrize("release", ["v0.30.8", "v0.31.3", "v0.32.9", "v0.33.1"])
async def test_a_running_process_passes_in_every_release(standin: StandIn, release: str) -> None:
    async with context_of(standin(release)) as context:
        assert (await look(context)).outcome is Outcome.PASS


@pytest.mark.proves("pomerium.process/stopped")
async def test_a_stopped_process_is_told_by_the_kernel_with_the_command_that_cures_it(
    replica: RunningReplica,
) -> None:
    async with context_of(replica) as context:
        os.kill(replica.pid, signal.SIGSTOP)
        try:
            finding = await look(context)
        finally:
            os.kill(replica.pid, signal.SIGCONT)
    assert (finding.cause, finding.silent, finding.names) == (
        "stopped",
        False,
        (("PID", str(replica.pid)),),
    )


@pytest.mark.proves("pomerium.process/hung")
async def test_a_process_that_takes_connections_and_answers_none_is_hung(replica: RunningReplica) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        health = Endpoint("health_check_addr", "127.0.0.1", silent.getsockname()[1], Holder.POMERIUM, "test")
        async with context_of(replica) as context:
            finding = await look(replace(context, replica=replace(context.replica, health=health)))
    assert (finding.cause, finding.silent) == ("hung", True)


@pytest.mark.proves("pomerium.process/not-running")
async def test_a_process_that_ended_is_not_running(standin: StandIn) -> None:
    mortal = standin()
    async with context_of(mortal) as context:
        mortal.stop()
        finding = await look(context)
    assert (finding.cause, finding.silent) == ("not-running", False)


async def test_a_replica_that_is_still_awaited_is_not_running(replica: RunningReplica) -> None:
    async with context_of(replica) as context:
        finding = await look(replace(context, replica=Replica(awaited=True)))
    assert finding.cause == "not-running"
