"""Which systemd unit a process belongs to, by its control group (cgroups(7)). Pure."""

from __future__ import annotations

from dataclasses import dataclass

_CONTAINERS = ("docker", "kubepods", "containerd", "crio", "cri-", "lxc")
_PODMAN = "libpod"


@dataclass(frozen=True, slots=True)
class Home:
    """Where a process lives: in the service `unit` of this systemd, or in one of `another` systemd ("" where none).

    `unit` is "" where no service of this systemd runs it. `contained` where the service runs a container (Podman),
    so that its user and capabilities are the container's.
    """

    unit: str = ""
    contained: bool = False
    another: str = ""


def home(cgroup: str, manager: str) -> Home:
    """From the process's /proc/PID/cgroup and the one of systemd itself (/proc/1/cgroup)."""
    top = _paths(manager)
    for hierarchy, path in _paths(cgroup).items():
        found = _home(_below(path, top.get(hierarchy, "").removesuffix("/init.scope")))
        if found != Home():
            return found
    return Home()


def _home(path: str) -> Home:
    parts = [part for part in path.split("/") if part not in ("", "..")]
    services = [index for index, part in enumerate(parts) if part.endswith(".service")]
    if not services:
        return Home()
    first = services[0]
    after = parts[first + 1 :]
    if any(mark in part for part in parts for mark in _CONTAINERS):
        return Home()
    if len(services) > 1 or not all(part.endswith(".slice") for part in parts[:first]):
        return Home(another=path)
    return Home(parts[first], contained=any(part.startswith(_PODMAN) for part in after))


def _paths(cgroup: str) -> dict[str, str]:
    """The path in each hierarchy that may be systemd's: its own of version 1, then the one of version 2."""
    paths = {}
    for line in cgroup.splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        paths[controllers] = path
    return {name: paths[name] for name in ("name=systemd", "") if name in paths}


def _below(path: str, top: str) -> str:
    return path[len(top) :] if top and f"{path}/".startswith(f"{top}/") else path
