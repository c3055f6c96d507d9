"""What compose.yaml promises: it is what Compose reads, its times fit one another, and it holds no secret."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

from pomhealth.client.usage import parse
from pomhealth.generate.values import DEFAULTS
from pomhealth.settings import Settings
from tests.docker.files import ROOT, compose, last_stage, seconds

REPLICA, AGENT = "pomerium", "pomhealth"
SPARE = 5.0  # seconds between one's own limit and the one that kills


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = compose()["services"]
    return found


def test_it_is_valid_by_the_compose_specification() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            "vendor.compose-spec",
            ROOT / "compose.yaml",
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_the_agent_shares_the_replicas_network_and_processes_and_its_user(services: dict[str, Any]) -> None:
    agent = services[AGENT]

    assert (agent["network_mode"], agent["pid"]) == (f"service:{REPLICA}", f"service:{REPLICA}")
    assert agent["user"] == services[REPLICA]["user"]
    assert agent["user"] == next(one.rest for one in last_stage("Dockerfile") if one.name == "USER")


def test_the_agent_can_do_nothing_that_it_need_not(services: dict[str, Any]) -> None:
    agent = services[AGENT]

    assert (agent["cap_drop"], agent["read_only"]) == (["ALL"], True)
    assert agent["security_opt"] == ["no-new-privileges:true"]
    assert not agent.keys() & {"cap_add", "privileged", "volumes", "tmpfs", "devices"}


def test_the_load_balancer_reaches_the_agent_where_the_replica_has_its_ports(
    services: dict[str, Any],
) -> None:
    """Compose refuses ports of a service that has no network of its own."""
    listen = services[AGENT]["environment"]["POMHEALTH_LISTEN"]

    assert listen == f"0.0.0.0:{DEFAULTS.agent_port}"
    assert f"{DEFAULTS.agent_port}:{DEFAULTS.agent_port}" in services[REPLICA]["ports"]
    assert "ports" not in services[AGENT]


def test_the_agent_is_stopped_before_the_replica_and_made_anew_with_it(services: dict[str, Any]) -> None:
    assert services[AGENT]["depends_on"] == {REPLICA: {"condition": "service_started", "restart": True}}


def test_the_replica_starts_when_its_storage_answers(services: dict[str, Any]) -> None:
    assert services[REPLICA]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert "--host=127.0.0.1" in services["postgres"]["healthcheck"]["test"]


def test_a_drain_has_the_time_that_it_may_take(services: dict[str, Any]) -> None:
    agent = services[AGENT]
    limit = float(agent["environment"]["POMHEALTH_DRAIN_LIMIT"])

    assert agent["environment"]["POMHEALTH_DRAIN_ON_STOP"] == "true"
    assert (limit, float(agent["environment"]["POMHEALTH_DRAIN_NOTICE"])) == (
        Settings().drain_limit,
        Settings().drain_notice,
    )
    assert seconds(agent["stop_grace_period"]) >= limit + SPARE


def test_the_health_check_is_the_images_and_gives_a_start_its_time(services: dict[str, Any]) -> None:
    check = services[AGENT]["healthcheck"]
    images = next(one.rest for one in last_stage("Dockerfile") if one.name == "HEALTHCHECK")

    assert check["test"][0] == "CMD"
    assert all(f'"{word}"' in images for word in check["test"][1:])
    assert parse(check["test"][3:], {}).timeout < seconds(check["timeout"])
    assert seconds(check["start_period"]) == DEFAULTS.start_wait


def test_no_secret_stands_in_it(services: dict[str, Any]) -> None:
    """A setting that holds one names a file instead."""
    names = [name for one in services.values() for name in one.get("environment", ())]

    assert not [name for name in names if re.search("PASSWORD$|SECRET$|TOKEN$|KEY$|CONNECTION_STRING$", name)]
    assert services[REPLICA]["env_file"] == "pomerium.env"
    assert compose()["secrets"] == {"postgres_password": {"file": "postgres_password"}}


def test_a_configuration_that_is_not_there_is_an_error_and_no_empty_directory(
    services: dict[str, Any],
) -> None:
    (mount,) = services[REPLICA]["volumes"]

    assert (mount["read_only"], mount["bind"]) == (True, {"create_host_path": False})


def test_every_image_has_a_version(services: dict[str, Any]) -> None:
    assert all(re.search(r":(?!latest$)[\w.-]+$", one["image"]) for one in services.values())


def test_what_ends_by_itself_is_started_again(services: dict[str, Any]) -> None:
    assert {one["restart"] for one in services.values()} == {"unless-stopped"}
