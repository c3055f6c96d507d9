"""Follows the replica: finds it, notices when it changes, and hands the probes the means to reach it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Protocol

from pomhealth.agent.bell import Bell
from pomhealth.agent.board import Board
from pomhealth.agent.engine import Engine, aligned
from pomhealth.agent.instruments import close_context, close_later, open_context
from pomhealth.agent.kernel import Kernel
from pomhealth.agent.pulse import Pulse
from pomhealth.agent.sight import Sight
from pomhealth.blocking import Workers
from pomhealth.catalogue.load import CONFIG, PLACES, PROCESS, STORAGE
from pomhealth.checks import Context
from pomhealth.reach import Silent
from pomhealth.replica import processes
from pomhealth.replica.errors import Ambiguous, ReplicaError
from pomhealth.replica.halfwritten import being_written
from pomhealth.replica.model import Process, Replica
from pomhealth.replica.paths import stamp
from pomhealth.replica.running import awaits_envoy, identity
from pomhealth.settings import Settings
from pomhealth.touch import SAYS

EVERY = 0.5  # seconds between two looks for a change, where the kernel does not tell of one
EVERY_WATCHED = (
    2.0  # the same where it does: an event may be lost, and of a new child of Pomerium's it does not tell
)
STARTING = 0.1  # the same while its Envoy is awaited, of which the kernel does not tell
FEEL = 1.0  # seconds between two looks whether the replica's directories answer
SETTLE = 0.05  # seconds from the first sign of a change until it is looked for
HALF_WRITTEN = 20  # looks, SETTLE apart, at files that somebody keeps writing to
DEADLINE = 5.0  # seconds for one discovery
PART = "following the replica"
AFTER_RELOAD = (1.2, 3.0)  # seconds after a changed configuration when its effects are looked at once more
TAKEN_OVER = (0.12, 0.35)  # the same, where that costs next to nothing: Envoy may have it by then


class Log(Protocol):
    """What is asked of a structured log."""

    def info(self, event: str, **values: object) -> object: ...

    def warning(self, event: str, **values: object) -> object: ...


class Follower:
    """Keeps the engine's context, and the board's replica, those of the replica that is there.

    `found` is told of each new state of the replica. `every` is the seconds between two looks for a change, where the
    kernel does not tell of one and where it does, `again` whether the effects of a change are looked at once more.
    """

    def __init__(
        self,
        board: Board,
        engine: Engine,
        settings: Settings,
        sight: Sight,
        *,
        log: Log,
        found: Callable[[Replica], None],
        kernel: type[Kernel] = Kernel,
        every: tuple[float, float] = (EVERY, EVERY_WATCHED),
        again: bool = True,
        pulse: Pulse | None = None,
    ) -> None:
        self._board = board
        self._engine = engine
        self._settings = settings
        self._sight = sight
        self._log = log
        self._found = found
        self._workers = Workers(self._answers)
        self._replica: Replica | None = None
        self._context: Context | None = None
        self._trouble = ""
        self._wake = Bell()
        self._suspect = Bell()
        self._kernel = kernel(
            ended=self._ended, files=self._suspect.ring, places=partial(self._trigger, PLACES)
        )
        self._every = every
        self._again = again
        self._pulse = pulse if pulse is not None else Pulse()
        self._later: list[asyncio.TimerHandle] = []
        self._closing: set[asyncio.Task[None]] = set()

    def reload(self, settings: Settings) -> None:
        """From now on the replica that these settings mean is followed."""
        self._settings = settings
        self._poke()

    def closed(self) -> None:
        """A process of the replica has closed a connection of ours: it may have ended."""
        self._trigger(PROCESS)
        self._suspect.ring()

    async def run(self) -> None:
        """Follows until it is cancelled."""
        self._kernel.open()
        try:
            while True:
                self._wake.hush()
                await self._refresh()
                while not self._wake.rings:
                    self._pulse.expect(PART, max(self._every) + 2 * DEADLINE)
                    await self._quiet()
                    if not self._wake.rings and await self._has_changed():
                        break
        finally:
            await self._close()

    async def _quiet(self) -> None:
        """Waits until there is reason to look for a change; the last of several writes is what counts."""
        every = STARTING if awaits_envoy(self._replica) else self._every[self._watched()]
        feel = every > FEEL and self._kernel.may_hang
        if feel and not await self._suspect.heard(aligned(FEEL, asyncio.get_running_loop().time())):
            await self._feel()
            every -= FEEL
        if await self._suspect.heard(aligned(every, asyncio.get_running_loop().time())):
            await asyncio.sleep(SETTLE)
        self._suspect.hush()

    async def _feel(self) -> None:
        with contextlib.suppress(Silent):
            await self._workers.call("places of the replica", self._kernel.feel, deadline=DEADLINE)

    def _watched(self) -> bool:
        """Whether the kernel tells of all that is to be followed: the end of a process, a change of a file."""
        replica = self._replica
        return replica is not None and bool(replica.main and replica.envoys) and self._kernel.whole

    def _poke(self) -> None:
        self._wake.ring()
        self._suspect.ring()

    async def _has_changed(self) -> bool:
        replica = self._replica
        if replica is None:
            return True

        def differs() -> bool:
            told = self._kernel.renew()
            return _differ(replica, told) or self._sight.changed(
                replica, self._settings, watched=self._kernel.tells_of_files
            )

        try:
            return await self._workers.call("changes of the replica", differs, deadline=DEADLINE)
        except (Silent, OSError):
            return False

    async def _refresh(self) -> None:
        """Discovers, and takes over what is new. A trouble is logged once, when it begins and when it is another."""
        try:
            replica = await self._found_whole()
        except Ambiguous as error:
            self._lose(str(error))
        except ReplicaError as error:
            self._in_trouble(str(error))
            self._take(Replica(awaited=True, missing={"process": str(error)}))
        except (Silent, OSError) as error:
            self._in_trouble(f"discovery of the replica: {error}")
            if self._replica is None:
                self._board.unobserved(self._trouble)
        else:
            if self._trouble:
                self._log.info("the replica is found again")
            self._trouble = ""
            self._board.say("no pomerium process is running yet: waiting for it" if replica.awaited else "")
            self._take(replica)

    async def _found_whole(self) -> Replica:
        """The replica as it is now, once nobody is writing to its files any more."""
        for _ in range(HALF_WRITTEN):
            self._pulse.expect(PART, DEADLINE)
            replica = await self._workers.call("discovery", self._discover, deadline=DEADLINE)
            if not being_written(replica.stamps, time.time()):
                break
            await asyncio.sleep(SETTLE)
        return replica

    def _discover(self) -> Replica:
        """Blocking: finds the replica, and has the kernel tell of changes of its files."""
        replica = self._sight.discover(self._settings, self._replica)
        self._kernel.look(replica)
        return replica

    def _in_trouble(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._log.warning(trouble)
        self._board.say(trouble)

    def _lose(self, trouble: str) -> None:
        self._in_trouble(trouble)
        self._replica = None
        self._kernel.follow(None)
        self._engine.use(None)
        self._replace(None)
        self._board.unobserved(trouble)

    def _take(self, replica: Replica) -> None:
        before = self._replica
        known = self._context
        if known is not None and replica == before and known.settings is self._settings:
            return
        self._replica = replica
        context = replace(open_context(replica, self._settings, known), workers=self._workers)
        if context.postgres is not None:
            context.postgres.changed = partial(self._trigger, STORAGE)
        if context.admin_client is not None:
            context.admin_client.when_closed(self.closed)
        if known is None:
            self._board.look_anew(self._board.plan.checks)
        self._replace(context)
        self._found(replica)
        self._board.found(
            replica,
            another=before is None or identity(before) != identity(replica),
            age=processes.age(replica.main) if replica.main is not None else float("inf"),
        )
        self._kernel.follow(replica)
        self._engine.use(context, first=self._board.plan.triggered_by(CONFIG) if known is not None else ())
        self._look_again_later()

    def _replace(self, context: Context | None) -> None:
        old, self._context = self._context, context
        if old is not None:
            task = asyncio.ensure_future(close_later(old, context))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _look_again_later(self) -> None:
        for handle in self._later:
            handle.cancel()
        if not self._again:
            return
        loop = asyncio.get_running_loop()
        effects = self._board.plan.triggered_by(CONFIG)
        self._later = [
            *(loop.call_later(delay, self._engine.glance, effects) for delay in TAKEN_OVER),
            *(
                loop.call_later(
                    delay, partial(self._engine.changed, effects, settled=delay == AFTER_RELOAD[-1])
                )
                for delay in AFTER_RELOAD
            ),
        ]

    def _trigger(self, event: str) -> None:
        self._engine.trigger(self._board.plan.triggered_by(event))

    def _answers(self, place: str, answers: bool) -> None:
        """A file system does not answer any more, or it does again: then what stands there is looked at."""
        if answers:
            self._log.info("the file system answers again", where=place)
            self._look_again_later()  # one good look after a silence does not count yet
        else:
            self._log.warning(SAYS, where=place)
        self._poke()
        for event in (CONFIG, PLACES):
            self._trigger(event)

    def _ended(self, process: Process) -> None:
        """The kernel says that one of the replica's processes has ended."""
        self._log.info("a process of the replica ended", pid=process.pid)
        self._trigger(PROCESS)
        self._poke()

    async def _close(self) -> None:
        for handle in self._later:
            handle.cancel()
        self._kernel.close()
        closing = tuple(self._closing)
        for task in closing:
            task.cancel()
        await asyncio.gather(*closing, return_exceptions=True)
        if self._context is not None:
            await close_context(self._context)


def _differ(replica: Replica, directories: frozenset[str]) -> bool:
    """Whether a file in these directories, or one of them itself, is not what it was."""
    return bool(directories) and any(
        stamp(path) != before
        for path, before in replica.stamps.items()
        if os.path.dirname(path) in directories or path in directories  # noqa: PTH120
    )
