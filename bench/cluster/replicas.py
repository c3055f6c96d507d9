"""/replicas for 2,000 replicas, by a real agent that has them from a real PostgreSQL, beside the same bytes as a static file.

No answer is one that the agent has kept: each question is another. The peers are Python's own static file server, and
`json.dumps` of the same document.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.cluster.server import registered, server, sessions, tables
from bench.load.requests import Outcome, load
from bench.spent import cpu, held
from bench.stage import directory
from bench.table import milliseconds, percentile, table
from pomhealth.demo.children import spawn
from pomhealth.demo.errors import DemoError
from pomhealth.demo.ports import free_ports
from tests.cluster.agents import Agent, agents

_REPLICAS = 2000
BUDGET = 0.1  # seconds
_ASKED = 200
_COMMANDS = 10
_STEADY = 500.0  # requests of /readyz a second
_SECONDS = 5.0
_PAUSE = 0.1  # seconds between two questions for all replicas, meanwhile
_PATIENCE = 30.0  # seconds


def run() -> tuple[str, bool]:
    """The tables; right if all replicas were told."""
    with server() as postgres, directory() as path, agents(path) as several:
        dsn = postgres.create_database("replicas")
        tables(dsn)
        (agent,) = several.add(1, dsn)
        with sessions(dsn, 1) as (writer,):
            registered(writer, _REPLICAS)
        several.start()
        _await(lambda: len(agent.cluster().get("replicas", ())) == _REPLICAS + 1)
        return _measured(agent, path)


def _measured(agent: Agent, path: Path) -> tuple[str, bool]:
    body = _get(f"http://{agent.address}/replicas")
    document = json.loads(body)
    (path / "static").mkdir()
    (path / "static" / "replicas").write_bytes(body)
    before = cpu(agent.pid)
    asked = _times(lambda turn: _get(f"http://{agent.address}/replicas?{turn}"))
    spent = (cpu(agent.pid) - before) / _ASKED
    with _static(path / "static") as address:
        peer = _times(lambda _: _get(f"http://{address}/replicas"))
    dumped = _times(lambda _: json.dumps(document))
    answers = table(
        ("", "median", "99 %", "worst"),
        [
            ("agent /replicas", *_row(asked)),
            ("the same bytes from http.server", *_row(peer)),
            ("json.dumps of the same document", *_row(dumped)),
        ],
    )
    title = (
        f"/replicas for {len(document['replicas']):,} replicas, {len(body) / 1024:.0f} KiB, {_ASKED} times"
    )
    said = f"{title} (budget: {milliseconds(BUDGET)}):\n{answers}\n"
    said += f"  CPU of the agent for each: {milliseconds(spent)}; its resident memory: {held(agent.pid).memory:.1f} MiB."
    text = f"{said}\n\n{_beside(agent)}\n\n{_commands(agent)}"
    return text, len(document["replicas"]) == _REPLICAS + 1


def _beside(agent: Agent) -> str:
    """How long others wait for /readyz while somebody asks for all replicas, ten times a second."""
    alone = load(agent.address, "/readyz", connections=4, seconds=_SECONDS, rate=_STEADY)
    over = threading.Event()

    def ask() -> None:
        turn = 0
        while not over.wait(_PAUSE):
            turn += 1
            _get(f"http://{agent.address}/replicas?beside{turn}")

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        busy = load(agent.address, "/readyz", connections=4, seconds=_SECONDS, rate=_STEADY)
    finally:
        over.set()
        asking.join()
    rows = [("/readyz alone", *_of(alone)), ("while /replicas is asked for 10 times a second", *_of(busy))]
    return f"/readyz at {_STEADY:.0f} requests a second:\n{table(('', 'p50', 'p99', 'worst'), rows)}"


def _commands(agent: Agent) -> str:
    """Whole processes."""
    ours = [sys.executable, "-m", "pomhealth", "replicas", "-a", agent.address]
    commands = {"pomhealth replicas": ours, "pomhealth replicas -o json": [*ours, "-o", "json"]}
    curl = shutil.which("curl")
    if curl:
        commands["curl"] = [curl, "-s", "-f", "-m", "5", f"http://{agent.address}/replicas"]
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(_COMMANDS):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True, timeout=_PATIENCE)
            taken[name].append(time.perf_counter() - began)
    rows = [(name, *_row(times)) for name, times in taken.items()]
    return (
        f"Whole commands, {_COMMANDS} times each, in turns:\n{table(('', 'median', '99 %', 'worst'), rows)}"
    )


@contextlib.contextmanager
def _static(root: Path) -> Iterator[str]:
    """Python's own server of static files, in a process of its own."""
    port = free_ports(1)[0]
    command = [
        sys.executable,
        "-m",
        "http.server",
        str(port),
        "--bind",
        "127.0.0.1",
        "--directory",
        str(root),
    ]
    process = spawn(command, cwd=root, output=subprocess.DEVNULL, env=os.environ)
    try:
        _await(lambda: _answers(f"http://127.0.0.1:{port}/replicas"))
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=_PATIENCE) as answer:
        body: bytes = answer.read()
    return body


def _answers(url: str) -> bool:
    try:
        return bool(_get(url))
    except OSError:
        return False


def _times(work: Callable[[int], object]) -> list[float]:
    """The seconds that each turn took."""
    taken = []
    for turn in range(_ASKED):
        began = time.perf_counter()
        work(turn)
        taken.append(time.perf_counter() - began)
    return taken


def _row(taken: list[float]) -> tuple[str, str, str]:
    return (
        milliseconds(percentile(taken, 0.5)),
        milliseconds(percentile(taken, 0.99)),
        milliseconds(max(taken)),
    )


def _of(outcome: Outcome) -> tuple[str, str, str]:
    return _row(outcome.latencies)


def _await(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise DemoError(f"not within {_PATIENCE:.0f} s")
        time.sleep(0.05)
