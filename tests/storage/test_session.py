"""The agent keeps one session with PostgreSQL, and neither the server nor our own environment disturbs it."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace

import psutil
import pytest

from pomhealth.checks import storage_backend
from pomhealth.demo.ports import free_ports
from pomhealth.demo.postgres import PostgresServer
from pomhealth.status import Outcome, Unobservable
from pomhealth.storage.session import PostgresSession
from pomhealth.storage.trouble import Failed
from tests.storage.looking import Database, finding, watching

PATIENCE = 30.0  # seconds: a wrong verdict fails a test, a slow machine does not


async def settled(database: Database, count: int) -> bool:
    """Whether the agent's sessions in this database come to be so many."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if await asyncio.to_thread(database.sessions) == count:
            return True
    return False


async def test_looks_share_one_session(database: Database) -> None:
    async with watching(database.dsn()) as seen:
        for _ in range(5):
            assert (await storage_backend.look(seen)).outcome is Outcome.PASS
        pids = database.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'pomhealth'")
        await asyncio.gather(*(storage_backend.look(seen) for _ in range(5)))
        assert pids == database.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'pomhealth'"
        )
        assert database.sessions() == 1
    assert await settled(database, 0)


async def test_a_session_that_an_administrator_ended_is_opened_again_within_the_look(
    database: Database,
) -> None:
    async with watching(database.dsn()) as seen:
        await storage_backend.look(seen)
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pomhealth'"
        )
        found = await storage_backend.look(seen)

        assert found.outcome is Outcome.PASS, found
        assert await settled(database, 1)


async def test_a_closed_session_is_told_at_once(own_database: Database) -> None:
    session = PostgresSession(own_database.dsn(), {}, "", "/")
    told = asyncio.Event()
    session.changed = told.set
    try:
        await session.look(deadline=PATIENCE)
        stopping = asyncio.create_task(asyncio.to_thread(own_database.server.stop))
        await asyncio.wait_for(told.wait(), PATIENCE)
        await stopping
        with pytest.raises(Failed) as caught:
            await session.look(deadline=1.0)
        assert caught.value.trouble.cause == "refused"
    finally:
        await session.close()


async def test_a_hang_leaves_one_session_and_its_end_is_told(own_database: Database) -> None:
    """The attempt that waits in the server's queue is the one that is served when the server goes on."""
    session = PostgresSession(own_database.dsn(), {}, "", "/")
    told = asyncio.Event()
    session.changed = told.set
    try:
        await session.look(deadline=PATIENCE)
        own_database.server.hang()
        for _ in range(6):
            with pytest.raises(Failed) as caught:
                await session.look(deadline=0.2)
            assert caught.value.trouble.silent
        assert not told.is_set()
        own_database.server.resume()
        await asyncio.wait_for(told.wait(), PATIENCE)
        await session.look(deadline=PATIENCE)
        assert await settled(own_database, 1)
    finally:
        own_database.server.resume()
        await session.close()


@pytest.mark.parametrize("deadline", [0.1, 0.4])
async def test_a_look_ends_in_time_while_the_server_hangs(own_database: Database, deadline: float) -> None:
    session = PostgresSession(own_database.dsn(), {}, "", "/")
    try:
        await session.look(deadline=PATIENCE)
        own_database.server.hang()
        begun = time.monotonic()
        with pytest.raises(Failed):
            await session.look(deadline=deadline)
        assert time.monotonic() - begun < deadline + 1
        begun = time.monotonic()
        await session.close()
        assert time.monotonic() - begun < 1
    finally:
        own_database.server.resume()


async def test_a_restarted_server_is_found_at_the_next_look(own_database: Database) -> None:
    async with watching(own_database.dsn()) as seen:
        await storage_backend.look(seen)
        await asyncio.to_thread(own_database.server.stop)
        assert (await storage_backend.look(seen)).cause == "refused"
        own_database.server.start()  # not in a thread: the server ends with the thread that started it
        assert (await storage_backend.look(seen)).outcome is Outcome.PASS


async def test_the_second_host_answers_when_the_first_is_dead(database: Database) -> None:
    hosts = f"127.0.0.1:{free_ports(1)[0]},127.0.0.1:{database.server.port}"

    found = await finding(database.dsn(host=hosts))

    assert found.outcome is Outcome.PASS
    assert f"127.0.0.1:{database.server.port} answers" in found.summary


async def test_when_no_host_answers_each_is_named(database: Database) -> None:
    first, second = free_ports(2)

    found = await finding(database.dsn(host=f"127.0.0.1:{first},127.0.0.1:{second}"))

    assert found.cause == "refused"
    assert f"127.0.0.1:{first}: " in found.summary
    assert f"127.0.0.1:{second}: " in found.summary


async def test_a_name_and_an_ipv6_address_and_a_socket_lead_there(database: Database) -> None:
    port = database.server.port
    through_a_socket = (
        f"host={database.server.socket_directory} port={port} user={database.role} dbname={database.name} "
        f"password='{database.password}'"
    )
    for dsn in (
        database.dsn(host=f"localhost:{port}"),
        database.dsn(host=f"[::ffff:127.0.0.1]:{port}"),
        through_a_socket,
    ):
        found = await finding(dsn)
        assert found.outcome is Outcome.PASS, found


async def test_the_pools_parameters_do_no_harm(database: Database) -> None:
    found = await finding(
        database.dsn(pool_max_conns="3", pool_max_conn_lifetime="1h", search_path="pomerium, public")
    )

    assert found.outcome is Outcome.PASS, found


async def test_a_sessions_own_parameter_counts(database: Database) -> None:
    """What the connection string sets, the replica's sessions have."""
    found = await finding(database.dsn(default_transaction_read_only="on"))

    assert found.cause == "read-only"
    assert "set by: client" in found.summary


async def test_our_own_environment_does_not_reach_the_server(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PGOPTIONS": "-c default_transaction_read_only=on",
        "PGHOST": "nowhere.invalid",
        "PGSSLMODE": "verify-full",
        "PGTZ": "no such zone",
        "PGSERVICE": "none",
    }.items():
        monkeypatch.setenv(name, value)

    found = await finding(database.dsn())

    assert found.outcome is Outcome.PASS, found
    assert not [name for name in os.environ if name.startswith("PG")]


async def test_the_replicas_environment_does(database: Database) -> None:
    environment = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(database.server.port),
        "PGUSER": database.role,
        "PGPASSWORD": database.password,
        "PGDATABASE": database.name,
    }

    assert (await finding("postgres://", environment=environment)).outcome is Outcome.PASS


async def test_closing_ends_an_attempt_under_way(own_database: Database) -> None:
    own_database.server.hang()
    session = PostgresSession(own_database.dsn(), {}, "", "/")
    try:
        with pytest.raises(Failed):
            await session.look(deadline=0.1)
        await session.close()
        await session.close()
    finally:
        own_database.server.resume()
    assert await settled(own_database, 0)


async def test_another_network_namespace_is_unknown_not_broken(
    postgres: PostgresServer, database: Database
) -> None:
    async with watching(database.dsn()) as seen:
        elsewhere = replace(seen, replica=replace(seen.replica, same_network=False))
        with pytest.raises(Unobservable, match="network namespace"):
            await storage_backend.look(elsewhere)
    assert postgres.running()


async def test_a_session_instead_of_another_connects_only_when_that_one_has_ended(database: Database) -> None:
    first = PostgresSession(database.dsn(), {}, "", "/")
    second = PostgresSession(database.dsn(), {}, "", "/", instead_of=first)
    seen: list[int] = []
    try:
        await first.look(deadline=PATIENCE)
        asked = asyncio.ensure_future(first.ask("SELECT pg_sleep(0.3)", deadline=PATIENCE))
        looked = asyncio.ensure_future(second.look(deadline=PATIENCE))
        while not looked.done():
            seen.append(connections(database.server.port))
            await asyncio.sleep(0)
        assert (await asked).results
        assert (await looked).host == f"127.0.0.1:{database.server.port}"  # a busy server may end a statement
        assert set(seen) <= {0, 1}
        with pytest.raises(Unobservable):
            await first.look(deadline=PATIENCE)
    finally:
        await second.close()
        await first.close()


def connections(port: int) -> int:
    """How many connections to this port this process has, or is about to have."""
    open_ = psutil.Process().net_connections("tcp4")
    return sum(bool(one.raddr) and one.raddr.port == port for one in open_)


async def test_a_session_that_never_connected_ends_the_one_before_too(database: Database) -> None:
    first = PostgresSession(database.dsn(), {}, "", "/")
    await first.look(deadline=PATIENCE)
    await PostgresSession(database.dsn(), {}, "", "/", instead_of=first).close()
    assert await settled(database, 0)
