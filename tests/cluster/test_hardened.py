"""What others do to the registry, by hand or by mistake, does not keep an agent from its place in it for long."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from pomhealth.agent.belonging import pause
from pomhealth.cluster.model import Account, Roster
from pomhealth.cluster.registry import membership
from pomhealth.cluster.registry.book import Book
from pomhealth.cluster.registry.membership import Membership
from pomhealth.cluster.registry.registry import Registry
from pomhealth.cluster.registry.session import PostgresRegistry, opening
from pomhealth.cluster.registry.sql import Ask, Away
from tests.agent.process import until
from tests.cluster.tables import PATIENCE, Tables
from tests.standin import PostgresServer

MINE, OTHER = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))


@pytest.fixture
def tables(postgres: PostgresServer) -> Tables:
    return Tables(postgres)


@dataclass
class Joined:
    """An agent's membership as a task, and what it knows."""

    task: asyncio.Task[None]
    book: Book
    came: asyncio.Event

    @property
    def roster(self) -> Roster:
        return self.book.roster(MINE, None)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for what is known to be so; fails where the membership ends instead."""

        async def wait() -> None:
            while not condition():
                self.came.clear()
                await asyncio.wait(
                    {asyncio.ensure_future(self.came.wait()), self.task}, return_when=asyncio.FIRST_COMPLETED
                )
                if self.task.done():
                    self.task.result()

        await asyncio.wait_for(wait(), PATIENCE)


@asynccontextmanager
async def _joined(tables: Tables) -> AsyncIterator[Joined]:
    async with tables.session() as session:
        book, came = Book(), asyncio.Event()
        member = Membership(
            session,
            Registry(session, str(uuid.uuid4())),
            book,
            account=lambda _: Account(host="mine", ready=True),
            turned=came.set,
        )
        joined = Joined(asyncio.ensure_future(member.run(MINE, "here", lambda: False)), book, came)
        try:
            await joined.until(lambda: joined.roster.me is not None)
            yield joined
        finally:
            session.close()  # a cancellation may come with an answer, and is lost then (Python 3.11)
            joined.task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Away):
                await joined.task


def _host(joined: Joined, id_: str) -> str:
    return next((one.account.host for one in joined.roster.members if one.id == id_), "")


async def test_what_is_no_id_on_the_channel_is_passed_over(tables: Tables) -> None:
    async with _joined(tables) as joined:
        for payload in ("x", "", "x" * 7000, "'; DROP TABLE pomhealth.replicas; --", OTHER[:-1] + "g"):
            tables.execute("SELECT pg_notify('pomhealth', %s)", payload)
        tables.put(OTHER, host="other")
        tables.execute("SELECT pg_notify('pomhealth', %s)", OTHER)
        await joined.until(lambda: _host(joined, OTHER) == "other")


async def test_a_flood_on_the_channel_ends_in_one_reading_of_everything(tables: Tables) -> None:
    async with _joined(tables) as joined:
        tables.put(OTHER, host="other")
        tables.execute(
            "SELECT pg_notify('pomhealth', gen_random_uuid()::text) FROM generate_series(1, 20000)"
        )
        await joined.until(lambda: _host(joined, OTHER) == "other")


@pytest.mark.parametrize(
    "sabotage",
    [
        "DELETE FROM pomhealth.accounts",
        "UPDATE pomhealth.replicas SET stopped = true",
        "WITH bump AS (UPDATE pomhealth.replicas SET revision = revision + 1) UPDATE pomhealth.accounts SET account = '{}'",
    ],
)
async def test_an_own_row_that_somebody_else_changed_is_written_anew(
    tables: Tables, monkeypatch: pytest.MonkeyPatch, sabotage: str
) -> None:
    monkeypatch.setattr("pomhealth.cluster.registry.membership.BEAT", 0.2)
    async with _joined(tables) as joined:
        tables.execute(sabotage)
        said = "SELECT account->>'host', stopped FROM pomhealth.cluster"
        until = time.monotonic() + PATIENCE
        while tables.execute(said) != [("mine", False)]:
            assert time.monotonic() < until
            await asyncio.sleep(0.05)
        await joined.until(lambda: joined.roster.me is not None and not joined.roster.me.stopped)


@pytest.mark.parametrize(
    "account",
    [
        '{"host": "other", "clock": 1' + "0" * 400 + "}",
        '{"host": "other", "clock_error": -1' + "0" * 400 + "}",
        '{"host": "other", "clock": 1' + "0" * 5000 + "}",
        '{"host": "other", "checks": ' + "[" * 900 + "]" * 900 + "}",
    ],
)
async def test_a_number_or_a_depth_beyond_measure_in_anothers_row_hurts_nobody(
    tables: Tables, account: str
) -> None:
    tables.put(OTHER)
    tables.execute("UPDATE pomhealth.accounts SET account = %s::jsonb", account)
    async with _joined(tables) as joined:
        assert OTHER in {one.id for one in joined.roster.members}


async def test_of_a_row_of_megabytes_only_its_beginning_is_fetched(tables: Tables) -> None:
    tables.put(OTHER)
    tables.execute(
        "UPDATE pomhealth.accounts SET account = jsonb_build_object('host', repeat('x', 10000000)),"
        " certificates = jsonb_build_object('host', repeat('x', 10000000))"
    )
    async with tables.session() as session:
        registry = Registry(session, str(uuid.uuid4()))
        ((member,), _), asked = await registry.load(), session.ask
        assert member.account.host == ""

        async def measured(*asks: object, deadline: float) -> object:
            answer = await asked(*asks, deadline=deadline)  # type: ignore[arg-type]
            assert len(repr(answer)) < 2_000_000
            return answer

        session.ask = measured  # type: ignore[method-assign, assignment]
        await registry.load()
        await registry.certificates([member])


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "99999-01-01"])
async def test_a_time_beyond_measure_in_anothers_row_keeps_nobody_alive(tables: Tables, moment: str) -> None:
    tables.put(OTHER)
    tables.execute(
        "UPDATE pomhealth.replicas SET first_seen = %s::timestamptz, config_since = %s::timestamptz",
        moment,
        moment,
    )
    if not moment.startswith("-"):
        tables.execute("UPDATE pomhealth.replicas SET last_seen = %s::timestamptz", moment)
    async with _joined(tables) as joined:
        (other,) = (one for one in joined.roster.members if one.id == OTHER)
        assert other.last_seen <= joined.roster.at
        assert other.first_seen < float("inf")
        assert other.first_seen > -float("inf")


@pytest.mark.parametrize(
    "sabotage",
    [
        "DROP SCHEMA pomhealth CASCADE",
        "DROP TABLE pomhealth.replicas CASCADE",
        "DROP TABLE pomhealth.leases",
        "TRUNCATE pomhealth.steps",
        "DROP TABLE pomhealth.steps",
        "DROP VIEW pomhealth.cluster",
    ],
)
async def test_tables_that_are_gone_are_made_anew(tables: Tables, sabotage: str) -> None:
    tables.execute(sabotage)
    async with _joined(tables):
        pass
    assert tables.execute("SELECT step FROM pomhealth.steps") == [(1,)]


async def test_what_is_swept_never_waits_for_another_agent(tables: Tables) -> None:
    tables.put(OTHER, silent=40 * 86400.0)
    lock = await PostgresRegistry.open(opening(tables.dsn, {}, "", "/"), deadline=PATIENCE)
    try:
        await lock.ask(Ask("BEGIN"), Ask("SELECT 1 FROM pomhealth.replicas FOR UPDATE"), deadline=PATIENCE)
        async with _joined(tables):
            pass
    finally:
        lock.close()
    async with _joined(tables) as joined:
        assert OTHER not in {one.id for one in joined.roster.members}


def test_the_registry_is_tried_again_after_the_same_pause_however_often_it_failed() -> None:
    assert 1.0 <= pause("refused", 5000, 20) <= 2.0
    assert 15.0 <= pause("permission-denied", 5000, 20) <= 30.0


async def test_an_agent_that_was_suspended_looks_at_its_replica_before_it_gives_a_sign_of_life(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "BEAT", 1.0)
    monkeypatch.setattr(membership, "ASLEEP", 0.5)
    monkeypatch.setattr(membership, "LOOKS", 2.0)

    def last_seen() -> object:
        return tables.execute("SELECT last_seen FROM pomhealth.replicas")[0][0]

    async def another(than: object) -> None:
        await asyncio.to_thread(until, lambda: last_seen() != than)

    async with _joined(tables):
        await another(last_seen())
        time.sleep(2.0)  # noqa: ASYNC251  (so that nothing of this process runs)
        woke, before = time.monotonic(), last_seen()
        await another(before)
        assert time.monotonic() - woke > 1.5
