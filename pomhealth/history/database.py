"""A SQLite database as history needs it: opened, proven, and its errors in words that help. Blocking."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pomhealth.history import schema
from pomhealth.history.file import ELSEWHERE, Place, Trouble

if TYPE_CHECKING:
    import sqlite3

_LOG_PAGES = 256  # of the write-ahead log, after which they are moved into the file
_CACHE = 256  # KiB
_SHAPE = (
    "SELECT run, origin FROM runs LIMIT 0",
    "SELECT key, begin, finish FROM watches LIMIT 0",
    "SELECT key, at, id, outcome, cause, summary FROM turns LIMIT 0",
    "SELECT key, at, id, outcome, cause, summary, was, lasted, followers FROM changes LIMIT 0",
)


class Lost(Exception):  # noqa: N818  (another file is begun)
    """The file is not what was written, or not there any more: why."""


def connect(path: Path) -> sqlite3.Connection:
    """Nothing is touched yet but the file's name. Who closes it sees to it that one thread at a time uses it."""
    import sqlite3  # noqa: PLC0415  (an agent without history does without it)

    return sqlite3.connect(
        path, timeout=0.0, isolation_level=None, check_same_thread=False, cached_statements=16
    )


def make_ready(connection: sqlite3.Connection, place: Place) -> None:
    """Locks it for us alone, proves it sound, and gives it the newest tables. Raises Trouble, Lost, sqlite3.Error."""
    for setting in (
        "locking_mode = EXCLUSIVE",
        "mmap_size = 0",
        f"cache_size = -{_CACHE}",
        "temp_store = MEMORY",
        "trusted_schema = OFF",
        f"page_size = {schema.PAGE}",
        "auto_vacuum = INCREMENTAL",  # these two count for an empty file alone
        "journal_mode = WAL",
        "synchronous = NORMAL",
        f"wal_autocheckpoint = {_LOG_PAGES}",
        f"journal_size_limit = {_LOG_PAGES * schema.PAGE}",
        f"max_page_count = {schema.MOST_PAGES}",
    ):
        connection.execute(f"PRAGMA {setting}").fetchall()
    connection.execute("BEGIN IMMEDIATE")
    version, whose = schema.version(connection), schema.number(connection, "PRAGMA application_id")
    if version > len(schema.STEPS) and whose == schema.OURS:
        raise Trouble(
            f"{place.path} was written by a newer pomhealth (its format is {version}, this one knows {len(schema.STEPS)})",
            f"run that one again, remove the file, or {ELSEWHERE}",
        )
    if whose != schema.OURS and schema.number(connection, "SELECT count(*) FROM sqlite_master"):
        raise Lost("it is a database of something else")
    sound = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if sound != "ok":
        raise Lost(" ".join(str(sound).split()))
    schema.migrate(connection)
    _prove(connection)
    connection.execute("COMMIT")


def meaning(error: sqlite3.Error, place: Place) -> Exception:
    """What to raise in its place: Lost, where what is in the file is at fault, else Trouble."""
    import sqlite3  # noqa: PLC0415  (as above)

    text = str(error)
    # What is damaged, or no database, has no class of its own.
    if type(error) is sqlite3.DatabaseError or "decode" in text:
        return Lost(text)
    if "locked" in text:
        return Trouble(
            f"another agent keeps its history in {place.path}",
            "give each agent its own address to listen on, or its own state_dir",
        )
    if "full" in text:
        return Trouble(
            f"{place.path}: no space left on device", f"free space on its file system, or {ELSEWHERE}"
        )
    return Trouble(f"{place.path}: {text}", f"see to its file system, or {ELSEWHERE}")


def _prove(connection: sqlite3.Connection) -> None:
    import sqlite3  # noqa: PLC0415  (as above)

    try:
        for question in _SHAPE:
            connection.execute(question)
    except sqlite3.OperationalError as error:
        raise Lost(str(error)) from None
