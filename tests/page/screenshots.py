"""Renews the pictures of the page in docs/images: `python -m tests.page.screenshots`, in the project's root.

They are of a demo: healthy, then with storage that takes no writes and a certificate that ends soon. Those of the
cluster are of a made-up one.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect

from tests.demos import running_demo
from tests.page import clusters
from tests.page.browsing import PATIENCE, PHONE, browser, visit
from tests.page.site import serving
from tests.tools import chromium

IMAGES = Path("docs/images")
MOST = 200 * 1024  # bytes of one picture
_SIZE = (1280, 740)
_TALL = (1280, 1010)
_PAST = 75  # seconds for which the demo runs before the pictures, so that there is a past to show
_FAULTS = ("certificate-expiring", "postgres-read-only")


def take(browser: Browser, url: str, name: str, headline: str, size: tuple[int, int], **options: Any) -> None:
    """One picture, once the page says what it should. Raises ValueError where it is too large for the docs."""
    with visit(browser, url, size, **options) as visited:
        visited.live()
        expect(visited.page.locator("h1")).to_have_text(headline, timeout=PATIENCE * 1000)
        path = IMAGES / f"page-{name}.png"
        visited.page.screenshot(path=path)
    if path.stat().st_size > MOST:
        raise ValueError(f"{path} has {path.stat().st_size} bytes, {MOST} are allowed")


def cluster(started: Browser) -> None:
    with serving(clusters.rollout()) as site:
        url = f"{site.url}replicas"
        take(started, url, "cluster", "6 replicas, 2 ready", _TALL, color_scheme="light")


def replica(started: Browser) -> None:
    with running_demo() as running:
        running.do("--break", "postgres-stop")
        running.do("--heal", "postgres-stop")
        time.sleep(_PAST)
        take(started, running.url, "healthy", "Ready", _SIZE, color_scheme="light")
        for fault in _FAULTS:
            running.do("--break", fault)
        take(started, running.url, "light", "Not ready", _SIZE, color_scheme="light")
        take(started, running.url, "dark", "Not ready", _SIZE, color_scheme="dark")
        take(started, running.url, "phone", "Not ready", PHONE, color_scheme="light", device_scale_factor=1.5)


def main() -> None:
    """Those that are named (`cluster`, `replica`), or all."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with browser(chromium()) as started:
        for one in (replica, cluster):
            if one.__name__ in (sys.argv[1:] or (one.__name__,)):
                one(started)


if __name__ == "__main__":
    main()
