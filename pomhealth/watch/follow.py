"""Follows one agent for as long as it is asked to: what it tells, and whether it does."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from pomhealth.client.ask import Address
from pomhealth.status import Outcome
from pomhealth.watch.http import Away, Http, NoEvents
from pomhealth.watch.model import Seen
from pomhealth.watch.reading import read_data, read_turn

_BEAT = 10.0  # seconds between two beats of an agent that does not say otherwise


@dataclass(frozen=True, slots=True)
class Pace:
    """How often what is asked, in seconds.

    An agent tells changes by itself; what changes without one (a figure in the evidence, what follows from a fault) is
    seen when /status is read anew: after `calm`, or after `wary` while something is wrong. Two readings are `apart`
    at least. An agent without events is asked every `poll`, and for events again after `again`. One that is away is
    tried again after `first`, then after twice as long each time, up to `longest`; so is one that breaks off soon.
    """

    calm: float = 30.0
    wary: float = 5.0
    apart: float = 0.25
    poll: float = 2.0
    again: float = 30.0
    first: float = 0.25
    longest: float = 5.0


class Follower:
    """`tell` gets what is known of the agent each time that more is. `clock` gives seconds since the epoch."""

    def __init__(
        self,
        address: Address,
        tell: Callable[[Seen], None],
        *,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._address = address
        self._tell, self._pace, self._clock = tell, pace or Pace(), clock
        self.seen = Seen(address.where)
        self._last = ""
        self._beat = _BEAT
        self._heard = 0.0
        self._stale = asyncio.Event()

    async def run(self) -> None:
        """Follows it until it is cancelled."""
        pause, clock = self._pace.first, asyncio.get_running_loop().time
        async with contextlib.aclosing(Http(self._address)) as http:
            while True:
                begun = clock()
                try:
                    await self._read(http)
                    await self._listen(http)
                except NoEvents:
                    with contextlib.suppress(Away):
                        await self._poll(http)
                except Away as away:
                    await self._missed(http, away)
                if clock() - begun > self._pace.longest and not self.seen.trouble:
                    pause = self._pace.first
                await asyncio.sleep(pause)
                pause = min(2 * pause, self._pace.longest)

    async def _missed(self, http: Http, away: Away) -> None:
        """A stream may break although the agent is there; only one that does not answer /status is away."""
        try:
            await self._read(http)
        except Away as still:
            away = still
        else:
            return
        self._now(self.seen.silent(str(away), away.fix, self._clock()))

    async def _read(self, http: Http) -> None:
        self._stale.clear()
        snapshot = await http.status()
        seen = self.seen.answered(self._clock()).told(*snapshot.turns)
        self._now(replace(seen, snapshot=snapshot))

    async def _poll(self, http: Http) -> None:
        """Asks an agent without events again and again, for a while."""
        self._now(replace(self.seen, polled=True))
        for _ in range(max(int(self._pace.again / self._pace.poll), 1)):
            await asyncio.sleep(self._pace.poll)
            await self._read(http)

    async def _listen(self, http: Http) -> None:
        """Takes events, and reads /status after each that tells something, until one of both breaks off."""
        await _first(self._take(http), self._keep_up(http))

    async def _take(self, http: Http) -> None:
        async with contextlib.aclosing(http.events(self._last, 2.5 * self._beat)) as events:
            async for event in events:
                self._last = event.id
                self._heard = asyncio.get_running_loop().time()
                data = read_data(event.data)
                if event.kind == "hello":
                    beat = data.get("beat")
                    self._beat = beat if isinstance(beat, (int, float)) and 1 <= beat <= 300 else _BEAT
                    self._now(replace(self.seen, polled=False))
                turn = read_turn(data) if event.kind == "change" else None
                seen = self.seen.answered(self._clock())
                self._now(seen.told(turn) if turn else seen)
                if event.kind == "bye":
                    return
                if event.kind != "beat":
                    self._stale.set()

    async def _keep_up(self, http: Http) -> None:
        loop = asyncio.get_running_loop()
        self._heard = loop.time()
        while True:
            timer = loop.call_later(self._patience(), self._stale.set)  # wait_for may drop a cancellation
            try:
                await self._stale.wait()
            finally:
                timer.cancel()
            await self._read(http)
            await asyncio.sleep(self._pace.apart)

    def _patience(self) -> float:
        """For how long what was read last is good enough. An agent that misses a beat may hang: it is asked."""
        pace, snapshot = self._pace, self.seen.snapshot
        silent = asyncio.get_running_loop().time() - self._heard
        if silent > 1.25 * self._beat:
            return pace.poll
        well = snapshot is not None and all(one.outcome is Outcome.PASS for one in snapshot.checks)
        return min(pace.calm if well else pace.wary, 1.25 * self._beat - silent)

    def _now(self, seen: Seen) -> None:
        if seen != self.seen:
            self.seen = seen
            self._tell(seen)


async def _first(*works: Coroutine[Any, Any, None]) -> None:
    """Runs all until one ends or fails, and ends the others. Raises what that one raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
