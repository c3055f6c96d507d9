"""What Envoy makes of what it is given: accepted, or refused and why, learnt from Envoy itself."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from pomhealth.demo.standin.admin import UNREACHABLE, Admin

# By kind: Pomerium's component, the statistics' prefix, the dump, what Envoy calls a resource of it, its message.
_KINDS = {
    "cds": ("xds.cluster", "cluster_manager.cds", "dynamic_active_clusters", "cluster"),
    "lds": ("xds.listener", "listener_manager.lds", "dynamic_listeners", "listener"),
    "rds": ("xds.route-configuration", "http.ingress.rds.main", "dynamic_route_configs", "route_config"),
}
_MESSAGES = {
    "cds": "Error adding/updating cluster(s) ",
    "lds": "Error adding/updating listener(s) ",
    "rds": "",
}


def component(kind: str) -> str:
    """The health component that speaks for resources of this kind."""
    return _KINDS[kind][0]


async def outcomes(admin: Admin, kind: str) -> int:
    """How many updates of this kind Envoy has accepted or refused so far."""
    prefix = _KINDS[kind][1]
    return await admin.number(f"{prefix}.update_success") + await admin.number(f"{prefix}.update_rejected")


async def verdict(admin: Admin, kind: str, before: int, *, deadline: float = 10.0) -> str | None:
    """Envoy's answer to an update: "" when accepted, else the refusal as Pomerium reports it.

    `before` is what `outcomes` said before the update; None when no answer came within `deadline` seconds.
    """
    until = time.monotonic() + deadline
    while time.monotonic() < until:
        try:
            if await outcomes(admin, kind) > before:
                return await refusal(admin, kind)
        except UNREACHABLE:
            pass
        await asyncio.sleep(0.02)
    return None


async def refusal(admin: Admin, kind: str) -> str:
    """What Envoy refuses of this kind now, as Pomerium words it; "" when nothing."""
    _, _, resource, inner = _KINDS[kind]
    dump = await admin.json(f"/config_dump?resource={resource}")
    lines = [
        f"{_MESSAGES[kind]}{_name(entry, inner)}: {entry['error_state'].get('details', '')}\n"
        for entry in dump.get("configs", [])
        if "error_state" in entry and _name(entry, inner)
    ]
    return "".join(lines)


def _name(entry: dict[str, Any], inner: str) -> str:
    """The resource's name; "" for the entry that Envoy keeps for an update as a whole."""
    failed = entry.get("error_state", {}).get("failed_configuration", {})
    return str(entry.get("name") or entry.get(inner, {}).get("name") or failed.get("name") or "")
