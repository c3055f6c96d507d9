"""Statements to the demo's PostgreSQL, as its superuser."""

from __future__ import annotations

import psycopg

from pomhealth.demo.errors import DemoError
from pomhealth.demo.stage import DATABASE, Stage

Rows = list[tuple[object, ...]]

END_SESSIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


def sql(stage: Stage, *statements: str) -> Rows:
    """Does them one by one in a session that may write, whatever fault stands; the rows of the last. Raises DemoError."""
    rows: Rows = []
    try:
        with psycopg.connect(
            stage.postgres.dsn(DATABASE),
            autocommit=True,
            connect_timeout=5,
            options="-c default_transaction_read_only=off",
        ) as session:
            for statement in statements:
                done = session.execute(statement.encode())
                rows = done.fetchall() if done.description else []
    except psycopg.Error as error:
        raise DemoError(f"PostgreSQL does not do it: {str(error).strip().splitlines()[0]}") from error
    return rows
