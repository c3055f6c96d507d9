"""The agent's one session with the replica's PostgreSQL: kept between looks, opened again when it breaks."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from pomhealth.status import Unobservable
from pomhealth.storage import failover, questions
from pomhealth.storage.answer import Answer
from pomhealth.storage.disk import DiskProof
from pomhealth.storage.opening import Opening
from pomhealth.storage.questions import StorageFacts
from pomhealth.storage.target import Host, Target
from pomhealth.storage.trouble import Failed, silence
from pomhealth.storage.wire import Wire, forget_environment

_PROMOTED = 0.25  # seconds between two looks whether a standby has taken over
_LEAST = 0.15  # seconds that must be left of a look to ask at all


class PostgresSession:
    """One connection, never two. `changed`, where set, is called when the server closes it or lets it in again.

    A session `instead_of` another ends that one before it connects.
    """

    def __init__(
        self,
        dsn: str,
        environment: Mapping[str, str],
        root: str,
        cwd: str,
        *,
        instead_of: PostgresSession | None = None,
    ) -> None:
        forget_environment()
        self._before = instead_of
        self.changed: Callable[[], None] | None = None
        self._opening = Opening(dsn, environment, root, cwd)
        self._turn = asyncio.Lock()
        self._kept: tuple[Wire, Host] | None = None
        self._attempt: asyncio.Task[tuple[Wire, Host]] | None = None
        self._disk = DiskProof()
        self._gone_since: float | None = None
        self._outage = (0.0, 0.0)  # when the last one ended, and how long it was
        self._served = False  # whether there ever was a session
        self._closed = False

    @property
    def target(self) -> Target | None:
        """Where the session goes, as last read; None before the first look."""
        return self._opening.target

    async def read_target(self, *, deadline: float) -> Target:
        """Where the session goes. Raises BadDsn, Unobservable, Silent."""
        return await self._opening.read_target(deadline=deadline)

    async def look(self, *, deadline: float) -> StorageFacts:
        """What PostgreSQL says, within `deadline` seconds; `trouble` in it tells what is wrong.

        Raises Failed when no server could be asked, BadDsn for a connection string that the driver refuses, and
        Unobservable where we lack a right.
        """
        end = asyncio.get_running_loop().time() + deadline
        async with self._turn:
            fresh = self._kept is None
            try:
                return await self._ask(end)
            except Failed as failed:
                if fresh or failed.trouble.silent or end - asyncio.get_running_loop().time() < _LEAST:
                    raise
            return await self._ask(end)  # the server had closed the old connection: that alone says nothing

    def promotes(self, facts: StorageFacts) -> bool:
        """Whether the standby that answered may just be taking over: until now another server was there."""
        ended, gone = self._outage
        target = self._opening.target
        several = target is not None and len(target.hosts) > 1
        since = asyncio.get_running_loop().time() - ended + gone
        return facts.in_recovery and several and gone > 0.0 and since < failover.FAILOVER

    async def ask(self, statements: str, *, deadline: float) -> Answer:
        """What the server answers, once it is this question's turn, within `deadline` seconds; an error comes last.

        Raises as `look` does. Keep it short: meanwhile nothing else is asked.
        """
        async with self._turn:
            loop = asyncio.get_running_loop()
            end = loop.time() + deadline
            wire, host = await self._connected(end)
            target = self._opening.target
            assert target is not None
            try:
                results = await asyncio.wait_for(wire.ask(statements), max(_LEAST, end - loop.time()))
            except asyncio.TimeoutError:
                self._drop()
                raise Failed(silence(f"{host.where} did not answer a query within {deadline:g} s")) from None
            except (Failed, asyncio.CancelledError):
                self._drop()
                raise
            ended, gone = self._outage
            where = f"{host.where}/{target.database} as {target.user}"
            back = loop.time() - ended if gone else math.inf
            answer = Answer(results, where, wire.backend_pid, back, gone)
            if wire.usable:
                wire.watch(self._lost)
            else:
                self._drop()
            return answer

    async def retire(self) -> None:
        """Ends the session as soon as what is being asked has its answer; from now on it takes no question."""
        self._closed = True
        async with self._turn:
            await self.close()

    async def close(self) -> None:
        """Ends the session, waiting for nobody."""
        self._closed = True
        if self._before is not None:
            await self._before.close()
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.cancel()
            (ended,) = await asyncio.gather(attempt, return_exceptions=True)
            if not isinstance(ended, BaseException):
                ended[0].close()
        self._drop()

    async def _ask(self, end: float) -> StorageFacts:
        loop = asyncio.get_running_loop()
        wire, host = await self._connected(end)
        begun = loop.time()
        if end - begun < _LEAST:  # the session came late: it is kept for the next look
            wire.watch(self._lost)
            raise Failed(silence(f"the session with {host.where} came too late for a query"))
        try:
            results = await asyncio.wait_for(wire.ask(questions.LOOK), end - begun)
            facts = questions.read(results, host=host.where, seconds=loop.time() - begun)
            if facts.trouble is None:
                facts = await self._disk.prove(wire, facts, end)
            elif facts.trouble.cause == "read-only":
                facts = await self._why_read_only(wire, facts, end)
        except asyncio.TimeoutError:
            self._drop()
            waited = loop.time() - begun
            raise Failed(silence(f"{host.where} did not answer a query within {waited:.2f} s")) from None
        except (Failed, asyncio.CancelledError):
            self._drop()
            raise
        if facts.trouble is not None and (facts.trouble.lost or not wire.usable):
            self._drop()
            raise Failed(facts.trouble)
        wire.watch(self._lost)
        return facts

    async def _why_read_only(self, wire: Wire, facts: StorageFacts, end: float) -> StorageFacts:
        loop = asyncio.get_running_loop()
        if facts.in_recovery:
            return facts
        rows = await asyncio.wait_for(wire.ask(questions.WHY_READ_ONLY), end - loop.time())
        return replace(facts, read_only_by=next(iter(questions.text(rows)), ""))

    async def _connected(self, end: float) -> tuple[Wire, Host]:
        """The connection: the kept one, else the one that is being opened.

        An attempt goes on when a look ends: what the server has in its queue is served once it can, and a slow one
        gets its time.
        """
        if self._closed:
            raise Unobservable("PostgreSQL cannot be asked over a session that has ended")
        if self._kept is not None:
            if self._kept[0].usable:
                return self._kept
            self._drop()
        attempt = self._attempt
        if attempt is None or (attempt.done() and (attempt.cancelled() or attempt.exception() is not None)):
            attempt = self._attempt = asyncio.ensure_future(self._connect())
            attempt.add_done_callback(self._settled)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        done, _ = await asyncio.wait({attempt}, timeout=max(0.0, end - begun))
        if not done:
            target = self._opening.target
            where = target.where if target else "the server"
            why = f"no session with {where} within {loop.time() - begun:.2f} s"
            if self._opening.unresolved:
                why += f": the resolver does not answer for {', '.join(self._opening.unresolved)}"
            raise Failed(silence(why))
        self._attempt = None
        self._kept = attempt.result()
        self._served = True
        if self._gone_since is not None:
            self._outage = (loop.time(), loop.time() - self._gone_since)
            self._gone_since = None
        return self._kept

    async def _connect(self) -> tuple[Wire, Host]:
        if self._before is not None:
            await self._before.retire()
            self._before = None
        return await self._opening.connect(lambda: self._gone_for() if self._served else math.inf)

    def _settled(self, attempt: asyncio.Task[tuple[Wire, Host]]) -> None:
        """An attempt has come to its end: between two looks that is worth a look at once."""
        error = None if attempt.cancelled() else attempt.exception()
        failed = attempt.cancelled() or error is not None
        if failed:
            self._gone()
        if isinstance(error, Failed) and error.trouble.passing:
            asyncio.get_running_loop().call_later(_PROMOTED, self._tell)
        if not failed and not self._turn.locked() and self.changed is not None:
            self.changed()

    def _lost(self) -> None:
        self._drop()
        self._tell()

    def _tell(self) -> None:
        if self.changed is not None and not self._closed:
            self.changed()

    def _drop(self) -> None:
        if self._kept is not None:
            self._kept[0].close()
            self._kept = None
            self._gone()

    def _gone_for(self) -> float:
        return asyncio.get_running_loop().time() - self._gone_since if self._gone_since is not None else 0.0

    def _gone(self) -> None:
        if self._gone_since is None and not self._closed:
            self._gone_since = asyncio.get_running_loop().time()
