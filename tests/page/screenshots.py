"""Renews the pictures of the page in docs/images: `python -m tests.page.screenshots`, in the project's root.

They are of a demo: healthy, then with storage that takes no writes and a certificate that ends soon.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect

from tests.demos import Demo, running_demo
from tests.page.browsing import PATIENCE, PHONE, browser, visit
from tests.tools import chromium

IMAGES = Path("docs/images")
MOST = 200 * 1024  # bytes of one picture
_SIZE = (1280, 740)
_PAST = 75  # seconds for which the demo runs before the pictures, so that there is a past to show
_FAULTS = ("certificate-expiring", "postgres-read-only")


def take(
    browser: Browser, demo: Demo, name: str, headline: str, size: tuple[int, int], **options: Any
) -> None:
    """One picture, once the page says what it should. Raises ValueError where it is too large for the docs."""
    with visit(browser, demo.url, size, **options) as visited:
        visited.live()
        expect(visited.page.locator("h1")).to_have_text(headline, timeout=PATIENCE * 1000)
        path = IMAGES / f"page-{name}.png"
        visited.page.screenshot(path=path)
    if path.stat().st_size > MOST:
        raise ValueError(f"{path} has {path.stat().st_size} bytes, {MOST} are allowed")


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with browser(chromium()) as started, running_demo() as running:
        running.do("--break", "postgres-stop")
        running.do("--heal", "postgres-stop")
        time.sleep(_PAST)
        take(started, running, "healthy", "Ready", _SIZE, color_scheme="light")
        for fault in _FAULTS:
            running.do("--break", fault)
        take(started, running, "light", "Not ready", _SIZE, color_scheme="light")
        take(started, running, "dark", "Not ready", _SIZE, color_scheme="dark")
        take(started, running, "phone", "Not ready", PHONE, color_scheme="light", device_scale_factor=1.5)


if __name__ == "__main__":
    main()
