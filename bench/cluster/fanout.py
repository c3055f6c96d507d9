"""A change of state told to all: how soon the last of many listening sessions has it, and what that costs PostgreSQL."""

from __future__ import annotations

import selectors
import time
from collections.abc import Sequence

from bench.cluster.server import (
    Connection,
    account,
    ask,
    cpu,
    registered,
    send,
    server,
    sessions,
    tables,
    text,
)
from bench.table import milliseconds, percentile, table
from pomhealth.cluster.registry import statements
from pomhealth.cluster.registry.sql import Ask
from pomhealth.demo.postgres import PostgresServer

_LISTENERS = (100, 500)
_CHANGES = 100
_PATIENCE = 20.0  # seconds
_ROWS = 2000


def run() -> tuple[str, bool]:
    """The table; right if every session was told everything."""
    with server() as postgres:
        dsn = postgres.create_database("fanout")
        tables(dsn)
        with sessions(dsn, 1) as (writer,):
            ids = registered(writer, _ROWS)
            rows = [
                _measured(postgres, dsn, writer, ids, count, fetch=fetch)
                for count in _LISTENERS
                for fetch in (False, True)
            ]
            batch = _batch(dsn, ids)
    head = (
        "Each change of state:",
        "told",
        "median, last one",
        "worst of all",
        "CPU a change",
        "CPU a session told",
    )
    right = all(row[1] == "all" for row in rows)
    title = f"{_CHANGES} changes of state, one after the other, NOTIFY heard by so many sessions:"
    return f"{title}\n{table(head, rows)}\n{batch}", right


def _measured(
    postgres: PostgresServer, dsn: str, writer: Connection, ids: Sequence[str], count: int, *, fetch: bool
) -> tuple[str, ...]:
    """With `fetch` each session then asks for the row, as an agent does."""
    with sessions(dsn, count) as listening, selectors.DefaultSelector() as selector:
        for one in listening:
            ask(one, statements.LISTEN)
            selector.register(one.pgconn.socket, selectors.EVENT_READ, one)
        spent = cpu(postgres)
        took, told = [], 0
        for number in range(_CHANGES):
            id_ = ids[number]
            send(writer, text(statements.write(id_, id_, account(number, ready=False)), statements.tell(id_)))
            began = time.monotonic()
            heard = _heard(selector, count)
            took.append(time.monotonic() - began)
            told += len(heard)
            if fetch:
                for one in heard:
                    ask(one, statements.fetch([id_]), statements.NOW)
        spent = cpu(postgres) - spent
        whole = told == count * _CHANGES
    return (
        f"{count} sessions{', each asks for the row' if fetch else ''}",
        "all" if whole else f"{told} of {count * _CHANGES}",
        milliseconds(percentile(took, 0.5)),
        milliseconds(max(took)),
        milliseconds(spent / _CHANGES),
        f"{spent / max(1, told) * 1e6:.0f} us",
    )


def _heard(selector: selectors.DefaultSelector, count: int) -> list[Connection]:
    """The sessions that were told, once all were."""
    heard: list[Connection] = []
    until = time.monotonic() + _PATIENCE
    while len(heard) < count and time.monotonic() < until:
        for key, _ in selector.select(0.1):
            connection: Connection = key.data
            connection.pgconn.consume_input()
            while connection.pgconn.notifies() is not None:
                heard.append(connection)
    return heard


def _batch(dsn: str, ids: Sequence[str]) -> str:
    """What all rows cost who joins, and many that were changed at once."""
    with sessions(dsn, 1) as (reader,):
        began = time.monotonic()
        size, rows, last = 0, 0, ""
        while page := ask(reader, statements.load(last)):
            size += sum(len(str(value)) for row in page for value in row if value is not None)
            rows, last = rows + len(page), str(page[-1][0])
            if len(page) < statements.PAGE:
                break
        took = time.monotonic() - began
        half = _timed(reader, statements.fetch(ids[: statements.PAGE]))
    return (
        f"  All {rows} rows, as an agent reads them when it joins: {size / 1024:.0f} KiB in {milliseconds(took)}; "
        f"{statements.PAGE} that were changed at once: {milliseconds(half)}."
    )


def _timed(connection: Connection, one: Ask) -> float:
    began = time.monotonic()
    ask(connection, one)
    return time.monotonic() - began
