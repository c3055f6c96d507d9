"""What only the replica itself can tell: a failing report, in the shape that a live replica's had, becomes a finding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pomhealth.catalogue import Check, catalogue, steps
from pomhealth.replica.report import parse_status
from pomhealth.status import Component, Outcome, StatusMap, observe, report, unseen

RECORDINGS = Path(__file__).parents[1] / "recordings"
TEXT = "what the replica says is wrong"
REPORTED = [check for check in catalogue() if "reported" in check.causes]
PROVEN = [
    pytest.param(check, id=check.id, marks=pytest.mark.proves(f"{check.id}/reported", by="recording"))
    for check in REPORTED
]


def recorded(state: str) -> dict[str, Any]:
    """The body of a live replica's /status."""
    response = (RECORDINGS / state / "pomerium_status.http").read_bytes()
    body: dict[str, Any] = json.loads(response.partition(b"\r\n\r\n")[2] or response.partition(b"\n\n")[2])
    return body


def broken(id_: str) -> bytes:
    """The recorded report with one component failing as the storage backend was seen to: RUNNING, with an error."""
    seen = recorded("postgres-down")["statuses"]["storage.backend"]
    assert seen["status"] == "RUNNING"
    assert seen["error"]
    document = recorded("healthy-v0.33.1")
    document["statuses"][id_] = {**seen, "error": TEXT}
    return json.dumps(document).encode()


def member(check: Check) -> str:
    """An id that the check answers for: its own, or for a family that of one of its members."""
    return check.id.partition("<")[0] + "config" if check.id.endswith(">") else check.id


@pytest.mark.parametrize("check", PROVEN)
def test_a_failing_report_is_a_finding_with_steps_where_nothing_was_measured(check: Check) -> None:
    id_ = member(check)
    component = Component(id_, check.gate, measures=check.measured, report_cause="reported")
    status = observe(StatusMap({id_: component}), id_, unseen("a right is lacking"), at=1.0)
    entry = report(status, parse_status(broken(id_)), {}, at=2.0).entries[id_]
    assert entry.finding is not None
    assert (entry.outcome, entry.finding.cause) == (Outcome.FAIL, "reported")
    assert TEXT in entry.finding.summary
    assert steps(entry.finding, catalogue().find(id_))


@pytest.mark.parametrize("check", REPORTED, ids=lambda check: check.id)
def test_a_healthy_report_passes_where_nothing_was_measured(check: Check) -> None:
    id_ = member(check)
    status = StatusMap({id_: Component(id_, check.gate)})
    document = recorded("healthy-v0.33.1")
    document["statuses"][id_] = {"status": "RUNNING"}
    healthy = parse_status(json.dumps(document).encode())
    assert report(status, healthy, {}, at=2.0).entries[id_].outcome is Outcome.PASS
