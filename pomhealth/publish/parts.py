"""The page for a browser, for those who look at it: who does not costs nothing."""

from __future__ import annotations

from collections.abc import Mapping

from pomhealth.publish.view import View


def parts(view: View) -> Mapping[str, str]:
    """The HTML of each part of the page, by its id."""
    from pomhealth.publish import page  # noqa: PLC0415  (templates are loaded for the first who looks)

    return page.parts(view)
