"""What is not there yet while a replica starts is no fault. Pure.

Pomerium's process is there first; its Envoy, the listeners and the tables follow, and with a large configuration or no
answer from the cloud that takes its seconds. Until something has worked once, its lack says "starting"; not for long,
since a replica that never comes up is a fault. What Envoy rejects, and a port that is another's, is told at once.
"""

from __future__ import annotations

from dataclasses import replace

from pomhealth.status.component import Component, Report
from pomhealth.status.finding import Finding, Outcome

STARTING = 20.0  # seconds from the start of the process until what has never worked counts as failing

_ENVOY = "envoy.server"
_STORAGE = "storage.backend"
_LACKS = frozenset(
    {
        "hung",
        "no-answer",
        "not-listening",
        "not-live",
        "not-running",
        "redirect-not-listening",
        "refused",
        "timeout",
        "unexpected-status",
    }
)
_UNMADE = frozenset(
    {"not-writable", "schema-missing"}
)  # Pomerium makes its tables, or its store, when it starts


def of_start(finding: Finding, component: Component, age: float) -> Finding:
    """The finding, or an early one in its place. `age` is the seconds since the replica's process was started."""
    if finding.outcome not in (Outcome.FAIL, Outcome.WARN) or not _starts(component, age):
        return finding
    of_envoy = component.id == _ENVOY or _ENVOY in component.needs
    lacks = _LACKS if of_envoy else _UNMADE if component.id == _STORAGE else frozenset[str]()
    if finding.cause not in lacks:
        return finding
    return replace(
        finding,
        outcome=Outcome.UNKNOWN,
        summary=f"the replica is starting: {finding.summary}",
        cause="",
        steps=(),
        silent=False,
        early=True,
    )


def report_of_start(said: Report, component: Component | None, age: float) -> Report:
    """The same of what the replica reports: what it has said nothing of yet (UNKNOWN, UNAVAILABLE), without an error."""
    if said.healthy or said.error or said.status == "TERMINATING":
        return said
    if component is None or not _starts(component, age):
        return said
    return replace(said, early=True)


def _starts(component: Component, age: float) -> bool:
    return not component.proven and age < STARTING
