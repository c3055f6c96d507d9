"""What a probe may use: the replica, and the instruments that reach it. Passed in, never reached for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pomhealth.checks.notes import Notes
from pomhealth.cluster.model import OFF, Roster
from pomhealth.outside.names import Resolvers
from pomhealth.replica.budget import Haste
from pomhealth.status import Unobservable

if TYPE_CHECKING:
    from collections.abc import Callable

    from pomhealth.blocking import Workers
    from pomhealth.replica.admin import EnvoyAdmin
    from pomhealth.replica.model import Process, Replica, Storage
    from pomhealth.replica.sockets import SocketTable
    from pomhealth.settings import Settings
    from pomhealth.storage.session import PostgresSession


@dataclass(frozen=True, slots=True)
class Context:
    """One replica and the instruments for it. A new replica (a restart, a reload) makes a new context.

    `haste` is how much this look matters, for probes that need not ask anew each time. `roster` gives the cluster as it
    is known now.
    """

    replica: Replica
    settings: Settings
    workers: Workers
    sockets: SocketTable
    admin_client: EnvoyAdmin | None = None
    postgres: PostgresSession | None = None
    notes: Notes = field(default_factory=Notes)
    resolvers: Resolvers = field(default_factory=Resolvers)
    haste: Haste = Haste.FIRST
    roster: Callable[[], Roster] = lambda: OFF

    @property
    def admin(self) -> EnvoyAdmin:
        """Envoy's admin client. Raises Unobservable with what is lacking."""
        if self.admin_client is None:
            lack = self.replica.missing.get("admin", "no admin address found for this replica's Envoy")
            raise Unobservable("Envoy's admin interface cannot be reached", lack)
        return self.admin_client

    @property
    def main(self) -> Process:
        """The replica's main process. Raises Unobservable where processes cannot be seen."""
        if self.replica.main is None:
            lack = self.replica.missing.get("process", "share the replica's PID namespace")
            raise Unobservable("the replica's process cannot be seen from here", lack)
        return self.replica.main

    @property
    def storage(self) -> Storage:
        """The storage backend. Raises Unobservable where it is not known."""
        if self.replica.storage is None:
            missing = self.replica.missing
            lack = missing.get("storage", missing.get("options", ""))
            raise Unobservable("which storage backend the replica uses is not known", lack)
        return self.replica.storage
