"""What discovery asks of Envoy: where its admin interface is, and what it listens on. Blocking."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from pomhealth.reach import Denied, ReachError
from pomhealth.replica import adminaddress
from pomhealth.replica.addresses import learnt
from pomhealth.replica.model import AdminAddress, Endpoint, Process
from pomhealth.replica.surroundings import temporary
from pomhealth.settings import Settings
from pomhealth.status import Unobservable

_DEADLINE = 0.5  # seconds
LEARNT = "Envoy's listeners"  # the origin of what it says


def admin_of(
    envoys: Sequence[Process],
    settings: Settings,
    environment: Mapping[str, str],
    root: str,
    missing: dict[str, str],
    *,
    same_network: bool,
) -> AdminAddress | None:
    """The admin address of the Envoy that serves; what is lacking is noted under "admin"."""
    if settings.envoy_admin:
        return adminaddress.parse(settings.envoy_admin, settings.origins.get("envoy_admin", "settings"))
    if not envoys:
        missing["admin"] = "Pomerium has no Envoy"
        return None
    why = "its bootstrap names no admin address"
    found = None
    try:
        found = adminaddress.of_process(envoys[-1], root)
    except Unobservable as unobservable:
        why = str(unobservable)
    if found is None and same_network:
        found = adminaddress.by_name(envoys) or adminaddress.by_path(temporary(environment), root)
    if found is not None and found.kind != "path" and not same_network:
        missing["admin"] = missing["network"]
        return None
    if found is None:
        missing["admin"] = why
    return found


def learn(admin: AdminAddress | None, missing: dict[str, str]) -> tuple[Endpoint, ...] | None:
    """What Envoy listens on now; None where it does not answer."""
    if admin is None:
        return None
    from pomhealth.replica import askonce  # noqa: PLC0415  (its HTTP client takes most of a megabyte, and few need it)

    try:
        answer = json.loads(askonce.get(admin, "/listeners?format=json", deadline=_DEADLINE))
    except Denied as denied:
        missing["admin"] = f"{admin.where}: {denied.why}"
        return None
    except (ReachError, ValueError):
        return None
    return learnt(answer, LEARNT)
