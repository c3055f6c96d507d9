"""Are changes in the storage backend announced to the replica?

Pomerium keeps one session in PostgreSQL that listens, and reports nothing of it (0.31 to 0.33). That the session is
there can be seen; whether what is announced arrives cannot.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pomhealth.checks.context import Context
from pomhealth.checks.traces import settling, traces, traces_of, unshared
from pomhealth.status import Evidence, Finding, Outcome, passed, unseen, warned
from pomhealth.storage.target import ANY, Target
from pomhealth.storage.traces import Traces

ID = "storage.backend.notifications"

_GRACE = 15.0  # seconds after a start: Pomerium listens as soon as it is connected
# Seconds until a second look: a session that ended is opened anew within half a second, and another role's that hides
# what it does may be an administrator's for one statement.
_AGAIN = 1.0
_QUERY = "pg_stat_activity, sessions with the query LISTEN pomerium_service_change"
_POOL = (
    "See how it pools (PgBouncer: `SHOW CONFIG`, pool_mode): Pomerium needs `session`, or a connection string that"
    " leads to the server itself."
)
_GRANT = "GRANT pg_monitor TO {user}"


@dataclass(frozen=True, slots=True)
class Place:
    """From where it was asked. `name` is what the replica's sessions are called, `same` whether we connect as it does."""

    target: Target
    same: bool

    @property
    def name(self) -> str:
        return self.target.parameters.get("application_name", "")


async def look(context: Context) -> Finding:
    apart = unshared(context, "it belongs to this replica alone")
    if apart is not None:
        return apart
    seen, target = await traces_of(context)
    place = Place(target, context.replica.same_network)
    found = _found(context, seen, place)
    if found.outcome is Outcome.PASS:
        return found
    await asyncio.sleep(_AGAIN)
    return _found(context, await traces(context), place)


def _found(context: Context, seen: Traces, place: Place) -> Finding:
    found = judge(seen, place)
    pending = settling(context, seen, _GRACE) if found.cause else ""
    return passed(f"no session listens yet: {pending}") if pending else found


def judge(seen: Traces, place: Place) -> Finding:
    """What the sessions tell. Pure."""
    if seen.listening_here:
        return passed(
            "a session from this replica's address listens for changes",
            Evidence(_QUERY, f"{seen.listening_here} from here, {seen.listening} in all", "one from here"),
        )
    if not seen.tracked:
        return unseen(
            f"what sessions do cannot be seen: track_activities is off in {seen.where}",
            steps=(
                "Turn it on, as the database's administrator: `ALTER DATABASE NAME SET track_activities = on`.",
            ),
        )
    if place.name in seen.hidden:
        grant = _GRANT.format(user=f'"{place.target.user}"')
        return unseen(
            f"what other roles' sessions do cannot be seen as {place.target.user}: {grant}",
            steps=(f"Let the role see them, as the database's administrator: `{grant}`.",),
        )
    if seen.listening and (seen.pooled or not place.same or not seen.here):
        return passed(
            f"{seen.listening} sessions listen for changes; which of them is this replica's cannot be told",
            Evidence(_QUERY, f"{seen.listening}, none from our address", "at least one"),
        )
    if seen.pooled:
        return unseen(
            "a pooler stands between, and no session that listens is to be seen: in transaction mode it carries no"
            " notification",
            Evidence("pg_backend_pid()", "another than the connection's own", "the same, without a pooler"),
            steps=(_POOL,),
        )
    if not seen.listening and len(place.target.hosts) > 1 and place.target.attrs == ANY:
        return unseen(
            f"the connection string names several servers, and the replica may listen on another than {seen.where}"
        )
    whose = "of this replica" if seen.listening else "at all"
    return warned(
        "not-listening",
        f"no session {whose} listens for changes in the database",
        Evidence(_QUERY, f"{seen.listening_here} from here, {seen.listening} in all", "one from here"),
        Evidence(
            seen.where, f"{seen.here} sessions of this replica's role from here", "one of them listening"
        ),
        names=(("HOST", place.target.hosts[0].name), ("PORT", str(place.target.hosts[0].port))),
    )
