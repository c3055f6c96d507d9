"""What the documents are drawn on: the templates, what they may print, and the ages in a whole document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from pomhealth.publish.page import words
from pomhealth.report.origins import shown

_AGE = re.compile(r'(<time class="age"[^>]* datetime="([^"]+)">)[^<]*')
_LOOKED = re.compile(r'(<time class="age" data-of="([^"]*)")>')


def templates() -> Mapping[str, Template]:
    """Every template by its name, read: that takes longest."""
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
    return {name: environment.get_template(name) for name in environment.list_templates()}


def drawn(html: str) -> Markup:
    """What was drawn by a template, and so escaped, for another one to print."""
    return Markup(html)  # noqa: S704


def safe(parts: Mapping[str, str]) -> dict[str, Markup]:
    """Parts that were drawn by templates, by their names."""
    return {id_.removeprefix("part-"): drawn(part) for id_, part in parts.items()}


def looked(moments: Iterable[tuple[str, float]]) -> str:
    """Moments by id, for page.js. They stand in a part of their own, since they are others all the time."""
    return json.dumps(dict(moments), separators=(",", ":"))


def dated(document: str, moments: Iterable[tuple[str, float]], now: float) -> str:
    """The document with every age in words, as of `now`; nothing is known of ages where that is 0."""
    by_id = {str(Markup.escape(words.clean(id_))): at for id_, at in moments}

    def look(found: re.Match[str]) -> str:
        at = by_id.get(found[2], 0.0)
        return f'{found[1]} datetime="{words.rfc(at)}">' if at else f"{found[0]}{words.NOT_YET}"

    def past(found: re.Match[str]) -> str:
        at = datetime.fromisoformat(found[2].replace("Z", "+00:00")).timestamp()
        return found[1] + words.age(now - at)

    return _AGE.sub(past, _LOOKED.sub(look, document)) if now else document


def _fit(value: Any) -> Any:
    """What a template prints: any text but a part of the page may hold what was observed."""
    return words.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _id(text: str) -> Markup:
    """An id or an option's name that may go on in the next line after a dot or a dash below."""
    return Markup(re.sub(r"([._])(?=.)", r"\1<wbr>", str(Markup.escape(words.clean(text)))))  # noqa: S704


def _fragment(id_: str) -> str:
    """An id as it stands in an address."""
    return quote(words.clean(id_))
