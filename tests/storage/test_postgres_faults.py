"""Each thing that can be wrong with PostgreSQL is made to be so, and told by its cause."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterator

import psycopg
import pytest

from pomhealth.checks import storage_backend
from pomhealth.demo import postgres as server_module
from pomhealth.demo.ports import free_ports
from pomhealth.demo.postgres import PostgresServer
from pomhealth.status import Outcome
from pomhealth.storage import disk
from pomhealth.storage.verdict import MIGRATIONS
from tests.standin import OwnPostgres
from tests.storage.looking import Database, finding, told, watching, writes_nothing


async def test_a_healthy_server_passes(database: Database) -> None:
    found = await finding(database.dsn())

    assert found.outcome is Outcome.PASS, found
    assert found.attributes == (("backend", "postgres"),)
    assert f"127.0.0.1:{database.server.port}" in found.summary


async def test_a_look_writes_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does the proof that there is disk to write on."""
    monkeypatch.setattr(disk, "_OFTEN", 0.0)
    async with watching(database.dsn()) as seen:
        assert await writes_nothing(database, lambda: storage_backend.look(seen))


@pytest.mark.proves("storage.backend/refused")
async def test_a_stopped_server_refuses(own_database: Database) -> None:
    own_database.server.stop()

    found = await finding(own_database.dsn())

    assert (found.cause, found.silent) == ("refused", False)
    assert any("pg_isready -h 127.0.0.1" in step for step in found.steps)


@pytest.mark.proves("storage.backend/refused")
async def test_a_missing_socket_refuses(database: Database) -> None:
    found = await finding(f"host=/nonexistent/pg user={database.role} dbname={database.name} password=x")

    assert found.cause == "refused"


@pytest.mark.proves("storage.backend/refused")
async def test_a_server_on_its_way_out_refuses_and_says_so(own_database: Database) -> None:
    """A smart shutdown waits for its sessions and lets no new one in (SQLSTATE 57P03)."""
    server = own_database.server
    with psycopg.connect(server.dsn(own_database.name)):
        os.kill(server.pids()[0], signal.SIGTERM)
        found = await finding(own_database.dsn())
    server.stop()

    assert (found.cause, found.silent) == ("refused", False)
    assert "57P03" in found.summary
    assert "starting up, shutting down" in found.summary


async def test_a_name_that_does_not_resolve_is_unreachable(database: Database) -> None:
    found = await finding(database.dsn(host="nowhere.invalid:5432"))

    assert found.cause in ("unreachable", "timeout")  # the second where no name server answers
    assert "nowhere.invalid" in found.summary


@pytest.mark.proves("storage.backend/unreachable")
async def test_a_network_without_a_route_is_unreachable(database: Database) -> None:
    """240.0.0.0/4 is reserved; the kernel has no way there, or its packets vanish."""
    found = await finding(database.dsn(host="255.255.255.255:5432"))

    assert (found.cause, found.silent) == ("unreachable", False)


@pytest.mark.proves("storage.backend/unreachable")
async def test_a_string_that_the_driver_refuses_is_unreachable(database: Database) -> None:
    found = await finding(f"postgres://ann:{database.password}@h:1/d")

    assert found.cause == "unreachable"
    assert database.password not in told(found)


@pytest.fixture
def blackhole() -> Iterator[int]:
    """A port at which connections vanish: the queue of its listening socket is full, so the kernel drops the rest."""
    held = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
            held.append(one)
        yield listener.getsockname()[1]
    for one in held:
        one.close()


@pytest.mark.proves("storage.backend/timeout")
async def test_dropped_packets_are_silence(database: Database, blackhole: int) -> None:
    found = await finding(database.dsn(port=blackhole))

    assert (found.cause, found.silent) == ("timeout", True)


@pytest.mark.proves("storage.backend/timeout")
async def test_a_hung_server_is_silence(own_database: Database) -> None:
    async with watching(own_database.dsn()) as seen:
        assert (await storage_backend.look(seen)).outcome is Outcome.PASS
        own_database.server.hang()
        try:
            found = [await storage_backend.look(seen) for _ in range(2)]
        finally:
            own_database.server.resume()

    assert [(one.cause, one.silent) for one in found] == [("timeout", True)] * 2


@pytest.mark.proves("storage.backend/timeout")
async def test_a_lock_on_pomeriums_tables_is_silence_and_leaves_no_session_waiting(
    database: Database,
) -> None:
    with psycopg.connect(database.server.dsn(database.name)) as holder:
        holder.execute("LOCK TABLE pomerium.leases IN ACCESS EXCLUSIVE MODE")
        found = await finding(database.dsn())
        waiting = database.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        holder.rollback()

    assert (found.cause, found.silent) == ("timeout", True)
    assert any("pg_locks" in step for step in found.steps)
    assert waiting == [(0,)]


@pytest.mark.proves("storage.backend/authentication")
async def test_a_wrong_password_is_authentication(database: Database) -> None:
    found = await finding(database.dsn(password="Wr0ng-Secret"))

    assert (found.cause, found.silent) == ("authentication", False)
    assert "28P01" in found.summary
    assert "Wr0ng-Secret" not in told(found)


@pytest.mark.proves("storage.backend/authentication")
async def test_no_password_is_authentication(database: Database) -> None:
    found = await finding(
        f"host=127.0.0.1 port={database.server.port} user={database.role} dbname={database.name}"
    )

    assert found.cause == "authentication"


@pytest.mark.proves("storage.backend/authentication")
async def test_a_role_without_login_is_authentication(database: Database) -> None:
    database.execute(f"ALTER ROLE {database.role} NOLOGIN")

    found = await finding(database.dsn())

    assert found.cause == "authentication"
    assert "28000" in found.summary


@pytest.mark.proves("storage.backend/too-many-connections")
async def test_a_roles_connection_limit_is_too_many_connections(database: Database) -> None:
    database.execute(f"ALTER ROLE {database.role} CONNECTION LIMIT 0")

    found = await finding(database.dsn())

    assert (found.cause, found.silent) == ("too-many-connections", False)


def take_all_connections(database: Database, held: list[psycopg.Connection]) -> None:
    with contextlib.suppress(psycopg.OperationalError):
        while True:
            held.append(psycopg.connect(database.dsn()))


@pytest.mark.proves("storage.backend/too-many-connections")
async def test_a_full_server_is_too_many_connections_while_a_kept_session_goes_on(
    own_database: Database,
) -> None:
    server = own_database.server
    held: list[psycopg.Connection] = []
    async with watching(own_database.dsn()) as kept:
        assert (await storage_backend.look(kept)).outcome is Outcome.PASS
        try:
            take_all_connections(own_database, held)
            found = await finding(own_database.dsn())
            still = await storage_backend.look(kept)
        finally:
            for one in held:
                one.close()

    assert found.cause == "too-many-connections", found
    assert f"-p {server.port}" in found.steps[0]
    assert still.outcome is Outcome.PASS


@pytest.mark.proves("storage.backend/read-only")
async def test_a_read_only_server_is_told_at_the_next_look(own_database: Database) -> None:
    async with watching(own_database.dsn()) as seen:
        assert (await storage_backend.look(seen)).outcome is Outcome.PASS
        own_database.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        own_database.execute("SELECT pg_reload_conf()")
        found = await storage_backend.look(seen)
        for _ in range(50):
            if found.cause:
                break
            found = await storage_backend.look(seen)

    assert (found.cause, found.silent) == ("read-only", False), found
    assert "configuration file" in found.summary


@pytest.mark.proves("storage.backend/read-only")
async def test_a_read_only_database_is_read_only(database: Database) -> None:
    database.server.execute(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")

    found = await finding(database.dsn())

    assert found.cause == "read-only"
    assert "set by: database" in found.summary


@pytest.fixture
def standby(own_postgres: OwnPostgres, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A server that waits for a primary's changes and answers meanwhile."""
    monkeypatch.setitem(server_module._SETTINGS, "wal_level", "replica")
    made = Database(own_postgres())
    made.server.stop()
    (made.server.directory / "data" / "standby.signal").touch()
    made.server.start()
    return made


@pytest.mark.proves("storage.backend/read-only")
async def test_a_standby_is_read_only(standby: Database) -> None:
    found = await finding(standby.dsn())

    assert found.cause == "read-only"
    assert "standby" in found.summary


async def test_a_standby_alone_is_no_server_for_those_who_ask_for_a_primary(standby: Database) -> None:
    for attrs in ("read-write", "primary"):
        found = await finding(standby.dsn(target_session_attrs=attrs))
        assert found.cause == "read-only", attrs
        assert f"target_session_attrs={attrs}" in found.summary


async def test_the_primary_is_found_behind_a_dead_host_and_a_standby(
    standby: Database, database: Database
) -> None:
    """The standby knows neither role nor database of the other server: they are made the same."""
    standby_port, primary = standby.server.port, database
    primary.server.execute(f"CREATE ROLE {standby.role} LOGIN PASSWORD '{standby.password}'")
    try:
        primary.execute(f"GRANT USAGE ON SCHEMA pomerium TO {standby.role}")
        primary.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA pomerium TO {standby.role}")
        primary.server.execute(f"ALTER DATABASE {primary.name} RENAME TO {standby.name}")
        hosts = f"127.0.0.1:{free_ports(1)[0]},127.0.0.1:{standby_port},127.0.0.1:{primary.server.port}"
        for attrs in ("read-write", "primary"):
            found = await finding(standby.dsn(host=hosts, target_session_attrs=attrs))
            assert found.outcome is Outcome.PASS, found
            assert f"127.0.0.1:{primary.server.port}" in found.summary
        first = await finding(standby.dsn(host=hosts, target_session_attrs="any"))
        assert first.cause == "read-only"
    finally:
        primary.server.execute(f"DROP DATABASE IF EXISTS {standby.name} WITH (FORCE)")
        primary.server.execute(f"DROP ROLE {standby.role}")


@pytest.mark.proves("storage.backend/schema-missing")
async def test_a_renamed_schema_is_missing_and_back_again(database: Database) -> None:
    async with watching(database.dsn()) as seen:
        assert (await storage_backend.look(seen)).outcome is Outcome.PASS
        database.execute("ALTER SCHEMA pomerium RENAME TO away")
        gone = await storage_backend.look(seen)
        database.execute("ALTER SCHEMA away RENAME TO pomerium")
        back = await storage_backend.look(seen)

    assert (gone.cause, gone.silent) == ("schema-missing", False)
    assert "pomerium.records" in gone.summary
    assert back.outcome is Outcome.PASS


@pytest.mark.proves("storage.backend/schema-missing")
async def test_one_missing_table_is_named(database: Database) -> None:
    database.execute("DROP TABLE pomerium.leases")

    found = await finding(database.dsn())

    assert found.cause == "schema-missing"
    assert "pomerium.leases not found" in found.summary


@pytest.mark.proves("storage.backend/schema-missing")
async def test_a_missing_database_is_schema_missing(database: Database) -> None:
    found = await finding(database.dsn().replace(database.name, "nosuch"))

    assert found.cause == "schema-missing"
    assert "3D000" in found.summary


@pytest.mark.proves("storage.backend/schema-missing")
async def test_an_older_schema_than_the_release_makes_is_schema_missing(database: Database) -> None:
    database.execute("UPDATE pomerium.migration_info SET migration_version = 8")

    assert (await finding(database.dsn(), version="0.33.1")).cause == "schema-missing"
    assert (await finding(database.dsn(), version="0.32.9")).outcome is Outcome.PASS


async def test_a_newer_schema_is_told_but_not_a_failure(database: Database) -> None:
    """While a cluster is being upgraded, the older replicas still serve."""
    found = await finding(database.dsn(), version="0.31.3")

    assert found.outcome is Outcome.PASS
    assert "a newer Pomerium" in found.summary


@pytest.mark.parametrize("version", ["0.99.0", ""])
async def test_a_release_not_known_here_gives_no_verdict_on_the_version(
    database: Database, version: str
) -> None:
    database.execute("UPDATE pomerium.migration_info SET migration_version = 1")

    assert (await finding(database.dsn(), version=version)).outcome is Outcome.PASS


def test_the_known_releases_have_the_versions_that_live_replicas_had() -> None:
    assert MIGRATIONS == {(0, 30): 5, (0, 31): 7, (0, 32): 8, (0, 33): 9}


async def test_an_empty_migration_table_is_schema_missing(database: Database) -> None:
    database.execute("DELETE FROM pomerium.migration_info")

    assert (await finding(database.dsn())).cause == "schema-missing"


@pytest.mark.proves("storage.backend/permission-denied")
async def test_every_privilege_that_is_lacking_is_named(database: Database) -> None:
    database.execute(f"REVOKE DELETE ON pomerium.record_changes FROM {database.role}")
    database.execute(f"REVOKE INSERT, UPDATE ON pomerium.leases FROM {database.role}")

    found = await finding(database.dsn())

    assert found.cause == "permission-denied"
    for lack in (
        "DELETE on pomerium.record_changes",
        "INSERT on pomerium.leases",
        "UPDATE on pomerium.leases",
    ):
        assert lack in found.summary
    assert f'TO "{database.role}"' in found.steps[0]


@pytest.mark.proves("storage.backend/permission-denied")
async def test_a_schema_that_may_not_be_entered_is_permission_denied(database: Database) -> None:
    database.execute(f"REVOKE USAGE ON SCHEMA pomerium FROM {database.role}")

    found = await finding(database.dsn())

    assert found.cause == "permission-denied"
    assert "42501" in found.summary


async def test_a_database_that_may_not_be_entered_is_permission_denied(database: Database) -> None:
    database.execute(f"REVOKE ALL ON DATABASE {database.name} FROM PUBLIC, {database.role}")

    assert (await finding(database.dsn())).cause == "permission-denied"


@pytest.mark.proves("storage.backend/not-writable")
async def test_a_write_that_the_server_refuses_for_its_own_reasons_is_not_writable(
    database: Database,
) -> None:
    database.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'closed for repairs'; END $$"
    )
    database.execute("CREATE TRIGGER t BEFORE UPDATE ON pomerium.leases EXECUTE FUNCTION refuse()")

    found = await finding(database.dsn())

    assert found.cause == "not-writable"
    assert "closed for repairs" in found.summary


async def test_a_parameter_that_the_server_does_not_know_keeps_the_replica_out(database: Database) -> None:
    found = await finding(database.dsn(no_such_parameter="1"))

    assert found.cause == "refused"
    assert "no_such_parameter" in found.summary


async def test_no_finding_holds_the_password(postgres: PostgresServer, database: Database) -> None:
    database.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA pomerium FROM {database.role}")
    for dsn in (database.dsn(), database.dsn(port=free_ports(1)[0]), database.dsn(sslmode="require")):
        found = await finding(dsn)
        assert found.outcome is Outcome.FAIL
        assert database.password not in told(found)
        assert database.password[7:20] not in told(found)
    assert postgres.running()
