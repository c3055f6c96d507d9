"""A benchmark that is told to end leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pomhealth-") as name:
        Path(name).chmod(0o711)  # PostgreSQL runs as another user where the tests run as root
        yield Path(name)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_a_benchmark_has_started_ends_with_it(scratch: Path, number: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.faults", "--short"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 60
        while not list(scratch.glob("bench-*/demo/agent.log")):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        started = psutil.Process(process.pid).children(recursive=True)
        assert len(started) >= 3
        process.send_signal(number)
        assert process.wait(30) == 128 + number
        _, alive = psutil.wait_procs(started, timeout=30)
        assert not alive
        assert list(scratch.iterdir()) == []
    finally:
        process.kill()
        process.wait(30)
