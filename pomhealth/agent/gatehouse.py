"""Has a gatekeeper as soon as there is something for one to do: without a cluster, its modules are not loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pomhealth.agent.bell import Bell
from pomhealth.agent.logs import Log
from pomhealth.cluster.model import Account, Roster
from pomhealth.cluster.registry.sql import Session
from pomhealth.orders.control import Asker, Handlers
from pomhealth.orders.kinds import PASS, RELEASE
from pomhealth.orders.line import Said
from pomhealth.settings import Settings

if TYPE_CHECKING:
    from pomhealth.agent.gatekeeper import Gatekeeper


class Gatehouse:
    """`session` asks the registry; `roster` gives the cluster as it is known, `account` what is so of this replica.

    `changed` is to be called whenever one of them may be another, `run` takes care of the lease.
    """

    def __init__(
        self,
        session: Session,
        roster: Callable[[], Roster],
        account: Callable[[], Account],
        settings: Callable[[], Settings],
        *,
        log: Callable[[], Log],
    ) -> None:
        self._session = session
        self._roster = roster
        self._account = account
        self._settings = settings
        self._log = log
        self._keeper: Gatekeeper | None = None
        self._wanted = Bell()

    @property
    def orders(self) -> Handlers:
        """What the control socket carries out here."""
        return {PASS: self._carry_out, RELEASE: self._carry_out}

    def changed(self) -> None:
        """Something may be another than before."""
        roster = self._roster()
        if self._keeper is not None:
            self._keeper.changed()
        elif roster.lease is not None and roster.lease.holder == roster.mine:
            self._have()

    async def run(self) -> None:
        """Takes care of the lease, as soon as there is one."""
        await self._wanted.heard()
        await self._have().run()

    async def _carry_out(self, said: Said, asker: Asker) -> None:
        await self._have().orders[said["do"]](said, asker)

    def _have(self) -> Gatekeeper:
        if self._keeper is None:
            from pomhealth.agent.gatekeeper import Gatekeeper  # noqa: PLC0415  (as the module says)

            self._keeper = Gatekeeper(
                self._session, self._roster, self._account, self._settings, log=self._log
            )
            self._keeper.changed()
            self._wanted.ring()
        return self._keeper
