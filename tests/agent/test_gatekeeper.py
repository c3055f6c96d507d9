"""The agent's side of `pomhealth rollout-gate`: orders over its socket, and the lease on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import structlog

from pomhealth.agent.gatehouse import Gatehouse
from pomhealth.agent.logs import Log
from pomhealth.cluster.model import Account, Lease, Member, Roster, Trouble
from pomhealth.cluster.registry.session import PostgresRegistry
from pomhealth.cluster.registry.sql import Ask, Away, Row
from pomhealth.cluster.rollout import lease
from pomhealth.cluster.rollout.gate import Terms, need
from pomhealth.cluster.rollout.passing import Order, last, written
from pomhealth.orders import line
from pomhealth.orders.control import Control
from pomhealth.orders.kinds import RELEASE
from pomhealth.settings import Settings
from tests.agent.process import until
from tests.cluster.tables import PATIENCE, Tables
from tests.standin import PostgresServer

MINE, OTHER = (str(uuid.UUID(int=number)) for number in (1, 2))
AWAY = Trouble("refused", "the server is away", ("Start it.",))


class Torn:
    """A session whose answers are lost while `torn`, although what was asked is done."""

    def __init__(self, session: PostgresRegistry) -> None:
        self._session = session
        self.torn = False

    async def ask(self, *asks: Ask, deadline: float) -> Sequence[Sequence[Row]]:
        answer = await self._session.ask(*asks, deadline=deadline)
        if self.torn:
            raise Away(AWAY)
        return answer


class Desk:
    """One agent's gatekeeper, and what is so around it."""

    def __init__(self, tables: Tables, session: PostgresRegistry) -> None:
        self.tables = tables
        self.session = Torn(session)
        self.account = Account("host-1", ready=True, process="one")
        members = (Member(MINE, self.account, 1.0, 1.0),)
        self.roster = Roster(wanted=True, mine=MINE, members=members, at=1.0)
        self.settings = Settings(cluster=True, drain_notice=0.05)
        self.logged = structlog.testing.CapturingLogger()
        self.log: Log = structlog.wrap_logger(self.logged, processors=[])
        self.gate = Gatehouse(
            self.session,
            lambda: self.roster,
            lambda: self.account,
            lambda: self.settings,
            log=lambda: self.log,
        )
        self.control = Control(self.gate.orders, users=frozenset, log=lambda: self.log)

    def runs(self, process: str, *, ready: bool) -> None:
        """The replica is this process from now on."""
        self.account = replace(self.account, process=process, ready=ready)
        self.gate.changed()

    def knows(self, **roster: Any) -> None:
        """The roster is another from now on."""
        self.roster = replace(self.roster, **roster)
        self.gate.changed()

    @asynccontextmanager
    async def asker(self, order: line.Said) -> AsyncIterator[asyncio.StreamReader]:
        """Somebody who gave an order, and may go at any time."""
        reader, writer = await asyncio.open_unix_connection("\0" + self.control.name[1:])
        writer.write(line.written(order))
        try:
            yield reader
        finally:
            writer.close()

    async def asked(self, order: line.Said) -> list[Any]:
        """All that is said of an order."""
        said: list[Any] = []
        async with self.asker(order) as reader:
            while not said or not last(said[-1]):
                said.append(await heard(reader))
        return said

    @property
    def events(self) -> list[str]:
        """What was logged."""
        return [call.kwargs["event"] for call in self.logged.calls]

    async def holds(self, expected: tuple[str, str] | None) -> None:
        """Returns once the lease is whose it is expected to be."""
        await asyncio.to_thread(until, lambda: self.tables.holder() == expected, self.tables.holder)


async def heard(reader: asyncio.StreamReader) -> Any:
    return json.loads(await asyncio.wait_for(reader.readline(), PATIENCE))


@pytest.fixture(scope="module")
def tables(postgres: PostgresServer) -> Tables:
    return Tables(postgres)


@pytest.fixture
async def desk(tables: Tables) -> AsyncIterator[Desk]:
    tables.clear()
    tables.put(MINE)
    tables.put(OTHER)
    async with tables.session() as session:
        desk = Desk(tables, session)
        await desk.control.open()
        running = asyncio.ensure_future(desk.gate.run())
        yield desk
        running.cancel()
        await desk.control.close()


def order(**terms: Any) -> line.Said:
    wait = terms.pop("wait", 0.0)
    return written(Order(Terms(**terms), wait))


async def test_the_next_one_may_go_when_the_restarted_replica_is_back(desk: Desk) -> None:
    (said,) = await desk.asked(order())
    assert said["safe"] is True
    assert said["why"].startswith("safe to restart: 1 other replica is ready")
    assert desk.tables.holder() == (MINE, "one")
    desk.runs("", ready=False)
    desk.runs("two", ready=False)
    desk.runs("two", ready=True)
    await desk.holds(None)
    assert "the replica is back: the next one may be restarted" in desk.events


async def test_it_is_held_while_the_same_process_runs_or_the_new_one_is_not_ready(desk: Desk) -> None:
    await desk.asked(order())
    desk.runs("one", ready=False)
    desk.runs("one", ready=True)
    await asyncio.sleep(2 * desk.settings.drain_notice)
    desk.runs("two", ready=False)
    await asyncio.sleep(2 * desk.settings.drain_notice)
    assert desk.tables.holder() == (MINE, "one")


async def test_an_agent_that_was_restarted_finds_its_lease_and_gives_it_back(desk: Desk) -> None:
    look = lease.look(
        await desk.session.ask(*lease.take(MINE, "one", 600.0, need(Terms(), 0)), deadline=PATIENCE)
    )
    assert look.until is not None
    desk.account = replace(desk.account, process="two")
    desk.knows(lease=Lease(MINE, look.until, "one"), at=look.at)
    await desk.holds(None)


async def test_what_was_given_back_is_not_found_again_in_an_old_roster(desk: Desk) -> None:
    (said,) = await desk.asked(order())
    desk.knows(lease=Lease(MINE, said["until"], "one"), at=said["until"] - 600)
    desk.runs("two", ready=True)
    await desk.holds(None)
    desk.gate.changed()
    (said,) = await desk.asked(order())
    assert desk.tables.holder() == (MINE, "two")


async def test_who_waits_is_told_for_what_and_let_through_when_it_is_so(desk: Desk) -> None:
    desk.tables.put(OTHER, ready=False)
    async with desk.asker(order(wait=60.0)) as reader:
        waiting = await heard(reader)
        assert "safe" not in waiting
        assert waiting["why"] == "host-2 is not ready"
        assert desk.tables.holder() is None
        desk.tables.put(OTHER)
        desk.gate.changed()
        assert (await heard(reader))["safe"] is True


async def test_who_does_not_wait_long_enough_is_told_so(desk: Desk) -> None:
    desk.tables.put(OTHER, ready=False)
    said = await desk.asked(order(wait=0.3))
    assert len(said) > 1
    assert said[-1]["safe"] is False
    assert said[-1]["fix"]


async def test_nothing_is_held_for_somebody_who_went_away(desk: Desk) -> None:
    desk.tables.put(OTHER, ready=False)
    async with desk.asker(order(wait=60.0)) as reader:
        await heard(reader)
    desk.tables.put(OTHER)
    desk.gate.changed()
    async with desk.tables.session() as others:
        taken = lease.take(OTHER, "p", 600.0, need(Terms(), 0))

        given_up = time.monotonic() + PATIENCE
        while lease.look(await others.ask(*taken, deadline=PATIENCE)).until is None:
            assert time.monotonic() < given_up
    await desk.holds((OTHER, "p"))


async def test_a_lease_that_a_failover_lost_is_taken_again(desk: Desk) -> None:
    await desk.asked(order())
    desk.knows(trouble=AWAY)
    desk.tables.execute("DELETE FROM pomhealth.leases")
    desk.knows(trouble=None)
    await desk.holds((MINE, "one"))


async def test_a_lease_that_another_got_meanwhile_stays_the_others(desk: Desk) -> None:
    await desk.asked(order())
    desk.knows(trouble=AWAY)
    desk.tables.execute("UPDATE pomhealth.leases SET holder = %s, process = 'p'", OTHER)
    desk.knows(trouble=None)
    lost = "the registry has lost the lease of this replica, and another has it"
    await asyncio.to_thread(until, lambda: lost in desk.events)
    assert desk.tables.holder() == (OTHER, "p")


async def test_what_nobody_heard_of_is_given_back(desk: Desk) -> None:
    desk.session.torn = True
    (said,) = await desk.asked(order())
    assert said["safe"] is False
    assert "the server is away" in said["why"]
    assert said["fix"] == "Start it."
    assert desk.tables.holder() is None or desk.tables.holder() == (MINE, "one")
    desk.session.torn = False
    desk.gate.changed()
    await desk.holds(None)


async def test_it_is_given_back_when_that_is_asked_for(desk: Desk) -> None:
    await desk.asked(order())
    assert await desk.asked({"do": RELEASE}) == [{"released": True}]
    assert desk.tables.holder() is None
    assert await desk.asked({"do": RELEASE}) == [{"released": False}]


@pytest.mark.parametrize("do", [order(), {"do": RELEASE}])
async def test_where_nobody_can_be_asked_it_is_said_why(desk: Desk, do: line.Said) -> None:
    desk.knows(trouble=AWAY)
    (said,) = await desk.asked(do)
    assert said["why"] == "the registry of the cluster cannot be asked: the server is away"
    desk.settings = replace(desk.settings, cluster=False)
    (said,) = await desk.asked(do)
    assert "the cluster is off here" in said["why"]
