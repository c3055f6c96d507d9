"""The hosts of Pomerium Zero's cloud that a replica speaks to, and how. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pomhealth.outside.dial import Way
from pomhealth.outside.proxy import proxy_for
from pomhealth.outside.trust import HTTP1, HTTP2

CONSOLE, CONNECT, TELEMETRY = "console", "connect", "telemetry"
_KNOWN = {
    CONSOLE: ("CLUSTER_API_ENDPOINT", "https://console.pomerium.app/cluster/v1"),
    CONNECT: ("CONNECT_SERVER_ENDPOINT", "https://connect.pomerium.app"),
    TELEMETRY: ("POMERIUM_OTEL_ENDPOINT", "https://telemetry.pomerium.app"),
}
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Host:
    """One host of the cloud. `wrong` says what is wrong with its address, which then has no way to it.

    `variable` names what sets the address to another than the cloud's own, "" where nothing does.
    """

    role: str
    where: str
    way: Way | None = None
    variable: str = ""
    wrong: str = ""

    @property
    def grpc(self) -> bool:
        return self.role != CONSOLE


def hosts(environment: Mapping[str, str]) -> tuple[Host, ...]:
    """The cluster API's host, the stream's and the measurements'."""
    return tuple(_host(role, environment) for role in _KNOWN)


def _host(role: str, environment: Mapping[str, str]) -> Host:
    variable, default = _KNOWN[role]
    text = environment.get(variable, "")
    origin = f"environment {variable}" if text else ""
    try:
        url = urlsplit(text or default)
        name, port = url.hostname or "", url.port or _PORTS.get(url.scheme, 0)
    except ValueError:
        return Host(role, variable, None, origin, "it is no address")
    if url.scheme not in _PORTS or not name or not port:
        return Host(role, variable, None, origin, "it is no http or https address")
    if role != CONSOLE and url.path not in ("", "/"):
        return Host(role, variable, None, origin, "an address of a gRPC server has no path")
    # gRPC looks for a proxy as for https, whatever its own scheme.
    proxied = "https" if role != CONSOLE else url.scheme
    proxy = proxy_for(environment, proxied, name, port)
    way = Way(name, port, url.scheme == "https", HTTP1 if role == CONSOLE else HTTP2, proxy)
    return Host(role, way.where, way, origin)
