"""The PostgreSQL that is measured: with the defaults that a server of one's own has, for what it writes to be so too."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import psutil
import psycopg

from bench.stage import directory
from pomhealth.catalogue import catalogue
from pomhealth.cluster.model import Account, Ailment
from pomhealth.cluster.registry import schema, statements
from pomhealth.cluster.registry.sql import Ask
from pomhealth.demo.postgres import PostgresServer

_SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "128MB",
    "max_connections": "600",
    "wal_level": "replica",
    "max_wal_size": "4GB",  # no checkpoint but those that the benchmark asks for
    "checkpoint_timeout": "1d",
    "autovacuum": "on",
    "autovacuum_naptime": "1s",  # a minute's worth of beats passes in a second or two
}

OPTIONS = "WITH (fillfactor = 50)"  # of the tables as they are
Connection = psycopg.Connection[tuple[Any, ...]]


@contextlib.contextmanager
def server(**settings: str) -> Iterator[PostgresServer]:
    """A server, until the block ends."""
    with directory() as path:
        postgres = PostgresServer(path, settings={**_SETTINGS, **settings})
        try:
            postgres.start()
            yield postgres
        finally:
            postgres.stop("immediate")


@contextlib.contextmanager
def sessions(dsn: str, count: int) -> Iterator[list[Connection]]:
    """So many sessions, set up as an agent's; closed with the block."""
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(psycopg.connect(dsn, autocommit=True)) for _ in range(count)]
        for one in made:
            ask(one, *statements.SETTINGS)
        yield made


def text(*asks: Ask) -> bytes:
    """The statements as an agent sends them: in one message, which is one transaction."""
    return ";".join(one.written(_literal) for one in asks).encode()


def ask(connection: Connection, *asks: Ask) -> Sequence[tuple[Any, ...]]:
    """The rows of the last of these statements."""
    return send(connection, text(*asks))


def send(connection: Connection, statement: bytes) -> Sequence[tuple[Any, ...]]:
    """The same for what `text` made."""
    cursor = connection.execute(statement)
    while cursor.nextset():
        pass
    return cursor.fetchall() if cursor.description else ()


def tables(dsn: str, options: str = OPTIONS) -> None:
    """Makes the registry's tables, with these storage options instead of their own."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in schema.whole():
            connection.execute(statement.replace(OPTIONS, options).encode())


def registered(connection: Connection, count: int) -> list[str]:
    """The ids of so many replicas, after each has claimed its row."""
    ids = [f"00000000-0000-4000-8000-{number:012d}" for number in range(count)]
    for number, id_ in enumerate(ids):
        ask(connection, statements.claim(id_, id_, "0" * 32, account(number)))
    return ids


def account(number: int, *, ready: bool = True) -> Account:
    """What one replica's agent says: every check, the usual addresses, two certificates, and what is wrong, if so."""
    checks = dict.fromkeys(sorted(check.id for check in catalogue()), "pass")
    ill = (
        "storage.backend",
        "fail",
        "refused",
        "ready",
        f"10.0.0.1:5432: connection refused (replica {number})",
    )
    return Account(
        host=f"pomerium-{number:04d}.example.internal",
        addresses={"address": f"10.1.{number // 250}.{number % 250}:443", "grpc_address": "127.0.0.1:5443"},
        pomerium="0.33.1",
        envoy="1.40.0",
        agent="0.1.0",
        config="9f2c" * 8,
        ready=ready,
        sound=ready,
        checks=checks if ready else {**checks, "storage.backend": "fail refused"},
        ailments=() if ready else (Ailment(*ill),),
        certificates={"*.example.com": "04c1" * 9, "authenticate.example.com": "03ab" * 9},
        certificates_digest="77aa" * 8,
        clock=0.004,
        clock_error=0.002,
        process=f"{number:032x}",
        metrics=f"10.1.{number // 250}.{number % 250}:9902",
    )


def cpu(postgres: PostgresServer) -> float:
    """Seconds of CPU that the server's processes have used, those that ended too."""
    postmaster, *others = (psutil.Process(pid) for pid in postgres.pids())
    own = postmaster.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for one in others:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            total += times.user + times.system
    return total


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
