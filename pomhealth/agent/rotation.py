"""Whether the replica is in rotation: who takes it out, a signal to the agent, an order, or the replica's own word."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from pomhealth.agent.board import Board
from pomhealth.agent.logs import Log
from pomhealth.checks import Context
from pomhealth.drain.drainer import Drainer
from pomhealth.drain.following import Following
from pomhealth.drain.model import Reason, Terms, told
from pomhealth.orders.control import Control, Handlers
from pomhealth.replica import processes
from pomhealth.replica.model import Replica
from pomhealth.settings import Settings


class Rotation:
    """The drain of one agent. `settings` and `log` give those in force now, `moved` is called when it moves on.

    `orders` are carried out beside its own: one socket takes all of them.
    """

    def __init__(
        self,
        board: Board,
        context: Callable[[], Context | None],
        settings: Callable[[], Settings],
        *,
        log: Callable[[], Log],
        moved: Callable[[], None],
        orders: Handlers = MappingProxyType({}),
    ) -> None:
        self._board = board
        self._settings = settings
        self._log = log
        self._drainer = Drainer(board, context, log=log)
        self._drainer.subscribe(moved)
        own = Following(self._drainer, self._terms).orders
        self._control = Control({**own, **orders}, users=self._users, log=log)
        self._takes_orders = False

    @property
    def control(self) -> str:
        """Where orders are taken ("@NAME"), "" where they are not."""
        return self._control.name if self._takes_orders else ""

    @property
    def told(self) -> Mapping[str, Any] | None:
        """The drain that stands, as a program reads it."""
        drain = self._drainer.drain
        return told(drain) if drain is not None else None

    async def open(self) -> None:
        """Begins to take orders; where that cannot be, a line in the log says so."""
        try:
            await self._control.open()
            self._takes_orders = True
        except OSError as error:
            self._log().error(
                "pomhealth drain and rollout-gate cannot reach this agent", error=error.strerror or ""
            )

    async def close(self) -> None:
        await self._control.close()
        await self._drainer.close()

    def found(self, replica: Replica) -> None:
        """The replica is this one from now on."""
        self._drainer.found(replica, processes.age(replica.main) if replica.main is not None else None)

    def reported(self, *, terminating: bool) -> None:
        """Whether the replica's own report says TERMINATING of one of its parts."""
        self._drainer.reported(terminating=terminating, terms=self._terms())

    def seconds_before_the_end(self, caught: signal.Signals | None) -> float:
        """How long `before_the_end` may take after this signal; 0 where nothing drains."""
        settings = self._settings()
        return settings.drain_limit if caught is signal.SIGTERM and settings.drain_on_stop else 0.0

    async def before_the_end(self, caught: signal.Signals | None) -> None:
        """Drains first, where the agent's end means the replica's; returns at once where it does not."""
        if self.seconds_before_the_end(caught):
            self._drainer.begin(Reason.STOP, self._terms())
            await self._drainer.over()

    def _terms(self) -> Terms:
        settings = self._settings()
        return Terms(settings.drain_notice, settings.drain_limit)

    def _users(self) -> frozenset[int]:
        replica = self._board.replica
        users = {os.geteuid()}
        return frozenset(users | ({replica.main.uid} if replica is not None and replica.main else set()))
