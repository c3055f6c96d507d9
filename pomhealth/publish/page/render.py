"""Draws the page of the replica: each part from its model by its template, anew only when the model is another than before."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from functools import partial

from jinja2 import Template

from pomhealth import __version__
from pomhealth.publish.browser import Part
from pomhealth.publish.page import about, alerts, certificates, checks, paper, strips, verdict
from pomhealth.publish.page.cluster.survey import tally
from pomhealth.publish.page.cluster.verdict import in_short
from pomhealth.publish.page.icon import OLD, icon
from pomhealth.publish.page.kept import Kept
from pomhealth.publish.page.strips import Strip
from pomhealth.publish.view import View
from pomhealth.status import Entry, Evidence

_CALM = 10  # seconds


class Drawer:
    """Draws views, one after another. What is the same in the next one is kept."""

    def __init__(self, templates: Mapping[str, Template]) -> None:
        self._templates = templates
        self._kept = Kept(templates)

    def parts(self, view: View) -> Generator[Part, None, None]:
        """Every part of the page, one after the other.

        No age in words is in it: it would never be the same twice. page.js puts it in, and `document`.
        """
        self._kept.begin()
        draw = self._kept.draw
        counts = yield from tally(view.roster)
        yield "part-verdict", draw("verdict", verdict.verdict(view, in_short(view, counts)))
        yield "part-now", draw("now", alerts.alerts(view))
        for slug in checks.names(view):
            yield f"part-area-{slug}", self._area(view, slug)
        yield "part-without", draw("without", checks.without_meaning(view))
        yield "part-certificates", draw("certificates", certificates.certificates(view))
        yield "part-changes", draw("changes", about.changes(view))
        yield "part-facts", draw("facts", about.facts(view))
        yield "part-lag", draw("lag", about.lag(view))
        yield "part-origins", draw("origins", view.sections)
        yield "part-looked", draw("looked", paper.looked(checks.looked(view)))

    def document(self, view: View, event: str, parts: Mapping[str, str]) -> bytes:
        """The whole document at the moment of the view, of these parts of it, ages and all."""
        made = paper.safe(parts)
        document = self._templates["page.html"].render(
            made=made,
            areas=[part for id_, part in made.items() if id_.startswith("area-")],
            verdict=verdict.verdict(view),
            event=event,
            follows="replica",
            now=view.now,
            strips=bool(view.past.watches),
            version=__version__,
            old=icon(OLD),
        )
        return paper.dated(document, checks.looked(view), view.now).encode("utf-8", "replace")

    def _area(self, view: View, slug: str) -> str:
        area = checks.area(view, slug, partial(self._evidence, view), partial(self._strips, view))
        return self._kept.draw("area", area, slug)

    def _strips(self, view: View, id_: str) -> tuple[Strip, ...]:
        return self._kept.same(
            f"strips {id_}",
            strips.key(view.past, id_, view.now),
            lambda: strips.both(view.past, id_, view.now) if view.past.watches else (),
        )

    def _evidence(self, view: View, entry: Entry) -> tuple[Evidence, ...]:
        """The evidence of what is well, some seconds old: it holds times that are others at each look."""
        finding = entry.finding
        if finding is None:
            return ()
        said = (finding.outcome, finding.cause, finding.summary, view.now // _CALM)
        return self._kept.same(f"evidence {entry.id}", said, lambda: finding.evidence)
