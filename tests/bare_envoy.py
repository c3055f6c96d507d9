"""A real Envoy with a bootstrap of the test's own, for what a whole replica cannot be made to show."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pomhealth.blocking import Workers
from pomhealth.checks import Context
from pomhealth.demo import binaries
from pomhealth.replica import processes
from pomhealth.replica.admin import EnvoyAdmin
from pomhealth.replica.model import AdminAddress, Endpoint, Holder, Options, Replica, Value
from pomhealth.replica.sockets import SocketTable
from pomhealth.settings import Settings


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
