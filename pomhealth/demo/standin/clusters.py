"""The clusters that Pomerium gives Envoy: its own services, and one a route. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pomhealth.demo.standin.options import Options, Route
from pomhealth.demo.standin.releases import Release

_HTTP2 = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
}


@dataclass(frozen=True, slots=True)
class Inside:
    """The replica's own loopback ports, and Envoy's admin pipe."""

    http: int
    authorize: int
    metrics: int
    grpc: int
    egress: int
    admin_pipe: str


def clusters(options: Options, release: Release, inside: Inside) -> list[dict[str, Any]]:
    """Every dynamic cluster, by name as this release names them."""
    ours = {
        "pomerium-acme-tls-alpn": inside.http,
        "pomerium-authorize": inside.authorize,
        "pomerium-control-plane-http": inside.http,
        "pomerium-control-plane-metrics": inside.metrics,
        "pomerium-databroker": inside.grpc,
    }
    if release.default_file_store:
        ours["pomerium-control-plane-debug"] = inside.http
    if release.extensions:
        ours["pomerium-control-plane-connect"] = inside.grpc
    found = {name: cluster(name, [_socket(port)]) for name, port in ours.items()}
    found["pomerium-envoy-admin"] = cluster("pomerium-envoy-admin", [{"pipe": {"path": inside.admin_pipe}}])
    for route in options.routes:
        name = f"route-{route.id}"
        found[name] = _route_cluster(name, route)
    return [found[name] for name in sorted(found)]


def cluster(name: str, addresses: list[dict[str, Any]], kind: str = "STATIC") -> dict[str, Any]:
    """One cluster over these addresses."""
    return {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": name,
        "type": kind,
        "connect_timeout": "10s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}} for address in addresses]}],
        },
    }


def control_plane(inside: Inside) -> dict[str, Any]:
    """The static cluster of the control plane, which is in Envoy's bootstrap."""
    made = cluster("pomerium-control-plane-grpc", [_socket(inside.grpc)])
    del made["@type"]
    return made | {"typed_extension_protocol_options": _HTTP2}


def _route_cluster(name: str, route: Route) -> dict[str, Any]:
    addresses = []
    secure = False
    for target in route.to:
        url = urlsplit(target)
        secure = url.scheme == "https"
        addresses.append(_socket(url.port or (443 if secure else 80), url.hostname or "127.0.0.1"))
    made = cluster(name, addresses, "STRICT_DNS")
    if route.health_checks:
        made["health_checks"] = list(route.health_checks)
    if secure:
        made["transport_socket"] = {
            "name": "tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "sni": urlsplit(route.to[0]).hostname,
            },
        }
    return made


def _socket(port: int, host: str = "127.0.0.1") -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}
