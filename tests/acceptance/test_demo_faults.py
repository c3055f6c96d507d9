"""The main job, end to end: a real Envoy and a real PostgreSQL break, and the agent tells the truth at once.

Each test runs `pomhealth demo` as a user would and uses nothing but its commands and the agent's HTTP interface.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from _pytest.mark import ParameterSet

from pomhealth.demo.faults import FAULTS
from tests.demos import Demo, recovered, running_demo, until


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with running_demo() as demo:
        yield demo


STOPS_TRAFFIC = [
    ("envoy-hang", {("envoy.server", "stopped"), ("envoy.server", "hung")}),
    ("envoy-kill", {("envoy.server", "not-running"), ("pomerium.process", "not-running")}),
    ("pomerium-hang", {("pomerium.process", "stopped"), ("pomerium.process", "hung")}),
    ("postgres-stop", {("storage.backend", "refused")}),
    ("postgres-hang", {("storage.backend", "timeout")}),
    ("postgres-read-only", {("storage.backend", "read-only")}),
    ("schema-gone", {("storage.backend", "schema-missing")}),
    ("port-taken", {("xds.listener", "port-taken")}),
    ("envoy-worker-busy", {("envoy.server", "hung")}),
    ("pomerium-kill", {("pomerium.process", "not-running")}),
    ("postgres-crash", {("storage.backend", "refused")}),
    ("postgres-full-connections", {("storage.backend", "too-many-connections")}),
    ("postgres-password-changed", {("storage.backend", "authentication")}),
    ("postgres-disk-full", {("storage.backend", "disk-full")}),
    ("postgres-dropped", {("storage.backend", "timeout")}),
    ("dns-silent", {("storage.backend", "timeout")}),
    ("port-taken-at-start", {("xds.listener", "port-taken")}),
    ("port-shared", {("xds.listener", "shared-port")}),
    ("route-rejected", {("xds.route-configuration", "rejected")}),
    ("cluster-rejected", {("xds.cluster", "rejected")}),
    ("listener-rejected", {("xds.listener", "rejected")}),
]
ONLY_TELLS = [
    ("bad-config", {("cluster_config_current", "rejected")}),
    ("bad-route", {("cluster_config_current", "rejected")}),
    ("removed-option", {("cluster_config_current", "rejected")}),
    ("unknown-option", {("config.databroker.build", "unknown-option")}),
    (
        "cache-read-only",
        {("zero.bootstrap-config.save", "read-only"), ("zero.bootstrap-config.save", "not-writable")},
    ),
    ("in-memory", {("persistent_backend", "in-memory")}),
    ("identity-provider-gone", {("authenticate.service", "identity-provider")}),
    ("redirect-port-taken", {("xds.listener", "redirect-not-listening")}),
    ("certificate-expired", {("certificates_current", "expired")}),
    ("certificate-expiring", {("certificates_current", "expiring")}),
    ("certificate-other-name", {("certificates_match_hostnames", "no-match")}),
    ("certificate-key-mismatch", {("certificates_current", "key-mismatch")}),
    ("certificate-corrupted", {("certificates_current", "unreadable")}),
    ("cache-full", {("zero.bootstrap-config.save", "disk-full")}),
    ("cache-other-owner", {("zero.bootstrap-config.save", "wrong-owner")}),
]


def proving(faults: list[tuple[str, set[tuple[str, str]]]]) -> list[ParameterSet]:
    """Each fault as a parameter, with the mark of what it proves: that the one cause it may be told by is told."""
    return [
        pytest.param(
            fault,
            told,
            id=fault,
            marks=[pytest.mark.proves(f"{id_}/{cause}") for id_, cause in told if len(told) == 1],
        )
        for fault, told in faults
    ]


@pytest.mark.parametrize(("fault", "told"), proving(STOPS_TRAFFIC))
def test_a_fault_that_keeps_users_out_turns_readyz_to_503_and_back(
    demo: Demo, fault: str, told: set[tuple[str, str]]
) -> None:
    recovered(demo)
    demo.make(fault)
    try:
        until(lambda: demo.ready() == 503 and bool(demo.alerts() & told), lambda: demo.get("/alerts")[1])
        health = demo.run("health", "-a", demo.listen)
        assert health.returncode == 1, health
        assert any(f"{id_}: {cause}" in health.stdout + health.stderr for id_, cause in told), health
    finally:
        demo.do("--heal", fault)
    recovered(demo)
    assert demo.run("health", "-a", demo.listen).returncode == 0


@pytest.mark.parametrize(("fault", "told"), proving(ONLY_TELLS))
def test_a_fault_that_keeps_nobody_out_is_told_while_readyz_stays_200(
    demo: Demo, fault: str, told: set[tuple[str, str]]
) -> None:
    recovered(demo)
    demo.make(fault)
    try:
        until(lambda: bool(demo.alerts() & told), lambda: demo.get("/alerts")[1])
        until(lambda: demo.ready() == 200, lambda: demo.get("/readyz"))
    finally:
        demo.do("--heal", fault)
    recovered(demo)


SEEN_SELDOM = [
    pytest.param(fault, id_, cause, id=fault, marks=pytest.mark.proves(f"{id_}/{cause}"))
    for fault, id_, cause in (
        ("listener-gone", "storage.backend.notifications", "not-listening"),
        ("cleanup-overdue", "storage.backend.cleanup", "overdue"),
    )
]


@pytest.mark.parametrize(("fault", "id_", "cause"), SEEN_SELDOM)
def test_a_fault_that_the_agent_looks_for_once_a_minute_is_found_by_a_check_at_once(
    demo: Demo, fault: str, id_: str, cause: str
) -> None:
    recovered(demo)
    pid = str(demo.get("/status")[1]["replica"]["pid"])
    demo.make(fault)
    try:
        until(lambda: f"{id_}: {cause}" in demo.run("check", "--pid", pid, id_).stdout, demo.alerts)
    finally:
        demo.do("--heal", fault)
    until(lambda: f"{id_}: {cause}" not in demo.run("check", "--pid", pid, id_).stdout, demo.alerts)


def test_faults_that_stand_together_are_healed_together(demo: Demo) -> None:
    recovered(demo)
    for fault in (
        "postgres-read-only",
        "postgres-password-changed",
        "postgres-full-connections",
        "postgres-stop",
    ):
        demo.do("--break", fault)
    demo.do("--heal", "all")
    recovered(demo)


def test_every_fault_is_made_here() -> None:
    tried = {fault for fault, _ in (*STOPS_TRAFFIC, *ONLY_TELLS)} | {case.id for case in SEEN_SELDOM}
    assert tried == set(FAULTS)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can make every fault")
@pytest.mark.parametrize("fault", [name for name, fault in FAULTS.items() if fault.root])
def test_a_fault_for_root_is_refused_to_others_in_one_line(demo: Demo, fault: str) -> None:
    done = demo.run("demo", "--break", fault)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "only root can make it" in done.stderr
