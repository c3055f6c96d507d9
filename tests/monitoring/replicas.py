"""Replicas as Prometheus sees them: views rendered by the agent's own collector, a minute each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pomhealth.catalogue import Cause, Check, catalogue
from pomhealth.publish.view import View
from pomhealth.status import Component, Finding, Gate, Outcome, StatusMap, failed, observe, passed, warned
from tests.findings import SEEN
from tests.metrics.reading import Series, scraped

JOB = "pomhealth"
BROKEN, WELL = "10.0.0.1:28081", "10.0.0.2:28081"  # a replica that breaks, and one beside it that does not
AT = 1_800_000_000.0
_MEMBERS = {
    "identity-provider.<name>": "identity-provider.google",
    "zero.resource-bundle.<id>": "zero.resource-bundle.7",
}


def id_of(check: Check) -> str:
    """The id of the check, or of one of its family."""
    return _MEMBERS.get(check.id, check.id)


def view(
    found: Mapping[str, Finding | None] | None = None, gates: Mapping[str, Gate] | None = None, **more: Any
) -> View:
    """Every check that there is, passing, but for these findings (None: not looked at yet) and these gates."""
    found, gates = found or {}, gates or {}
    ids = {id_of(check): check for check in catalogue()}
    components = {
        id_: Component(id_, gates.get(id_, check.gate), measures=True, needs=check.needs)
        for id_, check in ids.items()
    }
    components |= {id_: Component(id_, Gate.READY, measures=True) for id_ in found if id_ not in ids}
    status = StatusMap(components)
    for id_ in components:
        finding = found.get(id_, passed("fine"))
        if finding is not None:
            status = observe(status, id_, finding, at=AT)
    return View(status, catalogue(), started=True, replica={"state": "found", "version": "v0.33.1"}, **more)


def finding(cause: Cause) -> Finding:
    """What a probe says of this cause."""
    make = failed if cause.outcome is Outcome.FAIL else warned
    return make(cause.code, "seen", SEEN)


READY = ("pomhealth_ready", frozenset[tuple[str, str]]())


@dataclass(frozen=True, slots=True)
class Minutes:
    """So many samples, a minute apart, of what an agent tells; None while it does not answer."""

    count: int
    told: Series | None


@cache
def well() -> Series:
    """What an agent tells while all is well."""
    return scraped(view())


def series(instance: str, story: Sequence[Minutes]) -> list[dict[str, str]]:
    """The series that Prometheus stores of one replica, as promtool reads them; with its own `up`."""
    told = [part.told or {} for part in story]
    names = dict.fromkeys(name for part in told for name in part)
    ups = " ".join(_times(float(part.told is not None), part.count) for part in story)
    up = {"series": _written("up", {}, instance), "values": ups}
    return [up] + [
        {
            "series": _written(name, dict(labels), instance),
            "values": " ".join(
                _times(part.get((name, labels)), minutes.count)
                for part, minutes in zip(told, story, strict=True)
            ),
        }
        for name, labels in names
    ]


def _times(value: float | None, count: int) -> str:
    return f"_x{count}" if value is None else f"{value:.17g}+0x{count - 1}"


def _written(name: str, labels: Mapping[str, str], instance: str) -> str:
    every = {**labels, "job": JOB, "instance": instance}
    quoted = {key: value.replace("\\", "\\\\").replace('"', '\\"') for key, value in every.items()}
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in quoted.items()) + "}"
