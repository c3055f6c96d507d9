"""What is measured, under which names: one value a family of series. docs/metrics.md has them too, and a test compares."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(str, Enum):
    """Prometheus's types, as far as they are used here."""

    GAUGE = "gauge"
    COUNTER = "counter"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class Family:
    """A family of series. `name` is that of a query: a counter's ends in _total, a summary has _sum and _count after it."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """One series' value; `labels` are the values of its family's labels. Of a summary `value` is the sum, `count` the count."""

    labels: tuple[str, ...]
    value: float
    count: int = 0


_GAUGE, _COUNTER = Kind.GAUGE, Kind.COUNTER

READY = Family(
    "pomhealth_ready", _GAUGE, "Whether the replica should get traffic: 1 while /readyz answers 200."
)
LIVE = Family("pomhealth_live", _GAUGE, "Whether the replica lives: 0 while a restart would help (/healthz).")
STARTED = Family(
    "pomhealth_started",
    _GAUGE,
    "Whether everything that counts has been looked at since the replica started.",
)
CHECK_STATE = Family(
    "pomhealth_check_state",
    _GAUGE,
    "1 for the state that a check is in, 0 for the others. A check that follows another one's failure is skipped.",
    ("check", "gate", "state"),
)
CHECK_CAUSE = Family(
    "pomhealth_check_cause",
    _GAUGE,
    "1 while a check fails, or warns, for this cause. `pomhealth explain CHECK/CAUSE` tells what to do.",
    ("check", "gate", "cause", "severity"),
)
CHECK_CHANGED = Family(
    "pomhealth_check_last_change_timestamp_seconds",
    _GAUGE,
    "When the present state of a check began; of one that follows another, when that one's failure did.",
    ("check",),
)
CHECK_CHANGES = Family(
    "pomhealth_check_changes_total",
    _COUNTER,
    "How often the state or the cause of a check has turned.",
    ("check",),
)
PROBE_SECONDS = Family(
    "pomhealth_probe_duration_seconds",
    Kind.SUMMARY,
    "How long the looks at a check took, and how many were made.",
    ("check",),
)
PROBE_LAST = Family(
    "pomhealth_probe_last_duration_seconds", _GAUGE, "How long the last look at a check took.", ("check",)
)
PROBE_TIMEOUTS = Family(
    "pomhealth_probe_timeouts_total", _COUNTER, "Looks at a check that got no answer in time.", ("check",)
)
PROBE_FAILURES = Family(
    "pomhealth_probe_failures_total",
    _COUNTER,
    "Looks at a check that found a failure, those that did not count yet included.",
    ("check",),
)
PROBE_ERRORS = Family(
    "pomhealth_probe_errors_total",
    _COUNTER,
    "Looks at a check that broke off by a fault in pomhealth itself. Please report it.",
    ("check",),
)
CERTIFICATE_END = Family(
    "pomhealth_certificate_not_after_timestamp_seconds",
    _GAUGE,
    "When a certificate ends. Only the 200 that end first have a series.",
    ("name", "where", "serial"),
)
CERTIFICATE_READABLE = Family(
    "pomhealth_certificate_readable",
    _GAUGE,
    "0 where a certificate or its key cannot be read, or the two do not fit; certificates_current tells why.",
    ("name", "where"),
)
CERTIFICATES = Family(
    "pomhealth_certificates",
    _GAUGE,
    "How many certificates there are, on disk and in Envoy, with or without a series.",
)
REPLICA_INFO = Family(
    "pomhealth_replica_info",
    _GAUGE,
    "The replica that is watched; always 1. A label is empty where that is not known.",
    ("version", "services", "storage", "platform"),
)
BUILD_INFO = Family(
    "pomhealth_build_info", _GAUGE, "The agent that watches; always 1.", ("version", "python")
)
DRAIN_ACTIVE = Family(
    "pomhealth_drain_active", _GAUGE, "Whether the replica is taken out of rotation, drained or not yet."
)
DRAIN_CONNECTIONS = Family(
    "pomhealth_drain_connections_left",
    _GAUGE,
    "Connections that a drain waits for, where they can be counted.",
)
DRAIN_REQUESTS = Family(
    "pomhealth_drain_requests_left", _GAUGE, "Requests that a drain waits for, where Envoy tells of them."
)
DRAIN_STARTED = Family(
    "pomhealth_drain_started_timestamp_seconds", _GAUGE, "When the drain that stands began."
)
CLUSTER_ENABLED = Family(
    "pomhealth_cluster_enabled", _GAUGE, "Whether the agent takes part in the registry of a cluster."
)
CLUSTER_COMPLETE = Family(
    "pomhealth_cluster_complete",
    _GAUGE,
    "0 while the agent cannot tell how all replicas are; cluster_registry tells why.",
)
CLUSTER_REPLICAS = Family(
    "pomhealth_cluster_replicas",
    _GAUGE,
    "How many replicas are in each state, as this agent knows them; those silent for more than 24 hours are not counted.",
    ("state",),
)
CLUSTER_EXPECTED = Family(
    "pomhealth_cluster_expected_replicas",
    _GAUGE,
    "How many replicas there should be by the setting expected_replicas, 0 where it says nothing.",
)
AGENT_LAG = Family(
    "pomhealth_agent_lag_seconds",
    _GAUGE,
    "For how long in one go, at most, the agent itself did not get to run in the last minute.",
)
AGENT_START = Family(
    "pomhealth_agent_start_timestamp_seconds", _GAUGE, "When the agent's process was started."
)
HEALTH_STATUS = Family(
    "pomerium_health_status",
    _GAUGE,
    "1 for the status that a check is in, in Pomerium's words; as pomhealth measures it, not as the replica reports it.",
    ("check", "status"),
)

FAMILIES = (
    READY,
    LIVE,
    STARTED,
    CHECK_STATE,
    CHECK_CAUSE,
    CHECK_CHANGED,
    CHECK_CHANGES,
    PROBE_SECONDS,
    PROBE_LAST,
    PROBE_TIMEOUTS,
    PROBE_FAILURES,
    PROBE_ERRORS,
    CERTIFICATE_END,
    CERTIFICATE_READABLE,
    CERTIFICATES,
    REPLICA_INFO,
    BUILD_INFO,
    DRAIN_ACTIVE,
    DRAIN_CONNECTIONS,
    DRAIN_REQUESTS,
    DRAIN_STARTED,
    CLUSTER_ENABLED,
    CLUSTER_COMPLETE,
    CLUSTER_REPLICAS,
    CLUSTER_EXPECTED,
    AGENT_LAG,
    AGENT_START,
    HEALTH_STATUS,
)
