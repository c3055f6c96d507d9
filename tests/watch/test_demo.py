"""From a real fault to what a person sees: the demo's PostgreSQL made read-only, watched in each way."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

import pytest

from tests.demos import Demo, running_demo
from tests.watch import terminal
from tests.watch.test_plain import watching

FAULT = "postgres-read-only"


@pytest.fixture(scope="module")
def running() -> Iterator[Demo]:
    with running_demo() as started:
        yield started


def test_a_fault_and_its_end_are_seen_on_the_screen_and_in_lines(running: Demo) -> None:
    with watching("-a", running.listen) as lines, terminal.watching("-a", running.listen) as screen:
        lines.until(r" ✓ ready; \d+ checks: ")
        screen.until(lambda text: "✓ Ready" in text)
        running.do("--break", FAULT)
        screen.until(lambda text: "✗ Not ready: storage.backend (read-only)" in text)
        lines.until(r" ✗ storage\.backend: read-only: PostgreSQL takes no writes.*\(was pass for ")
        lines.until(r" ✗ not ready: storage\.backend \(read-only\); ")
        text = screen.until(lambda text: "To do, by whoever runs the database:" in text)
        assert re.search(r"^>✗ fail     storage\.backend ", text, re.MULTILINE)
        running.do("--heal", FAULT)
        screen.until(lambda text: "✓ Ready" in text)
        lines.until(r" ✓ storage\.backend: .*\(was fail: read-only for ")
        screen.press("q")
        assert screen.wait() == 0
        assert lines.end(signal.SIGTERM) == (0, "")
