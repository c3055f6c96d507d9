from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pomhealth.demo.postgres import PostgresServer
from tests.storage.looking import Database


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """A database in the session's server, and a role for it."""
    made = Database(postgres)
    yield made
    postgres.execute(f"DROP DATABASE IF EXISTS {made.name} WITH (FORCE)")
    postgres.execute(f"DROP ROLE IF EXISTS {made.role}")


@pytest.fixture(scope="session")
def breakable() -> Iterator[PostgresServer]:
    """A server that tests may stop, hang and set up otherwise; `own_database` mends it before each."""
    directory = Path(tempfile.mkdtemp(prefix="pomhealth-"))
    directory.chmod(0o711)
    server = PostgresServer(directory / "pg")
    try:
        server.start()
        yield server
    finally:
        server.stop("immediate")
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def own_database(breakable: PostgresServer) -> Iterator[Database]:
    """A database in a server that the test may break."""
    breakable.resume()
    breakable.start()
    yield Database(breakable)
    breakable.resume()
    breakable.start()
    breakable.execute("ALTER SYSTEM RESET ALL")
    breakable.execute("SELECT pg_reload_conf()")
