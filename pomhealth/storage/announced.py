"""Which replicas show in the PostgreSQL that they share: where they announce their metrics, from where they listen. Pure.

An announced endpoint may hold a user and a password: they are cut off by the server, and never come here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pomhealth.storage import questions
from pomhealth.storage.answer import Answer
from pomhealth.storage.traces import NAME
from pomhealth.storage.trouble import Failed, silence

_MOST = 5000  # rows that are looked at, and addresses that are told

# One round trip; while it lasts nothing else is asked, so the server ends what takes long.
_LIMITS = "SET LOCAL lock_timeout='100ms';SET LOCAL statement_timeout='150ms';"
_LISTENING = (
    "SELECT pg_backend_pid(),coalesce(json_object_agg(address,count),'{}') FROM ("  # noqa: S608  (of constants)
    "SELECT coalesce(host(client_addr),'') AS address,count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() "
    f"AND application_name <> '{NAME}' AND query ~* '^listen pomerium_(service|record)_change' "
    f"GROUP BY 1 ORDER BY 1 LIMIT {_MOST}) AS s;"
)
# What stands after the last @, or after the scheme where there is none, is HOST:PORT, or it is not told.
_ENDPOINTS = (
    "SELECT coalesce(json_agg(DISTINCT place) FILTER (WHERE place IS NOT NULL),'[]') FROM ("  # noqa: S608  (of constants)
    "SELECT substring(regexp_replace(endpoint,'^(.*@|[A-Za-z]+://)','') "
    r"FROM '^((?:\[[0-9A-Fa-f:.%]{2,60}\]|[0-9A-Za-z._-]{1,253}):[0-9]{1,5})(?:/|$)') AS place "
    "FROM pomerium.services WHERE kind = 'PROMETHEUS_METRICS' AND expires_at > now() "
    f"AND length(endpoint) < 2000 ORDER BY endpoint LIMIT {_MOST}) AS s"
)
ASK = _LIMITS + _LISTENING + _ENDPOINTS


@dataclass(frozen=True, slots=True)
class Announced:
    """What one look showed: the `endpoints` (HOST:PORT) under which metrics are announced, and how many sessions listen
    for changes from each address ("" for the server's own Unix socket). `pooled` when a pooler stands between.
    """

    endpoints: tuple[str, ...] = ()
    listening: Mapping[str, int] | None = None
    pooled: bool = False


def read(answer: Answer) -> Announced:
    """What the answers to ASK show. Raises Failed with what the server says instead."""
    sessions, endpoints = (questions.row(answer.results, place) for place in (2, 3))
    if sessions is None or endpoints is None:
        raise Failed(questions.error(answer.results) or silence("an answer is missing"))
    pid, listening = sessions
    return Announced(
        endpoints=tuple(json.loads(endpoints[0])),
        listening={str(address): int(count) for address, count in json.loads(listening).items()},
        pooled=int(pid) != answer.backend_pid,
    )
