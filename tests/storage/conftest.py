from __future__ import annotations

from collections.abc import Iterator

import pytest

from pomhealth.demo.postgres import PostgresServer
from tests.standin import OwnPostgres
from tests.storage.looking import Database


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """A database in the session's server, and a role for it."""
    made = Database(postgres)
    yield made
    postgres.execute(f"DROP DATABASE IF EXISTS {made.name} WITH (FORCE)")
    postgres.execute(f"DROP ROLE IF EXISTS {made.role}")


@pytest.fixture
def own_database(own_postgres: OwnPostgres) -> Database:
    """A database in a server that the test may break."""
    return Database(own_postgres())
