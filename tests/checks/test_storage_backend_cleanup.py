"""Rows that some replica should have swept, in a real server: storage.backend.cleanup."""

from __future__ import annotations

import time
from dataclasses import replace

import psycopg
import pytest

from pomhealth.checks import storage_backend_cleanup as check
from pomhealth.checks import traces
from pomhealth.status import Outcome, Unobservable
from pomhealth.storage.target import Host, Target
from pomhealth.storage.traces import Traces
from tests.storage import cluster
from tests.storage.conftest import database
from tests.storage.looking import Database, context, replica, told

__all__ = ["database"]

pytestmark = pytest.mark.usefixtures("no_grace")


@pytest.fixture
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers of tests are as young as ones that nobody has swept yet."""
    monkeypatch.setattr(check, "_GRACE", 0.0)
    monkeypatch.setattr(check, "_GRACE_OF_CHANGES", 0.0)
    monkeypatch.setattr(traces, "_FRESH", 0.0)


async def test_empty_tables_are_swept(database: Database) -> None:
    async with cluster.beside(database) as seen:
        assert (await check.look(seen)).outcome is Outcome.PASS


async def test_what_has_only_just_expired_is_not_overdue(database: Database) -> None:
    cluster.announce(database, "http://10.0.0.1:9090/metrics", "-30 seconds")
    cluster.change(database, age="62 minutes")
    cluster.change(database, age="1 minute")
    async with cluster.beside(database) as seen:
        assert (await check.look(seen)).outcome is Outcome.PASS


@pytest.mark.proves("storage.backend.cleanup/overdue")
async def test_services_that_expired_long_ago_are_overdue(database: Database) -> None:
    cluster.announce(database, "http://ann:S3cret@10.0.0.1:9090/metrics", "-10 minutes")
    async with cluster.beside(database) as seen:
        found = await check.look(seen)

    assert (found.outcome, found.cause) == (Outcome.WARN, "overdue")
    assert "for 10 min" in found.summary
    assert "S3cret" not in told(found)


@pytest.mark.proves("storage.backend.cleanup/overdue")
async def test_old_changes_are_overdue(database: Database) -> None:
    cluster.change(database, age="3 hours")
    cluster.change(database, age="1 minute")
    async with cluster.beside(database) as seen:
        found = await check.look(seen)

    assert (found.cause, "changes from 3 h ago" in found.summary) == ("overdue", True)


async def test_the_newest_change_may_be_of_any_age(database: Database) -> None:
    """Pomerium keeps it, to know the version."""
    cluster.change(database, age="30 days")
    async with cluster.beside(database) as seen:
        assert (await check.look(seen)).outcome is Outcome.PASS


async def test_releases_before_031_keep_changes_for_a_day(database: Database) -> None:
    cluster.change(database, age="3 hours")
    cluster.change(database, age="1 minute")
    async with cluster.beside(database, version="0.30.8") as seen:
        assert (await check.look(seen)).outcome is Outcome.PASS


async def test_a_locked_table_is_waited_for_by_nobody(database: Database) -> None:
    async with cluster.beside(database) as seen:
        await check.look(seen)
        with psycopg.connect(database.server.dsn(database.name)) as holder:
            holder.execute("LOCK TABLE pomerium.services IN ACCESS EXCLUSIVE MODE")
            begun = time.monotonic()
            with pytest.raises(Unobservable, match=r"55P03|57014"):
                await check.look(seen)
            took = time.monotonic() - begun
            holder.rollback()
        assert database.sessions() == 1

    assert took < 2.0


async def test_a_locked_table_of_changes_is_told_as_such(database: Database) -> None:
    async with cluster.beside(database) as seen:
        with psycopg.connect(database.server.dsn(database.name)) as holder:
            holder.execute("LOCK TABLE pomerium.record_changes IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(Unobservable, match="55P03"):
                await check.look(seen)
            holder.rollback()
        assert (await check.look(seen)).outcome is Outcome.PASS


def test_changes_that_are_not_found_in_time_are_unknown() -> None:
    late = Traces("db", False, 1e9, 0.0, 1e9, True, 1, 1, 1, (), 0, 0, 0.0, 1, None)
    target = Target((Host("db", 5432),), "d", "u")
    assert check.judge(late, target, (0, 33)).outcome is Outcome.UNKNOWN
    assert check.judge(replace(late, expired=1), target, (0, 33)).cause == "overdue"


@pytest.mark.parametrize("kind", ["memory", "file"])
async def test_other_storage_is_swept_where_nobody_sees_it(kind: str) -> None:
    assert not (await check.look(context(replica(kind=kind)))).applies


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(45.0, "45 s"), (720.0, "12 min"), (11100.0, "3 h 5 min"), (7200.0, "2 h"), (400000.0, "4 days")],
)
def test_a_length_of_time_is_told_for_people(seconds: float, told: str) -> None:
    assert check.span(seconds) == told
