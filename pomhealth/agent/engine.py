"""Looks at every measured check on its own schedule. One task a check: none holds up another."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from pomhealth.agent.bell import Bell
from pomhealth.agent.board import Board
from pomhealth.agent.lag import BEAT, TICK, Lag
from pomhealth.agent.look import Seen, look_once
from pomhealth.agent.pulse import Pulse
from pomhealth.agent.tally import Tally
from pomhealth.catalogue import Check
from pomhealth.checks import Context
from pomhealth.cluster.model import OFF, Roster
from pomhealth.replica.budget import FULL, USUAL, Budget, Haste, rest
from pomhealth.status import Entry, Outcome, Streak
from pomhealth.status.settle import VOIDS

VOID_AGAIN = TICK  # seconds until a void look is tried again
STAGGER = 0.02  # seconds between the first looks of two checks, so that they do not all meet
UNANSWERED = 30  # one without an answer is made again after so many times the time that it took
PLENTY = (
    FULL - 0.5
)  # seconds of Envoy's time left, with which the dear looks at its configuration cost it little
WARNED = 5.0  # seconds between two looks at a warning, at least: nobody waits for its end
UNSEEN = 15.0  # seconds between two looks at what cannot be seen, at most: a right may be granted


class Engine:
    """Runs the probes of the board's plan against the context in use, and hands what they find to the board.

    `broken` is told when a probe itself breaks off: the check's id and where. With a `lag`, looks that got no answer
    while the agent itself was late are void. `pulse` is told by when each check is looked at again. `tally` counts how
    the looks went, and the board's turns. `roster` gives the cluster as it is known.
    """

    def __init__(
        self,
        board: Board,
        *,
        broken: Callable[[str, str], None],
        lag: Lag | None = None,
        pulse: Pulse | None = None,
        roster: Callable[[], Roster] = lambda: OFF,
    ) -> None:
        self._board = board
        self._roster = roster
        self._broken = broken
        self._lag = lag
        self._pulse = pulse if pulse is not None else Pulse()
        self.tally = Tally()
        self._context: Context | None = None
        self._ran = False
        self._there = asyncio.Event()
        self._wakes = {id_: Bell() for id_ in board.plan.looks}
        self._last_broke: dict[str, str] = {}
        self._hasty: dict[str, Haste] = {}
        self._looked: dict[str, Budget] = {}
        self._costs: dict[str, deque[float]] = {id_: deque(maxlen=USUAL) for id_ in board.plan.looks}
        board.on_release = self.trigger
        board.on_doubt = self.told
        board.subscribe(self.tally.changed)

    @property
    def context(self) -> Context | None:
        return self._context

    def use(self, context: Context | None, first: Iterable[str] = ()) -> None:
        """From now on looks are made in this context, the first of each at once; with None there are none.

        Those of `first` are made before the others.
        """
        self._context = context
        if context is None:
            self._there.clear()
            return
        self._there.set()
        loop = asyncio.get_running_loop()
        early = frozenset(first)
        self.changed(early)
        for place, id_ in enumerate(id_ for id_ in self._wakes if id_ not in early):
            loop.call_later(place * STAGGER, self._wakes[id_].ring)

    def trigger(self, ids: Iterable[str]) -> None:
        """Has these checks looked at now; one that is being looked at is looked at again right after."""
        for id_ in ids:
            if id_ in self._wakes:
                self._wakes[id_].ring()

    def told(self, ids: Iterable[str]) -> None:
        """As `trigger`, since the replica itself says that something has changed: a dear look then goes first."""
        self._hasten(ids, Haste.TOLD)

    def changed(self, ids: Iterable[str], *, settled: bool = False) -> None:
        """As `trigger`, since the configuration has changed; `settled` once the replica has had its time for it."""
        self._hasten(ids, Haste.SETTLED if settled else Haste.CHANGED)

    def glance(self, ids: Iterable[str]) -> None:
        """As `trigger`, for those that fail, and for the dear ones while they hardly cost anything.

        A look that is neither may leave a line in the replica's log.
        """
        client = self._context.admin_client if self._context is not None else None
        cheap = client is not None and client.budget.balance >= PLENTY
        plan, entries = self._board.plan, self._board.status.entries
        self.changed(
            id_
            for id_ in ids
            if entries[id_].outcome is Outcome.FAIL
            or (cheap and id_ in self._wakes and plan.checks[id_].dear)
        )

    def _hasten(self, ids: Iterable[str], haste: Haste) -> None:
        for id_ in ids:
            self._hasty[id_] = max(haste, self._hasty.get(id_, Haste.NONE))
            self.trigger((id_,))

    async def run(self) -> None:
        """Watches until it is cancelled. Should it have broken off before, it goes on with what it was to watch."""
        if self._ran:
            self.trigger(self._wakes)
        self._ran = True
        tasks = [asyncio.ensure_future(self._watch(id_)) for id_ in self._wakes]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self, id_: str) -> None:
        wake = self._wakes[id_]
        await wake.heard()
        while True:
            self._pulse.rest(id_)
            await self._there.wait()
            await self._paid(id_)
            wake.hush()
            self._pulse.expect(id_, self._board.plan.checks[id_].deadline)
            wait = aligned(await self._look(id_), asyncio.get_running_loop().time())
            self._pulse.expect(id_, wait)
            await wake.heard(wait)

    async def _paid(self, id_: str) -> None:
        """Returns once a look at this check is within the budget of the Envoy that is there then."""
        wake = self._wakes[id_]
        while (seconds := self._owing(id_)) > 0.0:
            wake.hush()
            self._pulse.expect(id_, seconds)
            await wake.heard(seconds)

    def _owing(self, id_: str) -> float:
        """Seconds until this check may be looked at."""
        context = self._context
        check = self._board.plan.checks[id_]
        if context is None or context.admin_client is None or not check.dear or check.keeps:
            return 0.0
        return context.admin_client.budget.wait(self._haste(id_, context))

    def _haste(self, id_: str, context: Context) -> Haste:
        """How much the next look at this check matters."""
        client = context.admin_client
        if client is not None and self._looked.get(id_) is not client.budget:
            return Haste.FIRST
        awaited = (
            self._board.status.entries[id_].pending or self._board.status.components[id_].measured is None
        )
        return Haste.TOLD if awaited else self._hasty.get(id_, Haste.NONE)

    async def _look(self, id_: str) -> float:
        """Looks once; gives the seconds until the next look."""
        context = self._context
        if context is None:
            return 0.0
        haste = self._haste(id_, context)
        self._hasty.pop(id_, None)
        if context.admin_client is not None and self._looked.get(id_) is not context.admin_client.budget:
            self._looked[id_] = context.admin_client.budget
            self._costs[id_].clear()
        check = self._board.plan.checks[id_]
        seen = await look_once(
            check,
            self._board.plan.looks[id_],
            replace(context, haste=haste, roster=self._roster),
            clock=self._board.now,
            lag=self._lag,
        )
        self.tally.looked(id_, seen.took, seen.finding, broke=bool(seen.broke), timed_out=seen.timed_out)
        if not self._same(context):
            return 0.0  # it looked at what is gone
        if seen.broke and self._last_broke.get(id_) != seen.broke:
            self._broken(id_, seen.broke)
        self._last_broke[id_] = seen.broke
        streak = self._board.observe(id_, seen.finding, at=seen.began)
        if seen.finding.again:
            self._hasty.setdefault(id_, Haste.CHANGED)
        if seen.finding.cost:
            self._costs[id_].append(seen.finding.cost)
        cost = min(self._costs[id_], default=0.0)
        return pause(check, seen, streak, self._board.status.entries[id_], cost=cost)

    def _same(self, context: Context) -> bool:
        now = self._context
        return now is not None and (now.replica.main, now.replica.envoys) == (
            context.replica.main,
            context.replica.envoys,
        )


def aligned(pause: float, now: float) -> float:
    """The pause, shortened so that it ends where others end too: to wake once costs less than to wake often.

    Pure; everything in seconds. It ends with a full second where it is that long, else with a quarter of one; a short
    one stays as it is.
    """
    if pause < 2 * TICK:
        return pause
    whole = pause - (now + pause) % BEAT
    return whole if pause >= BEAT and whole >= TICK / 2 else pause - (now + pause) % TICK


def pause(check: Check, seen: Seen, streak: Streak, entry: Entry, *, cost: float = 0.0) -> float:
    """Seconds until the next look. Pure; `cost` is what such a look takes of Envoy's main thread, in seconds.

    A silence that does not count yet is tried again at once, so that two fit into the time in which a hang must
    show; what fails is looked at every `retry` seconds, unless it merely follows its root. A void look is soon tried
    again, but not without end: it is the machine that is slow.
    """
    standing = streak.standing
    if seen.finding.void and streak.voids < VOIDS:
        return VOID_AGAIN
    if streak.against and seen.finding.silent:
        wait = 0.0
    elif standing is None or entry.blocked_by:
        wait = check.interval
    elif standing.outcome is Outcome.FAIL or standing.early:
        wait = check.retry
    elif standing.outcome is Outcome.WARN:
        wait = min(check.interval, max(check.retry, WARNED))
    elif standing.outcome is Outcome.UNKNOWN:
        wait = min(check.interval, UNSEEN)
    else:
        wait = check.interval
    if check.dear and wait:
        awaited = standing is not None and (
            standing.early or standing.outcome in (Outcome.FAIL, Outcome.WARN)
        )
        wait = max(wait, 0.0 if check.keeps else rest(cost, watching=awaited))
        if seen.finding.outcome is Outcome.UNKNOWN:
            wait = max(wait, UNANSWERED * seen.took)
    return min(wait, seen.finding.again) if seen.finding.again else wait
