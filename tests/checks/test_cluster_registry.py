"""What can keep an agent from the registry, on real servers: each by its cause, with the steps against it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest

from pomhealth.catalogue import catalogue
from pomhealth.checks import cluster_registry
from pomhealth.cluster.model import Account, Roster, Trouble
from pomhealth.cluster.registry import schema
from pomhealth.cluster.registry.registry import Registry
from pomhealth.cluster.registry.session import PostgresRegistry, opening
from pomhealth.cluster.registry.sql import Away
from pomhealth.replica.model import Storage
from pomhealth.settings import Settings
from pomhealth.status import Finding, Outcome
from pomhealth.storage.session import PostgresSession
from tests.checks.rosters import NOW, context
from tests.storage.conftest import database
from tests.storage.looking import Database, told

__all__ = ["database"]

ID = "11111111-1111-1111-1111-111111111111"
pytestmark = pytest.mark.usefixtures("at_once")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_registry, "PATIENCE", 0.0)


@pytest.fixture
def made(database: Database) -> Database:
    """A database in which the tables are there, and the role may use them."""
    for statement in (*schema.whole(), *schema.grants(database.role)):
        database.execute(statement)
    return database


async def takes_part(dsn: str, *, deadline: float = 5.0) -> Trouble | None:
    """Does what an agent does first; gives what kept it from that."""
    try:
        session = await PostgresRegistry.open(opening(dsn, {}, "", "/"), deadline=deadline)
        try:
            registry = Registry(session, ID)
            await registry.prepare()
            await registry.claim(ID, "mark", Account("web-1"))
        finally:
            session.close()
    except Away as away:
        return away.trouble
    return None


async def found_of(dsn: str, *, deadline: float = 5.0) -> Finding:
    """What the check says of a registry at which an agent fails."""
    trouble = await takes_part(dsn, deadline=deadline)
    assert trouble is not None
    known = Roster(wanted=True, at=NOW, trouble=trouble)
    found = await cluster_registry.look(context(known, Settings(cluster=True, cluster_dsn=dsn)))
    assert found.outcome is Outcome.WARN
    return found


def test_the_rights_that_the_catalogue_names_are_those_that_the_tables_need() -> None:
    steps = catalogue().checks["cluster_registry"].causes["permission-denied"].steps
    told_ = " ".join(step.text for step in steps)
    for right in (*schema.grants("USER"), schema.to_make("USER", "DATABASE")):
        assert right in told_


async def test_an_agent_takes_part_where_it_has_what_it_needs(made: Database) -> None:
    assert await takes_part(made.dsn()) is None


@pytest.mark.proves("cluster_registry/refused")
async def test_where_nobody_listens_it_is_refused(database: Database) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        found = await found_of(database.dsn(port=bound.getsockname()[1]))
    assert found.cause == "refused"


@pytest.mark.proves("cluster_registry/unreachable")
async def test_without_a_way_there_it_is_unreachable(database: Database) -> None:
    found = await found_of(database.dsn(host="255.255.255.255:5432"))
    assert found.cause == "unreachable"


@contextmanager
def mute() -> Iterator[int]:
    """A port where connections are taken and nothing is said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.proves("cluster_registry/timeout")
async def test_a_server_that_says_nothing_is_silence(database: Database) -> None:
    with mute() as port:
        found = await found_of(database.dsn(port=port), deadline=0.5)
    assert found.cause == "timeout"


@pytest.mark.proves("cluster_registry/authentication")
async def test_a_wrong_password_is_authentication_and_is_not_told(made: Database) -> None:
    found = await found_of(made.dsn(password="Wr0ng-Secret"))
    assert found.cause == "authentication"
    assert "Wr0ng-Secret" not in told(found)


@pytest.mark.proves("cluster_registry/tls")
async def test_a_server_without_tls_does_not_do_where_it_is_asked_for(made: Database) -> None:
    found = await found_of(made.dsn(sslmode="require"))
    assert found.cause == "tls"


@pytest.mark.proves("cluster_registry/too-many-connections")
async def test_a_role_without_a_connection_left_is_too_many(made: Database) -> None:
    made.server.execute(f"ALTER ROLE {made.role} CONNECTION LIMIT 1")
    with psycopg.connect(made.dsn()):
        found = await found_of(made.dsn())
    assert found.cause == "too-many-connections"


@pytest.mark.proves("cluster_registry/permission-denied")
async def test_without_a_right_the_grants_are_told_first(database: Database) -> None:
    for statement in schema.whole():
        database.execute(statement)
    found = await found_of(database.dsn())
    assert found.cause == "permission-denied"
    assert any("GRANT USAGE ON SCHEMA pomhealth TO" in step and database.role in step for step in found.steps)


@pytest.mark.proves("cluster_registry/read-only")
async def test_a_server_that_takes_no_writes_is_read_only(made: Database) -> None:
    made.server.execute(f"ALTER ROLE {made.role} SET default_transaction_read_only = on")
    found = await found_of(made.dsn())
    assert found.cause == "read-only"


@pytest.mark.proves("cluster_registry/disk-full")
async def test_a_server_without_room_is_disk_full(made: Database) -> None:
    """The server itself says so, at the statement that has no room: by a trigger, which takes no full disk."""
    made.execute(
        "CREATE FUNCTION pomhealth.full() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END$$"
    )
    made.execute(
        "CREATE TRIGGER no_room BEFORE INSERT ON pomhealth.replicas FOR EACH ROW EXECUTE FUNCTION pomhealth.full()"
    )
    assert (await found_of(made.dsn())).cause == "disk-full"


@pytest.mark.proves("cluster_registry/newer-schema")
async def test_tables_of_a_later_release_ask_for_it(made: Database) -> None:
    made.execute("INSERT INTO pomhealth.steps (step, least) VALUES (99, 99)")
    found = await found_of(made.dsn())
    assert found.cause == "newer-schema"
    assert any("Upgrade pomhealth" in step for step in found.steps)


async def test_in_the_replica_s_own_storage_it_follows_that_while_it_fails(made: Database) -> None:
    made.server.execute(f"ALTER ROLE {made.role} SET default_transaction_read_only = on")
    trouble = await takes_part(made.dsn())
    session = PostgresSession(made.dsn(), {}, "", "/")
    seen = context(Roster(wanted=True, at=NOW, trouble=trouble), Settings(cluster=True))
    own = replace(seen.replica, storage=Storage("postgres", "config.yaml:3", made.dsn(), ""), cwd="/")
    try:
        found = await cluster_registry.look(replace(seen, replica=own, postgres=session))
        assert found.blocked_by == "storage.backend"
        made.server.execute(f"ALTER ROLE {made.role} RESET ALL")
        await session.close()
        found = await cluster_registry.look(replace(seen, replica=own, postgres=session))
        assert found.cause == "read-only"
    finally:
        await session.close()
