"""The pages of the replica and of the cluster, a style sheet and a script, all from the agent itself.

It is imported when one of them is first asked for: an agent that nobody looks at does not pay for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources

from pomhealth.publish.browser import EVERY_REPLICA, REPLICA, REPLICAS, Part
from pomhealth.publish.page import paper
from pomhealth.publish.page.cluster.render import Drawer as Cluster
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
_TEMPLATES = paper.templates()
_DRAWERS: Mapping[str, Drawer | Cluster] = {
    REPLICA: Drawer(_TEMPLATES),
    REPLICAS: Cluster(_TEMPLATES, everyone=False),
    EVERY_REPLICA: Cluster(_TEMPLATES, everyone=True),
}


def parts(document: str, view: View) -> Iterator[Part]:
    """The parts of a document, each drawn when it is asked for: the id of an element, and that element's HTML.

    One view is to be drawn at a time, for each document.
    """
    return _DRAWERS[document].parts(view)


def whole(document: str, view: View, event: str, parts: Mapping[str, str]) -> bytes:
    """The whole document, of these parts, which were drawn last. `event` is the id of the last event that they hold, from which page.js goes on."""
    return _DRAWERS[document].document(view, event, parts)


def _read(name: str) -> bytes:
    return resources.files(__package__ or "").joinpath(name).read_bytes()


ASSETS = {
    "/page.css": ("text/css; charset=utf-8", _read("page.css")),
    "/replicas.css": ("text/css; charset=utf-8", _read("replicas.css")),
    "/page.js": ("text/javascript; charset=utf-8", _read("page.js")),
}
