"""What is asked of PostgreSQL, and what the answers mean. Pure.

Everything that Pomerium needs is asked in one message, thus one round trip; nothing is written: a write that meets no
row is refused like any other where the server, the database or the role is read-only or lacks a privilege. The tables
and what is done with them are Pomerium's (0.30 to 0.33, schema `pomerium`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pomhealth.storage.trouble import Stage, Trouble, answered

if TYPE_CHECKING:
    from psycopg import pq

_NEEDS = {
    "migration_info": "SELECT",
    "records": "SELECT INSERT UPDATE DELETE",
    "record_changes": "SELECT INSERT DELETE",
    "record_options": "SELECT INSERT UPDATE DELETE",
    "leases": "SELECT INSERT UPDATE DELETE",
    "services": "SELECT INSERT UPDATE DELETE",
}
_PAIRS = ",".join(f"('{table}','{right}')" for table, rights in _NEEDS.items() for right in rights.split())
_TABLES = ",".join(f"('{table}')" for table in _NEEDS)

# The server ends what takes longer: a session that nobody waits for any more must not stay.
_LIMITS = "SET LOCAL lock_timeout='300ms';SET LOCAL statement_timeout='400ms';"
_STATE = (
    "SELECT pg_is_in_recovery(),current_setting('transaction_read_only'),current_setting('server_version'),"  # noqa: S608  (of constants)
    f"ARRAY(SELECT t FROM (VALUES {_TABLES}) AS v(t) WHERE to_regclass('pomerium.'||t) IS NULL)::text,"
    f"ARRAY(SELECT r||' on pomerium.'||t FROM (VALUES {_PAIRS}) AS v(t,r)"
    " WHERE NOT has_table_privilege(to_regclass('pomerium.'||t),r))::text;"
)
_VERSION = "SELECT max(migration_version) FROM pomerium.migration_info;"
_WRITES = (
    "UPDATE pomerium.records SET version=version WHERE false;"
    "UPDATE pomerium.leases SET id=id WHERE false;"
    "UPDATE pomerium.services SET endpoint=endpoint WHERE false;"
    "DELETE FROM pomerium.record_changes WHERE false"
)
LOOK = _LIMITS + _STATE + _VERSION + _WRITES

# What is read twice is kept, and 100 kB do not fit into 64 KiB: it goes through a temporary file of 13 blocks, which the
# server removes at once. No WAL; a fifth of what a sort of that size costs.
SPILL = (
    "SET LOCAL statement_timeout='250ms';SET LOCAL work_mem='64kB';"
    "SELECT pg_size_bytes(current_setting('log_temp_files'));"
    "WITH s AS (SELECT repeat('x',1000) AS h FROM generate_series(1,100)) "
    "SELECT count(*),(SELECT count(h) FROM s) FROM s"
)
WHY_READ_ONLY = "SELECT source FROM pg_settings WHERE name='default_transaction_read_only'"
WRITABLE = "SELECT pg_is_in_recovery(),current_setting('transaction_read_only')"

_STATE_ROW = 2  # after the two limits
_VERSION_ROW = 3
_LOGGED_ROW = 2


@dataclass(frozen=True, slots=True)
class StorageFacts:
    """What one look at PostgreSQL found. `host` is the server that answered, `seconds` how long the answer took.

    `migration` is the version of Pomerium's schema, None where it could not be read; `missing` the tables that are not
    there; `read_only_by` where the setting comes from ("database", "user", "configuration file"); `lacking` the privileges that the role has not; `trouble` what kept Pomerium from working, None when nothing.
    """

    host: str
    seconds: float
    server_version: str
    in_recovery: bool = False
    read_only: bool = False
    read_only_by: str = ""
    migration: int | None = None
    missing: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    trouble: Trouble | None = None


def read(results: Sequence[pq.abc.PGresult], *, host: str, seconds: float) -> StorageFacts:
    """The facts in the answers to LOOK; the last may be an error."""
    trouble = error(results)
    state = row(results, _STATE_ROW)
    if state is None:
        return StorageFacts(host, seconds, "", trouble=trouble)
    version = row(results, _VERSION_ROW)
    return StorageFacts(
        host,
        seconds,
        state[2].split()[0],
        in_recovery=state[0] == "t",
        read_only=state[1] == "on",
        migration=int(version[0]) if version and version[0] else None,
        missing=_array(state[3]),
        lacking=_array(state[4]),
        trouble=trouble,
    )


def logged_from(results: Sequence[pq.abc.PGresult]) -> int | None:
    """From how many bytes on the server logs temporary files, by the answers to SPILL; negative: it logs none."""
    found = row(results, _LOGGED_ROW)
    return int(found[0]) if found else None


def error(results: Sequence[pq.abc.PGresult]) -> Trouble | None:
    """The error among the answers, if there is one."""
    from psycopg import pq  # noqa: PLC0415  (loaded only where there is a PostgreSQL)

    for result in results:
        if result.status == pq.ExecStatus.FATAL_ERROR:
            state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode("ascii", "replace")
            message = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode(
                "utf-8", "replace"
            )
            return answered(state, message, stage=Stage.SESSION)
    return None


def text(results: Sequence[pq.abc.PGresult]) -> tuple[str, ...]:
    """The first row of a single question; empty when there is none."""
    return row(results, 0) or ()


def row(results: Sequence[pq.abc.PGresult], index: int) -> tuple[str, ...] | None:
    """The first row of the answer at this place; None when it has none."""
    from psycopg import pq  # noqa: PLC0415  (loaded only where there is a PostgreSQL)

    if (
        index >= len(results)
        or results[index].status != pq.ExecStatus.TUPLES_OK
        or not results[index].ntuples
    ):
        return None
    result = results[index]
    return tuple(
        (result.get_value(0, column) or b"").decode("utf-8", "replace") for column in range(result.nfields)
    )


def _array(literal: str) -> tuple[str, ...]:
    return tuple(part.strip('"') for part in literal.strip("{}").split(",") if part)
