"""A real browser for the page's tests. It ends with each module: Playwright keeps the thread's event loop to itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.page.browsing import browser as running
from tests.tools import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running(chromium()) as started:
        yield started
