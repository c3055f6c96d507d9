"""A real Envoy, healthy and hung in every way a real one hangs."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pomhealth.catalogue import catalogue, steps
from pomhealth.checks.envoy_server import look
from pomhealth.demo.running import RunningReplica
from pomhealth.reach import Silent
from pomhealth.status import Outcome
from tests.checks.frozen_thread import frozen, threads_named
from tests.contexts import context_of
from tests.standin import StandIn


@pytest.fixture(scope="module")
def replica(module_standin: StandIn) -> RunningReplica:
    return module_standin()


async def test_a_live_envoy_whose_workers_answer_passes(replica: RunningReplica) -> None:
    async with context_of(replica) as context:
        finding = await look(context)
    assert finding.outcome is Outcome.PASS, finding


async def test_a_stopped_envoy_is_told_by_the_kernel_at_once(replica: RunningReplica) -> None:
    async with context_of(replica) as context:
        envoy = replica.envoy_pid()
        os.kill(envoy, signal.SIGSTOP)
        try:
            finding = await look(context)
        finally:
            os.kill(envoy, signal.SIGCONT)
    assert (finding.cause, finding.silent) == ("stopped", False)
    assert f"`kill -CONT {envoy}`" in steps(finding, catalogue().find("envoy.server"))[0]


async def test_a_frozen_main_thread_is_hung_though_the_workers_answer(replica: RunningReplica) -> None:
    async with context_of(replica) as context:
        with frozen(replica.envoy_pid()):
            finding = await look(context)
    assert finding.cause in ("hung", "stopped"), finding


async def test_envoy_is_known_to_be_busy_as_long_as_a_dear_question_of_ours_is(
    replica: RunningReplica,
) -> None:
    async with context_of(replica) as context:
        with frozen(replica.envoy_pid()):
            question = asyncio.ensure_future(context.admin.ask("/ready", deadline=0.5, dear=True))
            await asyncio.sleep(0)
            assert context.admin.busy
            with pytest.raises(Silent):
                await question
        assert not context.admin.busy


async def test_frozen_workers_are_hung_though_the_main_thread_says_live(replica: RunningReplica) -> None:
    async with context_of(replica) as context:
        with frozen(*threads_named(replica.envoy_pid(), "wrk:worker")):
            finding = await look(context)
    assert (finding.cause, finding.silent) == ("hung", True), finding


@contextmanager
def clients(address: tuple[str, int], count: int) -> Iterator[None]:
    """Connections that wait to be taken, some on each worker's queue."""
    waiting = [socket.create_connection(address, 5) for _ in range(count)]
    try:
        yield
    finally:
        for one in waiting:
            one.close()


async def test_one_frozen_worker_shows_while_the_other_still_answers(replica: RunningReplica) -> None:
    worker = threads_named(replica.envoy_pid(), "wrk:worker")[0]
    async with context_of(replica) as context:
        with frozen(worker), clients(replica.address, 16):
            finding = await look(context)
    assert (finding.cause, finding.silent) == ("hung", True), finding


async def test_a_burst_of_new_connections_is_no_hang(replica: RunningReplica) -> None:
    stop = threading.Event()

    def burst() -> None:
        while not stop.is_set():
            with clients(replica.address, 20):
                pass

    crowd = threading.Thread(target=burst)
    crowd.start()
    try:
        async with context_of(replica) as context:
            findings = [await look(context) for _ in range(5)]
    finally:
        stop.set()
        await asyncio.get_running_loop().run_in_executor(None, crowd.join)
    assert {finding.outcome for finding in findings} == {Outcome.PASS}, findings


async def test_a_squatter_on_the_address_asked_for_is_not_taken_for_the_worker(
    replica: RunningReplica,
) -> None:
    before = replica.options["address"]
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        replica.rewrite(address=f"127.0.0.1:{squatter.getsockname()[1]}")
        try:
            async with context_of(replica) as context:
                finding = await look(context)
        finally:
            replica.rewrite(address=before)
    assert (finding.outcome, before in finding.summary) == (Outcome.PASS, True), finding


async def test_a_killed_envoy_is_not_running(standin: StandIn) -> None:
    mortal = standin()
    async with context_of(mortal) as context:
        envoy = mortal.envoy_pid()
        pidfd = os.pidfd_open(envoy)
        os.kill(envoy, signal.SIGKILL)
        gone = asyncio.Event()
        asyncio.get_running_loop().add_reader(pidfd, gone.set)
        await asyncio.wait_for(gone.wait(), 5)
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)
        finding = await look(context)
    assert (finding.cause, finding.silent) == ("not-running", False)
