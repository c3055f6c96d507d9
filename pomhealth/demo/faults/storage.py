"""Faults of the storage backend."""

from __future__ import annotations

import os
import signal

from pomhealth.demo import mounts
from pomhealth.demo.errors import DemoError
from pomhealth.demo.faults.database import sql
from pomhealth.demo.faults.fault import Fault
from pomhealth.demo.stage import Stage


def _stop(stage: Stage) -> str:
    stage.postgres.stop("fast")
    return f"stopped PostgreSQL: nothing listens on 127.0.0.1:{stage.postgres.port} any more"


def _start(stage: Stage) -> str:
    stage.postgres.start()
    return f"started PostgreSQL again on 127.0.0.1:{stage.postgres.port}"


def _hang(stage: Stage) -> str:
    pids = stage.postgres.hang()
    if not pids:
        raise DemoError("PostgreSQL does not run; start it again with: pomhealth demo --heal postgres")
    return f"sent SIGSTOP to PostgreSQL's {len(pids)} processes (postmaster {pids[0]}): connections stay, answers do not come"


def _resume(stage: Stage) -> str:
    stage.postgres.resume()
    return "sent SIGCONT to PostgreSQL's processes"


def _read_only(stage: Stage) -> str:
    sql(stage, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
    return "set default_transaction_read_only = on: PostgreSQL answers, and refuses every write"


def _writable(stage: Stage) -> str:
    sql(stage, "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
    return "reset default_transaction_read_only"


def _rename_schema(stage: Stage) -> str:
    sql(stage, "ALTER SCHEMA pomerium RENAME TO pomerium_away")
    return "renamed the schema pomerium to pomerium_away, as a restore into the wrong database leaves it"


def _schema_back(stage: Stage) -> str:
    away = sql(stage, "SELECT 1 FROM pg_namespace WHERE nspname = 'pomerium_away'")
    if away:  # a restart since then has made an empty one
        sql(stage, "DROP SCHEMA IF EXISTS pomerium CASCADE", "ALTER SCHEMA pomerium_away RENAME TO pomerium")
    return "renamed the schema back to pomerium"


def _in_memory(stage: Stage) -> str:
    stage.replica.rewrite(databroker_storage_type="memory", databroker_storage_connection_string=None)
    stage.replica.restart()
    return "set databroker_storage_type: memory and restarted the replica: sessions now end with it"


def _in_postgres(stage: Stage) -> str:
    stage.replica.rewrite(
        databroker_storage_type="postgres", databroker_storage_connection_string=stage.replica.dsn
    )
    stage.replica.restart()
    return "set databroker_storage_type: postgres again and restarted the replica"


def _cache_read_only(stage: Stage) -> str:
    return f"made the cache directory read-only: {mounts.make_read_only(stage.replica.cache_dir)}"


def _cache_writable(stage: Stage) -> str:
    mounts.make_writable(stage.replica.cache_dir)
    return f"made {stage.replica.cache_dir} writable again"


def _stop_listening(stage: Stage) -> str:
    os.kill(stage.replica.pid, signal.SIGUSR1)
    return "ended the session that listens for changes, as behind a pooler that carries no notification; told within a minute"


def _listen(stage: Stage) -> str:
    os.kill(stage.replica.pid, signal.SIGUSR2)
    return "the replica listens for changes again"


def _keep_old_rows(stage: Stage) -> str:
    sql(
        stage,
        "CREATE OR REPLACE RULE kept AS ON DELETE TO pomerium.services DO INSTEAD NOTHING",
        "INSERT INTO pomerium.services (kind, endpoint, expires_at)"
        " VALUES ('PROMETHEUS_METRICS', 'http://gone.invalid:9090/metrics', now() - interval '1 hour')"
        " ON CONFLICT DO NOTHING",
    )
    return "made a rule by which rows of pomerium.services are never deleted, and an old one; told within a minute"


def _sweep_again(stage: Stage) -> str:
    sql(
        stage,
        "DROP RULE IF EXISTS kept ON pomerium.services",
        "DELETE FROM pomerium.services WHERE expires_at < now()",
    )
    return "took the rule away, and the old row"


# Root's directories are made read-only by a mount, which nobody can write through, others' by their mode.
_READ_ONLY = "read-only" if os.geteuid() == 0 else "not-writable"

FAULTS = (
    Fault(
        "postgres-stop",
        "PostgreSQL is stopped",
        "storage.backend",
        "refused",
        True,
        _stop,
        _start,
        ends="postgres",
    ),
    Fault(
        "postgres-hang",
        "PostgreSQL is hung (SIGSTOP)",
        "storage.backend",
        "timeout",
        True,
        _hang,
        _resume,
        seen="silence",
    ),
    Fault(
        "postgres-read-only",
        "PostgreSQL refuses writes",
        "storage.backend",
        "read-only",
        True,
        _read_only,
        _writable,
        seen="look",
    ),
    Fault(
        "schema-gone",
        "Pomerium's schema is renamed away",
        "storage.backend",
        "schema-missing",
        True,
        _rename_schema,
        _schema_back,
        seen="look",
    ),
    Fault(
        "listener-gone",
        "the replica's session that listens for changes is gone",
        "storage.backend.notifications",
        "not-listening",
        False,
        _stop_listening,
        _listen,
        seen="minute",
    ),
    Fault(
        "cleanup-overdue",
        "old rows in PostgreSQL are not swept",
        "storage.backend.cleanup",
        "overdue",
        False,
        _keep_old_rows,
        _sweep_again,
        seen="minute",
    ),
    Fault(
        "in-memory",
        "the replica keeps its storage in memory",
        "persistent_backend",
        "in-memory",
        False,
        _in_memory,
        _in_postgres,
        file=True,
    ),
    Fault(
        "cache-read-only",
        "the cache directory is read-only",
        "zero.bootstrap-config.save",
        _READ_ONLY,
        False,
        _cache_read_only,
        _cache_writable,
    ),
)
