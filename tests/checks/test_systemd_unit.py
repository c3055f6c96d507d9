"""`systemd.unit` as a user runs it, under a real systemd: what its units lack is told, and the drop-in told cures it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from pomhealth.catalogue import catalogue
from pomhealth.checks.systemd_unit import ID, look
from pomhealth.demo.running import RunningReplica
from pomhealth.status import Outcome
from tests.contexts import context_of
from tests.standin import StandIn
from tests.systemd.box import Box, booted, needs_systemd

UNIT = "/etc/systemd/system/pomerium.service"
DROP_IN = f"{UNIT}.d/override.conf"
POMERIUM = "#!/bin/sh\nsystemd-notify --ready\nwhile :; do sleep 60; done\n"
AS_PACKAGED = """\
[Unit]
Description=Pomerium

[Service]
Type=notify
NotifyAccess=all
WatchdogSec=30s
ExecStart=/usr/sbin/pomerium -config /etc/pomerium/config.yaml
User=nobody
"""
RIGHT = "[Service]\nRestart=on-failure\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"


@pytest.fixture(scope="module")
def machine() -> Iterator[Box]:
    """A machine with something called pomerium, and nothing of it installed as a unit yet."""
    with booted() as box:
        box.write("/usr/sbin/pomerium", POMERIUM, "755")
        box.write("/usr/bin/pomhealth", "#!/bin/sh\nexit 0\n", "755")
        box.write("/etc/pomerium/config.yaml", "address: :443\nroutes: []\n")
        yield box


@pytest.fixture
def box(machine: Box) -> Iterator[Box]:
    yield machine
    machine.run("systemctl", "stop", "pomerium", "pomhealth", check=False)
    machine.run("rm", "-rf", UNIT, f"{UNIT}.d", "/etc/systemd/system/pomhealth.service")
    machine.run("systemctl", "daemon-reload")


def install(box: Box, drop_in: str = "", unit: str = AS_PACKAGED) -> None:
    """The unit with this drop-in, its replica started anew."""
    box.write(UNIT, unit)
    box.write(DROP_IN, drop_in)
    box.run("systemctl", "daemon-reload")
    box.run("systemctl", "restart", "pomerium")


def check(box: Box, environment: str = "LC_ALL=C") -> dict[str, Any]:
    """The check's part of the report."""
    command = [sys.executable, "-m", "pomhealth", "check", ID, "-o", "json"]
    done = box.run("env", environment, *command, check=False)
    report = json.loads(done.stdout)
    return next((one for one in report["checks"] if one["id"] == ID), {"outcome": "", "cause": ""})


def told(found: dict[str, Any]) -> str:
    """The drop-in that the first step says to add, and its unit."""
    step = next(step for step in found["fix"] if "systemctl edit pomerium.service" in step)
    words = re.findall("`([^`]*)`", step)
    return (
        "\n".join(word for word in words if word.startswith("[") or re.match("[A-Z][A-Za-z]+=", word)) + "\n"
    )


@needs_systemd
def test_a_unit_that_keeps_its_promises_passes(box: Box) -> None:
    install(box, RIGHT)

    found = check(box)

    assert (found["outcome"], UNIT in found["evidence"][0]["source"]) == ("pass", True), found


@needs_systemd
@pytest.mark.proves("systemd.unit/watchdog-without-restart")
@pytest.mark.parametrize("restart", ["no", "on-success", "on-abort"])
def test_a_watchdog_that_nothing_follows_is_told_until_its_drop_in_is_there(box: Box, restart: str) -> None:
    install(box, RIGHT.replace("on-failure", restart))

    found = check(box)
    install(box, RIGHT.replace("on-failure", restart) + told(found))
    after = check(box)

    assert (found["outcome"], found["cause"]) == ("warn", "watchdog-without-restart")
    assert found["evidence"][0]["source"] == f"{UNIT}:7"
    assert f"Restart={restart}" in found["evidence"][0]["observed"]
    assert after["outcome"] == "pass", after


@needs_systemd
@pytest.mark.proves("systemd.unit/watchdog-without-restart")
def test_a_replica_that_the_watchdog_ended_is_told_of_with_the_reason(box: Box) -> None:
    box.write(UNIT, AS_PACKAGED.replace("30s", "100ms"))
    box.run("systemctl", "daemon-reload")
    box.run("systemctl", "start", "pomerium")
    over = box.run(
        "timeout", "30", "sh", "-c", "until systemctl is-failed -q pomerium; do sleep 0.05; done", check=False
    )
    assert over.returncode == 0
    found = box.run(
        sys.executable,
        "-c",
        "import asyncio, json\n"
        "from pomhealth.blocking import Workers\n"
        "from pomhealth.checks import Context, systemd_unit\n"
        "from pomhealth.replica.model import Replica\n"
        "from pomhealth.replica.sockets import SocketTable\n"
        "from pomhealth.settings import Settings\n"
        "context = Context(Replica(awaited=True), Settings(), Workers(), SocketTable())\n"
        "print(asyncio.run(systemd_unit.look(context)).cause)",
    )
    assert found.stdout.strip() == "watchdog-without-restart"


@needs_systemd
@pytest.mark.proves("systemd.unit/wait-too-long")
@pytest.mark.parametrize(
    ("lines", "setting"),
    [
        (
            "TimeoutStartSec=30\nExecStartPost=/usr/bin/pomhealth health --wait 120 -e zero.connect\n",
            "TimeoutStartSec",
        ),
        (
            "TimeoutStartSec=90\nExecStartPost=-/bin/sh -c 'pomhealth health --wait=90s || true'\n",
            "TimeoutStartSec",
        ),
        ("TimeoutStopSec=30\nExecStop=/usr/bin/pomhealth drain --timeout 60\n", "TimeoutStopSec"),
    ],
)
def test_a_wait_that_systemd_cuts_short_is_told_until_its_limit_is_raised(
    box: Box, lines: str, setting: str
) -> None:
    install(box, RIGHT + lines)

    found = check(box)
    install(box, RIGHT + lines + next(line for line in told_lines(found) if line.startswith(setting)) + "\n")
    after = check(box)

    assert (found["outcome"], found["cause"]) == ("warn", "wait-too-long")
    assert found["evidence"][0]["source"] == f"{DROP_IN}:5"
    assert after["outcome"] == "pass", after


def told_lines(found: dict[str, Any]) -> list[str]:
    return [line for step in found["fix"] for line in re.findall("`([^`]*)`", step)]


@needs_systemd
@pytest.mark.proves("systemd.unit/missing-capability")
@pytest.mark.parametrize(
    "lines",
    [
        "",
        "AmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_KILL\n",
        "CapabilityBoundingSet=~CAP_NET_BIND_SERVICE\n",
        "User=root\nCapabilityBoundingSet=~CAP_NET_BIND_SERVICE\n",
        "AmbientCapabilities=CAP_NET_BIND_SERVICE\nPrivateUsers=yes\n",
        "User=\nDynamicUser=yes\n",
    ],
)
def test_a_low_port_without_the_right_to_it_is_told_until_its_drop_in_is_there(box: Box, lines: str) -> None:
    before = f"[Service]\nRestart=always\n{lines}"
    install(box, before)

    found = check(box)
    install(box, before + told(found))
    after = check(box)

    assert (found["outcome"], found["cause"]) == ("warn", "missing-capability")
    assert "*:443" in found["summary"]
    assert "config.yaml:1" in found["summary"]
    assert after["outcome"] == "pass", after


@needs_systemd
def test_the_right_that_a_unit_gives_in_another_way_counts(box: Box) -> None:
    """A command with + runs with every right, whatever User= says."""
    install(
        box,
        "[Service]\nRestart=always\nExecStart=\nExecStart=+/usr/sbin/pomerium -config /etc/pomerium/config.yaml\n",
    )

    assert check(box)["outcome"] == "pass"


@needs_systemd
def test_several_mistakes_are_one_finding_with_the_worst_first_and_one_drop_in_for_all(box: Box) -> None:
    mistake = "[Service]\nExecStartPost=/usr/bin/pomhealth health --wait 300\n"
    install(box, mistake)

    found = check(box)
    install(box, mistake + told(found))
    after = check(box)

    assert found["cause"] == "missing-capability"
    assert "(and 2 more)" in found["summary"]
    assert [one["source"] for one in found["evidence"]] == [f"{UNIT}:9", f"{DROP_IN}:2", f"{UNIT}:7"]
    assert "TimeoutStartSec=310" in found["fix"][0]
    assert after["outcome"] == "pass", after


@needs_systemd
def test_the_agents_own_unit_is_looked_at_too(box: Box) -> None:
    install(box, RIGHT)
    box.write(
        "/etc/systemd/system/pomhealth.service", "[Service]\nExecStart=/bin/sleep 100\nWatchdogSec=10\n"
    )
    box.run("systemctl", "daemon-reload")

    found = check(box)

    assert (found["cause"], "pomhealth.service" in found["summary"]) == ("watchdog-without-restart", True)


@needs_systemd
@pytest.mark.parametrize("lack", ["bus", "systemctl"])
def test_where_systemd_cannot_be_asked_nothing_is_claimed(box: Box, lack: str) -> None:
    install(box, "")
    sockets = "/run/dbus/system_bus_socket /run/systemd/private"
    if lack == "bus":
        box.run("sh", "-c", f"for one in {sockets}; do mv $one $one.away; done")
    try:
        found = check(box, f"PATH={'/usr/sbin:/usr/bin:/sbin:/bin' if lack == 'bus' else '/nowhere'}")
    finally:
        box.run("sh", "-c", f"for one in {sockets}; do [ ! -e $one.away ] || mv $one.away $one; done")

    assert found["outcome"] == "unknown", found
    assert "systemd cannot be asked about pomerium.service" in found["summary"]


@needs_systemd
def test_a_replica_that_no_unit_runs_has_none_to_look_at(box: Box) -> None:
    started = box.run(
        "sh", "-c", "/usr/sbin/pomerium -config /etc/pomerium/config.yaml >/dev/null 2>&1 & echo $!"
    )
    try:
        assert check(box)["outcome"] == ""
    finally:
        box.run("kill", started.stdout.strip())


@pytest.fixture(scope="module")
def replica(module_standin: StandIn) -> RunningReplica:
    return module_standin()


async def test_where_systemd_does_not_run_there_is_nothing_to_look_at(
    replica: RunningReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pomhealth.systemd.ask.booted", lambda: False)
    async with context_of(replica) as context:
        found = await look(context)
    assert (found.outcome, found.applies) == (Outcome.SKIPPED, False)


def test_it_is_looked_at_seldom() -> None:
    asked = catalogue().checks[ID]
    assert (asked.interval, asked.retry) == (3600.0, 60.0)
