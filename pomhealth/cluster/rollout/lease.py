"""The lease of the rollout, in SQL: taken, taken again, given back. Pure.

It is one row, which stays: whoever wants the lease locks it first and judges then, so that two who ask at once judge
one after the other, each by what holds then.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pomhealth.cluster.model import FORGOTTEN, STALE, Lease
from pomhealth.cluster.registry.rows import LONGEST, lease
from pomhealth.cluster.registry.schema import CHANNEL, LEASES
from pomhealth.cluster.registry.sql import Ask, Row
from pomhealth.cluster.rollout.gate import NAMED, Look, Need, Other

# The session writes without waiting for the disk; a lease that a crash forgets would be given to two.
_FOR_GOOD = Ask("SELECT set_config('synchronous_commit', 'on', true)")
_ROW = Ask(
    "INSERT INTO pomhealth.leases (name, holder, until) VALUES ('rollout', {0}::uuid, '-infinity') "
    "ON CONFLICT (name) DO NOTHING",
    ("00000000-0000-0000-0000-000000000000",),
)
_LOCK = (
    "SELECT 1 FROM pomhealth.leases WHERE name = 'rollout' AND (holder = {0}::uuid OR until <= clock_timestamp()) "
    "FOR UPDATE"
)
_HOST = f"left(coalesce(account->>'host', ''), {LONGEST})"
# Two agents that watch one replica process say the same of it: it counts once, and never as another than one's own.
_TAKE = f"""\
WITH held AS MATERIALIZED (
  SELECT holder, until, process, holder <> {{0}}::uuid AND until > clock_timestamp() AS busy
  FROM pomhealth.leases WHERE name = 'rollout'
), others AS MATERIALIZED (
  SELECT id, coalesce(nullif(account->>'process', ''), id::text) AS who, {_HOST} AS host, last_seen, last_seen < clock_timestamp() - interval '{STALE:g} s' AS silent,
    coalesce(account->'ready' = 'true' AND account->'sound' IS DISTINCT FROM 'false', false) AS ready,
    coalesce(account->'ready' = 'true' AND account->'sound' = 'false', false) AS held,
    coalesce(account->'draining' = 'true', false) AS draining
  FROM pomhealth.cluster
  WHERE id <> {{0}}::uuid AND NOT stopped AND last_seen > clock_timestamp() - interval '{FORGOTTEN:g} s'
    AND account->>'process' IS DISTINCT FROM nullif({{1}}, '') AND NOT (SELECT busy FROM held)
), counted AS MATERIALIZED (
  SELECT count(DISTINCT who) FILTER (WHERE ready AND NOT draining AND NOT silent) AS fit,
    count(*) FILTER (WHERE NOT ready OR draining OR silent) AS unfit
  FROM others
), taken AS (
  UPDATE pomhealth.leases SET holder = {{0}}::uuid, process = {{1}},
    until = clock_timestamp() + {{2}} * interval '1 s'
  FROM counted
  WHERE name = 'rollout' AND NOT (SELECT busy FROM held)
    AND fit >= {{3}} AND (unfit = 0 OR NOT {{4}})
  RETURNING until
)
SELECT extract(epoch FROM clock_timestamp()), (SELECT extract(epoch FROM until) FROM taken),
  busy, holder, extract(epoch FROM until), process,
  (SELECT {_HOST} FROM pomhealth.cluster WHERE id = holder), fit, unfit,
  (SELECT json_agg(json_build_array(id, host, ready, draining, silent, extract(epoch FROM last_seen), held))
   FROM (SELECT * FROM others WHERE NOT ready OR draining OR silent ORDER BY host, id LIMIT {NAMED}) AS named),
  (SELECT count(pg_notify('{CHANNEL}', '{LEASES}')) FROM taken)
FROM held, counted"""  # noqa: S608  (of constants)
_KEEP = """\
UPDATE pomhealth.leases SET holder = {0}::uuid, process = {1}, until = to_timestamp({2})
WHERE name = 'rollout' AND until < to_timestamp({2}) AND to_timestamp({2}) > clock_timestamp()
  AND (holder = {0}::uuid OR until <= clock_timestamp())"""
_HELD = Ask("SELECT holder, extract(epoch FROM until), process FROM pomhealth.leases WHERE name = 'rollout'")
_GIVE_BACK = f"""\
WITH given AS (
  UPDATE pomhealth.leases SET until = '-infinity'
  WHERE name = 'rollout' AND holder = {{0}}::uuid AND until > clock_timestamp() AND process = coalesce({{1}}, process)
  RETURNING 1
)
SELECT pg_notify('{CHANNEL}', '{LEASES}') FROM given"""  # noqa: S608  (as above)


def take(mine: str, process: str, hold: float, needed: Need) -> tuple[Ask, ...]:
    """Takes the lease for so many seconds where nobody else has it and `needed` is met: `look` reads what comes back.

    `mine` is the own id, `process` what runs now. The other agents hear of it where it was taken.
    """
    asked = (mine, process[:LONGEST], hold, needed.least, needed.all)
    return _FOR_GOOD, _ROW, Ask(_LOCK, (mine,)), Ask(_TAKE, asked)


def look(answer: Sequence[Sequence[Row]]) -> Look:
    """What came back for `take`."""
    at, until, busy, holder, ends, process, host, fit, unfit, amiss, _ = answer[-1][0]
    return Look(
        at=float(at or 0.0),
        until=float(until) if until is not None else None,
        busy=lease((holder, ends, process)) if busy == "t" else None,
        host=host or "",
        fit=int(fit or 0),
        unfit=int(unfit or 0),
        amiss=tuple(map(_other, json.loads(amiss or "[]"))),
    )


def keep(mine: str, held: Lease) -> tuple[Ask, ...]:
    """Takes a lease again that was given already, should the database have lost it: `holder` reads what comes back."""
    return _FOR_GOOD, _ROW, Ask(_KEEP, (mine, held.process, held.until)), _HELD


def holder(answer: Sequence[Sequence[Row]]) -> Lease:
    """Who has the lease, after `keep`."""
    return lease(answer[-1][0])


def give_back(mine: str, process: str | None) -> tuple[Ask, ...]:
    """Gives the own lease back, where it was given for this process (None: for any). No row comes back where there is none."""
    return (Ask(_GIVE_BACK, (mine, process)),)


def _other(said: list[Any]) -> Other:
    id_, host, ready, draining, silent, last_seen, held = said
    return Other(
        str(id_), str(host), bool(ready), bool(draining), bool(silent), float(last_seen), held=bool(held)
    )
