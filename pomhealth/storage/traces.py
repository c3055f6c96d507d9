"""What the replicas of a cluster leave in their PostgreSQL for others to see: sessions, rows with a time. Pure.

Each replica with a databroker (0.30 to 0.33) holds one session that listens for changes, deletes expired rows of
`services` every 15 s, and old ones of `record_changes` every minute, but for the newest. One with `metrics_address`
renews a row of `services` every 15 s. What a row's endpoint says is not asked for: it may hold a password.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from pomhealth.storage import questions
from pomhealth.storage.answer import Answer
from pomhealth.storage.trouble import Failed, silence

SWEPT_AFTER = (
    120.0  # seconds for which an expired service may stand: a sweep each 15 s, each minute after an error
)
_TOO_LONG = "57014"  # SQLSTATE of a statement that the server ended
NAME = "pomhealth"  # what our own sessions are called

# One round trip; while it lasts nothing else is asked, so the server ends what takes long.
_LIMITS = "SET LOCAL lock_timeout='100ms';SET LOCAL statement_timeout='150ms';"
_SESSIONS = (
    "SELECT pg_backend_pid(),extract(epoch FROM now()-pg_postmaster_start_time()),"  # noqa: S608  (of constants)
    "current_setting('track_activities'),count(*) FILTER (WHERE listens),"
    "count(*) FILTER (WHERE listens AND near),count(*) FILTER (WHERE near),"
    "coalesce(json_agg(DISTINCT name) FILTER (WHERE hidden),'[]') FROM (SELECT application_name AS name,"
    "query ~* '^listen pomerium_(service|record)_change' AS listens,"
    "query = '<insufficient privilege>' AS hidden,"
    "client_addr IS NOT DISTINCT FROM inet_client_addr() AND usename = session_user AS near "
    "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    f"AND application_name <> '{NAME}') AS s;"
)
_SERVICES = (
    "SELECT count(*) FILTER (WHERE kind = 'PROMETHEUS_METRICS' AND expires_at > now()),"  # noqa: S608
    f"count(*) FILTER (WHERE expires_at < now() - interval '{SWEPT_AFTER:g} s'),"
    "coalesce(extract(epoch FROM now()-min(expires_at)),0) "
    "FROM (SELECT kind,expires_at FROM pomerium.services LIMIT 10000) AS s;"
)
_CHANGES = (  # by the index on modified_at: a row or two, and those that were deleted and are not vacuumed yet
    "SELECT extract(epoch FROM now()-modified_at) FROM pomerium.record_changes "
    "WHERE version < (SELECT max(version) FROM pomerium.record_changes) ORDER BY modified_at LIMIT 1"
)
_LEASES = "SELECT count(*) FROM pomerium.leases WHERE expires_at > now();"
LOOK = _LIMITS + _SESSIONS + _SERVICES + _LEASES + _CHANGES


@dataclass(frozen=True, slots=True)
class Traces:
    """What one look showed. Ages are in seconds, by the server's clock.

    `listening` sessions wait for changes, `listening_here` of them come from our own address and role, as `here` of
    all sessions do; `hidden` are the names of sessions whose query our role may not see, and `tracked` is false where
    the server shows none. `pooled` when a pooler stands between. `up` is the server's age, `back` the time since
    our own connection came back after it was gone for `gone`. `announced` services are not expired, `expired` ones should have been swept, the
    oldest of all expired `expired_for` ago. `leases` is how many are held, `oldest_change` the age of the oldest change but the newest (0: there
    is none, None: it was not found in time). `stepped` is the time since the server's clock was set forward.
    """

    where: str
    pooled: bool
    back: float
    gone: float
    up: float
    tracked: bool
    listening: int
    listening_here: int
    here: int
    hidden: tuple[str, ...]
    announced: int
    expired: int
    expired_for: float
    leases: int
    oldest_change: float | None
    stepped: float = math.inf


def read(answer: Answer) -> Traces:
    """The traces in the answers to LOOK. Raises Failed with what the server says instead."""
    sessions, services, leases, changes = (questions.row(answer.results, place) for place in range(2, 6))
    trouble = questions.error(answer.results)
    if sessions is None or services is None or leases is None:
        raise Failed(trouble or silence("an answer is missing"))
    if trouble is not None and trouble.state != _TOO_LONG:
        raise Failed(trouble)
    oldest = float(changes[0]) if changes else None if trouble else 0.0
    pid, up, tracking, listening, listening_here, here, hidden = sessions
    announced, expired, expired_for = services
    return Traces(
        where=answer.where,
        pooled=int(pid) != answer.backend_pid,
        back=answer.back,
        gone=answer.gone,
        up=float(up),
        tracked=tracking == "on",
        listening=int(listening),
        listening_here=int(listening_here),
        here=int(here),
        hidden=tuple(json.loads(hidden)),
        announced=int(announced),
        expired=int(expired),
        expired_for=float(expired_for),
        leases=int(leases[0]),
        oldest_change=oldest,
    )
