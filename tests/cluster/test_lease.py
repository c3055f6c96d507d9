"""The lease of the rollout on a real PostgreSQL: who gets it, and who does not."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import AsyncExitStack
from typing import Any

import psycopg
import pytest

from pomhealth.cluster.model import Lease
from pomhealth.cluster.registry.session import PostgresRegistry
from pomhealth.cluster.registry.sql import Ask
from pomhealth.cluster.rollout import lease
from pomhealth.cluster.rollout.gate import Look, Need, Terms, need
from tests.agent.process import until
from tests.cluster.tables import PATIENCE, Tables
from tests.standin import PostgresServer

MINE, OTHER, THIRD = (str(uuid.UUID(int=number)) for number in (1, 2, 3))
ALL = need(Terms(), 0)
ROUNDS = 15


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Tables:
    return Tables(postgres)


@pytest.fixture
def tables(database: Tables) -> Tables:
    """Three replicas, all of them well."""
    database.clear()
    for id_ in (MINE, OTHER, THIRD):
        database.put(id_)
    return database


async def take(
    asked: PostgresRegistry, mine: str = MINE, *, needed: Need = ALL, hold: float = 600.0, process: str = "p"
) -> Look:
    return lease.look(await asked.ask(*lease.take(mine, process, hold, needed), deadline=PATIENCE))


async def tried(tables: Tables, mine: str = MINE, **how: Any) -> Look:
    """What somebody who asks once is answered."""
    async with tables.session() as asked:
        return await take(asked, mine, **how)


async def test_whoever_asks_while_all_others_are_ready_gets_it(tables: Tables) -> None:
    look = await tried(tables, hold=90.0, process="one")
    assert look.until is not None
    assert look.until - look.at == pytest.approx(90.0, abs=1.0)
    assert (look.fit, look.unfit, look.busy) == (2, 0, None)
    assert tables.holder() == (MINE, "one")


async def test_another_does_not_get_it_then_and_is_told_who_has_it(tables: Tables) -> None:
    first = await tried(tables)
    look = await tried(tables, OTHER)
    assert look.until is None
    assert look.busy is not None
    assert (look.busy.holder, look.busy.until, look.host) == (MINE, first.until, "host-1")
    assert tables.holder() == (MINE, "p")


async def test_who_has_it_gets_it_again_for_what_runs_now(tables: Tables) -> None:
    await tried(tables, process="one")
    assert (await tried(tables, process="two")).until is not None
    assert tables.holder() == (MINE, "two")


async def test_a_lease_that_has_ended_is_free(tables: Tables) -> None:
    await tried(tables)
    tables.execute("UPDATE pomhealth.leases SET until = now()")
    assert (await tried(tables, OTHER)).until is not None
    assert tables.holder() == (OTHER, "p")


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"ready": False}, (False, False, False)),
        ({"draining": True}, (True, True, False)),
        ({"silent": 40.0}, (True, False, True)),
        ({"ready": "yes"}, (False, False, False)),
        ({"ready": None, "draining": [1]}, (False, False, False)),
    ],
)
async def test_nobody_gets_it_while_another_is_not_ready(
    tables: Tables, row: dict[str, Any], why: tuple[bool, bool, bool]
) -> None:
    tables.put(OTHER, **row)
    look = await tried(tables)
    assert look.until is None
    assert (look.fit, look.unfit) == (1, 1)
    (amiss,) = look.amiss
    assert (amiss.id, amiss.host, (amiss.ready, amiss.draining, amiss.silent)) == (OTHER, "host-2", why)
    assert tables.holder() is None


@pytest.mark.parametrize(
    "row", [{"stopped": True, "ready": False}, {"silent": 90000.0}, {"silent": 40.0, "stopped": True}]
)
async def test_one_that_was_stopped_or_is_forgotten_counts_as_nothing(
    tables: Tables, row: dict[str, Any]
) -> None:
    tables.put(OTHER, **row)
    look = await tried(tables)
    assert look.until is not None
    assert (look.fit, look.unfit) == (1, 0)
    assert (await tried(tables, needed=need(Terms(), 3))).until is None


async def test_the_own_state_does_not_matter(tables: Tables) -> None:
    tables.put(MINE, ready=False)
    assert (await tried(tables)).until is not None


async def test_where_so_many_suffice_the_rest_may_be_as_they_are(tables: Tables) -> None:
    tables.put(OTHER, ready=False)
    assert (await tried(tables, needed=need(Terms(least=2), 0))).until is None
    assert (await tried(tables, needed=need(Terms(least=1), 3))).until is not None
    assert (await tried(tables, THIRD, needed=need(Terms(least=0), 0))).until is None


async def test_the_only_one_gets_it_where_no_other_is_asked_for(tables: Tables) -> None:
    tables.clear()
    tables.put(MINE)
    look = await tried(tables)
    assert (look.until, look.fit, look.unfit) == (None, 0, 0)
    assert (await tried(tables, needed=need(Terms(least=0), 0))).until is not None


async def test_a_replica_with_two_agents_counts_once(tables: Tables) -> None:
    tables.put(OTHER, process="theirs")
    tables.put(THIRD, process="theirs")
    look = await tried(tables, process="mine")
    assert (look.fit, look.unfit) == (1, 0)
    tables.put(THIRD, process="theirs", ready=False)
    assert (await tried(tables, process="mine")).until is None
    tables.put(OTHER, process="mine")
    tables.put(THIRD, process="mine")
    look = await tried(tables, process="mine")
    assert (look.until, look.fit, look.unfit) == (None, 0, 0)


async def test_of_all_that_ask_at_once_exactly_one_gets_it(tables: Tables) -> None:
    ids = [MINE, OTHER, THIRD]
    async with AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(tables.session()) for _ in ids]
        for _ in range(ROUNDS):
            looks = await asyncio.gather(*map(take, sessions, ids))
            (winner,) = [id_ for id_, look in zip(ids, looks, strict=True) if look.until is not None]
            assert tables.holder() == (winner, "p")
            await sessions[0].ask(*lease.give_back(winner, "p"), deadline=PATIENCE)


async def test_who_waited_for_its_turn_judges_by_what_is_so_then(tables: Tables) -> None:
    await tried(tables)
    tables.execute("UPDATE pomhealth.leases SET until = '-infinity'")
    with psycopg.connect(tables.dsn) as first, first.cursor() as cursor:
        cursor.execute("SELECT FROM pomhealth.leases FOR UPDATE")
        async with tables.session() as second:
            await second.ask(Ask("SET lock_timeout = 0"), Ask("SET statement_timeout = 0"), deadline=PATIENCE)
            asking = asyncio.ensure_future(take(second))
            await asyncio.to_thread(
                until, lambda: bool(tables.execute("SELECT 1 FROM pg_locks WHERE NOT granted"))
            )
            cursor.execute(
                "UPDATE pomhealth.accounts SET account = account || '{\"ready\": false}' WHERE id = %s",
                (OTHER,),
            )
            first.commit()
            look = await asking
    assert look.until is None
    assert [one.id for one in look.amiss] == [OTHER]


async def test_only_the_holder_gives_it_back_and_for_that_process_alone(tables: Tables) -> None:
    await tried(tables, process="one")
    async with tables.session() as asked:
        assert not (await asked.ask(*lease.give_back(OTHER, None), deadline=PATIENCE))[-1]
        assert not (await asked.ask(*lease.give_back(MINE, "two"), deadline=PATIENCE))[-1]
        assert tables.holder() == (MINE, "one")
        assert (await asked.ask(*lease.give_back(MINE, "one"), deadline=PATIENCE))[-1]
        assert tables.holder() is None
        assert not (await asked.ask(*lease.give_back(MINE, None), deadline=PATIENCE))[-1]


async def test_a_lease_that_a_failover_lost_is_taken_again_for_as_long_as_it_was_given(
    tables: Tables,
) -> None:
    look = await tried(tables, hold=600.0)
    assert look.until is not None
    held = Lease(MINE, look.until, "p")
    async with tables.session() as asked:
        for lost in ("DELETE FROM pomhealth.leases", "UPDATE pomhealth.leases SET until = '-infinity'"):
            tables.execute(lost)
            now = lease.holder(await asked.ask(*lease.keep(MINE, held), deadline=PATIENCE))
            assert now == held
        tables.execute("UPDATE pomhealth.leases SET holder = %s", OTHER)
        now = lease.holder(await asked.ask(*lease.keep(MINE, held), deadline=PATIENCE))
        assert now.holder == OTHER
        over = Lease(MINE, look.at - 1.0, "p")
        tables.execute("DELETE FROM pomhealth.leases")
        await asked.ask(*lease.keep(MINE, over), deadline=PATIENCE)
        assert tables.holder() is None


async def test_the_others_hear_of_it(tables: Tables) -> None:
    heard: list[str] = []
    async with tables.session() as listening, tables.session() as asked:
        listening.heard = heard.extend
        await take(asked)
        await asked.ask(*lease.give_back(MINE, None), deadline=PATIENCE)
        await take(asked, needed=Need(9, all=False))
        await asked.ask(*lease.take(MINE, "p", 600.0, ALL), deadline=PATIENCE)
        await asyncio.to_thread(until, lambda: len(heard) >= 3)
    assert heard == ["leases"] * 3


async def test_one_that_its_readiness_policy_alone_keeps_in_does_not_count(tables: Tables) -> None:
    tables.put(OTHER, ready=True, sound=False)
    look = await tried(tables)
    assert look.until is None
    assert [(one.id, one.ready, one.held) for one in look.amiss] == [(OTHER, False, True)]


async def test_only_a_few_of_many_that_are_not_ready_are_named(tables: Tables) -> None:
    tables.execute(
        "WITH put AS (INSERT INTO pomhealth.replicas (id, run, mark) SELECT gen_random_uuid(), gen_random_uuid(), ''"
        " FROM generate_series(1, 50) RETURNING id) INSERT INTO pomhealth.accounts"
        " SELECT id, jsonb_build_object('host', repeat('x', 5000)), '{}' FROM put"
    )
    look = await tried(tables)
    assert (look.fit, look.unfit, len(look.amiss)) == (2, 50, 5)
    assert all(len(one.host) <= 300 for one in look.amiss)
