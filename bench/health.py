"""`pomhealth health`, installed from a wheel, beside curl asking the same question: whole processes in turns."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.stage import peak_memory
from bench.table import milliseconds, percentile, table

BUDGET, BUDGET_MEMORY = 2.5, 16  # times curl; MiB
_ROOT = Path(__file__).parents[1]


@dataclass
class Runs:
    """`seconds` a run; `peak` the largest resident set seen, in MiB."""

    seconds: list[float] = field(default_factory=list)
    peak: float = 0.0


def run(agent: str, *, runs: int) -> str:
    """So many runs of each against the agent at HOST:PORT."""
    curl = shutil.which("curl")
    if curl is None:
        return "  curl is not installed: nothing to compare with"
    with installed() as bin_:
        commands = {
            "pomhealth health": [str(bin_ / "pomhealth"), "health", "-a", agent],
            "curl": [
                curl,
                "-s",
                "-f",
                "-m",
                "5",
                "-H",
                "Accept: text/tab-separated-values",
                f"http://{agent}/status",
            ],
            "python -c pass": [str(bin_ / "python"), "-c", "pass"],
        }
        measured = {name: Runs() for name in commands}
        for _ in range(runs):
            for name, command in commands.items():
                measured[name].seconds.append(_timed(command))
        for _ in range(max(runs // 10, 3)):
            for name, command in commands.items():
                measured[name].peak = max(measured[name].peak, _peak(command))
    base = percentile(measured["curl"].seconds, 0.5)
    rows = [
        (
            name,
            milliseconds(percentile(one.seconds, 0.5)),
            milliseconds(percentile(one.seconds, 0.95)),
            f"{percentile(one.seconds, 0.5) / base:.2f}",
            f"{one.peak:.1f} MiB",
        )
        for name, one in measured.items()
    ]
    return (
        f"Whole processes, {runs} runs each in turns (budget: {BUDGET} times curl, {BUDGET_MEMORY} MiB):\n"
        + table(("", "median", "p95", "to curl", "peak memory"), rows)
    )


@contextlib.contextmanager
def installed() -> Iterator[Path]:
    """The `bin` of a new virtual environment with the project in it, from a wheel as a user installs it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        _call(*pip, "wheel", "--no-deps", "--wheel-dir", directory, str(_ROOT))
        (wheel,) = Path(directory).glob("*.whl")
        environment = Path(directory, "venv")
        _call(sys.executable, "-m", "venv", "--without-pip", str(environment))
        _call(*pip, "--python", str(environment / "bin" / "python"), "install", "--no-deps", str(wheel))
        yield environment / "bin"


def _call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


def _timed(command: list[str]) -> float:
    """Seconds from start to end. Without a timeout, for which subprocess would poll instead of waiting."""
    began = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: the agent must be healthy")
    return took


def _peak(command: list[str]) -> float:
    """The largest resident set in MiB, as last seen in /proc while it ran (a child's rusage holds its parent's too)."""
    peak = 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, peak_memory(process.pid))
    return peak
