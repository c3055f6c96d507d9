"""What the agent costs: its own CPU and memory, Envoy's main thread, the replica's log, connections to PostgreSQL.

`python -m bench.cost.weight` for it alone, five minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.cost.scale import PATIENCE, large
from bench.ending import end_in_order
from bench.spent import cpu, held, main_thread
from bench.stage import directory, free_address
from bench.table import table
from pomhealth.agent.instruments import close_context, open_context
from pomhealth.agent.look import look_once
from pomhealth.catalogue import catalogue
from pomhealth.checks import probes
from pomhealth.demo.children import end, spawn
from pomhealth.demo.postgres import PostgresServer
from pomhealth.demo.running import RunningReplica
from pomhealth.replica.discover import discover
from pomhealth.settings import OFF, Settings

SIZES = ((100, 10), (10_000, 1_000))  # routes and certificates
_SECONDS = 25.0  # for which each figure is taken
_RELOAD_EVERY = 2.0  # seconds, under churn
_DEADLINE = 60.0  # seconds until the agent has looked at everything
_SETTLED = (
    15.0  # seconds after that until nothing of the start is left: connections that linger, second looks
)
_ALONE = {**os.environ, "POMHEALTH_RELEASE_FEED": "off"}  # a benchmark asks nobody outside
_SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pomhealth'"


@dataclass(frozen=True, slots=True)
class Agent:
    """A running agent and where it answers, HOST:PORT."""

    pid: int
    where: str


def at_rest(*, seconds: float = _SECONDS) -> str:
    """The agent's CPU, memory and what it holds, at rest and under churn; then the lines in the replica's log.

    Each figure is taken over so many seconds.
    """
    with directory() as root:
        server = PostgresServer(root / "postgres")
        replica = RunningReplica(
            root / "replica", release="v0.33.1", storage="postgres", dsn=_database(server)
        )
        try:
            replica.start()
            with _agent(replica) as agent:
                time.sleep(_settling(seconds))
                rest = _row("at rest", agent, replica, server, seconds, reload=False)
                churn = _row(
                    f"a reload every {_RELOAD_EVERY:g} s", agent, replica, server, seconds, reload=True
                )
            lines = _log_table(replica)
        finally:
            replica.stop()
            server.stop("immediate")
    head = ("", "CPU", "memory", "threads", "descriptors", "PostgreSQL", "log lines", "Envoy's CPU")
    return (
        f"The agent beside a replica with PostgreSQL, over {seconds:g} s each (budget at rest: 0.5 % of a core, "
        "64 MiB,\none connection; the replica's own lines at a reload are not the agent's):\n"
        + table(head, (rest, churn))
        + "\n\n"
        + lines
    )


def _row(
    name: str, agent: Agent, replica: RunningReplica, server: PostgresServer, seconds: float, *, reload: bool
) -> tuple[str, ...]:
    envoy = replica.envoy_pid()
    own, envoys, lines = cpu(agent.pid), cpu(envoy), _authorized(replica)
    begun = time.monotonic()
    sessions, threads, descriptors, memory = 0, 0, 0, 0.0
    turn = 0
    while (now := time.monotonic()) < begun + seconds:
        if reload and now >= begun + turn * _RELOAD_EVERY:
            turn += 1
            _reload(replica, turn)
        sessions = max(sessions, _sessions(server))
        holds = held(agent.pid)
        memory, threads = max(memory, holds.memory), max(threads, holds.threads)
        descriptors = max(descriptors, holds.descriptors)
        time.sleep(0.5)
    took = time.monotonic() - begun
    return (
        name,
        f"{(cpu(agent.pid) - own) / took:.2%}",
        f"{memory:.1f} MiB",
        str(threads),
        str(descriptors),
        str(sessions),
        str(_authorized(replica) - lines),
        f"{(cpu(envoy) - envoys) / took:.2%}",
    )


def _reload(replica: RunningReplica, turn: int) -> None:
    """Another route each time, so that everything has to be looked at."""
    first = replica.options["routes"][0]
    replica.rewrite(routes=[first, {**first, "from": f"https://churn{turn}.demo.localhost"}])


def _log_table(replica: RunningReplica) -> str:
    """How many lines a look of each check leaves in the replica's log, by its schedule."""
    rows, hourly = [], 0.0
    for id_, (first, lines) in asyncio.run(_lines(replica)).items():
        interval = catalogue().checks[id_].interval
        hourly += lines * 3600 / interval
        if first or lines:
            rows.append((id_, str(first), str(lines), f"{interval:g} s", f"{lines * 3600 / interval:.1f}"))
    return (
        "Lines in the replica's log, from two looks at each check one after the other, by its interval\n"
        "(budget: 10 an hour; whoever asks together is counted once):\n"
        + table(
            ("", "first look", "look after", "every", "an hour"),
            [*rows, ("all", "", "", "", f"{hourly:.1f}")],
        )
    )


async def _lines(replica: RunningReplica) -> dict[str, tuple[int, int]]:
    """The lines that the first look of each check leaves, and the one after."""
    settings = Settings(pid=replica.pid, release_feed=OFF)
    context = open_context(discover(settings), settings)
    found: dict[str, tuple[int, int]] = {}
    try:
        for round_ in range(2):
            for id_, look in probes().items():
                before = _authorized(replica)
                await look_once(catalogue().checks[id_], look, context)
                count = _authorized(replica) - before
                found[id_] = (count, 0) if round_ == 0 else (found[id_][0], count)
            await asyncio.sleep(1.0)  # no answer of the first round serves the second
    finally:
        await close_context(context)
    return found


def _authorized(replica: RunningReplica) -> int:
    """The lines that requests through the main listener have left, as Pomerium's authorize service writes them."""
    return replica.log().count('"authorize check"')


def on_envoy(*, seconds: float = _SECONDS, sizes: Sequence[tuple[int, int]] = SIZES) -> str:
    """The time on Envoy's main thread, of replicas with so many routes and certificates each."""
    rows = [_main_thread(routes, certificates, seconds) for routes, certificates in sizes]
    return (
        f"Envoy's main thread, over {seconds:g} s each: with the agent at rest, and without it (budget: 1 % more):\n"
        + table(("routes", "without", "with", "the agent's part", "first looks", "CPU", "memory"), rows)
    )


def _main_thread(routes: int, certificates: int, seconds: float) -> tuple[str, ...]:
    """Without the agent it is measured before and after it: the replica itself is not always the same."""
    with directory() as root:
        replica = large(root, routes=routes, certificates=certificates)
        try:
            replica.start(patience=PATIENCE)
            envoy = replica.envoy_pid()
            time.sleep(_settling(seconds))
            before = _share(envoy, seconds / 2)
            begun, spent = time.monotonic(), main_thread(envoy)
            with _agent(replica) as agent:
                time.sleep(_settling(seconds))
                own = before * (time.monotonic() - begun)
                first = main_thread(envoy) - spent - own
                used, since = cpu(agent.pid), time.monotonic()
                during = _share(envoy, seconds)
                used = (cpu(agent.pid) - used) / (time.monotonic() - since)
                memory = held(agent.pid).memory
            after = _share(envoy, seconds / 2)
        finally:
            replica.stop()
    without = (before + after) / 2
    return (
        f"{routes:,}",
        f"{without:.2%}",
        f"{during:.2%}",
        f"{during - without:.2%}",
        f"{first:.2f} s",
        f"{used:.2%}",
        f"{memory:.1f} MiB",
    )


def _share(envoy: int, seconds: float) -> float:
    """The share of the time that Envoy's main thread works."""
    begun, spent = time.monotonic(), main_thread(envoy)
    time.sleep(seconds)
    return (main_thread(envoy) - spent) / (time.monotonic() - begun)


def _settling(seconds: float) -> float:
    return min(_SETTLED, seconds)


def _database(server: PostgresServer) -> str:
    server.start()
    return server.create_database("replica")


def _sessions(server: PostgresServer) -> int:
    """The sessions of the agent's."""
    with psycopg.connect(server.dsn(), application_name="bench") as connection:
        found = connection.execute(_SESSIONS).fetchone()
    return int(found[0]) if found else 0


@contextlib.contextmanager
def _agent(replica: RunningReplica) -> Iterator[Agent]:
    """An agent beside this replica, once it has looked at everything."""
    where = free_address()
    command = [sys.executable, "-m", "pomhealth", "run", "--listen", where, "--pid", str(replica.pid)]
    state = tempfile.mkdtemp(prefix="bench-")
    environment = {**_ALONE, "POMHEALTH_STATE_DIR": state}
    process = spawn(command, cwd=Path.cwd(), env=environment, output=subprocess.DEVNULL)
    try:
        until = time.monotonic() + _DEADLINE
        while not _started(where):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(
                    f"the agent has not looked at everything (exit status: {process.returncode})"
                )
            time.sleep(0.1)
        yield Agent(process.pid, where)
    finally:
        end(process)
        shutil.rmtree(state)


def _started(where: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{where}/status", timeout=5) as answer:
            return not any(
                one.get("status") == "UNKNOWN" for one in json.loads(answer.read())["statuses"].values()
            )
    except OSError:
        return False


if __name__ == "__main__":
    end_in_order()
    print(at_rest(seconds=_SECONDS), flush=True)
    print(on_envoy(seconds=_SECONDS), flush=True)
