"""The series of the checks: their states and causes, and how the looks at them went. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from pomhealth.catalogue import Cause
from pomhealth.catalogue.load import STRANGER
from pomhealth.publish.metrics import families as of
from pomhealth.publish.metrics.families import Family, Point
from pomhealth.publish.metrics.label import label
from pomhealth.publish.metrics.subjects import OTHER, Subject, subjects
from pomhealth.publish.view import View
from pomhealth.status import DRAINING, Entry, Gate, Outcome
from pomhealth.status.tally import Count

_NONE = Count()
_STATUSES = ("running", "terminating", "error", "unknown")
Series = Iterator[tuple[Family, Point]]


def points(view: View) -> Series:
    """Every series of every check."""
    own, further = subjects(view)
    for one in own:
        entry = one.entry
        gate = entry.component.gate.value
        for outcome in Outcome:
            yield of.CHECK_STATE, Point((one.label, gate, outcome.value), outcome is entry.outcome)
        yield from _causes(one)
        since = view.status.entries.get(entry.blocked_by, entry).component.since
        if since:
            yield of.CHECK_CHANGED, Point((one.label,), since)
        yield from _tallied(one, view.tally)
        said = _status(entry)
        for status in _STATUSES:
            yield of.HEALTH_STATUS, Point((one.label, status), status == said)
    yield from _together(further)


def _causes(one: Subject) -> Series:
    """Each cause that the check can have, whether or not it has it now: a series that comes and goes makes alerts flap."""
    known: Mapping[str, Cause] = one.check.causes if one.check is not None else {STRANGER.code: STRANGER}
    severities = {code: cause.outcome.value for code, cause in known.items()}
    finding = one.entry.finding
    now = finding.cause if finding is not None else ""
    if finding is not None and now:
        severities.setdefault(now, finding.outcome.value)
    for code, severity in severities.items():
        labels = (one.label, one.entry.component.gate.value, label(code), severity)
        yield of.CHECK_CAUSE, Point(labels, code == now)


def _tallied(one: Subject, tally: Mapping[str, Count]) -> Series:
    """Counters begin with 0, so that the first of anything is an increase."""
    count = tally.get(one.entry.id, _NONE)
    here = (one.label,)
    yield of.CHECK_CHANGES, Point(here, count.changes)
    if one.check is None or not one.check.measured:
        return
    yield of.PROBE_SECONDS, Point(here, count.seconds, count.looks)
    if count.looks:
        yield of.PROBE_LAST, Point(here, count.last)
    yield of.PROBE_TIMEOUTS, Point(here, count.timeouts)
    yield of.PROBE_FAILURES, Point(here, count.failures)
    yield of.PROBE_ERRORS, Point(here, count.broken)


def _together(further: Iterable[Entry]) -> Series:
    """How many of these are in each state."""
    states = Counter((entry.component.gate, entry.outcome) for entry in further)
    statuses = Counter(_status(entry) for entry in further)
    for gate in Gate:
        if any(gate is one for one, _ in states):
            for outcome in Outcome:
                yield of.CHECK_STATE, Point((OTHER, gate.value, outcome.value), states[gate, outcome])
            labels = (OTHER, gate.value, STRANGER.code, STRANGER.outcome.value)
            yield of.CHECK_CAUSE, Point(labels, states[gate, Outcome.FAIL])
    for status in _STATUSES if statuses else ():
        yield of.HEALTH_STATUS, Point((OTHER, status), statuses[status])


def _status(entry: Entry) -> str:
    """Pomerium's word for it. What fails is an error, whatever it stops; what follows another's failure is not known."""
    finding, reported = entry.finding, entry.component.reported
    if finding is not None and finding.cause == DRAINING:
        return "terminating"
    if entry.outcome is Outcome.FAIL:
        ending = reported is not None and reported.status == "TERMINATING" and not reported.error
        return "terminating" if ending else "error"
    return "running" if entry.outcome in (Outcome.PASS, Outcome.WARN) else "unknown"
