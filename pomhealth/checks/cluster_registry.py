"""Can the registry of the cluster be used, in which every agent has its row?"""

from __future__ import annotations

from dataclasses import replace

from pomhealth.catalogue import catalogue
from pomhealth.checks import storage_backend
from pomhealth.checks.across import lacking
from pomhealth.checks.context import Context
from pomhealth.clock import steady
from pomhealth.cluster.model import Roster, Trouble
from pomhealth.status import Evidence, Finding, Outcome, Unobservable, blocked, passed, unseen, warned

ID = "cluster_registry"

PATIENCE = 3.0  # seconds for a session that was lost, or is still to come: it is tried several times
_OTHER = "refused"  # the cause of what the catalogue has no word for


async def look(context: Context) -> Finding:
    roster = context.roster()
    if roster.trouble is not None:
        return await _troubled(context, roster, roster.trouble)
    context.notes.keep(ID, None)
    lacks = lacking(context, roster)
    if lacks is not None:
        return lacks
    rows = len(roster.members)
    return passed(f"the registry is read and written: it has {rows} row{'' if rows == 1 else 's'}")


async def _troubled(context: Context, roster: Roster, trouble: Trouble) -> Finding:
    began: float | None = context.notes.recall(ID)
    now = steady()
    if began is None:
        context.notes.keep(ID, now)
    left = PATIENCE - (now - (now if began is None else began))
    if left > 0.0:
        trying = unseen(f"the registry is being tried again: {trouble.why}")
        return replace(trying, early=roster.at <= 0.0, again=left)
    root = await _root(context)
    if root:
        return blocked(root, f"the registry is kept in the replica's own storage: {trouble.why}")
    known = catalogue().checks[ID].causes
    return warned(
        trouble.cause if trouble.cause in known else _OTHER,
        f"the cluster view is incomplete: {trouble.why}",
        Evidence("the registry of the cluster", trouble.why, "a session that reads and writes"),
        steps=trouble.steps,
    )


async def _root(context: Context) -> str:
    """The check that tells why, where the registry is kept in the replica's own storage; "" where there is none."""
    if context.settings.cluster_dsn or context.settings.cluster_dsn_file:
        return ""
    if context.replica.awaited:
        return "pomerium.process"
    try:
        found = await storage_backend.look(context)
    except Unobservable:
        return ""
    return storage_backend.ID if found.outcome is Outcome.FAIL else ""
