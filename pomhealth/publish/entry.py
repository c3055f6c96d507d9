"""One check as it is told: Pomerium's keys and ours. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pomhealth.catalogue import cause_of, steps
from pomhealth.publish.moment import when
from pomhealth.publish.view import View
from pomhealth.status import DRAINING, Entry, Gate, Outcome, Report, Validity

NOT_YET = "not looked at yet"


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of an entry. `who` is a key of the catalogue's CURERS, "" where nothing is to cure. `summary` tells too why it is excused. `since` is in seconds since the epoch, 0 where nothing has been seen yet."""

    cause: str
    summary: str
    fix: tuple[str, ...]
    evidence: list[dict[str, str]]
    since: float
    docs: str
    who: str = ""

    @classmethod
    def of(cls, entry: Entry, view: View) -> Told:
        finding = entry.finding
        check = view.catalogue.find(entry.id)
        docs = check.docs if check else ""
        if finding is None:
            return cls("", NOT_YET, (), [], 0.0, docs)
        evidence = [
            {"source": one.source, "observed": one.observed, "expected": one.expected}
            for one in finding.evidence
        ]
        platform = view.platform
        fix = steps(finding, check, platform.kind, platform.names)
        cause = cause_of(finding, check)
        who = cause.who if cause else ""
        summary = "; ".join(text for text in (finding.summary, entry.component.excused) if text)
        return cls(finding.cause, summary, fix, evidence, _since(entry, view), docs, who)


def tell(entry: Entry, view: View) -> dict[str, Any]:
    """The entry as JSON.

    A client written for Pomerium takes a replica for unhealthy where there is an `error` or a status other than
    RUNNING: so `error` stands only where readiness is stopped, and a failure that is only told is RUNNING. Like
    Pomerium's, its keys are left out when empty; ours are always there.
    """
    told = Told.of(entry, view)
    component = entry.component
    stops = entry.outcome is Outcome.FAIL and component.gate is not Gate.ALERT
    pomeriums = {"error": told.summary if stops else "", "attributes": attributes(entry)}
    ours = {
        "outcome": entry.outcome.value,
        "cause": told.cause,
        "summary": told.summary,
        "fix": list(told.fix),
        "who": told.who,
        "since": when(told.since),
        "checked": when(component.checked),
        "blocked_by": entry.blocked_by,
        "docs": told.docs,
        "evidence": told.evidence,
    }
    certificates = [_certificate(one) for one in entry.finding.certificates] if entry.finding else []
    said = {"reported": _report(component.reported)} if component.contradicted else {}
    return {
        "status": _status(entry, view),
        **{key: value for key, value in pomeriums.items() if value},
        **ours,
        **({"certificates": certificates} if certificates else {}),
        **said,
    }


def _certificate(one: Validity) -> dict[str, str]:
    """One certificate; without a time where it could not be read."""
    return {
        "name": one.name,
        "where": one.where,
        "serial": one.serial,
        "not_before": when(one.not_before),
        "not_after": when(one.not_after),
        "problem": one.problem,
    }


def _report(reported: Report | None) -> dict[str, str]:
    """The replica's own report, where it says otherwise than we measured."""
    if reported is None:
        return {}
    return {"status": reported.status} | ({"error": reported.error} if reported.error else {})


def attributes(entry: Entry) -> list[dict[str, str]]:
    """Attributes in Pomerium's form: the finding's, else those of the replica's own report."""
    pairs = entry.finding.attributes if entry.finding else ()
    if not pairs and entry.component.reported is not None:
        pairs = entry.component.reported.attributes
    return [{"Key": key, "Value": value} for key, value in pairs]


def _status(entry: Entry, view: View) -> str:
    """Pomerium's word for it.

    As with Pomerium, an error keeps the status before: RUNNING once it has run, UNKNOWN before.
    """
    component = entry.component
    if entry.finding is not None and entry.finding.cause == DRAINING:
        return "TERMINATING"
    if entry.outcome is Outcome.UNKNOWN:
        return "UNKNOWN"
    if entry.outcome is Outcome.SKIPPED:
        return "UNKNOWN" if _stops(entry.blocked_by, view) else "RUNNING"
    if entry.outcome is not Outcome.FAIL or component.gate is Gate.ALERT:
        return "RUNNING"
    if component.reported is not None and component.reported.status == "TERMINATING":
        return "TERMINATING"
    return "RUNNING" if component.proven else "UNKNOWN"


def _stops(root: str, view: View) -> bool:
    """Whether this root keeps the replica from being ready."""
    above = view.status.entries.get(root)
    return above is not None and any(
        above.id == one.id for one in view.status.stopping(Gate.LIVE, Gate.READY)
    )


def _since(entry: Entry, view: View) -> float:
    """When its state began; for what follows a root, when that root's failure did."""
    above = view.status.entries.get(entry.blocked_by)
    return (above or entry).component.since
