"""Signs of life of many replicas on one server: what each costs, and what 100,000 of them leave behind."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from bench.cluster.server import (
    OPTIONS,
    Connection,
    account,
    cpu,
    registered,
    send,
    server,
    sessions,
    tables,
    text,
)
from bench.table import table
from pomhealth.cluster.model import BEAT
from pomhealth.cluster.registry import statements
from pomhealth.demo.postgres import PostgresServer

_REPLICAS = 2000
_SESSIONS = 50
_BEATS = 100_000
_CHECKPOINT = 60_000  # beats: those of 5 minutes, after which PostgreSQL's default makes one
_A_MINUTE = 60 / BEAT
_NAIVE = (
    "ALTER TABLE pomhealth.replicas ADD COLUMN account jsonb",
    "UPDATE pomhealth.replicas SET account = (SELECT account FROM pomhealth.accounts AS a WHERE a.id = replicas.id)",
    "CREATE INDEX ON pomhealth.replicas (last_seen)",
)
_SIZES = "SELECT pg_relation_size('pomhealth.replicas'), pg_indexes_size('pomhealth.replicas')"
_UPDATES = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'replicas'"


@dataclass(frozen=True, slots=True)
class Form:
    """One form of the table: its storage options, and what is done to it once its rows are there."""

    name: str
    options: str = OPTIONS
    also: tuple[str, ...] = ()


_FORMS = (
    Form("as it is (fillfactor 50)"),
    Form("fillfactor 90", OPTIONS.replace("50", "90")),
    Form("fillfactor 100", ""),
    Form("naive: account in the row, index", "", _NAIVE),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What so many beats cost and left: seconds of wall time and CPU, bytes of WAL and whole pages in it, sizes (table,
    indexes) in bytes before and after, updates and those that were heap-only.
    """

    seconds: float
    cpu: float
    wal: int
    pages: int
    before: tuple[int, int]
    after: tuple[int, int]
    updates: int
    hot: int


def run() -> tuple[str, bool]:
    """The tables; always right, for nothing is judged."""
    with server() as postgres:
        outcomes = [_measured(postgres, form) for form in _FORMS]
        whole = _whole(postgres)
    return f"{_costs(outcomes)}\n\n{_left(outcomes)}\n\n{whole}", True


def _measured(postgres: PostgresServer, form: Form) -> Outcome:
    """The sign of life alone, in that form of the table."""
    dsn = postgres.create_database(f"beats_{_FORMS.index(form)}")
    tables(dsn, form.options)
    with sessions(dsn, 1) as (first,):
        ids = registered(first, _REPLICAS)
        for statement in (*form.also, "VACUUM FULL pomhealth.replicas", "ANALYZE pomhealth.replicas"):
            send(first, statement.encode())
        before = _sizes(first)
    with sessions(dsn, 1) as (watching,):
        send(watching, b"CHECKPOINT")
        hot = _updates(watching)
        with sessions(dsn, _SESSIONS) as several:
            wal, spent, began = _wal(watching), cpu(postgres), time.monotonic()
            _beat(several, ids, _BEATS, watching)
            seconds, spent, now = time.monotonic() - began, cpu(postgres) - spent, _wal(watching)
        after = _updates(watching, at_least=hot[0] + _BEATS)
        sizes = _sizes(watching)
    return Outcome(
        seconds,
        spent,
        now[0] - wal[0],
        now[1] - wal[1],
        before,
        sizes,
        after[0] - hot[0],
        after[1] - hot[1],
    )


def _beat(several: Sequence[Connection], ids: Sequence[str], beats: int, watching: Connection) -> None:
    texts = [text(statements.beat(id_, id_)) for id_ in ids]
    for number in range(beats):
        if number and number % _CHECKPOINT == 0:
            send(watching, b"CHECKPOINT")
        send(several[number % len(several)], texts[number % len(ids)])


def _whole(postgres: PostgresServer) -> str:
    """A beat with all that an agent asks with it, and a change of state."""
    dsn = postgres.create_database("whole")
    tables(dsn)
    rows = []
    with sessions(dsn, _SESSIONS) as several:
        ids = registered(several[0], _REPLICAS)
        send(several[0], b"VACUUM ANALYZE pomhealth.replicas, pomhealth.accounts")
        works = {
            "a beat: sign of life, the time, who is silent, the lease": [
                text(
                    statements.beat(id_, id_),
                    statements.NOW,
                    statements.signs(everybody=False),
                    statements.LEASE,
                )
                for id_ in ids
            ],
            "the same, with everybody's sign of life": [
                text(
                    statements.beat(id_, id_),
                    statements.NOW,
                    statements.signs(everybody=True),
                    statements.LEASE,
                )
                for id_ in ids
            ],
            "a change of state, told to the others": [
                text(statements.write(id_, id_, account(number, ready=turn)), statements.tell(id_))
                for turn in (False, True)
                for number, id_ in enumerate(ids)
            ],
        }
        for name, texts in works.items():
            wal, spent, began = _wal(several[0]), cpu(postgres), time.monotonic()
            for number, one in enumerate(texts):
                send(several[number % _SESSIONS], one)
            seconds, spent = time.monotonic() - began, cpu(postgres) - spent
            bytes_ = (_wal(several[0])[0] - wal[0]) / len(texts)
            rows.append(
                (
                    name,
                    f"{seconds / len(texts) * 1e3:.2f} ms",
                    f"{spent / len(texts) * 1e3:.2f} ms",
                    f"{bytes_:.0f}",
                )
            )
    head = (f"Each, with {_REPLICAS} rows:", "takes", "server's CPU", "WAL bytes")
    return table(head, rows)


def _costs(outcomes: Sequence[Outcome]) -> str:
    rows = []
    for form, one in zip(_FORMS, outcomes, strict=True):
        minutes = _BEATS / _A_MINUTE  # of one replica
        rows.append(
            (
                form.name,
                f"{_BEATS / one.seconds:.0f}",
                f"{one.wal / minutes:.0f}",
                f"{one.pages / minutes:.3f}",
                f"{one.cpu / minutes * 1e3:.2f} ms",
                f"{one.cpu / minutes * _REPLICAS / 60:.1%}",
            )
        )
    title = (
        f"{_BEATS} signs of life of {_REPLICAS} replicas over {_SESSIONS} sessions, one after the other: per replica and "
        f"minute ({_A_MINUTE:g} transactions)"
    )
    head = (
        "the table",
        "beats a second",
        "WAL bytes",
        "whole pages in it",
        "server's CPU",
        f"of a core, {_REPLICAS}",
    )
    return f"{title}:\n{table(head, rows)}"


def _left(outcomes: Sequence[Outcome]) -> str:
    rows = []
    for form, one in zip(_FORMS, outcomes, strict=True):
        pairs = zip(one.before, one.after, strict=True)
        sizes = [f"{before / 1024:.0f} -> {after / 1024:.0f}" for before, after in pairs]
        rows.append((form.name, *sizes, f"{one.hot / max(1, one.updates):.1%}"))
    head = (f"KiB before -> after {_BEATS}", "table", "indexes", "heap-only updates")
    return table(head, rows)


def _wal(connection: Connection) -> tuple[int, int]:
    """Bytes of WAL so far, and pages that were written into it as a whole."""
    with contextlib.suppress(psycopg.errors.UndefinedFunction):
        connection.execute("SELECT pg_stat_force_next_flush()")
    ((bytes_,),) = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchall()
    ((pages,),) = connection.execute("SELECT wal_fpi FROM pg_stat_wal").fetchall()
    return int(bytes_), int(pages)


def _sizes(connection: Connection) -> tuple[int, int]:
    (sizes,) = connection.execute(_SIZES).fetchall()
    return int(sizes[0]), int(sizes[1])


def _updates(connection: Connection, at_least: int = 0) -> tuple[int, int]:
    """Updates so far, and those that were heap-only; once there are so many (sessions tell it as they end)."""
    until = time.monotonic() + 10
    while True:
        (found,) = connection.execute(_UPDATES).fetchall()
        if found[0] >= at_least or time.monotonic() > until:
            return int(found[0]), int(found[1])
        time.sleep(0.1)
