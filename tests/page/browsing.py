"""A headless Chromium, and what its user sees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect, sync_playwright

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-lcd-text",  # pictures are smaller without coloured edges
)
DESKTOP = (1440, 900)
PHONE = (390, 844)
NARROW = (320, 640)
PATIENCE = 20.0  # seconds: a wrong page fails a test, a slow machine does not


@contextmanager
def browser(program: Path) -> Iterator[Browser]:
    """The browser, with a profile of its own; it is gone afterwards."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(program), args=list(QUIET))
        try:
            yield started
        finally:
            started.close()


class Visit:
    """A page that somebody looks at; `asked` are the addresses that it loaded, `troubles` what its console said."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.troubles: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", lambda said: self.troubles.append(said.text))

    def origins(self) -> set[str]:
        """Where it asked, but for what stands in the page itself."""
        split = (urlsplit(url) for url in self.asked)
        return {f"{one.scheme}://{one.netloc}" for one in split if one.scheme != "data"}

    def live(self) -> None:
        """Waits until the page follows the agent."""
        expect(self.page.locator("html")).to_have_class(re.compile("live"), timeout=PATIENCE * 1000)

    def old(self) -> None:
        """Waits until the page says that it is old."""
        expect(self.page.locator("html")).to_have_class(re.compile("is-old"), timeout=PATIENCE * 1000)


@contextmanager
def visit(browser: Browser, url: str, size: tuple[int, int] = DESKTOP, **options: Any) -> Iterator[Visit]:
    """Opens the page as a new user. `options` are those of Playwright's contexts."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
    context.set_default_timeout(PATIENCE * 1000)
    try:
        visiting = Visit(context.new_page())
        visiting.page.goto(url)
        yield visiting
    finally:
        context.close()
