"""The fixtures that every test may ask for."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from pomhealth.checks import cluster_version_current
from pomhealth.releases.cache import Kept, digest

pytest_plugins = ["tests.standin"]

# For programs that tests start: none asks the public feed, none remembers what another test did.
os.environ.setdefault("POMHEALTH_RELEASE_FEED", "off")
os.environ.setdefault("POMHEALTH_HISTORY", "false")
# Each of the programs would compile all of pomhealth anew where the environment says to keep nothing of it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


# What takes longest begins first, or one worker would be left with it at the end.
_LONG = ("acceptance", "systemd", "cluster", "watch", "page", "agent", "demo", "checks", "bench", "generate")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts by the room of the tests; within one the order stays."""
    rooms = {name: place for place, name in enumerate(_LONG)}
    tests = Path(__file__).parent
    items.sort(key=lambda item: rooms.get(item.path.relative_to(tests).parts[0], len(rooms)))


@pytest.fixture(autouse=True)
def no_release_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asks the public feed of releases, nor writes into its user's cache."""

    def consult(feed: str, path: Path, noted: Kept, now: float) -> Kept:
        del path, noted, now
        return Kept(digest(feed), failed=time.time(), why="tests ask no feed")

    monkeypatch.setattr(cluster_version_current, "consult", consult)
