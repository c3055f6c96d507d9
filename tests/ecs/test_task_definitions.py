"""The task definitions: what the API takes, who may do what, and times that fit one another."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pomhealth.generate.render import files
from pomhealth.generate.values import DEFAULTS, Values
from pomhealth.settings import split_address
from tests.ecs.definitions import (
    AGENT,
    PROGRAM,
    REPLICA,
    SIDECARS,
    TASKS,
    Object,
    container,
    in_pascal_case,
    linted,
    task,
    variables,
    with_agent,
)
from tests.ecs.rules import mistakes

_SECRET = re.compile(r"arn:aws:secretsmanager:REGION:111122223333:secret:pomerium/[a-z-]+")


def test_there_is_one_for_each_way_of_running_it() -> None:
    assert TASKS == ["task-ec2", "task-ec2-apart", "task-fargate", "task-fargate-apart", "task-one-image"]


@pytest.mark.parametrize("name", TASKS)
def test_the_api_takes_it(name: str) -> None:
    assert mistakes(task(name)) == []


@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        (("networkMode",), "awsvp", "awsvp is none of"),
        (("cpus",), "1024", "Unknown parameter"),
        (("memory",), "1500", "no 1024 CPU with 1500 MiB"),
        (("pidMode",), "host", "no process namespace of a host"),
        (("containerDefinitions", 1, "stopTimeout"), 300, "stopTimeout 300"),
        (("containerDefinitions", 1, "healthCheck", "interval"), 1, "interval 1"),
        (("containerDefinitions", 1, "healthCheck", "command"), ["CMD-SHELL", "x"], "needs a shell"),
        (("containerDefinitions", 1, "dependsOn", 0, "condition"), "HEALTHY", "no health check"),
        (("containerDefinitions", 1, "dependsOn", 0, "condition"), "COMPLETE", "is essential"),
        (
            ("containerDefinitions", 1, "linuxParameters", "capabilities"),
            {"add": ["NET_ADMIN"]},
            "SYS_PTRACE",
        ),
        (("containerDefinitions", 1, "linuxParameters", "sharedMemorySize"), 64, "sharedMemorySize"),
    ],
)
def test_what_the_api_would_refuse_is_found(where: tuple[Any, ...], value: object, says: str) -> None:
    definition: Any = task("task-fargate")
    inner = definition
    for step in where[:-1]:
        inner = inner[step]
    inner[where[-1]] = value
    assert says in "\n".join(mistakes(definition))


def test_cloudformation_takes_them_too() -> None:
    made = {
        name.title().replace("-", ""): {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": in_pascal_case(task(name)),
        }
        for name in TASKS
    }
    assert linted(json.dumps({"Resources": made})) == []


@pytest.mark.parametrize("name", TASKS)
def test_nobody_is_root_nobody_has_a_capability_and_no_secret_is_in_it(name: str) -> None:
    definition = task(name)
    for one in definition["containerDefinitions"]:
        assert one["user"] == "65532:65532"
        assert one["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
        assert all(_SECRET.fullmatch(secret["valueFrom"]) for secret in one.get("secrets", ()))
        assert not [key for key in variables(one) if "SECRET" in key or "PASSWORD" in key or "DSN" in key]
        assert one["logConfiguration"]["options"]["mode"] == "non-blocking"


@pytest.mark.parametrize("name", TASKS)
def test_the_agents_container_cannot_change_its_own_files(name: str) -> None:
    assert with_agent(task(name))["readonlyRootFilesystem"] is True


@pytest.mark.parametrize("name", SIDECARS)
def test_the_agent_is_stopped_first_and_the_replica_when_it_has_ended(name: str) -> None:
    """ECS starts what another depends on before that one, and stops it after: dependencygraph of its agent."""
    definition = task(name)
    assert container(definition, AGENT)["dependsOn"] == [{"containerName": REPLICA, "condition": "START"}]
    assert "dependsOn" not in container(definition, REPLICA)


@pytest.mark.parametrize("name", SIDECARS)
def test_the_end_of_the_agent_does_not_end_the_replica(name: str) -> None:
    definition = task(name)
    agent, replica = container(definition, AGENT), container(definition, REPLICA)
    assert (agent["essential"], replica["essential"]) == (False, True)
    assert agent["restartPolicy"] == {"enabled": True, "restartAttemptPeriod": 60}


@pytest.mark.parametrize("name", TASKS)
def test_a_deployment_waits_for_no_check_that_an_essential_container_lacks(name: str) -> None:
    """A task is healthy when each essential container has passed its check, if one of them has a check (API reference)."""
    essential = [one for one in task(name)["containerDefinitions"] if one["essential"]]
    assert len({"healthCheck" in one for one in essential}) == 1


@pytest.mark.parametrize("name", SIDECARS)
def test_where_processes_are_shared_both_have_one_user(name: str) -> None:
    """Without a capability, only who shares the user may look into a process (ptrace(2))."""
    definition = task(name)
    assert ("pidMode" in definition) == (not name.endswith("-apart"))
    assert len({one["user"] for one in definition["containerDefinitions"]}) == 1


@pytest.mark.parametrize("name", TASKS)
def test_the_replica_may_take_a_port_below_1024_as_an_ordinary_user(name: str) -> None:
    replica = container(task(name), REPLICA)
    assert replica["portMappings"][0]["containerPort"] == 443
    assert replica["systemControls"] == [{"namespace": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]
    assert variables(replica)["ADDRESS"] == ":443"


def _fits(definition: Object) -> None:
    one = with_agent(definition)
    told, check = variables(one), one["healthCheck"]
    limit, notice = float(told["POMHEALTH_DRAIN_LIMIT"]), float(told["POMHEALTH_DRAIN_NOTICE"])
    assert told["POMHEALTH_DRAIN_ON_STOP"] == "true"
    assert notice < limit
    own = 25 if one["name"] == REPLICA else 5  # seconds for the replica's own end, or the agent's
    assert one["stopTimeout"] >= limit + own
    assert float(check["command"][check["command"].index("--timeout") + 1]) < check["timeout"]
    assert check["timeout"] < check["interval"]
    assert check["startPeriod"] >= 60


@pytest.mark.parametrize("name", TASKS)
def test_the_time_to_stop_is_enough_for_a_drain(name: str) -> None:
    _fits(task(name))


@pytest.mark.parametrize(
    "values",
    [DEFAULTS, Values(limit=600), Values(limit=30, notice=2.5), Values(main_port=8443, postgres=False)],
)
def test_generated_ones_are_taken_and_fit_whatever_the_values(values: Values) -> None:
    made = {file.path: json.loads(file.text) for file in files("ecs", values) if file.path.endswith(".json")}
    assert len(made) == len(TASKS)
    for definition in made.values():
        assert mistakes(definition) == []
        _fits(definition)


@pytest.mark.parametrize("name", TASKS)
def test_the_agent_answers_the_load_balancer_where_its_port_is_mapped(name: str) -> None:
    one = with_agent(task(name))
    host, port = split_address(variables(one)["POMHEALTH_LISTEN"])
    assert host == "0.0.0.0"
    assert port in [mapping["containerPort"] for mapping in one["portMappings"]]
    assert one["healthCheck"]["command"][1:6] == [PROGRAM, "health", "--live", "-a", f"127.0.0.1:{port}"]


def test_one_image_runs_the_replica_below_the_agents_parent() -> None:
    one = container(task("task-one-image"), REPLICA)
    assert one["entryPoint"] == [PROGRAM, "run", "--"]
    assert one["command"][0] == "/bin/pomerium"
