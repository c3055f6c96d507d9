"""Which replica a report is about, in plain values. No secret is in it: of the storage backend only its kind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pomhealth.catalogue import PLATFORMS
from pomhealth.replica.model import Replica

_WORTH_TELLING = ("docker", "kubernetes", "ecs")  # the Linux package is what is taken for granted


def subject(replica: Replica) -> dict[str, Any]:
    """The replica's version, processes, configuration, addresses and storage, as far as they are known."""
    return {
        "version": None if replica.version is None else str(replica.version.value),
        "pid": None if replica.main is None else replica.main.pid,
        "envoy_pid": None if replica.envoy is None else replica.envoy.pid,
        "config": replica.options.path or None,
        "zero": replica.options.zero,
        "services": sorted(replica.services),
        "addresses": {endpoint.role: endpoint.where for endpoint in replica.endpoints},
        "envoy_admin": None if replica.admin is None else replica.admin.where,
        "storage": None if replica.storage is None else replica.storage.kind,
        "platform": replica.platform.kind or None,
        "offline": replica.offline,
        "version_from": None if replica.version is None else replica.version.origin,
        "missing": dict(replica.missing),
    }


def title(about: dict[str, Any]) -> str:
    """One line that names the replica, or the file that is judged alone."""
    version = about["version"]
    if about["offline"]:
        return f"{about['config']} alone, as Pomerium {version} would take it ({about['version_from']})"
    name = f"Pomerium {version}" if version else "Pomerium replica"
    where = f", on {PLATFORMS[about['platform']]}" if about["platform"] in _WORTH_TELLING else ""
    pid = f", pid {about['pid']}" if about["pid"] else ", its process not visible from here"
    return f"{name}{where}{pid}"


def details(about: dict[str, Any]) -> list[tuple[str, str]]:
    """What stands below the title: a name and a value each."""
    configuration = about["config"] or ("from Pomerium Zero" if about["zero"] else "not known")
    if about["offline"]:
        return [("no replica is looked at:", about["missing"]["process"])]
    lines = [
        ("configuration", configuration),
        ("address", about["addresses"].get("address", "not known")),
        ("services", " ".join(about["services"])),
        ("storage", about["storage"] or "not known"),
    ]
    if about["envoy_pid"]:
        lines.append(("Envoy", f"pid {about['envoy_pid']}"))
    elif about["envoy_admin"]:
        lines.append(("Envoy", f"admin {about['envoy_admin']}"))
    return lines


def by_right(lacking: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """What could not be seen, and why: all that lacks the same right together, with that right alone."""
    rights: dict[str, dict[str, str]] = {}
    for what, lack in lacking:
        rights.setdefault(lack.rpartition(": ")[2], {})[what] = lack
    return [
        (", ".join(whats), right if len(whats) > 1 else next(iter(whats.values())))
        for right, whats in rights.items()
    ]
