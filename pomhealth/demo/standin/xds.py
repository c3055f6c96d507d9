"""What Envoy makes of what it is given: accepted, or refused and why, learnt from Envoy itself."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass

from pomhealth.demo.standin.admin import UNREACHABLE, Admin

# By kind: Pomerium's component, and how Envoy's statistics of it begin.
_KINDS = {
    "cds": ("xds.cluster", "cluster_manager.cds"),
    "lds": ("xds.listener", "listener_manager.lds"),
    "rds": ("xds.route-configuration", "http.ingress.rds.main"),
}


def component(kind: str) -> str:
    """The health component that speaks for resources of this kind."""
    return _KINDS[kind][0]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How many updates of one kind Envoy has accepted and refused since its start."""

    accepted: int
    refused: int


async def outcomes(admin: Admin, kind: str) -> Outcomes:
    """What Envoy's counters say of this kind. Raises what the admin client raises."""
    prefix = _KINDS[kind][1]
    return Outcomes(
        await admin.number(f"{prefix}.update_success"), await admin.number(f"{prefix}.update_rejected")
    )


async def accepted(admin: Admin, kind: str, before: Outcomes, *, deadline: float = 10.0) -> bool | None:
    """Envoy's answer to an update: accepted or not.

    `before` is what `outcomes` said before the update; None when no answer came within `deadline` seconds.
    """
    until = time.monotonic() + deadline
    while time.monotonic() < until:
        with contextlib.suppress(*UNREACHABLE):
            now = await outcomes(admin, kind)
            if now.refused > before.refused:
                return False
            if now.accepted > before.accepted:
                return True
        await asyncio.sleep(0.02)
    return None


async def refused_listeners(admin: Admin) -> str:
    """Which listeners Envoy refuses now and why, in the words in which Pomerium reports it; one line each."""
    dump = await admin.json("/config_dump?resource=dynamic_listeners")
    return "".join(
        f"Error adding/updating listener(s) {entry['name']}: {entry['error_state'].get('details', '')}\n"
        for entry in dump.get("configs", [])
        if "error_state" in entry and "name" in entry
    )
