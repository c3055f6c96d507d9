"""Does the storage backend do what Pomerium needs of it?

PostgreSQL is asked on one connection of our own that stays open: one round trip a look, nothing written.
"""

from __future__ import annotations

from pomhealth.checks import going, traces
from pomhealth.checks.context import Context
from pomhealth.reach import Silent
from pomhealth.replica.model import Storage
from pomhealth.replica.paths import resolve
from pomhealth.status import Evidence, Finding, failed, passed, unseen
from pomhealth.storage import access, filestore, verdict
from pomhealth.storage.connstring import BadDsn
from pomhealth.storage.trouble import Failed

ID = "storage.backend"

_DEADLINE = 0.5  # seconds; two silent looks in a row must fit into 2.5 s


async def look(context: Context) -> Finding:
    storage = context.storage
    if storage.kind == "memory":
        return passed(
            "storage is in this process's memory: there is nothing outside that could fail",
            Evidence(storage.origin, "memory", "memory, file or postgres"),
            attributes=(("backend", "in-memory"),),
        )
    return await (_file if storage.kind == "file" else _postgres)(context, storage)


async def _file(context: Context, storage: Storage) -> Finding:
    replica = context.replica
    main = replica.main

    def observe() -> filestore.StoreFacts:
        return filestore.observe(resolve(replica, storage.directory))

    try:
        facts = await context.workers.call("storage", observe, deadline=_DEADLINE)
    except Silent as silence:
        return failed(
            "timeout",
            f"the file system of {storage.directory} does not answer",
            Evidence(storage.directory, silence.why, "an answer"),
            attributes=filestore.ATTRIBUTES,
            silent=True,
        )
    who = access.credentials(main) if main else None
    found = filestore.judge(facts, storage.directory, who, main.pid if main else None)
    if found.cause != "not-writable" or facts.holders:
        return found
    return await going.ending(context, f"nobody holds the store in {storage.directory}") or found


async def _postgres(context: Context, storage: Storage) -> Finding:
    session = await traces.session(context)
    try:
        facts = await session.look(deadline=_DEADLINE)
    except BadDsn as bad:
        return failed(
            "unreachable",
            f"Pomerium cannot read its connection string: {bad}",
            Evidence(storage.origin, str(bad), "postgres://USER:PASSWORD@HOST:PORT/DATABASE"),
            steps=(f"Mend it in {storage.origin}.",),
            attributes=verdict.ATTRIBUTES,
        )
    except Failed as failure:
        if failure.trouble.passing:
            return unseen(f"PostgreSQL is failing over: {failure.trouble.why}")
        if session.target is None:
            return failed(
                failure.trouble.cause,
                f"PostgreSQL could not be asked: {failure.trouble.why}",
                Evidence(storage.origin, failure.trouble.why, "an answer"),
                attributes=verdict.ATTRIBUTES,
                silent=failure.trouble.silent,
            )
        return verdict.trouble(failure.trouble, session.target)
    assert session.target is not None
    if session.promotes(facts):
        return unseen(f"PostgreSQL is failing over: {facts.host} is a standby so far")
    return verdict.judge(facts, session.target, context.replica.release)
