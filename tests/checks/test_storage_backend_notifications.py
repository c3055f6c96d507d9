"""A real server, with and without a session that listens: storage.backend.notifications."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace

import psycopg
import pytest

from pomhealth.checks import storage_backend_notifications as check
from pomhealth.checks import traces
from pomhealth.status import Outcome, Unobservable
from pomhealth.storage.target import Host, Target
from pomhealth.storage.traces import Traces
from tests.contexts import context_of
from tests.demo.looking import until
from tests.standin import StandIn
from tests.storage import cluster
from tests.storage.conftest import database
from tests.storage.looking import Database, context, replica, told, writes_nothing

__all__ = ["database"]

pytestmark = pytest.mark.usefixtures("no_grace")


@pytest.fixture
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers of tests are young: as young as ones that a replica has not come back to yet."""
    monkeypatch.setattr(check, "_GRACE", 0.0)
    monkeypatch.setattr(traces, "_FRESH", 0.0)


async def test_a_session_that_listens_from_here_passes(database: Database) -> None:
    async with cluster.beside(database) as seen:
        with cluster.listener(database):
            found = await check.look(seen)

    assert (found.outcome, found.evidence[0].observed) == (Outcome.PASS, "1 from here, 1 in all")


@pytest.mark.proves("storage.backend.notifications/not-listening")
async def test_a_session_that_was_ended_is_missed(database: Database) -> None:
    async with cluster.beside(database) as seen:
        with cluster.listener(database) as listener:
            assert (await check.look(seen)).outcome is Outcome.PASS
            cluster.end(database, listener)
        found = await check.look(seen)

    assert (found.outcome, found.cause) == (Outcome.WARN, "not-listening")
    assert database.password not in told(found)
    assert "0 from here, 0 in all" in found.evidence[0].observed


async def test_one_that_comes_back_within_the_look_was_never_missed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pomerium opens it anew half a second after it was ended."""

    async def meanwhile(_: float) -> None:
        stack.__enter__()

    monkeypatch.setattr(asyncio, "sleep", meanwhile)
    stack = cluster.listener(database)
    async with cluster.beside(database) as seen:
        try:
            found = await check.look(seen)
        finally:
            stack.__exit__(None, None, None)

    assert found.outcome is Outcome.PASS


@pytest.mark.proves("storage.backend.notifications/not-listening")
async def test_a_replica_that_ends_its_own_listening_is_told_of(standin: StandIn) -> None:
    one = standin(storage="postgres")
    listening = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    with psycopg.connect(one.dsn, autocommit=True) as admin:
        until(lambda: admin.execute(listening).fetchone() is not None, "it listens")
        async with context_of(one) as seen:
            assert (await check.look(seen)).outcome is Outcome.PASS
            os.kill(one.pid, signal.SIGUSR1)
            until(lambda: admin.execute(listening).fetchone() is None, "it listens no more")
            found = await check.look(seen)
            os.kill(one.pid, signal.SIGUSR2)
            until(lambda: admin.execute(listening).fetchone() is not None, "it listens again")
            again = await check.look(seen)

    assert (found.cause, again.outcome) == ("not-listening", Outcome.PASS)


async def test_a_young_server_or_replica_is_given_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "_GRACE", 1e9)
    async with cluster.beside(database) as seen:
        found = await check.look(seen)

    assert (found.outcome, "PostgreSQL has started" in found.summary) == (Outcome.PASS, True)


async def test_a_connection_that_was_lost_is_given_time_to_come_back(database: Database) -> None:
    """Pomerium's tries to connect come seldomer the longer they fail."""
    async with cluster.beside(database) as seen:
        assert (await check.look(seen)).cause == "not-listening"
        database.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'pomhealth'"
        )
        with pytest.raises(Unobservable):
            await traces._ask(seen)
        answer = await traces._ask(seen)

    assert answer.gone > 0
    assert "reached again" in traces.settling(seen, replace(answer, up=1e9), 60.0)


async def test_another_roles_sessions_need_a_right_that_is_named(database: Database) -> None:
    async with cluster.beside(database) as seen:
        with cluster.listener(database, as_administrator=True):
            found = await check.look(seen)

    assert found.outcome is Outcome.UNKNOWN
    assert f'GRANT pg_monitor TO "{database.role}"' in found.summary


async def test_an_administrators_passing_statement_hides_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its session may be the replica's as far as can be seen, until it is gone."""

    async def meanwhile(_: float) -> None:
        stack.__exit__(None, None, None)
        with psycopg.connect(database.server.dsn(), autocommit=True) as elsewhere:
            until(lambda: elsewhere.execute(others).fetchone() is None, "it is gone")

    others = f"SELECT 1 FROM pg_stat_activity WHERE datname = '{database.name}' AND application_name <> 'pomhealth'"
    monkeypatch.setattr(asyncio, "sleep", meanwhile)
    stack = cluster.listener(database, as_administrator=True)
    stack.__enter__()
    async with cluster.beside(database) as seen:
        found = await check.look(seen)

    assert found.cause == "not-listening", found


async def test_with_that_right_they_count(database: Database) -> None:
    database.execute(f"GRANT pg_monitor TO {database.role}")
    try:
        async with cluster.beside(database) as seen:
            with cluster.listener(database, as_administrator=True):
                found = await check.look(seen)
    finally:
        database.execute(f"REVOKE pg_monitor FROM {database.role}")

    assert (found.outcome, "cannot be told" in found.summary) == (Outcome.PASS, True)


async def test_a_server_that_tracks_nothing_leaves_it_unknown(database: Database) -> None:
    database.execute(f"ALTER DATABASE {database.name} SET track_activities = off")
    async with cluster.beside(database) as seen:
        with cluster.listener(database):
            found = await check.look(seen)

    assert (found.outcome, "track_activities" in found.summary) == (Outcome.UNKNOWN, True)


async def test_a_look_writes_nothing_and_takes_no_second_connection(database: Database) -> None:
    async with cluster.beside(database) as seen:
        assert await writes_nothing(database, lambda: traces._ask(seen))
        assert database.sessions() == 1


@pytest.mark.parametrize("kind", ["memory", "file"])
async def test_storage_of_ones_own_has_nobody_to_tell(kind: str) -> None:
    assert not (await check.look(context(replica(kind=kind)))).applies


async def test_a_replica_without_a_databroker_does_not_listen() -> None:
    one = replace(replica("postgres://u:p@127.0.0.1:1/d"), services=frozenset({"proxy"}))
    assert not (await check.look(context(one))).applies


SEEN = Traces("db", False, 1e9, 0.0, 1e9, True, 0, 0, 1, (), 0, 0, 0.0, 1, 0.0)
ONE = check.Place(Target((Host("db", 5432),), "d", "u"), same=True)


def test_a_pooler_between_makes_it_unknown_with_the_mode_to_look_at() -> None:
    found = check.judge(replace(SEEN, pooled=True), ONE)
    assert (found.outcome, "pool_mode" in found.steps[0]) == (Outcome.UNKNOWN, True)


def test_others_that_listen_do_not_excuse_one_whose_sessions_are_seen() -> None:
    assert check.judge(replace(SEEN, listening=2), ONE).cause == "not-listening"


def test_others_that_listen_suffice_where_ours_cannot_be_told_apart() -> None:
    assert check.judge(replace(SEEN, listening=2, here=0), ONE).outcome is Outcome.PASS
    assert check.judge(replace(SEEN, listening=2), replace(ONE, same=False)).outcome is Outcome.PASS


def test_of_several_servers_another_may_be_the_one() -> None:
    two = check.Place(Target((Host("a", 1), Host("b", 1)), "d", "u"), same=True)
    assert check.judge(SEEN, two).outcome is Outcome.UNKNOWN
