"""The series of the certificates. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pomhealth.publish.metrics import families as of
from pomhealth.publish.metrics.families import Family, Point
from pomhealth.publish.metrics.label import label
from pomhealth.publish.view import View
from pomhealth.status import Finding

MOST = 200  # certificates with series of their own: those that end first


def points(view: View) -> Iterator[tuple[Family, Point]]:
    """What was measured last counts, though a failing root may stand before it now."""
    looked = [one.measured for one in view.status.components.values() if one.measured is not None]
    found = next((finding for finding in looked if finding.certificates), None)
    yield of.CERTIFICATES, Point((), _count(found) if found is not None else 0)
    ends: dict[tuple[str, str, str], float] = {}
    readable: dict[tuple[str, str], bool] = {}
    for one in found.certificates[:MOST] if found is not None else ():
        place = (label(one.name), label(one.where))
        if one.not_after:
            ends.setdefault((*place, label(one.serial)), one.not_after)
        readable[place] = readable.get(place, True) and not one.problem
    for labels, end in ends.items():
        yield of.CERTIFICATE_END, Point(labels, end)
    for place, well in readable.items():
        yield of.CERTIFICATE_READABLE, Point(place, well)


def _count(found: Finding) -> int:
    """How many there are. The list is cut where there are very many; the finding says how many it knows of."""
    said = dict(found.attributes).get("certificates", "")
    return max(len(found.certificates), int(said) if said.isdecimal() else 0)
