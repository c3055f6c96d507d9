"""Gathers what is published of one agent into one value."""

from __future__ import annotations

from collections.abc import Callable

from pomhealth.agent.board import Board
from pomhealth.agent.keeper import Keeper
from pomhealth.agent.lag import KEPT, Lag
from pomhealth.agent.rotation import Rotation
from pomhealth.agent.tally import Tally
from pomhealth.catalogue import catalogue
from pomhealth.cluster.model import Roster
from pomhealth.publish.memo import Memo
from pomhealth.publish.view import View, summary
from pomhealth.replica.model import SOMEWHERE, Replica
from pomhealth.report.origins import Section, replica_sections, settings_section
from pomhealth.settings import Settings


class Viewing:
    """Everything that publishers read, as it is at the moment of the call. `settings` gives those in force."""

    def __init__(
        self,
        board: Board,
        lag: Lag,
        tally: Tally,
        keeper: Keeper,
        *,
        rotation: Callable[[], Rotation],
        roster: Callable[[], Roster],
        settings: Callable[[], Settings],
    ) -> None:
        self._board = board
        self._lag = lag
        self._tally = tally
        self._keeper = keeper
        self._rotation = rotation
        self._roster = roster
        self._settings = settings
        self._of: tuple[Settings, Replica | None] | None = None
        self._sections: tuple[Section, ...] = ()
        self._memo = Memo()

    def __call__(self) -> View:
        board, rotation = self._board, self._rotation()
        return View(
            status=board.status,
            catalogue=catalogue(),
            started=board.started,
            replica=summary(board.replica),
            history=tuple(board.history),
            notice=board.notice,
            late=self._lag.worst(self._lag.now() - KEPT),
            drain=rotation.told,
            control=rotation.control,
            platform=board.replica.platform if board.replica is not None else SOMEWHERE,
            sections=self._known(),
            past=self._keeper.past,
            unkept=self._keeper.notice,
            tally=self._tally.counts,
            now=board.now(),
            roster=self._roster(),
            expected=self._settings().expected_replicas,
            memo=self._memo,
        )

    def _known(self) -> tuple[Section, ...]:
        """Settings and replica with their origins, worked out once for each of them."""
        settings, replica = self._settings(), self._board.replica
        if self._of is None or self._of[0] is not settings or self._of[1] is not replica:
            of_replica = replica_sections(replica) if replica is not None else ()
            self._of, self._sections = (settings, replica), (settings_section(settings), *of_replica)
        return self._sections
