"""What the shared PostgreSQL shows of its replicas, asked once for all checks that learn from it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from pomhealth.checks.context import Context
from pomhealth.checks.notes import Notes
from pomhealth.clock import steady
from pomhealth.reach import Silent
from pomhealth.replica import processes
from pomhealth.status import Finding, Unobservable, not_applicable
from pomhealth.storage.connstring import BadDsn
from pomhealth.storage.target import Target
from pomhealth.storage.traces import LOOK, Traces, read
from pomhealth.storage.trouble import Failed

if TYPE_CHECKING:
    from pomhealth.storage.session import PostgresSession

_DEADLINE = 0.4  # seconds for the answers: what asks every second must find its turn again
_CLOCK = "clock of the server"
_STEP = 10.0  # seconds that the server's clock must gain on ours between two looks: more than a look takes
_FRESH = 0.5  # seconds for which one answer serves all
_LONGEST = (
    90.0  # seconds between two of Pomerium's tries to connect, at most: it waits longer the longer they fail
)


async def traces(context: Context) -> Traces:
    """Asks, or gives what another check has just been told. Raises Unobservable where nobody can be asked."""
    seen, _ = await context.notes.shared("storage traces", lambda: _ask(context), fresh=_FRESH)
    return seen


async def traces_of(context: Context) -> tuple[Traces, Target]:
    """The traces, and the server that they are of. Raises Unobservable."""
    seen = await traces(context)
    target = (await session(context)).target
    assert target is not None  # it was asked just now
    return seen, target


def unshared(context: Context, alone: str) -> Finding | None:
    """That this replica shares no PostgreSQL with others, where that is so; `alone` is what follows, in a clause."""
    kind = context.storage.kind
    if kind != "postgres":
        return not_applicable(f"storage is {kind}: {alone}")
    if not context.replica.runs("databroker"):
        return not_applicable("this replica runs no databroker, and so has no storage of its own")
    return None


async def session(context: Context) -> PostgresSession:
    """The session with the replica's PostgreSQL. Raises Unobservable where it cannot be had the replica's way."""
    found = context.postgres
    if found is None:
        lack = context.replica.missing.get("storage", context.storage.origin)
        raise Unobservable("PostgreSQL cannot be asked", lack)
    if context.replica.same_network:
        return found
    try:
        target = await found.read_target(deadline=_DEADLINE)
    except (BadDsn, Silent):
        return found  # asking it will say so
    if not all(host.path for host in target.hosts):  # a socket in the file system needs no network
        lack = context.replica.missing.get("network", "share the replica's network namespace")
        raise Unobservable("PostgreSQL cannot be reached the way the replica reaches it", lack)
    return found


def settling(context: Context, seen: Traces, grace: float) -> str:
    """Why Pomerium may still be on its way to what it does all the time; "" when it had `grace` seconds for it."""
    main = context.replica.main
    if main is not None and processes.age(main) < grace:
        return f"the replica has started {processes.age(main):.0f} s ago"
    if seen.up < grace:
        return f"PostgreSQL has started {seen.up:.0f} s ago"
    if seen.stepped < grace:
        return f"PostgreSQL's clock was set {seen.stepped:.0f} s ago"
    if seen.back < grace + min(seen.gone, _LONGEST):
        return f"PostgreSQL was reached again {seen.back:.0f} s ago"
    return ""


def stepped(notes: Notes, up: float, now: float) -> float:
    """Seconds since the server's clock was seen to gain on ours, infinite where it never was.

    `up` is the server's age by its clock, `now` a moment of ours. All rows grow old at once then.
    """
    ahead = up - now
    before, at = notes.recall(_CLOCK) or (ahead, -math.inf)
    if ahead - before > _STEP:
        at = now
    notes.keep(_CLOCK, (ahead, at))
    return float(now - at)


async def _ask(context: Context) -> Traces:
    reached = await session(context)
    try:
        seen = read(await reached.ask(LOOK, deadline=_DEADLINE))
        return replace(seen, stepped=stepped(context.notes, seen.up, steady()))
    except (Failed, BadDsn) as trouble:
        raise Unobservable(f"PostgreSQL could not be asked: {trouble}") from None
