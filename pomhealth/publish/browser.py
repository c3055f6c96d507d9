"""What a browser is given: the pages and what belongs to them, loaded for the first who looks, and not before."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Protocol

from pomhealth.blocking import Workers
from pomhealth.publish.message import Response
from pomhealth.publish.view import View

_PAGE = "pomhealth.publish.page"
_LOADING = 30.0  # seconds: templates are compiled, and the disk may be slow

REPLICA, REPLICAS, EVERY_REPLICA = "replica", "replicas", "every-replica"
DOCUMENTS = (REPLICA, REPLICAS, EVERY_REPLICA)  # the last with those that were silent for long

Part = tuple[str, str] | None  # the id and the HTML of an element; None where others are to have their turn


class Browser(Protocol):
    """Draws for browsers, once it is ready."""

    @property
    def ready(self) -> bool:
        """Whether it can draw already; else `load` is to be called."""

    async def load(self) -> None:
        """Makes it ready. Raises Silent where that takes too long."""

    def parts(self, document: str, view: View) -> Iterator[Part]:
        """The parts of one of the DOCUMENTS, drawn when they are asked for."""

    def page(self, document: str, view: View, place: str, parts: Mapping[str, str]) -> Response:
        """The document of these parts; `place` is where a reader of events goes on who sees it."""

    def file(self, path: str) -> Response:
        """A file that belongs to the documents."""


class Drawn:
    """The documents that this package has."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._loading = asyncio.Lock()
        self.ready = False

    async def load(self) -> None:
        """In a thread: it takes a tenth of a second and more."""
        async with self._loading:
            if not self.ready:
                await self._workers.call("page", _load, deadline=_LOADING)
                self.ready = True

    def parts(self, document: str, view: View) -> Iterator[Part]:
        from pomhealth.publish import page  # noqa: PLC0415

        return page.parts(document, view)

    def page(self, document: str, view: View, place: str, parts: Mapping[str, str]) -> Response:
        from pomhealth.publish import page  # noqa: PLC0415

        body = page.whole(document, view, place, parts)
        return Response(HTTPStatus.OK, body, "text/html; charset=utf-8", page.HEADERS)

    def file(self, path: str) -> Response:
        from pomhealth.publish import page  # noqa: PLC0415

        kind, body = page.ASSETS[path]
        return Response(HTTPStatus.OK, body, kind, page.HEADERS)


def _load() -> None:
    importlib.import_module(_PAGE)
