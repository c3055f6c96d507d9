"""Faults of what Pomerium sends to Envoy: resources that Envoy itself rejects."""

from __future__ import annotations

from typing import Any

from pomhealth.demo.faults.fault import Fault
from pomhealth.demo.stage import Stage

_ELSEWHERE = "192.0.2.1"  # for documentation (RFC 5737): no machine has it
_METRICS = "metrics_address"


def _bad_match(stage: Stage) -> str:
    _add(stage, "unmatched", regex="a(")
    return (
        "added a route whose regex is no regular expression: Envoy rejects the routes and keeps the old ones"
    )


def _good_match(stage: Stage) -> str:
    return _remove(stage, "unmatched")


def _bad_cluster(stage: Stage) -> str:
    _add(stage, "unchecked", health_checks=[{"timeout": "1s", "interval": "-1s"}])
    return "added a route whose health check is due every -1 s: Envoy rejects its cluster"


def _good_cluster(stage: Stage) -> str:
    return _remove(stage, "unchecked")


def _bad_listener(stage: Stage) -> str:
    stage.home.setdefault(_METRICS, stage.replica.options[_METRICS])
    port = str(stage.home[_METRICS]).rpartition(":")[2]
    stage.replica.rewrite(metrics_address=f"{_ELSEWHERE}:{port}")
    return f"moved {_METRICS} to {_ELSEWHERE}:{port}, which is no address of this machine: Envoy rejects the listener"


def _good_listener(stage: Stage) -> str:
    home = stage.home.pop(_METRICS, stage.replica.options[_METRICS])
    stage.replica.rewrite(metrics_address=home)
    return f"moved {_METRICS} back to {home}"


def _add(stage: Stage, name: str, **more: Any) -> None:
    route = {"from": _url(name), "to": "http://127.0.0.1:1", **more}
    stage.replica.rewrite(routes=[*stage.replica.options["routes"], route])


def _remove(stage: Stage, name: str) -> str:
    kept = [route for route in stage.replica.options["routes"] if route["from"] != _url(name)]
    stage.replica.rewrite(routes=kept)
    return f"took the route {_url(name)} away"


def _url(name: str) -> str:
    return f"https://{name}.demo.localhost"


FAULTS = (
    Fault(
        "route-rejected",
        "Envoy rejects the routes that it is sent",
        "xds.route-configuration",
        "rejected",
        True,
        _bad_match,
        _good_match,
        file=True,
        seen="look",
    ),
    Fault(
        "cluster-rejected",
        "Envoy rejects a cluster that it is sent",
        "xds.cluster",
        "rejected",
        True,
        _bad_cluster,
        _good_cluster,
        file=True,
        seen="look",
    ),
    Fault(
        "listener-rejected",
        "Envoy rejects a listener that it is sent",
        "xds.listener",
        "rejected",
        True,
        _bad_listener,
        _good_listener,
        file=True,
        seen="look",
    ),
)
