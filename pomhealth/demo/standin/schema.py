"""The schema that Pomerium keeps in PostgreSQL, as live replicas had it. Pure."""

from __future__ import annotations

_TABLES = {
    "migration_info": "server_version bigint NOT NULL, migration_version smallint NOT NULL",
    "records": "type text NOT NULL, id text NOT NULL, version bigint NOT NULL, data jsonb NOT NULL,"
    " modified_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (type, id)",
    "record_changes": "type text NOT NULL, id text NOT NULL, version bigserial PRIMARY KEY, data jsonb NOT NULL,"
    " modified_at timestamptz NOT NULL, deleted_at timestamptz",
    "record_options": "type text PRIMARY KEY, capacity bigint",
    "leases": "name text PRIMARY KEY, id text NOT NULL, expires_at timestamptz NOT NULL",
    "services": "kind text NOT NULL, endpoint text NOT NULL, expires_at timestamptz NOT NULL,"
    " PRIMARY KEY (kind, endpoint)",
    "checkpoints": "server_version bigint NOT NULL, record_version bigint NOT NULL",
}
_INDEX = "CREATE INDEX IF NOT EXISTS record_changes_modified_at_idx ON pomerium.record_changes (modified_at)"


def statements(migration: int) -> tuple[str, ...]:
    """What makes the schema, or leaves one that is there; `migration` is the release's migration version."""
    first = (
        "INSERT INTO pomerium.migration_info (server_version, migration_version)"
        f" SELECT floor(random() * 9e15)::bigint, {migration:d}"
        " WHERE NOT EXISTS (SELECT FROM pomerium.migration_info)"
    )
    newer = (
        f"UPDATE pomerium.migration_info SET migration_version = {migration:d}"
        f" WHERE migration_version < {migration:d}"
    )
    tables = [f"CREATE TABLE IF NOT EXISTS pomerium.{name} ({columns})" for name, columns in _TABLES.items()]
    return ("CREATE SCHEMA IF NOT EXISTS pomerium", *tables, _INDEX, first, newer)
