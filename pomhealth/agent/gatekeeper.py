"""Lets this replica be restarted when the cluster can spare it, and takes care of the lease that it then has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from pomhealth.agent.bell import Bell
from pomhealth.agent.logs import Log
from pomhealth.cluster.model import Account, Lease, Roster
from pomhealth.cluster.registry.sql import Away, Session
from pomhealth.cluster.rollout import gate, lease, passing
from pomhealth.cluster.rollout.back import Running, Watch, left, seen
from pomhealth.cluster.rollout.gate import Terms, Verdict
from pomhealth.orders.control import Asker, Handlers
from pomhealth.orders.kinds import PASS, RELEASE
from pomhealth.orders.line import Said
from pomhealth.settings import Settings

_ANSWER = 3.0  # seconds for the registry to answer
_EVERY = 1.0  # seconds between two tries, or two looks at what the lease is for
_EACH = 0.005  # seconds more for each replica: what all that wait ask together stays bounded
_MOST = 10.0  # seconds between two tries, at most
_LEAST = 0.2  # seconds between two tries, however much turns


class Gatekeeper:
    """`session` asks the registry; `roster` gives the cluster as it is known, `account` what is so of this replica.

    `changed` is to be called whenever one of them may be another, `run` takes care of the lease.
    """

    def __init__(
        self,
        session: Session,
        roster: Callable[[], Roster],
        account: Callable[[], Account],
        settings: Callable[[], Settings],
        *,
        log: Callable[[], Log],
    ) -> None:
        self._session = session
        self._roster = roster
        self._account = account
        self._settings = settings
        self._log = log
        self._turn = asyncio.Lock()
        self._bell = Bell()
        self._news = asyncio.Event()
        self._held: Lease | None = None
        self._ends = 0.0  # when it ends, by the clock of the event loop
        self._watch = Watch("")
        self._doubt = False  # the registry was away since it was given: a failover may have lost it
        self._unclear = False  # nobody knows whether what was asked last was done
        self._done: Lease | None = None  # that was given back: the roster may still show it

    @property
    def orders(self) -> Handlers:
        """What the control socket carries out here."""
        return {PASS: self._pass, RELEASE: self._release}

    def changed(self) -> None:
        """Something may be another than before."""
        self._observe()
        self._bell.ring()
        self._news.set()

    async def run(self) -> None:
        """Gives the lease back when the restarted replica is back, and takes it again where the registry lost it."""
        while True:
            await self._bell.heard(self._pause())
            self._bell.hush()
            async with self._turn:
                self._find()
                self._observe()
                with suppress(Away):
                    await self._tend()

    async def _pass(self, said: Said, asker: Asker) -> None:
        order = passing.read(said)
        loop = asyncio.get_running_loop()
        until = loop.time() + order.wait
        while not asker.gone():
            self._news.clear()
            verdict = await self._try(order.terms)
            left = until - loop.time()
            if asker.gone():
                await self._nobody(verdict)
                return
            asker.tell(passing.told(verdict, last=left <= 0.0))
            if verdict.safe or left <= 0.0:
                return
            await asyncio.sleep(min(_LEAST, left))
            pause = min(_EVERY + _EACH * len(self._roster().members), _MOST)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), min(pause, max(until - loop.time(), 0.0)))

    async def _release(self, said: Said, asker: Asker) -> None:
        del said
        barred = gate.barred(self._roster(), wanted=self._settings().cluster)
        if barred is not None:
            asker.tell({"released": False, "why": barred.why, "fix": barred.fix})
            return
        try:
            async with self._turn:
                released = await self._give_back(None)
        except Away as away:
            verdict = gate.away(away.trouble.why, away.trouble.steps)
            asker.tell({"released": False, "why": verdict.why, "fix": verdict.fix})
            return
        asker.tell({"released": released})

    async def _try(self, terms: Terms) -> Verdict:
        async with self._turn:
            barred = gate.barred(self._roster(), wanted=self._settings().cluster)
            if barred is not None:
                return barred
            mine, process = self._roster().mine, self._account().process
            expected = self._settings().expected_replicas
            try:
                self._unclear = True
                answer = await self._session.ask(
                    *lease.take(mine, process, terms.hold, gate.need(terms, expected)), deadline=_ANSWER
                )
                self._unclear = False
            except Away as away:
                self._bell.ring()
                return gate.away(away.trouble.why, away.trouble.steps)
            look = lease.look(answer)
            if look.until is not None:
                self._hold(Lease(mine, look.until, process), look.until - look.at, Watch(process))
                self._log().info("this replica may be restarted", for_seconds=terms.hold)
            return gate.verdict(look, terms, expected)

    async def _nobody(self, verdict: Verdict) -> None:
        """Who asked is gone: what was given is given back."""
        if verdict.safe:
            async with self._turn:
                self._held, self._unclear = None, True
                with suppress(Away):
                    await self._give_back(None)

    def _hold(self, held: Lease, left: float, watch: Watch) -> None:
        self._held, self._done, self._doubt = held, None, False
        self._ends = asyncio.get_running_loop().time() + left
        self._watch = watch
        self._bell.ring()

    def _pause(self) -> float | None:
        """Seconds until there is something to do; None where there is nothing."""
        if self._held is None:
            return _EVERY if self._unclear else None
        soon = self._left()
        return _EVERY if not soon else min(soon, _EVERY)

    def _left(self) -> float | None:
        return left(self._watch, asyncio.get_running_loop().time(), self._settings().drain_notice)

    def _find(self) -> None:
        """Takes over a lease that the registry has for this replica: one of an agent's run before."""
        roster = self._roster()
        found = roster.lease
        own = found if found is not None and found.holder == roster.mine and found != self._done else None
        if self._held is None and own is not None and roster.complete and not self._unclear:
            self._hold(own, own.until - roster.at, Watch(own.process, away=None))

    def _observe(self) -> None:
        """Notes what runs here now, and whether the registry is there."""
        if self._held is None:
            return
        roster, now = self._roster(), asyncio.get_running_loop().time()
        account = self._account()
        self._watch = seen(self._watch, Running(account.process, account.ready), now)
        self._doubt = self._doubt or roster.trouble is not None
        if now >= self._ends:
            self._done, self._held = self._held, None
            self._log().warning("the lease of the rollout has run out before the replica was back")

    async def _tend(self) -> None:
        """Raises Away."""
        roster, held = self._roster(), self._held
        if not roster.complete:
            return
        if held is None:
            if self._unclear:
                await self._give_back(None)
            return
        if self._left() == 0.0:
            if await self._give_back(held.process):
                self._log().info("the replica is back: the next one may be restarted")
        elif self._doubt:
            await self._keep(held)

    async def _keep(self, held: Lease) -> None:
        """Takes the lease again, should a failover have lost it. Raises Away."""
        mine = self._roster().mine
        now = lease.holder(await self._session.ask(*lease.keep(mine, held), deadline=_ANSWER))
        self._doubt = False
        if now.holder != mine:
            self._done, self._held = held, None
            self._log().warning(
                "the registry has lost the lease of this replica, and another has it", holder=now.holder
            )

    async def _give_back(self, process: str | None) -> bool:
        """Whether there was a lease to give back. Raises Away."""
        answer = await self._session.ask(*lease.give_back(self._roster().mine, process), deadline=_ANSWER)
        self._done = self._held or self._roster().lease
        self._held, self._unclear = None, False
        return bool(answer[-1])
