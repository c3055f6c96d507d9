"""The replica's own account of its health: what its parts last said, and how Pomerium renders it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

RUNNING = "RUNNING"
TERMINATING = "TERMINATING"
UNKNOWN = "UNKNOWN"

# In the order in which 0.31 and 0.32 happened to list them; 0.33 sorts.
_REQUIRED = (
    ("envoy.server", None),
    ("authenticate.service", "authenticate"),
    ("storage.backend", "databroker"),
    ("databroker.sync.initial", None),
    ("xds.listener", None),
    ("authorize.service", "authorize"),
    ("config.databroker.build", None),
    ("databroker.cluster", "databroker"),
    ("proxy.service", "proxy"),
    ("xds.route-configuration", None),
    ("xds.cluster", None),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One component's last word."""

    status: str
    error: str = ""
    attributes: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        entry: dict[str, Any] = {"status": self.status}
        if self.error:
            entry["error"] = self.error
        if self.attributes:
            entry["attributes"] = [{"Key": key, "Value": value} for key, value in self.attributes]
        return entry


@dataclass(slots=True)
class Book:
    """What every component last said. An error keeps the status before it; the first word being one gives UNKNOWN."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def running(self, component: str, **attributes: str) -> None:
        self.entries[component] = Entry(RUNNING, attributes=tuple(attributes.items()))

    def terminating(self, component: str) -> None:
        self.entries[component] = Entry(TERMINATING)

    def error(self, component: str, text: str, **attributes: str) -> None:
        before = self.entries.get(component)
        status = before.status if before is not None else UNKNOWN
        self.entries[component] = Entry(status, text, tuple(attributes.items()))


def required(services: frozenset[str], storage: str, *, in_order: bool) -> tuple[str, ...]:
    """The components that a replica with these services must report."""
    names = [name for name, service in _REQUIRED if service is None or service in services]
    if storage == "postgres" and "databroker" in services:
        names.append("storage.backend.cleanup")
    return tuple(sorted(names)) if in_order else tuple(names)


def status_body(entries: Mapping[str, Entry], checks: Iterable[str]) -> bytes:
    """The body of `/status`."""
    statuses = {name: entries[name].as_json() for name in sorted(entries)}
    return json.dumps({"statuses": statuses, "checks": list(checks)}, indent=2, ensure_ascii=False).encode()


def probe(path: str, entries: Mapping[str, Entry], checks: Iterable[str]) -> tuple[int, bytes]:
    """The answer of `/startupz`, `/readyz` or `/healthz`: HTTP status and body."""
    rows = {name: entries.get(name) for name in sorted(checks)}
    good = all(entry is not None and _passes(path, entry) for entry in rows.values())
    body = {
        name: entry.as_json() if entry is not None else {"status": "UNAVAILABLE"}
        for name, entry in rows.items()
    }
    return (200 if good else 503), json.dumps(body, indent=2, ensure_ascii=False).encode()


def _passes(path: str, entry: Entry) -> bool:
    if path == "/startupz":
        return entry.status != UNKNOWN
    if path == "/readyz":
        return entry.status == RUNNING and not entry.error
    return entry.status != UNKNOWN and not entry.error
