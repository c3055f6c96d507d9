"""Which unit a process is in, from control groups as kernels and container engines write them."""

from __future__ import annotations

import pytest

from pomhealth.systemd.place import Home, home

# Recorded: version 1 beside version 2, with systemd in a control group namespace of its own.
MIXED = """\
9:name=systemd:/system.slice/pomerium.service
8:pids:/system.slice/pomerium.service
7:blkio:/
4:memory:/../../system.slice/pomerium.service
0::/system.slice/pomerium.service
"""
OURS = Home("pomerium.service")


@pytest.mark.parametrize(
    ("cgroup", "expected"),
    [
        (MIXED, OURS),
        ("0::/system.slice/pomerium.service\n", OURS),
        ("9:name=systemd:/\n1:cpu:/\n0::/system.slice/pomerium.service\n", OURS),
        ("0::/../system.slice/pomerium.service\n", OURS),
        ("0::/system.slice/system-pomerium.slice/pomerium@a.service\n", Home("pomerium@a.service")),
        ("0::/system.slice/pomerium.service/payload\n", OURS),
        ("0::/system.slice/pomerium.service/libpod-payload-0f3a\n", Home("pomerium.service", contained=True)),
        ("0::/\n", Home()),
        ("", Home()),
        ("0::/user.slice/user-0.slice/session-3.scope\n", Home()),
        ("0::/system.slice/docker-0f3a.scope\n", Home()),
        ("0::/system.slice/docker.service/docker/0f3a\n", Home()),
        ("0::/system.slice/containerd.service/kubepods-besteffort-pod1.slice:cri-containerd:0f3a\n", Home()),
        ("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-0f3a.scope\n", Home()),
        (
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice/pomerium.service\n",
            Home(another="/user.slice/user-1000.slice/user@1000.service/app.slice/pomerium.service"),
        ),
        (
            "0::/machine.slice/libpod-0f3a.scope/system.slice/pomerium.service\n",
            Home(another="/machine.slice/libpod-0f3a.scope/system.slice/pomerium.service"),
        ),
    ],
)
def test_the_unit_of_a_control_group(cgroup: str, expected: Home) -> None:
    assert home(cgroup, "0::/init.scope\n") == expected


def test_systemd_in_a_container_knows_its_units_below_its_own_group() -> None:
    inside = "1:name=systemd:/docker/0f3a/system.slice/pomerium.service\n"

    assert home(inside, "1:name=systemd:/docker/0f3a/init.scope\n") == OURS
    assert home(inside, "1:name=systemd:/init.scope\n") == Home()
