"""The host names that a replica serves, shared by the checks that ask about each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pomhealth.checks.context import Context
from pomhealth.checks.xds import ask_json
from pomhealth.replica.routes import Host, hosts
from pomhealth.status import Unobservable

ROUTES = "/config_dump?resource=dynamic_route_configs"
_FRESH = 1.0  # seconds for which one answer serves every check that asks: it is dear with thousands of routes


async def served_hosts(context: Context) -> tuple[tuple[Host, ...], float]:
    """The host names that users ask this replica for, each once, and the seconds that it took on Envoy's main thread.

    From its options; where those cannot be seen (Pomerium Zero), from the virtual hosts that Envoy runs.
    Raises Unobservable where neither can be had.
    """
    replica = context.replica
    if not replica.options.zero and "options" not in replica.missing:
        return hosts(replica.options), 0.0
    dump, seconds = await route_dump(context)
    names = dict.fromkeys(name.lower() for name in domains(dump) if name != "*")
    return tuple(Host(name, 0, f"Envoy's {ROUTES}") for name in names), seconds


async def route_dump(context: Context) -> tuple[Any, float]:
    """Envoy's route configurations, and the seconds that they took; 0 where they were asked for just before."""
    (dump, seconds), asked = await context.notes.shared(
        "route configurations", lambda: ask_json(context, ROUTES), fresh=_FRESH
    )
    return dump, seconds if asked else 0.0


def domains(dump: Any) -> Iterator[str]:
    """Every host name in Envoy's dynamic route configurations, without ports."""
    if not isinstance(dump, dict):
        raise Unobservable(f"Envoy's {ROUTES} is not what it should be")
    for entry in dump.get("configs", []):
        for virtual_host in entry.get("route_config", {}).get("virtual_hosts", []):
            for domain in virtual_host.get("domains", []):
                yield str(domain).partition(":")[0]
