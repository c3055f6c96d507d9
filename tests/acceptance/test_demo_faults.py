"""The main job, end to end: a real Envoy and a real PostgreSQL break, and the agent tells the truth at once.

Each test runs `pomhealth demo` as a user would and uses nothing but its commands and the agent's HTTP interface. All
that the agent says meanwhile is watched and judged: no verdict may flap, and nothing else may fail. Beside it a real
Prometheus scrapes the agent with the project's rules: each fault fires its alert, and its end resolves it. They are
those of the project but for the time that a cause must stand, which is none here: a test waits for an answer, not for a
minute. promtool's tests of the same rules have those times, and the alerts of what the agent looks for once a minute.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import pytest
from _pytest.mark import ParameterSet

from bench.faults import judge
from bench.faults.catalogue import chosen
from bench.faults.watch import Seen, Watch, watch_agent
from pomhealth.catalogue import catalogue
from pomhealth.demo.faults import FAULTS, Fault
from pomhealth.generate.monitoring import rules
from pomhealth.generate.monitoring.alert import camel
from pomhealth.generate.monitoring.causes import Holds
from pomhealth.generate.monitoring.rules import Wishes
from tests.demos import PATIENCE, Demo, recovered, running_demo, until
from tests.metrics.scraper import Prometheus, scraping

AT_ONCE = Holds("0s", "0s", "0s")
EVERY = 0.01  # seconds between two looks at what the agent says
Causes = set[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Scene:
    """The demo, who watches all that its agent says, and the Prometheus that scrapes it."""

    demo: Demo
    agent: Watch
    prometheus: Prometheus

    def well(self) -> Seen:
        """What is seen once the agent has nothing to tell, and no alert fires."""
        seen = self.agent.settle(
            lambda one: one.code == 200 and not one.alerts, judge.SETTLED, within=PATIENCE
        )
        if seen is None:
            pytest.fail(f"not within {PATIENCE:.0f} s well: {judge.said(self.agent.now)}")
        self.fires(lambda alerts: not alerts)
        return seen

    def fires(self, condition: Callable[[set[str]], bool]) -> None:
        """Waits until this is so of the names of the alerts that fire."""
        until(lambda: condition(self.prometheus.alerts()), lambda: f"these fire: {self.prometheus.alerts()}")

    def pid(self) -> int:
        """The replica's main process, as the agent has it."""
        pid: int = self.demo.get("/status")[1]["replica"]["pid"]
        return pid

    def make(self, fault: Fault) -> None:
        self.demo.make(fault.name)

    def heal(self, fault: Fault) -> None:
        self.demo.do("--heal", fault.name)

    @contextmanager
    def standing(
        self,
        fault: Fault,
        told: Causes,
        make: Callable[[Fault], None] | None = None,
        heal: Callable[[Fault], None] | None = None,
    ) -> Iterator[None]:
        """A fault that stands, told by one of these causes and by Prometheus, for as long as the block lasts."""
        before, pid = self.well(), self.pid()
        begun = time.monotonic()
        (make or self.make)(fault)
        try:
            *_, since = judge.told(
                fault,
                self.agent,
                begun,
                PATIENCE,
                restarted=not fault.stops and self.pid() != pid,
                unprepared=True,
            )
            assert self.demo.ready() == (503 if fault.stops else 200)
            assert self.demo.alerts() & told
            names = {camel(*cause) for cause in told}
            self.fires(
                lambda alerts: bool(alerts & names) and ("PomhealthNoReplicaReady" in alerts) == fault.stops
            )
            yield
            judge.stands(fault, self.agent, since)
        finally:
            undoing = time.monotonic()
            (heal or self.heal)(fault)
            undone = time.monotonic()
        judge.healed(fault, self.agent, before, (undoing, undone), PATIENCE)
        self.well()


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with running_demo() as demo:
        yield demo


@pytest.fixture(scope="module")
def scene(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    text = rules.text(rules.groups(catalogue(), Wishes(), AT_ONCE))
    directory = tmp_path_factory.mktemp("live") / "prometheus"
    host, _, port = demo.listen.rpartition(":")
    with (
        watch_agent((host, int(port)), EVERY) as agent,
        scraping(demo.listen, directory, text) as prometheus,
    ):
        yield Scene(demo, agent, prometheus)


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
# Those first that have the replica started again: what is looked for once a minute is not expected of a young one.
ONLY_TELLS = [
    ("in-memory", {("persistent_backend", "in-memory")}),
    (
        "cache-read-only",
        {("zero.bootstrap-config.save", "read-only"), ("zero.bootstrap-config.save", "not-writable")},
    ),
    ("cache-full", {("zero.bootstrap-config.save", "disk-full")}),
    ("cache-other-owner", {("zero.bootstrap-config.save", "wrong-owner")}),
    ("bad-config", {("cluster_config_current", "rejected")}),
    ("bad-route", {("cluster_config_current", "rejected")}),
    ("removed-option", {("cluster_config_current", "rejected")}),
    ("unknown-option", {("config.databroker.build", "unknown-option")}),
    ("identity-provider-gone", {("authenticate.service", "identity-provider")}),
    ("redirect-port-taken", {("xds.listener", "redirect-not-listening")}),
    ("certificate-expired", {("certificates_current", "expired")}),
    ("certificate-expiring", {("certificates_current", "expiring")}),
    ("certificate-other-name", {("certificates_match_hostnames", "no-match")}),
    ("certificate-key-mismatch", {("certificates_current", "key-mismatch")}),
    ("certificate-corrupted", {("certificates_current", "unreadable")}),
]


def proving(faults: list[tuple[str, Causes]]) -> list[ParameterSet]:
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
    scene: Scene, fault: str, told: Causes
) -> None:
    assert FAULTS[fault].stops
    with scene.standing(FAULTS[fault], told):
        is_told_by_health(scene.demo, told)
    assert scene.demo.run("health", "-a", scene.demo.listen).returncode == 0


def test_a_replica_that_is_told_to_end_is_missed_until_it_runs_again(scene: Scene) -> None:
    (restart,) = chosen(["restart"])
    with scene.standing(
        restart,
        {("pomerium.process", "not-running")},
        lambda _: os.kill(scene.pid(), signal.SIGTERM),
        lambda _: scene.demo.do("--heal", "replica"),
    ):
        is_told_by_health(scene.demo, {("pomerium.process", "not-running")})


def is_told_by_health(demo: Demo, told: Causes) -> None:
    health = demo.run("health", "-a", demo.listen)
    assert health.returncode == 1, health
    assert any(f"{id_}: {cause}" in health.stdout + health.stderr for id_, cause in told), health


@pytest.mark.parametrize(("fault", "told"), proving(ONLY_TELLS))
def test_a_fault_that_keeps_nobody_out_is_told_while_readyz_stays_200(
    scene: Scene, fault: str, told: Causes
) -> None:
    assert not FAULTS[fault].stops
    with scene.standing(FAULTS[fault], told):
        pass


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


def test_the_agents_end_is_told_by_prometheus(scene: Scene) -> None:
    """Its rule has two minutes' patience, so it is seen pending."""
    scene.well()
    (agent,) = (
        process
        for process in psutil.process_iter(["cmdline"])
        if {"run", scene.demo.listen} <= set(process.info["cmdline"] or ())
    )
    agent.terminate()
    try:
        down = 'ALERTS{alertname="PomhealthAgentDown"}'
        until(lambda: bool(scene.prometheus.query(down)), scene.prometheus.alerts)
    finally:
        scene.demo.do("--heal", "agent")
    scene.well()


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
