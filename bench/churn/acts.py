"""What a churn does to the replica: acts that harm no user, and restarts, whose outages are known."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping

import psycopg

from bench.churn.verdicts import Act
from pomhealth.demo.certificate import self_signed
from pomhealth.demo.children import end, spawn
from pomhealth.demo.errors import DemoError
from pomhealth.demo.stage import Stage

_BURN = "import time\nuntil = time.monotonic() + {}\nwhile time.monotonic() < until: pass"
_BURST = (3.0, 6.0)  # seconds of load on every core
_DOWN = 4.0  # seconds of an outage that has to show
_TRIES = 3

# How often each is in the bag that acts are drawn from.
_BAG = {
    "route added": 5,
    "route removed": 5,
    "saved in place": 4,
    "saved unchanged": 3,
    "reload by signal": 3,
    "certificate renewed": 5,
    "agent reloaded": 2,
    "load on every core": 4,
    "checkpoint": 2,
    "vacuum": 2,
    "PostgreSQL restarted": 2,
    "PostgreSQL down a while": 1,
    "replica restarted": 3,
    "replica down a while": 1,
}
KINDS = tuple(_BAG)
_OUTAGES = ("PostgreSQL restarted", "PostgreSQL down a while", "replica restarted", "replica down a while")


class Acts:
    """Does one act after another; `done` has them all. Call `end` when it is over."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.done: list[Act] = []
        self.stage = stage
        self._random = random.Random(seed)
        self._bag: list[str] = []
        self._burning: list[subprocess.Popen[bytes]] = []
        self._home = list(stage.replica.options["routes"])
        self._made = 0
        self._ways: Mapping[str, Callable[[], None]] = {
            "route added": self._add_route,
            "route removed": self._remove_route,
            "saved in place": self._save_in_place,
            "saved unchanged": stage.replica.rewrite,
            "reload by signal": lambda: _hang_up(stage.replica.pid),
            "certificate renewed": self._renew,
            "agent reloaded": lambda: _hang_up(stage.agent_pid),
            "load on every core": self._burn,
            "checkpoint": lambda: self._storage("CHECKPOINT"),
            "vacuum": lambda: self._storage("VACUUM ANALYZE"),
            "PostgreSQL restarted": lambda: self._postgres(0.0),
            "PostgreSQL down a while": lambda: self._postgres(_DOWN),
            "replica restarted": lambda: self._replica(0.0),
            "replica down a while": lambda: self._replica(_DOWN),
        }

    def names(self) -> Iterator[str]:
        """What to do next, without end: each kind as often as the bag says, in an order of chance."""
        yield from _BAG  # each once first, so that a short run has them all
        while True:
            if not self._bag:
                self._bag = [name for name, count in _BAG.items() for _ in range(count)]
                self._random.shuffle(self._bag)
            yield self._bag.pop()

    def do(self, name: str) -> Act:
        """Does one act and returns once it is over. Raises DemoError when the replica cannot be had back."""
        began = time.monotonic()
        self._ways[name]()
        # A burst goes on while other acts are done.
        act = Act(
            name, began, time.monotonic() + (_BURST[1] if name.startswith("load") else 0.0), name in _OUTAGES
        )
        self.done.append(act)
        return act

    def pause(self, least: float, most: float) -> None:
        time.sleep(self._random.uniform(least, most))

    def end(self) -> None:
        for process in self._burning:
            end(process, (signal.SIGKILL,))

    def _add_route(self) -> None:
        self._made += 1
        route = {**self._home[0], "from": f"https://r{self._made}.demo.localhost"}
        self.stage.replica.rewrite(routes=[*self.stage.replica.options["routes"], route])

    def _remove_route(self) -> None:
        routes = list(self.stage.replica.options["routes"])
        if len(routes) > len(self._home):
            del routes[self._random.randrange(len(self._home), len(routes))]
        else:
            routes.reverse()  # none to take away: another order is a change too
        self.stage.replica.rewrite(routes=routes)

    def _save_in_place(self) -> None:
        """As an editor without a rename does: the same file is cut to nothing, then written."""
        path = self.stage.replica.config_path
        path.write_text(f"{path.read_text().rstrip()}\n# saved {len(self.done)} times\n")

    def _renew(self) -> None:
        pair = self_signed(["*.demo.localhost"])
        for name, content in (("key.pem", pair.key), ("cert.pem", pair.certificate)):
            path = self.stage.replica.directory / name
            new = path.with_suffix(".new")
            new.touch(mode=0o600)
            new.write_bytes(content)
            new.replace(path)

    def _burn(self) -> None:
        self._burning = [process for process in self._burning if process.poll() is None]
        seconds = self._random.uniform(*_BURST)
        for _ in range(os.cpu_count() or 1):
            command = [sys.executable, "-c", _BURN.format(seconds)]
            self._burning.append(spawn(command, cwd=self.stage.directory, output=subprocess.DEVNULL))

    def _storage(self, statement: str) -> None:
        with contextlib.suppress(
            psycopg.OperationalError
        ):  # on a loaded machine the session may not come about
            self.stage.postgres.execute(statement)

    def _postgres(self, down: float) -> None:
        self.stage.postgres.stop("fast")
        time.sleep(down)
        _again(self.stage.postgres.start)

    def _replica(self, down: float) -> None:
        self.stage.replica.stop()
        time.sleep(down)
        _again(self.stage.replica.restart)


def _hang_up(pid: int) -> None:
    with contextlib.suppress(
        ProcessLookupError
    ):  # should it have ended by itself, the witnesses tell of that
        os.kill(pid, signal.SIGHUP)


def _again(start: Callable[[], None], tries: int = _TRIES) -> None:
    """A few tries: on a machine with other work a start may take longer than its patience."""
    try:
        start()
    except DemoError:
        if tries == 1:
            raise
        _again(start, tries - 1)
