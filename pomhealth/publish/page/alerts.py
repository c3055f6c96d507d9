"""What to do now: each alert with its meaning, its evidence and its steps. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pomhealth.catalogue import CURERS, advice, cause_of
from pomhealth.publish.entry import Told
from pomhealth.publish.page.pieces import Piece, inline, pieces
from pomhealth.publish.page.words import STOPS, css, word
from pomhealth.publish.view import View
from pomhealth.status import Entry, Evidence, Finding, Outcome

_LONG = 20  # characters: what is as long as this stands in the summary on purpose, not by chance


@dataclass(frozen=True, slots=True)
class Step:
    """One step, and what differs by platform where that is not known: (name, pieces)."""

    pieces: tuple[Piece, ...]
    each: tuple[tuple[str, tuple[Piece, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to act on. Of evidence, `observed` is empty where the summary says it. `since` in seconds since the epoch; `said` is the replica's own report where it differs."""

    id: str
    css: str
    word: str
    cause: str
    stops: str
    summary: tuple[Piece, ...]
    says: tuple[Piece, ...]
    evidence: tuple[Evidence, ...]
    who: str
    steps: tuple[Step, ...]
    followers: tuple[str, ...]
    since: float
    reported: str
    explain: str


def alerts(view: View) -> tuple[Alert, ...]:
    """What a person should act on now, worst first."""
    return tuple(_alert(entry, view) for entry in view.status.alerts())


def reported(entry: Entry) -> str:
    """What the replica says of it, where that is otherwise than was measured; else ""."""
    said = entry.component.reported
    if said is None or not entry.component.contradicted:
        return ""
    return f"{said.status}: {said.error}" if said.error else said.status


def _alert(entry: Entry, view: View) -> Alert:
    told = Told.of(entry, view)
    finding = entry.finding
    check = view.catalogue.find(entry.id)
    cause = cause_of(finding, check) if finding else None
    known = check is not None and cause is not None
    return Alert(
        id=entry.id,
        css=css(entry),
        word=word(entry),
        cause=told.cause,
        stops=STOPS[entry.component.gate]
        if entry.outcome is Outcome.FAIL
        else "stops nothing: a warning is only told",
        summary=inline(told.summary),
        says=inline(cause.says) if cause and cause.says != told.summary else (),
        evidence=_evidence(finding) if finding else (),
        who=CURERS.get(told.who, ""),
        steps=_steps(entry, view),
        followers=entry.followers,
        since=told.since,
        reported=reported(entry),
        explain=f"pomhealth explain {entry.id}/{told.cause}" if known else "",
    )


def _evidence(finding: Finding) -> tuple[Evidence, ...]:
    """The evidence, without what was seen where the summary says the same in as many words."""
    return tuple(
        replace(one, observed="") if len(one.observed) > _LONG and one.observed in finding.summary else one
        for one in finding.evidence
    )


def _steps(entry: Entry, view: View) -> tuple[Step, ...]:
    if entry.finding is None:
        return ()
    check = view.catalogue.find(entry.id)
    return tuple(
        Step(pieces(step.text), tuple((name, pieces(what)) for name, what in step.each))
        for step in advice(entry.finding, check, view.platform.kind, view.platform.names)
    )
