"""Does the replica hold every address that its configuration asks for? Pure.

Envoy and Pomerium open their ports with SO_REUSEPORT, so another process of the same user may share one without an
error on either side (seen with two replicas on 0.33.1): what counts is whose each listening socket is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pomhealth.checks.xds import Rejection
from pomhealth.replica.model import EVERY_ADDRESS, Endpoint, Holder
from pomhealth.replica.sockets import ListeningSocket
from pomhealth.status import Evidence, Finding, failed, passed, warned

_BIND = re.compile(r"cannot bind '(?P<where>[^']+)': (?P<why>[^\n]*)")
_NAMES = {
    "address": ("https-ingress", "http-ingress", "quic-ingress"),
    "grpc_address": ("grpc-ingress",),
    "metrics_address": ("metrics-ingress",),
    "envoy_admin_address": ("envoy-admin",),
    "debug_address": ("debug",),
    "ssh_address": ("ssh",),
}


@dataclass(frozen=True, slots=True)
class Ground:
    """What is seen of the replica's listeners at one moment.

    `asked` are the addresses that the configuration asks for, `table` every listening socket of the network
    namespace, `held` the socket inodes of the replica's processes (None where that may not be read), `active`
    the addresses of Envoy's listeners by name, `rejected` the listeners whose newest version Envoy refused.
    `owner` says in words whose a socket is. `can_bind_low` tells whether Envoy may open ports under `low_ports`.
    """

    asked: tuple[Endpoint, ...]
    table: tuple[ListeningSocket, ...]
    held: frozenset[int] | None
    active: Mapping[str, str]
    rejected: tuple[Rejection, ...]
    owner: Callable[[ListeningSocket], str]
    can_bind_low: bool | None = None
    low_ports: int = 1024


def place(host: str, port: int) -> str:
    """HOST:PORT in one spelling, * for every address, whatever its family."""
    if host in EVERY_ADDRESS:
        return f"*:{port}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def judge(ground: Ground) -> Finding:
    """The one finding for all listeners: the first rejection, else the first address not held, else all is well."""
    for rejection in ground.rejected:
        return _rejected(rejection, ground)
    warning = None
    for endpoint in ground.asked:
        finding = _endpoint(endpoint, ground)
        if finding is not None and endpoint.role == "http_redirect_addr":
            warning = finding
        elif finding is not None:
            return finding
    if warning is not None:
        return warning
    held = ", ".join(f"{endpoint.where} ({endpoint.role})" for endpoint in ground.asked)
    if ground.held is None:
        return passed(
            f"every address asked for is listened on: {held}; whose the sockets are may not be read here"
        )
    return passed(f"the replica holds every address asked for: {held}")


def _rejected(rejection: Rejection, ground: Ground) -> Finding:
    name = rejection.name or "a listener"
    source = "Envoy's config dump, error_state of dynamic_listeners"
    bind = _BIND.search(rejection.details)
    serving = ground.active.get(rejection.name)
    still = f"; the old listener on {serving} still serves" if serving else "; nothing serves in its place"
    if bind is None:
        return failed(
            "rejected",
            f"Envoy rejected {name}: {rejection.details}{still}",
            Evidence(source, rejection.details, "a listener that Envoy takes"),
        )
    where, why = bind["where"], bind["why"]
    port = int(where.rpartition(":")[2]) if where.rpartition(":")[2].isdigit() else 0
    if "ermission denied" in why:
        return _permission(
            name, where, port, Evidence(source, rejection.details, f"a socket on {where}"), ground
        )
    if "already in use" in why:
        others = [
            one for one in _on(where, ground.table) if ground.held is None or one.inode not in ground.held
        ]
        owner = ground.owner(others[0]) if others else ""
        by = f" by {owner}" if owner else ""
        gone = (
            ""
            if others
            else "; it is free by now, but Envoy tries again only when it is restarted or the address changes"
        )
        return failed(
            "port-taken",
            f"{name} cannot bind {where}: it is taken{by}{gone}{still}",
            Evidence(source, rejection.details, f"a socket on {where}"),
            *(
                Evidence(f"the socket listening on {where}", owner, "this replica's Envoy")
                for _ in others[:1]
            ),
            names=(("PORT", str(port)),),
        )
    return failed(
        "rejected",
        f"Envoy cannot bind {where} for {name}: {why}{still}",
        Evidence(source, rejection.details, f"a socket on {where}"),
    )


def _permission(name: str, where: str, port: int, seen: Evidence, ground: Ground) -> Finding:
    more = []
    low = 0 < port < ground.low_ports
    if low and ground.can_bind_low is not None:
        has = "has" if ground.can_bind_low else "lacks"
        more.append(
            Evidence(
                "Envoy's effective capabilities",
                f"it {has} CAP_NET_BIND_SERVICE",
                f"it, for a port under {ground.low_ports}",
            )
        )
    lack = " without CAP_NET_BIND_SERVICE" if low and ground.can_bind_low is False else ""
    return failed("permission-denied", f"{name} may not bind {where}{lack}: permission denied", seen, *more)


def _endpoint(endpoint: Endpoint, ground: Ground) -> Finding | None:
    """What is wrong with one address; None when the replica holds it and nobody else does."""
    on = [one for one in ground.table if one.udp == endpoint.udp and _same(one, endpoint)]
    if ground.held is None:
        if on:
            return None
        return None if _elsewhere(endpoint, ground) else _missing(endpoint)
    mine = [one for one in on if one.inode in ground.held]
    others = [one for one in on if one.inode not in ground.held]
    if mine and not others:
        return None
    if mine:
        owner = ground.owner(others[0])
        return failed(
            "shared-port",
            f"{endpoint.where} ({endpoint.role}) is shared with {owner}: the kernel sends part of the connections there",
            Evidence(
                f"sockets listening on {endpoint.where}",
                f"{len(mine)} of this replica, {len(others)} of {owner}",
                "this replica's only",
            ),
            names=_port(endpoint),
        )
    if not others:
        return None if _elsewhere(endpoint, ground) else _missing(endpoint)
    owner = ground.owner(others[0])
    text = f"{endpoint.where} ({endpoint.role}) is taken by {owner}"
    seen = Evidence(
        f"the socket listening on {endpoint.where}", owner, f"this replica's {endpoint.holder.value}"
    )
    if endpoint.role == "http_redirect_addr":
        return warned(
            "redirect-not-listening",
            f"{text}: plain HTTP requests are not redirected",
            seen,
            names=_port(endpoint),
        )
    return None if _elsewhere(endpoint, ground) else failed("port-taken", text, seen, names=_port(endpoint))


def _missing(endpoint: Endpoint) -> Finding:
    seen = Evidence(
        f"sockets listening on {endpoint.where}", "none", f"{endpoint.role} from {endpoint.origin}"
    )
    if endpoint.role == "http_redirect_addr":
        text = (
            f"nothing listens on {endpoint.where} ({endpoint.role}): plain HTTP requests are not redirected"
        )
        return warned("redirect-not-listening", text, seen, names=_port(endpoint))
    return failed(
        "not-listening", f"nothing listens on {endpoint.where}, which {endpoint.role} asks for", seen
    )


def _port(endpoint: Endpoint) -> tuple[tuple[str, str], ...]:
    return (("PORT", str(endpoint.port)),)


def _elsewhere(endpoint: Endpoint, ground: Ground) -> bool:
    """Whether Envoy serves this role on another address: the configuration on disk is not the one it runs."""
    if endpoint.holder is not Holder.ENVOY:
        return False
    names = _NAMES.get(endpoint.role, ())
    asked = place(endpoint.host, endpoint.port)
    return any(
        where != asked and any(name.startswith(known) for known in names)
        for name, where in ground.active.items()
    )


def _same(one: ListeningSocket, endpoint: Endpoint) -> bool:
    if one.port != endpoint.port:
        return False
    return one.host == endpoint.host or (endpoint.host in EVERY_ADDRESS and one.host in EVERY_ADDRESS)


def _on(where: str, table: tuple[ListeningSocket, ...]) -> list[ListeningSocket]:
    """The sockets that keep others from binding `where`: on just that address, or on every one."""
    host, _, port = where.rpartition(":")
    host = host.strip("[]")
    return [
        one
        for one in table
        if not one.udp
        and str(one.port) == port
        and (one.host == host or one.host in EVERY_ADDRESS or host in EVERY_ADDRESS)
    ]
