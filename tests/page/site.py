"""A server in a thread of its own that shows made-up views to a browser."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pomhealth.blocking import Workers
from pomhealth.publish.browser import Drawn
from pomhealth.publish.http import Server
from pomhealth.publish.pages import Pages
from pomhealth.publish.view import View

_PATIENCE = 10.0  # seconds


class Site:
    """What is shown stays until `show` gives another view; both return once it is so."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._loop = asyncio.new_event_loop()
        self._pages = Pages(lambda: self._view, Drawn(Workers()))
        self._server = Server(self._pages)
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def show(self, view: View) -> None:
        """Shows this from now on, and tells who follows."""

        async def change() -> None:
            self._view = view
            self._pages.changed()

        asyncio.run_coroutine_threadsafe(change(), self._loop).result(_PATIENCE)

    def open(self) -> None:
        """Begins to answer, at the same address as before."""
        listening = self._server.listen("127.0.0.1", self.port)
        self.port = asyncio.run_coroutine_threadsafe(listening, self._loop).result(_PATIENCE)

    def close(self) -> None:
        """Says good-bye to those who follow, and answers no more."""
        asyncio.run_coroutine_threadsafe(self._server.close(), self._loop).result(_PATIENCE)

    def renew(self) -> None:
        """Another agent takes the place of this one."""
        self.close()
        self._pages = Pages(lambda: self._view, Drawn(Workers()))
        self._server = Server(self._pages)
        self.open()

    def run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)


@contextmanager
def serving(view: View) -> Iterator[Site]:
    """A site on a free port; it is gone afterwards."""
    site = Site(view)
    thread = threading.Thread(target=site.run)
    thread.start()
    site.open()
    try:
        yield site
    finally:
        site.close()
        site.stop()
        thread.join(_PATIENCE)
