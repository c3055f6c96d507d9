"""The report as one JSON document, with the same content as the text and every check's id."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pomhealth.replica.model import Replica
from pomhealth.report.items import Item, blind, every, failing, warnings
from pomhealth.report.subject import subject

SCHEMA = 1  # of docs/schemas/check.schema.json; a change that breaks a reader makes it 2


def document(tops: tuple[Item, ...], replica: Replica, *, partial: bool = False) -> dict[str, Any]:
    """What `pomhealth check -o json` prints. `partial`: only some checks were asked for, so "ready" is null."""
    errors = failing(tops)
    ready = not (replica.awaited or blind(tops) or any(item.stops for item in errors))
    return {
        "schema": SCHEMA,
        "replica": subject(replica),
        "ready": None if partial else ready,
        "errors": [item.id for item in errors],
        "warnings": [item.id for item in warnings(tops)],
        "checks": [_check(item) for item in every(tops)],
    }


def _check(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "area": item.area,
        "outcome": item.outcome.value,
        "cause": item.cause,
        "gate": item.entry.component.gate.value,
        "summary": item.summary,
        "says": item.says,
        "evidence": [asdict(evidence) for evidence in item.evidence],
        "fix": [step.for_platform() for step in item.steps],
        "who": item.who,
        "docs": item.docs,
        "reported_otherwise": item.reported,
        "blocked_by": item.entry.blocked_by,
        "followers": [follower.id for follower in item.followers],
    }
