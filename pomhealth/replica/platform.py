"""On what a replica runs, so that it can be told in that platform's own commands what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pomhealth.replica import paths
from pomhealth.replica.model import SOMEWHERE, Platform, Process

_MARKS = ("/.dockerenv", "/run/.containerenv")  # Docker's and Podman's
_CGROUPS = {
    "kubernetes": re.compile(r"/kubepods"),
    "ecs": re.compile(r"/ecs/|/ecstasks"),
    "docker": re.compile(r"/docker[/-]|/libpod[_-]|/system\.slice/docker-"),
}
_SERVICE = re.compile(r"\.service$")
# The last letters are drawn from those that Kubernetes draws from: a node's name, which is what HOSTNAME holds for
# a pod in the node's own network, does not look so.
_POD = re.compile(r"[a-z0-9.-]+-[bcdfghjklmnpqrstvwxz2456789]{5}")
_CONTAINER = re.compile(r"[0-9a-f]{12}")


def platform_of(
    main: Process, environment: Mapping[str, str], root: str, missing: Mapping[str, str]
) -> Platform:
    """What the process runs on, as far as it may be looked at. Blocking."""
    marks: tuple[str, ...] | None = None
    if "mount namespace" not in missing:
        marks = tuple(mark for mark in _MARKS if paths.stamp(root + mark))
    try:
        cgroup = Path(f"/proc/{main.pid}/cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        cgroup = ""
    return decide(environment, cgroup, marks)


def beside(environment: Mapping[str, str]) -> Platform:
    """What a replica runs on whose process cannot be seen, by the environment of the container beside it.

    It shares our network namespace, so it is in our pod or task; a name of ours is not its name but in Kubernetes.
    """
    found = _by_environment(environment)
    if not found.kind:
        return found
    return Platform(found.kind, f"pomhealth's own {found.origin}", found.names)


def decide(environment: Mapping[str, str], cgroup: str, marks: tuple[str, ...] | None) -> Platform:
    """What all this tells. `cgroup` is /proc/PID/cgroup, `marks` the files of a container that are there. Pure.

    `marks` is None where it cannot be told: then nothing is made of their absence.
    """
    found = _by_environment(environment)
    if found.kind:
        return found
    container = environment.get("HOSTNAME", "")
    names = (("NAME", container),) if _CONTAINER.fullmatch(container) else ()
    groups = [line.partition(":")[2].partition(":")[2] for line in cgroup.splitlines()]
    for kind, pattern in _CGROUPS.items():
        group = next((one for one in groups if pattern.search(one)), "")
        if group:
            return Platform(kind, f"control group {group}", names if kind == "docker" else ())
    if marks:
        return Platform("docker", marks[0], names)
    service = next((one for one in groups if _SERVICE.search(one)), "")
    if service:
        return Platform("linux", f"control group {service}")
    return SOMEWHERE if marks is None else Platform("linux", "no sign of a container")


def _by_environment(environment: Mapping[str, str]) -> Platform:
    if environment.get("KUBERNETES_SERVICE_HOST"):
        pod = environment.get("HOSTNAME", "")
        names = (("POD", pod),) if _POD.fullmatch(pod) else ()
        return Platform("kubernetes", "environment KUBERNETES_SERVICE_HOST", names)
    for name in ("ECS_CONTAINER_METADATA_URI_V4", "ECS_CONTAINER_METADATA_URI"):
        if environment.get(name):
            return Platform("ecs", f"environment {name}")
    if environment.get("AWS_EXECUTION_ENV", "").startswith("AWS_ECS"):
        return Platform("ecs", "environment AWS_EXECUTION_ENV")
    return SOMEWHERE
