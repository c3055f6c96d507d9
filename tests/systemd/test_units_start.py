"""Our units in a real systemd: what a start waits for, what keeps it from succeeding, and in which order things go."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

import pytest

from tests.systemd.box import ROOT, needs_systemd
from tests.systemd.machine import POMHEALTH, PYTHON, SHORT, UNITS, Machine

SHIPPED = ("pomhealth.service", "pomhealth.socket", "pomerium.service.d/pomhealth.conf")
# As an operator may shut Pomerium itself in; what systemd runs at its start and stop is shut in with it.
SANDBOX = """\
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
"""
MOST = 15  # tenths: `systemd-analyze security` counts 1.5 as that

pytestmark = needs_systemd


@pytest.fixture
def shipped(machine: Machine) -> Machine:
    """The files as they are shipped, waits and all, with nothing besides."""
    for name in SHIPPED:
        machine.box.write(f"{UNITS}/{name}", (ROOT / "systemd" / name).read_text())
    machine.run("sh", "-c", f"rm {UNITS}/*.service.d/test.conf && systemctl daemon-reload")
    return machine


def test_systemd_has_nothing_to_say_of_the_shipped_files(shipped: Machine) -> None:
    units = ("pomhealth.service", "pomhealth.socket", "pomerium.service")

    done = shipped.run("systemd-analyze", "verify", *units, check=False)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("how", [("--offline=yes", f"{UNITS}/pomhealth.service"), ("pomhealth.service",)])
def test_the_agent_is_shut_in_as_far_as_its_looks_allow(shipped: Machine, how: tuple[str, ...]) -> None:
    done = shipped.run("systemd-analyze", "security", "--no-pager", f"--threshold={MOST}", *how, check=False)

    assert done.returncode == 0, done.stdout[-200:]


def test_what_an_operators_drop_in_takes_back_is_still_found(machine: Machine) -> None:
    mistakes = "Restart=no\nTimeoutStartSec=5\nTimeoutStopSec=20\nAmbientCapabilities=\n"
    machine.configure(address=":8443")
    machine.add("pomerium", mistakes)
    machine.run("systemctl", "start", "pomerium")
    machine.configure(address=":443")

    found = unit_check(machine)

    assert found["cause"] == "missing-capability"
    told = "\n".join(one["observed"] for one in found["evidence"])
    assert "without AmbientCapabilities" in told
    assert "TimeoutStartSec is 5 s" in told
    assert "TimeoutStopSec is 20 s" in told
    assert "Restart=no" in told


def unit_check(machine: Machine) -> dict[str, Any]:
    done = machine.run(POMHEALTH, "check", "systemd.unit", "-o", "json", check=False)
    (found,) = json.loads(done.stdout)["checks"]
    assert isinstance(found, dict)
    return found


def test_a_start_is_over_when_the_replica_serves_and_not_before(machine: Machine) -> None:
    machine.add("pomerium", "Environment=POMHEALTH_STANDIN_STARTS_AFTER=/run/go\n")
    machine.run("rm", "-f", "/run/go")
    starting = machine.box.start("systemctl", "start", "pomerium")
    machine.until(lambda: machine.shown("pomerium", "SubState") == "start-post", "it waits")

    before = (machine.ready(), starting.poll())
    machine.run("touch", "/run/go")
    said, _ = starting.communicate(timeout=30)

    assert before == (503, None)
    assert (starting.returncode, machine.ready()) == (0, 200), said
    assert "healthy: " in machine.journal("pomerium")


def test_a_start_that_cannot_succeed_fails_with_every_cause_and_is_tried_again(machine: Machine) -> None:
    squat = "import signal, socket; s = socket.create_server(('0.0.0.0', 443)); signal.pause()"
    machine.run("systemd-run", "--unit=squatter", PYTHON, "-c", squat)
    machine.run("systemctl", "stop", "database")
    machine.place(replace(SHORT, start_wait=4))
    machine.run("systemctl", "daemon-reload")

    done = machine.run("systemctl", "start", "pomerium", check=False)
    told = machine.journal("pomerium")
    machine.run("systemctl", "stop", "squatter")
    machine.run("systemctl", "start", "database")

    assert done.returncode == 1
    assert "xds.listener: port-taken: " in told
    assert "storage.backend: refused: " in told
    machine.until(lambda: machine.shown("pomerium", "ActiveState") == "active", "it is started again")
    assert machine.ready() == 200


def test_a_start_that_ends_at_once_is_not_waited_for(shipped: Machine) -> None:
    """The files as shipped would wait for 60 s."""
    shipped.configure(databroker_storage_type="redis")
    done = shipped.run("systemctl", "start", "pomerium", check=False, timeout=30)

    assert done.returncode == 1
    assert "pomerium.process: not-running: process " in shipped.journal("pomerium")
    assert "unknown databroker storage backend type: redis" in shipped.journal("pomerium")


def test_an_agent_that_is_broken_does_not_keep_the_replica_from_starting(machine: Machine) -> None:
    machine.place(replace(SHORT, start_wait=5))
    machine.add("pomhealth", "ExecStart=\nExecStart=/bin/false\n")

    machine.run("systemctl", "start", "pomerium")

    assert "127.0.0.1:28080 is asked instead" in machine.journal("pomerium")


@pytest.mark.parametrize(
    "together",
    [("pomhealth", "pomerium"), ("pomerium", "pomhealth"), ("both.target",)],
    ids=["agent first", "replica first", "boot"],
)
def test_agent_and_replica_start_together_in_any_order(machine: Machine, together: tuple[str, ...]) -> None:
    machine.box.write(
        f"{UNITS}/both.target", "[Unit]\nWants=pomerium.service pomhealth.socket pomhealth.service\n"
    )
    machine.run("systemctl", "daemon-reload")

    machine.run("systemctl", "start", *together)

    machine.until(lambda: machine.shown("pomerium", "ActiveState") == "active", "the replica runs")
    assert machine.ready() == 200
    assert "cycle" not in machine.run("journalctl", "--no-pager", "_PID=1").stdout


def test_the_wait_and_the_drain_work_inside_a_sandbox_of_pomeriums_own(machine: Machine) -> None:
    machine.add("pomerium", SANDBOX)

    machine.run("systemctl", "start", "pomerium")
    ready = machine.ready()
    machine.run("systemctl", "stop", "pomerium")

    assert ready == 200
    assert "healthy: " in machine.journal("pomerium")
    assert "drained after" in machine.journal("pomerium")


def test_the_agent_sees_all_that_root_sees(shipped: Machine) -> None:
    shipped.add("pomhealth", "")  # no feed
    sees_all(shipped)


def test_the_agent_sees_all_of_an_older_release(machine: Machine) -> None:
    """Whose Envoy has its admin interface on a socket file that only its own user may use."""
    machine.add("pomerium", "Environment=POMHEALTH_STANDIN_RELEASE=v0.32.9\n")
    sees_all(machine, but={"envoy.extensions"})  # which 0.32 does not report


def test_the_agent_sees_all_of_a_replica_that_runs_as_root(machine: Machine) -> None:
    machine.place(replace(SHORT, user="root", group="root", as_root=True))
    machine.add("pomerium", "User=root\nGroup=root\n")
    sees_all(machine)


def sees_all(machine: Machine, but: AbstractSet[str] = frozenset()) -> None:
    """The agent, shut in as it is, and `pomhealth check`, run by root, say the same; neither lacks anything else."""
    machine.run("systemctl", "start", "pomerium")
    done = machine.run("env", "POMHEALTH_RELEASE_FEED=off", POMHEALTH, "check", "-o", "json")
    by_root = {one["id"]: one for one in json.loads(done.stdout)["checks"]}

    assert len(by_root) > 20
    assert by_root["systemd.unit"]["outcome"] == "pass", by_root["systemd.unit"]
    assert "pomhealth.service" in by_root["systemd.unit"]["summary"]
    assert {id_ for id_, one in by_root.items() if one["outcome"] == "unknown"} == but
    machine.until(lambda: machine.status()["unobserved"].keys() == but, "all is seen")
    assert outcomes(machine.status()["statuses"]) == {
        id_: one for id_, one in outcomes(by_root).items() if id_ not in but
    }


def test_a_replica_with_more_rights_than_the_agent_is_not_taken_for_gone(machine: Machine) -> None:
    machine.add("pomerium", "AmbientCapabilities=CAP_NET_BIND_SERVICE CAP_NET_RAW\n")

    machine.run("systemctl", "start", "pomerium")

    said = machine.status()
    assert (said["ready"], said["statuses"]["pomerium.process"]["outcome"]) == (True, "pass")

    def unseen() -> bool:
        """For want of those rights; before the start it was for want of a process."""
        return "AmbientCapabilities=" in machine.status()["unobserved"]["zero.bootstrap-config.save"]

    machine.until(unseen, "the check names the rights that the agent lacks")


def outcomes(entries: dict[str, dict[str, Any]]) -> dict[str, tuple[str, str]]:
    return {id_: (one["outcome"], one.get("cause") or "") for id_, one in entries.items()}
