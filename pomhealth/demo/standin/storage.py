"""The storage backend as the replica keeps it: PostgreSQL's schema, a directory with its lock, or memory."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import signal
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from pomhealth.demo.standin import log
from pomhealth.demo.standin.health import Book
from pomhealth.demo.standin.options import Options
from pomhealth.demo.standin.releases import Release
from pomhealth.demo.standin.schema import statements

_PING_EVERY = 60.0  # seconds, as Pomerium pings
_RENEW_EVERY = 10.0
_SWEEP_EVERY = 15.0
_RETRY_AFTER = 2.0
_OURS = ("pool_", "default_query_exec_mode", "statement_cache_capacity", "description_cache_capacity")


class Store(Protocol):
    """A storage backend: it runs until it is cancelled, and says in the health book how it is."""

    @property
    def server_version(self) -> int: ...

    async def run(self) -> None: ...


def store(options: Options, release: Release, book: Book, data: Path, services: dict[str, str]) -> Store:
    """The backend of these options; `services` are the rows by kind that the replica announces in PostgreSQL."""
    for number in (signal.SIGUSR1, signal.SIGUSR2):  # meant for PostgreSQL's listener, where there is one
        signal.signal(number, signal.SIG_IGN)
    if options.storage == "postgres":
        return Postgres(options.dsn, release, book, services)
    if options.storage == "file":
        directory = Path(urlsplit(options.dsn).path) if options.dsn else data / "databroker"
        return Directory(directory, book)
    return Memory(release, book)


class Memory:
    def __init__(self, release: Release, book: Book) -> None:
        self._name = release.memory_name
        self._book = book
        self.server_version = uuid.uuid4().int >> 66

    async def run(self) -> None:
        self._book.running("storage.backend", backend=self._name)
        await asyncio.Event().wait()


class Directory:
    """The file backend: Pebble's directory, with the write lock on its LOCK that Pebble holds."""

    def __init__(self, directory: Path, book: Book) -> None:
        self._directory = directory
        self._book = book
        self.server_version = uuid.uuid4().int >> 66

    async def run(self) -> None:
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self._directory / "LOCK", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            self._book.error("storage.backend", f"{error.strerror}: {self._directory}", backend="file")
            return
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for name in ("MANIFEST-000001", "OPTIONS-000003", "000002.log"):
                (self._directory / name).touch(mode=0o600)
            self._book.running("storage.backend", backend="file")
            await asyncio.Event().wait()
        except OSError as error:
            self._book.error("storage.backend", f"{error.strerror}: {self._directory}", backend="file")
        finally:
            os.close(lock)


class Postgres:
    """PostgreSQL: makes the schema, pings once a minute, renews its lease and services, sweeps, listens for changes.

    Unlike Pomerium it stops listening on SIGUSR1, until SIGUSR2.
    """

    def __init__(self, dsn: str, release: Release, book: Book, services: dict[str, str]) -> None:
        self._dsn = driver_dsn(dsn)
        self._release = release
        self._book = book
        self._services = services
        self._id = str(uuid.uuid4())
        self._connection: psycopg.AsyncConnection | None = None
        self._hearing: asyncio.Future[None] | None = None
        self._may_listen = asyncio.Event()
        self.server_version = 0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        self._may_listen.set()
        loop.add_signal_handler(signal.SIGUSR1, self._stop_listening)
        loop.add_signal_handler(signal.SIGUSR2, self._may_listen.set)
        try:
            while not await self._try(self._migrate):  # noqa: ASYNC110  nobody tells when the server is back
                await asyncio.sleep(_RETRY_AFTER)
            async with contextlib.AsyncExitStack() as stack:
                tasks = [
                    asyncio.ensure_future(work)
                    for work in (
                        self._ping_forever(),
                        self._renew_forever(),
                        self._sweep_forever(),
                        self._listen_forever(),
                    )
                ]
                for task in tasks:
                    stack.callback(task.cancel)
                await asyncio.gather(*tasks)
        finally:
            if self._connection is not None:
                await self._connection.close()

    async def _try(self, work: Callable[[], Awaitable[None]]) -> bool:
        try:
            await work()
        except psycopg.Error as error:
            self._book.error("storage.backend", self._as_pgx_says(error), backend="postgres")
            return False
        self._book.running("storage.backend", backend="postgres")
        return True

    async def _open(self) -> psycopg.AsyncConnection:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(self._dsn, autocommit=True)
        return self._connection

    async def _migrate(self) -> None:
        connection = await self._open()
        for statement in statements(self._release.schema):
            await connection.execute(statement)
        row = await (
            await connection.execute("SELECT server_version FROM pomerium.migration_info")
        ).fetchone()
        self.server_version = int(row[0]) if row else 0
        self._book.running("storage.backend.cleanup", backend="postgres")

    async def _ping(self) -> None:
        await (await self._open()).execute("SELECT 1")

    async def _ping_forever(self) -> None:
        while True:
            await asyncio.sleep(_PING_EVERY)
            await self._try(self._ping)

    async def _renew_forever(self) -> None:
        while True:
            try:
                await self._renew()
            except psycopg.Error as error:
                log.error("leaser: error renewing lease", error=self._as_pgx_says(error))
            await asyncio.sleep(_RENEW_EVERY)

    async def _renew(self) -> None:
        connection = await self._open()
        await connection.execute(
            "INSERT INTO pomerium.leases (name, id, expires_at)"
            " VALUES ('identity_manager', %s, now() + interval '30 seconds')"
            " ON CONFLICT (name) DO UPDATE SET id = excluded.id, expires_at = excluded.expires_at"
            " WHERE leases.id = excluded.id OR leases.expires_at < now()",
            [self._id],
        )
        for kind, endpoint in self._services.items():
            await connection.execute(
                "INSERT INTO pomerium.services (kind, endpoint, expires_at)"
                " VALUES (%s, %s, now() + interval '30 seconds')"
                " ON CONFLICT (kind, endpoint) DO UPDATE SET expires_at = excluded.expires_at",
                [kind, endpoint],
            )

    async def _sweep_forever(self) -> None:
        while True:
            with contextlib.suppress(psycopg.Error):
                connection = await self._open()
                await connection.execute("DELETE FROM pomerium.services WHERE expires_at < now()")
                await connection.execute(
                    "DELETE FROM pomerium.record_changes WHERE modified_at < now() - interval '1 hour'"
                    " AND version < (SELECT max(version) FROM pomerium.record_changes)"
                )
            await asyncio.sleep(_SWEEP_EVERY)

    async def _listen_forever(self) -> None:
        while True:
            await self._may_listen.wait()
            self._hearing = asyncio.ensure_future(self._listen())
            try:
                await asyncio.wait({self._hearing})
            finally:
                self._hearing.cancel()
            await asyncio.sleep(_RETRY_AFTER)

    async def _listen(self) -> None:
        with contextlib.suppress(psycopg.Error):
            async with await psycopg.AsyncConnection.connect(self._dsn, autocommit=True) as connection:
                await connection.execute("LISTEN pomerium_record_change")
                await connection.execute("LISTEN pomerium_service_change")
                async for _ in connection.notifies():
                    pass

    def _stop_listening(self) -> None:
        self._may_listen.clear()
        if self._hearing is not None:
            self._hearing.cancel()

    def _as_pgx_says(self, error: psycopg.Error) -> str:
        known = conninfo_to_dict(self._dsn)
        host, port = known.get("host", "localhost"), known.get("port", 5432)
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if error.sqlstate is not None:
            reason = f"server error: FATAL: {reason} (SQLSTATE {error.sqlstate})"
        elif "refused" in reason:
            reason = f"dial error: dial tcp {host}:{port}: connect: connection refused"
        return (
            f"failed to connect to `user={known.get('user', '')} database={known.get('dbname', '')}`: "
            f"{host}:{port} ({host}): {reason}"
        )


def driver_dsn(dsn: str) -> str:
    """The DSN without the parameters that only Pomerium's driver knows (its pool's)."""
    if "://" not in dsn:
        return re.sub(r"\b(pool_\w+|default_query_exec_mode)\s*=\s*('[^']*'|\S+)", "", dsn)
    parts = urlsplit(dsn)
    kept = [(key, value) for key, value in parse_qsl(parts.query) if not key.startswith(_OURS)]
    return urlunsplit(parts._replace(query=urlencode(kept)))
