"""The tables of the file, their versions, and how large it may become. Blocking.

A key is RUN * 2**32 + NUMBER: all that happened is in the order of its keys. `at`, `begin` and `finish` are seconds
since the origin of the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

OURS = 0x706F6D68  # application_id: "pomh"
PAGE = 1024  # bytes: at rest one page a minute is written
MOST_PAGES = 7168  # 7 MiB; what is still to be moved into the file takes up to one more
FULL = 0.75  # of those pages, from which the oldest is dropped
KEPT = 30 * 86400.0  # seconds
RUN = 1 << 32  # the step from the keys of one run to those of the next

STEPS = (
    """
    CREATE TABLE runs (run INTEGER PRIMARY KEY, origin REAL NOT NULL);
    CREATE TABLE watches (key INTEGER PRIMARY KEY, begin REAL NOT NULL, finish REAL NOT NULL);
    CREATE TABLE turns (key INTEGER PRIMARY KEY, at REAL NOT NULL, id TEXT NOT NULL, outcome TEXT NOT NULL,
        cause TEXT NOT NULL, summary TEXT NOT NULL);
    CREATE TABLE changes (key INTEGER PRIMARY KEY, at REAL NOT NULL, id TEXT NOT NULL, outcome TEXT NOT NULL,
        cause TEXT NOT NULL, summary TEXT NOT NULL, was TEXT NOT NULL, lasted REAL NOT NULL, followers TEXT NOT NULL);
    """,
)
"""What makes each version of the tables of the one before; the first makes them of nothing."""

_COUNT = "SELECT (SELECT count(*) FROM turns) + (SELECT count(*) FROM changes)"
_OLDEST_BUT = """
    SELECT key FROM (SELECT key FROM turns UNION ALL SELECT key FROM changes) ORDER BY key LIMIT 1 OFFSET ?
"""
_SINCE = """
    SELECT min(key) FROM (SELECT key, at FROM turns UNION ALL SELECT key, at FROM changes)
    JOIN runs ON run = key >> 32 WHERE origin + at >= ?
"""
_DROP_ALL = ("DELETE FROM turns WHERE key < ?", "DELETE FROM changes WHERE key < ?")
_DROP_ALL_BUT_LAST = (
    "DELETE FROM turns WHERE key < ? AND key NOT IN (SELECT max(key) FROM turns GROUP BY id)",
    "DELETE FROM changes WHERE key < ? AND key NOT IN (SELECT max(key) FROM changes GROUP BY id)",
)
# Watches in which nothing turned any more; never the newest, which goes on.
_DROP_WATCHES = """
    DELETE FROM watches WHERE key < ? AND key < (SELECT max(key) FROM watches) AND NOT EXISTS (
        SELECT 1 FROM turns WHERE turns.key > watches.key AND turns.key < (
            SELECT min(later.key) FROM watches AS later WHERE later.key > watches.key))
"""
_DROP_RUNS = """
    DELETE FROM runs WHERE run NOT IN (SELECT key >> 32 FROM watches UNION SELECT key >> 32 FROM changes)
"""


def version(connection: sqlite3.Connection) -> int:
    """That of the tables in the file; 0 for an empty one."""
    return number(connection, "PRAGMA user_version")


def migrate(connection: sqlite3.Connection) -> None:
    """Brings the tables to the newest version, inside of the transaction that is open."""
    for step in STEPS[version(connection) :]:
        for statement in step.split(";"):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(STEPS)}")
    connection.execute(f"PRAGMA application_id = {OURS}")


def number(connection: sqlite3.Connection, question: str, *values: float) -> int:
    """The answer, where it is one whole number; 0 for none."""
    row = connection.execute(question, values).fetchone()
    return int(row[0]) if row is not None and row[0] is not None else 0


def used(connection: sqlite3.Connection) -> int:
    """Pages that hold something."""
    return number(connection, "PRAGMA page_count") - number(connection, "PRAGMA freelist_count")


def bound(connection: sqlite3.Connection) -> None:
    """Drops the oldest until the file is no fuller than it may be. Cheap where it is not."""
    tries = iter((True, True, True, False, False, False, False, False))
    while used(connection) > FULL * MOST_PAGES and (keep := next(tries, None)) is not None:
        tenth = number(connection, _COUNT) // 10
        _drop(connection, number(connection, _OLDEST_BUT, tenth), _DROP_ALL_BUT_LAST if keep else _DROP_ALL)
        _shrink(connection)


def age(connection: sqlite3.Connection, now: float) -> None:
    """Drops what happened before the last `KEPT` seconds."""
    _drop(connection, number(connection, _SINCE, now - KEPT), _DROP_ALL_BUT_LAST)
    _shrink(connection)


def _drop(connection: sqlite3.Connection, key: int, statements: tuple[str, ...]) -> None:
    """All before this key; but for the last of each check, whose state still stands, where `statements` keep it."""
    connection.execute("BEGIN IMMEDIATE")
    for statement in (*statements, _DROP_WATCHES):
        connection.execute(statement, (key,))
    connection.execute(_DROP_RUNS)
    connection.execute("COMMIT")


def _shrink(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA incremental_vacuum").fetchall()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
