"""Looks at a storage backend through the check itself."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import quote

from pomhealth.blocking import Workers
from pomhealth.checks import Context, storage_backend
from pomhealth.demo.postgres import PostgresServer
from pomhealth.demo.standin.schema import statements
from pomhealth.replica.model import Replica, Storage, Value
from pomhealth.replica.sockets import SocketTable
from pomhealth.settings import Settings
from pomhealth.status import Finding
from pomhealth.storage.session import PostgresSession


class Database:
    """A database of one's own with Pomerium's schema, owned by a role of one's own that is no superuser."""

    def __init__(self, server: PostgresServer, *, schema: bool = True, migration: int = 9) -> None:
        self.server = server
        self.role = f"role_{secrets.token_hex(6)}"
        self.name = f"db_{secrets.token_hex(6)}"
        self.password = f"S3cret/{secrets.token_hex(8)}@?"
        server.execute(f"CREATE ROLE {self.role} LOGIN PASSWORD '{self.password}'")
        server.create_database(self.name)
        self.execute(f"GRANT ALL ON DATABASE {self.name} TO {self.role}")
        if schema:
            for statement in statements(migration):
                self.execute(statement)
            self.execute(f"GRANT USAGE ON SCHEMA pomerium TO {self.role}")
            self.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA pomerium TO {self.role}")

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """As the administrator."""
        return self.server.execute(statement, database=self.name)

    def dsn(
        self, *, host: str = "", port: int | None = None, password: str | None = None, **options: str
    ) -> str:
        secret = quote(self.password if password is None else password, safe="")
        query = "&".join(
            f"{key}={quote(value, safe='')}" for key, value in {"sslmode": "disable", **options}.items()
        )
        where = host or f"127.0.0.1:{port or self.server.port}"
        return f"postgres://{self.role}:{secret}@{where}/{self.name}?{query}"

    def sessions(self) -> int:
        """How many connections the agent has there."""
        rows = self.execute(
            f"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pomhealth' AND datname = '{self.name}'"
        )
        count = rows[0][0]
        assert isinstance(count, int)
        return count


def replica(
    dsn: str = "", *, kind: str = "postgres", version: str = "0.33.1", directory: str = ""
) -> Replica:
    return Replica(
        storage=Storage(kind, "config.yaml:3", dsn, directory),
        version=Value(version, "test") if version else None,
        cwd="/",
    )


def context(seen: Replica, session: PostgresSession | None = None) -> Context:
    return Context(seen, Settings(), Workers(), SocketTable(), postgres=session)


@asynccontextmanager
async def watching(
    dsn: str,
    *,
    environment: Mapping[str, str] | None = None,
    version: str = "0.33.1",
    root: str = "",
    cwd: str = "/",
) -> AsyncIterator[Context]:
    """The context of a replica with this connection string; its session ends with the block."""
    session = PostgresSession(dsn, environment or {}, root, cwd)
    try:
        yield context(replica(dsn, version=version), session)
    finally:
        await session.close()


async def finding(
    dsn: str, *, environment: Mapping[str, str] | None = None, version: str = "0.33.1"
) -> Finding:
    """What one look finds."""
    async with watching(dsn, environment=environment, version=version) as seen:
        return await storage_backend.look(seen)


def told(found: Finding) -> str:
    """Everything that a finding says, for a person or a program."""
    return repr(dataclasses.asdict(found))


async def writes_nothing(database: Database, look: Callable[[], Awaitable[object]]) -> bool:
    """Whether looks can go without a transaction id and without WAL.

    The server itself writes now and then, as when a page is read from which rows are gone: then it is tried again.
    """
    state = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text, pg_current_wal_insert_lsn()::text"
    for _ in range(10):
        await look()
        before = database.execute(state)
        for _ in range(5):
            await look()
        if database.execute(state) == before:
            return True
    return False
