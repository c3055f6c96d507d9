"""The agent's place in its cluster, where the operator wants one: most agents have none, and load nothing for it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pomhealth.agent.bell import Bell
from pomhealth.agent.board import Board
from pomhealth.agent.gatehouse import Gatehouse
from pomhealth.agent.logs import Log
from pomhealth.agent.plan import policy_of
from pomhealth.checks import Context
from pomhealth.cluster.model import OFF, Account, Roster, Trouble
from pomhealth.cluster.registry.sql import Ask, Away, Row
from pomhealth.settings import Settings
from pomhealth.status import Change

if TYPE_CHECKING:
    from pomhealth.agent.belonging import Belonging

_GAP = 0.25  # seconds between two comparisons of the replicas, at least
_EACH = 0.002  # seconds more for each of them: it costs the more the more they are
HOW = "the cluster view is off: set `cluster = true` (POMHEALTH_CLUSTER=true) on every replica"


class Fleet:
    """`context` and `settings` give those in force now, `address` where the agent answers; `told` is called when the
    roster is another than before, `learn` with each connection string, whose password nobody may see, and `compare` soon after that, to have the replicas compared. `gatehouse` lets this replica be restarted when the cluster can spare it.
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
        compare: Callable[[], None],
    ) -> None:
        self._board = board
        self._context = context
        self._settings = settings
        self._address = address
        self._log = log
        self._learn = learn
        self._told = told
        self._compare = compare
        self._compared = -math.inf
        self._comparing: asyncio.TimerHandle | None = None
        self._bell = Bell()
        self._belonging: Belonging | None = None
        self._read: Settings | None = None
        self._closed = False
        self.gatehouse = Gatehouse(self, lambda: self.roster, self.account, settings, log=log)
        board.subscribe(self._moved)

    @property
    def roster(self) -> Roster:
        """The cluster as it is known now."""
        return self._belonging.roster if self._belonging is not None else OFF

    def account(self) -> Account:
        """What is so of this replica, as the others are told."""
        return self._belonging.account() if self._belonging is not None else Account("")

    async def ask(self, *asks: Ask, deadline: float) -> Sequence[Sequence[Row]]:
        """Asks the registry, as its session does. Raises Away."""
        if self._belonging is None:
            raise Away(Trouble("unreachable", HOW))
        return await self._belonging.ask(*asks, deadline=deadline)

    async def run(self) -> None:
        """Keeps this replica's place for as long as the settings want that."""
        while not self._closed:
            self._bell.hush()
            self._tell_policy()
            if self._settings().cluster:
                await self._belong()
            await self._bell.heard()

    def reload(self) -> None:
        """The settings, or the replica, may be others now."""
        self._bell.ring()
        self.gatehouse.changed()
        if self._belonging is not None:
            self._belonging.reload()

    async def close(self) -> None:
        """Says that this agent stops, if that can be said at once; it joins no more."""
        self._closed = True
        if self._belonging is not None:
            await self._belonging.close()

    async def _belong(self) -> None:
        from pomhealth.agent.belonging import Belonging  # noqa: PLC0415  (it takes 2 MiB)

        self._belonging = Belonging(
            self._board,
            self._context,
            self._settings,
            address=self._address,
            log=self._log,
            learn=self._learn,
            told=self._turned,
        )
        try:
            await self._belonging.run()
        finally:
            await self._belonging.close()
            self._belonging = None
            self._board.roster_changed(OFF)
            self._turned()

    def _tell_policy(self) -> None:
        """Says once of these settings that a policy which they ask for cannot be followed."""
        settings, before = self._settings(), self._read
        self._read = settings
        if settings is not before and policy_of(settings) != settings.readiness_policy:
            self._log().warning(
                "readiness_policy is serving until cluster = true: the registry tells who else is ready"
            )

    def _turned(self) -> None:
        self.gatehouse.changed()
        self._told()
        if self._comparing is None:
            loop = asyncio.get_running_loop()
            due = self._compared + max(_GAP, _EACH * len(self.roster.members)) - loop.time()
            self._comparing = loop.call_later(max(0.0, due), self._have_compared)

    def _have_compared(self) -> None:
        self._comparing = None
        self._compared = asyncio.get_running_loop().time()
        self._compare()

    def _moved(self, turned: tuple[Change, ...]) -> None:
        if turned:
            self.gatehouse.changed()
