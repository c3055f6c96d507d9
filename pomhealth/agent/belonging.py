"""The agent's place in its cluster: it joins the registry, and knows the others. Nothing else waits for it.

Where the registry cannot be had, everything goes on: the newest state alone is kept, to be written once it is back, and
what is known of the others is told with the reason why it may be old.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from uuid import uuid4

from pomhealth.agent.bell import Bell
from pomhealth.agent.board import Board
from pomhealth.agent.identities import Identities
from pomhealth.agent.logs import Log
from pomhealth.agent.speaker import Speaker
from pomhealth.agent.way import Way, find
from pomhealth.blocking import Workers
from pomhealth.checks import Context
from pomhealth.checks.traces import session
from pomhealth.cluster.agentless import Lookout
from pomhealth.cluster.model import Account, Roster, Trouble
from pomhealth.cluster.registry import statements
from pomhealth.cluster.registry.book import Book, signature
from pomhealth.cluster.registry.sql import Ask, Away, Row
from pomhealth.reach import Silent
from pomhealth.settings import Settings
from pomhealth.status import Change, Unobservable

if TYPE_CHECKING:
    from pomhealth.cluster.registry.membership import Membership
    from pomhealth.cluster.registry.session import PostgresRegistry
    from pomhealth.storage.opening import Opening

OPENING = 12.0  # seconds for a session: several servers may have to be tried
_LOOK_OUT = 20.0  # seconds between two looks for replicas without an agent
CLOSING = 1.0  # seconds for the last word
AT_ONCE = 1.5  # seconds for the session after one that was lost, before anybody is told
LASTED = 5.0  # seconds that a session must have lasted for that
_SOON, _LATE = 0.1, 2.0  # seconds until the registry is tried again, the first time and at most
_DOUBLED = 16  # times that the pause doubles, at most
_EACH = 0.01  # seconds more, at most, for each replica of the cluster
_REFUSED = 30.0  # seconds, where it is not a matter of reaching it
_STORAGE = "storage.backend"
_REACHING = ("refused", "unreachable", "timeout", "read-only", "too-many-connections", "disk-full")


def pause(cause: str, failed: int, replicas: int) -> float:
    """Seconds until the registry is tried again: the longer the more often it failed, and the more replicas there are."""
    most = max(_LATE, replicas * _EACH) if cause in _REACHING else _REFUSED
    return min(most, _SOON * 2.0 ** min(failed, _DOUBLED)) * (0.5 + random.random() / 2)  # noqa: S311  (not all at once)


class Belonging:
    """One stay in the registry. `context` and `settings` give those in force now, `address` where the agent answers.

    `told` is called when the roster is another than before, `learn` with each connection string, whose password nobody
    may see.
    """

    def __init__(
        self,
        board: Board,
        context: Callable[[], Context | None],
        settings: Callable[[], Settings],
        *,
        address: Callable[[], str],
        log: Callable[[], Log],
        learn: Callable[[str], None],
        told: Callable[[], None],
    ) -> None:
        self._board = board
        self._context = context
        self._settings = settings
        self._address = address
        self._log = log
        self._learn = learn
        self._told = told
        self._run = str(uuid4())
        self._workers = Workers()
        self._bell = Bell()
        self._book = Book()
        self._identities = Identities(self._workers, log)
        self._speaker = Speaker(board, context, self._workers, changed=self._ring)
        self._lookout = Lookout()
        self._looking: asyncio.Task[None] | None = None
        self._membership: Membership | None = None
        self._session: PostgresRegistry | None = None
        self._trouble: Trouble | None = None
        self._took_part = self._ending = self._told_in = False
        self._mine = self._claims = ""
        self._next: Way | None = None  # what the settings ask for, as last read
        self._opening: tuple[Way, Opening] | None = None
        self._roster = Roster(wanted=True)
        self._signature: object = None
        self._unsubscribe = board.subscribe(self._changed)

    @property
    def roster(self) -> Roster:
        """The cluster as it is known now."""
        return self._roster

    def account(self) -> Account:
        """What is so of this replica, as the others are told."""
        return self._speaker.account(None, self._identities.instead_of)

    async def ask(self, *asks: Ask, deadline: float) -> Sequence[Sequence[Row]]:
        """Asks the registry, as its session does. Raises Away."""
        session = self._session
        if session is None:
            raise Away(self._trouble or Trouble("unreachable", "there is no session with the registry yet"))
        return await session.ask(*asks, deadline=deadline)

    async def run(self) -> None:
        """Keeps this replica's place in the registry, and returns when the settings do not want that any more."""
        failed = 0
        while True:
            self._bell.hush()
            if self._over():
                return
            wait = 0.0
            began = asyncio.get_running_loop().time()
            try:
                await self._take_part(AT_ONCE if failed == 1 else OPENING)
                failed = 0
            except Silent as silence:
                self._lose(Trouble("unreachable", f"the replica's id cannot be read: {silence}"))
                wait = _REFUSED
            except Away as away:
                if self._over():
                    return
                lasted = asyncio.get_running_loop().time() - began
                if self._took_part and lasted > LASTED:
                    failed = 1  # sessions come to their end: the next one is tried before anybody is told
                else:
                    failed += 1
                    self._lose(away.trouble)
                    wait = pause(away.trouble.cause, failed, len(self._book))
            await self._bell.heard(wait)

    def _over(self) -> bool:
        """Whether the agent stops, or the settings do not want the registry any more."""
        return self._ending or not self._settings().cluster

    def reload(self) -> None:
        """The settings, or the replica, may be others now."""
        self._looking = asyncio.ensure_future(self._look())

    async def _look(self) -> None:
        with contextlib.suppress(Away):
            self._next = await self._way()
        await self._speaker.look()
        self._bell.ring()
        self._ring()

    def _ring(self) -> None:
        """There may be something new to say of the replica."""
        if self._membership is not None:
            self._membership.ring()

    async def close(self) -> None:
        """Says that this agent stops, if that can be said at once. `run` returns then."""
        if self._ending:
            return
        self._ending = True
        self._unsubscribe()
        self._bell.ring()
        await self._speaker.close()
        if self._session is not None:
            await self._leave(self._session)

    async def _leave(self, session: PostgresRegistry) -> None:
        """Says as the last over this session that nobody keeps the row any more."""
        mine = self._mine or self._claims  # it may just be claimed
        if mine:
            leave = statements.leave(mine, self._run)
            with contextlib.suppress(Away, asyncio.TimeoutError):
                await asyncio.wait_for(session.finish(*leave, deadline=CLOSING), CLOSING)

    async def _take_part(self, deadline: float) -> None:
        """One session with the registry, until it is lost (raises Away) or another is wanted.

        `deadline` is the seconds until there must be one.
        """
        from pomhealth.cluster.registry.membership import Membership, Taken  # noqa: PLC0415  (its driver is loaded only where it is used)
        from pomhealth.cluster.registry.registry import Registry  # noqa: PLC0415  (as above)
        from pomhealth.cluster.registry.session import PostgresRegistry, opening  # noqa: PLC0415  (as above)

        self._took_part = False
        way = self._next = await self._way()
        self._learn(way.dsn)
        identity = await self._identities.load(self._settings(), self._address())
        await self._speaker.look()
        if self._opening is None or self._opening[0] != way:
            self._opening = way, opening(way.dsn, way.environment, way.root, way.cwd)
        session = await PostgresRegistry.open(self._opening[1], deadline=deadline)
        self._claims = identity.id
        looking_out: asyncio.Task[None] | None = None
        try:
            self._session = session
            self._membership = Membership(
                session,
                Registry(session, self._run),
                self._book,
                account=lambda tick: self._speaker.account(tick, self._identities.instead_of),
                turned=self._turned,
            )
            looking_out = asyncio.ensure_future(self._look_out(session, same_server=way.own))
            await self._membership.run(identity.id, identity.mark, lambda: self._other(way))
            await self._leave(session)
        except Taken:
            self._mine = self._claims = ""
            await self._identities.renew()
            self._log().warning("another agent has this replica's id; it takes a new one", id=identity.id)
        finally:
            self._session = self._membership = None
            session.close()
            if looking_out is not None:
                looking_out.cancel()

    async def _way(self) -> Way:
        """Where the registry is. Raises Away."""
        return await find(self._settings(), self._context, self._workers)

    def _other(self, way: Way) -> bool:
        """Whether the operator, or the replica, wants another registry than this one by now."""
        return not self._settings().cluster or (self._next is not None and self._next.dsn != way.dsn)

    def _changed(self, turned: tuple[Change, ...]) -> None:
        """The board tells of a change; words alone wait for the next beat."""
        another = self._speaker.follow()
        if turned or another:
            self._ring()
        if self._trouble is not None and any(change.id == _STORAGE for change in turned):
            self._bell.ring()

    def _turned(self) -> None:
        """The book is another, and what is in it is as new as can be."""
        self._took_part = True
        if self._membership is not None:
            self._mine = self._membership.mine or self._mine
        self._trouble = None
        self._become(self._book.roster(self._mine, None))
        if self._roster.me is not None and not self._told_in:
            self._told_in = True
            self._log().info(
                "this replica is in the registry of its cluster", id=self._mine, replicas=len(self._book)
            )

    def _lose(self, trouble: Trouble) -> None:
        if self._trouble is None or self._trouble.cause != trouble.cause:
            self._log().warning("the cluster view is incomplete", why=trouble.why)
        self._trouble = trouble
        self._told_in = False
        self._become(self._book.roster(self._mine, trouble))

    def _become(self, roster: Roster) -> None:
        self._roster = roster
        self._board.roster_changed(roster)
        now = signature(roster)
        if now != self._signature:
            self._signature = now
            self._told()

    async def _look_out(self, registry: PostgresRegistry, *, same_server: bool) -> None:
        """Looks for replicas without an agent, in the PostgreSQL of this one, until it is cancelled, or this session with
        the registry is over: `wait_for` may lose a cancellation.
        """
        while self._session is registry:
            await asyncio.sleep(_LOOK_OUT)
            context = self._context()
            if context is None or context.postgres is None:
                self._book.agentless = ()
                continue
            with contextlib.suppress(Unobservable):
                self._book.agentless, _ = await self._lookout.look(
                    await session(context), self._roster, same_server=same_server
                )
