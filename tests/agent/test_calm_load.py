"""A machine that is loaded to the brim is no fault of the replica's, nor of anybody a person should wake for."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.agent.process import Agent, agent, until
from tests.agent.watcher import Record, watched
from tests.standin import RunningReplica, StandIn

CLIENTS = 4
CHECKED = 8  # looks at Envoy for which the load stands


@contextmanager
def busy_loops() -> Iterator[None]:
    """One on every core, and one more."""
    command = [sys.executable, "-c", "while True: pass"]
    loops = [subprocess.Popen(command) for _ in range((os.cpu_count() or 1) + 1)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


@contextmanager
def clients(replica: RunningReplica) -> Iterator[None]:
    """Requests through the main listener, one after the other, from several at once."""
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            replica.answers()

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_a_loaded_machine_raises_no_alarm(tmp_path: Path, standin: StandIn) -> None:
    replica = standin(storage="file")
    with agent(tmp_path, "--pomerium-config", str(replica.config_path)) as one:
        until(lambda: one.get("/startupz")[0] == 200 and one.ready(), lambda: one.get("/readyz?verbose"))
        until(lambda: not one.alerts(), lambda: one.get("/alerts"))
        with watched(one) as record, busy_loops(), clients(replica):
            for _ in range(CHECKED):
                looked_at(one, "envoy.server")
                looked_at(one, "pomerium.process")
        assert record == Record([200], set())


def looked_at(one: Agent, id_: str) -> None:
    """Returns once this has been looked at anew."""
    before = checked(one, id_)
    until(lambda: checked(one, id_) != before, lambda: one.get("/status"))


def checked(one: Agent, id_: str) -> str:
    moment: str = one.get("/status")[1]["statuses"][id_]["checked"]
    return moment
