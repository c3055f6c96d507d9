"""A server whose disk is full is found out by what it could not write, though nothing stays written."""

from __future__ import annotations

import contextlib
import os
import subprocess
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


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 120 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    with tempfile.TemporaryDirectory(prefix="pomhealth-") as name:
        Path(name).chmod(0o711)
        disk = Path(name) / "disk"
        disk.mkdir()
        if (
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120m", "tmpfs", disk], check=False).returncode
            != 0
        ):
            pytest.skip("mounting a file system is not allowed here")
        try:
            yield disk
        finally:
            subprocess.run(["umount", "-l", disk], check=True)


async def test_a_full_disk_is_told_and_its_end_too(small_disk: Path) -> None:
    server = PostgresServer(small_disk / "pg")
    server.start()
    try:
        database = Database(server)
        async with watching(database.dsn()) as seen:
            ballast = small_disk / "ballast"
            with ballast.open("wb") as file, contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * 65536)
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
