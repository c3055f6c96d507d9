"""/readyz among five hundred readers, while faults come and go; and whether each of them was told everything."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.load.requests import Outcome, load
from bench.spent import cpu, held
from bench.stage import Demo, bare_envoy, coming_and_going
from bench.table import milliseconds, percentile, table

CONNECTIONS, STEADY = 16, 1000.0  # requests a second
BUDGET = 0.002  # seconds, p99
READERS = {"changes": 250, "parts": 150, "pages": 100}
UNKIND = {"slow": 20, "deaf": 20, "storm": 50}
_FAULTS = ("postgres-stop", "bad-config")
_PAUSE = 1.0  # seconds between a fault and its end, and that and the next
_CALM = 3.0  # seconds in which what is under way is told
_FILL = 20.0  # seconds more, in which what the kernel keeps for who does not read fills up, and the agent loses patience
_DEADLINE = 120.0  # seconds for a crowd to come, or to say what it was told
_ROOT = Path(__file__).parents[2]

Turn = tuple[str, str, str]  # when, of which check, to what


@dataclass
class Crowds:
    """Crowds that are there, and after their end what they say they were told, by kind."""

    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    said: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class Phase:
    """One stretch: the answers of /readyz, and beside them Envoy's.

    `share` is what the agent spent of a core, `waited` the share of the time in which its event loop could have run and
    had no core; `memory` the most that it held, in MiB.
    """

    name: str
    agent: Outcome
    envoy: Outcome
    share: float
    waited: float
    memory: float


def run(demo: Demo, *, seconds: float) -> tuple[str, bool]:
    """The tables; whether every reader that reads was told every change once, in order."""
    phases: list[Phase] = []
    with bare_envoy() as (envoy, _):

        def measure(name: str) -> None:
            phases.append(_phase(name, demo, envoy, seconds))

        measure("nobody reads")
        with coming_and_going(demo, _FAULTS, pause=_PAUSE):
            measure("nobody reads, faults come and go")
        with _history(demo) as history, _crowds(demo.agent, READERS) as kind:
            measure("500 readers")
            with coming_and_going(demo, _FAULTS, pause=_PAUSE):
                measure("500 readers, faults come and go")
                with _crowds(demo.agent, UNKIND) as unkind:
                    measure("the same, and slow, deaf and storming ones")
                    time.sleep(_FILL)
            time.sleep(_CALM)
            owed = dict(history)  # what turns while the readers leave, they may or may not have been told
        time.sleep(_CALM)
        measure("nobody reads any more")
    fair, right = _told(kind.said, owed, history)
    return f"{_table(phases, seconds)}\n\n{fair}\n{_unkind(unkind.said)}", right


def _phase(name: str, demo: Demo, envoy: str, seconds: float) -> Phase:
    """Agent and Envoy in turns of a second, so that what the machine does besides meets both."""
    agents, envoys = Outcome(), Outcome()
    most, began, spent = held(demo.agent_pid).memory, time.monotonic(), cpu(demo.agent_pid)
    waited = _waited(demo.agent_pid)
    for _ in range(max(int(seconds), 1)):
        agents.add(load(demo.agent, "/readyz", connections=CONNECTIONS, seconds=1, rate=STEADY))
        envoys.add(load(envoy, "/ready", connections=CONNECTIONS, seconds=1, rate=STEADY))
        most = max(most, held(demo.agent_pid).memory)
    took = time.monotonic() - began
    share, waited = (cpu(demo.agent_pid) - spent) / took, (_waited(demo.agent_pid) - waited) / took
    return Phase(name, agents, envoys, share, waited, most)


def _waited(pid: int) -> float:
    """Seconds in which a process's first thread was ready to run and others had the cores; 0 where nobody counts."""
    with contextlib.suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text("ascii").split()[1]) / 1e9
    return 0.0


@contextlib.contextmanager
def _history(demo: Demo) -> Iterator[dict[Turn, None]]:
    """What /status tells of the past, asked each second; in the order in which it happened."""
    over = threading.Event()
    seen: dict[Turn, None] = {}

    def look() -> None:
        with urllib.request.urlopen(f"http://{demo.agent}/status", timeout=10) as answer:
            for one in reversed(json.load(answer)["history"]):
                seen.setdefault((one["at"], one["id"], one["is"]))

    def work() -> None:
        while not over.wait(1.0):
            look()

    look()
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
        look()


@contextlib.contextmanager
def _crowds(address: str, kinds: dict[str, int]) -> Iterator[Crowds]:
    """Crowds of these kinds, each in a process of its own; after the block they have said what they were told."""
    crowds = Crowds()
    with contextlib.ExitStack() as stack:
        for kind, count in kinds.items():
            command = [sys.executable, "-m", "bench.readers.crowd", address, kind, str(count)]
            process = subprocess.Popen(
                command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
            stack.enter_context(process)
            stack.callback(_close, process)
            crowds.processes[kind] = process
        for kind, process in crowds.processes.items():
            if process.stdout is None or not select.select([process.stdout], [], [], _DEADLINE)[0]:
                raise SystemExit(f"the readers of {kind} did not come in {_DEADLINE:g} s")
            if process.stdout.readline() != b"there\n":
                raise SystemExit(f"the readers of {kind} could not come together")
        yield crowds
        for process in crowds.processes.values():
            _close(process)
        for kind, process in crowds.processes.items():
            crowds.said[kind] = json.loads(process.communicate(timeout=_DEADLINE)[0])


def _close(process: subprocess.Popen[bytes]) -> None:
    """The end of its standard input, by which it knows that it is over."""
    if process.stdin is not None:
        process.stdin.close()
        process.stdin = None


def _table(phases: list[Phase], seconds: float) -> str:
    rows = [
        (
            phase.name,
            ", ".join(sorted(phase.agent.codes)),
            f"{phase.agent.rate:,.0f}",
            milliseconds(percentile(phase.agent.latencies, 0.5)),
            milliseconds(percentile(phase.agent.latencies, 0.99)),
            milliseconds(max(phase.agent.latencies)),
            milliseconds(percentile(phase.envoy.latencies, 0.99)),
            f"{phase.share:.0%}",
            f"{phase.waited:.1%}",
            f"{phase.memory:.1f} MiB",
        )
        for phase in phases
    ]
    return (
        f"/readyz at {STEADY:.0f} requests a second, {seconds:.0f} s each, in turns with the /ready of an Envoy that"
        f" nobody else asks\n(budget: p99 under {BUDGET * 1000:.0f} ms): 250 readers of /events, 150 of the page's own"
        " events, 100 who fetch the page each second:\n"
        + table(
            ("", "answers", "requests/s", "p50", "p99", "worst", "Envoy p99", "CPU", "waited", "RSS"), rows
        )
    )


def _told(said: dict[str, dict[str, Any]], owed: Iterable[Turn], history: Iterable[Turn]) -> tuple[str, bool]:
    """What the readers were told, in words; and whether it was right.

    `owed` is what /status told of the past just before they left, `history` afterwards; both in order.
    """
    changes, parts, pages = (said[kind] for kind in READERS)
    of = changes["told"]
    numbers = sorted(map(int, of["changes"]))
    events = [tuple(of["changes"][str(number)]) for number in numbers]
    same = [one for one in history if one in set(events)]
    since = list(owed)
    begun = since.index(events[0]) if events and events[0] in since else 0
    missed = [one for one in since[begun:] if one not in set(events)]
    whole = [
        count
        for begin, sequence, count in of["sequences"]
        if sequence == [number for number in numbers if number > begin]
    ]
    right = (
        sum(whole) == READERS["changes"]
        and not (of["differing"] or of["disorder"] or parts["told"]["disorder"] or missed)
        and same == events
        and not (changes["cut"] or parts["cut"] or pages["cut"])
        and parts["told"]["ends"] == 1
    )
    late, waits = of["late"] or [0.0], pages["waits"] or [0.0]
    lines = [
        (
            f"{len(events)} changes; told every one once and in the order of /status, with the same words:"
            f" {sum(whole)} of {READERS['changes']} readers of /events"
        ),
        (
            f"missed of /status's history: {len(missed)}; cut off: {changes['cut']}, {parts['cut']} and {pages['cut']};"
            f" resets: {of['names'].get('reset', 0)}"
        ),
        (
            f"late, from the agent's own time of the change: p50 {milliseconds(percentile(late, 0.5))},"
            f" p99 {milliseconds(percentile(late, 0.99))}, worst {milliseconds(max(late))}"
        ),
        (
            f"readers of the page's events: {parts['told']['names'].get('part', 0):,} parts,"
            f" {parts['told']['ends']} outcome(s) among {READERS['parts']}"
        ),
        (
            f"pages: {pages['pages']:,}, {pages['page_bytes'] / max(pages['pages'], 1) / 1024:.0f} KiB each,"
            f" p99 {milliseconds(percentile(waits, 0.99))}"
        ),
    ]
    return "\n".join(f"  {line}" for line in lines), right


def _unkind(said: dict[str, dict[str, Any]]) -> str:
    slow, deaf, storm = (said[kind] for kind in UNKIND)
    return (
        f"  the others: {UNKIND['slow']} that read a byte a second, {slow['cut']} cut off; {UNKIND['deaf']} that read"
        f" nothing, {deaf['cut']} cut off;\n  {storm['came']:,} that came and went, {UNKIND['storm']} a second,"
        f" {storm['cut']} refused"
    )
