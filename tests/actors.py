"""Little processes that play a part and stay until the test is done with them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pomhealth.replica import processes
from pomhealth.replica.model import Process


@contextmanager
def acting(script: str, *arguments: str, says: str) -> Iterator[Process]:
    """A process that runs this Python script, prints `says` once it is in its part, and ends with its input."""
    child = subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == f"{says}\n".encode()
        found = processes.process(child.pid)
        assert found is not None
        yield found
    finally:
        child.stdin.close()
        child.wait(5)
        child.stdout.close()
