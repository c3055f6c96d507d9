"""A server whose disk is full is found out by what it could not write, though nothing stays written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pomhealth.checks import storage_backend
from pomhealth.demo.postgres import PostgresServer
from pomhealth.status import Outcome
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


def test_the_proof_goes_through_the_disk(postgres: PostgresServer) -> None:
    """The sort does not fit into the memory that it is given."""
    *_, statement = SPILL.split(";")
    with psycopg.connect(postgres.dsn(), options="-c work_mem=64kB") as connection:
        plan = connection.execute(f"EXPLAIN (ANALYZE) {statement}".encode()).fetchall()

    assert any("external merge  Disk" in str(row[0]) for row in plan), plan
