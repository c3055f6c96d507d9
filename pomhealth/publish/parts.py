"""The parts of the page, for those who look at it: who does not costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from pomhealth.publish.view import View


def parts(view: View) -> Iterator[tuple[str, Callable[[], str]]]:
    """Each part's id, and the call that makes its HTML."""
    from pomhealth.publish import page  # noqa: PLC0415  (templates are loaded for the first who looks)

    for id_, html in page.parts(view).items():
        yield id_, partial(str, html)
