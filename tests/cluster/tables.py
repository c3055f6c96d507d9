"""The registry's tables on a real PostgreSQL, and replicas' rows in them as a test wants them."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pomhealth.cluster.registry import schema
from pomhealth.cluster.registry.session import PostgresRegistry, opening
from tests.standin import PostgresServer

PATIENCE = 10.0  # seconds


class Tables:
    """The tables in a database of their own. `dsn` leads there."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._name = f"registry_{uuid.uuid4().hex[:12]}"
        self.dsn = server.create_database(self._name)
        for statement in schema.whole():
            self.execute(statement)

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._server.execute(statement, values, database=self._name)

    def put(self, id_: str, *, silent: float = 0.0, stopped: bool = False, **account: Any) -> None:
        """A replica's row; its last sign of life was so many seconds ago."""
        said = {"host": f"host-{id_[-1]}", "ready": True, "draining": False, **account}
        self.execute(
            "WITH put AS (INSERT INTO pomhealth.replicas (id, run, mark, stopped, last_seen)"
            " VALUES (%s, %s, '', %s, now() - %s * interval '1 s') ON CONFLICT (id) DO UPDATE SET"
            " stopped = excluded.stopped, last_seen = excluded.last_seen RETURNING id)"
            " INSERT INTO pomhealth.accounts (id, account, certificates) SELECT id, %s, '{}' FROM put"
            " ON CONFLICT (id) DO UPDATE SET account = excluded.account",
            id_,
            id_,
            stopped,
            silent,
            json.dumps(said),
        )

    def holder(self) -> tuple[str, str] | None:
        """Who has the lease, and for which process; None where nobody has it."""
        rows = self.execute("SELECT holder::text, process FROM pomhealth.leases WHERE until > now()")
        return (rows[0][0], rows[0][1]) if rows else None

    def clear(self) -> None:
        self.execute("TRUNCATE pomhealth.leases, pomhealth.replicas, pomhealth.accounts")

    @asynccontextmanager
    async def session(self) -> AsyncIterator[PostgresRegistry]:
        """A session such as each agent has."""
        opened = await PostgresRegistry.open(opening(self.dsn, {}, "", "/"), deadline=PATIENCE)
        try:
            yield opened
        finally:
            opened.close()
