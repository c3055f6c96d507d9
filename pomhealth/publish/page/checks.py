"""Every check as a row, grouped by the catalogue's areas. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pomhealth.publish.entry import Told, attributes
from pomhealth.publish.page.alerts import reported
from pomhealth.publish.page.strips import Strip
from pomhealth.publish.page.words import STOPS, css, word
from pomhealth.publish.view import View
from pomhealth.status import Entry, Evidence, Outcome

ELSEWHERE = "Told by the replica alone"  # the area of what the catalogue does not know
Drawn = Callable[[str], tuple[Strip, ...]]
Seen = Callable[[Entry], tuple[Evidence, ...]]


@dataclass(frozen=True, slots=True)
class Row:
    """One check. When it was last looked at is not in it: that moves all the time, and stands in a part of its own.

    `alerted` tells that evidence and steps stand under what to do now, `root` the check that it follows.
    """

    id: str
    css: str
    word: str
    cause: str
    summary: str
    since: float
    stops: str
    question: str
    evidence: tuple[Evidence, ...]
    attributes: tuple[tuple[str, str], ...]
    reported: str
    root: str
    alerted: bool
    explain: str
    strips: tuple[Strip, ...]


@dataclass(frozen=True, slots=True)
class Area:
    """The checks of one area of the catalogue. `slug` names its part of the page."""

    name: str
    slug: str
    rows: tuple[Row, ...]


def names(view: View) -> dict[str, str]:
    """Every area by its slug, those without a check that applies too: their parts are there for what may come."""
    found = (*(check.area for check in view.catalogue), ELSEWHERE)
    return {_slug(name): name for name in dict.fromkeys(found)}


def area(view: View, slug: str, seen: Seen, drawn: Drawn) -> Area:
    """The checks of one area.

    `seen` gives the evidence that stands with a check on which nothing is to be done, `drawn` the strips of any.
    """
    name = names(view)[slug]
    members = (
        entry for entry in view.status.entries.values() if entry.applies and _area(entry, view) == name
    )
    return Area(name, slug, tuple(_row(entry, view, seen, drawn) for entry in members))


def without_meaning(view: View) -> tuple[tuple[str, str], ...]:
    """The checks that do not apply to this replica, each with the reason."""
    return tuple(
        (entry.id, entry.finding.summary)
        for entry in view.status.entries.values()
        if entry.finding is not None and not entry.applies
    )


def looked(view: View) -> tuple[tuple[str, float], ...]:
    """When each check was last looked at, in seconds since the epoch; 0 for never."""
    return tuple(
        (entry.id, entry.component.checked) for entry in view.status.entries.values() if entry.applies
    )


def _row(entry: Entry, view: View, seen: Seen, drawn: Drawn) -> Row:
    told = Told.of(entry, view)
    check = view.catalogue.find(entry.id)
    alerted = entry.outcome in (Outcome.FAIL, Outcome.WARN)
    return Row(
        id=entry.id,
        css=css(entry),
        word=word(entry),
        cause=told.cause,
        summary=told.summary,
        since=told.since,
        stops=STOPS[entry.component.gate],
        question=check.question if check else "",
        evidence=() if alerted else seen(entry),
        attributes=tuple((one["Key"], one["Value"]) for one in attributes(entry)),
        reported=reported(entry),
        root=entry.blocked_by,
        alerted=alerted,
        explain=f"pomhealth explain {entry.id}" if check else "",
        strips=drawn(entry.id),
    )


def _area(entry: Entry, view: View) -> str:
    check = view.catalogue.find(entry.id)
    return check.area if check else ELSEWHERE


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())
