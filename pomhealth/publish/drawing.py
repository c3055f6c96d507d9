"""Draws a document a part at a time, with others' turns between, so that nobody who asks waits for it.

It is drawn for who looks, and then kept: until a check turns, or for a second.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from pomhealth.publish.browser import Browser
from pomhealth.publish.events.channel import Newest
from pomhealth.publish.events.wire import Place
from pomhealth.publish.message import Response
from pomhealth.publish.view import View
from pomhealth.reach import Silent

FRESH = 1.0  # seconds for which the page is as new as anybody needs it, where no check turned
_AT_A_TIME = 4  # of those who wait for it, in one turn of the event loop


class Drawing:
    """One of the DOCUMENTS, and those who wait for it."""

    def __init__(self, boot: str, view: Callable[[], View], browser: Browser, document: str) -> None:
        self.forms = Newest(boot)
        self._document = document
        self._boot = boot
        self._view = view
        self._browser = browser
        self._waiting: dict[Callable[[], None], None] = {}
        self._turns = 0
        self._drawn_at = (-1, 0.0)  # turns, and the event loop's time
        self._page: Response | None = None
        self._one = asyncio.Lock()
        self._work: asyncio.Task[None] | None = None

    def turned(self) -> None:
        """What was drawn is old."""
        self._turns += 1

    @property
    def ready(self) -> bool:
        """Whether it can be drawn at once."""
        return self._browser.ready

    @property
    def page(self) -> Response | None:
        """The page as it is, None where it is to be waited for."""
        turns, at = self._drawn_at
        fresh = turns == self._turns and asyncio.get_running_loop().time() - at < FRESH
        return self._page if fresh else None

    def file(self, path: str) -> Response | None:
        """A file that belongs to the documents, None where it is to be waited for."""
        return self._browser.file(path) if self._browser.ready else None

    def wait(self, again: Callable[[], None]) -> None:
        """Has `again` called once there is a page and its files, unless `release` comes first."""
        self._waiting[again] = None
        if self._work is None:
            self._work = asyncio.ensure_future(self._for_those_who_wait())

    def release(self, again: Callable[[], None]) -> None:
        self._waiting.pop(again, None)

    def close(self) -> None:
        if self._work is not None:
            self._work.cancel()

    async def look(self) -> None:
        """Takes in the parts as they are now. Raises Silent where the page cannot be loaded."""
        async with self._one:
            if not self._browser.ready:
                await self._browser.load()
            turns, began = self._turns, asyncio.get_running_loop().time()
            view = self._view()
            parts = {}
            for part in self._browser.parts(self._document, view):
                if part is not None:
                    parts[part[0]] = part[1]
                await asyncio.sleep(0)
            self.forms.become(parts)
            if self._waiting:
                place = str(Place(self._boot, self.forms.latest))
                self._page = self._browser.page(self._document, view, place, parts)
                self._drawn_at = (turns, began)

    async def _for_those_who_wait(self) -> None:
        try:
            with contextlib.suppress(Silent):
                await self.look()
        finally:
            self._work = None
        for place, again in enumerate(tuple(self._waiting), 1):
            if again in self._waiting:
                again()
            if not place % _AT_A_TIME:
                await asyncio.sleep(0)
