"""A real Envoy with a bootstrap of the test's own, for what a whole replica cannot be made to show."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pomhealth.blocking import Workers
from pomhealth.checks import Context
from pomhealth.demo import binaries
from pomhealth.demo.standin.admin import Admin
from pomhealth.replica import processes
from pomhealth.replica.admin import EnvoyAdmin
from pomhealth.replica.model import AdminAddress, Endpoint, Holder, Options, Replica, Value
from pomhealth.replica.sockets import SocketTable
from pomhealth.settings import Settings
from pomhealth.status import Finding, Unobservable


@asynccontextmanager
async def bare_envoy(
    bootstrap: Mapping[str, Any],
    port: int,
    *,
    user: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> AsyncIterator[Context]:
    """A context whose replica is just this Envoy, which should listen on 127.0.0.1:`port`."""
    admin = f"pomhealth-test-{uuid.uuid4()}"
    whole = {
        "node": {"id": "pomerium", "cluster": "pomerium"},
        "admin": {"address": {"pipe": {"path": f"@{admin}"}}},
        **bootstrap,
    }
    command = [
        str(binaries.envoy()),
        "--config-yaml",
        json.dumps(whole),
        "--concurrency",
        "1",
        "--disable-hot-restart",
    ]
    with subprocess.Popen(  # noqa: ASYNC220  (the test has nothing else to do meanwhile)
        command, user=user, group=user, cwd="/", stderr=subprocess.DEVNULL
    ) as envoy:
        process = processes.process(envoy.pid)
        assert process is not None
        address = AdminAddress("abstract", admin, "test")
        client = EnvoyAdmin(address)
        replica = Replica(
            envoys=(process,),
            endpoints=(Endpoint("address", "127.0.0.1", port, Holder.ENVOY, "test"),),
            options=Options({name: Value(value, "test") for name, value in (options or {}).items()}),
            admin=address,
        )
        try:
            yield Context(replica, Settings(), Workers(), SocketTable(), client)
        finally:
            await client.close()
            envoy.kill()


def listener(port: int) -> dict[str, Any]:
    """A main listener that gives back what it gets."""
    echo = "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo"
    return {
        "name": "https-ingress",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "echo", "typed_config": {"@type": echo}}]}],
    }


def sent(file: Path, kind: str, resource: Mapping[str, Any]) -> dict[str, Any]:
    """A source from which Envoy gets this one resource, whose type is `kind` of Envoy's own package."""
    whole = {"@type": f"type.googleapis.com/envoy.config.{kind}", **resource}
    file.write_text(json.dumps({"resources": [whole]}))
    return {"resource_api_version": "V3", "path_config_source": {"path": str(file)}}


async def post(context: Context, path: str) -> None:
    """Tells the Envoy something that the agent itself would never tell it."""
    admin = Admin(f"@{context.admin.where.removeprefix('@')}")
    try:
        assert await admin.post(path) == 200
    finally:
        await admin.close()


async def found(look: Callable[[Context], Awaitable[Finding]], context: Context, cause: str) -> Finding:
    """The finding with this cause ("" for none), once the Envoy has got there."""
    finding = None
    end = asyncio.get_running_loop().time() + 15
    while finding is None or finding.cause != cause:
        assert asyncio.get_running_loop().time() < end, finding
        await asyncio.sleep(0.02)
        with contextlib.suppress(Unobservable):  # its admin interface opens first
            finding = await look(context)
    return finding
