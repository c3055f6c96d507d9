"""Who this replica is in its cluster: read from its file once, and another where a living one has the same id."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from pomhealth.agent.logs import Log
from pomhealth.blocking import Workers
from pomhealth.cluster.account import identity
from pomhealth.cluster.account.identity import Identity
from pomhealth.history.file import Place, place
from pomhealth.settings import Settings

_FILE = 5.0  # seconds for the file
_NAME = "identity"


class Identities:
    """The id of one agent. `known` is it, None before the first look; `instead_of` the id that its file still holds,
    where another living replica has that one.
    """

    def __init__(self, workers: Workers, log: Callable[[], Log]) -> None:
        self.known: Identity | None = None
        self.instead_of = ""
        self._workers = workers
        self._log = log
        self._of: tuple[Place, str] | None = None

    async def load(self, settings: Settings, address: str) -> Identity:
        """The id of the agent that listens on `address`. Raises Silent."""
        where = identity.beside(place(settings, os.environ, os.geteuid(), address))
        address = address or settings.listen
        if self.known is None or self._of != (where, address):
            self.known = await self._look(partial(identity.load, where), address)
            self._of, self.instead_of = (where, address), ""
        return self.known

    async def renew(self) -> None:
        """Another living replica has the id: this one takes a fresh one. Raises Silent."""
        assert self.known is not None
        assert self._of is not None
        before = self.known.id
        where, address = self._of
        self.known = await self._look(partial(identity.renew, where), address)
        self.instead_of = before if self.known.kept else ""

    async def _look(self, read: Callable[[identity.Machine], Identity], address: str) -> Identity:
        found = await self._workers.call(_NAME, lambda: read(identity.machine(address)), deadline=_FILE)
        for why in filter(None, (found.anew, found.kept)):
            self._log().warning("the replica's id in its cluster", id=found.id, why=why)
        return found
