"""A server whose disk is full is found out by what it could not write, though nothing stays written."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pomhealth.checks import storage_backend
from pomhealth.demo.postgres import PostgresServer
from pomhealth.status import Outcome
from pomhealth.storage import disk as proofs
from pomhealth.storage import questions
from pomhealth.storage.questions import SPILL
from tests.storage.looking import Database, watching
from tests.storage.mounts import fill, small_disk


@pytest.fixture
def disk() -> Iterator[Path]:
    """A file system of 120 MiB."""
    with tempfile.TemporaryDirectory(prefix="pomhealth-") as name:
        Path(name).chmod(0o711)
        mounted = Path(name) / "disk"
        mounted.mkdir()
        with small_disk(mounted, "size=120m"):
            yield mounted


@pytest.mark.proves("storage.backend/disk-full")
async def test_a_full_disk_is_told_and_its_end_too(disk: Path) -> None:
    server = PostgresServer(disk / "pg")
    server.start()
    try:
        database = Database(server)
        async with watching(database.dsn()) as seen:
            ballast = disk / "ballast"
            fill(ballast)
            full = [await storage_backend.look(seen) for _ in range(2)]
            ballast.unlink()
            empty = await storage_backend.look(seen)
    finally:
        server.stop("immediate")

    assert [(one.cause, one.silent) for one in full] == [("disk-full", False)] * 2, full
    assert empty.outcome is Outcome.PASS


async def test_a_disk_that_fills_up_between_looks_is_told_by_the_next_proof(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proofs, "_OFTEN", 0.0)
    server = PostgresServer(disk / "pg")
    server.start()
    try:
        async with watching(Database(server).dsn()) as seen:
            before = await storage_backend.look(seen)
            fill(disk / "ballast")
            after = await storage_backend.look(seen)
    finally:
        server.stop("immediate")

    assert (before.outcome, after.cause) == (Outcome.PASS, "disk-full"), after


def test_the_proof_goes_through_the_disk(postgres: PostgresServer) -> None:
    """What it keeps does not fit into the memory that it is given."""
    *_, statement = SPILL.split(";")
    with psycopg.connect(postgres.dsn(), options="-c work_mem=64kB") as connection:
        plan = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statement}".encode()).fetchall()

    written = [int(found[1]) for (line,) in plan if (found := re.search(r"temp .*written=(\d+)", line))]
    assert max(written, default=0) * 8192 > 64 * 1024, plan


@pytest.mark.parametrize(
    ("setting", "logs", "interval"),
    [
        ("-1", False, proofs._OFTEN),
        ("0", True, proofs._SELDOM),
        ("64kB", True, proofs._SELDOM),
        ("1MB", False, proofs._OFTEN),
    ],
)
async def test_a_server_that_logs_the_proofs_file_is_asked_for_it_seldom(
    own_database: Database, setting: str, logs: bool, interval: float
) -> None:
    """What the rule says of the setting is what the server does."""
    log = own_database.server.log_path
    own_database.execute(f"ALTER DATABASE {own_database.name} SET log_temp_files = '{setting}'")
    own_database.execute(f"ALTER DATABASE {own_database.name} SET log_min_messages = 'log'")
    before = log.read_text().count("temporary file:")
    async with watching(own_database.dsn()) as seen:
        assert (await storage_backend.look(seen)).outcome is Outcome.PASS
        assert seen.postgres is not None
        answer = await seen.postgres.ask(SPILL, deadline=30)

    assert (log.read_text().count("temporary file:") > before) is logs
    assert proofs.interval(questions.logged_from(answer.results)) == interval


def test_a_server_that_does_not_say_what_it_logs_is_asked_seldom() -> None:
    assert proofs.interval(None) == proofs._SELDOM
