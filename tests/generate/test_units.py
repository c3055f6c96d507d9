"""What `pomhealth generate systemd` makes, put to use as it says, on a real systemd beside a replica unlike the usual one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.systemd.box import Box, booted, needs_systemd
from tests.systemd.machine import CONFIG, POMHEALTH, PYTHON, UNITS, Machine

pytestmark = needs_systemd

CONFIGURED = "/etc/pom erium/it's.yaml"
LISTEN = "[::1]:38081"
ENVIRONMENT = ("env", f"POMHEALTH_LISTEN={LISTEN}", "POMHEALTH_DRAIN_NOTICE=1", "POMHEALTH_DRAIN_LIMIT=5")
UNIT = f"""\
[Service]
Type=notify
WatchdogSec=30s
ExecStart={PYTHON} -m pomhealth.demo.standin --config "{CONFIGURED}"
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """With PostgreSQL, and nothing of pomhealth's or Pomerium's as a unit."""
    with booted() as box:
        machine = Machine(box)
        machine.install()
        machine.reset()
        box.run("rm", "-rf", f"{UNITS}/pomerium.service", f"{UNITS}/pomerium.service.d")
        box.run("useradd", "--system", "--user-group", "_svc-pom")
        yield machine


@pytest.fixture(scope="module", params=[("_svc-pom", ":8443"), ("root", ":443")], ids=" ".join)
def box(request: pytest.FixtureRequest, machine: Machine) -> Iterator[Box]:
    """With a replica in other.service, which runs as this user at this address, and all done that was said to be next."""
    user, address = request.param
    box = machine.box
    box.run("sh", "-c", f"rm -rf {UNITS}/pomhealth.* {UNITS}/other.service* /tmp/pomerium*")
    machine.configure(address=address)
    script = 'mkdir -p "${2%/*}" && cp "$1" "$2" && chown -R "$3" /etc/pom*'
    box.run("sh", "-c", script, "sh", CONFIG, CONFIGURED, user)
    box.write(f"{UNITS}/other.service", f"{UNIT}User={user}\n")
    box.run("systemctl", "daemon-reload")
    box.run("systemctl", "start", "other")
    for command in generate(box, "--write", UNITS)["next"]:
        box.run("sh", "-c", command)
    yield box
    box.run("systemctl", "stop", "pomhealth.socket", "pomhealth", "other")


def generate(box: Box, *words: str) -> dict[str, Any]:
    command = (*ENVIRONMENT, POMHEALTH, "generate", "systemd", "-o", "json", *words)
    told: dict[str, Any] = json.loads(box.run(*command).stdout)
    return told


def test_the_replica_is_ready_and_the_agent_sees_all_of_it(box: Box) -> None:
    status = json.loads(box.run("curl", "-sSg", f"http://{LISTEN}/status").stdout)
    assert (status["ready"], status["replica"]["config"]) == (True, CONFIGURED)
    assert status["replica"]["not_seen"].keys() <= {
        "version"
    }  # the stand-in's program is Python, which tells none


def test_systemd_and_pomhealth_have_nothing_to_say_of_the_units(box: Box) -> None:
    verified = box.run("systemd-analyze", "verify", "other.service", "pomhealth.service", "pomhealth.socket")
    checked = json.loads(box.run(POMHEALTH, "check", "systemd.unit", "-o", "json").stdout)
    assert verified.stdout + verified.stderr == ""
    assert [one["outcome"] for one in checked["checks"]] == ["pass"]


def test_once_installed_the_same_is_made_again(box: Box) -> None:
    assert set(generate(box, "--write", UNITS)["written"].values()) == {"unchanged"}
