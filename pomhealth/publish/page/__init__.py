"""The status page: one document, a style sheet and a script, all from the agent itself.

It is imported when the page is first asked for: an agent that nobody looks at does not pay for it.
"""

from __future__ import annotations

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


def page(view: View, event: str = "") -> bytes:
    """The whole document. `event` is the id of the last event that the view holds, from which page.js goes on."""
    return _DRAWER.page(view, event)


def parts(view: View) -> dict[str, str]:
    """The parts of the page that change: the id of an element of it, and that element's HTML."""
    return _DRAWER.parts(view)


def _read(name: str) -> bytes:
    return resources.files(__package__ or "").joinpath(name).read_bytes()


ASSETS = {
    "/page.css": ("text/css; charset=utf-8", _read("page.css")),
    "/page.js": ("text/javascript; charset=utf-8", _read("page.js")),
}
