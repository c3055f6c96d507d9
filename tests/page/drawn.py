"""The documents of a view as a whole."""

from __future__ import annotations

from pomhealth.publish import page as module
from pomhealth.publish.browser import REPLICA
from pomhealth.publish.view import View


def parts(view: View, document: str = REPLICA) -> dict[str, str]:
    return dict(part for part in module.parts(document, view) if part is not None)


def page(view: View, event: str = "", document: str = REPLICA) -> bytes:
    return module.whole(document, view, event, parts(view, document))
