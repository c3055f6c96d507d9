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
    """Does each in a session of its own; the rows of the last. Raises DemoError."""
    try:
        return [stage.postgres.execute(statement, database=DATABASE) for statement in statements][-1]
    except psycopg.Error as error:
        raise DemoError(f"PostgreSQL does not do it: {str(error).strip().splitlines()[0]}") from error
