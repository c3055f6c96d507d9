"""The agent: starts, watches the replica and serves what it finds, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from pomhealth import __version__
from pomhealth.agent import plan as plans
from pomhealth.agent.board import Board
from pomhealth.agent.engine import Engine
from pomhealth.agent.follower import Follower
from pomhealth.agent.lag import KEPT, Lag
from pomhealth.agent.logs import Log, Logs, tell
from pomhealth.agent.reports import Reports
from pomhealth.agent.scrub import Scrubber
from pomhealth.agent.sight import Sight
from pomhealth.agent.signals import Signals, exit_status
from pomhealth.blocking import Workers
from pomhealth.catalogue import catalogue
from pomhealth.checks import probes
from pomhealth.clock import Clock
from pomhealth.publish.http import Pages, Server
from pomhealth.publish.view import View, summary
from pomhealth.reach import Silent
from pomhealth.replica.changes import Changes
from pomhealth.replica.discover import discover
from pomhealth.replica.model import SOMEWHERE, Replica
from pomhealth.replica.sockets import SocketTable
from pomhealth.settings import Settings, SettingsError, split_address
from pomhealth.status import Change

STOPPED = 0
FAILED = 1
_CLOSING = 3.0  # seconds that a clean stop may take
_LAST = 0.5  # seconds for what is still left then
_READING = 2.0  # seconds for reading the settings again
_LAST_LINES = 0.5  # seconds for the last lines of the log, where nobody reads it

Reload = Callable[[], Settings]
# By itself the C library waits 5 s before it asks a silent name server again: so long its recovery would go unseen.
_RESOLVER = "timeout:1 attempts:5"


def run(settings: Settings, reload: Reload | None = None) -> int:
    """Runs the agent until a signal stops it; gives the exit status.

    `reload` reads the settings again on SIGHUP, and raises SettingsError; without it they stay as they are.
    0 after a clean stop by SIGTERM, 1 when the address to listen on cannot be had.
    """
    os.environ.setdefault("RES_OPTIONS", _RESOLVER)
    loop = asyncio.new_event_loop()
    agent = Agent(settings, reload or (lambda: settings))
    try:
        status = loop.run_until_complete(agent.run())
    finally:
        _end(loop)
        agent.flush()
    return status or exit_status(agent.caught)


class Agent:
    """One run of the agent."""

    def __init__(self, settings: Settings, reload: Reload) -> None:
        self._settings = settings
        self._read_settings = reload
        self._scrubber = Scrubber()
        self._logs = Logs(self._scrubber.scrub)
        self._log: Log = self._logs.open(settings)
        self._workers = Workers()
        self._signals: Signals | None = None
        self._told_started = False
        self._told_away = 0.0

    @property
    def caught(self) -> Any:
        """The signal that stopped it, or None."""
        return self._signals.caught if self._signals else None

    def flush(self) -> None:
        """Gives the log's last lines a moment to be read."""
        self._logs.flush(_LAST_LINES)

    async def run(self) -> int:
        asyncio.get_running_loop().set_exception_handler(self._loop_error)
        self._clock = Clock()
        self._lag = Lag(beat=self._keep_time, back=self._was_away)
        self._board = Board(plans.make(catalogue(), probes(), self._settings), clock=self._clock)
        self._board.redact_with(self._scrubber.scrub)
        self._engine = Engine(self._board, broken=self._probe_broke, lag=self._lag)
        self._follower = Follower(
            self._board,
            self._engine,
            self._settings,
            Sight(discover, Changes().since),
            log=self._log,
            found=self._found,
        )
        self._reports = Reports(
            self._board, changed=self._engine.told, lag=self._lag, closed=self._follower.closed
        )
        self._pages = Pages(self._view)
        self._board.subscribe(self._changed)
        self._log.info("pomhealth starts", version=__version__, pid=os.getpid())
        self._server = await self._listen(self._settings.listen)
        if self._server is None:
            return FAILED
        self._signals = Signals(reload=self._reload)
        self._signals.install()
        await self._until_stopped(self._signals)
        return STOPPED

    async def _until_stopped(self, signals: Signals) -> None:
        tasks = [
            self._kept_going("the engine", self._engine.run),
            self._kept_going("following the replica", self._follower.run),
            self._kept_going("following the replica's own report", self._reports.run),
        ]
        self._lag.start()
        await signals.stop.wait()
        self._lag.stop()
        self._log.info("stopping", signal=signals.caught.name if signals.caught else "")
        for task in tasks:
            task.cancel()
        if self._server is not None:
            await self._server.close()
        await asyncio.wait(tasks, timeout=_CLOSING)
        signals.restore()
        self._log.info("stopped")

    def _kept_going(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """Runs a part of the agent, and starts it again should it break: the others go on meanwhile."""

        async def keep() -> None:
            while True:
                try:
                    await work()
                except Exception as error:  # noqa: BLE001  (one part must not take the agent with it)
                    self._log.error(f"{name} broke off and starts again", error=type(error).__name__)
                await asyncio.sleep(1.0)

        return asyncio.ensure_future(keep())

    async def _listen(self, address: str) -> Server | None:
        """A server on this address; None, and a line in the log, where it cannot be had."""
        host, port = split_address(address)
        server = Server(self._pages)
        try:
            taken = await server.listen(host, port)
        except OSError as error:
            owner = ""
            with contextlib.suppress(Silent):
                owner = await self._workers.call("owner of a port", partial(_owner, port), deadline=_READING)
            why = f"it is held by {owner}" if owner else (error.strerror or "it cannot be had")
            self._log.error(
                f"cannot listen on {address}: {why}; set another with --listen HOST:PORT or POMHEALTH_LISTEN"
            )
            return None
        self._log.info("listening", address=f"{address.rpartition(':')[0]}:{taken}")
        return server

    def _view(self) -> View:
        board = self._board
        return View(
            status=board.status,
            catalogue=catalogue(),
            started=board.started,
            replica=summary(board.replica),
            history=tuple(board.history),
            notice=board.notice,
            late=self._lag.worst(self._lag.now() - KEPT),
            platform=board.replica.platform if board.replica is not None else SOMEWHERE,
        )

    def _changed(self, turned: tuple[Change, ...]) -> None:
        self._pages.forget()
        for change in turned:
            tell(self._log, change)
        if self._board.started and not self._told_started:
            alerts = [
                f"{entry.id}: {entry.finding.cause}" for entry in self._board.status.alerts() if entry.finding
            ]
            self._log.info("everything has been looked at", ready=self._board.status.ready, alerts=alerts)
        self._told_started = self._board.started

    def _keep_time(self) -> None:
        """Takes over a step of the wall clock."""
        by = self._clock.step()
        if by:
            self._board.shift(by)
            self._log.warning(
                "the clock was set; every time that is kept moves with it", seconds=round(by, 3)
            )

    def _was_away(self, seconds: float) -> None:
        """The agent did not run for so long: what it knows is old, and what it asked then got no answer from it."""
        now = self._lag.now()
        if not self._told_away or now - self._told_away >= KEPT:
            self._told_away = now
            self._log.warning("pomhealth itself did not run", seconds=round(seconds, 1))
        plan = self._board.plan
        self._engine.trigger(id_ for id_ in plan.looks if not plan.checks[id_].dear)
        self._reports.poke()

    def _found(self, replica: Replica) -> None:
        """The replica is another than before, or has another configuration."""
        self._scrubber.learn(replica)
        self._board.redact_with(self._scrubber.scrub)
        self._reports.poke()
        told = summary(replica)
        self._log.info(
            "replica", **{key: told[key] for key in ("state", "version", "pid", "envoy_pids", "config")}
        )

    def _probe_broke(self, id_: str, where: str) -> None:
        self._log.error("a look broke off; the check is unknown until it works again", check=id_, error=where)

    def _loop_error(self, _: asyncio.AbstractEventLoop, trouble: dict[str, Any]) -> None:
        error = trouble.get("exception")
        self._log.error(
            "the agent met an error", error=type(error).__name__, what=str(trouble.get("message"))
        )

    def _reload(self) -> None:
        """SIGHUP. Wrong settings change nothing."""
        self._reloading = asyncio.ensure_future(self._read_again())

    async def _read_again(self) -> None:
        try:
            settings = await self._workers.call("settings", self._read_settings, deadline=_READING)
        except SettingsError as error:
            self._log.error("the settings are wrong; the old ones stay in force", error=str(error))
            return
        except Silent as silence:
            self._log.error("the settings cannot be read; the old ones stay in force", error=silence.why)
            return
        await self._take(settings)

    async def _take(self, settings: Settings) -> None:
        if settings.listen != self._settings.listen:
            server = await self._listen(settings.listen)
            if server is None:
                self._log.error("the old settings stay in force")
                return
            old, self._server = self._server, server
            if old is not None:
                await old.close()
        self._settings = settings
        self._log = self._logs.open(settings)
        self._board.replan(plans.make(catalogue(), probes(), settings))
        self._follower.reload(settings)
        self._log.info("settings reloaded", listen=settings.listen)


def _end(loop: asyncio.AbstractEventLoop) -> None:
    """Closes the loop. What does not end in time ends with the process, and without a word: it is on its way out."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=_LAST))
    if asyncio.all_tasks(loop):
        loop.set_exception_handler(lambda *_: None)
        sys.unraisablehook = lambda _: None
    loop.close()


def _owner(port: int) -> str:
    """Who listens on this port, in words; "" where that cannot be told."""
    table = SocketTable()
    held = next((one for one in table.listening() if one.port == port and not one.udp), None)
    return table.owner(held) if held is not None else ""
