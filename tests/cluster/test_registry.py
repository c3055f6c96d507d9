"""The registry on a real PostgreSQL: its tables, its rows, and the rights that it needs."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from pomhealth.cluster.model import Account, Ailment, Member
from pomhealth.cluster.registry import schema, statements
from pomhealth.cluster.registry.registry import Registry
from pomhealth.cluster.registry.session import PostgresRegistry, opening
from pomhealth.cluster.registry.sql import Ask, Away
from tests.standin import PostgresServer

ACCOUNT = Account(
    host="edge-1",
    addresses={"main": "10.0.0.1:443"},
    pomerium="v0.33.1",
    config="c0ffee",
    ready=True,
    sound=True,
    checks={"envoy.server": "pass", "storage.backend": "fail timeout"},
    ailments=(Ailment("storage.backend", "fail", "timeout", "ready", "no answer"),),
    certificates={"a.example.com": "01ab"},
    certificates_digest="d1",
    clock=0.25,
)


@pytest.fixture
def dsn(postgres: PostgresServer) -> str:
    """A database of the test's own."""
    return postgres.create_database(f"registry_{uuid.uuid4().hex}")


@asynccontextmanager
async def _session(dsn: str) -> AsyncIterator[PostgresRegistry]:
    session = await PostgresRegistry.open(opening(dsn, {}, "", ""), deadline=5)
    try:
        yield session
    finally:
        session.close()


@asynccontextmanager
async def _registry(dsn: str) -> AsyncIterator[Registry]:
    """A registry whose tables are there, as one agent has it."""
    async with _session(dsn) as session:
        found = Registry(session, str(uuid.uuid4()))
        await found.prepare()
        yield found


def _execute(dsn: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []


async def _only(registry: Registry) -> Member:
    (member,), _ = await registry.load()
    return member


async def test_what_an_agent_says_is_read_as_it_was_said(dsn: str) -> None:
    async with _registry(dsn) as registry:
        id_ = str(uuid.uuid4())
        assert await registry.claim(id_, "here", ACCOUNT) is not None
        member = await _only(registry)
        assert (member.id, member.account) == (id_, replace(ACCOUNT, certificates={}))
        assert (await registry.certificates([member]))[0].account == ACCOUNT


async def test_twenty_agents_that_find_an_empty_database_make_its_tables_once(dsn: str) -> None:
    async with AsyncExitStack() as stack:
        sessions = await asyncio.gather(*(stack.enter_async_context(_session(dsn)) for _ in range(20)))
        await asyncio.gather(*(Registry(one, str(uuid.uuid4())).prepare() for one in sessions))
    assert _execute(dsn, "SELECT step, least FROM pomhealth.steps") == [
        (number, step.least) for number, step in enumerate(schema.STEPS, 1)
    ]


async def test_an_agent_that_knows_more_steps_takes_the_missing_ones_and_older_agents_go_on(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _registry(dsn) as older:
        id_ = str(uuid.uuid4())
        await older.claim(id_, "here", ACCOUNT)
        more = schema.Step(("ALTER TABLE pomhealth.replicas ADD COLUMN later text",), least=1)
        with monkeypatch.context() as patch:
            patch.setattr(schema, "STEPS", (*schema.STEPS, more))
            async with _registry(dsn):
                pass
        assert (await older.beat(id_, everybody=True)).written is not None
        await older.prepare()
    assert _execute(dsn, "SELECT later FROM pomhealth.replicas") == [(None,)]


async def test_tables_of_a_release_that_this_one_does_not_know_are_left_alone(dsn: str) -> None:
    async with _registry(dsn):
        pass
    _execute(dsn, "INSERT INTO pomhealth.steps (step, least) VALUES (99, 99)")
    with pytest.raises(Away) as away:
        async with _registry(dsn):
            pass
    assert away.value.trouble.cause == "newer-schema"
    assert "Upgrade pomhealth" in away.value.trouble.steps[0]


async def test_a_role_without_rights_is_told_the_grants_and_with_them_it_works(
    postgres: PostgresServer, dsn: str
) -> None:
    async with _registry(dsn):
        pass
    role = f"agent_{uuid.uuid4().hex[:8]}"
    _execute(dsn, f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
    theirs = dsn.replace(f"{postgres.user}:", f"{role}:").replace(
        dsn.split(":")[2].partition("@")[0], "secret"
    )
    with pytest.raises(Away) as away:
        async with _registry(theirs):
            pass
    assert away.value.trouble.cause == "permission-denied"
    told = away.value.trouble.steps[0]
    assert "secret" not in f"{away.value.trouble}"
    _execute(dsn, told.partition("`")[2].partition("`")[0])
    async with _registry(theirs) as registry:
        id_ = str(uuid.uuid4())
        assert await registry.claim(id_, "here", ACCOUNT) is not None
        assert (await registry.beat(id_, everybody=True)).written is not None
    rights = _execute(
        dsn,
        "SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = %s AND table_schema <> 'pomhealth'",
        role,
    )
    assert rights == [(0,)]


async def test_a_role_that_may_not_make_the_schema_is_told_how_it_may(
    postgres: PostgresServer, dsn: str
) -> None:
    role = f"agent_{uuid.uuid4().hex[:8]}"
    _execute(dsn, f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
    theirs = dsn.replace(f"{postgres.user}:", f"{role}:").replace(
        dsn.split(":")[2].partition("@")[0], "secret"
    )
    with pytest.raises(Away) as away:
        async with _registry(theirs):
            pass
    assert away.value.trouble.cause == "permission-denied"
    _execute(dsn, away.value.trouble.steps[1].partition("`")[2].partition("`")[0])
    async with _registry(theirs) as registry:
        assert await registry.load() is not None


async def test_the_statements_for_an_administrator_make_all_that_an_agent_looks_for(dsn: str) -> None:
    for statement in schema.whole():
        _execute(dsn, statement)
    async with _registry(dsn) as registry:
        assert await registry.claim(str(uuid.uuid4()), "here", ACCOUNT) is not None
    assert len(_execute(dsn, "SELECT * FROM pomhealth.steps")) == len(schema.STEPS)


async def test_a_living_agent_keeps_its_row_from_a_clone(dsn: str) -> None:
    async with _registry(dsn) as first, _registry(dsn) as clone:
        id_ = str(uuid.uuid4())
        await first.claim(id_, "here", ACCOUNT)
        assert await clone.claim(id_, "there", ACCOUNT) is None
        owner, _ = await clone.owner(id_)
        assert owner is not None
        assert owner.mark == "here"
        assert (await first.beat(id_, everybody=True)).written is not None


@pytest.mark.parametrize("how", ["restarted", "stopped", "silent"])
async def test_a_row_goes_to_who_comes_after_its_agent(dsn: str, how: str) -> None:
    async with _session(dsn) as session, _registry(dsn) as second:
        id_, run = str(uuid.uuid4()), str(uuid.uuid4())
        first = Registry(session, run)
        await first.claim(id_, "here", ACCOUNT)
        before = await _only(first)
        if how == "stopped":
            await session.finish(*statements.leave(id_, run), deadline=1)
            with pytest.raises(Away):
                await first.beat(id_, everybody=True)
            assert (await _only(second)).stopped
        if how == "silent":
            _execute(dsn, "UPDATE pomhealth.replicas SET last_seen = now() - interval '31 s'")
        assert await second.claim(id_, "here" if how == "restarted" else "there", ACCOUNT) is not None
        after = await _only(second)
        assert (after.id, after.first_seen, after.stopped) == (id_, before.first_seen, False)
        if how == "stopped":
            return
        assert (await first.beat(id_, everybody=True)).written is None, "the row is no longer the first one's"
        assert await first.write(id_, ACCOUNT, tell=True) is None


async def test_a_sign_of_life_changes_nothing_but_its_time_and_hardly_writes_anything(dsn: str) -> None:
    async with _registry(dsn) as registry:
        id_ = str(uuid.uuid4())
        await registry.claim(id_, "here", ACCOUNT)
        before = await _only(registry)
        ((log,),) = _execute(dsn, "SELECT pg_current_wal_insert_lsn()::text")
        for _ in range(50):
            await registry.beat(id_, everybody=False)
        ((written,),) = _execute(dsn, "SELECT pg_current_wal_insert_lsn() - %s::pg_lsn", log)
        after = await _only(registry)
    assert replace(after, last_seen=before.last_seen) == before
    assert after.last_seen > before.last_seen
    assert written < 50 * 400, "bytes of the write-ahead log"
    ((updates, hot),) = _execute(
        dsn, "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'replicas'"
    )
    assert updates == hot, "each is a heap-only tuple"


async def test_what_runs_is_known_since_it_was_first_seen_and_being_unknown_for_a_while_changes_nothing(
    dsn: str,
) -> None:
    async with _registry(dsn) as registry:
        id_ = str(uuid.uuid4())
        await registry.claim(id_, "here", ACCOUNT)
        _execute(dsn, "UPDATE pomhealth.replicas SET config_since = now() - interval '1 h'")
        since = (await _only(registry)).config_since
        for config in ("", "c0ffee"):
            await registry.write(id_, replace(ACCOUNT, config=config), tell=False)
        assert (await _only(registry)).config_since == since
        await registry.write(id_, replace(ACCOUNT, config="decaf"), tell=False)
        changed = await _only(registry)
        assert changed.config_since > since + 3000
        assert changed.version_since == changed.first_seen


async def test_others_hear_of_a_change_of_state_and_not_of_a_sign_of_life(dsn: str) -> None:
    async with _session(dsn) as listening, _registry(dsn) as registry:
        heard: list[str] = []
        came = asyncio.Event()

        def hear(payloads: Any) -> None:
            heard.extend(payloads)
            came.set()

        listening.heard = hear
        await listening.ask(Ask("SELECT 1"), deadline=1)
        id_ = str(uuid.uuid4())
        await registry.claim(id_, "here", ACCOUNT)
        await asyncio.wait_for(came.wait(), 5)
        await registry.beat(id_, everybody=True)
        await registry.write(id_, ACCOUNT, tell=False)
        came.clear()
        await registry.write(id_, ACCOUNT, tell=True)
        await asyncio.wait_for(came.wait(), 5)
    assert heard == [id_, id_]


async def test_a_row_that_somebody_else_wrote_is_read_as_far_as_it_makes_sense(dsn: str) -> None:
    async with _registry(dsn) as registry:
        for said in (
            "null",
            '"text"',
            "[1]",
            '{"host": 7, "ready": "yes", "ailments": "many", "checks": [1], "clock": "soon", "addresses": {"a": 1}}',
            '{"host": "' + "x" * 5000 + '", "ailments": [7, {"id": "a"}], "live": true}',
        ):
            _execute(
                dsn,
                "WITH put AS (INSERT INTO pomhealth.replicas (id, run, mark) "
                "VALUES (gen_random_uuid(), gen_random_uuid(), '') RETURNING id) "
                "INSERT INTO pomhealth.accounts SELECT id, %s::jsonb, '7' FROM put",
                said,
            )
        members, _ = await registry.load()
        assert len(members) == 5
        assert not any(one.account.ready for one in members)
        assert max(len(one.account.host) for one in members) < 1000
        assert len(await registry.certificates(members)) == 5


async def test_an_error_is_one_line_and_the_session_goes_on(dsn: str) -> None:
    async with _session(dsn) as session:
        with pytest.raises(Away, match="division by zero"):
            await session.ask(Ask("SELECT 1/0"), deadline=1)
        assert await session.ask(Ask("SELECT {0}, {1}, {2}", ("it's", None, True)), deadline=1) == [
            [("it's", None, "t")]
        ]


async def test_a_session_that_gets_no_answer_is_given_up_in_time(dsn: str) -> None:
    async with _session(dsn) as session:
        with pytest.raises(Away) as away:
            await session.ask(Ask("SELECT pg_sleep(5)"), deadline=0.1)
        assert away.value.trouble.cause == "timeout"
        with pytest.raises(Away):
            await session.ask(Ask("SELECT 1"), deadline=0.1)


async def test_it_is_told_at_once_that_the_server_has_closed_the_session(dsn: str) -> None:
    async with _session(dsn) as session:
        gone = asyncio.Event()
        session.lost = gone.set
        ((pid,),) = (await session.ask(Ask("SELECT pg_backend_pid()"), deadline=1))[0]
        _execute(dsn, "SELECT pg_terminate_backend(%s)", int(pid or 0))
        await asyncio.wait_for(gone.wait(), 5)


async def test_what_cannot_be_reached_is_told_without_its_password() -> None:
    with pytest.raises(Away) as away:
        async with _session("postgres://agent:pa55word@127.0.0.1:1/db"):
            pass
    assert away.value.trouble.cause == "refused"
    assert "pa55word" not in repr(away.value.trouble)
