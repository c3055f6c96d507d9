"""The registry's tables, how they come to be, and the rights that their use needs. Pure.

A sign of life writes one short tuple anew in its own page: what is long has a table of its own, no index holds what
changes, and half of each page is left free (PostgreSQL's documentation, heap-only tuples). The view `cluster` has both
together. Older agents go on working beside newer ones: a step adds, and `least` says from which step on an
agent must know of it. Whatever is there already is left as it is: where somebody has dropped a table, all steps are taken
again.
"""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA = "pomhealth"
CHANNEL = "pomhealth"  # of LISTEN and NOTIFY; the payload is the id of a replica whose row was written, or:
LEASES = "leases"  # a lease was taken or given back
LOCK = 7_350_423_619_001  # of pg_advisory_xact_lock: one agent at a time makes the tables


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the tables' growth. An agent that knows `least` steps can work with the tables after this one."""

    statements: tuple[str, ...]
    least: int


STEPS = (
    Step(
        (
            """\
CREATE TABLE IF NOT EXISTS pomhealth.replicas (
  id uuid PRIMARY KEY,
  run uuid NOT NULL,
  mark text NOT NULL,
  revision bigint NOT NULL DEFAULT 1,
  stopped boolean NOT NULL DEFAULT false,
  first_seen timestamptz NOT NULL DEFAULT now(),
  last_seen timestamptz NOT NULL DEFAULT now(),
  config text NOT NULL DEFAULT '',
  version text NOT NULL DEFAULT '',
  digest text NOT NULL DEFAULT '',
  config_since timestamptz NOT NULL DEFAULT now(),
  version_since timestamptz NOT NULL DEFAULT now(),
  certificates_since timestamptz NOT NULL DEFAULT now(),
  peer inet DEFAULT inet_client_addr()
) WITH (fillfactor = 50)""",
            """\
CREATE TABLE IF NOT EXISTS pomhealth.accounts (
  id uuid PRIMARY KEY REFERENCES pomhealth.replicas ON DELETE CASCADE,
  account jsonb NOT NULL,
  certificates jsonb NOT NULL
) WITH (fillfactor = 50)""",
            """\
CREATE OR REPLACE VIEW pomhealth.cluster AS
  SELECT r.*, a.account, a.certificates FROM pomhealth.replicas AS r JOIN pomhealth.accounts AS a USING (id)""",
            """\
CREATE TABLE IF NOT EXISTS pomhealth.leases (
  name text PRIMARY KEY,
  holder uuid NOT NULL,
  until timestamptz NOT NULL,
  process text NOT NULL DEFAULT ''
) WITH (fillfactor = 50)""",
        ),
        least=1,
    ),
)

BEGIN = (
    "CREATE SCHEMA IF NOT EXISTS pomhealth",
    """\
CREATE TABLE IF NOT EXISTS pomhealth.steps (
  step integer PRIMARY KEY,
  least integer NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
)""",
)


def taken(step: int) -> str:
    """The statement that notes a step, the first being 1."""
    return f"INSERT INTO pomhealth.steps (step, least) VALUES ({step}, {STEPS[step - 1].least}) ON CONFLICT DO NOTHING"  # noqa: S608  (of constants)


def whole() -> tuple[str, ...]:
    """Every statement that makes the tables where there are none, for whoever makes them by hand."""
    steps = (statement for step, one in enumerate(STEPS, 1) for statement in (*one.statements, taken(step)))
    return (*BEGIN, *steps)


def grants(role: str) -> tuple[str, ...]:
    """What an agent's role needs where somebody else made the tables; `role` is quoted as an identifier."""
    who = '"' + role.replace('"', '""') + '"'
    return (
        f"GRANT USAGE ON SCHEMA pomhealth TO {who}",
        f"GRANT SELECT ON pomhealth.steps, pomhealth.cluster TO {who}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON pomhealth.replicas, pomhealth.accounts, pomhealth.leases TO {who}",
    )


def to_make(role: str, database: str) -> str:
    """What an agent's role needs to make the tables itself."""
    names = (name.replace('"', '""') for name in (database, role))
    return 'GRANT CREATE ON DATABASE "{}" TO "{}"'.format(*names)
