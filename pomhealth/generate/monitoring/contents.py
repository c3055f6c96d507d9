"""What the dashboard shows, from the top to the bottom. Pure."""

from __future__ import annotations

from pomhealth.generate.monitoring.panels import Panel, Query, columns, of_field, steps, words
from pomhealth.generate.monitoring.styles import (
    BARS,
    BLUE,
    CHECK,
    GREEN,
    HERE,
    RED,
    STATES,
    YELLOW,
    graph,
    stat,
    timeline,
)


def _states() -> str:
    """Each check's state as a number, its place in STATES."""
    parts = (
        f'pomhealth_check_state{{{CHECK}, state="{state}"}} * {place}'
        for place, (state, _) in enumerate(STATES)
    )
    return f"sum by (instance, check) ({' or '.join(parts)})"


_NONE_IS_WELL = steps((None, GREEN), (1, RED))
_GLANCE = (
    stat(
        "Replicas not ready",
        "Those that get no traffic now.",
        f"count(pomhealth_ready{{{HERE}}} == 0) or vector(0)",
        _NONE_IS_WELL,
    ),
    stat(
        "Replicas ready",
        "Those that get traffic now.",
        f"sum(pomhealth_ready{{{HERE}}})",
        steps((None, RED), (1, GREEN)),
    ),
    stat(
        "Checks that fail",
        "Of all replicas together. What only follows from another failure is not counted.",
        f'sum(pomhealth_check_state{{{HERE}, state="fail"}})',
        _NONE_IS_WELL,
    ),
    stat(
        "Checks that warn",
        "They stop nothing.",
        f'sum(pomhealth_check_state{{{HERE}, state="warn"}})',
        steps((None, GREEN), (1, YELLOW)),
    ),
    stat(
        "Being drained",
        "Replicas that are taken out of rotation.",
        f"sum(pomhealth_drain_active{{{HERE}}})",
        steps((None, GREEN), (1, BLUE)),
    ),
    stat(
        "First certificate ends in",
        "Of all certificates of these replicas.",
        f"min(pomhealth_certificate_not_after_timestamp_seconds{{{HERE}}}) - time()",
        steps((None, RED), (3 * 86400, YELLOW), (21 * 86400, GREEN)),
        "s",
    ),
    Panel(
        "table",
        "What fails now",
        "`pomhealth explain CHECK/CAUSE` says what to do.",
        (24, 8),
        (
            Query(f"pomhealth_check_cause{{{CHECK}}} > 0", table=True),
            Query(
                f"pomhealth_check_last_change_timestamp_seconds{{{CHECK}}} * 1000"
                f" and on (job, instance, check) (pomhealth_check_cause{{{CHECK}}} > 0)",
                table=True,
            ),
        ),
        defaults={"noValue": "nothing"},
        options={"showHeader": True, "sortBy": [{"displayName": "Stops", "desc": True}]},
        overrides=(of_field("Since", unit="dateTimeFromNow"),),
        transformations=columns(
            ("instance", "Replica"),
            ("check", "Check"),
            ("cause", "Cause"),
            ("severity", "Outcome"),
            ("gate", "Stops"),
            ("Value #B", "Since"),
        ),
    ),
)
_OVER_TIME = (
    timeline(
        "Verdict of each replica",
        "Ready: it gets traffic. Not ready: it gets none. Not live: a restart would help.",
        Query(f"pomhealth_ready{{{HERE}}} + pomhealth_live{{{HERE}}}", "{{instance}}"),
        6,
        ((0, "not live", RED), (1, "not ready", YELLOW), (2, "ready", GREEN)),
    ),
    timeline(
        "Checks",
        "Skipped: it follows another check that fails. Unknown: it cannot be seen from where the agent runs.",
        Query(_states(), "{{instance}} {{check}}"),
        16,
        tuple((place, state, colour) for place, (state, colour) in enumerate(STATES)),
    ),
)
_CLUSTER = (
    graph(
        "Replicas of the cluster",
        "As its agents know them, with or without an agent of their own, where the setting `cluster` is on.",
        (
            Query(f"max by (state) (pomhealth_cluster_replicas{{{HERE}}})", "{{state}}"),
            Query(f"max(pomhealth_cluster_expected_replicas{{{HERE}}}) > 0", "expected"),
        ),
        "short",
        width=24,
    ),
)
_CERTIFICATES = (
    Panel(
        "table",
        "Certificates",
        "Those that end first. Without days left: it cannot be read, or does not fit its key.",
        (24, 8),
        (
            Query(
                f"(pomhealth_certificate_not_after_timestamp_seconds{{{HERE}}} - time()) / 86400", table=True
            ),
            Query(f"pomhealth_certificate_readable{{{HERE}}}", table=True),
        ),
        options={"showHeader": True, "sortBy": [{"displayName": "Days left", "desc": False}]},
        overrides=(
            of_field(
                "Days left",
                decimals=1,
                thresholds=steps((None, RED), (3, YELLOW), (21, GREEN)),
                custom__cellOptions={"type": "color-text"},
            ),
            of_field("Readable", mappings=words((0, "no", RED), (1, "yes", GREEN))),
        ),
        transformations=columns(
            ("instance", "Replica"),
            ("name", "Name"),
            ("where", "Where"),
            ("serial", "Serial"),
            ("Value #A", "Days left"),
            ("Value #B", "Readable"),
        ),
    ),
)
_LEGEND_OF_CHECK = "{{instance}} {{check}}"
_PROBES = (
    graph(
        "How long looks take",
        "The mean of each check.",
        (
            Query(
                f"rate(pomhealth_probe_duration_seconds_sum{{{CHECK}}}[$__rate_interval])"
                f" / rate(pomhealth_probe_duration_seconds_count{{{CHECK}}}[$__rate_interval])",
                _LEGEND_OF_CHECK,
            ),
        ),
        "s",
    ),
    graph(
        "Looks without an answer in time, and broken off",
        "One that broke off is a fault of pomhealth's own.",
        (
            Query(
                f"increase(pomhealth_probe_timeouts_total{{{CHECK}}}[$__rate_interval]) > 0",
                f"no answer: {_LEGEND_OF_CHECK}",
            ),
            Query(
                f"increase(pomhealth_probe_errors_total{{{CHECK}}}[$__rate_interval]) > 0",
                f"broken off: {_LEGEND_OF_CHECK}",
            ),
        ),
        "short",
        style=BARS,
    ),
    graph(
        "Turns of checks",
        "How often the state or the cause turned.",
        (
            Query(
                f"increase(pomhealth_check_changes_total{{{CHECK}}}[$__rate_interval]) > 0", _LEGEND_OF_CHECK
            ),
        ),
        "short",
        style=BARS,
    ),
    graph(
        "Drains",
        "What a drain still waits for.",
        (
            Query(f"pomhealth_drain_connections_left{{{HERE}}}", "{{instance}} connections"),
            Query(f"pomhealth_drain_requests_left{{{HERE}}}", "{{instance}} requests"),
        ),
        "short",
    ),
)
_REST = (
    graph(
        "The agent is late",
        "For how long in one go it did not get to run, at most, in a minute.",
        (Query(f"pomhealth_agent_lag_seconds{{{HERE}}}", "{{instance}}"),),
        "s",
        width=8,
    ),
    graph(
        "The agent's memory",
        "",
        (Query(f"process_resident_memory_bytes{{{HERE}}}", "{{instance}}"),),
        "bytes",
        width=8,
    ),
    graph(
        "The agent's processor time",
        "Of one core.",
        (Query(f"rate(process_cpu_seconds_total{{{HERE}}}[$__rate_interval])", "{{instance}}"),),
        "percentunit",
        width=8,
    ),
    Panel(
        "table",
        "Versions",
        "Of the replica and of its agent.",
        (24, 6),
        (
            Query(
                f"pomhealth_replica_info{{{HERE}}} * on (job, instance) group_left (agent, python)"
                f' label_replace(pomhealth_build_info{{{HERE}}}, "agent", "$1", "version", "(.+)")',
                table=True,
            ),
        ),
        options={"showHeader": True},
        transformations=columns(
            ("instance", "Replica"),
            ("version", "Pomerium"),
            ("services", "Services"),
            ("storage", "Storage"),
            ("platform", "Platform"),
            ("agent", "pomhealth"),
            ("python", "Python"),
        ),
    ),
)

PANELS = (*_GLANCE, *_OVER_TIME, *_CLUSTER, *_CERTIFICATES, *_PROBES, *_REST)
