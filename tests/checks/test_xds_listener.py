"""The listeners of a real Envoy: moved to a taken port, shared, refused."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pomhealth.checks.xds_listener import look
from pomhealth.demo.ports import free_ports
from pomhealth.demo.running import RunningReplica
from pomhealth.replica.budget import FULL, RESERVE, Haste
from pomhealth.status import Finding, Outcome
from tests import bare_envoy as bare
from tests.bare_envoy import sent
from tests.contexts import context_of
from tests.standin import StandIn

NOBODY = 65534


async def found(replica: RunningReplica, cause: str) -> Finding:
    """The finding with this cause ('' for none), once the replica and its Envoy have got there."""
    end = asyncio.get_running_loop().time() + 15
    while True:
        async with context_of(replica) as context:
            finding = await look(context)
        if finding.cause == cause:
            return finding
        assert asyncio.get_running_loop().time() < end, finding
        await asyncio.sleep(0.1)


async def test_a_replica_that_holds_all_its_addresses_passes(standin: StandIn) -> None:
    assert (await found(standin(), "")).outcome is Outcome.PASS


@pytest.mark.proves("xds.listener/port-taken")
async def test_an_address_moved_to_a_taken_port_names_its_owner_until_it_is_moved_back(
    standin: StandIn,
) -> None:
    replica = standin()
    before = replica.options["address"]
    with socket.create_server(("127.0.0.1", 0)) as taker:
        replica.rewrite(address=f"127.0.0.1:{taker.getsockname()[1]}")
        finding = await found(replica, "port-taken")
        assert f"pid {os.getpid()}" in finding.summary
        replica.rewrite(address=before)
        await found(replica, "")


@pytest.mark.proves("xds.listener/shared-port")
async def test_a_second_replica_on_the_same_port_is_told_though_neither_sees_an_error(
    standin: StandIn,
) -> None:
    first = standin()
    second = standin(address=first.options["address"])
    finding = await found(first, "shared-port")
    assert f"pid {second.envoy_pid()}" in finding.summary
    second.stop()
    await found(first, "")


async def test_a_shared_port_is_told_and_its_end_too_while_envoy_may_not_be_asked(standin: StandIn) -> None:
    first = standin()
    async with context_of(first) as context:
        assert (await look(context)).outcome is Outcome.PASS
        context.admin.budget.charge(FULL + RESERVE + 1.0)
        spent = context.admin.spent
        at_rest = replace(context, haste=Haste.NONE)
        second = standin(address=first.options["address"])
        await bare.found(look, at_rest, "shared-port")
        second.stop()
        await bare.found(look, at_rest, "")
        assert context.admin.spent == spent


async def test_while_nothing_has_changed_envoy_is_left_alone(standin: StandIn) -> None:
    async with context_of(standin()) as context:
        first = await look(context)
        again = await look(replace(context, haste=Haste.NONE))
        anew = await look(replace(context, haste=Haste.CHANGED))
    assert (first.cost > 0, again.cost, anew.cost > 0) == (True, 0.0, True)
    assert again.outcome is anew.outcome is Outcome.PASS


@pytest.mark.proves("xds.listener/redirect-not-listening")
async def test_a_redirect_port_that_another_holds_is_only_told(standin: StandIn) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taker:
        replica = standin(http_redirect_addr=f"127.0.0.1:{taker.getsockname()[1]}")
        finding = await found(replica, "redirect-not-listening")
    assert (finding.outcome, f"pid {os.getpid()}" in finding.summary) == (Outcome.WARN, True)


def sent_listener(directory: Path, port: int, **mistake: Any) -> dict[str, Any]:
    """The bootstrap of an Envoy that is sent a listener on this port."""
    source = sent(directory / "lds.json", "listener.v3.Listener", {**bare.listener(port), **mistake})
    return {"dynamic_resources": {"lds_config": source}}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start a process of another user")
@pytest.mark.proves("xds.listener/permission-denied")
async def test_a_low_port_refused_to_an_ordinary_user_names_the_capability(tmp_path: Path) -> None:
    for directory in (tmp_path, *tmp_path.parents):
        if directory == Path(tempfile.gettempdir()):
            break
        directory.chmod(0o755)
    async with bare.bare_envoy(sent_listener(tmp_path, 81), 81, user=NOBODY) as context:
        finding = await bare.found(look, context, "permission-denied")
    assert "lacks CAP_NET_BIND_SERVICE" in finding.evidence[1].observed


@pytest.mark.proves("xds.listener/rejected")
async def test_a_listener_that_envoy_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    twice = bare.listener(port)["filter_chains"] * 2
    async with bare.bare_envoy(sent_listener(tmp_path, port, filter_chains=twice), port) as context:
        finding = await bare.found(look, context, "rejected")
    assert (finding.silent, "same matching rules" in finding.summary) == (False, True)


@pytest.mark.proves("xds.listener/not-listening")
async def test_an_address_that_envoy_was_never_sent_is_not_listening() -> None:
    port = free_ports(1)[0]
    async with bare.bare_envoy({}, port) as context:
        finding = await bare.found(look, context, "not-listening")
    assert f"127.0.0.1:{port}" in finding.summary
