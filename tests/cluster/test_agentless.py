"""Replicas without an agent show in a real server that all share; those with one, and what is uncertain, do not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count

import psycopg
import pytest

from pomhealth.cluster.agentless import ANNOUNCES, GRACE, LINGERS, LISTENS, Lookout, Suspect, lasting, unknown
from pomhealth.cluster.model import FORGOTTEN, STALE, Account, Agentless, Member, Roster, Trouble
from pomhealth.demo.postgres import PostgresServer
from pomhealth.demo.running import RunningReplica
from pomhealth.storage.announced import ASK, Announced, read
from pomhealth.storage.session import PostgresSession
from tests.demo.looking import until
from tests.standin import StandIn
from tests.storage import cluster
from tests.storage.looking import Database

NOW = 1_000_000.0


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    made = Database(postgres)
    yield made
    postgres.execute(f"DROP DATABASE IF EXISTS {made.name} WITH (FORCE)")
    postgres.execute(f"DROP ROLE IF EXISTS {made.role}")


@pytest.fixture(autouse=True)
def nobody_announces(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "database" in request.fixturenames:
        request.getfixturevalue("database").execute("DELETE FROM pomerium.services")


def member(host: str, peer: str = "", metrics: str = "10.9.9.9:1", *, silent: float = 0.0) -> Member:
    return Member(host, Account(host, metrics=metrics), NOW - 9e6, NOW - silent, peer=peer)


def roster(*members: Member) -> Roster:
    return Roster(wanted=True, mine="", members=members, at=NOW)


def where(replica: RunningReplica) -> str:
    """Where its metrics are."""
    assert replica.metrics is not None
    host, port = replica.metrics
    return f"{host}:{port}"


def suspected(seen: Announced, *members: Member, same_server: bool = True) -> list[tuple[str, str]]:
    found = unknown(seen, roster(*members), same_server=same_server)
    return [(one.replica.where, one.replica.by) for one in found]


async def seen_by(dsn: str) -> Announced:
    session = PostgresSession(dsn, {}, "", "/")
    try:
        return read(await session.ask(ASK, deadline=5.0))
    finally:
        await session.close()


async def look(dsn: str, known: Roster, lookout: Lookout) -> tuple[tuple[Agentless, ...], str]:
    session = PostgresSession(dsn, {}, "", "/")
    try:
        return await lookout.look(session, known, same_server=True)
    finally:
        await session.close()


def patient() -> Lookout:
    """One whose every look comes long after the one before."""
    moments = count(0.0, LINGERS)
    return Lookout(clock=lambda: next(moments))


@pytest.mark.parametrize(
    ("endpoint", "place"),
    [
        ("http://10.0.0.1:9090/metrics", ["10.0.0.1:9090"]),
        ("https://ann:S3cret@host.example:9090/metrics", ["host.example:9090"]),
        ("https://ann:S3/12345@host:1/metrics", ["host:1"]),
        ("https://a@b:S3cret@[fd00::1]:9090/metrics", ["[fd00::1]:9090"]),
        ("http://S3cret", []),
        ("S3cret:1234567", []),
        ("", []),
    ],
)
async def test_the_server_tells_where_and_never_the_password(
    database: Database, endpoint: str, place: list[str]
) -> None:
    cluster.announce(database, endpoint)
    found = await seen_by(database.dsn())
    assert list(found.endpoints) == place
    assert "S3" not in str(found)


async def test_expired_announcements_do_not_show(database: Database) -> None:
    cluster.announce(database, "http://10.0.0.1:9090/metrics", "-1 second")
    assert (await seen_by(database.dsn())).endpoints == ()


async def test_sessions_that_listen_are_counted_by_address(database: Database) -> None:
    with cluster.listener(database), cluster.listener(database):
        found = await seen_by(database.dsn())
    assert found.listening == {"127.0.0.1": 2}
    assert not found.pooled


async def test_sessions_that_our_role_may_not_see_do_not_count(database: Database) -> None:
    with cluster.listener(database, as_administrator=True):
        assert (await seen_by(database.dsn())).listening == {}


async def test_a_real_replica_without_an_agent_is_told_of_once(standin: StandIn) -> None:
    one = standin(storage="postgres")
    two = standin(storage="postgres", dsn=one.dsn)
    known = roster(member("one", "127.0.0.1", where(one)))
    rows = "SELECT count(*) FROM pomerium.services WHERE expires_at > now()"
    with psycopg.connect(one.dsn, autocommit=True) as admin:
        until(lambda: admin.execute(rows).fetchone() == (2,), "both announce themselves")
    lookout = patient()
    await look(one.dsn, known, lookout)
    found = await look(one.dsn, known, lookout)
    assert found == ((Agentless(where(two), ANNOUNCES),), "")


async def test_with_an_agent_beside_each_nobody_is_told_of(database: Database) -> None:
    known = roster(member("one", "127.0.0.1", "10.0.0.1:9090"), member("two", "127.0.0.1", "10.0.0.2:9090"))
    cluster.announce(database, "http://10.0.0.1:9090/metrics")
    cluster.announce(database, "http://10.0.0.2:9090/metrics")
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(cluster.listener(database))
        lookout = patient()
        assert await look(database.dsn(), known, lookout) == ((), "")
        assert await look(database.dsn(), known, lookout) == ((), "")


async def test_a_server_that_is_away_gives_a_reason_and_no_password(database: Database) -> None:
    found, why = await look(database.dsn(port=1), roster(), Lookout())
    assert found == ()
    assert why.startswith("PostgreSQL could not be asked: ")
    assert database.password not in why
    found, why = await look("postgres://x@/y?nonsense=1", roster(), Lookout())
    assert (found, bool(why)) == ((), True)


async def test_tables_that_are_gone_give_a_reason(postgres: PostgresServer) -> None:
    empty = Database(postgres, schema=False)
    found, why = await look(empty.dsn(), roster(), Lookout())
    assert found == ()
    assert "pomerium.services" in why


async def test_while_the_registry_cannot_be_read_nothing_is_asked() -> None:
    cut = Roster(wanted=True, at=NOW, trouble=Trouble("timeout", "it does not answer"))
    found, why = await look("postgres://x@127.0.0.1:1/y", cut, Lookout())
    assert (found, why) == ((), "who has an agent is not known now")


def test_an_endpoint_and_a_session_of_one_host_are_one_replica() -> None:
    seen = Announced(("10.0.0.2:9090",), {"10.0.0.1": 1, "10.0.0.2": 1})
    assert suspected(seen, member("one", "10.0.0.1/32", "10.0.0.1:9090")) == [("10.0.0.2:9090", ANNOUNCES)]


def test_an_endpoint_by_name_may_be_that_of_any_session() -> None:
    seen = Announced(("two.example:9091",), {"10.0.0.1": 1, "10.0.0.2": 1})
    assert suspected(seen, member("one", "10.0.0.1")) == [("two.example:9091", ANNOUNCES)]


def test_a_session_alone_shows_a_replica_too() -> None:
    seen = Announced((), {"10.0.0.1": 1, "10.0.0.2": 1, "": 1})
    assert suspected(seen, member("one", "10.0.0.1")) == [
        ("the database's own machine", LISTENS),
        ("10.0.0.2", LISTENS),
    ]


@pytest.mark.parametrize(
    "seen",
    [
        Announced((), {"10.0.0.1": 1, "10.0.0.2": 1}, pooled=True),
        Announced((), {"192.0.2.1": 2}),
    ],
)
def test_behind_a_pooler_or_translated_addresses_nobody_is_suspected(seen: Announced) -> None:
    assert suspected(seen, member("one", "10.0.0.1"), member("two", "10.0.0.2")) == []


def test_sessions_of_another_server_than_the_registry_s_are_not_compared() -> None:
    assert suspected(Announced((), {"10.0.0.2": 3}), member("one", "10.0.0.1"), same_server=False) == []


def test_more_than_agents_can_account_for_are_suspected_behind_translated_addresses_too() -> None:
    seen = Announced((), {"192.0.2.1": 3})
    assert suspected(seen, member("one", "10.0.0.1"), member("two", "10.0.0.2")) == [("192.0.2.1", LISTENS)]


def test_a_replica_whose_agent_is_silent_or_stopped_is_known_until_it_is_forgotten() -> None:
    seen = Announced(("10.0.0.1:1",), {"10.0.0.1": 1})
    silent = member("one", "10.0.0.1", "10.0.0.1:1", silent=STALE + 1)
    forgotten = member("one", "10.0.0.1", "10.0.0.1:1", silent=FORGOTTEN + 1)
    assert suspected(seen, silent) == []
    assert suspected(seen, forgotten) == [("10.0.0.1:1", ANNOUNCES)]


def test_a_member_that_announces_its_machine_is_known_by_name_address_or_port() -> None:
    one = member("one", "10.0.0.1", "one:9090")
    for place in ("one:9090", "one.example.com:9090", "10.0.0.1:9090", "192.0.2.7:9090"):
        assert suspected(Announced((place,)), one) == []
    assert suspected(Announced(("10.0.0.2:9191",)), one) == [("10.0.0.2:9191", ANNOUNCES)]


def test_a_member_whose_options_cannot_be_seen_may_announce_anything() -> None:
    assert suspected(Announced(("192.0.2.7:9090",)), member("one", "10.0.0.1", "")) == []


def test_only_what_lasts_is_told_of() -> None:
    one, there = Agentless("10.0.0.2", LISTENS), Agentless("10.0.0.1", LISTENS)
    suspects = [Suspect(one), Suspect(there, LINGERS), Suspect(there, LINGERS)]
    since, told = lasting({}, 0.0, suspects)
    assert told == ()
    since, told = lasting(since, GRACE, suspects)
    assert told == (one,)
    since, told = lasting(since, LINGERS, suspects)
    assert told == (one, there, there)
    since, _ = lasting(since, LINGERS + 1, [])
    assert lasting(since, LINGERS + 2, suspects)[1] == ()


def test_a_second_one_of_an_address_has_its_own_time() -> None:
    one = Suspect(Agentless("10.0.0.2", LISTENS))
    since, _ = lasting({}, 0.0, [one])
    since, _ = lasting(since, GRACE - 1, [one, one])
    assert lasting(since, GRACE, [one, one])[1] == (one.replica,)
