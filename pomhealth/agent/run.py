"""The agent: starts, watches the replica and serves what it finds, until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import socket
from functools import partial
from typing import Any

from pomhealth import __version__
from pomhealth.agent import plan as plans
from pomhealth.agent.board import Board
from pomhealth.agent.door import Door
from pomhealth.agent.engine import Engine
from pomhealth.agent.faults import Faults
from pomhealth.agent.first import FirstLook
from pomhealth.agent.fleet import Fleet
from pomhealth.agent.follower import Follower
from pomhealth.agent.keeper import Keeper
from pomhealth.agent.lag import Lag
from pomhealth.agent.logs import Log, Logs, tell
from pomhealth.agent.memory import Memory
from pomhealth.agent.pulse import Pulse
from pomhealth.agent.reports import Reports
from pomhealth.agent.reread import Read, Rereading
from pomhealth.agent.rotation import Rotation
from pomhealth.agent.scrub import Scrubber
from pomhealth.agent.sight import Sight
from pomhealth.agent.signals import Signals, exit_status
from pomhealth.agent.tasks import end, kept_going
from pomhealth.agent.timekeeping import Timekeeper
from pomhealth.agent.viewing import Viewing
from pomhealth.blocking import Workers
from pomhealth.catalogue import catalogue
from pomhealth.catalogue.load import CLUSTER
from pomhealth.checks import probes
from pomhealth.clock import Clock
from pomhealth.publish.browser import Drawn
from pomhealth.publish.otel import OpenTelemetry
from pomhealth.publish.pages import Pages
from pomhealth.publish.systemd import Supervised
from pomhealth.publish.view import summary
from pomhealth.replica.changes import Changes
from pomhealth.replica.discover import discover
from pomhealth.replica.model import Replica
from pomhealth.settings import Settings
from pomhealth.status import Change
from pomhealth.systemd.activation import address
from pomhealth.systemd.handed import NOTHING, Handed
from pomhealth.systemd.notify import Notifier

STOPPED = 0
FAILED = 1
_CLOSING = 3.0  # seconds that a clean stop may take
_LAST_LINES = 0.5  # seconds for the last lines of the log, where nobody reads it

# By itself the C library waits 5 s before it asks a silent name server again: so long its recovery would go unseen.
_RESOLVER = "timeout:1 attempts:5"


def run(
    settings: Settings,
    reload: Read | None = None,
    handed: Handed = NOTHING,
    listeners: tuple[socket.socket, ...] = (),
) -> int:
    """Runs the agent until a signal stops it; gives the exit status.

    `reload` reads the settings again on SIGHUP, and raises SettingsError; without it they stay as they are. `handed` is
    what a supervisor handed to this process, `listeners` the sockets among it.
    0 after a clean stop by SIGTERM, 1 when the address to listen on cannot be had.
    """
    os.environ.setdefault("RES_OPTIONS", _RESOLVER)
    loop = asyncio.new_event_loop()
    agent = Agent(settings, reload or (lambda: settings), handed, listeners)
    try:
        status = loop.run_until_complete(agent.run())
    finally:
        end(loop)
        agent.flush()
    return status or exit_status(agent.caught)


class Agent:
    """One run of the agent."""

    _engine: Engine
    _fleet: Fleet
    _rotation: Rotation

    def __init__(
        self, settings: Settings, reload: Read, handed: Handed, listeners: tuple[socket.socket, ...]
    ) -> None:
        self._settings = settings
        self._handed = handed
        self._listeners = listeners
        self._scrubber = Scrubber()
        self._logs = Logs(self._scrubber.scrub)
        self._log: Log = self._logs.open(settings)
        self._workers = Workers()
        self._rereading = Rereading(reload, self._apply, workers=self._workers, log=lambda: self._log)
        self._signals: Signals | None = None
        self._told_started = False

    @property
    def caught(self) -> Any:
        """The signal that stopped it, or None."""
        return self._signals.caught if self._signals else None

    @property
    def _handed_address(self) -> str:
        """Where the agent answers, where a supervisor said so; else its settings do."""
        return address(self._listeners[0]) if self._listeners else ""

    def flush(self) -> None:
        """Gives the log's last lines a moment to be read."""
        self._logs.flush(_LAST_LINES)

    async def run(self) -> int:
        context, settings, log = lambda: self._engine.context, lambda: self._settings, lambda: self._log
        self._pulse = Pulse()
        self._faults = Faults(log, self._pulse)
        asyncio.get_running_loop().set_exception_handler(self._faults.of_loop)
        clock = Clock()
        time = Timekeeper(clock, log)
        self._lag = Lag(beat=time.second, back=time.away)
        self._board = Board(plans.make(catalogue(), probes(), self._settings), clock=clock)
        self._board.redact_with(self._scrubber.scrub)
        self._board.on_verdict = lambda event, values: self._log.warning(event, **values)
        self._memory = Memory(self._workers)
        self._engine = Engine(
            self._board,
            broken=self._faults.probe_broke,
            lag=self._lag,
            pulse=self._pulse,
            roster=lambda: self._fleet.roster,
        )
        self._follower = Follower(
            self._board,
            self._engine,
            self._settings,
            Sight(discover, Changes().since),
            log=self._log,
            found=self._found,
            pulse=self._pulse,
        )
        self._keeper = Keeper(self._board, log)
        self._pages = Pages(
            Viewing(
                self._board,
                self._lag,
                self._engine.tally,
                self._keeper,
                rotation=lambda: self._rotation,
                roster=lambda: self._fleet.roster,
                settings=settings,
            ),
            Drawn(self._workers),
        )
        self._fleet = Fleet(
            self._board,
            context,
            settings,
            address=lambda: self._handed_address,
            log=log,
            learn=self._scrubber.learn_dsn,
            told=self._pages.changed,
            compare=lambda: self._engine.trigger(self._board.plan.triggered_by(CLUSTER)),
        )
        self._rotation = Rotation(
            self._board,
            context,
            settings,
            log=log,
            moved=self._pages.changed,
            orders=self._fleet.gatehouse.orders,
        )
        self._reports = Reports(
            self._board,
            changed=self._engine.told,
            lag=self._lag,
            closed=self._follower.closed,
            terminating=lambda stopping: self._rotation.reported(terminating=stopping),
        )
        self._supervised = Supervised(
            Notifier(self._handed.notify),
            self._pages.view,
            watchdog=self._handed.watchdog,
            stuck=self._faults.stuck,
            scrub=self._scrubber.scrub,
        )
        self._board.subscribe(self._changed)
        self._otel = OpenTelemetry(self._pages.view, environ=os.environ, workers=self._workers, log=log)
        time.beats += (self._pulse.tick, self._supervised.beat, self._keeper.beat)
        time.shifts += (self._board.shift, self._keeper.shift)
        time.aways += (self._keeper.away, self._look_anew)
        self._first = FirstLook(self._board)
        self._log.info("pomhealth starts", version=__version__, pid=os.getpid())
        self._door = Door(self._pages, self._log, self._listeners)
        if not await self._door.open(self._settings, self._first):
            return FAILED
        self._signals = Signals(reload=self._reload)
        self._signals.install()
        await self._until_stopped(self._signals)
        return STOPPED

    async def _until_stopped(self, signals: Signals) -> None:
        parts = {
            "the engine": self._engine.run,
            "following the replica": self._follower.run,
            "following the replica's own report": self._reports.run,
            "the registry of the cluster": self._fleet.run,
            "the lease of the rollout": self._fleet.gatehouse.run,
        }
        tasks = [kept_going(work, partial(self._faults.broke_off, name)) for name, work in parts.items()]
        self._lag.start()
        self._supervised.start()
        beside = [
            asyncio.ensure_future(one)
            for one in (
                self._tell_ready(),
                self._keeper.open(self._settings, self._handed_address),
                self._otel.start(),
            )
        ]
        await self._rotation.open()
        await signals.stop.wait()
        self._supervised.stopping(self._rotation.seconds_before_the_end(signals.caught))
        await self._rotation.before_the_end(signals.caught)
        self._lag.stop()
        self._memory.close()
        self._log.info("stopping", signal=signals.caught.name if signals.caught else "")
        await self._fleet.close()
        for task in (*beside, *tasks):
            task.cancel()
        await self._rotation.close()
        await self._door.close()
        self._pages.close()
        await asyncio.gather(self._keeper.close(), self._otel.close())
        await asyncio.wait(tasks, timeout=_CLOSING)
        self._supervised.close()
        signals.restore()
        self._log.info("stopped")

    async def _tell_ready(self) -> None:
        """What the agent says is measured from now on; it may well be that the replica is broken, or not there."""
        await self._first.done.wait()
        self._supervised.ready()

    def _changed(self, turned: tuple[Change, ...]) -> None:
        self._pages.changed(turned)
        self._supervised.changed(turned)
        for change in turned:
            tell(self._log, change)
        if self._board.started and not self._told_started:
            alerts = [
                f"{entry.id}: {entry.finding.cause}" for entry in self._board.status.alerts() if entry.finding
            ]
            self._log.info("everything has been looked at", ready=self._board.status.ready, alerts=alerts)
        self._told_started = self._board.started

    def _look_anew(self, seconds: float) -> None:
        """The agent did not run for so long: what it knows is old."""
        del seconds
        plan = self._board.plan
        self._engine.trigger(id_ for id_ in plan.looks if not plan.checks[id_].dear)
        self._reports.poke()

    def _found(self, replica: Replica) -> None:
        """The replica is another than before, or has another configuration."""
        self._scrubber.learn(replica)
        self._board.redact_with(self._scrubber.scrub)
        self._reports.poke()
        self._rotation.found(replica)
        self._fleet.reload()
        self._memory.needed()
        told = summary(replica)
        self._log.info(
            "replica", **{key: told[key] for key in ("state", "version", "pid", "envoy_pids", "config")}
        )

    def _reload(self) -> None:
        """SIGHUP."""
        going = self._rereading.go(self._settings, self._door, self._supervised)
        self._reloading = asyncio.ensure_future(going)

    async def _apply(self, settings: Settings) -> None:
        """These settings are in force from now on."""
        self._settings = settings
        self._log = self._logs.open(settings)
        self._board.replan(plans.make(catalogue(), probes(), settings))
        self._follower.reload(settings)
        self._fleet.reload()
        await self._keeper.reload(settings, self._handed_address)
        self._log.info("settings reloaded", listen=settings.listen)
