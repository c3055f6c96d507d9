"""Makes docs/images/watch.svg: `pomhealth watch` beside the real demo, with a fault. `python -m tests.watch.capture`."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from pomhealth.client.ask import Address
from pomhealth.report.style import Style
from pomhealth.watch.view.app import View
from tests.demos import Demo, running_demo

IMAGE = Path(__file__).parents[2] / "docs" / "images" / "watch.svg"
SIZE = (100, 32)
FAULT, CHECK = "postgres-read-only", "storage.backend (read-only)"
_PATIENCE = 30.0  # seconds
_FONTS = re.compile(r"@font-face\s*\{.*?\}\s*", re.DOTALL)  # they would be fetched from elsewhere


async def capture(running: Demo) -> str:
    """The view as SVG, once the fault is on it."""
    view = View([Address(running.listen)], "", Style())
    async with view.run_test(size=SIZE) as pilot:
        end = asyncio.get_running_loop().time() + _PATIENCE
        shows = "Asked"
        while CHECK not in shows:
            assert asyncio.get_running_loop().time() < end, shows
            await pilot.pause(0.1)
            shows = view.export_screenshot().replace("&#160;", " ")
        await pilot.pause(2.0)  # what follows from the fault is seen a little later
        return _FONTS.sub("", view.export_screenshot(title="pomhealth watch"))


def main() -> None:
    with running_demo() as running:
        running.do("--break", FAULT)
        picture = asyncio.run(capture(running))
    IMAGE.parent.mkdir(parents=True, exist_ok=True)
    IMAGE.write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
