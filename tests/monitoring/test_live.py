"""A real Prometheus with the project's rules beside the demo: each fault fires its alert, and its end resolves it.

The rules are those of the project but for the time that a cause must stand, which is none here: a test waits for an
answer, not for a minute. promtool's tests of the same rules have those times. Faults that the agent looks for once a
minute only are left to them too, and of faults that show in the same cause one is made.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from bench.stage import staged
from pomhealth.catalogue import catalogue
from pomhealth.demo.errors import DemoError
from pomhealth.demo.faults import FAULTS, Fault
from pomhealth.demo.stage import Stage
from pomhealth.generate.monitoring import rules
from pomhealth.generate.monitoring.alert import camel
from pomhealth.generate.monitoring.causes import Holds
from pomhealth.generate.monitoring.rules import Wishes
from tests.acceptance.test_demo_faults import ONLY_TELLS, STOPS_TRAFFIC
from tests.metrics.scraper import Prometheus, scraping

AT_ONCE = Holds("0s", "0s", "0s")
_PATIENCE = 75.0  # seconds: on a busy machine looks at Envoy are dear, and so seldom


@dataclass(frozen=True, slots=True)
class Scene:
    """The demo, and the Prometheus that scrapes its agent."""

    stage: Stage
    prometheus: Prometheus

    def until(self, condition: Callable[[set[str]], bool]) -> None:
        """Waits until this is so of the names of the alerts that fire."""
        began = time.monotonic()
        while not condition(alerts := self.prometheus.alerts()):
            if time.monotonic() - began > _PATIENCE:
                pytest.fail(f"not within {_PATIENCE:.0f} s; these fire: {sorted(alerts) or 'none'}")
            time.sleep(0.05)

    def until_well(self) -> None:
        self.until(lambda alerts: self.stage.readyz() == 200 and not alerts)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    text = rules.text(rules.groups(catalogue(), Wishes(), AT_ONCE))
    directory = tmp_path_factory.mktemp("live") / "prometheus"
    with staged() as stage, scraping(stage.listen, directory, text) as server:
        yield Scene(stage, server)


def faults(*, root: bool) -> list[tuple[Fault, set[str]]]:
    """One fault for each set of causes that it may be told by, and the names of their alerts; as root, or not."""
    told = {
        frozenset(camel(id_, cause) for id_, cause in causes): FAULTS[name]
        for name, causes in reversed((*STOPS_TRAFFIC, *ONLY_TELLS))
        if FAULTS[name].seen != "minute" and (root or not FAULTS[name].root)
    }
    return [(fault, set(names)) for names, fault in reversed(told.items())]


@pytest.mark.parametrize(
    ("fault", "names"), [pytest.param(*one, id=one[0].name) for one in faults(root=os.geteuid() == 0)]
)
def test_a_fault_fires_its_alert_and_its_end_resolves_it(scene: Scene, fault: Fault, names: set[str]) -> None:
    if (
        fault.file and fault.seen == "look"
    ):  # a new Envoy has a new account of the time that looks may cost it
        scene.stage.replica.restart()
    scene.until_well()
    try:
        _begin(fault, scene.stage)
        scene.until(
            lambda alerts: bool(alerts & names) and ("PomhealthNoReplicaReady" in alerts) == fault.stops
        )
    finally:
        fault.end(scene.stage)
    scene.until_well()


def _begin(fault: Fault, stage: Stage) -> None:
    """Makes the fault. Skips the test where this machine does not let us."""
    try:
        fault.begin(stage)
    except DemoError as error:
        if fault.root and "that needs" in str(error):
            pytest.skip(str(error))
        raise


def test_the_agents_end_is_told(scene: Scene) -> None:
    """Its rule has two minutes' patience, so it is seen pending."""
    scene.until_well()
    scene.stage.stop_agent()
    try:
        scene.until(lambda _: bool(scene.prometheus.query('ALERTS{alertname="PomhealthAgentDown"}')))
    finally:
        scene.stage.start_agent()
        scene.stage.wait_for_agent(time.monotonic() + _PATIENCE)
    scene.until_well()
