"""The manifests' times fit one another, and the agent takes the settings that they give it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from pomhealth.cli import drain
from pomhealth.generate.render import files
from pomhealth.generate.values import DEFAULTS, Values
from pomhealth.settings import Settings, split_address
from pomhealth.settings_file import load
from tests.kubernetes.manifests import ROOT, build, container, one, pod_of, read

OBJECTS = build(ROOT)
POD = pod_of(OBJECTS)
AGENT, POMERIUM = container(POD, "pomhealth"), container(POD, "pomerium")
PROBES = [
    probe for each in (AGENT, POMERIUM) for name, probe in each.items() if name.endswith("Probe")
]  # all five


def settings() -> Settings:
    return load({}, {variable["name"]: variable["value"] for variable in AGENT["env"]})


def until_it_counts(probe: dict[str, Any]) -> int:
    """Seconds of failing until the kubelet acts."""
    return int(probe["periodSeconds"] * probe["failureThreshold"])


def test_the_agent_takes_its_settings_and_listens_where_the_kubelet_asks() -> None:
    said = settings()
    host, port = split_address(said.listen)
    assert host == "0.0.0.0"
    assert {probe["httpGet"]["port"] for probe in PROBES} == {port}
    assert len(PROBES) == 5
    assert [each["containerPort"] for each in AGENT["ports"]] == [port]
    assert POMERIUM["lifecycle"]["preStop"]["httpGet"]["port"] == port


def test_sigterm_to_the_agent_drains_nothing_the_hooks_have_done_it() -> None:
    assert settings().drain_on_stop is False


def test_the_pod_has_time_for_the_whole_drain_and_then_for_its_containers_ends() -> None:
    longest = settings().drain_limit + drain._MARGIN
    assert POD["spec"]["terminationGracePeriodSeconds"] >= longest + 10


def test_a_new_pod_serves_for_as_long_as_a_load_balancer_needs_before_an_old_one_is_drained() -> None:
    spec = one(OBJECTS, "Deployment")["spec"]
    assert spec["minReadySeconds"] >= settings().drain_notice
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_an_agent_that_hangs_is_restarted_long_before_its_silence_counts_against_pomerium() -> None:
    """The kubelet waits 10 s before the second restart in a row, and 20 s before the third."""
    own = AGENT["livenessProbe"]
    ended = until_it_counts(own) + own["timeoutSeconds"] + own["terminationGracePeriodSeconds"] + 2
    assert ended * 2 < until_it_counts(POMERIUM["livenessProbe"])
    assert until_it_counts(POMERIUM["livenessProbe"]) > 10 + 20


def test_where_pomerium_alone_is_restarted_nobody_waits_for_a_drain() -> None:
    for name in ("livenessProbe", "startupProbe"):
        assert POMERIUM[name]["terminationGracePeriodSeconds"] <= 5


def test_no_probe_takes_longer_than_the_time_between_two() -> None:
    assert all(probe["timeoutSeconds"] <= probe["periodSeconds"] for probe in PROBES)


@pytest.mark.parametrize(
    "values",
    [
        DEFAULTS,
        replace(DEFAULTS, notice=2.5, limit=600.5, start_wait=0.5, agent_port=9000, main_port=8443),
        replace(DEFAULTS, pomerium_image='a"b: #c', namespace='x"y'),
    ],
)
def test_the_files_of_another_place_hold_its_values_and_times_that_fit_them(values: Values) -> None:
    made = {file.path: yaml.safe_load(file.text) for file in files("kubernetes", values)}
    patch, base = made["components/agent/deployment.yaml"], made["base/deployment.yaml"]
    pod = patch["spec"]["template"]
    agent = container(pod, "pomhealth")
    said = load({}, {variable["name"]: variable["value"] for variable in agent["env"]})
    assert split_address(said.listen)[1] == values.agent_port
    assert (said.drain_notice, said.drain_limit) == (values.notice, values.limit)
    assert pod["spec"]["terminationGracePeriodSeconds"] >= values.limit + drain._MARGIN + 10
    assert base["spec"]["minReadySeconds"] >= values.notice
    assert container(base["spec"]["template"], "pomerium")["image"] == values.pomerium_image
    assert agent["image"] == values.pomhealth_image
    assert made["kustomization.yaml"]["namespace"] == values.namespace
    assert made["base/service.yaml"]["spec"]["ports"][0]["port"] == 443, (
        "for users, wherever Pomerium listens"
    )


def test_the_files_that_are_read_are_the_templates() -> None:
    assert {file.path for file in files("kubernetes", DEFAULTS)} == {
        str(path.relative_to(ROOT)) for path in ROOT.rglob("*.yaml")
    }
    assert read(ROOT / "kustomization.yaml")["namespace"] == DEFAULTS.namespace
