"""One engine with the images of the project and of the stand-in, for all tests that need one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker import images
from tests.docker.podman import Podman, engine, lack, refusal

DEBIAN = os.environ.get("POMHEALTH_DEBIAN", "")


@pytest.fixture(scope="session")
def debian() -> Path:
    """Skips where no image can be built, or nobody asked for it: `make image` does."""
    if not DEBIAN:
        pytest.skip("`make image` builds the images and runs them: for that it fetches a Debian")
    if lack():
        pytest.skip(lack())
    place = Path(DEBIAN).resolve()
    images.debian(place)
    return place


@pytest.fixture(scope="session")
def podman(debian: Path) -> Iterator[Podman]:
    if refused := refusal():
        pytest.skip(refused)
    with engine() as podman:
        images.bases(podman, debian, podman.root)
        images.pomhealth(podman)
        images.standin(podman, podman.root)
        yield podman
