"""The page for a browser: loaded for the first who looks, while nobody else waits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pomhealth.blocking import Workers
from pomhealth.publish.browser import Drawn
from pomhealth.publish.http import Server
from pomhealth.publish.pages import MOST_HELD, Pages
from pomhealth.reach import Silent
from pomhealth.status import passed
from tests.publish.views import NoPage, view

WELL = view({"pomerium.process": passed("fine")}, started=True)
PATIENCE = 10.0  # seconds
PAGE = b"GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
READYZ = b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Slow(NoPage):
    """A page that can be drawn once `loaded` is set; the first `failing` tries take too long."""

    def __init__(self, failing: int = 0) -> None:
        self.ready = False
        self.loaded = asyncio.Event()
        self.begun = asyncio.Event()
        self.tries = 0
        self._failing = failing

    async def load(self) -> None:
        self.tries += 1
        self.begun.set()
        if self.tries <= self._failing:
            raise Silent("the page", "no answer within 30 s")
        await self.loaded.wait()
        self.ready = True


@asynccontextmanager
async def serving(browser: NoPage | Drawn) -> AsyncIterator[int]:
    server = Server(Pages(lambda: WELL, browser))
    port = await server.listen("127.0.0.1", 0)
    try:
        yield port
    finally:
        await server.close()


async def asked(port: int, question: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(question)
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_whoever_looks_first_waits_and_nobody_else_does() -> None:
    browser = Slow()
    async with serving(browser) as port:
        looking = [asyncio.ensure_future(asked(port, PAGE)) for _ in range(MOST_HELD + 10)]
        await asyncio.wait_for(browser.begun.wait(), PATIENCE)
        assert (await asked(port, READYZ)).startswith(b"HTTP/1.1 200")
        assert not any(one.done() for one in looking)
        browser.loaded.set()
        pages = await asyncio.gather(*looking)
        assert all(one.startswith(b"HTTP/1.1 200") and one.endswith(b"{}") for one in pages)
        assert browser.tries == 1


async def test_a_page_that_could_not_be_loaded_is_tried_again() -> None:
    browser = Slow(failing=2)
    browser.loaded.set()
    async with serving(browser) as port:
        assert (await asked(port, PAGE)).startswith(b"HTTP/1.1 200")
        assert browser.tries == 3


@pytest.mark.parametrize(
    "path", [b"/", b"/replicas", b"/replicas?all", b"/page.css", b"/replicas.css", b"/page.js", b"/page.css/"]
)
async def test_the_page_and_its_files_are_served(path: bytes) -> None:
    async with serving(Drawn(Workers())) as port:
        answer = await asked(port, PAGE.replace(b"GET /", b"GET " + path))
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"Content-Security-Policy: default-src 'none'" in answer
        assert len(answer.partition(b"\r\n\r\n")[2]) > 1000


async def test_a_reader_of_parts_who_comes_first_is_told_of_them() -> None:
    async with serving(Drawn(Workers())) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /events?parts&last=0ther-3 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"event: reset" in await asyncio.wait_for(reader.readuntil(b"event: reset"), PATIENCE)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
