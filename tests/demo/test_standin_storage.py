"""The stand-in keeps its storage backend as live replicas do."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from pomhealth.demo.standin.storage import driver_dsn
from tests.demo.looking import statuses, until
from tests.standin import PostgresServer, StandIn

MIGRATIONS = (("v0.30.8", 5), ("v0.31.3", 7), ("v0.32.9", 8), ("v0.33.1", 9))


@pytest.mark.parametrize(("release", "version"), MIGRATIONS)
def test_postgres_has_the_schema_of_the_release(standin: StandIn, release: str, version: int) -> None:
    replica = standin(release, "postgres")
    with psycopg.connect(replica.dsn, autocommit=True) as connection:
        until(lambda: schema_version(connection) == version, "the schema is there")
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'pomerium'").fetchall()
        assert {name for (name,) in rows} == {
            "migration_info",
            "records",
            "record_changes",
            "record_options",
            "leases",
            "services",
            "checkpoints",
        }


def schema_version(connection: psycopg.Connection) -> int | None:
    try:
        row = connection.execute("SELECT migration_version FROM pomerium.migration_info").fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return row[0] if row else None


def test_postgres_is_listened_to_and_leases_are_renewed(standin: StandIn) -> None:
    replica = standin(storage="postgres")
    with psycopg.connect(replica.dsn, autocommit=True) as connection:

        def sees(query: str) -> bool:
            return connection.execute(query.encode()).fetchone() is not None

        listening = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query = "
        until(lambda: sees(listening + "'LISTEN pomerium_service_change'"), "it listens")
        until(
            lambda: sees(
                "SELECT 1 FROM pomerium.leases WHERE name = 'identity_manager' AND expires_at > now()"
            ),
            "the lease is held",
        )
        until(
            lambda: sees("SELECT 1 FROM pomerium.services WHERE kind = 'PROMETHEUS_METRICS'"),
            "it is announced",
        )


def test_postgres_is_found_by_parameters_of_pomeriums_driver_too(
    standin: StandIn, postgres: PostgresServer
) -> None:
    dsn = postgres.create_database("with_pool")
    replica = standin(storage="postgres", dsn=f"{dsn}&pool_max_conns=4&default_query_exec_mode=exec")
    until(lambda: statuses(replica).get("storage.backend", {}).get("status") == "RUNNING", "it is in use")


def test_pool_parameters_are_taken_from_keyword_strings_too() -> None:
    assert driver_dsn("host=db pool_max_conns=4 user='a b'").split() == ["host=db", "user='a", "b'"]


def test_files_are_locked_by_the_main_process(standin: StandIn) -> None:
    replica = standin(storage="file")
    lock = replica.data_dir / "databroker" / "LOCK"
    until(lambda: statuses(replica).get("storage.backend", {}).get("status") == "RUNNING", "it is in use")
    inode = lock.stat().st_ino
    held = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    assert [
        (kind, mode, int(pid))
        for _, kind, _, mode, pid, where, *_ in held
        if where.rpartition(":")[2] == str(inode)
    ] == [("POSIX", "WRITE", replica.pid)]


def test_a_change_of_storage_is_taken_over(standin: StandIn) -> None:
    replica = standin(storage="file")
    until(lambda: backend(statuses(replica)) == "file", "files are in use")
    replica.rewrite(databroker_storage_type="memory", databroker_storage_connection_string=None)
    locked = replica.data_dir / "databroker" / "LOCK"
    inode = str(locked.stat().st_ino)
    until(lambda: f":{inode} " not in Path("/proc/locks").read_text(), "the lock is let go", 3.0)


def backend(found: dict[str, dict[str, list[dict[str, str]]]]) -> str:
    return "".join(pair["Value"] for pair in found.get("storage.backend", {}).get("attributes", []))
