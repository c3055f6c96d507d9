"""`pomhealth health`, installed from a wheel, beside curl asking the same question: whole processes in turns."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.spent import peak_memory
from bench.table import milliseconds, percentile, table

BUDGET, BUDGET_MEMORY = 2.5, 16  # times curl; MiB
_ROOT = Path(__file__).parents[2]
_OLDEST = "import sys; sys.exit(sys.version_info < (3, 10))"


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
    python = system_python()
    with installed(python) as (bin_, system):
        ask = ["health", "-a", agent]
        commands = {
            "pomhealth health, virtual environment": [str(bin_ / "pomhealth"), *ask],
            "pomhealth health, system-wide": [str(system / "pomhealth"), *ask],
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
            "python -c pass, virtual environment": [str(bin_ / "python"), "-c", "pass"],
            "python -c pass, system-wide": [python, "-c", "pass"],
        }
        environment = {**os.environ, "PYTHONUSERBASE": str(system.parent)}
        measured = {name: Runs() for name in commands}
        for _ in range(runs):
            for name, command in commands.items():
                measured[name].seconds.append(_timed(command, environment))
        for _ in range(max(runs // 10, 3)):
            for name, command in commands.items():
                measured[name].peak = max(measured[name].peak, _peak(command, environment))
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
def installed(python: str) -> Iterator[tuple[Path, Path]]:
    """Where the command is, installed from a wheel: the `bin` of a new virtual environment, and one that `python` runs
    and where it finds the package as after `sudo pip install`: as a user's installation, so that nothing of this
    machine's is changed, below PYTHONUSERBASE."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        _call(*pip, "wheel", "--no-deps", "--wheel-dir", directory, str(_ROOT))
        (wheel,) = Path(directory).glob("*.whl")
        environment = Path(directory, "venv")
        _call(sys.executable, "-m", "venv", "--without-pip", str(environment))
        _call(*pip, "--python", str(environment / "bin" / "python"), "install", "--no-deps", str(wheel))
        system = Path(directory, "system")
        _call(
            *(
                *pip,
                "--python",
                python,
                "install",
                "--no-deps",
                "--user",
                "--no-warn-script-location",
            ),
            *("--break-system-packages", "--ignore-installed", str(wheel)),
            PYTHONUSERBASE=str(system),
        )
        yield environment / "bin", system / "bin"


def system_python() -> str:
    """The interpreter of the system, or the one below this environment where that is too old."""
    own = str(Path(sys.base_exec_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}"))
    system = "/usr/bin/python3"
    fits = Path(system).exists() and not subprocess.run([system, "-c", _OLDEST], check=False).returncode
    return system if fits else own


def _call(*command: str, **environment: str) -> None:
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


def _timed(command: list[str], environment: dict[str, str]) -> float:
    """Seconds from start to end. Without a timeout, for which subprocess would poll instead of waiting."""
    began = time.perf_counter()
    done = subprocess.run(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    took = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: the agent must be healthy")
    return took


def _peak(command: list[str], environment: dict[str, str]) -> float:
    """The largest resident set in MiB, as last seen in /proc while it ran (a child's rusage holds its parent's too)."""
    peak = 0.0
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            peak = max(peak, peak_memory(process.pid))
    return peak
