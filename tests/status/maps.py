"""Short ways to make maps."""

from __future__ import annotations

from pomhealth.status import Component, Finding, Gate, StatusMap, observe


def measured(id_: str, gate: Gate = Gate.READY, needs: tuple[str, ...] = ()) -> Component:
    return Component(id_, gate, measures=True, needs=needs)


def make(*components: Component) -> StatusMap:
    return StatusMap({component.id: component for component in components})


def seen(status: StatusMap, at: float = 1.0, **findings: Finding) -> StatusMap:
    """The map after these findings, by id with "_" for "."."""
    for name, finding in findings.items():
        status = observe(status, name.replace("_", "."), finding, at=at)
    return status
