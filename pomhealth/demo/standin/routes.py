"""The route configuration `main` that Pomerium gives Envoy: a virtual host a host, and the catch-all. Pure."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from pomhealth.demo.standin.options import Options, Route

# What Pomerium answers itself, on every host.
_OWN_PATHS = ("/ping", "/healthz", "/robots.txt", "/.pomerium")
_OWN_PREFIXES = ("/.pomerium/", "/.well-known/pomerium")
_OWN_CLUSTER = "pomerium-control-plane-http"


def route_configuration(options: Options) -> dict[str, Any]:
    """The resource of type RouteConfiguration named `main`."""
    by_host = groupby(sorted(options.routes, key=lambda route: route.host), key=lambda route: route.host)
    hosts = [_virtual_host(host, list(routes)) for host, routes in by_host]
    return {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": "main",
        "ignore_port_in_host_matching": False,
        "virtual_hosts": [
            *hosts,
            {"name": "catch-all", "domains": ["*"], "routes": _own_routes()},
        ],
    }


def plain_routes(name: str, routes: list[dict[str, Any]]) -> dict[str, Any]:
    """A route configuration to be written into a listener, one virtual host for every host."""
    return {"name": name, "virtual_hosts": [{"name": name, "domains": ["*"], "routes": routes}]}


def to_cluster(prefix: str, cluster: str, rewrite: str | None = None) -> dict[str, Any]:
    """A route from a path prefix to a cluster."""
    target: dict[str, Any] = {"cluster": cluster}
    if rewrite is not None:
        target["prefix_rewrite"] = rewrite
    return {"match": {"prefix": prefix}, "route": target}


def _virtual_host(host: str, routes: list[Route]) -> dict[str, Any]:
    domains = [host] if ":" in host else [host, f"{host}:*"]
    longest_first = sorted(routes, key=lambda route: -len(route.prefix))
    return {
        "name": host,
        "domains": domains,
        "routes": [*_own_routes(), *(_route(route) for route in longest_first)],
    }


def _route(route: Route) -> dict[str, Any]:
    match = {"safe_regex": {"regex": route.regex}} if route.regex else {"prefix": route.prefix}
    if not route.to:
        return {"match": match, "direct_response": {"status": 200}}
    action: dict[str, Any] = {"cluster": f"route-{route.id}", "auto_host_rewrite": True}
    if route.websockets:
        action |= {"upgrade_configs": [{"upgrade_type": "websocket"}], "timeout": "0s"}
    return {"match": match, "route": action}


def _own_routes() -> list[dict[str, Any]]:
    exact = [{"match": {"path": path}, "route": {"cluster": _OWN_CLUSTER}} for path in _OWN_PATHS]
    return [*exact, *(to_cluster(prefix, _OWN_CLUSTER) for prefix in _OWN_PREFIXES)]
