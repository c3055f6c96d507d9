"""What this agent says of its replica to the others, put together from where it is known."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from pomhealth.agent.board import Board
from pomhealth.blocking import Workers
from pomhealth.checks import Context
from pomhealth.checks.served import known_hosts
from pomhealth.cluster.account import about, envoyversion, process
from pomhealth.cluster.account.running import CHECK, ConfigWatch
from pomhealth.cluster.model import Account
from pomhealth.drain.model import ID as DRAIN
from pomhealth.reach import Silent
from pomhealth.replica.model import Process

if TYPE_CHECKING:
    from pomhealth.cluster.registry.membership import Tick

_PROC = 1.0  # seconds for a look at /proc


class Speaker:
    """Gives the account of the replica as it is now; worked out once for each map.

    `changed` is called when something is known that took its time. `context` gives the one in use.
    """

    def __init__(
        self,
        board: Board,
        context: Callable[[], Context | None],
        workers: Workers,
        *,
        changed: Callable[[], None],
    ) -> None:
        self._board = board
        self._context = context
        self._workers = workers
        self._config = ConfigWatch(workers, changed)
        self._host = socket.gethostname()
        self._of: tuple[object, ...] = ()
        self._said: Account | None = None
        self._main: Process | None = None
        self._process = self._envoy = self._runs = ""

    async def look(self) -> None:
        """Takes in which process is watched, and which Envoy it has; blocks nobody."""
        context, replica = self._context(), self._board.replica
        main = replica.main if replica is not None else None
        if main != self._main or not self._process:
            self._main, self._process = main, ""
            with contextlib.suppress(Silent):
                self._process = await self._workers.call(
                    "process", lambda: process.mark_of(main), deadline=_PROC
                )
        self._envoy = await envoyversion.version(context) if context is not None else ""

    def follow(self) -> bool:
        """To be asked after every change of the map, also while nobody can be told: whether another configuration runs."""
        board = self._board
        found = board.status.components.get(CHECK)
        before = self._runs
        self._runs = self._config.config(board.replica, found, board.now(), self._hosts())
        return self._runs != before

    def account(self, tick: Tick | None, instead_of: str) -> Account:
        """What is to be said now; `tick` is what is known of this machine's clock."""
        board, status = self._board, self._board.status
        config = self._config.config(board.replica, status.components.get(CHECK), board.now(), self._hosts())
        now = (status, board.replica, config, self._process, self._envoy, instead_of)
        if self._said is None or any(a is not b for a, b in zip(now, self._of, strict=True)):
            self._of = now
            self._said = about.account(
                status,
                board.replica,
                host=self._host,
                ready=status.ready,
                sound=board.sound,
                draining=DRAIN in status.entries,
                config=self._runs,
                envoy=self._envoy,
                process=self._process,
                instead_of=instead_of,
            )
        if tick is None:
            return self._said
        return replace(self._said, clock=round(tick.ahead, 3), clock_error=round(tick.error, 3))

    async def close(self) -> None:
        await self._config.close()

    def _hosts(self) -> frozenset[str] | None:
        """The hosts that Envoy runs, where a check has asked for them."""
        context = self._context()
        return known_hosts(context.notes) if context is not None else None
