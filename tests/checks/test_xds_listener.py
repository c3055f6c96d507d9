"""The listeners of a real Envoy: moved to a taken port, shared, refused."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pomhealth.blocking import Workers
from pomhealth.checks import Context
from pomhealth.checks.xds_listener import look
from pomhealth.demo import binaries
from pomhealth.demo.running import RunningReplica
from pomhealth.replica import processes
from pomhealth.replica.admin import EnvoyAdmin
from pomhealth.replica.model import AdminAddress, Endpoint, Holder, Replica
from pomhealth.replica.sockets import SocketTable
from pomhealth.settings import Settings
from pomhealth.status import Finding, Outcome
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


async def test_an_address_moved_to_a_taken_port_names_its_owner_until_it_is_moved_back(standin: StandIn) -> None:
    replica = standin()
    before = replica.options["address"]
    with socket.create_server(("127.0.0.1", 0)) as taker:
        replica.rewrite(address=f"127.0.0.1:{taker.getsockname()[1]}")
        finding = await found(replica, "port-taken")
        assert f"pid {os.getpid()}" in finding.summary
        replica.rewrite(address=before)
        await found(replica, "")


async def test_a_second_replica_on_the_same_port_is_told_though_neither_sees_an_error(standin: StandIn) -> None:
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


@asynccontextmanager
async def lowly_envoy(directory: Path, port: int) -> AsyncIterator[Context]:
    """An Envoy of an ordinary user that was sent a listener on a low port."""
    admin = f"pomhealth-test-{uuid.uuid4()}"
    listener = {
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": "https-ingress",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": []}],
    }
    (directory / "lds.json").write_text(json.dumps({"resources": [listener]}))
    source = {"resource_api_version": "V3", "path_config_source": {"path": str(directory / "lds.json")}}
    bootstrap = {
        "node": {"id": "pomerium", "cluster": "pomerium"},
        "admin": {"address": {"pipe": {"path": f"@{admin}"}}},
        "dynamic_resources": {"lds_config": source},
    }
    arguments = ["--config-yaml", json.dumps(bootstrap), "--concurrency", "1", "--disable-hot-restart"]
    with subprocess.Popen(
        [binaries.envoy(), *arguments], user=NOBODY, group=NOBODY, cwd="/", stderr=subprocess.DEVNULL
    ) as envoy:
        process = processes.process(envoy.pid)
        assert process is not None
        address = AdminAddress("abstract", admin, "test")
        client = EnvoyAdmin(address)
        asked = Endpoint("address", "127.0.0.1", port, Holder.ENVOY, "test")
        replica = Replica(envoys=(process,), endpoints=(asked,), admin=address)
        try:
            yield Context(replica, Settings(), Workers(), SocketTable(), client)
        finally:
            await client.close()
            envoy.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start a process of another user")
async def test_a_low_port_refused_to_an_ordinary_user_names_the_capability(tmp_path: Path) -> None:
    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o755)
    async with lowly_envoy(tmp_path, 81) as context:
        for _ in range(100):
            try:
                finding = await look(context)
            except Exception:  # noqa: BLE001  (its admin interface is not open yet)
                await asyncio.sleep(0.05)
                continue
            if finding.cause == "permission-denied":
                break
            await asyncio.sleep(0.05)
    assert finding.cause == "permission-denied", finding
    assert "lacks CAP_NET_BIND_SERVICE" in finding.evidence[1].observed
