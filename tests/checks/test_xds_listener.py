"""The listeners of a real Envoy: moved to a taken port, shared, refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from pathlib import Path

import pytest

from pomhealth.checks.xds_listener import look
from pomhealth.demo.running import RunningReplica
from pomhealth.status import Finding, Outcome, Unobservable
from tests.bare_envoy import bare_envoy
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


async def test_a_second_replica_on_the_same_port_is_told_though_neither_sees_an_error(
    standin: StandIn,
) -> None:
    first = standin()
    second = standin(address=first.options["address"])
    finding = await found(first, "shared-port")
    assert f"pid {second.envoy_pid()}" in finding.summary
    second.stop()
    await found(first, "")


async def test_a_redirect_port_that_another_holds_is_only_told(standin: StandIn) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taker:
        replica = standin(http_redirect_addr=f"127.0.0.1:{taker.getsockname()[1]}")
        finding = await found(replica, "redirect-not-listening")
    assert (finding.outcome, f"pid {os.getpid()}" in finding.summary) == (Outcome.WARN, True)


def low_listener(directory: Path, port: int) -> dict[str, object]:
    """The bootstrap of an Envoy that is sent a listener on this port."""
    listener = {
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": "https-ingress",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": []}],
    }
    (directory / "lds.json").write_text(json.dumps({"resources": [listener]}))
    source = {"resource_api_version": "V3", "path_config_source": {"path": str(directory / "lds.json")}}
    return {"dynamic_resources": {"lds_config": source}}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start a process of another user")
async def test_a_low_port_refused_to_an_ordinary_user_names_the_capability(tmp_path: Path) -> None:
    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o755)
    async with bare_envoy(low_listener(tmp_path, 81), 81, user=NOBODY) as context:
        finding = None
        end = asyncio.get_running_loop().time() + 15
        while finding is None or finding.cause != "permission-denied":
            assert asyncio.get_running_loop().time() < end, finding
            await asyncio.sleep(0.05)
            with contextlib.suppress(Unobservable):  # its admin interface opens first
                finding = await look(context)
    assert "lacks CAP_NET_BIND_SERVICE" in finding.evidence[1].observed
