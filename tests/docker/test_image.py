"""The project's images, built from its Dockerfiles and run beside a stand-in replica in a container, by a real engine.

It takes a Debian, which takes a minute to fetch: `make image` does so, in the directory that POMHEALTH_DEBIAN names.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.docker import images
from tests.docker.files import ROOT
from tests.docker.podman import Podman
from tests.docker.site import AGENT, agent, holding, replica

LARGEST = 60_000_000  # bytes, beside Python and the C library


def test_it_is_small(podman: Podman) -> None:
    sizes = [
        int(podman.run("image", "inspect", "--format={{.Size}}", name).stdout)
        for name in (images.POMHEALTH, images.BASE)
    ]

    assert sizes[0] - sizes[1] < LARGEST


def test_there_is_no_shell_and_nothing_to_install_with(podman: Podman) -> None:
    listing = "import os; print(*(n for d in os.environ['PATH'].split(':') if os.path.isdir(d) for n in os.listdir(d)))"
    found = podman.run(
        "run",
        "--rm",
        "--network=none",
        "--entrypoint=/opt/pomhealth/bin/python3",
        images.POMHEALTH,
        "-c",
        listing,
    )

    assert "pomhealth" in found.stdout.split()
    assert not {"sh", "bash", "dash", "busybox", "apt", "dpkg", "pip", "pip3"} & set(found.stdout.split())


def test_without_any_right_the_replicas_user_sees_all_of_it(podman: Podman) -> None:
    with replica(podman), agent(podman):
        report = json.loads(podman.run("exec", AGENT, "pomhealth", "check", "-o", "json").stdout)

    outcomes = {one["id"]: one["outcome"] for one in report["checks"]}
    assert {name for name, outcome in outcomes.items() if outcome not in ("pass", "warn")} <= {
        "cluster_version_current"
    }
    assert outcomes["zero.bootstrap-config.save"] == "pass", "the replica's own files are seen"


def test_with_the_network_alone_what_cannot_be_seen_stops_nothing(podman: Podman) -> None:
    with replica(podman), agent(podman, processes=False):
        done = podman.run("exec", AGENT, "pomhealth", "check")

    assert "share the replica's PID namespace" in " ".join(done.stdout.split())


def test_of_files_that_only_the_replica_sees_nothing_is_claimed_to_another_user(podman: Podman) -> None:
    """Its configuration is not where the agent's own container would have it."""
    with replica(podman), agent(podman, "--user=1000:1000"):
        report = json.loads(podman.run("exec", AGENT, "pomhealth", "check", "-o", "json").stdout)

    outcomes = {one["id"]: one["outcome"] for one in report["checks"]}
    assert not {"fail", "warn"} & set(outcomes.values())
    assert outcomes["cluster_config_current"] == "unknown"


def test_the_health_check_tells_the_truth_within_two_of_its_turns(podman: Podman) -> None:
    with replica(podman) as name, agent(podman):
        main = podman.run("inspect", "--format={{.State.Pid}}", name).stdout.strip()
        envoy = int(Path(f"/proc/{main}/task/{main}/children").read_text().split()[0])
        os.kill(envoy, signal.SIGSTOP)
        podman.until(lambda: podman.health(AGENT).returncode == 1, "the health check fails")
        logged = json.loads(podman.run("inspect", "--format={{json .State.Health}}", AGENT).stdout)["Log"][-1]
        os.kill(envoy, signal.SIGCONT)
        podman.until(lambda: podman.health(AGENT).returncode == 0, "the health check passes again")

    assert logged["ExitCode"] == 1
    assert logged["Output"].startswith("envoy.server: stopped: ")


@pytest.mark.parametrize("processes", [True, False], ids=["processes shared", "network alone: process 1"])
def test_a_container_that_is_stopped_waits_for_the_replicas_connections(
    podman: Podman, *, processes: bool
) -> None:
    with replica(podman) as name, agent(podman, processes=processes):
        with podman.started(*holding(name)) as client:
            assert client.stdout is not None
            assert client.stdout.readline() == "open\n"
            with podman.started("stop", AGENT) as stop:
                podman.until(
                    lambda: "draining" in podman.run("exec", name, "pomhealth", "health", check=False).stdout,
                    "the agent says that it drains",
                )
                waited = stop.poll() is None
                client.communicate("")
                stop.communicate()
        ended = podman.run("inspect", "--format={{.State.ExitCode}}", AGENT).stdout.strip()
        log = podman.logs(AGENT)

    assert waited
    assert ended == "0"
    assert "drained: every connection has ended" in log


def test_one_container_with_both_drains_before_it_stops_the_replica(podman: Podman) -> None:
    both = "localhost/both:1"
    podman.build(
        ROOT / "Dockerfile.replica", both, ROOT, POMERIUM=images.POMERIUM, POMHEALTH=images.WITH_ENVOY
    )

    with replica(podman, "both", both, "--stop-timeout=130", "--env=POMHEALTH_DRAIN_NOTICE=0"):
        podman.until(lambda: podman.health("both").returncode == 0, "the health check passes")
        podman.run("stop", "both")
        ended = podman.run("inspect", "--format={{.State.ExitCode}}", "both").stdout.strip()
        log = podman.logs("both")

    assert ended == "0"
    assert "drained: every connection has ended" in log
