"""Replicas counted by what they leave in a real server that they share: cluster_active_replicas."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from pomhealth.agent.instruments import close_context, open_context
from pomhealth.checks import cluster_active_replicas as check
from pomhealth.checks.notes import Notes
from pomhealth.cluster.model import Trouble
from pomhealth.demo.running import RunningReplica
from pomhealth.replica.discover import discover
from pomhealth.settings import Settings
from pomhealth.status import Finding, Outcome
from pomhealth.storage.traces import Traces
from tests.checks.rosters import member, roster
from tests.contexts import context_of
from tests.demo.looking import until
from tests.standin import StandIn
from tests.storage import cluster
from tests.storage.conftest import database
from tests.storage.looking import Database, context, replica, told

__all__ = ["database"]

pytestmark = pytest.mark.usefixtures("no_grace")


@pytest.fixture
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "_GRACE", 0.0)


async def test_replicas_are_counted_without_an_agent_beside_them(standin: StandIn) -> None:
    first = standin(storage="postgres")
    second = standin(storage="postgres", dsn=first.dsn)
    with psycopg.connect(first.dsn, autocommit=True) as admin:
        both = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        until(lambda: admin.execute(both).fetchone() == (2,), "both listen")
        rows = "SELECT count(*) FROM pomerium.services WHERE expires_at > now()"
        until(lambda: admin.execute(rows).fetchone() == (2,), "both announce themselves")
    async with context_of(second) as seen:
        found = await check.look(replace(seen, settings=Settings(expected_replicas=2)))

    assert (found.outcome, found.summary) == (Outcome.PASS, "2 replicas are alive")


@pytest.mark.proves("cluster_active_replicas/fewer")
async def test_fewer_than_expected_are_told_of(database: Database) -> None:
    async with cluster.beside(database, expected=3) as seen:
        with cluster.listener(database), cluster.listener(database):
            found = await check.look(seen)

    assert (found.outcome, found.cause, found.summary) == (Outcome.WARN, "fewer", "2 replicas of 3 are alive")


async def test_without_an_expectation_the_number_is_told(database: Database) -> None:
    cluster.announce(database, "http://ann:S3cret@10.0.0.1:9090/metrics")
    cluster.announce(database, "http://10.0.0.2:9090/metrics")
    async with cluster.beside(database) as seen:
        found = await check.look(seen)

    assert (found.outcome, found.summary) == (Outcome.PASS, "2 replicas are alive")
    assert "S3cret" not in told(found)


async def look_after_its_end(one: RunningReplica) -> Finding:
    """What is found of a replica that was watched, and has ended."""
    settings = Settings(pid=one.pid)
    before = discover(settings)
    one.stop()
    seen = open_context(discover(settings, before), settings)
    try:
        return await check.look(seen)
    finally:
        await close_context(seen)


@pytest.mark.proves("cluster_active_replicas/none")
async def test_none_runs_when_no_sign_of_life_is_fresh(database: Database) -> None:
    cluster.announce(database, "http://10.0.0.1:9090/metrics", "-20 seconds")
    async with cluster.beside(database, awaited=True) as seen:
        found = await check.look(seen)

    assert (found.outcome, found.cause) == (Outcome.FAIL, "none")


async def test_others_that_live_are_seen_while_this_one_is_down(database: Database) -> None:
    cluster.hold_lease(database)
    async with cluster.beside(database, awaited=True) as seen:
        with cluster.listener(database):
            found = await check.look(seen)

    assert (found.outcome, found.summary) == (Outcome.PASS, "1 replica is alive")


async def test_a_session_alone_proves_no_life(database: Database) -> None:
    """That of a machine which vanished stays until TCP gives it up."""
    async with cluster.beside(database, awaited=True) as seen:
        with cluster.listener(database):
            assert (await check.look(seen)).outcome is Outcome.UNKNOWN


async def test_hidden_sessions_leave_it_unknown(database: Database) -> None:
    async with cluster.beside(database, expected=2) as seen:
        with cluster.listener(database, as_administrator=True):
            assert (await check.look(seen)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("kind", ["memory", "file"])
@pytest.mark.parametrize(
    ("expected", "outcome"), [(0, Outcome.PASS), (1, Outcome.PASS), (3, Outcome.UNKNOWN)]
)
async def test_storage_of_ones_own_makes_a_cluster_of_one(kind: str, expected: int, outcome: Outcome) -> None:
    one = replace(context(replica(kind=kind)), settings=Settings(expected_replicas=expected))
    assert (await check.look(one)).outcome is outcome


async def test_of_one_that_does_not_run_none_is_left() -> None:
    assert (await check.look(context(replace(replica(kind="file"), awaited=True)))).cause == "none"


def test_replicas_with_the_same_metrics_address_do_not_look_like_fewer() -> None:
    one_row = Traces("db", False, 1e9, 0.0, 1e9, True, 3, 1, 4, (), 1, 0, 0.0, 1, 0.0)
    assert check.judge(one_row, 3, runs=True).outcome is Outcome.UNKNOWN
    assert check.judge(one_row, 0, runs=True).summary == "3 replicas are alive"
    assert check.judge(one_row, 4, runs=True).cause == "fewer"


@pytest.mark.proves("cluster_active_replicas/none")
async def test_a_replica_that_ended_leaves_none_where_it_was_alone(standin: StandIn) -> None:
    found = await look_after_its_end(standin(storage="memory"))
    assert (found.outcome, found.cause) == (Outcome.FAIL, "none")


async def test_a_replica_that_ended_is_still_looked_for_in_its_storage(standin: StandIn) -> None:
    one = standin(storage="postgres")
    other = standin(storage="postgres", dsn=one.dsn)
    found = await look_after_its_end(one)
    assert other.running()
    assert found.outcome is Outcome.PASS, found


GONE = roster(member("web-1"), member("web-2"), member("web-3", seen=300.0), mine="web-1")


@pytest.mark.proves("cluster_active_replicas/fewer")
async def test_with_the_registry_the_one_that_is_missing_is_named_and_the_sessions_tell_more(
    database: Database,
) -> None:
    async with cluster.beside(database) as seen:
        with cluster.listener(database), cluster.listener(database):
            known = replace(seen, roster=lambda: GONE)
            gone = await check.look(known)
            with cluster.listener(database):
                silent = await check.look(replace(known, notes=Notes()))  # which asks the server anew
    assert (gone.outcome, gone.cause) == (Outcome.WARN, "fewer")
    assert "1 is missing: web-3; no session of its own listens in" in gone.summary
    assert silent.summary.endswith("it may be the agent alone that is silent")


async def test_without_the_registry_the_sessions_alone_are_counted(database: Database) -> None:
    away = replace(GONE, trouble=Trouble("refused", "nobody takes connections"))
    async with cluster.beside(database) as seen:
        with cluster.listener(database):
            found = await check.look(replace(seen, roster=lambda: away))
    assert found.summary == "1 replica is alive"


async def test_when_the_registry_is_just_back_nobody_is_missed(database: Database) -> None:
    away = replace(GONE, trouble=Trouble("refused", "nobody takes connections"))
    told = [away, GONE]
    async with cluster.beside(database) as seen:
        with cluster.listener(database), cluster.listener(database):
            outcomes = [await check.look(replace(seen, roster=lambda: told.pop(0))) for _ in range(2)]
    assert outcomes[1].outcome is Outcome.UNKNOWN
    assert "away until just now" in outcomes[1].summary


@pytest.mark.proves("cluster_active_replicas/none")
async def test_by_the_registry_none_is_alive_where_only_this_agent_is_left() -> None:
    alone = roster(member("web-1"), mine="web-1")
    seen = replace(context(replace(replica(kind="file"), awaited=True)), roster=lambda: alone)
    assert (await check.look(seen)).cause == "none"


async def test_replicas_with_storage_of_their_own_are_counted_by_the_registry() -> None:
    """It may be kept in any PostgreSQL."""
    two = roster(member("web-1"), member("web-2"), mine="web-1")
    seen = replace(context(replica(kind="file")), settings=Settings(expected_replicas=2), roster=lambda: two)
    assert (await check.look(seen)).summary == "2 replicas are alive, 2 of them ready"
