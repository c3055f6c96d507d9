"""What a browser is given: the page and what belongs to it, loaded for the first who looks, and not before."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Protocol

from pomhealth.blocking import Workers
from pomhealth.publish.message import Response
from pomhealth.publish.view import View

_PAGE = "pomhealth.publish.page"
_LOADING = 30.0  # seconds: templates are compiled, and the disk may be slow


class Browser(Protocol):
    """Draws for browsers."""

    @property
    def ready(self) -> bool:
        """Whether it can draw already; else `load` is to be called."""

    async def load(self) -> None:
        """Makes it ready. Raises Silent where that takes too long."""

    def parts(self, view: View) -> Mapping[str, str]:
        """The HTML of each part of the page, by its id."""

    def answer(self, path: str, view: View, place: str) -> Response:
        """The page, or a file that belongs to it; `place` is where a reader of events goes on who sees it."""


class Drawn:
    """The page that this package has."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self.ready = False

    async def load(self) -> None:
        """In a thread: it takes a tenth of a second and more."""
        await self._workers.call("page", _load, deadline=_LOADING)
        self.ready = True

    def parts(self, view: View) -> Mapping[str, str]:
        from pomhealth.publish import page  # noqa: PLC0415

        return page.parts(view)

    def answer(self, path: str, view: View, place: str) -> Response:
        from pomhealth.publish import page  # noqa: PLC0415

        if path in page.ASSETS:
            kind, body = page.ASSETS[path]
            return Response(HTTPStatus.OK, body, kind, page.HEADERS)
        return Response(HTTPStatus.OK, page.page(view, place), "text/html; charset=utf-8", page.HEADERS)


def _load() -> None:
    importlib.import_module(_PAGE)
