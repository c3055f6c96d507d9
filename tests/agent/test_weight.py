"""What the agent keeps small, whatever happens: connections to PostgreSQL, modules, lines in the replica's log."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from pomhealth.agent.instruments import close_context, open_context
from pomhealth.agent.look import look_once
from pomhealth.catalogue import catalogue
from pomhealth.checks import probes, storage_backend
from pomhealth.demo.running import RunningReplica
from pomhealth.replica.discover import discover
from pomhealth.settings import OFF, Settings
from tests.agent.process import agent, until
from tests.contexts import context_of
from tests.standin import OwnPostgres, StandIn

PER_HOUR = 10  # lines in the replica's log


@contextmanager
def most_connections(pid: int, port: int) -> Iterator[set[int]]:
    """How many connections to this port the process has had at one moment or another of the block."""
    seen: set[int] = set()
    ended = threading.Event()
    process = psutil.Process(pid)

    def watch() -> None:
        while not ended.is_set():
            open_ = process.net_connections("tcp4")
            seen.add(sum(bool(one.raddr) and one.raddr.port == port for one in open_))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def test_one_connection_to_postgresql_is_open_whatever_happens_to_it(
    standin: StandIn, own_postgres: OwnPostgres, tmp_path: Path
) -> None:
    server = own_postgres()
    replica = standin(storage="postgres", dsn=server.create_database("replica"))
    kept = {"POMHEALTH_HISTORY": "true", "POMHEALTH_STATE_DIR": str(tmp_path / "state")}
    with agent(tmp_path, "--pid", str(replica.pid), POMHEALTH_RELEASE_FEED="off", **kept) as one:

        def alert(cause: str) -> bool:
            return ("storage.backend", cause) in one.alerts()

        until(one.ready, one.alerts)
        with most_connections(one.process.pid, server.port) as seen:
            found = len(one.events("replica"))
            replica.rewrite(
                routes=[
                    *replica.options["routes"],
                    {"from": "https://b.demo.localhost", "to": "http://127.0.0.1:1"},
                ]
            )
            until(lambda: len(one.events("replica")) > found, lambda: one.text)
            server.hang()
            until(lambda: alert("timeout"), one.alerts)
            server.resume()
            until(lambda: not alert("timeout"), one.alerts)
            server.stop("immediate")
            until(lambda: alert("refused"), one.alerts)
            server.start()
            until(lambda: not alert("refused"), one.alerts)
        assert max(seen) == 1


async def test_a_reload_that_leaves_the_storage_as_it_is_keeps_the_session(standin: StandIn) -> None:
    replica = standin(storage="postgres")
    async with context_of(replica) as before:
        await storage_backend.look(before)
        replica.rewrite(routes=[*replica.options["routes"], *replica.options["routes"]])  # other lines
        found = await asyncio.to_thread(discover, before.settings)
        assert found.storage != before.replica.storage
        after = open_context(found, before.settings, before)
        assert after.postgres is before.postgres


def test_the_driver_of_postgresql_is_loaded_only_where_there_is_one() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            (
                "import sys, pomhealth.agent.run, pomhealth.checks\n"
                "pomhealth.checks.probes()\n"
                "print(*(name for name in sys.modules if name.partition('.')[0].startswith('psycopg')))"
            ),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""


async def test_all_looks_of_an_hour_leave_few_lines_in_the_log_of_the_replica(standin: StandIn) -> None:
    """Two looks at each check; what the second leaves comes again at each interval."""
    replica = standin()
    settings = Settings(pid=replica.pid, release_feed=OFF)
    context = open_context(await asyncio.to_thread(discover, settings), settings)
    hourly, first = 0.0, 0
    try:
        for again in (False, True):
            for id_, look in probes().items():
                before = lines(replica)
                await look_once(catalogue().checks[id_], look, context)
                left = lines(replica) - before
                first += left
                hourly += 3600 / catalogue().checks[id_].interval * left if again else 0.0
    finally:
        await close_context(context)
    assert first > 0  # they are counted indeed
    assert hourly <= PER_HOUR


def lines(replica: RunningReplica) -> int:
    return replica.log().count("\n")
