"""Keeps what happened: the last day in memory, and all of it in a file, so that it survives a restart of the agent."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from pomhealth.agent.board import Board
from pomhealth.agent.logs import Log
from pomhealth.blocking import Workers
from pomhealth.history.batch import Waiting
from pomhealth.history.database import Lost
from pomhealth.history.file import ELSEWHERE, Place, Trouble, place
from pomhealth.history.memory import Memory
from pomhealth.history.model import Past
from pomhealth.history.store import Opened, Store
from pomhealth.reach import Silent
from pomhealth.settings import Settings
from pomhealth.status import Change

OPENING = 1.0  # seconds that the agent waits for the file at its start
SAVING = 10.0  # seconds that one look at the file may take
CLOSING = 1.0  # seconds that the last one may take
EVERY = 60.0  # seconds between two notes that somebody still watches
AWAY = 60.0  # seconds from which on it counts that the agent did not run
SOON, LATE = 10.0, 180.0  # seconds until the file is tried again, the first time and at most
TOLD = 3600.0  # seconds for which it is told that a damaged file was set aside
_NAME = "history"  # of its thread


class Keeper:
    """Listens to the board, from whose thread it is called. Nothing here waits for a disk, and nothing fails with one:

    where the file cannot be had, memory goes on alone, the log says so once, and the file is tried again.
    """

    def __init__(
        self, board: Board, log: Callable[[], Log], environment: Mapping[str, str] = os.environ
    ) -> None:
        self._board = board
        self._log = log
        self._environment = environment
        self._workers = Workers()
        now = board.now()
        self._memory = Memory(now)
        self._waiting = Waiting(now)
        self._waiting.begin(now)
        self._store: Store | None = None
        self._open = False
        self._recalled = False
        self._work: asyncio.Task[None] | None = None
        self._saved = self._again = 0.0  # by the clock of the event loop
        self._failed = 0
        self._moved = 0.0
        self._trouble: Trouble | None = None
        self._damaged = ("", 0.0)
        board.subscribe(self._changed)

    @property
    def past(self) -> Past:
        """What was so in the last day."""
        return self._memory.past(self._board.now())

    @property
    def notice(self) -> str:
        """What the operator has to know of the file, in one line; "" when all is well, or it is merely not wanted."""
        if self._trouble is not None and not self._trouble.quiet:
            return f"what happened is kept in memory alone: {self._trouble.why}; {self._trouble.cure}"
        damaged, until = self._damaged
        return damaged if damaged and asyncio.get_running_loop().time() < until else ""

    async def open(self, settings: Settings, address: str = "") -> None:
        """Recalls what runs before left, and waits for that at most `OPENING` seconds; later it is taken in as it comes.

        `address` is where the agent answers, where that is not what the settings say.
        """
        self._settle(settings, address)
        if self._store is not None:
            self._work = asyncio.ensure_future(self._go())
            await asyncio.wait((self._work,), timeout=OPENING)

    def beat(self) -> None:
        """Every second: writes what turned, and now and then that somebody still watches."""
        if self._store is None or (self._work is not None and not self._work.done()):
            return
        now = asyncio.get_running_loop().time()
        due = bool(self._waiting) or now - self._saved >= EVERY
        if now >= self._again and (due or not self._open):
            self._work = asyncio.ensure_future(self._go())

    async def idle(self) -> None:
        """Returns once nothing is being read or written."""
        if self._work is not None:
            await asyncio.wait((self._work,))

    def shift(self, by: float) -> None:
        """The clock was moved by so many seconds: so is every time that is kept."""
        self._moved += by
        self._memory.shift(by)
        self._waiting.origin += by
        self._saved -= EVERY  # what is in the file moves with the next note

    def away(self, seconds: float) -> None:
        """The agent did not run for so long: nobody watched."""
        if seconds < AWAY:
            return
        now = self._board.now()
        turns = self._memory.begin(now - seconds, now)
        self._waiting.end(now - seconds)
        self._waiting.begin(now)
        self._waiting.turned(turns)

    async def reload(self, settings: Settings, address: str = "") -> None:
        """Follows changed settings."""
        if self._wanted(settings, address) != (self._store.place if self._store is not None else None):
            await self.close()
            self._settle(settings, address)

    async def close(self) -> None:
        """Writes what is left and until when somebody watched; gives up after `CLOSING` seconds."""
        store, self._store = self._store, None
        if store is not None:
            with suppress(asyncio.TimeoutError, Trouble, Lost, Silent):
                await asyncio.wait_for(self._finish(store), CLOSING)
        self._open = False

    def _settle(self, settings: Settings, address: str) -> None:
        wanted = self._wanted(settings, address)
        self._store = Store(wanted) if wanted is not None else None
        self._again = 0.0
        self._failed = 0
        self._trouble = None

    def _wanted(self, settings: Settings, address: str) -> Place | None:
        return place(settings, self._environment, os.geteuid(), address) if settings.history else None

    def _changed(self, turned: tuple[Change, ...]) -> None:
        turns = self._memory.seen(self._board.status, self._board.now())
        if self._store is None:
            self._waiting.full = True  # whoever keeps it later begins with all as it is then
            return
        self._waiting.turned(turns)
        self._waiting.changed(tuple(change for change in turned if self._board.is_news(change)))

    async def _go(self) -> None:
        """Opens the file, or writes into it. Raises nothing."""
        store = self._store
        if store is None:
            return
        try:
            if self._open:
                await self._save(store)
            else:
                await self._begin(store)
        except Trouble as trouble:
            self._fails(trouble)
        except Lost as lost:
            if not self._open:
                self._fails(Trouble(f"{store.place.path}: {lost}", f"remove it, or {ELSEWHERE}"))
            self._open = False
        except Silent as silence:
            self._fails(
                Trouble(f"{store.place.path}: {silence.why}", f"see to its file system, or {ELSEWHERE}")
            )
        except Exception as error:  # noqa: BLE001  (what happened is not worth the agent)
            self._fails(Trouble(f"{store.place.path}: {type(error).__name__}", ELSEWHERE))

    async def _begin(self, store: Store) -> None:
        moved = self._moved
        opened = await self._workers.call(_NAME, partial(store.open, self._board.now()), deadline=SAVING)
        if opened.damaged:
            self._damaged = (opened.damaged, asyncio.get_running_loop().time() + TOLD)
            self._log().warning("what happened before is lost", why=opened.damaged)
        if store is not self._store or moved != self._moved:
            return  # it is looked at again, with the time as it is now
        self._recall(opened)
        self._open = True
        await self._save(store)

    def _recall(self, opened: Opened) -> None:
        if not self._recalled:
            self._memory.recall(opened.kept.past)
            self._board.recall(opened.kept.changes, opened.kept.told)
            self._waiting.resume(opened.kept.told)
            self._recalled = True
        elif opened.anew:
            self._waiting.full = True

    async def _save(self, store: Store) -> None:
        now = self._board.now()
        if self._waiting.full:
            self._waiting.anew(now, self._memory.standing(now))
        batch = self._waiting.batch(now)
        await self._workers.call(_NAME, partial(store.write, batch, now), deadline=SAVING)
        self._waiting.written(batch)
        self._saved = asyncio.get_running_loop().time()
        self._failed = 0
        if self._trouble is not None:
            self._log().info("what happened is kept in the file again", file=str(store.place.path))
        self._trouble = None

    def _fails(self, trouble: Trouble) -> None:
        """Says it once; the file is tried again, sooner at first."""
        self._open = False
        known, self._trouble = self._trouble, trouble
        self._again = asyncio.get_running_loop().time() + min(LATE, SOON * 2**self._failed)
        self._failed += 1
        if known is None or (known.why, known.quiet) != (trouble.why, trouble.quiet):
            tell = self._log().info if trouble.quiet else self._log().warning
            tell("what happened is kept in memory alone", why=trouble.why, cure=trouble.cure)

    async def _finish(self, store: Store) -> None:
        await self.idle()
        if self._open:
            await self._save(store)
            await self._workers.call(_NAME, store.close, deadline=CLOSING)
