"""Finding to alert: each cause of the catalogue, as the agent's collector tells it, fires its own alert and no other."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

import pytest

from pomhealth.catalogue import CURERS, Cause, Check, catalogue
from pomhealth.generate.monitoring.alert import camel
from pomhealth.generate.monitoring.causes import Holds
from pomhealth.status import DRAINING, Gate, Outcome
from tests.metrics.reading import scraped
from tests.monitoring.promtool import Case, Fires, complaints
from tests.monitoring.replicas import BROKEN, JOB, READY, WELL, Minutes, finding, id_of, series, view, well

AREAS = {area: list(checks) for area, checks in groupby(catalogue(), key=lambda check: check.area)}
_WELL_FOR = 3  # minutes before the fault, and after it


def minutes(cause: Cause) -> int:
    """For how long a cause stands until it fires."""
    holds = Holds()
    hold = (
        holds.drains
        if cause.code == DRAINING
        else holds.fails
        if cause.outcome is Outcome.FAIL
        else holds.warns
    )
    return int(hold[:-1]) * {"m": 1, "h": 60}[hold[-1]]


def alert(check: Check, cause: Cause, gate: Gate, severity: str) -> Fires:
    """What a person is to be told: the catalogue's own words."""
    id_ = id_of(check)
    steps = "\n".join(f"{number}. {step.for_platform()}" for number, step in enumerate(cause.steps, 1))
    labels = {"job": JOB, "instance": BROKEN, "check": id_, "cause": cause.code, "gate": gate.value}
    annotations = {
        "summary": f"{BROKEN}: {id_}: {cause.code}",
        "description": cause.says,
        "steps": steps,
        "who": CURERS[cause.who],
        "explain": f"pomhealth explain {id_}/{cause.code}",
        "runbook_url": check.docs,
    }
    name = camel(check.id, cause.code)
    return Fires(name, {**labels, "severity": severity, "outcome": cause.outcome.value}, annotations)


def case(check: Check, cause: Cause, severity: str, gates: Mapping[str, Gate] | None = None) -> Case:
    """Well, broken until it fires and a minute more, and well again."""
    id_, hold, gates = id_of(check), minutes(cause), gates or {}
    before = scraped(view(gates=gates)) if gates else well()
    broken = [
        Minutes(_WELL_FOR, before),
        Minutes(hold + 2, scraped(view({id_: finding(cause)}, gates))),
        Minutes(_WELL_FOR, before),
    ]
    whole = _WELL_FOR + hold + 2 + _WELL_FOR
    fires = alert(check, cause, gates.get(id_, check.gate), severity)
    return Case(
        title=fires.name,
        series=[*series(BROKEN, broken), *series(WELL, [Minutes(whole, {READY: 1.0})])],
        at={
            _WELL_FOR - 1: (),
            _WELL_FOR + hold - 1: (),
            _WELL_FOR + hold: (fires,),
            _WELL_FOR + hold + 1: (fires,),
            _WELL_FOR + hold + 2: (),
        },
    )


def severity(check: Check, cause: Cause) -> str:
    pages = check.gate is not Gate.ALERT and cause.outcome is Outcome.FAIL and cause.code != DRAINING
    return "critical" if pages else "warning"


@pytest.mark.parametrize("area", AREAS)
def test_each_cause_fires_its_own_alert_alone_once_it_has_stood_and_until_its_end(
    area: str, tmp_path: Path
) -> None:
    cases = [
        case(check, cause, severity(check, cause)) for check in AREAS[area] for cause in check.causes.values()
    ]
    assert complaints(cases, tmp_path) == ""


@pytest.mark.parametrize(
    ("id_", "code", "gate", "severity"),
    [
        ("routes.reachable", "refused", Gate.READY, "critical"),
        ("certificates_current", "expired", Gate.LIVE, "critical"),
        ("certificates_current", "expiring", Gate.READY, "warning"),
        ("storage.backend", "refused", Gate.ALERT, "warning"),
    ],
)
def test_what_an_operator_lets_stop_traffic_pages_and_what_he_does_not_does_not(
    id_: str, code: str, gate: Gate, severity: str, tmp_path: Path
) -> None:
    check = catalogue().checks[id_]
    changed = case(check, check.causes[code], severity, {id_: gate})
    assert complaints([changed], tmp_path) == ""


def test_every_alert_has_a_name_of_its_own() -> None:
    names = [camel(check.id, code) for check in catalogue() for code in check.causes]
    assert len(set(names)) == len(names)
    assert "PomhealthStorageBackendReadOnly" in names
