"""From what PostgreSQL said to a finding. Pure."""

from __future__ import annotations

from pomhealth.status import Evidence, Finding, failed, passed
from pomhealth.storage.questions import StorageFacts
from pomhealth.storage.target import Target
from pomhealth.storage.trouble import Trouble

ATTRIBUTES = (("backend", "postgres"),)

# The version of Pomerium's schema that each release makes (migration_info.migration_version).
MIGRATIONS = {(0, 30): 5, (0, 31): 7, (0, 32): 8, (0, 33): 9}

_SAYS = {
    "refused": "PostgreSQL takes no connection",
    "unreachable": "PostgreSQL cannot be reached",
    "timeout": "PostgreSQL does not answer",
    "authentication": "PostgreSQL does not let the role {user} in",
    "tls": "no TLS connection to PostgreSQL comes about",
    "too-many-connections": "PostgreSQL has no connection left for the role {user}",
    "read-only": "PostgreSQL takes no writes",
    "schema-missing": "what Pomerium keeps in database {database} is not there",
    "permission-denied": "the role {user} lacks a right in database {database}",
    "not-writable": "PostgreSQL fails to do what Pomerium asks of it",
    "disk-full": "PostgreSQL has no disk left to write on",
}
_EXPECTED = {
    "read-only": "a server that takes writes",
    "schema-missing": "the schema pomerium with its tables",
    "permission-denied": "SELECT, INSERT, UPDATE and DELETE on Pomerium's tables",
    "tls": "a TLS connection as the connection string asks for it",
    "authentication": "a session",
    "disk-full": "room for a temporary file",
}


def trouble(seen: Trouble, target: Target, *, where: str = "", read_only_by: str = "") -> Finding:
    """The finding for one thing that is wrong.

    `where` is the server, where one answered; `read_only_by` where its being read-only is set.
    """
    says = _SAYS[seen.cause].format(user=target.user, database=target.database)
    return failed(
        seen.cause,
        f"{says}: {seen.why}",
        Evidence(where or target.where, seen.why, _EXPECTED.get(seen.cause, "an answer")),
        steps=_steps(seen, target, where, read_only_by),
        attributes=ATTRIBUTES,
        silent=seen.silent,
        names=(("HOST", target.hosts[0].name), ("PORT", str(target.hosts[0].port))),
    )


def judge(facts: StorageFacts, target: Target, release: tuple[int, int] | None) -> Finding:
    """The finding for a server that answered. `release` is the replica's, None where it is not known."""
    where = f"{facts.host}/{target.database} as {target.user}"
    if facts.in_recovery or facts.read_only or (facts.trouble and facts.trouble.cause == "read-only"):
        seen = Trouble("read-only", _why_read_only(facts))
        return trouble(seen, target, where=where, read_only_by=facts.read_only_by)
    if facts.missing:
        why = f"{', '.join(f'pomerium.{table}' for table in facts.missing)} not found"
        return trouble(Trouble("schema-missing", why), target, where=where)
    if facts.lacking:
        return trouble(Trouble("permission-denied", f"no {', no '.join(facts.lacking)}"), target, where=where)
    if facts.trouble is not None:
        return trouble(facts.trouble, target, where=where)
    expected = MIGRATIONS.get(release) if release else None
    if facts.migration is None or (expected is not None and facts.migration < expected):
        why = (
            "pomerium.migration_info is empty"
            if facts.migration is None
            else f"its version is {facts.migration}, older than the running release's {expected}"
        )
        return trouble(Trouble("schema-missing", why), target, where=where)
    newer = (
        f"; a newer Pomerium has brought the schema to version {facts.migration}, this release knows {expected}"
        if expected is not None and facts.migration > expected
        else ""
    )
    return passed(
        f"PostgreSQL {facts.server_version} at {facts.host} answers and takes writes{newer}",
        Evidence(
            where,
            f"writable, schema version {facts.migration}, answered in {facts.seconds * 1000:.1f} ms",
            f"writable, schema version {expected or 'of the running release'}",
        ),
        attributes=ATTRIBUTES,
    )


def _why_read_only(facts: StorageFacts) -> str:
    if facts.in_recovery:
        return f"{facts.host} is a standby (in recovery)"
    by = f", set by: {facts.read_only_by}" if facts.read_only_by else ""
    return f"{facts.host} runs transactions read-only (default_transaction_read_only is on{by})"


def _steps(seen: Trouble, target: Target, where: str, read_only_by: str) -> tuple[str, ...]:
    """What to do in just this case, with the server's, the database's and the role's names."""
    host = next((one for one in target.hosts if where.startswith(f"{one.where}/")), target.hosts[0])
    role = f'psql "host={host.name} port={host.port} dbname={target.database} user={target.user}"'
    admin = f"psql -h {host.name} -p {host.port} -U postgres -d {target.database}"
    if seen.cause in ("refused", "unreachable"):
        return (f"From the replica's machine: `pg_isready -h {host.name} -p {host.port}`.",)
    if seen.state == "55P03":
        return (f"See who holds the lock: `{admin} -c {_LOCKS}`.",)
    if seen.cause == "schema-missing":
        return (f"See what is there: `{role} -c '\\dt pomerium.*'`.",)
    if seen.cause == "permission-denied":
        return (f"As the owner of the tables: `{admin} -c '{_grants(target.user)}'`.",)
    if seen.cause == "read-only":
        return _unlock(target, admin, role, read_only_by)
    if seen.cause == "too-many-connections":
        return (
            f"See who has them: `{admin} {_SESSIONS}`.",
            f"If it is the role's limit: `{admin} -c 'ALTER ROLE \"{target.user}\" CONNECTION LIMIT -1'`.",
        )
    if seen.cause == "authentication":
        return (
            f"Try by hand: `{target.psql(host)} -c 'SELECT 1'`.",
            f"Set the password anew, it is asked for: `{admin} -c '\\password \"{target.user}\"'`.",
        )
    return (f"Try by hand: `{target.psql(host)} -c 'SELECT 1'`.",)


def _unlock(target: Target, admin: str, role: str, read_only_by: str) -> tuple[str, ...]:
    reset = {
        "database": f'ALTER DATABASE "{target.database}" RESET default_transaction_read_only',
        "user": f'ALTER ROLE "{target.user}" RESET default_transaction_read_only',
        "configuration file": "ALTER SYSTEM RESET default_transaction_read_only",
    }.get(read_only_by)
    if reset is None:
        return (f"See what the server says: `{role} -c {_READ_ONLY}`.",)
    reload = " -c 'SELECT pg_reload_conf()'" if read_only_by == "configuration file" else ""
    return (f"Let it write again, as its administrator: `{admin} -c '{reset}'{reload}`.",)


def _grants(user: str) -> str:
    return (
        f'GRANT USAGE ON SCHEMA pomerium TO "{user}"; '
        f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA pomerium TO "{user}"'
    )


_LOCKS = (
    '"SELECT pid, state, query FROM pg_stat_activity WHERE pid IN (SELECT pid FROM pg_locks WHERE granted '
    "AND relation::regclass::text LIKE 'pomerium.%')\""
)
_READ_ONLY = "\"SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only')\""
_SESSIONS = '-c "SELECT usename, count(*) FROM pg_stat_activity GROUP BY 1" -c "SHOW max_connections"'
