"""On what a replica runs: told by its environment, its control group, the files of a container."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pomhealth.replica import processes
from pomhealth.replica.discover import discover
from pomhealth.replica.model import Platform
from pomhealth.replica.platform import beside, decide, platform_of
from pomhealth.settings import Settings
from tests.standin import StandIn

NO_MARKS: tuple[str, ...] = ()
OWN_NAMESPACE = "0::/\n"


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
        ({"ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/x"}, "ecs"),
        ({"AWS_EXECUTION_ENV": "AWS_ECS_FARGATE"}, "ecs"),
        ({"AWS_EXECUTION_ENV": "CloudShell"}, "linux"),
        ({"KUBERNETES_SERVICE_HOST": ""}, "linux"),
    ],
)
def test_the_environment_tells(environment: dict[str, str], kind: str) -> None:
    assert decide(environment, OWN_NAMESPACE, NO_MARKS).kind == kind


@pytest.mark.parametrize(
    ("cgroup", "kind"),
    [
        ("0::/kubepods.slice/kubepods-burstable.slice/cri-containerd-1f.scope\n", "kubernetes"),
        ("4:memory:/kubepods/besteffort/pod1/2\n0::/\n", "kubernetes"),
        ("0::/ecstasks.slice/ecstasks-1.slice\n", "ecs"),
        ("1:name=systemd:/ecs/cluster/task/container\n", "ecs"),
        ("0::/system.slice/docker-4f1c.scope\n", "docker"),
        ("9:pids:/docker/4f1c\n", "docker"),
        ("0::/machine.slice/libpod-4f1c.scope/container\n", "docker"),
        ("0::/system.slice/pomerium.service\n", "linux"),
    ],
)
def test_the_control_group_tells_even_where_no_file_may_be_looked_at(cgroup: str, kind: str) -> None:
    found = decide({}, cgroup, None)
    assert found.kind == kind
    assert found.origin.startswith("control group /")


def test_the_files_of_a_container_tell() -> None:
    assert decide({}, OWN_NAMESPACE, ("/.dockerenv",)) == Platform("docker", "/.dockerenv")
    assert decide({}, "", ("/run/.containerenv",)).kind == "docker"
    assert decide({}, "0::/system.slice/runner.service\n", ("/.dockerenv",)).kind == "docker"


def test_where_nothing_may_be_looked_at_nothing_is_guessed() -> None:
    assert decide({}, OWN_NAMESPACE, None) == Platform()
    assert decide({}, "", None) == Platform()


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("pomerium-6d4cf56db6-x7zk2", (("POD", "pomerium-6d4cf56db6-x7zk2"),)),
        ("ip-10-0-1-23.ec2.internal", ()),
        ("kind-control-plane", ()),
        ("", ()),
    ],
)
def test_a_pod_is_named_by_its_hostname_but_not_by_that_of_its_node(
    host: str, names: tuple[tuple[str, str], ...]
) -> None:
    """In the node's own network HOSTNAME is the node's."""
    assert decide({"KUBERNETES_SERVICE_HOST": "h", "HOSTNAME": host}, "", None).names == names


def test_a_container_is_named_by_its_id() -> None:
    named = {"HOSTNAME": "4f1c0a2b3d4e"}
    assert decide(named, OWN_NAMESPACE, ("/.dockerenv",)).names == (("NAME", "4f1c0a2b3d4e"),)
    assert decide({"HOSTNAME": "web1"}, OWN_NAMESPACE, ("/.dockerenv",)).names == ()
    assert decide(named, "0::/system.slice/pomerium.service\n", NO_MARKS).names == ()


def test_a_sidecar_is_where_its_replica_is() -> None:
    found = beside({"KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    assert found == Platform("kubernetes", "pomhealth's own environment KUBERNETES_SERVICE_HOST")
    assert beside({"HOSTNAME": "4f1c0a2b3d4e"}) == Platform()


def test_discovery_tells_what_a_replica_runs_on(standin: StandIn) -> None:
    replica = standin(env={"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "pomerium-6d4cf56db6-x7zk2"})
    found = discover(Settings(pid=replica.pid)).platform
    assert (found.kind, found.origin) == ("kubernetes", "environment KUBERNETES_SERVICE_HOST")
    assert found.names == (("POD", "pomerium-6d4cf56db6-x7zk2"),)


def test_the_files_of_a_container_are_looked_for_in_its_own_mount_namespace(tmp_path: Path) -> None:
    """Seen from outside, the replica's files are below another root."""
    main = processes.process(os.getpid())
    assert main is not None
    bare = platform_of(main, {}, str(tmp_path), {})
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".containerenv").touch()
    assert platform_of(main, {}, str(tmp_path), {}).kind not in ("linux", "")
    assert "/.dockerenv" not in bare.origin
