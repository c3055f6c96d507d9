"""Which checks have series, and under which label: as many as the catalogue has, and a few that only the replica knows. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pomhealth.catalogue import Check
from pomhealth.publish.metrics.label import label
from pomhealth.publish.view import View
from pomhealth.status import Entry

STRANGERS = 32  # ids that only the replica's report knows, with series of their own
OTHER = "other"  # the label under which the further ones are counted together


@dataclass(frozen=True, slots=True)
class Subject:
    """A check that applies, and the value of its label. `check` is the catalogue's, None where it does not know it."""

    label: str
    entry: Entry
    check: Check | None


def subjects(view: View) -> tuple[tuple[Subject, ...], tuple[Entry, ...]]:
    """Those with series of their own, and the entries that are only counted together."""
    applying = [entry for entry in view.status.entries.values() if entry.applies]
    known = view.catalogue.checks
    own = [Subject(entry.id, entry, known[entry.id]) for entry in applying if entry.id in known]
    strange = sorted((entry for entry in applying if entry.id not in known), key=lambda entry: entry.id)
    named: dict[str, Entry] = {}
    further: list[Entry] = []
    for entry in strange:
        name = label(entry.id)
        if len(named) < STRANGERS and name not in named and name not in known and name != OTHER:
            named[name] = entry
        else:
            further.append(entry)
    own += [Subject(name, entry, view.catalogue.find(entry.id)) for name, entry in named.items()]
    return tuple(own), tuple(further)
