"""The status page: one document, a style sheet and a script, all from the agent itself.

It is imported when the page is first asked for: an agent that nobody looks at does not pay for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources

from pomhealth.publish.page.render import Drawer
from pomhealth.publish.view import View

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Vary", "Accept"),
)
_DRAWER = Drawer()


def parts(view: View) -> Iterator[tuple[str, str]]:
    """The parts of the page, each drawn when it is asked for: the id of an element, and that element's HTML.

    One view is to be drawn at a time.
    """
    return _DRAWER.parts(view)


def document(view: View, event: str, parts: Mapping[str, str]) -> bytes:
    """The whole document, of these parts. `event` is the id of the last event that they hold, from which page.js goes on."""
    return _DRAWER.document(view, event, parts)


def _read(name: str) -> bytes:
    return resources.files(__package__ or "").joinpath(name).read_bytes()


ASSETS = {
    "/page.css": ("text/css; charset=utf-8", _read("page.css")),
    "/page.js": ("text/javascript; charset=utf-8", _read("page.js")),
}
