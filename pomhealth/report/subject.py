"""Which replica a report is about, in plain values. No secret is in it: of the storage backend only its kind."""

from __future__ import annotations

from typing import Any

from pomhealth.replica.model import Replica


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
        "missing": dict(replica.missing),
    }


def title(about: dict[str, Any]) -> str:
    """One line that names the replica."""
    version = about["version"]
    name = f"Pomerium {version}" if version else "Pomerium replica"
    return f"{name}, pid {about['pid']}" if about["pid"] else f"{name}, its process not visible from here"


def details(about: dict[str, Any]) -> list[tuple[str, str]]:
    """The lines below the title: a name and a value each."""
    configuration = about["config"] or ("from Pomerium Zero" if about["zero"] else "not known")
    addresses = about["addresses"]
    lines = [
        ("configuration", configuration),
        ("address", addresses.get("address", "none known")),
        ("services", ", ".join(about["services"])),
        ("storage", about["storage"] or "not known"),
    ]
    if about["envoy_pid"] or about["envoy_admin"]:
        pid = f"pid {about['envoy_pid']}" if about["envoy_pid"] else ""
        admin = f"admin {about['envoy_admin']}" if about["envoy_admin"] else ""
        lines.append(("envoy", ", ".join(part for part in (pid, admin) if part)))
    return lines


def unseen(about: dict[str, Any]) -> list[tuple[str, str]]:
    """What could not be seen, and why: all that lacks the same right together, with that right alone."""
    by_right: dict[str, list[str]] = {}
    for what, lack in about["missing"].items():
        by_right.setdefault(lack.rpartition(": ")[2], []).append(what)
    return [
        (", ".join(whats), right if len(whats) > 1 else about["missing"][whats[0]])
        for right, whats in by_right.items()
    ]
