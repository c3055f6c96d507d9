"""Opens and closes the instruments with which probes reach one replica."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pomhealth.blocking import Workers
from pomhealth.checks import Context
from pomhealth.checks.notes import Notes
from pomhealth.outside.names import Resolvers
from pomhealth.replica.admin import EnvoyAdmin
from pomhealth.replica.model import Replica
from pomhealth.replica.sockets import SocketTable
from pomhealth.settings import Settings

if TYPE_CHECKING:
    from pomhealth.storage.session import PostgresSession

LINGER = 10.0  # seconds for which replaced connections stay open, for the looks that still use them


def open_context(replica: Replica, settings: Settings, before: Context | None = None) -> Context:
    """A context for this replica; nothing is connected yet.

    Of the context `before` it keeps what still fits, connections included.
    """
    same = before is not None and (before.replica.main, before.replica.envoys, before.replica.admin) == (
        replica.main,
        replica.envoys,
        replica.admin,
    )
    return Context(
        replica=replica,
        settings=settings,
        workers=before.workers if before else Workers(),
        sockets=before.sockets if before else SocketTable(),
        admin_client=before.admin_client if before and same else _admin(replica),
        postgres=_session(replica, before),
        notes=before.notes if before and same else Notes(),
        resolvers=before.resolvers if before else Resolvers(),
    )


async def close_context(context: Context, keep: Context | None = None) -> None:
    """Closes the context's connections, but not those that `keep` has taken over."""
    admin, postgres = context.admin_client, context.postgres
    if admin is not None and (keep is None or keep.admin_client is not admin):
        await admin.close()
    if postgres is not None and (keep is None or keep.postgres is not postgres):
        await postgres.close()


async def close_later(context: Context, keep: Context | None) -> None:
    """The same after `LINGER` seconds, or when it is cancelled."""
    try:
        await asyncio.sleep(LINGER)
    finally:
        await close_context(context, keep)


def _admin(replica: Replica) -> EnvoyAdmin | None:
    return EnvoyAdmin(replica.admin) if replica.admin is not None else None


def _session(replica: Replica, before: Context | None) -> PostgresSession | None:
    """The session of before where it fits; never a second connection beside it."""
    if before is None:
        return _postgres(replica, None)
    return before.postgres if _same_storage(before.replica, replica) else _postgres(replica, before.postgres)


def _postgres(replica: Replica, instead_of: PostgresSession | None) -> PostgresSession | None:
    if replica.storage is None or replica.storage.kind != "postgres" or not replica.storage.dsn:
        return None
    from pomhealth.storage.session import PostgresSession  # noqa: PLC0415  (its driver is loaded only where it is used)

    dsn = replica.storage.dsn
    return PostgresSession(dsn, replica.environment, replica.root, replica.cwd, instead_of=instead_of)


def _same_storage(before: Replica, after: Replica) -> bool:
    return _session_of(before) == _session_of(after)


def _session_of(replica: Replica) -> object:
    """What a session is made of; not where that is said, such as a line of the configuration file."""
    storage = replica.storage
    kind = (storage.kind, storage.dsn) if storage is not None else None
    return kind, replica.environment, replica.root, replica.cwd
