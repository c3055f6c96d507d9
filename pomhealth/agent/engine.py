"""Looks at every measured check on its own schedule. One task a check: none holds up another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from pomhealth.agent.bell import Bell
from pomhealth.agent.board import Board
from pomhealth.agent.look import Seen, look_once
from pomhealth.catalogue import Check
from pomhealth.checks import Context
from pomhealth.status import Entry, Outcome, Streak

TICK = 0.25  # seconds: looks are made together, on these
STAGGER = 0.02  # seconds between the first looks of two checks, so that they do not all meet
SHARE = (
    200  # a look that costs Envoy's main thread more the larger it is may take 1/200 of that thread's time
)
WARNED = 5.0  # seconds between two looks at a warning, at least: nobody waits for its end
UNSEEN = 15.0  # seconds between two looks at what cannot be seen, at most: a right may be granted


class Engine:
    """Runs the probes of the board's plan against the context in use, and hands what they find to the board.

    `broken` is told when a probe itself breaks off: the check's id and where.
    """

    def __init__(self, board: Board, *, broken: Callable[[str, str], None]) -> None:
        self._board = board
        self._broken = broken
        self._context: Context | None = None
        self._there = asyncio.Event()
        self._wakes = {id_: Bell() for id_ in board.plan.looks}
        self._last_broke: dict[str, str] = {}
        board.on_release = self.trigger

    @property
    def context(self) -> Context | None:
        return self._context

    def use(self, context: Context | None) -> None:
        """From now on looks are made in this context, the first of each at once; with None there are none."""
        self._context = context
        if context is None:
            self._there.clear()
            return
        self._there.set()
        loop = asyncio.get_running_loop()
        for place, wake in enumerate(self._wakes.values()):
            loop.call_later(place * STAGGER, wake.ring)

    def trigger(self, ids: Iterable[str]) -> None:
        """Has these checks looked at now; one that is being looked at is looked at again right after."""
        for id_ in ids:
            if id_ in self._wakes:
                self._wakes[id_].ring()

    async def run(self) -> None:
        """Watches until it is cancelled."""
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
            await self._there.wait()
            wake.hush()
            await wake.heard(aligned(await self._look(id_), asyncio.get_running_loop().time()))

    async def _look(self, id_: str) -> float:
        """Looks once; gives the seconds until the next look."""
        context = self._context
        if context is None:
            return 0.0
        check = self._board.plan.checks[id_]
        seen = await look_once(check, self._board.plan.looks[id_], context)
        if not self._same(context):
            return 0.0  # it looked at what is gone
        if seen.broke and self._last_broke.get(id_) != seen.broke:
            self._broken(id_, seen.broke)
        self._last_broke[id_] = seen.broke
        streak = self._board.observe(id_, seen.finding, at=seen.began)
        return pause(check, seen, streak, self._board.status.entries[id_])

    def _same(self, context: Context) -> bool:
        now = self._context
        return now is not None and (now.replica.main, now.replica.envoys) == (
            context.replica.main,
            context.replica.envoys,
        )


def aligned(pause: float, now: float) -> float:
    """The pause, shortened so that it ends on a tick, where others end too: to wake once costs less than to wake often.

    Pure; everything in seconds. A short one stays as it is.
    """
    return pause - (now + pause) % TICK if pause >= 2 * TICK else pause


def pause(check: Check, seen: Seen, streak: Streak, entry: Entry) -> float:
    """Seconds until the next look. Pure.

    A silence that does not count yet is tried again at once, so that two fit into the time in which a hang must
    show; what fails is looked at every `retry` seconds, unless it merely follows its root.
    """
    standing = streak.standing
    if streak.against and seen.finding.silent:
        wait = 0.0
    elif standing is None or entry.blocked_by:
        wait = check.interval
    elif standing.outcome is Outcome.FAIL:
        wait = check.retry
    elif standing.outcome is Outcome.WARN:
        wait = min(check.interval, max(check.retry, WARNED))
    elif standing.outcome is Outcome.UNKNOWN:
        wait = min(check.interval, UNSEEN)
    else:
        wait = check.interval
    if check.dear and wait:
        wait = max(wait, SHARE * (seen.finding.cost or seen.took))
    return wait
