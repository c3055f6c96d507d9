"""Little processes, and stand-ins that a whole module looks at."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.replica.little import Little

RECORDINGS = Path(__file__).parent.parent / "recordings"


@pytest.fixture
def little() -> Iterator[Little]:
    """A factory of little processes for one test."""
    with tempfile.TemporaryDirectory(prefix="pomhealth-") as directory:
        Path(directory).chmod(0o755)
        made = Little(Path(directory))
        try:
            yield made
        finally:
            made.close()


@pytest.fixture
def recording() -> Callable[[str, str], bytes]:
    """The content of one recorded answer, without the header of an HTTP one."""

    def read(state: str, name: str) -> bytes:
        content = (RECORDINGS / state / name).read_bytes()
        return content.partition(b"\r\n\r\n")[2] or content if name.endswith(".http") else content

    return read


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Waits until something holds, for at most ten seconds."""

    def wait(holds: Callable[[], object]) -> None:
        over = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < over, "it never came true"
            time.sleep(0.01)

    return wait
