"""Draws the page: each part from its model by its template, anew only when the model is another than before."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pomhealth import __version__
from pomhealth.publish.page import about, alerts, certificates, checks, strips, verdict, words
from pomhealth.publish.page.icon import OLD, icon
from pomhealth.publish.page.strips import Strip
from pomhealth.publish.view import View
from pomhealth.report.origins import shown
from pomhealth.status import Entry, Evidence

Made = TypeVar("Made")
_CALM = 10  # seconds
_AGE = re.compile(r'(<time class="age"[^>]* datetime="([^"]+)">)[^<]*')
_LOOKED = re.compile(r'(<time class="age" data-of="([^"]*)")>')


class Drawer:
    """Draws views, one after another. What is the same in the next one is kept."""

    def __init__(self) -> None:
        """Reads every template: that takes longest, and is over once it can draw."""
        environment = _environment()
        self._templates = {name: environment.get_template(name) for name in environment.list_templates()}
        self._kept: dict[str, tuple[object, Any]] = {}
        self._fresh: dict[str, tuple[object, Any]] = {}

    def parts(self, view: View) -> Iterator[tuple[str, str]]:
        """Every part of the page, one after the other: the id of its element, and that element.

        No age in words is in it: it would never be the same twice. page.js puts it in, and `document`.
        """
        self._kept, self._fresh = self._fresh, {}
        yield "part-verdict", self._draw("verdict", verdict.verdict(view))
        yield "part-now", self._draw("now", alerts.alerts(view))
        for slug in checks.names(view):
            yield f"part-area-{slug}", self._area(view, slug)
        yield "part-without", self._draw("without", checks.without_meaning(view))
        yield "part-certificates", self._draw("certificates", certificates.certificates(view))
        yield "part-changes", self._draw("changes", about.changes(view))
        yield "part-facts", self._draw("facts", about.facts(view))
        yield "part-lag", self._draw("lag", about.lag(view))
        yield "part-origins", self._draw("origins", view.sections)
        yield "part-looked", self._draw("looked", _looked(view))

    def document(self, view: View, event: str, parts: Mapping[str, str]) -> bytes:
        """The whole document at the moment of the view, of these parts of it, ages and all."""
        made = {id_.removeprefix("part-"): Markup(part) for id_, part in parts.items()}  # noqa: S704  (drawn by templates that escape)
        document = self._templates["page.html"].render(
            made=made,
            areas=[part for id_, part in made.items() if id_.startswith("area-")],
            verdict=verdict.verdict(view),
            event=event,
            now=view.now,
            strips=bool(view.past.watches),
            version=__version__,
            old=icon(OLD),
        )
        return _dated(document, view).encode("utf-8", "replace")

    def _area(self, view: View, slug: str) -> str:
        area = checks.area(view, slug, partial(self._evidence, view), partial(self._strips, view))
        return self._draw("area", area, slug)

    def _strips(self, view: View, id_: str) -> tuple[Strip, ...]:
        return self._same(
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
        return self._same(f"evidence {entry.id}", said, lambda: finding.evidence)

    def _draw(self, template: str, model: object, name: str = "") -> str:
        return self._same(
            f"{template} {name}",
            model,
            lambda: self._templates[f"{template}.html"].render(it=model),
        )

    def _same(self, name: str, key: object, make: Callable[[], Made]) -> Made:
        """What was made under this name for the view before, or anew where its key is another than then."""
        kept = self._kept.get(name)
        if kept is None or kept[0] != key:
            kept = (key, make())
        self._fresh[name] = kept
        made: Made = kept[1]
        return made


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__ or ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_fit,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(rfc=words.rfc, moment=words.moment, shown=shown, id=_id, fragment=_fragment)
    return environment


def _fit(value: Any) -> Any:
    """What a template prints: any text but a part of the page may hold what was observed."""
    return words.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _looked(view: View) -> str:
    return json.dumps(dict(checks.looked(view)), separators=(",", ":"))


def _id(text: str) -> Markup:
    """An id or an option's name that may go on in the next line after a dot or a dash below."""
    return Markup(re.sub(r"([._])(?=.)", r"\1<wbr>", str(Markup.escape(words.clean(text)))))  # noqa: S704


def _fragment(id_: str) -> str:
    """An id as it stands in an address."""
    return quote(words.clean(id_))


def _dated(document: str, view: View) -> str:
    """The document with every age in words, as of the view's moment."""
    looked = {str(Markup.escape(words.clean(id_))): at for id_, at in checks.looked(view)}

    def look(found: re.Match[str]) -> str:
        at = looked.get(found[2], 0.0)
        return f'{found[1]} datetime="{words.rfc(at)}">' if at else f"{found[0]}{words.NOT_YET}"

    def past(found: re.Match[str]) -> str:
        at = datetime.fromisoformat(found[2].replace("Z", "+00:00")).timestamp()
        return found[1] + words.age(view.now - at)

    return _AGE.sub(past, _LOOKED.sub(look, document)) if view.now else document
