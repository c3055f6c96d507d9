"""The replica's own part of /metrics, with the lines that recordings of live replicas have. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pomhealth.demo.standin.health import RUNNING, TERMINATING, Entry
from pomhealth.demo.standin.releases import Release

_SYNCERS = (
    ("pomerium.config.Config", "databroker"),
    ("pomerium.config.KeyPair", "databroker"),
    ("pomerium.config.Policy", "databroker"),
    ("pomerium.config.Route", "databroker"),
    ("pomerium.config.Settings", "databroker"),
    ("session.Session", "identity_manager/sessions"),
    ("user.User", "identity_manager/users"),
)


@dataclass(slots=True)
class Reloads:
    """How loading the configuration went: the last good time (Unix seconds), and whether one ever failed."""

    last_good: float
    count: int = 0
    failed_once: bool = False


def page(
    *,
    release: Release,
    host: str,
    entries: Mapping[str, Entry],
    reloads: Reloads,
    checksum: int,
    routes: int,
    server_version: int,
) -> str:
    """The text, in Prometheus's exposition format."""
    lines: list[str] = []
    build = (
        f'envoy_version="",goversion="go1.26.8",host="{host}",revision="",service="pomerium",'
        f'version="{release.version}"'
    )
    _family(lines, "pomerium_build_info", "Build Metadata", [(build, "1")], host)
    _family(
        lines,
        "pomerium_config_checksum_decimal",
        "Config checksum represented in decimal notation",
        [(f'config="{config}",service="all"', f"{checksum:.17g}") for config in ("databroker", "local")],
        host,
    )
    if release.metrics or reloads.count or reloads.failed_once:
        failed = [('service=""', "0")] if reloads.failed_once else []
        _family(
            lines,
            "pomerium_config_last_reload_success",
            "Returns 1 if last reload was successful",
            [*failed, ('service="all"', "1")],
            host,
        )
        _family(
            lines,
            "pomerium_config_last_reload_success_timestamp",
            "Timestamp of last successful config reload",
            [('service="all"', f"{reloads.last_good:.9e}")],
            host,
        )
    if release.metrics:
        _syncers(lines, host, server_version)
        _health(lines, host, entries)
    _family(
        lines,
        "pomerium_policy_count_total",
        "Total number of policies loaded",
        [(f'service="pomerium{name}"', str(routes)) for name in ("", "-authorize", "-proxy")],
        host,
    )
    return "\n".join(lines) + "\n"


def _syncers(lines: list[str], host: str, server_version: int) -> None:
    values = {
        "active": ("if the current syncer is active or not", 1),
        "latest_record_version": ("latest record version from the databroker for this syncer type", 0),
        "server_version": ("current server version of the databroker for this syncer type", server_version),
        "sync_latest_total": ("total number of sync latest operations", 1),
    }
    for name, (about, value) in values.items():
        series = [(f'record_type="{kind}",syncer_id="{syncer}"', str(value)) for kind, syncer in _SYNCERS]
        _family(lines, f"pomerium_databroker_syncer_{name}", about, series, host)


def _health(lines: list[str], host: str, entries: Mapping[str, Entry]) -> None:
    series = []
    for name, entry in sorted(entries.items()):
        attributes = "".join(f'{key}="{value}",' for key, value in sorted(entry.attributes))
        now = (
            "error"
            if entry.error
            else {RUNNING: "running", TERMINATING: "terminating"}.get(entry.status, "unknown")
        )
        series += [
            (f'{attributes}check="{name}",status="{status}"', str(int(status == now)))
            for status in ("error", "running", "terminating", "unknown")
        ]
    _family(lines, "pomerium_health_status", "Health status of a check", series, host)


def _family(lines: list[str], name: str, about: str, series: Iterable[tuple[str, str]], host: str) -> None:
    kind = "counter" if name.endswith("_total") and "policy" not in name else "gauge"
    lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
    lines += [f'{name}{{{labels},hostname="{host}"}} {value}' for labels, value in series]
