"""The agent's first full look: from then on what it says is measured."""

from __future__ import annotations

import asyncio

from pomhealth.agent.board import Board
from pomhealth.status import Gate


class FirstLook:
    """`done` is set once everything that counts has been looked at, whatever came of it, or why it cannot be is known.

    So it is soon set too where a part is broken, where no replica runs, and where one is still starting.
    """

    def __init__(self, board: Board) -> None:
        self.done = asyncio.Event()
        self._board = board
        self._end = board.subscribe(lambda _: self._changed())

    def _changed(self) -> None:
        counting = self._board.status.counting(Gate.LIVE, Gate.READY)
        if counting and all(entry.finding is not None for entry in counting):
            self.done.set()
            self._end()
