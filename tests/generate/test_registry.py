"""`pomhealth generate registry`."""

from __future__ import annotations

import uuid
from pathlib import Path

import psycopg
import pytest

from pomhealth.cli.main import run
from pomhealth.cluster.model import Account
from pomhealth.cluster.registry.registry import Registry
from pomhealth.cluster.registry.session import PostgresRegistry, opening
from tests.standin import PostgresServer

ROOT = Path(__file__).parents[2]


async def test_an_agent_without_any_right_of_its_own_works_with_the_tables_that_are_made_by_hand(
    postgres: PostgresServer, capsys: pytest.CaptureFixture[str]
) -> None:
    dsn = postgres.create_database(f"by_hand_{uuid.uuid4().hex[:8]}")
    role = f'it\'s "{uuid.uuid4().hex[:8]}"'
    with psycopg.connect(dsn, autocommit=True) as owner:
        owner.execute(
            psycopg.sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(psycopg.sql.Identifier(role))
        )
        assert run(["generate", "registry", "--role", role]) == 0
        owner.execute(capsys.readouterr().out.encode())
    known = psycopg.conninfo.conninfo_to_dict(dsn)
    theirs = psycopg.conninfo.make_conninfo(
        "", **{**{k: str(v) for k, v in known.items()}, "user": role, "password": "x"}
    )
    session = await PostgresRegistry.open(opening(theirs, {}, "", ""), deadline=5)
    try:
        registry = Registry(session, str(uuid.uuid4()))
        await registry.prepare()
        assert await registry.claim(str(uuid.uuid4()), "here", Account("edge-1")) is not None
        assert len((await registry.load())[0]) == 1
    finally:
        session.close()


def test_the_project_keeps_it_for_a_role_of_the_usual_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["generate", "registry"]) == 0
    kept = (ROOT / "deploy/postgresql/pomhealth-registry.sql").read_text(encoding="utf-8")
    assert capsys.readouterr().out == kept


def test_a_role_is_for_the_registry_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["generate", "systemd", "--role", "x"]) == 64
    assert "--role is not for systemd: it is for registry" in capsys.readouterr().err
