"""What the registry is asked, in SQL. Pure.

Every name stands with its schema: a session's search path decides nothing. All times are the database's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pomhealth.cluster.model import BEAT, STALE, Account
from pomhealth.cluster.registry.rows import certificates_written, written
from pomhealth.cluster.registry.schema import CHANNEL, LOCK
from pomhealth.cluster.registry.sql import Ask

KEPT_DAYS = 30  # for which the row of a silent replica is kept
PAGE = 100  # rows in one answer: it takes the agent some milliseconds to read them
LONGEST = 200_000  # characters of an account that are fetched: what an agent writes is far less
QUIET = 2.5 * BEAT  # seconds of silence from which on a row is asked for among many

_MS = 1000
# Statements that nobody waits for any more must end; what is lost in a crash of the server is written anew.
SETTINGS = (
    Ask("SET standard_conforming_strings = on"),
    Ask("SET search_path = pg_catalog"),
    Ask("SET synchronous_commit = off"),
    Ask(f"SET statement_timeout = {3 * _MS}"),
    Ask(f"SET lock_timeout = {1 * _MS}"),
    Ask(f"SET idle_in_transaction_session_timeout = {10 * _MS}"),
    Ask("SET extra_float_digits = 1"),
    Ask(
        "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'"
    ),  # PostgreSQL 14 and newer
)
LISTEN = Ask(f"LISTEN {CHANNEL}")
PID = Ask("SELECT pg_backend_pid()")
STEP = Ask("SELECT step, least FROM pomhealth.steps ORDER BY step DESC LIMIT 1")
WHOLE = Ask(
    "SELECT bool_and(to_regclass('pomhealth.' || name) IS NOT NULL) "
    "FROM unnest(ARRAY['replicas', 'accounts', 'cluster', 'leases']) AS name"
)
MAKING = (Ask("BEGIN"), Ask(f"SELECT pg_advisory_xact_lock({LOCK})"))
MADE = Ask("COMMIT")
UNDO = Ask("ROLLBACK")
ANY_STEP = Ask("SELECT to_regclass('pomhealth.steps') IS NOT NULL")

_NOW = "date_part('epoch', now())"
_COLUMNS = (
    f"id, left(account::text, {LONGEST}), date_part('epoch', first_seen), date_part('epoch', last_seen), stopped, revision, "
    "date_part('epoch', config_since), date_part('epoch', version_since), date_part('epoch', certificates_since), "
    "host(peer)"
)
_FACTS = "config, version, digest"
_CHANGED = """\
config = CASE WHEN {0} = '' THEN r.config ELSE {0} END,
config_since = CASE WHEN {0} IN ('', r.config) THEN r.config_since ELSE now() END,
version = CASE WHEN {1} = '' THEN r.version ELSE {1} END,
version_since = CASE WHEN {1} IN ('', r.version) THEN r.version_since ELSE now() END,
digest = CASE WHEN {2} = '' THEN r.digest ELSE {2} END,
certificates_since = CASE WHEN {2} IN ('', r.digest) THEN r.certificates_since ELSE now() END,
revision = r.revision + 1, last_seen = now(), stopped = false"""
_TOLD = (
    "told AS (INSERT INTO pomhealth.accounts AS a (id, account, certificates) "  # noqa: S608  (of constants)
    "SELECT id, {3}::jsonb, {4}::jsonb FROM written "
    "ON CONFLICT (id) DO UPDATE SET account = excluded.account, certificates = excluded.certificates) "
    f"SELECT {_NOW}, revision FROM written"
)


def _values(account: Account) -> tuple[str, ...]:
    return (
        account.config,
        account.pomerium,
        account.certificates_digest,
        written(account),
        certificates_written(account),
    )


def claim(id_: str, run: str, mark: str, account: Account) -> Ask:
    """Takes the row: gives the time and the revision, or no row where another living agent has it."""
    return Ask(
        f"WITH written AS (INSERT INTO pomhealth.replicas AS r ({_FACTS}, id, run, mark) "  # noqa: S608  (of constants)
        "VALUES ({0}, {1}, {2}, {5}, {6}, {7}) "
        f"ON CONFLICT (id) DO UPDATE SET {_CHANGED}, run = {{6}}, mark = {{7}}, peer = inet_client_addr() "
        f"WHERE r.run = {{6}} OR r.mark = {{7}} OR r.stopped OR r.last_seen < now() - interval '{STALE:g} s' "
        f"RETURNING id, revision), {_TOLD}",
        (*_values(account), id_, run, mark),
    )


def write(id_: str, run: str, account: Account) -> Ask:
    """Writes the row anew; no row comes back where it is no longer ours."""
    return Ask(
        f"WITH written AS (UPDATE pomhealth.replicas AS r SET {_CHANGED} WHERE r.id = {{5}} AND r.run = {{6}} "  # noqa: S608  (as above)
        f"RETURNING id, revision), {_TOLD}",
        (*_values(account), id_, run),
    )


def beat(id_: str, run: str) -> Ask:
    """A sign of life; no row comes back where the row is no longer ours. The revision is 0 where it does not say any more
    what was written: somebody set it to stopped, or took away what it tells.
    """
    return Ask(
        "UPDATE pomhealth.replicas SET last_seen = now() WHERE id = {0} AND run = {1} "  # noqa: S608  (as above)
        f"RETURNING {_NOW}, CASE WHEN NOT stopped AND EXISTS (SELECT 1 FROM pomhealth.accounts WHERE id = {{0}}) "
        "THEN revision ELSE 0 END",
        (id_, run),
    )


def leave(id_: str, run: str) -> tuple[Ask, ...]:
    """Says that this agent stops."""
    return (
        Ask(
            "UPDATE pomhealth.replicas SET stopped = true, last_seen = now(), revision = revision + 1 "
            "WHERE id = {0} AND run = {1}",
            (id_, run),
        ),
        tell(id_),
    )


def tell(what: str) -> Ask:
    """Has the other agents look at a replica's row, or at the leases."""
    return Ask(f"SELECT pg_notify('{CHANNEL}', {{0}})", (what,))


def owner(id_: str) -> Ask:
    """Who has this row: the run, the mark and the last sign of life."""
    return Ask(
        "SELECT run, mark, date_part('epoch', last_seen) FROM pomhealth.replicas WHERE id = {0}", (id_,)
    )


def load(after: str) -> Ask:
    """A page of all rows, by their ids; `after` is the last id of the page before."""
    return Ask(
        f"SELECT {_COLUMNS} FROM pomhealth.cluster WHERE id > {{0}} "  # noqa: S608  (as above)
        f"AND last_seen > now() - interval '{KEPT_DAYS} days' ORDER BY id LIMIT {PAGE}",
        (after or "00000000-0000-0000-0000-000000000000",),
    )


def fetch(ids: Sequence[str]) -> Ask:
    """The rows with these ids."""
    return Ask(f"SELECT {_COLUMNS} FROM pomhealth.cluster WHERE id IN ({_slots(ids)})", tuple(ids))  # noqa: S608  (as above)


def certificates(ids: Sequence[str]) -> Ask:
    """The certificates of the rows with these ids."""
    return Ask(
        f"SELECT id, left(certificates::text, {LONGEST}) FROM pomhealth.accounts WHERE id IN ({_slots(ids)})",  # noqa: S608  (as above)
        tuple(ids),
    )


def signs(*, everybody: bool) -> Ask:
    """Signs of life: id, last one, revision, whether it stopped; of everybody, or of those that are silent.

    A sign from the future is silence too: the server's clock was set back since.
    The moment is worked out once, in a query of its own, and not for every row.
    """
    silent = (
        ""
        if everybody
        else f"(last_seen < (SELECT now() - interval '{QUIET:g} s') OR last_seen > (SELECT now() + interval '{BEAT:g} s')) AND "
    )
    return Ask(
        "SELECT id, date_part('epoch', last_seen), revision, stopped FROM pomhealth.replicas "  # noqa: S608  (as above)
        f"WHERE {silent}last_seen > (SELECT now() - interval '{KEPT_DAYS} days')"
    )


NOW = Ask(f"SELECT {_NOW}")
LEASE = Ask(
    "SELECT holder, date_part('epoch', until), process FROM pomhealth.leases "
    "WHERE name = 'rollout' AND until > now()"
)
SWEEP = Ask(  # it waits for nobody: two agents that sweep each other's rows would for ever
    "DELETE FROM pomhealth.replicas WHERE id IN (SELECT id FROM pomhealth.replicas "  # noqa: S608  (as above)
    f"WHERE last_seen < now() - interval '{KEPT_DAYS} days' FOR UPDATE SKIP LOCKED)"
)


def _slots(ids: Iterable[str]) -> str:
    return ",".join(f"{{{place}}}" for place, _ in enumerate(ids))
