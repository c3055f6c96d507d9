"""What replicas leave in a database of a test's own: sessions that listen, rows with a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import psycopg

from pomhealth.blocking import Workers
from pomhealth.checks import Context
from pomhealth.replica.model import Options, Process
from pomhealth.replica.sockets import SocketTable
from pomhealth.settings import Settings
from pomhealth.storage.session import PostgresSession
from tests.storage.looking import Database, replica

LISTEN = "LISTEN pomerium_service_change"


@asynccontextmanager
async def beside(
    database: Database,
    *,
    expected: int = 0,
    awaited: bool = False,
    version: str = "0.33.1",
    main: Process | None = None,
    dsn: str = "",
) -> AsyncIterator[Context]:
    """The context of a replica with this database, with a connection of its own until the block ends."""
    told = dsn or database.dsn()
    seen = replace(replica(told, version=version), awaited=awaited, options=Options(), main=main)
    session = PostgresSession(told, {}, "", "/")
    try:
        yield Context(seen, Settings(expected_replicas=expected), Workers(), SocketTable(), postgres=session)
    finally:
        await session.close()


@contextmanager
def listener(database: Database, *, as_administrator: bool = False) -> Iterator[psycopg.Connection]:
    """A session that listens as a replica's does."""
    dsn = database.server.dsn(database.name) if as_administrator else database.dsn()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("LISTEN pomerium_record_change")
        connection.execute(LISTEN)
        yield connection


def end(database: Database, connection: psycopg.Connection) -> None:
    """Ends a session from the server's side, and returns once it is gone."""
    pid = connection.info.backend_pid
    database.execute(f"SELECT pg_terminate_backend({pid}, 5000)")
    assert database.execute(f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid}") == []


def announce(database: Database, endpoint: str, expires_in: str = "30 seconds") -> None:
    """A row of `services`, as a replica with `metrics_address` keeps it."""
    database.execute(
        "INSERT INTO pomerium.services (kind, endpoint, expires_at)"
        f" VALUES ('PROMETHEUS_METRICS', '{endpoint}', now() + interval '{expires_in}')"
    )


def change(database: Database, *, age: str) -> None:
    """A row of `record_changes`."""
    database.execute(
        "INSERT INTO pomerium.record_changes (type, id, data, modified_at)"
        f" VALUES ('t', 'i', '{{}}', now() - interval '{age}')"
    )


def hold_lease(database: Database) -> None:
    database.execute(
        "INSERT INTO pomerium.leases VALUES ('identity_manager', 'one', now() + interval '30 seconds')"
    )
