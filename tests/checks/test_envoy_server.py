"""A real Envoy, healthy and hung in every way a real one hangs."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from pomhealth.catalogue import catalogue, steps
from pomhealth.checks.envoy_server import look
from pomhealth.checks.workers import answer, front
from pomhealth.demo.frozen import Frozen, threads_named
from pomhealth.demo.ports import free_ports
from pomhealth.demo.running import RunningReplica
from pomhealth.reach import Silent
from pomhealth.status import Outcome, Streak, Thresholds, settle
from tests.bare_envoy import bare_envoy, found, listener, post
from tests.contexts import context_of
from tests.standin import StandIn


@pytest.fixture(scope="module")
def replica(module_standin: StandIn) -> RunningReplica:
    return module_standin()


async def test_a_live_envoy_whose_workers_answer_passes(replica: RunningReplica) -> None:
    async with context_of(replica) as context:
        finding = await look(context)
    assert finding.outcome is Outcome.PASS, finding


@pytest.mark.proves("envoy.server/stopped")
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
        with Frozen(replica.envoy_pid()):
            finding = await look(context)
    assert finding.cause in ("hung", "stopped"), finding


async def test_envoy_is_known_to_be_busy_as_long_as_a_dear_question_of_ours_is(
    replica: RunningReplica,
) -> None:
    async with context_of(replica) as context:
        with Frozen(replica.envoy_pid()):
            question = asyncio.ensure_future(context.admin.ask("/ready", deadline=0.5, dear=True))
            await asyncio.sleep(0)
            assert context.admin.busy
            with pytest.raises(Silent):
                await question
        assert not context.admin.busy


@pytest.mark.proves("envoy.server/hung")
async def test_frozen_workers_are_hung_though_the_main_thread_says_live(replica: RunningReplica) -> None:
    async with context_of(replica) as context:
        with Frozen(*threads_named(replica.envoy_pid(), "wrk:worker")):
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


@pytest.mark.proves("envoy.server/hung")
async def test_one_frozen_worker_shows_while_the_other_still_answers(replica: RunningReplica) -> None:
    worker = threads_named(replica.envoy_pid(), "wrk:worker")[0]
    async with context_of(replica) as context:
        with Frozen(worker), clients(replica.address, 16):
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
            streaks = [Streak()]
            for _ in range(6):
                streaks.append(settle(streaks[-1], await look(context), Thresholds()))
    finally:
        stop.set()
        await asyncio.get_running_loop().run_in_executor(None, crowd.join)
    told = [streak.standing.outcome for streak in streaks if streak.standing is not None]
    assert set(told) == {Outcome.PASS}, streaks  # one silence that the machine made is none yet


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


@pytest.mark.proves("envoy.server/not-running")
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


UNANSWERED = {  # a source of configuration that nobody answers for
    "resource_api_version": "V3",
    "initial_fetch_timeout": "0s",
    "api_config_source": {
        "api_type": "DELTA_GRPC",
        "transport_api_version": "V3",
        "grpc_services": [{"envoy_grpc": {"cluster_name": "control-plane"}}],
    },
}


@pytest.mark.proves("envoy.server/not-live")
async def test_an_envoy_that_waits_for_its_first_configuration_is_not_live() -> None:
    http = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    speaks = {"@type": f"type.googleapis.com/{http}", "explicit_http_config": {"http2_protocol_options": {}}}
    nobody = {
        "name": "control-plane",
        "typed_extension_protocol_options": {http: speaks},
        "load_assignment": {"cluster_name": "control-plane"},
    }
    bootstrap = {"static_resources": {"clusters": [nobody]}, "dynamic_resources": {"cds_config": UNANSWERED}}
    async with bare_envoy(bootstrap, free_ports(1)[0]) as context:
        finding = await found(look, context, "not-live")
    assert "INITIALIZING" in finding.evidence[0].observed


@pytest.mark.proves("envoy.server/draining")
async def test_an_envoy_that_fails_its_health_checks_by_order_is_draining_until_it_is_told_otherwise() -> (
    None
):
    port = free_ports(1)[0]
    async with bare_envoy({"static_resources": {"listeners": [listener(port)]}}, port) as context:
        await found(look, context, "")
        await post(context, "/healthcheck/fail")
        assert "DRAINING" in (await look(context)).evidence[0].observed
        assert (await look(context)).cause == "draining"
        await post(context, "/healthcheck/ok")
        assert (await look(context)).outcome is Outcome.PASS


@pytest.mark.proves("envoy.server/draining")
async def test_drained_listeners_are_draining_though_envoy_says_live() -> None:
    """Envoy lists a listener that it has closed, and its state stays LIVE (seen with 1.36 to 1.40)."""
    port = free_ports(1)[0]
    async with bare_envoy({"static_resources": {"listeners": [listener(port)]}}, port) as context:
        await found(look, context, "")
        await post(context, "/drain_listeners")
        finding = await found(look, context, "draining")
    assert (finding.silent, "says LIVE" in finding.summary) == (False, True)


async def test_a_main_listener_that_is_gone_is_not_said_to_answer(replica: RunningReplica) -> None:
    async with context_of(replica) as context:
        at = await front(context)
        assert at is not None
        nobody = replace(at, to=replace(at.to, port=free_ports(1)[0]))
        finding = await answer(context, nobody)
    assert (finding.outcome, "no worker can be asked" in finding.summary) == (Outcome.PASS, True)
