"""A configuration saved, taken over, refused or left aside by a running replica."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from dataclasses import replace

import pytest

from pomhealth.agent.instruments import close_context, open_context
from pomhealth.checks.cluster_config_current import look
from pomhealth.cluster.model import Roster
from pomhealth.demo.running import RunningReplica
from pomhealth.replica.budget import Haste
from pomhealth.replica.discover import discover
from pomhealth.replica.errors import ReplicaError
from pomhealth.replica.model import Replica
from pomhealth.settings import Settings
from pomhealth.status import Finding, Outcome, Unobservable
from tests.agent.watching import only_events, watching
from tests.checks.rosters import member, roster
from tests.contexts import context_of
from tests.standin import StandIn

HOST = "https://app.demo.localhost"


@pytest.fixture
def replica(standin: StandIn) -> RunningReplica:
    return standin()


async def look_at(replica: RunningReplica, before: Replica | None = None) -> tuple[Finding, Replica]:
    settings = Settings(pid=replica.pid)
    seen = discover(settings, before)
    context = open_context(seen, settings)
    try:
        return await look(context), seen
    finally:
        await close_context(context)


async def test_a_replica_that_runs_its_file_passes(replica: RunningReplica) -> None:
    finding, _ = await look_at(replica)
    assert (finding.outcome, "runs what" in finding.summary) == (Outcome.PASS, True)


@pytest.mark.proves("cluster_config_current/rejected")
async def test_a_file_that_is_not_yaml_is_refused_with_its_line(replica: RunningReplica) -> None:
    _, before = await look_at(replica)
    replica.write_config("address: 127.0.0.1:8443\nroutes: [\n")
    finding, after = await look_at(replica, before)
    assert finding.cause == "rejected"
    assert "pomerium.yaml:" in finding.summary
    assert after.options.get("address") == before.options.get("address")


async def test_a_route_without_a_usable_url_is_refused_with_its_line(replica: RunningReplica) -> None:
    replica.rewrite(routes=[{"from": "https://", "to": "http://127.0.0.1:1"}])
    finding, _ = await look_at(replica)
    assert finding.cause == "rejected"
    assert "pomerium.yaml:" in finding.summary


async def test_a_new_route_is_current_once_the_replica_has_taken_it_over(replica: RunningReplica) -> None:
    routes = [
        *replica.options["routes"],
        {"from": "https://new.demo.localhost", "to": "http://127.0.0.1:1"},
    ]
    replica.rewrite(routes=routes)
    end = asyncio.get_running_loop().time() + 10
    while "runs what" not in (finding := (await look_at(replica))[0]).summary:
        assert asyncio.get_running_loop().time() < end, finding
        assert finding.outcome is Outcome.PASS, finding
        await asyncio.sleep(0.05)


@pytest.mark.proves("cluster_config_current/pending")
async def test_a_file_that_nobody_takes_over_is_pending_until_somebody_does(replica: RunningReplica) -> None:
    """The main process is stopped, so Envoy goes on with the routes that it has."""
    _, before = await look_at(replica)
    left = asyncio.get_running_loop().time() + 60
    os.kill(replica.pid, signal.SIGSTOP)
    try:
        new = {"from": "https://new.demo.localhost", "to": "http://127.0.0.1:1"}
        replica.rewrite(routes=[*replica.options["routes"], new])
        while not (finding := (await look_at(replica, before))[0]).cause:
            assert "is being taken over" in finding.summary
            assert asyncio.get_running_loop().time() < left, finding
            await asyncio.sleep(0.2)
    finally:
        os.kill(replica.pid, signal.SIGCONT)
    assert (finding.outcome, finding.cause) == (Outcome.WARN, "pending")
    assert "no route for new.demo.localhost" in finding.summary
    while (await look_at(replica, before))[0].outcome is not Outcome.PASS:
        assert asyncio.get_running_loop().time() < left
        await asyncio.sleep(0.2)


async def test_a_file_that_is_being_taken_over_is_looked_at_again_without_being_asked_to(
    replica: RunningReplica,
) -> None:
    """Every interval is an hour, and nothing else happens than that the file changes."""
    async with watching(only_events(replica.pid)) as seen:
        os.kill(replica.pid, signal.SIGSTOP)
        try:
            new = {"from": "https://new.demo.localhost", "to": "http://127.0.0.1:1"}
            replica.rewrite(routes=[*replica.options["routes"], new])
            await seen.told(("cluster_config_current", "pending"))
        finally:
            os.kill(replica.pid, signal.SIGCONT)


async def test_without_a_listener_it_follows_what_kept_the_listener_from_starting(standin: StandIn) -> None:
    end = asyncio.get_running_loop().time() + 60
    with socket.create_server(("127.0.0.1", 0)) as taker:
        replica = standin(address=f"127.0.0.1:{taker.getsockname()[1]}", until_ready=False)
        by = ""
        while not by:
            assert asyncio.get_running_loop().time() < end
            with contextlib.suppress(ReplicaError, Unobservable):  # it is starting
                finding, _ = await look_at(replica)
                assert finding.cause == ""
                by = finding.blocked_by
            await asyncio.sleep(0.2)
    assert by == "xds.listener"


async def test_a_route_that_envoy_refused_is_the_route_check_s_to_tell(replica: RunningReplica) -> None:
    async with watching(Settings(pid=replica.pid)) as seen:
        new = {"from": "https://new.demo.localhost", "to": "http://127.0.0.1:1", "regex": "a("}
        replica.rewrite(routes=[*replica.options["routes"], new])

        def by() -> str:
            return seen.board.status.entries["cluster_config_current"].blocked_by

        await seen.until(lambda: bool(by()))
        assert by() == "xds.route-configuration"
        assert "pending" not in {change.cause for change in seen.board.history}


DIFFERENT = roster(member("web-1", config="b", since=3600.0), member("web-2", config="a"), mine="web-2")


async def test_where_other_replicas_run_another_configuration_a_replica_that_runs_its_file_says_so(
    replica: RunningReplica,
) -> None:
    async with context_of(replica) as seen:
        found = await look(replace(seen, roster=lambda: DIFFERENT))
    assert (found.outcome, found.cause) == (Outcome.WARN, "differs")
    assert found.summary.startswith("this replica runs an older configuration than the one that web-1")


async def test_a_file_that_it_cannot_take_is_told_before_what_others_run(replica: RunningReplica) -> None:
    replica.write_config("routes: [\n")
    async with context_of(replica) as seen:
        assert (await look(replace(seen, roster=lambda: DIFFERENT))).cause == "rejected"


async def test_that_others_turn_costs_no_question_to_envoy(replica: RunningReplica) -> None:
    """A cluster turns often, and Envoy's answer is dear."""
    told: list[Roster] = [roster(member("web-1", config="a"))]
    async with context_of(replica) as seen:
        first = await look(replace(seen, roster=lambda: told[-1]))
        told.append(DIFFERENT)
        second = await look(replace(seen, roster=lambda: told[-1], haste=Haste.NONE))
        changed = await look(replace(seen, roster=lambda: told[0], haste=Haste.CHANGED))
    assert (first.outcome, first.cost > 0.0) == (Outcome.PASS, True)
    assert (second.cause, second.cost) == ("differs", 0.0)
    assert (changed.outcome, changed.cost > 0.0) == (Outcome.PASS, True)
