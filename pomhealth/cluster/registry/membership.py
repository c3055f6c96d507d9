"""One agent's membership for as long as one session with the registry lasts: its row, its beat, and what it reads."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pomhealth.agent.bell import Bell
from pomhealth.cluster.model import BEAT, STALE, Account, Trouble
from pomhealth.cluster.registry.book import Book
from pomhealth.cluster.registry.pace import GAP, Pace
from pomhealth.cluster.registry.registry import Registry, Written
from pomhealth.cluster.registry.schema import LEASES
from pomhealth.cluster.registry.session import PostgresRegistry
from pomhealth.cluster.registry.sql import Away

ASLEEP = 2.0  # seconds later than it should have gone on, from which on the agent was suspended
LOOKS = 3.0  # seconds in which everything is looked at again after that
_AGAIN = 1.0  # seconds between two looks at who has the row
_MANY = 2000  # rows that were changed, from which on all are read anew
_EACH = 0.0005  # seconds between two readings, for each replica of the cluster: the larger it is, the more at a time
_LEAST = 0.02
_PRECISE = 0.5  # seconds that a question may take to tell what the time is
_ID = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_SPREAD = 0.1  # of the beat: not all give it at once


class Taken(Exception):  # noqa: N818  (the id is taken; that is what is raised)
    """Another living agent has this id."""


@dataclass(frozen=True, slots=True)
class Tick:
    """For how many seconds this machine's clock is ahead of the database's, and how wrong that may be."""

    ahead: float
    error: float


class Membership:
    """`account` gives what is to be said of the replica now; `turned` is called whenever the book is another.

    `mine` is the id of the own row, "" until it was claimed.
    """

    def __init__(
        self,
        session: PostgresRegistry,
        registry: Registry,
        book: Book,
        *,
        account: Callable[[Tick | None], Account],
        turned: Callable[[], None],
    ) -> None:
        self._session = session
        self._registry = registry
        self._book = book
        self._account = account
        self._turned = turned
        self.mine = ""
        self._bell = Bell()
        self._pace = Pace()
        self._pending: set[str] = set()
        self._leases = False
        self._lost = False
        self._revision = 0
        self._tick: Tick | None = None
        self._read_at = -1e9
        session.heard = self._hear
        session.lost = self._lose

    def ring(self) -> None:
        """The replica's state may be another than before."""
        self._bell.ring()

    def _hear(self, payloads: Sequence[str]) -> None:
        for payload in payloads:
            if payload == LEASES:
                self._leases = True
            elif len(self._pending) <= _MANY and _ID.fullmatch(payload):  # anybody may say anything there
                self._pending.add(payload)
        self._bell.ring()

    def _lose(self) -> None:
        self._lost = True
        self._bell.ring()

    async def run(self, id_: str, mark: str, ends: Callable[[], bool]) -> None:
        """Keeps the row until `ends`, asked whenever something happens. Raises Away, Taken."""
        await self._registry.prepare()
        await (self._catch_up() if len(self._book) else self._read_all())
        if not await self._claim(id_, mark, ends):
            return
        self._pending.add(id_)
        loop = asyncio.get_running_loop()
        beat_at = loop.time() + BEAT * random.random()  # noqa: S311  (to spread load)
        while not ends():
            if self._lost:
                why = f"{self._session.where} closed the session"
                raise Away(Trouble("refused", why))
            self._bell.hush()
            due = await self._write(id_)
            now = loop.time()
            if now >= beat_at and (due is None or due > GAP):  # a sign of life stands for what is written
                await self._beat(id_)
                beat_at = now + BEAT * (1 + _SPREAD * (random.random() - 0.5))  # noqa: S311  (as above)
            reading = await self._read()
            waits = (due, reading, max(0.0, beat_at - loop.time()) if due is None or due > GAP else due)
            wakes = loop.time() + min(one for one in waits if one is not None)
            await self._bell.heard(wakes - loop.time())
            if loop.time() > wakes + ASLEEP:  # the agent did not run: what it knows of its replica is old
                beat_at = loop.time() + LOOKS

    async def _claim(self, id_: str, mark: str, ends: Callable[[], bool]) -> bool:
        """Takes the row; False where it `ends` before. Where another agent has it, waits until that one gives a sign of
        life, or is silent for good.
        """
        account = self._account(self._tick)
        until = asyncio.get_running_loop().time() + STALE + BEAT
        known: float | None = None
        while not ends():
            written = await self._registry.claim(id_, mark, account)
            if written is not None:
                self._wrote(account, written)
                self.mine = id_
                return True
            owner, _ = await self._registry.owner(id_)
            if owner is not None:
                if known is not None and owner.last_seen > known:
                    raise Taken
                known = owner.last_seen
            if asyncio.get_running_loop().time() > until:
                raise Taken
            await asyncio.sleep(_AGAIN)
        return False

    async def _beat(self, id_: str) -> None:
        everybody = self._book.everybody or not self._session.listens
        before = time.time()
        beat = await self._registry.beat(id_, everybody=everybody)
        after = time.time()
        if 0 <= after - before < _PRECISE:
            self._tick = Tick((before + after) / 2 - beat.at, (after - before) / 2)
        await self._own(id_, beat.written)
        self._book.lease = beat.lease
        self._pending.update(self._book.signs(beat.signs, beat.at, everybody=everybody))
        if beat.written is not None and beat.written.revision != self._revision:
            self._pace = Pace()  # somebody else has changed it: it is written anew
        self._turned()

    async def _write(self, id_: str) -> float | None:
        """Writes the row where that is due; gives the seconds until it is, None where it is not."""
        now = asyncio.get_running_loop().time()
        account = self._account(self._tick)
        due = self._pace.due(account, now)
        if due is None or due > 0.0:
            return due
        written = await self._registry.write(id_, account, tell=self._pace.turned(account))
        await self._own(id_, written)
        self._wrote(account, written)
        self._pending.add(id_)
        return None

    async def _own(self, id_: str, written: Written | None) -> None:
        """Where the row was not ours any more: raises Taken, unless it is simply gone."""
        if written is not None:
            return
        owner, _ = await self._registry.owner(id_)
        if owner is not None:
            raise Taken
        raise Away(Trouble("refused", "the row of this replica was deleted; it is written anew"))

    async def _read(self) -> float | None:
        """Reads what others have changed, many at a time; gives the seconds until that is due, None for nothing."""
        if self._leases:
            self._leases = False
            self._book.lease, _ = await self._registry.lease()
            self._turned()
        if not self._pending:
            return None
        now = asyncio.get_running_loop().time()
        due = self._read_at + max(_LEAST, _EACH * len(self._book)) - now
        if due > 0.0:
            return due
        ids, self._pending = self._pending, set()
        if len(ids) > _MANY:
            await self._read_all()
        else:
            self._book.fetched(*await self._registry.fetch(ids))
            await self._compare()
        self._read_at = asyncio.get_running_loop().time()
        return None

    async def _read_all(self) -> None:
        members, at = await self._registry.load()
        self._book.lease, _ = await self._registry.lease()
        self._book.loaded(members, at)
        await self._compare()

    async def _catch_up(self) -> None:
        """Takes in what has changed since the last session: thousands of agents come back at once."""
        signs, at = await self._registry.signs()
        self._book.lease, _ = await self._registry.lease()
        changed = self._book.signs(signs, at, everybody=True, again=True)
        if changed:
            self._book.fetched(*await self._registry.fetch(changed))
        await self._compare()

    async def _compare(self) -> None:
        unlike = self._book.unlike()
        if unlike:
            self._book.completed(await self._registry.certificates(unlike))
        self._turned()

    def _wrote(self, account: Account, written: Written | None) -> None:
        self._revision = written.revision if written is not None else 0
        self._pace = self._pace.wrote(account, asyncio.get_running_loop().time())
