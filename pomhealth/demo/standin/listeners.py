"""The listeners that Pomerium gives Envoy. Pure."""

from __future__ import annotations

import hashlib
from typing import Any

from pomhealth.demo.standin.clusters import Inside
from pomhealth.demo.standin.options import Address, Options
from pomhealth.demo.standin.routes import plain_routes, to_cluster

_FILTERS = "type.googleapis.com/envoy.extensions.filters"
_ROUTER = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": f"{_FILTERS}.http.router.v3.Router"},
}

# A certificate and its key as Envoy takes them: {"filename": …} or {"inline_bytes": …}.
Source = dict[str, str]


def listeners(
    options: Options,
    inside: Inside,
    certificates: list[tuple[Source, Source]],
    routes_source: dict[str, Any],
) -> list[dict[str, Any]]:
    """Every listener that these options ask of Envoy, the main one first."""
    found = []
    if options.runs("proxy") or options.runs("authenticate"):
        found.append(_main(options, certificates, routes_source))
    found.append(
        _listener(
            "grpc-ingress", options.grpc_address, _http("grpc_ingress", _grpc_routes(), [_reverse_bridge()])
        )
    )
    if options.metrics_address is not None:
        name = f"metrics-ingress-{_number(str(options.metrics_address))}"
        routes = [
            to_cluster("/metrics/envoy", "pomerium-envoy-admin", "/stats/prometheus"),
            to_cluster("/", "pomerium-control-plane-metrics"),
        ]
        found.append(
            _listener(name, options.metrics_address, _http("metrics", plain_routes("metrics", routes)))
        )
    if options.envoy_admin_address is not None:
        routes = [to_cluster("/", "pomerium-envoy-admin")]
        found.append(
            _listener(
                "envoy-admin",
                options.envoy_admin_address,
                _http("envoy-admin", plain_routes("admin", routes)),
            )
        )
    egress = [
        to_cluster("/envoy/stats/prometheus", "pomerium-envoy-admin", "/stats/prometheus"),
        to_cluster("/", "pomerium-databroker"),
    ]
    egress_at = Address("127.0.0.1", inside.egress)
    found.append(
        _listener("grpc-egress", egress_at, _http("grpc_egress", plain_routes("grpc-egress", egress)))
    )
    return found


def _main(
    options: Options, certificates: list[tuple[Source, Source]], routes_source: dict[str, Any]
) -> dict[str, Any]:
    manager = _http("ingress", None, [_authorization()])
    manager["rds"] = {"route_config_name": "main", "config_source": routes_source}
    made = _listener("http-ingress" if options.insecure else "https-ingress", options.address, manager)
    if options.proxy_protocol:
        made["listener_filters"] = [
            {
                "name": "envoy.filters.listener.proxy_protocol",
                "typed_config": {"@type": f"{_FILTERS}.listener.proxy_protocol.v3.ProxyProtocol"},
            }
        ]
    if not options.insecure:
        made["filter_chains"][0]["transport_socket"] = {
            "name": "tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": {
                    "alpn_protocols": ["h2", "http/1.1"],
                    "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
                    "tls_certificates": [
                        {"certificate_chain": chain, "private_key": key} for chain, key in certificates
                    ],
                },
            },
        }
    return made


def _listener(name: str, address: Address, manager: dict[str, Any]) -> dict[str, Any]:
    where: dict[str, Any] = {"address": address.host or "::", "port_value": address.port}
    if not address.host:
        where["ipv4_compat"] = True
    return {
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": name,
        "stat_prefix": name,
        "address": {"socket_address": where},
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": {
                            "@type": f"{_FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
                            **manager,
                        },
                    }
                ]
            }
        ],
    }


def _http(
    prefix: str, routes: dict[str, Any] | None, filters: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    manager: dict[str, Any] = {
        "stat_prefix": prefix,
        "codec_type": "AUTO",
        "use_remote_address": True,
        "http_filters": [*(filters or []), _ROUTER],
    }
    if routes is not None:
        manager["route_config"] = routes
    return manager


def _authorization() -> dict[str, Any]:
    return {
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": f"{_FILTERS}.http.ext_authz.v3.ExtAuthz",
            "transport_api_version": "V3",
            "failure_mode_allow": False,
            "status_on_error": {"code": "ServiceUnavailable"},
            "http_service": {
                "server_uri": {
                    "uri": "http://pomerium-authorize",
                    "cluster": "pomerium-authorize",
                    "timeout": "10s",
                },
                "authorization_request": {},
            },
        },
    }


def _reverse_bridge() -> dict[str, Any]:
    """Lets the stand-in's HTTP/1 server answer gRPC calls: Envoy makes the frames' trailers."""
    return {
        "name": "envoy.filters.http.grpc_http1_reverse_bridge",
        "typed_config": {
            "@type": f"{_FILTERS}.http.grpc_http1_reverse_bridge.v3.FilterConfig",
            "content_type": "application/grpc",
            "withhold_grpc_frames": False,
        },
    }


def _grpc_routes() -> dict[str, Any]:
    return plain_routes("grpc-ingress", [to_cluster("/", "pomerium-databroker")])


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
