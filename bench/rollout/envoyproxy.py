"""Envoy as the load balancer: active health checks on another port, no panic, no retries."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.rollout.balancer import TIMEOUT, Program, Target
from bench.rollout.pace import FALL, RISE, Pace
from bench.rollout.upstream import REPLICA
from pomhealth.demo import binaries
from pomhealth.demo.ports import free_ports
from pomhealth.demo.running import HOST

_TYPE = "type.googleapis.com/envoy"
_CLUSTER = "replicas"


class EnvoyBalancer:
    """An Envoy that runs; with `tcp` it passes bytes on and leaves TLS to the replicas."""

    def __init__(self, directory: Path, targets: Sequence[Target], pace: Pace, *, tcp: bool) -> None:
        self.port, self._admin = free_ports(2)
        self._targets = targets
        self._out: set[str] = set()
        self._members = directory / "members" / "members.json"
        self._members.parent.mkdir()
        self._tell()
        configuration = directory / "envoy.json"
        configuration.write_text(json.dumps(bootstrap(self.port, self._admin, self._members, pace, tcp=tcp)))
        arguments = (
            "-c",
            str(configuration),
            "--use-dynamic-base-id",
            "--concurrency",
            "1",
            "--log-level",
            "warning",
        )
        self._program = Program([str(binaries.envoy()), *arguments], directory)

    def in_rotation(self) -> frozenset[str]:
        said = self._ask("/clusters?format=json")
        hosts: list[dict[str, Any]] = next(
            (one.get("host_statuses", []) for one in said["cluster_statuses"] if one["name"] == _CLUSTER), []
        )
        healthy = {_port(host) for host in hosts if host["health_status"] == {"eds_health_status": "HEALTHY"}}
        return frozenset(target.name for target in self._targets if target.serves[1] in healthy)

    def take_out(self, name: str) -> None:
        self._out.add(name)
        self._tell()

    def put_back(self, name: str) -> None:
        self._out.discard(name)
        self._tell()

    def failed_checks(self) -> int:
        said = self._ask(f"/stats?format=json&filter=^cluster.{_CLUSTER}.health_check.failure$")
        return int(said["stats"][0]["value"])

    def last_words(self) -> str:
        return self._program.last_words()

    def stop(self) -> None:
        self._program.stop()

    def _ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._admin}{path}", timeout=5.0) as answer:
            return json.load(answer)

    def _tell(self) -> None:
        new = self._members.with_suffix(".new")
        new.write_text(json.dumps({"resources": [members(self._targets, self._out)]}))
        new.replace(self._members)


def members(targets: Sequence[Target], out: set[str]) -> dict[str, Any]:
    """The cluster's members; those that are `out` get nothing new."""
    return {
        "@type": f"{_TYPE}.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": _CLUSTER,
        "endpoints": [
            {
                "lb_endpoints": [
                    {
                        "endpoint": {
                            "address": _socket(*target.serves),
                            "health_check_config": {"port_value": target.asked[1]},
                        },
                        "metadata": {"filter_metadata": {"bench": {"name": target.name}}},
                        "health_status": "DRAINING" if target.name in out else "HEALTHY",
                    }
                    for target in targets
                ]
            }
        ],
    }


def bootstrap(port: int, admin: int, members_file: Path, pace: Pace, *, tcp: bool) -> dict[str, Any]:
    """The whole configuration. Checks are plain HTTP whatever the replicas speak."""
    return {
        "node": {"id": "balancer", "cluster": "balancer"},
        "admin": {"address": _socket("127.0.0.1", admin)},
        "static_resources": {
            "listeners": [
                {
                    "name": "front",
                    "address": _socket("127.0.0.1", port),
                    "filter_chains": [{"filters": [_tcp() if tcp else _http()]}],
                }
            ],
            "clusters": [_cluster(members_file, pace, tcp=tcp)],
        },
    }


def _cluster(members_file: Path, pace: Pace, *, tcp: bool) -> dict[str, Any]:
    plain = _transport(
        "raw_buffer", {"@type": f"{_TYPE}.extensions.transport_sockets.raw_buffer.v3.RawBuffer"}
    )
    secure = _transport(
        "tls", {"@type": f"{_TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext", "sni": HOST}
    )
    return {
        "name": _CLUSTER,
        "type": "EDS",
        "connect_timeout": "5s",
        "eds_cluster_config": {
            "eds_config": {
                "path_config_source": {
                    "path": str(members_file),
                    "watched_directory": {"path": str(members_file.parent)},
                }
            }
        },
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "transport_socket": plain if tcp else secure,
        "transport_socket_matches": [{"name": "check", "match": {"check": True}, "transport_socket": plain}],
        "health_checks": [
            {
                "interval": f"{pace.interval:g}s",
                "no_traffic_interval": f"{pace.interval:g}s",
                "timeout": f"{TIMEOUT}s",
                "unhealthy_threshold": FALL,
                "healthy_threshold": RISE,
                "reuse_connection": False,
                "http_health_check": {"path": "/readyz"},
                "transport_socket_match_criteria": {"check": True},
            }
        ],
    }


def _http() -> dict[str, Any]:
    name = {"key": REPLICA, "value": '%UPSTREAM_METADATA(["bench", "name"])%'}
    return _filter(
        "http_connection_manager.v3.HttpConnectionManager",
        {
            "stat_prefix": "front",
            "upgrade_configs": [{"upgrade_type": "websocket"}],
            "route_config": {
                "virtual_hosts": [
                    {
                        "name": "all",
                        "domains": ["*"],
                        "response_headers_to_add": [
                            {"header": name, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
                        ],
                        "routes": [
                            {"match": {"prefix": "/"}, "route": {"cluster": _CLUSTER, "timeout": "0s"}}
                        ],
                    }
                ]
            },
            "http_filters": [
                {
                    "name": "envoy.filters.http.router",
                    "typed_config": {"@type": f"{_TYPE}.extensions.filters.http.router.v3.Router"},
                }
            ],
        },
    )


def _tcp() -> dict[str, Any]:
    return _filter("tcp_proxy.v3.TcpProxy", {"stat_prefix": "front", "cluster": _CLUSTER})


def _filter(kind: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": f"envoy.filters.network.{kind.partition('.')[0]}",
        "typed_config": {"@type": f"{_TYPE}.extensions.filters.network.{kind}", **settings},
    }


def _transport(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": f"envoy.transport_sockets.{name}", "typed_config": dict(settings)}


def _socket(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _port(host: Mapping[str, Any]) -> int:
    return int(host["address"]["socket_address"]["port_value"])
