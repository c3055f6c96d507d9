"""How many replicas of the cluster are alive: by their agents' rows in its registry, where the cluster view is on.

Else, and beside it, by what they leave in the PostgreSQL that they share: no agent is needed beside the others then. Each replica with a databroker listens there for changes, and one with
`metrics_address` announces itself for half a minute at a time. Neither is certain alone: replicas that give the same
metrics address are one row, and a machine that vanished may leave its session open until TCP gives it up.
"""

from __future__ import annotations

from pomhealth.checks import across
from pomhealth.checks.context import Context
from pomhealth.checks.traces import settling, traces
from pomhealth.cluster.model import Roster
from pomhealth.status import Evidence, Finding, Unobservable, failed, not_applicable, passed, unseen, warned
from pomhealth.storage.traces import Traces

ID = "cluster_active_replicas"

_GRACE = (
    30.0  # seconds after a start: replicas that were cut off come back, and announce themselves each 15 s
)
_WHERE = "sessions that listen, and services announced, in {where}"


async def look(context: Context) -> Finding:
    roster = context.roster()
    waiting = across.settling(context.notes, roster) if roster.wanted else ""
    if not roster.complete:
        return await _by_traces(context)
    return await _by_registry(context, roster, waiting)


async def _by_registry(context: Context, roster: Roster, waiting: str) -> Finding:
    from pomhealth.cluster.judge import alive  # noqa: PLC0415  (loaded only where the cluster view is on)

    runs = not context.replica.awaited
    known = alive.count(roster, runs=runs)
    shared = context.replica.storage is not None and context.replica.storage.kind == "postgres"
    if shared and not known.seen:
        return await _by_traces(context)
    seen = None
    if shared and context.replica.runs("databroker"):
        try:
            seen = await traces(context)
        except Unobservable:
            seen = None  # storage.backend tells of it; the registry is read all the same
    return alive.judge(roster, known, seen, context.settings.expected_replicas, waiting=waiting)


async def _by_traces(context: Context) -> Finding:
    expected = context.settings.expected_replicas
    runs = not context.replica.awaited
    storage = context.storage
    if storage.kind != "postgres":
        return alone(storage.kind, storage.origin, expected, runs=runs)
    if not context.replica.runs("databroker"):
        return not_applicable("this replica runs no databroker: what the cluster shares is not seen from it")
    seen = await traces(context)
    found = judge(seen, expected, runs=runs)
    pending = settling(context, seen, _GRACE) if found.cause == "fewer" else ""
    return unseen(f"the replicas are still to be counted: {pending}") if pending else found


def alone(kind: str, origin: str, expected: int, *, runs: bool) -> Finding:
    """With storage of its own a replica is a cluster of one, as far as can be seen. Pure."""
    if not runs:
        return failed("none", "the replica does not run", Evidence(origin, "no process", "one replica"))
    if expected > 1:
        return unseen(
            f"the other replicas cannot be counted: storage is {kind} ({origin}), and so each has its own"
        )
    return passed("1 replica: its storage is its own", Evidence(origin, kind, f"{kind} for one replica"))


def judge(seen: Traces, expected: int, *, runs: bool) -> Finding:
    """What the shared server tells. `runs` whether this replica does. Pure."""
    low = max(seen.announced, int(runs or seen.leases > 0))
    high = max(seen.announced, seen.listening, low)
    told = Evidence(
        _WHERE.format(where=seen.where),
        f"{seen.listening} listening, {seen.announced} announced, {seen.leases} leases held",
        f"{expected} replicas" if expected else "at least one replica",
    )
    if not high:
        return failed("none", "no replica of the cluster is alive", told)
    if not low:
        return unseen(
            "sessions listen for changes, and yet no replica holds a lease or announces itself", told
        )
    if not seen.listening and (seen.hidden or not seen.tracked or seen.pooled):
        return _in_part(low, expected, told, "the sessions of the others cannot be seen")
    if high < expected:
        count = f"{high} replica{'s' * (high > 1)}"
        return warned("fewer", f"{count} of {expected} {'are' if high > 1 else 'is'} alive", told)
    if seen.announced and low < expected:
        return _in_part(
            low, expected, told, f"{seen.listening} sessions listen, {seen.announced} announce themselves"
        )
    return passed(f"{high} replica{'s are' if high > 1 else ' is'} alive", told)


def _in_part(low: int, expected: int, told: Evidence, why: str) -> Finding:
    if expected and low < expected:
        return unseen(f"whether all {expected} replicas are alive cannot be told: {why}", told)
    return passed(f"at least {low} {'replicas are' if low > 1 else 'replica is'} alive: {why}", told)
