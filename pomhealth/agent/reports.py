"""Follows what the replica says of itself on its own health server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from pomhealth.agent.bell import Bell
from pomhealth.agent.board import Board
from pomhealth.agent.engine import aligned
from pomhealth.agent.lag import Lag, excuses
from pomhealth.reach import ReachError
from pomhealth.replica.model import Endpoint, Replica
from pomhealth.replica.report import ReportClient
from pomhealth.status import Report

EVERY = 1.0  # seconds between two questions
STARTING = 0.25  # the same until the replica has started: its parts report one after the other
DEADLINE = 0.7  # seconds for one answer
AGAIN = 5.0  # seconds after which a report that says what it said is taken in all the same
KEPT = 2  # failed tries until the last report is dropped: a replica that stops closes its health server first
FIRST_RELEASE = (0, 31)  # Pomerium 0.31 is the first with a health server


class Client(Protocol):
    """What is asked of a report client."""

    async def fetch(self, *, deadline: float) -> Mapping[str, Report]: ...

    def when_closed(self, told: Callable[[], None]) -> None: ...

    async def close(self) -> None: ...


class Reports:
    """Asks the replica every second and hands what it says to the board.

    `changed` is told which ids it now speaks of otherwise than before. With a `lag`, a try that fails while the agent
    itself was late does not count. `closed` is called when the replica closes the connection: it may have ended.
    `terminating` is told with each report whether the replica says that it is stopping.
    """

    def __init__(
        self,
        board: Board,
        *,
        changed: Callable[[frozenset[str]], None],
        connect: Callable[[Endpoint, int | None], Client] = ReportClient,
        lag: Lag | None = None,
        closed: Callable[[], None] = lambda: None,
        terminating: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._board = board
        self._changed = changed
        self._connect = connect
        self._lag = lag
        self._closed = closed
        self._terminating = terminating
        self._client: Client | None = None
        self._asked: tuple[Endpoint, int | None] | None = None
        self._last: Mapping[str, Report] = {}
        self._taken: Replica | None = None
        self._taken_at = 0.0
        self._failures = 0
        self._wake = Bell()

    def poke(self) -> None:
        """Has it ask at once: the replica has changed."""
        self._wake.ring()

    async def run(self) -> None:
        """Follows until it is cancelled."""
        try:
            while True:
                self._wake.hush()
                await self._ask()
                every = STARTING if self._client is not None and not self._board.started else EVERY
                await self._wake.heard(aligned(every, asyncio.get_running_loop().time()))
        finally:
            await self._drop_client()

    async def once(self) -> None:
        """Asks until there is a report, or none to be had."""
        try:
            await self._ask()
            while 0 < self._failures < KEPT:
                await self._ask()
        finally:
            await self._drop_client()

    async def _ask(self) -> None:
        replica = self._board.replica
        if replica is None:
            return
        lacking = why_no_report(replica)
        if lacking or replica.health is None:
            await self._drop_client()
            self._last = {}
            self._board.unreported(lacking)
            return
        client = await self._client_for(replica, replica.health)
        began = self._lag.now() if self._lag is not None else 0.0
        try:
            reports = await client.fetch(deadline=DEADLINE)
        except ReachError as error:
            if not self._was_late(began):
                self._failed(replica, error)
            return
        if self._board.replica is not replica:
            return  # the answer of one that is gone
        self._failures = 0
        if reports is self._last and self._board.replica is self._taken and not self._due():
            return
        self._taken, self._taken_at = replica, asyncio.get_running_loop().time()
        turned = _turned(self._last, reports)
        self._last = reports
        self._terminating(any(said.status == "TERMINATING" for said in reports.values()))
        self._board.report(reports, lacking=f"{_release(replica)} does not report it")
        if turned:
            self._changed(turned)

    def _due(self) -> bool:
        """Whether even the same report is taken in again: its time shows, and one that fails counts after a while."""
        quiet = all(said.healthy for said in self._last.values())
        return not quiet or asyncio.get_running_loop().time() - self._taken_at >= AGAIN

    async def _client_for(self, replica: Replica, endpoint: Endpoint) -> Client:
        pid = replica.main.pid if replica.main else None
        if self._client is None or self._asked != (endpoint, pid):
            await self._drop_client()
            self._client, self._asked = self._connect(endpoint, pid), (endpoint, pid)
            self._client.when_closed(self._closed)
            self._failures, self._last = 0, {}
        return self._client

    async def _drop_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _was_late(self, began: float) -> bool:
        """Whether the agent itself may be why a try that began then got no answer."""
        if self._lag is None:
            return False
        self._lag.came(began + DEADLINE)
        took = max(self._lag.now() - began, EVERY)
        return excuses(self._lag.since(self._lag.now() - took), took)

    def _failed(self, replica: Replica, error: ReachError) -> None:
        self._failures += 1
        if self._failures >= KEPT and self._board.replica is replica:
            self._last = {}
            self._board.unreported(f"the replica's own report cannot be had: {error}")


def why_no_report(replica: Replica) -> str:
    """Why this replica can have no report of its own; "" where it may have one. Pure."""
    if replica.awaited:
        return "no replica is running"
    if replica.release is not None and replica.release < FIRST_RELEASE:
        return f"{_release(replica)} does not report its health (0.31 and newer do)"
    if not replica.same_network:
        return replica.missing.get("network", "share the replica's network namespace")
    if replica.health is None:
        return replica.missing.get("health", "the address of the replica's own health server is not known")
    return ""


def _release(replica: Replica) -> str:
    return f"Pomerium {replica.version.value}" if replica.version else "this release of Pomerium"


def _turned(before: Mapping[str, Report], after: Mapping[str, Report]) -> frozenset[str]:
    return frozenset(id_ for id_ in {*before, *after} if before.get(id_) != after.get(id_))
