"""What this agent says of its replica to the others, put together from where it is known."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from pomhealth.agent.board import Board
from pomhealth.blocking import Workers
from pomhealth.checks import Context
from pomhealth.cluster import about, process
from pomhealth.cluster.model import Account
from pomhealth.drain.model import ID as DRAIN
from pomhealth.reach import Silent
from pomhealth.replica.model import Process, Replica
from pomhealth.status import StatusMap

if TYPE_CHECKING:
    from pomhealth.cluster.membership import Tick

_PROC = 1.0  # seconds for a look at /proc


class Speaker:
    """Gives the account of the replica as it is now; worked out once for each map."""

    def __init__(self, board: Board, context: Callable[[], Context | None], workers: Workers) -> None:
        self._board = board
        self._context = context
        self._workers = workers
        self._host = socket.gethostname()
        self._of: tuple[StatusMap, Replica | None, str, str] | None = None
        self._said: Account | None = None
        self._main: Process | None = None
        self._process = ""

    async def look(self) -> None:
        """Takes in which process is watched; blocks nobody."""
        replica = self._board.replica
        main = replica.main if replica is not None else None
        if main == self._main and self._process:
            return
        try:
            self._process = await self._workers.call("process", lambda: process.mark_of(main), deadline=_PROC)
            self._main = main
        except Silent:
            self._process = ""

    def account(self, tick: Tick | None, instead_of: str) -> Account:
        """What is to be said now; `tick` is what is known of this machine's clock."""
        status, replica = self._board.status, self._board.replica
        key = (status, replica, self._process, instead_of)
        if (
            self._said is None
            or self._of is None
            or any(a is not b for a, b in zip(key, self._of, strict=True))
        ):
            self._of = key
            self._said = about.account(
                status,
                replica,
                host=self._host,
                ready=status.ready,
                sound=status.ready,
                draining=DRAIN in status.entries,
                process=self._process,
                instead_of=instead_of,
            )
        if tick is None:
            return self._said
        return replace(self._said, clock=round(tick.ahead, 3), clock_error=round(tick.error, 3))
