"""What keeps the registry from being used, in words that help. Pure."""

from __future__ import annotations

from pomhealth.cluster.model import Trouble
from pomhealth.cluster.registry import schema
from pomhealth.storage.target import Target
from pomhealth.storage.trouble import Trouble as Storage

_AS = {"schema-missing": "refused", "not-writable": "refused"}
_NO_SUCH_DATABASE = "3D000"
_NO_TABLES = ("3F000", "42P01", "42703")


def meaning(trouble: Storage, target: Target | None) -> Trouble:
    """The trouble with the registry's PostgreSQL, as the check cluster_registry tells it."""
    told = target is None or any(host.where in trouble.why for host in target.hosts)
    where = "" if target is None or told else f" ({target.where})"
    cause = _AS.get(trouble.cause, trouble.cause)
    return Trouble(cause, f"{trouble.why}{where}", _steps(trouble, target))


def no_tables(trouble: Trouble) -> bool:
    """Whether it is that the registry's tables are not there, or not there any more."""
    return any(f"(SQLSTATE {state})" in trouble.why for state in _NO_TABLES)


def newer(least: int, target: Target | None) -> Trouble:
    """An agent of a later release has changed the tables beyond what this one knows."""
    where = f" of {target.where}" if target is not None else ""
    return Trouble(
        "newer-schema",
        f"the registry{where} asks for agents that know step {least} of its tables; this one knows {len(schema.STEPS)}",
        ("Upgrade pomhealth on this replica to the release of the others.",),
    )


def _steps(trouble: Storage, target: Target | None) -> tuple[str, ...]:
    if target is None:
        return ()
    if trouble.cause == "permission-denied":
        making = schema.to_make(target.user, target.database)
        rights = "; ".join(schema.grants(target.user))
        return (
            f"Give its role what it needs, as a superuser of {target.database}: `{rights};`",
            f"If the schema is not there yet, let the agent make it, once: `{making};` (or make it by hand: pomhealth generate registry).",
        )
    if trouble.state == _NO_SUCH_DATABASE:
        name = target.database.replace('"', '""')
        owner = target.user.replace('"', '""')
        return (f'Make the database: `CREATE DATABASE "{name}" OWNER "{owner}";`',)
    return ()
