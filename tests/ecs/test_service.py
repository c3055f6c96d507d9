"""The CloudFormation template: its task is the task definition, and the load balancer's times fit the drain's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pomhealth.generate.render import files
from pomhealth.generate.values import Values
from tests.ecs.definitions import (
    AGENT,
    ECS,
    Object,
    container,
    in_pascal_case,
    linted,
    resources,
    task,
    template,
    variables,
)


def test_cfn_lint_finds_nothing() -> None:
    assert linted((ECS / "service.yaml").read_text()) == []


def test_cfn_lint_finds_nothing_without_postgresql_and_with_other_ports() -> None:
    values = Values(postgres=False, main_port=8443, agent_port=9000, limit=30)
    text = next(file.text for file in files("ecs", values) if file.path == "service.yaml")
    assert linted(text) == []


def test_its_task_is_the_task_definition_with_references_in_the_place_of_names() -> None:
    (made,) = resources("AWS::ECS::TaskDefinition")
    assert _without_references(made, in_pascal_case(task("task-fargate"))) == _without_references(
        in_pascal_case(task("task-fargate")), made
    )


def _without_references(value: Any, other: Any) -> Any:
    """The value without what is a reference in either."""
    if isinstance(value, dict) and isinstance(other, dict):
        if _is_reference(value) or _is_reference(other):
            return "…"
        return {key: _without_references(one, other.get(key)) for key, one in value.items()}
    if isinstance(value, list) and isinstance(other, list) and len(value) == len(other):
        by_name = sorted(value, key=_name), sorted(other, key=_name)
        return [_without_references(one, another) for one, another in zip(*by_name, strict=True)]
    return "…" if _is_reference(other) or _is_reference(value) else value


def _name(value: Any) -> str:
    return str(value.get("Name")) if isinstance(value, dict) else ""


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and bool({"Ref", "Fn::GetAtt", "Fn::Sub"} & set(value))


@pytest.fixture(scope="module")
def targets() -> Object:
    (made,) = resources("AWS::ElasticLoadBalancingV2::TargetGroup")
    return made


@pytest.fixture(scope="module")
def agent() -> Object:
    return container(task("task-fargate"), AGENT)


@pytest.fixture(scope="module")
def attributes(targets: Object) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in targets["TargetGroupAttributes"]}


def test_the_load_balancer_asks_the_agents_readiness_on_the_agents_port(
    targets: Object, agent: Object
) -> None:
    (mapping,) = agent["portMappings"]
    assert targets["HealthCheckPort"] == str(mapping["containerPort"])
    assert targets["HealthCheckPath"] == {"Ref": "HealthCheckPath"}
    assert template()["Parameters"]["HealthCheckPath"]["Default"] == "/readyz"
    assert targets["Port"] != mapping["containerPort"]


def test_a_drain_is_noticed_within_the_time_that_it_allows(targets: Object, agent: Object) -> None:
    takes = targets["HealthCheckIntervalSeconds"] * targets["UnhealthyThresholdCount"]
    assert takes <= float(variables(agent)["POMHEALTH_DRAIN_NOTICE"])
    assert targets["HealthCheckTimeoutSeconds"] < targets["HealthCheckIntervalSeconds"]


def test_a_target_that_turns_unhealthy_keeps_its_connections_for_the_whole_drain(
    attributes: dict[str, str], agent: Object
) -> None:
    prefix = "target_health_state.unhealthy"
    assert attributes[f"{prefix}.connection_termination.enabled"] == "false"
    assert float(attributes[f"{prefix}.draining_interval_seconds"]) >= float(
        variables(agent)["POMHEALTH_DRAIN_LIMIT"]
    )


def test_a_task_is_stopped_when_no_node_of_the_load_balancer_sends_it_connections(
    attributes: dict[str, str],
) -> None:
    assert int(attributes["deregistration_delay.timeout_seconds"]) >= 120


def test_the_agents_port_is_open_to_the_load_balancer_alone(agent: Object) -> None:
    port = agent["portMappings"][0]["containerPort"]
    rules = [rule for group in resources("AWS::EC2::SecurityGroup") for rule in group["SecurityGroupIngress"]]
    there = [rule for rule in rules if rule["FromPort"] <= port <= rule["ToPort"]]
    assert [rule["SourceSecurityGroupId"] for rule in there] == [{"Ref": "LoadBalancerGroup"}]
    assert not [rule for rule in there if "CidrIp" in rule]


def test_a_starting_replica_has_longer_than_its_container_check_allows(agent: Object) -> None:
    (service,) = resources("AWS::ECS::Service")
    assert service["HealthCheckGracePeriodSeconds"] > agent["healthCheck"]["startPeriod"]
    assert service["DeploymentConfiguration"]["MinimumHealthyPercent"] == 100


def test_every_timing_has_its_reason_beside_it() -> None:
    lines = (ECS / "service.yaml").read_text().splitlines()
    timings = ("Interval", "Timeout", "Retries", "StartPeriod", "GracePeriod", "delay", "draining_interval")
    for index, line in enumerate(lines):
        if any(word in line for word in timings) and "#" not in line:
            near = [one.strip().startswith("#") for one in lines[max(index - 7, 0) : index]]
            assert any(near), f"{Path('service.yaml')}:{index + 1}: {line.strip()}"
