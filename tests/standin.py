"""Real parts for tests: stand-in replicas, each around a real Envoy, and real PostgreSQL servers.

`standin` and `own_postgres` are factories whose products end with the test, however the test left them.
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from pomhealth.demo.postgres import PostgresServer
from pomhealth.demo.running import RunningReplica

__all__ = ["OwnPostgres", "PostgresServer", "RunningReplica", "StandIn"]

NEWEST = "v0.33.1"


class StandIn(Protocol):
    """Starts a stand-in replica and returns it once `/ping` answers 200 (with `until_ready`).

    `storage` is "postgres" (a new database in the session's server, or `dsn`), "file" or "memory". Further
    keywords are options of its configuration file; None leaves one out.
    """

    def __call__(
        self,
        release: str = NEWEST,
        storage: str = "memory",
        *,
        dsn: str = "",
        env: Mapping[str, str] | None = None,
        until_ready: bool = True,
        **options: Any,
    ) -> RunningReplica: ...


class OwnPostgres(Protocol):
    """Starts a PostgreSQL server that the test may stop, hang or break."""

    def __call__(self) -> PostgresServer: ...


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL server for the session: make databases in it, leave the server itself as it is."""
    with _directory() as root:
        server = PostgresServer(root)
        try:
            server.start()
            yield server
        finally:
            server.stop("immediate")


@pytest.fixture
def own_postgres() -> Iterator[OwnPostgres]:
    """A factory of PostgreSQL servers for one test."""
    with _directory() as root:
        servers: list[PostgresServer] = []

        def start() -> PostgresServer:
            server = PostgresServer(root / str(len(servers)))
            servers.append(server)
            server.start()
            return server

        try:
            yield start
        finally:
            for server in servers:
                server.stop("immediate")


@pytest.fixture
def standin(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    """A factory of stand-in replicas for one test."""
    yield from _standins(request)


@pytest.fixture(scope="module")
def module_standin(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    """The same for a whole module, for tests that only look."""
    yield from _standins(request)


def _standins(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    with _directory() as root:
        replicas: list[RunningReplica] = []

        def start(
            release: str = NEWEST,
            storage: str = "memory",
            *,
            dsn: str = "",
            env: Mapping[str, str] | None = None,
            until_ready: bool = True,
            **options: Any,
        ) -> RunningReplica:
            if storage == "postgres" and not dsn:
                server: PostgresServer = request.getfixturevalue("postgres")
                dsn = server.create_database(f"standin_{uuid.uuid4().hex[:12]}")
            replica = RunningReplica(
                root / str(len(replicas)), release=release, storage=storage, dsn=dsn, env=env, options=options
            )
            replicas.append(replica)
            replica.start(until_ready=until_ready)
            return replica

        try:
            yield start
        finally:
            for replica in replicas:
                replica.stop()


class _directory:  # noqa: N801  reads as the context manager it is
    """A short-named directory, since socket paths are limited to 107 bytes; gone afterwards."""

    def __enter__(self) -> Path:
        self._path = Path(tempfile.mkdtemp(prefix="pomhealth-"))
        self._path.chmod(0o711)  # PostgreSQL runs as another user where the tests run as root
        return self._path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
