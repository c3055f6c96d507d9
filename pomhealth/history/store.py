"""The file in which history survives a restart of the agent: a small SQLite database. Blocking, so never on the event loop.

It has a write-ahead log: what was written survives the agent's end however it ends, and a power cut leaves a database
that is whole, yet nothing waits for a disk but moving that log into the file (SQLite calls it a checkpoint), every few
hours at rest. The file stays locked while the agent runs. So a second agent is told at once, and SQLite keeps the index
of the log in its own memory instead of in a mapped file, where a full disk ends the process (SIGBUS).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pomhealth.history import file, schema
from pomhealth.history.batch import Batch, Kept
from pomhealth.history.database import Lost, connect, make_ready, meaning
from pomhealth.history.file import Place
from pomhealth.history.recall import recall
from pomhealth.history.schema import RUN
from pomhealth.touch import touching

if TYPE_CHECKING:
    import sqlite3

_AGED = 3600.0  # seconds between two looks for what is too old
_NONE = (0, 0)  # no file's device and number
_FOLLOWERS = 64  # that are kept of one change


@dataclass(frozen=True, slots=True)
class Opened:
    """What was in the file, `damaged` what is to be told of one that had to be set aside, and whether it is another
    file than the one that was written to before (`anew`).
    """

    kept: Kept
    damaged: str
    anew: bool


class Store:
    """One file, by one agent. Every call may take as long as its disk does, and is made by one thread at a time.

    They raise Trouble where history cannot be kept there now, and Lost where another file must be begun; it is to be
    opened again then.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._connection: sqlite3.Connection | None = None
        self._file = _NONE
        self._run = 0
        self._aged = 0.0

    def open(self, now: float) -> Opened:
        """Makes it where it is not there. `now` is in seconds since the epoch."""
        damaged = ""
        try:
            kept, anew = self._open(now)
        except Lost as lost:
            self._file = _NONE
            with self._touched():
                aside = file.set_aside(self.place.path, now)
            damaged = (
                f"{self.place.path} was damaged ({lost}): it is now {aside.name}, and a new one was begun"
            )
            kept, anew = self._open(now)
        return Opened(kept, damaged, anew)

    def write(self, batch: Batch, now: float) -> None:
        """All of it, or nothing. What is written already is not written again."""
        try:
            self._write(batch, now)
        except Lost:
            self._file = _NONE  # the next one may get the same number from its file system
            raise

    def close(self) -> None:
        """Raises nothing: what was not moved into the file is when it is opened again."""
        with suppress(Exception), self._touched():
            self._end()

    def _write(self, batch: Batch, now: float) -> None:
        with self._touched():
            connection = self._opened
            self._same_file()
            connection.execute("BEGIN IMMEDIATE")
            self._insert(connection, batch)
            connection.execute("COMMIT")
            schema.bound(connection)
            if not 0.0 <= now - self._aged < _AGED:
                if self._aged:  # a clock that is wrong at first may be right in an hour
                    schema.age(connection, now)
                self._aged = now

    @property
    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise Lost("it is not open")
        return self._connection

    def _open(self, now: float) -> tuple[Kept, bool]:
        with self._touched():
            self._end()
            file.prepare(self.place)
            connection = self._connection = connect(self.place.path)
            make_ready(connection, self.place)
            try:
                kept = recall(connection, now)
            except (ValueError, TypeError, KeyError) as error:
                raise Lost(f"a row makes no sense: {error}") from None
            found = self.place.path.stat()
            anew = self._file != (found.st_dev, found.st_ino)
            if anew:
                self._file = (found.st_dev, found.st_ino)
                self._run = schema.number(connection, "SELECT max(run) FROM runs") + 1
            return kept, anew

    def _insert(self, connection: sqlite3.Connection, batch: Batch) -> None:
        first = self._run * RUN
        connection.execute(
            "INSERT INTO runs VALUES (?, ?)"  # what stays as it is takes no page to write
            " ON CONFLICT (run) DO UPDATE SET origin = excluded.origin WHERE origin <> excluded.origin",
            (self._run, batch.origin),
        )
        rows: Iterable[tuple[Any, ...]]
        rows = [(first + number, one.begin, one.end) for number, one in batch.watches]
        connection.executemany("INSERT OR REPLACE INTO watches VALUES (?, ?, ?)", rows)
        rows = [
            (first + number, one.at, _plain(one.id), one.outcome.value, one.cause, _plain(one.summary))
            for number, one in batch.turns
        ]
        connection.executemany("INSERT OR IGNORE INTO turns VALUES (?, ?, ?, ?, ?, ?)", rows)
        rows = [
            (
                first + number,
                one.at,
                _plain(one.id),
                one.outcome.value,
                one.cause,
                _plain(one.summary),
                one.was,
                one.lasted,
                json.dumps(one.followers[:_FOLLOWERS]),
            )
            for number, one in batch.changes
        ]
        connection.executemany("INSERT OR IGNORE INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def _same_file(self) -> None:
        """Raises Lost where the file was removed, or replaced by another."""
        try:
            found = self.place.path.stat()
        except FileNotFoundError:
            raise Lost("it was removed") from None
        if (found.st_dev, found.st_ino) != self._file:
            raise Lost("another file is in its place")

    @contextmanager
    def _touched(self) -> Iterator[None]:
        """Within the block the file is worked on. Where something goes wrong in it the file is closed, and nothing half
        done stays; where the file system is known to hang, another thread is still at it, and nothing is touched.
        """
        import sqlite3  # noqa: PLC0415  (an agent without history does without it)

        try:
            with touching(str(self.place.path)), self._closed_by_errors():
                yield
        except OSError as error:
            raise file.refusal(self.place, error) from None
        except sqlite3.Error as error:
            raise meaning(error, self.place) from None

    @contextmanager
    def _closed_by_errors(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._end()
            raise

    def _end(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.close()


def _plain(text: str) -> str:
    """The text as it can be stored: a file name that is no UTF-8 has halves of letters in it."""
    return text.encode("utf-8", "replace").decode("utf-8")
