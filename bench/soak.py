"""An hour of churn: does the agent grow? `python -m bench.soak --minutes 60 [--samples FILE]`.

Every ten seconds its memory, descriptors, threads and connections are counted; the medians of the second tenth of
the time and of the last are compared. Ends with status 1 when they are not the same.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from statistics import median

import psutil

from bench.churn.churning import MILD, churned
from bench.churn.report import told
from bench.churn.vitals import Peers, Vitals, vitals
from bench.ending import end_in_order
from bench.stage import staged
from bench.table import table
from pomhealth.demo.stage import Stage

_TENTHS = 10
_MORE_MEMORY = 0.05  # the share by which memory may grow
_MORE_THINGS = 2  # descriptors, threads, connections
_COUNTED = ("descriptors", "threads", "storage", "envoy", "report", "local", "clients")
_MEASURED = ("rss", "pss")
_HEADS = {
    "rss": "RSS MiB",
    "pss": "PSS MiB",
    "descriptors": "descriptors",
    "threads": "threads",
    "storage": "PostgreSQL",
    "envoy": "Envoy",
    "report": "own report",
    "local": "Unix sockets",
    "clients": "clients",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """`at` is seconds since the first."""

    at: float
    vitals: Vitals


class Sampler(threading.Thread):
    """Counts every so many seconds until `end`; each sample goes to `keep` at once."""

    def __init__(self, stage: Stage, every: float, keep: Callable[[Sample], None]) -> None:
        super().__init__(daemon=True)
        self.samples: list[Sample] = []
        self._every, self._keep = every, keep
        self._pid, self._peers = stage.agent_pid, _peers(stage)
        self._over = threading.Event()

    def run(self) -> None:
        began = time.monotonic()
        while not self._over.is_set():
            with contextlib.suppress(OSError, psutil.Error):  # the agent has ended: the churn tells of that
                sample = Sample(time.monotonic() - began, vitals(self._pid, self._peers))
                self.samples.append(sample)
                self._keep(sample)
            self._over.wait(self._every)

    def end(self) -> None:
        self._over.set()
        self.join()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two samples")
    parser.add_argument(
        "--samples", type=Path, help="a file to which each sample is added, a line of JSON each"
    )
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10_000), help="of the order of the acts"
    )
    options = parser.parse_args()
    end_in_order()
    text, growth = soak(options.minutes, every=options.every, file=options.samples, seed=options.seed)
    print(f"{text}\n  (seed {options.seed})")
    return 1 if growth else 0


def soak(minutes: float, *, every: float, file: Path | None, seed: int) -> tuple[str, list[str]]:
    """The tables, and what grew: nothing when it is flat."""
    with staged() as stage, contextlib.ExitStack() as stack:
        sampler = Sampler(stage, every, lambda sample: _append(file, sample))
        sampler.start()
        stack.callback(sampler.end)
        outcome = churned(stage, MILD, minutes * 60, seed=seed)
        sampler.end()
    tenths = by_tenths(sampler.samples)
    growth = grown(tenths)
    verdict = f"NOT flat: {'; '.join(growth)}" if growth else "flat"
    return (
        f"{told(outcome)}\n\n"
        f"By tenths of {minutes:.0f} minutes, a sample every {every:.0f} s, medians"
        f" (the second tenth against the last): {verdict}\n{_rows(tenths)}"
    ), growth


def by_tenths(samples: Sequence[Sample]) -> list[list[Sample]]:
    """The samples of each tenth of the time, without those that have none."""
    last = samples[-1].at or 1.0
    tenths: list[list[Sample]] = [[] for _ in range(_TENTHS)]
    for sample in samples:
        tenths[min(int(sample.at / last * _TENTHS), _TENTHS - 1)].append(sample)
    return [tenth for tenth in tenths if tenth]


def grown(tenths: Sequence[Sequence[Sample]]) -> list[str]:
    """What is more in the last tenth than in the second, by more than it may be."""
    if len(tenths) < _TENTHS:
        return [f"only {len(tenths)} tenths have a sample"]
    found = []
    for name in (*_MEASURED, *_COUNTED):
        before, after = _median(tenths[1], name), _median(tenths[-1], name)
        most = before * (1 + _MORE_MEMORY) if name in _MEASURED else before + _MORE_THINGS
        if after > most:
            found.append(f"{_HEADS[name]} {before:.1f} → {after:.1f}")
    return found


def _rows(tenths: Sequence[Sequence[Sample]]) -> str:
    rows = []
    for tenth in tenths:
        spent = tenth[-1].vitals.cpu - tenth[0].vitals.cpu
        lasted = tenth[-1].at - tenth[0].at
        rows.append(
            (
                f"{tenth[0].at / 60:.1f} min",
                *(f"{_median(tenth, name):.1f}" for name in _MEASURED),
                f"{max(sample.vitals.rss for sample in tenth):.1f}",
                *(f"{_median(tenth, name):.0f}" for name in _COUNTED),
                f"{spent / lasted:.2%}" if lasted else "",
            )
        )
    names = [_HEADS[name] for name in _MEASURED]
    return table(("from", *names, "RSS most", *(_HEADS[name] for name in _COUNTED), "CPU"), rows)


def _median(samples: Sequence[Sample], name: str) -> float:
    return median(float(getattr(sample.vitals, name)) for sample in samples)


def _append(file: Path | None, sample: Sample) -> None:
    if file is None:
        return
    moment = datetime.now(timezone.utc).isoformat(timespec="seconds")
    with file.open("a") as lines:
        lines.write(json.dumps({"time": moment, "at": round(sample.at, 1), **asdict(sample.vitals)}) + "\n")


def _peers(stage: Stage) -> Peers:
    replica = stage.replica
    envoy = [
        where[1] for where in (replica.address, replica.admin, replica.grpc_address, replica.metrics) if where
    ]
    return Peers(
        storage=stage.postgres.port,
        envoy=frozenset(envoy),
        report=replica.health[1] if replica.health else 0,
        listen=int(stage.listen.rpartition(":")[2]),
    )


if __name__ == "__main__":
    raise SystemExit(main())
