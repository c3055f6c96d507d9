"""The page of a view as a whole."""

from __future__ import annotations

from pomhealth.publish import page as module
from pomhealth.publish.view import View


def parts(view: View) -> dict[str, str]:
    return dict(module.parts(view))


def page(view: View, event: str = "") -> bytes:
    return module.document(view, event, parts(view))
